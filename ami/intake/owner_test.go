package intake

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// renewing is a store that renews a lease, or fails as it is told to.
type renewing struct {
	Store
	mu  sync.Mutex
	err error // guarded by mu
}

// RenewPBX fails as it was told to.
func (s *renewing) RenewPBX(context.Context, string, string, uint64, bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *renewing) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// kept runs the keeping of a lease whose log is away, and returns what ended it when fn has.
func kept(t *testing.T, fn func(r *road, store *renewing)) (err error) {
	synctest.Test(t, func(t *testing.T) {
		store := &renewing{err: crm.ErrUnavailable}
		nodes := NewNodes(NodesConfig{Node: aNode("a")})
		nodes.view.Leases = []crm.Lease{{PBX: "hq", Node: "a", Epoch: 3, Left: time.Minute}}
		r := newRoad(New(Config{PBX: "hq", Node: "a", Nodes: nodes, Witness: NewWitness(&taker{fail: buffer.ErrUnavailable}), Store: store}))
		r.epoch = 3
		r.lease.renewed(time.Now())
		r.begin()
		r.show()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.keep(ctx) }()
		fn(r, store)
		time.Sleep(2 * lookEvery)
		stop()
		err = <-ended
	})
	return err
}

// say has the PBX say n frames, and returns how many entries have a position.
func say(r *road, n int) uint64 {
	for range n {
		r.put(buffer.Frame, time.Now(), []byte("Event: Hold\r\n\r\n"))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next.Seq - 1
}

func TestALapsedLeaseThatNobodyTookLosesNothing(t *testing.T) {
	err := kept(t, func(r *road, store *renewing) {
		if got := say(r, 2); got != 2 {
			t.Errorf("%d entries have a position while the lease is good, want 2", got)
		}
		time.Sleep(crm.LeaseTTL)
		synctest.Wait()
		if got := say(r, 3); got != 2 {
			t.Errorf("%d entries have a position though another node may be the owner, want 2", got)
		}
		if s := r.line.Status(); s.Owned {
			t.Errorf("got status %+v, want a PBX that is not owned", s)
		}
		time.Sleep(time.Minute)
		store.fail(nil)
		time.Sleep(2 * lookEvery)
		synctest.Wait()
		if got := say(r, 0); got != 5 {
			t.Errorf("%d entries have a position after the lease was renewed, want all 5", got)
		}
		if s := r.line.Status(); !s.Owned {
			t.Errorf("got status %+v, want an owned PBX", s)
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the ownership ended with %v, want it kept", err)
	}
}

func TestALapsedLeaseThatAnotherNodeTookEnds(t *testing.T) {
	err := kept(t, func(r *road, store *renewing) {
		time.Sleep(crm.LeaseTTL)
		say(r, 3)
		store.fail(crm.ErrFenced)
		time.Sleep(2 * lookEvery)
		synctest.Wait()
		if got := say(r, 1); got != 0 {
			t.Errorf("%d entries have a position, want none", got)
		}
	})
	if !errors.Is(err, crm.ErrFenced) {
		t.Errorf("the ownership ended with %v, want %v", err, crm.ErrFenced)
	}
}

func TestALapsedLeaseEndsWhenNoMoreCanBeKept(t *testing.T) {
	err := kept(t, func(r *road, _ *renewing) {
		time.Sleep(crm.LeaseTTL)
		if say(r, maxEarly); r.isShut() {
			t.Error("deaf before its room was full")
		}
		if say(r, 1); !r.isShut() {
			t.Error("not deaf though its room is full")
		}
	})
	if !errors.Is(err, errLapsed) {
		t.Errorf("the ownership ended with %v, want %v", err, errLapsed)
	}
}
