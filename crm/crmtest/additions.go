package crmtest

import (
	"fmt"
	"sync"
	"testing"

	"patchcord/crm"
)

var additionTests = []test{
	{"nothing can be added to a call that is not stored", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		_, err := s.Call(ctx, tenant, "hq:9.9")
		wantErr(t, err, crm.ErrNotFound)
		_, err = s.SetDisposition(ctx, tenant, "hq:9.9", crm.Disposition{Code: "resolved"}, "")
		wantErr(t, err, crm.ErrNotFound)
		_, err = s.AddNote(ctx, tenant, "hq:9.9", crm.Note{ID: "n1"})
		wantErr(t, err, crm.ErrNotFound)
		_, err = s.SetContact(ctx, tenant, "hq:9.9", nil)
		wantErr(t, err, crm.ErrNotFound)
		equal(t, "events", len(log(t, s, tenant)), 0)
	}},
	{"a record comes back as it was stored", func(t *testing.T, s crm.Store) {
		want := endedCall("hq:1.1", 0, "ann", "101", "sales")
		want.Attributes = map[string]string{"CRM_TICKET": "7"}
		want.Gaps = []crm.CallGap{{StartedAt: at(0), Cause: crm.GapDisconnect}}
		own(t, s, "hq", tenant).store(want)
		equal(t, "record", mustCall(t, s, "hq:1.1"), want)
	}},
	{"what people added outlives later commits of the record", additionsOutlive},
	{"what a committed record says of additions is ignored", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		c := openCall("hq:1.1", 0)
		c.Notes = []crm.Note{{ID: "x", Text: "forged"}}
		c.Disposition, c.Contact = &crm.Disposition{Code: "spam"}, &crm.Match{ID: "x"}
		p.store(c)
		equal(t, "record", mustCall(t, s, "hq:1.1"), openCall("hq:1.1", 0))
		equal(t, "by code", ids(t, s, tenant, crm.CallFilter{Disposition: "spam"}, 0), []string{})
	}},
	{"a disposition is replaced, and found by the last only", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		own(t, s, "hq", tenant).store(openCall("hq:1.1", 0))
		_, err := s.SetDisposition(ctx, tenant, "hq:1.1", crm.Disposition{Code: "callback", Note: "tomorrow", By: "ann", At: at(5)}, "")
		check(t, err)
		want := crm.Disposition{Code: "resolved", By: "bob", At: at(6)}
		c, err := s.SetDisposition(ctx, tenant, "hq:1.1", want, "")
		check(t, err)
		equal(t, "disposition", c.Disposition, want)
		equal(t, "by first code", ids(t, s, tenant, crm.CallFilter{Disposition: "callback"}, 0), []string{})
		equal(t, "by last code", ids(t, s, tenant, crm.CallFilter{Disposition: "resolved"}, 0), []string{"hq:1.1"})
		equal(t, "by first note", ids(t, s, tenant, crm.CallFilter{Q: "tomorrow"}, 0), []string{})
	}},
	{"a disposition for a call that others spoke of meanwhile is refused when asked to", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		own(t, s, "hq", tenant).store(openCall("hq:1.1", 0))
		first := crm.Disposition{Code: "callback", By: "ann", At: at(5)}
		c, err := s.SetDisposition(ctx, tenant, "hq:1.1", first, crm.SaidTag(nil, nil))
		check(t, err)
		seen := crm.SaidTag(c.Disposition, c.Notes)
		_, err = s.AddNote(ctx, tenant, "hq:1.1", crm.Note{ID: "n1", Text: "first", By: "ann", At: at(6)})
		check(t, err)
		_, err = s.SetDisposition(ctx, tenant, "hq:1.1", crm.Disposition{Code: "resolved", By: "bob", At: at(7)}, seen)
		wantErr(t, err, crm.ErrConflict)
		equal(t, "disposition", mustCall(t, s, "hq:1.1").Disposition, first)
		equal(t, "events", len(log(t, s, tenant)), 2)
		_, err = s.SetDisposition(ctx, tenant, "hq:9.9", first, seen)
		wantErr(t, err, crm.ErrNotFound)
	}},
	{"a note with a known id is left alone, without an event", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		own(t, s, "hq", tenant).store(openCall("hq:1.1", 0))
		first := crm.Note{ID: "n1", Text: "first", By: "ann", At: at(5)}
		_, err := s.AddNote(ctx, tenant, "hq:1.1", first)
		check(t, err)
		c, err := s.AddNote(ctx, tenant, "hq:1.1", crm.Note{ID: "n1", Text: "other", By: "bob", At: at(6)})
		check(t, err)
		equal(t, "notes", c.Notes, []crm.Note{first})
		equal(t, "events", len(log(t, s, tenant)), 1)
	}},
	{"a contact is set and cleared", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		own(t, s, "hq", tenant).store(openCall("hq:1.1", 0))
		m := crm.Match{ID: "c1", Name: "Grace Hopper", Score: 0.9, Reason: "number"}
		c, err := s.SetContact(ctx, tenant, "hq:1.1", &m)
		check(t, err)
		equal(t, "contact", c.Contact, m)
		equal(t, "by name", ids(t, s, tenant, crm.CallFilter{Q: "hopper"}, 0), []string{"hq:1.1"})
		c, err = s.SetContact(ctx, tenant, "hq:1.1", nil)
		check(t, err)
		equal(t, "cleared contact", c.Contact, nil)
		equal(t, "by cleared name", ids(t, s, tenant, crm.CallFilter{Q: "hopper"}, 0), []string{})
		equal(t, "events", types(log(t, s, tenant)), []string{"contact.matched hq:1.1", "contact.matched hq:1.1"})
	}},
	{"other tenants neither see nor change a call", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		own(t, s, "hq", tenant).store(openCall("hq:1.1", 0))
		_, err := s.Call(ctx, "other", "hq:1.1")
		wantErr(t, err, crm.ErrNotFound)
		_, err = s.AddNote(ctx, "other", "hq:1.1", crm.Note{ID: "n1", Text: "x"})
		wantErr(t, err, crm.ErrNotFound)
		equal(t, "list", ids(t, s, "other", crm.CallFilter{Q: "ada"}, 0), []string{})
		equal(t, "events", len(log(t, s, "other")), 0)
	}},
	{"a tenant without codes of its own has the default ones", func(t *testing.T, s crm.Store) {
		codes, err := s.Dispositions(t.Context(), tenant)
		check(t, err)
		equal(t, "codes", codes, crm.DefaultDispositions())
	}},
	{"sixteen people write while the PBX commits, and nothing is lost", racingPeople},
}

