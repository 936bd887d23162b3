package crmtest

import (
	"testing"

	"patchcord/crm"
)

var mergeTests = []test{
	{"the absorbed id answers with the survivor, which has what people added", mergeMoves},
	{"a chain of merges ends at the last survivor", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		a, b, c := openCall("hq:3.1", 3), openCall("hq:2.1", 2), openCall("hq:1.1", 1)
		p.store(a, b, c)
		p.merge(a, b)
		p.merge(b, c)
		for _, id := range []string{a.ID, b.ID, c.ID} {
			equal(t, "survivor of "+id, mustCall(t, s, id).ID, c.ID)
		}
		equal(t, "list", ids(t, s, tenant, crm.CallFilter{}, 0), []string{c.ID})
	}},
	{"a chain within one batch, its middle never stored", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		a, b, c := openCall("hq:3.1", 3), openCall("hq:2.1", 2), openCall("hq:1.1", 1)
		p.store(a)
		batch := p.batch(c)
		first, second := p.event(batch, 0, crm.CallMerged, a), p.event(batch, 1, crm.CallMerged, b)
		first.Into, second.Into = b.ID, c.ID
		batch.Events = []crm.Event{first, second}
		p.commit(batch)
		equal(t, "survivor", mustCall(t, s, a.ID).ID, c.ID)
		equal(t, "survivor of the middle", mustCall(t, s, b.ID).ID, c.ID)
		equal(t, "list", ids(t, s, tenant, crm.CallFilter{}, 0), []string{c.ID})
	}},
	{"call and survivor in one batch", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		a, b := openCall("hq:2.1", 2), openCall("hq:1.1", 1)
		batch := p.batch(a, b)
		e := p.event(batch, 0, crm.CallMerged, a)
		e.Into = b.ID
		batch.Events = []crm.Event{e}
		p.commit(batch)
		equal(t, "list", ids(t, s, tenant, crm.CallFilter{}, 0), []string{b.ID})
		equal(t, "survivor", mustCall(t, s, a.ID).ID, b.ID)
	}},
	{"the record of an absorbed call does not come back", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		a, b := openCall("hq:2.1", 2), openCall("hq:1.1", 1)
		p.store(a, b)
		p.merge(a, b)
		p.store(a)
		equal(t, "list", ids(t, s, tenant, crm.CallFilter{}, 0), []string{b.ID})
	}},
	{"a survivor that is not stored takes nothing, and nothing is lost", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		a := openCall("hq:2.1", 2)
		p.store(a)
		batch := p.batch()
		e := p.event(batch, 0, crm.CallMerged, a)
		e.Into = "hq:1.1"
		batch.Events = []crm.Event{e}
		p.commit(batch)
		equal(t, "record", mustCall(t, s, a.ID), a)
	}},
	{"people go on with the old id", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		p := own(t, s, "hq", tenant)
		a, b := openCall("hq:2.1", 2), openCall("hq:1.1", 1)
		p.store(a, b)
		p.merge(a, b)
		c, err := s.AddNote(ctx, tenant, a.ID, crm.Note{ID: "n1", Text: "late", By: "ann", At: at(9)})
		check(t, err)
		equal(t, "id", c.ID, b.ID)
		events := log(t, s, tenant)
		equal(t, "event's call", events[len(events)-1].CallID, b.ID)
	}},
}

func mergeMoves(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	gone, stays := endedCall("hq:2.1", 2, "ann", "101", "sales"), endedCall("hq:1.1", 1, "bob", "102", "support")
	p.store(gone, stays)
	n1 := crm.Note{ID: "n1", Text: "first words", By: "bob", At: at(3)}
	n2 := crm.Note{ID: "n2", Text: "second words", By: "ann", At: at(4)}
	_, err := s.AddNote(ctx, tenant, gone.ID, n2)
	check(t, err)
	_, err = s.AddNote(ctx, tenant, stays.ID, n1)
	check(t, err)
	d := crm.Disposition{Code: "callback", By: "ann", At: at(5)}
	_, err = s.SetDisposition(ctx, tenant, gone.ID, d, "")
	check(t, err)
	m := crm.Match{ID: "c1", Name: "Grace Hopper", Score: 1, Reason: "number"}
	_, err = s.SetContact(ctx, tenant, gone.ID, &m)
	check(t, err)

	p.merge(gone, stays)
	want := stays.Clone()
	want.Disposition, want.Notes, want.Contact = &d, []crm.Note{n1, n2}, &m
	equal(t, "survivor by old id", mustCall(t, s, gone.ID), want)
	equal(t, "survivor by own id", mustCall(t, s, stays.ID), want)
	for what, f := range map[string]crm.CallFilter{
		"by moved note":        {Q: "second"},
		"by moved disposition": {Disposition: "callback"},
		"by moved contact":     {Q: "grace hopper"},
		"by own agent":         {Agent: "bob"},
	} {
		equal(t, what, ids(t, s, tenant, f, 0), []string{stays.ID})
	}
	equal(t, "by absorbed agent", ids(t, s, tenant, crm.CallFilter{Agent: "ann"}, 0), []string{})
	p.store(stays)
	equal(t, "survivor after another commit", mustCall(t, s, gone.ID), want)
	_, err = s.Call(ctx, "other", gone.ID)
	wantErr(t, err, crm.ErrNotFound)
}
