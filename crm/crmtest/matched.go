package crmtest

import (
	"testing"

	"patchcord/crm"
)

// known is who has the number of the fixtures' callers.
func known(t *testing.T, s crm.Store, ids ...string) crm.Match {
	t.Helper()
	for _, id := range ids {
		_, err := s.CreateContact(t.Context(), tenant, person(id, "Ada King", "+442079460123", "+442079460124"))
		check(t, err)
	}
	return crm.Match{ID: ids[0], Name: "Ada King", Score: 1, Reason: "number"}
}

// matchedTests are about calls that nobody looked a contact up for while they went on.
var matchedTests = []test{
	{"a call that ends without a contact gets the only one with its number", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		m := known(t, s, "c1")
		p.store(openCall("hq:1.1", 0))
		equal(t, "while it lasts", mustCall(t, s, "hq:1.1").Contact, nil)
		b := p.batch(endedCall("hq:1.1", 0, "ann", "101", "sales"))
		b.Events = []crm.Event{p.event(b, 0, crm.CallEnded, b.Calls[0])}
		p.commit(b)
		equal(t, "contact", mustCall(t, s, "hq:1.1").Contact, m)
		equal(t, "by name", ids(t, s, tenant, crm.CallFilter{Q: "king"}, 0), []string{"hq:1.1"})
		events := log(t, s, tenant)
		equal(t, "events", types(events), []string{"call.ended hq:1.1", "contact.matched hq:1.1"})
		p.store(endedCall("hq:1.1", 0, "ann", "102", "sales"))
		equal(t, "contact after another commit", mustCall(t, s, "hq:1.1").Contact, m)
		equal(t, "events after it", len(log(t, s, tenant)), 2)
	}},
	{"who is called has the contact of an outbound call, and nobody that of an internal one", func(t *testing.T, s crm.Store) {
		m := known(t, s, "c1")
		out, in := endedCall("hq:1.1", 0, "ann", "101", "sales"), endedCall("hq:1.2", 0, "ann", "101", "sales")
		out.Direction, out.From, out.To = crm.Outbound, crm.Party{Number: "101"}, crm.Party{Number: "02079460124", E164: "+442079460124"}
		in.Direction = crm.Internal
		own(t, s, "hq", tenant).store(out, in)
		equal(t, "outbound", mustCall(t, s, "hq:1.1").Contact, m)
		equal(t, "internal", mustCall(t, s, "hq:1.2").Contact, nil)
	}},
	{"of several contacts with one number none is picked", func(t *testing.T, s crm.Store) {
		known(t, s, "c1", "c2")
		own(t, s, "hq", tenant).store(endedCall("hq:1.1", 0, "ann", "101", "sales"))
		equal(t, "contact", mustCall(t, s, "hq:1.1").Contact, nil)
		equal(t, "events", len(log(t, s, tenant)), 0)
	}},
	{"a contact that a call has stays, and is told once", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		known(t, s, "c1")
		p.store(openCall("hq:1.1", 0))
		m := crm.Match{ID: "c9", Name: "Grace Hopper", Score: 0.9, Reason: "number"}
		for range 2 {
			_, err := s.SetContact(t.Context(), tenant, "hq:1.1", &m)
			check(t, err)
		}
		p.store(endedCall("hq:1.1", 0, "ann", "101", "sales"))
		equal(t, "contact", mustCall(t, s, "hq:1.1").Contact, m)
		equal(t, "events", types(log(t, s, tenant)), []string{"contact.matched hq:1.1"})
	}},
	{"another tenant's contacts are not looked at", func(t *testing.T, s crm.Store) {
		_, err := s.CreateContact(t.Context(), "other", person("c1", "Ada King", "+442079460123"))
		check(t, err)
		own(t, s, "hq", tenant).store(endedCall("hq:1.1", 0, "ann", "101", "sales"))
		equal(t, "contact", mustCall(t, s, "hq:1.1").Contact, nil)
	}},
	{"a call that a ledger tells of gets its contact too", func(t *testing.T, s crm.Store) {
		m := known(t, s, "c1")
		c := foundCall("hq:7.1", 0)
		c.Direction, c.From.E164 = crm.Inbound, "+442079460123"
		amendAll(t, s, crm.Found{Call: c, By: crm.LedgerCEL, Insert: true})
		equal(t, "contact", mustCall(t, s, "hq:7.1").Contact, m)
		told := types(log(t, s, tenant))
		equal(t, "events", told[len(told)-1], "contact.matched hq:7.1")
	}},
}
