package crmtest

import (
	"fmt"
	"slices"
	"testing"

	"patchcord/crm"
)

var backfillTests = []test{
	{"a call that is missing is stored when it is asked for, and told once", amendInserts},
	{"a call that is missing is not stored unless it is asked for", func(t *testing.T, s crm.Store) {
		n := amendAll(t, s, crm.Found{Call: foundCall("hq:7.1", 0), By: crm.LedgerCEL})
		equal(t, "counts", n, crm.Amended{Unknown: 1})
		_, err := s.Call(t.Context(), tenant, "hq:7.1")
		wantErr(t, err, crm.ErrNotFound)
	}},
	{"a complete record and an open one are left alone", func(t *testing.T, s crm.Store) {
		whole := endedCall("hq:7.1", 0, "ann", "101", "sales")
		open := openCall("hq:7.2", 0)
		open.Linkedids, whole.Linkedids = []string{"7.2"}, []string{"7.1"}
		open.Complete = false
		own(t, s, "hq", tenant).store(whole, open)
		n := amendAll(t, s,
			crm.Found{Call: foundCall("hq:7.1", 0), By: crm.LedgerCEL, Insert: true},
			crm.Found{Call: foundCall("hq:7.2", 0), By: crm.LedgerCEL, Insert: true})
		equal(t, "counts", n, crm.Amended{Same: 1, Open: 1})
		equal(t, "complete", mustCall(t, s, "hq:7.1"), whole)
		equal(t, "open", mustCall(t, s, "hq:7.2"), open)
		equal(t, "events", len(log(t, s, tenant)), 0)
	}},
	{"a record with a hole is filled, found by what is new, and what people added stays", amendFills},
	{"records that are one call are merged, under the oldest id", amendMerges},
	{"a call that came by an absorbed id fills the survivor", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		into, from := holed("hq:7.1", 0), holed("hq:7.2", 0)
		p.store(into, from)
		p.merge(from, into)
		n := amendAll(t, s, crm.Found{Call: foundCall("hq:7.2", 0), By: crm.LedgerCEL, Insert: true})
		equal(t, "counts", n, crm.Amended{Filled: 1})
		equal(t, "outcome", mustCall(t, s, "hq:7.1").Outcome, crm.Answered)
		equal(t, "calls", len(ids(t, s, tenant, crm.CallFilter{}, 0)), 1)
	}},
	{"a call is found by every Linkedid that it absorbed", func(t *testing.T, s crm.Store) {
		c := endedCall("hq:7.1", 0, "ann", "101", "sales")
		c.Linkedids = []string{"7.1", "7.2"}
		own(t, s, "hq", tenant).store(c)
		n := amendAll(t, s, crm.Found{Call: foundCall("hq:7.2", 0), By: crm.LedgerCDR, Insert: true})
		equal(t, "counts", n, crm.Amended{Same: 1})
		equal(t, "calls", len(ids(t, s, tenant, crm.CallFilter{}, 0)), 1)
	}},
	{"of calls with one Linkedid in two lives of the PBX the nearer one is filled", func(t *testing.T, s crm.Store) {
		first, second := holed("hq:7.1", 0), holed("hq:7.1~2", 600)
		second.Linkedids = []string{"7.1"}
		own(t, s, "hq", tenant).store(first, second)
		n := amendAll(t, s, crm.Found{Call: foundCall("hq:7.1", 600), By: crm.LedgerCEL, Insert: true})
		equal(t, "counts", n, crm.Amended{Filled: 1})
		equal(t, "first", mustCall(t, s, "hq:7.1"), first)
		equal(t, "second", mustCall(t, s, "hq:7.1~2").Outcome, crm.Answered)
	}},
	{"a quiet amendment tells nothing", func(t *testing.T, s crm.Store) {
		_, err := s.Amend(t.Context(), crm.Amendment{PBX: "hq", Tenant: tenant, At: base, Quiet: true,
			Found: []crm.Found{{Call: foundCall("hq:7.1", 0), By: crm.LedgerCDR, Insert: true}}})
		check(t, err)
		mustCall(t, s, "hq:7.1")
		equal(t, "events", len(log(t, s, tenant)), 0)
	}},
	{"other tenants' calls are neither seen nor filled", func(t *testing.T, s crm.Store) {
		own(t, s, "hq", tenant).store(holed("hq:7.1", 0))
		n, err := s.Amend(t.Context(), crm.Amendment{PBX: "hq", Tenant: "other", At: base,
			Found: []crm.Found{{Call: foundCall("hq:7.1", 0), By: crm.LedgerCEL}}})
		check(t, err)
		equal(t, "counts", n, crm.Amended{Unknown: 1})
		equal(t, "record", mustCall(t, s, "hq:7.1"), holed("hq:7.1", 0))
	}},
	{"how a gap was closed is kept when the gap is committed again", closesGap},
	{"what the PBX counted stays with a gap that no ledger closed", countsGap},
}

