package buffer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// sink is a log in memory that can be away, slow, or take a part.
type sink struct {
	mu     sync.Mutex
	stored []buffer.Entry // guarded by mu
	calls  [][]uint64     // guarded by mu; first and last sequence number of each attempt
	err    error          // guarded by mu; what Append returns
	take   int            // guarded by mu; how many it stores before it returns err
	delay  time.Duration  // of each append
}

func (s *sink) Append(ctx context.Context, _ string, entries []buffer.Entry) (int, error) {
	time.Sleep(s.delay)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, []uint64{entries[0].Pos.Seq, entries[len(entries)-1].Pos.Seq})
	n := len(entries)
	if s.err != nil {
		n = min(n, s.take)
	}
	s.stored = append(s.stored, entries[:n]...)
	return n, s.err
}

func (s *sink) set(err error, take int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.take = err, take
}

func (s *sink) seqs() (got []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.stored {
		got = append(got, e.Pos.Seq)
	}
	return got
}

func (s *sink) attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

func frame(seq uint64) buffer.Entry {
	return buffer.Entry{Pos: crm.Position{Epoch: 1, Seq: seq}, At: time.Now(), Kind: buffer.Frame, Data: []byte("Event: A\r\n\r\n")}
}

// running starts an Appender in the bubble; the returned function stops it and gives Run's error.
func running(t *testing.T, cfg buffer.AppenderConfig) (*buffer.Appender, func() error) {
	t.Helper()
	cfg.PBX = "hq"
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	a := buffer.NewAppender(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return a, func() error {
		cancel()
		return <-done
	}
}

func wantRange(t *testing.T, got []uint64, from, until uint64) {
	t.Helper()
	for i, seq := range got {
		if seq != from+uint64(i) {
			t.Fatalf("entry %d is %d, want %d", i, seq, from+uint64(i))
		}
	}
	if uint64(len(got)) != until+1-from {
		t.Fatalf("got %d entries, want %d", len(got), until+1-from)
	}
}

func TestAppenderFillsABatchOrWaitsForItTheLongerTheMoreComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		a, stop := running(t, buffer.AppenderConfig{Log: s})
		next := uint64(0)
		put := func(n int) {
			for range n {
				a.Put(frame(next))
				next++
			}
			synctest.Wait()
		}
		storedAfter := func(wait time.Duration, before, after uint64) {
			t.Helper()
			time.Sleep(wait - 1)
			synctest.Wait()
			wantRange(t, s.seqs(), 0, before)
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			wantRange(t, s.seqs(), 0, after)
		}
		put(256)
		wantRange(t, s.seqs(), 0, 255) // at once
		put(15)
		storedAfter(20*time.Millisecond, 255, 270) // the batch before was large
		put(16)
		storedAfter(5*time.Millisecond, 270, 286) // that one was not
		put(1)
		storedAfter(20*time.Millisecond, 286, 287)
		put(1)
		storedAfter(5*time.Millisecond, 287, 288)
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want context.Canceled", err)
		}
		if a.Put(frame(next)) {
			t.Error("Put was accepted after Run had ended")
		}
	})
}

func TestAppenderHoldsOutWhileTheLogIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var durable []uint64
		s := &sink{}
		s.set(fmt.Errorf("dial: %w", buffer.ErrUnavailable), 0)
		a, stop := running(t, buffer.AppenderConfig{
			Log: s, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			OnDurable: func(es []buffer.Entry) {
				for _, e := range es {
					durable = append(durable, e.Pos.Seq)
				}
			},
		})
		for seq := range uint64(1200) { // for ten minutes, two a second
			a.Put(frame(seq))
			time.Sleep(500 * time.Millisecond)
		}
		if got := s.attempts(); got < 600/5 || got > 600/2 {
			t.Errorf("got %d attempts in ten minutes, want one every 2.5 to 5 s", got)
		}
		if st := a.Stats(); st.Queued != 1200 || st.Lag < 10*time.Minute || st.Dropped != 0 || st.Bytes < 1200*12 {
			t.Errorf("got stats %+v", st)
		}
		s.set(nil, 0)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		wantRange(t, s.seqs(), 0, 1199)
		if st := a.Stats(); st != (buffer.AppenderStats{}) {
			t.Errorf("got stats %+v, want nothing queued", st)
		}
		_ = stop()
		wantRange(t, durable, 0, 1199)
		if got := strings.Count(log.String(), "\n"); got != 2 {
			t.Errorf("logged %d lines for one outage, want its begin and its end:\n%s", got, log.String())
		}
	})
}

func TestAppenderRepeatsTheSameBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.set(buffer.ErrUnavailable, 0)
		a, stop := running(t, buffer.AppenderConfig{Log: s})
		a.Put(frame(1))
		time.Sleep(10 * time.Millisecond) // tried once
		a.Put(frame(2))
		a.Put(frame(3))
		time.Sleep(time.Second)
		synctest.Wait()
		s.mu.Lock()
		for _, c := range s.calls {
			if c[0] != 1 || c[1] != 1 {
				t.Errorf("an attempt appended %d to %d, want 1 alone again", c[0], c[1])
			}
		}
		s.mu.Unlock()
		s.set(nil, 0)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		wantRange(t, s.seqs(), 1, 3)
		_ = stop()
	})
}

func TestAppenderGoesOnAfterAPrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		durable := 0
		s := &sink{}
		s.set(buffer.ErrUnavailable, 3)
		a, stop := running(t, buffer.AppenderConfig{Log: s, OnDurable: func(es []buffer.Entry) { durable += len(es) }})
		for seq := range uint64(10) {
			a.Put(frame(seq))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		wantRange(t, s.seqs(), 0, 9)
		if _ = stop(); durable != 10 {
			t.Errorf("%d entries were told durable, want 10", durable)
		}
	})
}

func TestAppenderStopsForGood(t *testing.T) {
	for _, want := range []error{buffer.ErrFenced, buffer.ErrRegressed, buffer.ErrConflict, buffer.ErrOrder} {
		t.Run(want.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sink{}
				s.set(fmt.Errorf("append: %w", want), 0)
				a, stop := running(t, buffer.AppenderConfig{Log: s})
				a.Put(frame(1))
				time.Sleep(time.Minute)
				synctest.Wait()
				if a.Put(frame(2)) {
					t.Error("Put was accepted after that")
				}
				if err := stop(); !errors.Is(err, want) || s.attempts() != 1 {
					t.Errorf("Run returned %v after %d attempts, want %v after 1", err, s.attempts(), want)
				}
			})
		})
	}
}

func TestAppenderReportsWhatItGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.set(buffer.ErrUnavailable, 0)
		var a *buffer.Appender
		reports, n := 0, 0
		var from, to time.Time
		a, stop := running(t, buffer.AppenderConfig{
			Log: s, MaxBatch: 10, MaxEntries: 100,
			OnDrop: func(lost int, f, u time.Time) {
				reports, n, from, to = reports+1, n+lost, f, u
				a.Put(buffer.Entry{Pos: crm.Position{Epoch: 1, Seq: 10000}, At: f, Kind: buffer.GapOpen})
			},
		})
		begin := time.Now()
		for seq := range uint64(500) {
			a.Put(frame(seq))
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if st := a.Stats(); st.Queued > 100 || st.Dropped < 400 {
			t.Errorf("got stats %+v, want at most 100 queued and the others dropped", st)
		}
		if reports != 0 {
			t.Errorf("%d reports while the log was away, want none", reports)
		}
		dropped := a.Stats().Dropped
		s.set(nil, 0)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if reports != 1 || n != dropped || from.Before(begin) || to.Sub(from) < 400*time.Second {
			t.Errorf("got %d reports of %d entries from %s to %s, want one of %d", reports, n, from, to, dropped)
		}
		if got := s.seqs(); got[len(got)-1] != 10000 || len(got) != 500-dropped+1 {
			t.Errorf("got %d entries, the last %d; want %d, the last the gap marker", len(got), got[len(got)-1], 500-dropped+1)
		}
		_ = stop()
	})
}

func TestPutNeverWaitsForASlowLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{delay: time.Hour}
		a, stop := running(t, buffer.AppenderConfig{Log: s, MaxEntries: 1000})
		begin := time.Now()
		for seq := range uint64(5000) {
			a.Put(frame(seq))
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("Put waited %s", took)
		}
		_ = stop()
	})
}
