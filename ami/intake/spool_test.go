package intake

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/buffer"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/buffer/spool"
	"patchcord/crm"
)

// TestRedisAwayLeavesCallsAndRecordsAlone stops Redis under calls: pops go on, records go on, from
// the spool, and afterwards the log has every entry, in order, once.
func TestRedisAwayLeavesCallsAndRecordsAlone(t *testing.T) {
	t.Parallel()
	url, srv := redistest.Start(t)
	inner, err := redisstream.Open(t.Context(), url, redisstream.Config{Timeout: time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	log, err := spool.Open(filepath.Join(t.TempDir(), "spool"), inner, spool.Config{Patience: time.Second, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	r := newRigOn(t, some(40), log)
	r.up(t)
	eventually(t, "calls to begin", func() bool { return len(r.seen(crm.CallStarted)) > 3 })
	srv.Stop()
	eventually(t, "the spool to take over", func() bool { return log.Stats("hq").Entries > 0 })
	before, committed := len(r.seen(crm.OfferCreated)), r.line.road.Load().recorder.checkpoint()
	eventually(t, "pops and records to go on without Redis", func() bool {
		return len(r.seen(crm.OfferCreated)) > before+3 && r.line.road.Load().recorder.checkpoint().Seq > committed.Seq+50
	})
	if phase := r.line.Status().State.Phase; phase != ami.PhaseUp {
		t.Errorf("the session is %v while Redis is away", phase)
	}
	srv.Cont()
	r.records(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := log.Settle(ctx, "hq"); err != nil {
		t.Fatalf("not drained: %v", err)
	}
	wantEverySeq(t, inner)
	if gaps, err := r.store.Gaps(t.Context(), "default", time.Time{}, time.Now().Add(time.Hour)); err != nil || len(gaps) > 0 {
		t.Errorf("got gaps %+v, %v; want none", gaps, err)
	}
}

// wantEverySeq checks that the log has the numbers of its epoch without a hole.
func wantEverySeq(t *testing.T, log buffer.Log) {
	t.Helper()
	var seqs []uint64
	for after := (crm.Position{}); ; {
		entries, err := log.Read(t.Context(), "hq", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			seqs = append(seqs, e.Pos.Seq)
		}
		after = entries[len(entries)-1].Pos
	}
	if len(seqs) == 0 || !slices.IsSorted(seqs) || seqs[len(seqs)-1] != uint64(len(seqs)-1) {
		t.Errorf("the log has %d entries, the last %d: a hole", len(seqs), seqs[max(0, len(seqs)-1)])
	}
}
