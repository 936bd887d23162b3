package crmsync_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// TestNodesShareTheRateAndOnePulls: two nodes empty a backlog no faster than one may, and the contacts are asked
// for by the first alone, until that is gone.
func TestNodesShareTheRateAndOnePulls(t *testing.T) {
	sim(t, func(t *testing.T) {
		const backlog, steady = 2000, 1.0
		h, d := newHouse(), newDesk(10)
		l := &lanes{house: h, queues: map[string][]*leased{}}
		for i := range backlog {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, "resolved"), "")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var firstIsGone atomic.Bool
		asked := [2]atomic.Int64{}
		ended := make(chan error, 4)
		for i := range 2 {
			dest := &crmsync.Destination{Peers: func() (int, bool) {
				if firstIsGone.Load() {
					return 1, i == 1
				}
				return 2, i == 0
			}}
			w := crmsync.NewWorker(crmsync.Config{
				Store: l, Remote: records(h, d), Tenant: "default", Rate: steady, Destination: dest, Logger: slog.New(slog.DiscardHandler),
			})
			p := crmsync.NewPull(crmsync.PullConfig{
				Name: "desk", Tenant: "default", Contacts: counted{&asked[i]}, Store: h, Destination: dest, Logger: slog.New(slog.DiscardHandler),
			})
			go func() { ended <- w.Run(ctx) }()
			go func() { ended <- p.Run(ctx) }()
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if l.done != backlog {
			t.Errorf("%d jobs done, want %d", l.done, backlog)
		}
		_ = wantSteady(t, d, 2*steady, 2*10)
		if asked[0].Load() < 10 || asked[1].Load() != 0 {
			t.Errorf("the nodes asked %d and %d times", asked[0].Load(), asked[1].Load())
		}
		firstIsGone.Store(true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if asked[1].Load() == 0 {
			t.Error("nobody goes on asking")
		}
		cancel()
		for range cap(ended) {
			<-ended
		}
	})
}

// counted is a book of contacts that never changes.
type counted struct{ asked *atomic.Int64 }

func (c counted) Pull(context.Context, string) (crmsync.Page, error) {
	c.asked.Add(1)
	return crmsync.Page{Token: "x"}, nil
}
