package crmtest

import (
	"errors"
	"testing"
	"time"

	"patchcord/crm"
)

var leaseTests = []test{
	{"a PBX that another node has cannot be taken, and who has it is told", func(t *testing.T, s crm.Store) {
		epoch := take(t, s, "a")
		_, err := s.TakePBX(t.Context(), "hq", tenant, "b")
		wantErr(t, err, crm.ErrHeld)
		var held *crm.HeldError
		if !errors.As(err, &held) || held.PBX != "hq" || held.Node != "a" || held.Left < crm.LeaseTTL/2 || held.Left > crm.LeaseTTL {
			t.Fatalf("got %+v, want hq held by a for about %v", held, crm.LeaseTTL)
		}
		check(t, s.RenewPBX(t.Context(), "hq", "a", epoch, true)) // the attempt changed nothing
		take(t, s, "a")
		if _, err := s.TakePBX(t.Context(), "branch", tenant, "b"); err != nil {
			t.Fatalf("another PBX: %v", err)
		}
	}},
	{"a node takes its own PBX again at once, with a new epoch", func(t *testing.T, s crm.Store) {
		first := take(t, s, "a")
		second := take(t, s, "a")
		if second <= first {
			t.Fatalf("epoch %d after %d", second, first)
		}
		wantErr(t, s.RenewPBX(t.Context(), "hq", "a", first, true), crm.ErrFenced)
		check(t, s.RenewPBX(t.Context(), "hq", "a", second, true))
	}},
	{"what was given back can be taken at once", func(t *testing.T, s crm.Store) {
		first := take(t, s, "a")
		check(t, s.ReleasePBX(t.Context(), "hq", "a", first, ""))
		if l := leaseOf(t, s, "hq"); !l.Free() || l.Node != "" || l.Handed {
			t.Fatalf("got %+v, want it free", l)
		}
		wantErr(t, s.RenewPBX(t.Context(), "hq", "a", first, true), crm.ErrFenced)
		wantErr(t, s.ReleasePBX(t.Context(), "hq", "a", first, ""), crm.ErrFenced)
		if second := take(t, s, "b"); second <= first {
			t.Fatalf("epoch %d after %d", second, first)
		}
	}},
	{"a hand-over goes to the successor and to nobody else", handOver},
	{"only the latest owner renews, offers and releases", func(t *testing.T, s crm.Store) {
		epoch := take(t, s, "a")
		ctx := t.Context()
		for _, err := range []error{
			s.RenewPBX(ctx, "hq", "b", epoch, true), s.RenewPBX(ctx, "hq", "a", epoch+1, true), s.RenewPBX(ctx, "branch", "a", epoch, true),
			s.OfferPBX(ctx, "hq", "b", epoch, "b"), s.ReadyPBX(ctx, "hq", "b", epoch, true),
			s.ReleasePBX(ctx, "hq", "b", epoch, ""), s.ReleasePBX(ctx, "hq", "a", epoch+1, ""),
		} {
			wantErr(t, err, crm.ErrFenced)
		}
		check(t, s.RenewPBX(ctx, "hq", "a", epoch, true))
	}},
	{"the cluster shows who is alive, who owns what, and how far it is", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		a := crm.Node{ID: "a", Name: "left", PBXs: []string{"hq", "branch"}, Sharing: true}
		b := crm.Node{ID: "b", Name: "right"}
		check(t, s.Beat(ctx, b))
		check(t, s.Beat(ctx, a))
		b.Leaving = true
		check(t, s.Beat(ctx, b))
		p := own(t, s, "hq", tenant)
		p.store(openCall("hq:1.1", 0))
		check(t, s.RenewPBX(ctx, "hq", "node-a", p.epoch, true))
		c, err := s.Cluster(ctx)
		check(t, err)
		equal(t, "nodes", c.Nodes, []crm.Node{a, b})
		if len(c.Leases) != 1 || c.Leases[0].Left < crm.LeaseTTL/2 || c.Leases[0].Left > crm.LeaseTTL {
			t.Fatalf("got leases %+v, want one of about %v", c.Leases, crm.LeaseTTL)
		}
		c.Leases[0].Left = 0
		equal(t, "lease", c.Leases[0], crm.Lease{PBX: "hq", Node: "node-a", Epoch: p.epoch, Up: true, Pos: p.pos})
	}},
	{"a lease that ran out can be taken, and its owner may still renew until somebody does", func(t *testing.T, s crm.Store) {
		first := take(t, s, "a")
		check(t, s.ReleasePBX(t.Context(), "hq", "a", first, "b")) // for LeaseHold only, so that the test need not wait for LeaseTTL
		await(t, crm.LeaseHold+time.Second, func() bool { return leaseOf(t, s, "hq").Free() })
		check(t, s.RenewPBX(t.Context(), "hq", "b", first, false))
		if _, err := s.TakePBX(t.Context(), "hq", tenant, "c"); !errors.Is(err, crm.ErrHeld) {
			t.Fatalf("got %v, want it held again", err)
		}
	}},
}

func handOver(t *testing.T, s crm.Store) {
	ctx := t.Context()
	first := take(t, s, "a")
	check(t, s.OfferPBX(ctx, "hq", "a", first, "b"))
	wantErr(t, s.ReadyPBX(ctx, "hq", "c", first, true), crm.ErrFenced)
	_, err := s.TakePBX(ctx, "hq", tenant, "b")
	wantErr(t, err, crm.ErrHeld) // asked, but not given
	check(t, s.ReadyPBX(ctx, "hq", "b", first, true))
	if l := leaseOf(t, s, "hq"); l.Successor != "b" || !l.Ready || l.Handed || l.Node != "a" {
		t.Fatalf("got %+v, want b ready and a the owner", l)
	}
	check(t, s.ReleasePBX(ctx, "hq", "a", first, "b"))
	if l := leaseOf(t, s, "hq"); l.Node != "b" || !l.Handed || l.Epoch != first {
		t.Fatalf("got %+v, want it handed to b", l)
	}
	wantErr(t, s.RenewPBX(ctx, "hq", "a", first, true), crm.ErrFenced)
	for _, other := range []string{"a", "c"} {
		_, err = s.TakePBX(ctx, "hq", tenant, other)
		wantErr(t, err, crm.ErrHeld)
	}
	if second := take(t, s, "b"); second != first+1 {
		t.Fatalf("epoch %d after %d", second, first)
	}
	if l := leaseOf(t, s, "hq"); l.Handed || l.Ready || l.Successor != "" {
		t.Fatalf("got %+v, want nothing left of the hand-over", l)
	}
}

func take(t *testing.T, s crm.Store, node string) uint64 {
	t.Helper()
	epoch, err := s.TakePBX(t.Context(), "hq", tenant, node)
	check(t, err)
	return epoch
}

func leaseOf(t *testing.T, s crm.Store, pbx string) crm.Lease {
	t.Helper()
	c, err := s.Cluster(t.Context())
	check(t, err)
	for _, l := range c.Leases {
		if l.PBX == pbx {
			return l
		}
	}
	t.Fatalf("%s has no lease", pbx)
	return crm.Lease{}
}

// await asks until it holds: the store's clock cannot be moved from here.
func await(t *testing.T, within time.Duration, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v", within)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
