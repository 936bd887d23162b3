package redisstream_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
)

func entries(epoch, from, until uint64) (es []buffer.Entry) {
	for seq := from; seq <= until; seq++ {
		es = append(es, buffer.Entry{
			Pos: crm.Position{Epoch: epoch, Seq: seq}, At: time.UnixMicro(int64(seq)).UTC(),
			Kind: buffer.Frame, Data: []byte(strings.Repeat("x", 400)),
		})
	}
	return es
}

func mustAppend(t testing.TB, l buffer.Log, es []buffer.Entry) {
	t.Helper()
	if n, err := l.Append(t.Context(), "hq", es); err != nil || n != len(es) {
		t.Fatalf("append: stored %d of %d, %v", n, len(es), err)
	}
}

func wantRefused(t testing.TB, l buffer.Log, es []buffer.Entry, want error) {
	t.Helper()
	if n, err := l.Append(t.Context(), "hq", es); !errors.Is(err, want) || n != 0 {
		t.Fatalf("append: got %d stored, %v; want 0, %v", n, err, want)
	}
}

// wantSeqs checks the sequence numbers of the log, all of them.
func wantSeqs(t testing.TB, l buffer.Log, want ...uint64) {
	t.Helper()
	es, err := l.Read(t.Context(), "hq", crm.Position{}, 10000)
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	for _, e := range es {
		got = append(got, e.Pos.Seq)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got entries %d, want %d", got, want)
	}
}

func TestKillLosesNothingAcknowledged(t *testing.T) {
	url, srv := redistest.Start(t)
	l := openLog(t, url, redisstream.Config{})
	want := []uint64{}
	for round := range uint64(5) {
		mustAppend(t, l, entries(1, round*3+1, round*3+3))
		want = append(want, round*3+1, round*3+2, round*3+3)
		srv.Kill()
		wantRefused(t, l, entries(1, 90, 91), buffer.ErrUnavailable)
		srv.Restart()
		wantSeqs(t, l, want...)
	}
}

func TestStoppedServerIsUnavailableAndARepeatStoresOnce(t *testing.T) {
	url, srv := redistest.Start(t)
	l := openLog(t, url, redisstream.Config{Timeout: time.Second})
	mustAppend(t, l, entries(1, 1, 3))
	srv.Stop()
	begin := time.Now()
	wantRefused(t, l, entries(1, 4, 6), buffer.ErrUnavailable) // in the server's socket: it is run later
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the attempt took %s with a timeout of 1s", took)
	}
	srv.Cont()
	mustAppend(t, l, entries(1, 4, 6))
	mustAppend(t, l, entries(1, 7, 7))
	wantSeqs(t, l, 1, 2, 3, 4, 5, 6, 7)
}

func TestLostAnswerAndARepeatStoreOnce(t *testing.T) {
	_, srv := redistest.Start(t)
	f := startFront(t, srv.Addr())
	l := openLog(t, f.url, redisstream.Config{})
	mustAppend(t, l, entries(1, 1, 1))
	f.set("*2\r\n:1\r\n:0\r\n", 2)
	wantRefused(t, l, entries(1, 2, 4), buffer.ErrUnavailable)
	wantSeqs(t, l, 1, 2, 3, 4) // done, though the caller could not know
	wantRefused(t, l, entries(1, 2, 6), buffer.ErrUnavailable)
	mustAppend(t, l, entries(1, 2, 7))
	wantSeqs(t, l, 1, 2, 3, 4, 5, 6, 7)
}

func TestFullServerIsUnavailableAndLeavesNoHole(t *testing.T) {
	url, srv := redistest.Start(t)
	l, admin := openLog(t, url, redisstream.Config{}), srv.Client()
	mustAppend(t, l, entries(1, 1, 2))
	if err := admin.ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, l, entries(1, 3, 300), buffer.ErrUnavailable)
	if err := admin.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, entries(1, 3, 4))
	wantSeqs(t, l, 1, 2, 3, 4)
}

func TestEmptiedServerIsFilledAgain(t *testing.T) {
	url, srv := redistest.Start(t)
	l := openLog(t, url, redisstream.Config{})
	mustAppend(t, l, entries(1, 1, 5))
	srv.Wipe()
	srv.Restart()
	mustAppend(t, l, entries(1, 6, 8))
	wantSeqs(t, l, 1, 2, 3, 4, 5, 6, 7, 8)
}

func TestEmptiedServerIsNoticedWhenNotAllIsKept(t *testing.T) {
	url, srv := redistest.Start(t)
	mustAppend(t, openLog(t, url, redisstream.Config{}), entries(1, 1, 2)) // by an earlier life
	l := openLog(t, url, redisstream.Config{})
	mustAppend(t, l, entries(1, 3, 5))
	if err := srv.Client().Del(t.Context(), "pc:{hq}:log").Err(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, l, entries(1, 6, 8), buffer.ErrRegressed)
	wantRefused(t, l, entries(1, 6, 8), buffer.ErrRegressed) // until something is done about it
	mustAppend(t, l, entries(2, 0, 2))
	mustAppend(t, l, entries(2, 3, 3))
	wantSeqs(t, l, 0, 1, 2, 3)
}

// regress makes the log end with the entry, as when a replica is promoted that had got no more.
func regress(t *testing.T, url string, srv *redistest.Server, last uint64) {
	t.Helper()
	if err := srv.Client().Del(t.Context(), "pc:{hq}:log").Err(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, openLog(t, url, redisstream.Config{}), entries(1, 1, last))
}

