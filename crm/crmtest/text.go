package crmtest

import (
	"strings"
	"testing"

	"patchcord/crm"
)

var textTests = []test{
	{"NUL and invalid UTF-8 stop nothing and come back replaced", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		c := endedCall("hq:1.\x001", 0, "a\x00nn", "10\xff1", "sales\x00")
		c.From.Name, c.From.Number = "Ada\x00 \xc3\x28 King", "0207\x009460123"
		c.Attributes = map[string]string{"k\x00": `back\u0000slash` + "\x00"}
		b := p.batch(c)
		b.Events = []crm.Event{p.event(b, 0, crm.CallStarted, c)}
		b.Gaps = []crm.Gap{{ID: "hq:\x00", PBX: "hq", Cause: crm.GapOverflow, Detail: "\xff\x00"}}
		b.State = map[string][]byte{"k\x00\xff": {0}}
		p.commit(b)
		got := mustCall(t, s, c.ID)
		equal(t, "id", got.ID, "hq:1.\uFFFD1")
		equal(t, "name", got.From.Name, "Ada\uFFFD \uFFFD( King")
		equal(t, "attributes", got.Attributes, map[string]string{"k\uFFFD": `back\u0000slash` + "\uFFFD"})
		equal(t, "by agent", ids(t, s, tenant, crm.CallFilter{Agent: "a\x00nn"}, 1), []string{"hq:1.\uFFFD1"})
		equal(t, "by name", ids(t, s, tenant, crm.CallFilter{Q: "king\x00ada"}, 0), []string{"hq:1.\uFFFD1"})
		if body := string(log(t, s, tenant)[0].Body); strings.Contains(body, `CRM\u0000`) || strings.Contains(body, "\x00") {
			t.Errorf("the event has a NUL: %s", body)
		}
		_, err := s.AddNote(t.Context(), tenant, c.ID, crm.Note{ID: "n\x00", Text: "note \x00\xfe", By: "ann"})
		check(t, err)
		equal(t, "note", mustCall(t, s, c.ID).Notes[0].Text, "note \uFFFD\uFFFD")
	}},
	{"people's text is scrubbed too", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		c, err := s.CreateContact(ctx, tenant, crm.Contact{ID: "c1", Name: "A\x00\xff", Numbers: []crm.Number{"+44\x00"}})
		check(t, err)
		equal(t, "contact", c.Name, "A\uFFFD\uFFFD")
		check(t, s.CreateUser(ctx, crm.User{ID: "u1", Tenant: tenant, Name: "x\x00\xff", Role: crm.RoleAgent}))
		u, err := s.UserByName(ctx, tenant, "x\x00\xff")
		check(t, err)
		equal(t, "user", u.Name, "x\uFFFD\uFFFD")
		_, err = s.UserByName(ctx, tenant, "x")
		wantErr(t, err, crm.ErrNotFound)
	}},
	{"quotes and patterns are plain text", func(t *testing.T, s crm.Store) {
		evil := `'; DROP TABLE calls; -- " \ % _ ${x} \u0000`
		c := openCall("hq:1.1", 0)
		c.From.Name = evil
		p := own(t, s, "hq", tenant)
		p.store(c)
		equal(t, "name", mustCall(t, s, c.ID).From.Name, evil)
		equal(t, "by word", ids(t, s, tenant, crm.CallFilter{Q: evil}, 0), []string{c.ID})
		equal(t, "by agent", ids(t, s, tenant, crm.CallFilter{Agent: evil}, 0), []string{})
		_, err := s.Call(t.Context(), tenant, evil)
		wantErr(t, err, crm.ErrNotFound)
	}},
}
