package crmtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"patchcord/crm"
)

// at returns the instant a number of minutes after the suite's base.
func at(minutes int) crm.Time { return crm.At(base.Add(time.Duration(minutes) * time.Minute)) }

func millis(n crm.Millis) *crm.Millis { return &n }

// open returns a call that began that many minutes after base and rings nobody yet.
func openCall(id string, minute int) *crm.Call {
	return &crm.Call{
		ID: id, PBX: "hq", Tenant: tenant, Linkedids: []string{id}, Direction: crm.Inbound,
		From:      crm.Party{Number: "02079460123", Name: "Ada King", E164: "+442079460123"},
		To:        crm.Party{Number: "5000"},
		StartedAt: at(minute), Complete: true,
	}
}

// endedCall returns one that agent took at extension, out of queue.
func endedCall(id string, minute int, agent, extension, queue string) *crm.Call {
	c := openCall(id, minute)
	c.Outcome, c.AnsweredAt, c.EndedAt = crm.Answered, at(minute+1), at(minute+3)
	c.WaitMS, c.RingMS, c.TalkMS, c.HoldMS = millis(60_000), millis(4_000), millis(120_000), millis(0)
	c.EndedBy, c.Cause = crm.EndedByCaller, 16
	c.QueueVisits = []crm.QueueVisit{{Queue: queue, EnteredAt: at(minute), LeftAt: at(minute + 1), Result: "connected"}}
	c.Offers = []crm.Offer{{ID: id + ".dev", Extension: extension, Agent: agent, Queue: queue, StartedAt: at(minute), Result: crm.ResultAccepted}}
	c.Talks = []crm.Talk{{Extension: extension, Agent: agent, Via: "queue", StartedAt: at(minute + 1), EndedAt: at(minute + 3)}}
	return c
}

// pbx drives one PBX of the store as its owner does.
type pbx struct {
	t      *testing.T
	s      crm.Store
	name   string
	tenant string
	epoch  uint64
	pos    crm.Position
}

// own takes the PBX for the tenant.
func own(t *testing.T, s crm.Store, name, tenant string) *pbx {
	t.Helper()
	epoch, err := s.TakePBX(t.Context(), name, tenant, "node-a")
	check(t, err)
	cp, err := s.Resume(t.Context(), name)
	check(t, err)
	return &pbx{t: t, s: s, name: name, tenant: tenant, epoch: epoch, pos: cp.Pos}
}

// batch returns a batch of one frame after the checkpoint with those calls.
func (p *pbx) batch(calls ...*crm.Call) crm.Batch {
	to := crm.Position{Epoch: p.epoch, Seq: p.pos.Seq + 1}
	if p.pos.Epoch != p.epoch {
		to.Seq = 1
	}
	return crm.Batch{PBX: p.name, Tenant: p.tenant, Epoch: p.epoch, From: p.pos, To: to, Calls: calls}
}

// event returns the n-th event of the batch's frame.
func (p *pbx) event(b crm.Batch, n int, typ crm.EventType, c *crm.Call) crm.Event {
	return crm.Event{PBX: p.name, Pos: b.To, N: n, Type: typ, At: c.StartedAt, Tenant: p.tenant, Call: c}
}

// commit commits b and moves on.
func (p *pbx) commit(b crm.Batch) {
	p.t.Helper()
	check(p.t, p.s.Commit(p.t.Context(), b))
	p.pos = b.To
}

// store commits the calls, one batch for all.
func (p *pbx) store(calls ...*crm.Call) {
	p.t.Helper()
	p.commit(p.batch(calls...))
}

// merge commits that from was absorbed by into.
func (p *pbx) merge(from *crm.Call, into *crm.Call) {
	p.t.Helper()
	b := p.batch(into)
	e := p.event(b, 0, crm.CallMerged, from)
	e.Into = into.ID
	b.Events = []crm.Event{e}
	p.commit(b)
}

// equal compares by JSON, which is how everything here leaves the daemon.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := toJSON(t, got), toJSON(t, want); g != w {
		t.Fatalf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	check(t, err)
	return string(b)
}

// ids returns the ids of all calls that match, page by page, and checks that no
// page is longer than asked for.
func ids(t *testing.T, s crm.Store, tenant string, f crm.CallFilter, limit int) []string {
	t.Helper()
	out := []string{}
	for p := (crm.Page{Limit: limit}); ; {
		calls, next, err := s.Calls(t.Context(), tenant, f, p)
		check(t, err)
		if limit > 0 && len(calls) > limit {
			t.Fatalf("a page of %d has %d calls", limit, len(calls))
		}
		for _, c := range calls {
			out = append(out, c.ID)
		}
		if next == "" {
			return out
		}
		if len(calls) == 0 {
			t.Fatal("an empty page has a next one")
		}
		p.Cursor = next
	}
}

// mustCall reads a call.
func mustCall(t *testing.T, s crm.Store, id string) *crm.Call {
	t.Helper()
	c, err := s.Call(t.Context(), tenant, id)
	check(t, err)
	return c
}

// log returns all events of the tenant.
func log(t *testing.T, s crm.Store, tenant string) []crm.StoredEvent {
	t.Helper()
	events, err := s.Events(t.Context(), tenant, 0, 10_000)
	check(t, err)
	return events
}

// types returns "type call" of every event.
func types(events []crm.StoredEvent) []string {
	out := []string{}
	for _, e := range events {
		out = append(out, fmt.Sprintf("%s %s", e.Type, e.CallID))
	}
	return out
}

func sorted(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return out
}