func TestLostEndIsAppendedAgainFromMemory(t *testing.T) {
	url, srv := redistest.Start(t)
	var log bytes.Buffer
	l := openLog(t, url, redisstream.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Mode: redisstream.Fast})
	mustAppend(t, l, entries(1, 1, 4))
	mustAppend(t, l, entries(1, 5, 10))
	regress(t, url, srv, 6)
	mustAppend(t, l, entries(1, 11, 12))
	mustAppend(t, l, entries(1, 13, 13))
	wantSeqs(t, l, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
	if !strings.Contains(log.String(), "entries=4") {
		t.Errorf("logged %q, want how many entries were appended again", log.String())
	}
	regress(t, url, srv, 3)
	mustAppend(t, l, entries(1, 14, 14))
	wantSeqs(t, l, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)
}

func TestTailThatIsTooShortIsARegress(t *testing.T) {
	url, srv := redistest.Start(t)
	l := openLog(t, url, redisstream.Config{TailBytes: 3000}) // six entries
	for seq := range uint64(20) {
		mustAppend(t, l, entries(1, seq+1, seq+1))
	}
	regress(t, url, srv, 12)
	wantRefused(t, l, entries(1, 21, 21), buffer.ErrRegressed)
	regress(t, url, srv, 16)
	mustAppend(t, l, entries(1, 21, 21))
	wantSeqs(t, l, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
}

func TestWhatAnotherOwnerWroteIsNotAppendedFromHere(t *testing.T) {
	url, srv := redistest.Start(t)
	l := openLog(t, url, redisstream.Config{})
	mustAppend(t, l, entries(1, 1, 5))
	mustAppend(t, openLog(t, url, redisstream.Config{}), entries(2, 0, 3))
	mustAppend(t, l, entries(3, 0, 2)) // it owns the PBX again
	regress(t, url, srv, 5)
	wantRefused(t, l, entries(3, 3, 3), buffer.ErrRegressed) // 2-0 to 2-3 are missing
}

func TestRestoreThatBreaksOffIsTakenUpAgain(t *testing.T) {
	_, srv := redistest.Start(t)
	f := startFront(t, srv.Addr())
	l := openLog(t, f.url, redisstream.Config{})
	mustAppend(t, l, entries(1, 1, 700)) // more than one call takes
	regress(t, srv.URL(), srv, 2)
	f.set("*2\r\n:1\r\n:0\r\n", 0)
	f.skip(2) // the append that notices, and the first part of the restore, are answered
	wantRefused(t, l, entries(1, 701, 702), buffer.ErrUnavailable)
	mustAppend(t, l, entries(1, 701, 702))
	es, err := l.Read(t.Context(), "hq", crm.Position{}, 10000)
	if err != nil || len(es) != 702 {
		t.Errorf("got %d entries, %v; want 702", len(es), err)
	}
}

func TestServerThatWouldEvictIsGivenNothing(t *testing.T) {
	url, srv := redistest.Start(t)
	l, admin := openLog(t, url, redisstream.Config{}), srv.Client()
	mustAppend(t, l, entries(1, 1, 2))
	if err := admin.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	srv.Restart() // as a failover to another server, which is asked once there is a connection to it
	if err := admin.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	_, _ = l.Append(t.Context(), "hq", entries(1, 3, 4)) // may be what makes the connection
	if _, err := l.Append(t.Context(), "hq", entries(1, 5, 6)); !errors.Is(err, buffer.ErrUnavailable) || !strings.Contains(err.Error(), "noeviction") {
		t.Errorf("got %v, want an error that says what to set", err)
	}
	if err := admin.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, entries(1, 3, 6))
	wantSeqs(t, l, 1, 2, 3, 4, 5, 6)
}

func TestSafeWaitsForTheDisk(t *testing.T) {
	_, srv := redistest.Start(t)
	f := startFront(t, srv.Addr())
	l := openLog(t, f.url, redisstream.Config{Mode: redisstream.Safe})
	mustAppend(t, l, entries(1, 1, 1))

	f.set("*2\r\n:0\r\n:0\r\n", 0)
	wantRefused(t, l, entries(1, 2, 3), buffer.ErrUnavailable)
	if got := f.commands(); len(got) < 2 || !slices.Equal(got[len(got)-2:], []string{"EVALSHA", "WAITAOF"}) {
		t.Errorf("got commands %q, want the script and WAITAOF on one connection", got)
	}
	f.set("*2\r\n:1\r\n:0\r\n", 0)
	offset := replOffset(t, srv)
	mustAppend(t, l, entries(1, 2, 3))
	if after := replOffset(t, srv); after == offset {
		t.Error("the repeated append wrote nothing, so WAITAOF waited for nothing")
	}
	wantSeqs(t, l, 1, 2, 3)
}

func replOffset(t testing.TB, srv *redistest.Server) string {
	t.Helper()
	info, err := srv.Client().InfoMap(t.Context(), "persistence").Result()
	if err != nil {
		t.Fatal(err)
	}
	return info["Persistence"]["aof_current_size"]
}

func TestHAWaitsForAReplica(t *testing.T) {
	url, srv := redistest.Start(t)
	l := openLog(t, url, redisstream.Config{Mode: redisstream.HA})
	wantRefused(t, l, entries(1, 1, 2), buffer.ErrUnavailable)

	host, port, _ := strings.Cut(srv.Addr(), ":")
	_, replica := redistest.Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	waitFor(t, "the replica is in step", func() bool {
		n, err := srv.Client().Wait(t.Context(), 1, time.Second).Result()
		return err == nil && n == 1 && strings.Contains(replica.Client().Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
	mustAppend(t, l, entries(1, 1, 4))
	wantSeqs(t, l, 1, 2, 3, 4)
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(30 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
