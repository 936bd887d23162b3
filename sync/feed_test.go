package crmsync_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// follows makes a Worker for each remote, all with one Feed, and returns what ends them.
func follows(t *testing.T, log *outbox, feed *crmsync.Feed, remotes ...*remote) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, r := range remotes {
		own := &outbox{} // a cursor and jobs for each; the events are the log's
		w := crmsync.NewWorker(crmsync.Config{Store: own, Remote: r, Tenant: "default", Feed: feed, Logger: slog.New(slog.DiscardHandler)})
		wg.Go(func() { _ = w.Run(ctx) })
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func TestSeveralWorkersReadTheLogOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, remotes := &outbox{}, []*remote{{}, {}, {}}
		follows(t, log, crmsync.NewFeed(log, "default"), remotes...)
		var want []string
		for n := range 1500 {
			want = append(want, fmt.Sprint("hq:", n))
		}
		for some := range slices.Chunk(want, 75) {
			log.add(some...)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		time.Sleep(time.Hour)
		for _, r := range remotes {
			var got []string
			for _, p := range r.seen() {
				got = append(got, p.lane)
			}
			slices.Sort(got)
			if slices.Compare(got, slices.Sorted(slices.Values(want))) != 0 {
				t.Errorf("%d of %d pushed", len(got), len(want))
			}
		}
		log.mu.Lock()
		defer log.mu.Unlock()
		if busy := log.reads - 3*3600; busy > 100 { // everyone looks once a second whether there is more
			t.Errorf("the log was read %d times", log.reads)
		}
	})
}

func TestAWorkerFarBehindReadsWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &outbox{}
		feed := crmsync.NewFeed(log, "default")
		first, late := &remote{}, &remote{}
		follows(t, log, feed, first)
		for n := range 3000 {
			log.add(fmt.Sprint("hq:", n))
		}
		time.Sleep(time.Hour)
		follows(t, log, feed, late) // what is held begins far behind its cursor
		time.Sleep(time.Hour)
		log.add("hq:last")
		time.Sleep(time.Minute)
		for name, r := range map[string]*remote{"first": first, "late": late} {
			lanes := map[string]int{}
			for _, p := range r.seen() {
				lanes[p.lane]++
			}
			if len(lanes) != 3001 || len(r.seen()) != 3001 {
				t.Errorf("%s: %d pushes of %d calls, want 3001", name, len(r.seen()), len(lanes))
			}
		}
	})
}

func TestAFeedPassesOverOtherTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, r := &outbox{}, &remote{}
		follows(t, log, crmsync.NewFeed(log, "default", crm.CallMerged), r)
		log.add("hq:1", "hq:2")
		log.mu.Lock()
		log.events[1].Type = crm.CallMerged
		log.mu.Unlock()
		time.Sleep(time.Minute)
		if got := r.seen(); len(got) != 1 || got[0].lane != "hq:2" {
			t.Errorf("pushed %v", got)
		}
	})
}