func additionsOutlive(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	p.store(openCall("hq:1.1", 0))
	d := crm.Disposition{Code: "resolved", Note: "refund", By: "ann", At: at(5)}
	n := crm.Note{ID: "n1", Text: "asked for an invoice", By: "ann", At: at(4)}
	m := crm.Match{ID: "c1", Name: "Grace Hopper", Score: 1, Reason: "number"}
	_, err := s.SetDisposition(ctx, tenant, "hq:1.1", d, "")
	check(t, err)
	_, err = s.AddNote(ctx, tenant, "hq:1.1", n)
	check(t, err)
	got, err := s.SetContact(ctx, tenant, "hq:1.1", &m)
	check(t, err)

	want := openCall("hq:1.1", 0)
	want.Disposition, want.Notes, want.Contact = &d, []crm.Note{n}, &m
	equal(t, "before", got, want)
	ended := endedCall("hq:1.1", 0, "ann", "101", "sales")
	p.store(ended)
	want = ended.Clone()
	want.Disposition, want.Notes, want.Contact = &d, []crm.Note{n}, &m
	equal(t, "after", mustCall(t, s, "hq:1.1"), want)
	for _, q := range []string{"invoice", "refund", "grace", "ada"} {
		equal(t, "by "+q, ids(t, s, tenant, crm.CallFilter{Q: q, Disposition: "resolved"}, 0), []string{"hq:1.1"})
	}
}

func racingPeople(t *testing.T, s crm.Store) {
	p := own(t, s, "hq", tenant)
	p.store(openCall("hq:1.1", 0))
	const people, notes = 16, 5
	errs := make(chan error, people)
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			for j := range notes {
				n := crm.Note{ID: fmt.Sprintf("n%d-%d", i, j), Text: fmt.Sprintf("word%dx%d", i, j), By: "ann", At: at(j)}
				if _, err := s.AddNote(t.Context(), tenant, "hq:1.1", n); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for i := range 10 {
		p.store(endedCall("hq:1.1", 0, fmt.Sprintf("agent%d", i), "101", "sales"))
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	c := mustCall(t, s, "hq:1.1")
	equal(t, "notes", len(c.Notes), people*notes)
	equal(t, "events", len(log(t, s, tenant)), people*notes)
	equal(t, "by the last note", ids(t, s, tenant, crm.CallFilter{Q: "word15x4", Agent: "agent9"}, 0), []string{"hq:1.1"})
	equal(t, "by an agent of an earlier record", ids(t, s, tenant, crm.CallFilter{Agent: "agent3"}, 0), []string{})
}
