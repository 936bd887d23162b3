package crmtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
)

var ingestTests = []test{
	{"a PBX that never committed resumes at zero", func(t *testing.T, s crm.Store) {
		cp, err := s.Resume(t.Context(), "nowhere")
		check(t, err)
		if !cp.Pos.IsZero() || len(cp.State) != 0 {
			t.Fatalf("got %+v, want the zero checkpoint", cp)
		}
	}},
	{"every ownership has a higher epoch", func(t *testing.T, s crm.Store) {
		first := own(t, s, "hq", tenant)
		second := own(t, s, "hq", tenant)
		other := own(t, s, "branch", tenant)
		if first.epoch < 1 || second.epoch <= first.epoch || other.epoch < 1 {
			t.Fatalf("got epochs %d, %d and %d of another PBX", first.epoch, second.epoch, other.epoch)
		}
	}},
	{"a PBX keeps its tenant", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		_, err := s.TakePBX(t.Context(), "hq", "other", "node-a")
		wantErr(t, err, crm.ErrConflict)
		b := p.batch(openCall("hq:1.1", 0))
		b.Tenant = "other"
		wantErr(t, s.Commit(t.Context(), b), crm.ErrConflict)
		p.store(openCall("hq:1.1", 0)) // the failed take-over fenced nobody
	}},
	{"records, state and position move together", commitMovesAll},
	{"a stale owner is fenced and writes nothing", func(t *testing.T, s crm.Store) {
		old := own(t, s, "hq", tenant)
		fresh := own(t, s, "hq", tenant)
		wantErr(t, s.Commit(t.Context(), old.batch(openCall("hq:1.1", 0))), crm.ErrFenced)
		_, err := s.Call(t.Context(), tenant, "hq:1.1")
		wantErr(t, err, crm.ErrNotFound)
		fresh.store(openCall("hq:1.2", 0))
		wantErr(t, s.Commit(t.Context(), crm.Batch{PBX: "unknown", Tenant: tenant, Epoch: 1, To: crm.Position{Epoch: 1, Seq: 1}}), crm.ErrFenced)
	}},
	{"a batch that does not start at the checkpoint conflicts and writes nothing", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		p.store()
		b := p.batch(openCall("hq:1.1", 0))
		b.From.Seq++
		b.To.Seq++
		b.State = map[string][]byte{"k": {1}}
		wantErr(t, s.Commit(t.Context(), b), crm.ErrConflict)
		_, err := s.Call(t.Context(), tenant, "hq:1.1")
		wantErr(t, err, crm.ErrNotFound)
		cp, err := s.Resume(t.Context(), "hq")
		check(t, err)
		if cp.Pos != p.pos || len(cp.State) != 0 {
			t.Fatalf("got checkpoint %+v, want %s and no state", cp, p.pos)
		}
	}},
	{"a commit of unknown outcome may be repeated", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		c := endedCall("hq:1.1", 0, "ann", "101", "sales")
		b := p.batch(c)
		b.Events = []crm.Event{p.event(b, 0, crm.CallStarted, c), p.event(b, 1, crm.CallEnded, c)}
		b.State = map[string][]byte{"k": {1}}
		for range 3 {
			check(t, s.Commit(t.Context(), b))
		}
		equal(t, "events", types(log(t, s, tenant)), []string{"call.started hq:1.1", "call.ended hq:1.1"})
		equal(t, "calls", ids(t, s, tenant, crm.CallFilter{Agent: "ann"}, 0), []string{"hq:1.1"})
	}},
	{"an event that is stored already is left alone", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		c := openCall("hq:1.1", 0)
		b := p.batch(c)
		b.Events = []crm.Event{p.event(b, 0, crm.CallStarted, c)}
		p.commit(b)
		again := p.batch(c)
		changed := b.Events[0]
		changed.Type = crm.CallEnded
		again.Events = []crm.Event{changed, p.event(again, 0, crm.CallAnswered, c)}
		p.commit(again)
		equal(t, "events", types(log(t, s, tenant)), []string{"call.started hq:1.1", "call.answered hq:1.1"})
	}},
	{"a later record replaces the earlier", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		p.store(openCall("hq:1.1", 0))
		want := endedCall("hq:1.1", 0, "ann", "101", "sales")
		p.store(want)
		equal(t, "record", mustCall(t, s, "hq:1.1"), want)
	}},
	{"gaps are upserted by id and found by overlap", gapsOverlap},
	{"of sixteen owners only the last can commit", racingOwners},
}