// foundCall is a call as a ledger tells it: answered by 101.
func foundCall(id string, minute int) *crm.Call {
	c := endedCall(id, minute, "", "101", "sales")
	c.Linkedids = []string{id[len("hq:"):]}
	c.WaitMS, c.RingMS, c.HoldMS, c.Complete = nil, nil, nil, false
	c.Offers[0].ID = id + ".d"
	return c
}

// holed is a call of which the middle and the end were not heard.
func holed(id string, minute int) *crm.Call {
	c := openCall(id, minute)
	c.Linkedids = []string{id[len("hq:"):]}
	c.EndedAt = at(minute + 5)
	c.Complete, c.Gaps = false, []crm.CallGap{{StartedAt: at(minute), EndedAt: at(minute + 5), Cause: crm.GapDisconnect}}
	return c
}

func amendAll(t *testing.T, s crm.Store, found ...crm.Found) crm.Amended {
	t.Helper()
	n, err := s.Amend(t.Context(), crm.Amendment{PBX: "hq", Tenant: tenant, At: base, Found: found})
	check(t, err)
	return n
}

func amendInserts(t *testing.T, s crm.Store) {
	c := foundCall("hq:7.1", 0)
	c.Gaps = []crm.CallGap{{StartedAt: at(0), EndedAt: at(9), Cause: crm.GapDaemonDown}}
	f := crm.Found{Call: c, By: crm.LedgerCEL, Insert: true}
	equal(t, "counts", amendAll(t, s, f), crm.Amended{Inserted: 1})
	want := c.Clone()
	want.QueueVisits[0].WaitMS, want.WaitMS = millis(60_000), millis(60_000) // both ends are known
	got := mustCall(t, s, "hq:7.1")
	equal(t, "record", got, want)
	equal(t, "complete", got.Complete, false)
	equal(t, "by queue", ids(t, s, tenant, crm.CallFilter{Queue: "sales"}, 0), []string{"hq:7.1"})
	equal(t, "counts of the second time", amendAll(t, s, f), crm.Amended{Same: 1})
	equal(t, "events", types(log(t, s, tenant)), []string{"call.ended hq:7.1"})
	if e := log(t, s, tenant)[0]; e.PBX != "" || e.Pos.Seq != uint64(e.N) {
		t.Errorf("the event is of PBX %q at %s, number %d; want it to be of the log", e.PBX, e.Pos, e.N)
	}
}

func amendFills(t *testing.T, s crm.Store) {
	ctx := t.Context()
	own(t, s, "hq", tenant).store(holed("hq:7.1", 0))
	_, err := s.SetDisposition(ctx, tenant, "hq:7.1", crm.Disposition{Code: "resolved", By: "ann", At: at(6)}, "")
	check(t, err)
	f := crm.Found{Call: foundCall("hq:7.1", 0), By: crm.LedgerCEL}
	equal(t, "counts", amendAll(t, s, f), crm.Amended{Filled: 1})
	c := mustCall(t, s, "hq:7.1")
	equal(t, "outcome", c.Outcome, crm.Answered)
	equal(t, "gaps", len(c.Gaps), 1)
	equal(t, "disposition", c.Disposition.Code, "resolved")
	equal(t, "by extension", ids(t, s, tenant, crm.CallFilter{Extension: "101"}, 0), []string{"hq:7.1"})
	equal(t, "counts of the second time", amendAll(t, s, f), crm.Amended{Same: 1})
	equal(t, "events", types(log(t, s, tenant)), []string{"call.updated hq:7.1", "call.updated hq:7.1"})
}

