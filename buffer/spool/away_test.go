package spool

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/buffer"
)

// lines is a log that a test may read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// String returns what was logged.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// TestTenMinutesAwayAtFiveHundredASecond: the log answers nothing for ten minutes under the load of a busy PBX.
func TestTenMinutesAwayAtFiveHundredASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newMemLog()
		inner.delay = 5 * time.Millisecond // of each append
		durable := uint64(0)
		l := mustOpen(t, "spool", inner, Config{FS: newDisk()})
		a := buffer.NewAppender(buffer.AppenderConfig{Log: l, PBX: "hq", Logger: quiet(), OnDurable: func(es []buffer.Entry) {
			for _, e := range es {
				if e.Pos.Seq != durable {
					t.Errorf("%s became durable, want %d", e.Pos, durable)
				}
				durable++
			}
		}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		seq, most := uint64(0), int64(0)
		load := func(d time.Duration) {
			for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
				for range 5 {
					a.Put(entry(1, seq))
					seq++
				}
			}
			most = max(most, l.Stats("hq").Bytes)
		}
		load(time.Second)
		inner.setAway(true)
		load(10 * time.Minute)
		if s := a.Stats(); s.Dropped > 0 || s.Lag > time.Second {
			t.Errorf("after ten minutes got %+v, want nothing dropped and everything durable", s)
		}
		inner.setAway(false)
		back := time.Now()
		for l.Stats("hq").Bytes > 0 { // live entries go on behind the spool
			load(100 * time.Millisecond)
		}
		took := time.Since(back)
		load(time.Second)
		time.Sleep(time.Second)
		stop()
		<-ended
		if took > time.Minute {
			t.Errorf("drained %s after the log was back, want 60 s", took)
		}
		t.Logf("%d entries, %d MiB in the spool, drained in %s", seq, most>>20, took)
		got := inner.all()
		if uint64(len(got)) != seq || durable != seq {
			t.Fatalf("%d entries in the log, %d durable, want %d", len(got), durable, seq)
		}
		for i, e := range got {
			if !equal(e, entry(1, uint64(i))) {
				t.Fatalf("entry %d is %s", i, e.Pos)
			}
		}
	})
}

// TestLogThatLostItsEndMeanwhileIsALoss: the log fails over to a replica that had not got everything
// while entries wait in the spool of a daemon that dies: nobody has the log's end any more.
func TestLogThatLostItsEndMeanwhileIsALoss(t *testing.T) {
	for name, tt := range map[string]struct {
		kept  int // entries that the log has after the failover
		again int // of those that it lost, how many its owner appends again
		want  int // losses
	}{
		"some are lost":           {kept: 6, want: 1},
		"all are lost":            {kept: 0, want: 1},
		"none is lost":            {kept: 10},
		"they are appended again": {kept: 6, again: 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner, d := newMemLog(), newDisk()
				l := mustOpen(t, "spool", inner, Config{FS: d})
				mustAppend(t, l, entries(1, 0, 9))
				inner.setAway(true)
				mustAppend(t, l, entries(1, 10, 14))
				l.stop()
				l.wg.Wait()

				inner.mu.Lock()
				inner.entries["hq"] = inner.entries["hq"][:tt.kept]
				inner.restore = tt.again > 0
				inner.mu.Unlock()
				l = mustOpen(t, "spool", inner, Config{FS: d})
				inner.setAway(false)
				if err := l.Settle(t.Context(), "hq"); err != nil {
					t.Fatal(err)
				}
				losses := l.Losses("hq")
				if len(losses) != tt.want {
					t.Fatalf("losses %+v, want %d", losses, tt.want)
				}
				if tt.want > 0 && !losses[0].To.Equal(entry(1, 10).At) {
					t.Errorf("loss %+v, want one up to %v", losses[0], entry(1, 10).At)
				}
			})
		})
	}
}