func commitMovesAll(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	b := p.batch(openCall("hq:1.1", 0))
	b.State = map[string][]byte{"a": {1, 0, 255}, "b": {}, "c": {3}}
	b.At = time.Date(2026, 3, 1, 9, 0, 0, 123_456_000, time.UTC)
	p.commit(b)
	cp, err := s.Resume(ctx, "hq")
	check(t, err)
	equal(t, "checkpoint", cp, crm.Checkpoint{Pos: b.To, At: b.At, State: b.State})

	b = p.batch()
	b.State = map[string][]byte{"a": {9}, "b": nil, "never": nil}
	p.commit(b)
	p = own(t, s, "hq", tenant) // the next owner resumes where the last one was
	equal(t, "position", p.pos, b.To)
	cp, err = s.Resume(ctx, "hq")
	check(t, err)
	equal(t, "state", cp.State, map[string][]byte{"a": {9}, "c": {3}})
	other, err := s.Resume(ctx, "branch")
	check(t, err)
	equal(t, "another PBX's state", len(other.State), 0)
}

func gapsOverlap(t *testing.T, s crm.Store) {
	p := own(t, s, "hq", tenant)
	b := p.batch()
	b.Gaps = []crm.Gap{
		{ID: "hq:1-5", PBX: "hq", StartedAt: at(10), Cause: crm.GapDisconnect, Detail: "reset by peer"},
		{ID: "hq:1-2", PBX: "hq", StartedAt: at(0), EndedAt: at(5), Cause: crm.GapOverflow},
		{ID: "hq:1-3", PBX: "hq", StartedAt: at(7), EndedAt: at(7), Cause: crm.GapReaderLag},
	}
	p.commit(b)
	find := func(from, until crm.Time) []string {
		gaps, err := s.Gaps(t.Context(), tenant, from.Time, until.Time)
		check(t, err)
		out := []string{}
		for _, g := range gaps {
			out = append(out, g.ID)
		}
		return out
	}
	all := []string{"hq:1-2", "hq:1-3", "hq:1-5"}
	equal(t, "all", find(crm.Time{}, crm.Time{}), all)
	equal(t, "before the first", find(at(-10), at(0)), []string{})
	equal(t, "from the first's end", find(at(5), at(7)), []string{})
	equal(t, "a gap without length", find(at(7), at(8)), []string{"hq:1-3"})
	equal(t, "open at the end", find(at(100), crm.Time{}), []string{"hq:1-5"})

	b = p.batch()
	closed := crm.Gap{ID: "hq:1-5", PBX: "hq", StartedAt: at(10), EndedAt: at(12), Cause: crm.GapDaemonDown}
	b.Gaps = []crm.Gap{closed}
	p.commit(b)
	equal(t, "after it closed", find(at(100), crm.Time{}), []string{})
	gaps, err := s.Gaps(t.Context(), tenant, at(11).Time, at(12).Time)
	check(t, err)
	equal(t, "closed gap", gaps, []crm.Gap{closed})
	gaps, err = s.Gaps(t.Context(), "other", time.Time{}, time.Time{})
	check(t, err)
	equal(t, "gaps of another tenant", len(gaps), 0)
}

// racingOwners lets one node begin sixteen ownerships of one PBX and commit; every
// commit must be that of the latest then, so positions form one chain.
func racingOwners(t *testing.T, s crm.Store) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[string]bool{} // guarded by mu
	errs := make(chan error, 16)
	for i := range 16 {
		wg.Go(func() {
			id := fmt.Sprintf("hq:%d.1", i)
			ok, err := takeAndCommit(t.Context(), s, id)
			mu.Lock()
			won[id] = ok
			mu.Unlock()
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		check(t, err)
	}
	want := []string{}
	for id, ok := range won {
		if ok {
			want = append(want, id)
		}
	}
	if len(want) == 0 {
		t.Fatal("nobody could commit, not even the last owner")
	}
	equal(t, "calls", sorted(ids(t, s, tenant, crm.CallFilter{}, 0)), sorted(want))
}

func takeAndCommit(ctx context.Context, s crm.Store, call string) (ok bool, err error) {
	epoch, err := s.TakePBX(ctx, "hq", tenant, "node-a")
	if err != nil {
		return false, err
	}
	cp, err := s.Resume(ctx, "hq")
	if err != nil {
		return false, err
	}
	err = s.Commit(ctx, crm.Batch{
		PBX: "hq", Tenant: tenant, Epoch: epoch, From: cp.Pos, To: crm.Position{Epoch: epoch, Seq: 1},
		Calls: []*crm.Call{openCall(call, 0)},
	})
	if errors.Is(err, crm.ErrFenced) || errors.Is(err, crm.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}