func amendMerges(t *testing.T, s crm.Store) {
	own(t, s, "hq", tenant).store(holed("hq:7.5", 0), holed("hq:7.9", 0))
	_, err := s.AddNote(t.Context(), tenant, "hq:7.9", crm.Note{ID: "n", Text: "kept", By: "ann", At: at(6)})
	check(t, err)
	c := foundCall("hq:7.1", 0)
	c.Linkedids = []string{"7.1", "7.5", "7.9"}
	f := crm.Found{Call: c, By: crm.LedgerCEL, Insert: true}
	equal(t, "counts", amendAll(t, s, f), crm.Amended{Filled: 1})
	equal(t, "calls", ids(t, s, tenant, crm.CallFilter{}, 0), []string{"hq:7.1"})
	for _, id := range []string{"hq:7.5", "hq:7.9", "hq:7.1"} {
		got := mustCall(t, s, id)
		equal(t, "survivor of "+id, got.ID, "hq:7.1")
		equal(t, "notes", len(got.Notes), 1)
		equal(t, "linkedids", got.Linkedids, []string{"7.1", "7.5", "7.9"})
	}
	equal(t, "counts of the second time", amendAll(t, s, f), crm.Amended{Same: 1})
	equal(t, "events", types(log(t, s, tenant)),
		[]string{"call.updated hq:7.9", "call.merged hq:7.5", "call.merged hq:7.9", "call.updated hq:7.1"})
}

func closesGap(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	b := p.batch()
	b.Gaps = []crm.Gap{{ID: "hq:1-1", PBX: "hq", StartedAt: at(0), Cause: crm.GapDisconnect}}
	p.commit(b)
	missed := 3
	check(t, s.CloseGap(ctx, tenant, "hq:1-1", crm.GapClosing{By: "cel", Missed: &missed, Scans: 2}))
	wantErr(t, s.CloseGap(ctx, tenant, "hq:9-9", crm.GapClosing{By: "cel"}), crm.ErrNotFound)
	wantErr(t, s.CloseGap(ctx, "other", "hq:1-1", crm.GapClosing{By: "cdr"}), crm.ErrNotFound)
	b = p.batch()
	counted := 7
	b.Gaps = []crm.Gap{{ID: "hq:1-1", PBX: "hq", StartedAt: at(0), EndedAt: at(4), Cause: crm.GapPBXRestart, MissedEstimate: &counted}}
	p.commit(b)
	gaps, err := s.Gaps(ctx, tenant, at(0).Time, at(9).Time)
	check(t, err)
	want := b.Gaps[0]
	want.ClosedBy, want.MissedEstimate = "cel", &missed
	equal(t, "gaps", gaps, []crm.Gap{want})
	equal(t, "scans", gaps[0].Scans, 2)
}

// countsGap: what the PBX counted may be known before or after a gap without ledgers is closed.
func countsGap(t *testing.T, s crm.Store) {
	p := own(t, s, "hq", tenant)
	commit := func(id string, missed *int) {
		b := p.batch()
		b.Gaps = []crm.Gap{{ID: id, PBX: "hq", StartedAt: at(0), EndedAt: at(4), Cause: crm.GapDisconnect, MissedEstimate: missed}}
		p.commit(b)
	}
	two, none := 2, 0
	commit("hq:1-1", &two)
	commit("hq:1-1", nil) // a later change of it
	for _, id := range []string{"hq:1-2", "hq:1-3"} {
		commit(id, nil)
		check(t, s.CloseGap(t.Context(), tenant, id, crm.GapClosing{By: crm.ClosedByResync, Scans: -1}))
	}
	commit("hq:1-2", &two)
	commit("hq:1-3", &none)
	gaps, err := s.Gaps(t.Context(), tenant, at(0).Time, at(9).Time)
	check(t, err)
	var got []string
	for _, g := range gaps {
		if g.MissedEstimate == nil {
			t.Fatalf("gap %s has no estimate", g.ID)
		}
		got = append(got, fmt.Sprintf("%s %q %d", g.ID, g.ClosedBy, *g.MissedEstimate))
	}
	slices.Sort(got)
	equal(t, "gaps", got, []string{`hq:1-1 "" 2`, `hq:1-2 "counters" 2`, `hq:1-3 "resync" 0`})
}
