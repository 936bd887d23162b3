package crmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"patchcord/crm"
)

var eventTests = []test{
	{"an empty log has no events and no tops", func(t *testing.T, s crm.Store) {
		equal(t, "events", len(log(t, s, tenant)), 0)
		since, err := s.EventsSince(t.Context(), tenant, crm.Cursor{}, 10)
		check(t, err)
		equal(t, "events since", len(since), 0)
		c, err := s.Tops(t.Context())
		check(t, err)
		equal(t, "tops", c, crm.Cursor{PBX: map[string]crm.Position{}})
		newest, err := s.NewestEvent(t.Context())
		check(t, err)
		equal(t, "newest", newest, 0)
	}},
	{"what a PBX said keeps its id, type, call, time and body", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		c := endedCall("hq:1.1", 3, "ann", "101", "sales")
		b := p.batch(c)
		e := p.event(b, 2, crm.OfferAccepted, c)
		e.OfferID = "hq:1.1.dev"
		quiet := crm.Event{PBX: "hq", Pos: b.To, N: 3, Type: crm.QueueStateEvent, Tenant: tenant,
			Queue: &crm.QueueState{PBX: "hq", Queue: "sales", Waiting: 2}}
		b.Events = []crm.Event{e, quiet}
		p.commit(b)
		events := log(t, s, tenant)
		if len(events) != 2 {
			t.Fatalf("got %d events, want 2", len(events))
		}
		got := events[0]
		want := crm.StoredEvent{N: got.N, PBX: "hq", Pos: b.To, Num: 2, Type: crm.OfferAccepted, CallID: "hq:1.1", At: at(3)}
		want.Body, _ = e.MarshalJSON()
		equal(t, "event", got, want)
		equal(t, "body", string(got.Body), string(want.Body))
		if got.N < 1 || events[1].N <= got.N || events[1].CallID != "" || !events[1].At.IsZero() {
			t.Errorf("got %+v after n=%d, want a later one without call and time", events[1], got.N)
		}
	}},
	{"what people did has its place in the log as position, and the merged record", peoplesEvents},
	{"events are read from any place, in parts", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		p.store(openCall("hq:1.1", 0))
		for i := range 7 {
			_, err := s.AddNote(t.Context(), tenant, "hq:1.1", crm.Note{ID: fmt.Sprint(i), Text: "x", At: at(i)})
			check(t, err)
		}
		all := log(t, s, tenant)
		var parts []crm.StoredEvent
		for after := int64(0); ; {
			some, err := s.Events(t.Context(), tenant, after, 3)
			check(t, err)
			if len(some) == 0 {
				break
			}
			parts = append(parts, some...)
			after = some[len(some)-1].N
		}
		equal(t, "parts", parts, all)
		equal(t, "count", len(all), 7)
	}},
	{"events of some types are found among others, and how far was looked is told", eventsOf},
	{"a cursor gives each source's later events, in log order", eventsSince},
	{"sixteen writers, and no reader ever meets an earlier event later", TestEventOrder},
}

func peoplesEvents(t *testing.T, s crm.Store) {
	ctx := t.Context()
	own(t, s, "hq", tenant).store(openCall("hq:1.1", 0))
	d := crm.Disposition{Code: "resolved", By: "ann", At: at(5)}
	whole, err := s.SetDisposition(ctx, tenant, "hq:1.1", d, "")
	check(t, err)
	m := crm.Match{ID: "c1", Name: "Grace", Score: 1, Reason: "number"}
	matched, err := s.SetContact(ctx, tenant, "hq:1.1", &m)
	check(t, err)
	events := log(t, s, tenant)
	equal(t, "types", types(events), []string{"call.updated hq:1.1", "contact.matched hq:1.1"})
	for i, want := range []crm.Event{
		{Type: crm.CallUpdated, At: d.At, Call: whole},
		{Type: crm.ContactMatched, At: events[1].At, Call: matched, Matches: []crm.Match{m}},
	} {
		got := events[i]
		want.Pos = crm.Position{Seq: uint64(got.N)}
		body, err := json.Marshal(&want)
		check(t, err)
		equal(t, "body", string(got.Body), string(body))
		if got.PBX != "" || got.Pos != want.Pos || got.Num != 0 {
			t.Errorf("got source %q, %s/%d; want the log's, %s/0", got.PBX, got.Pos, got.Num, want.Pos)
		}
	}
	tops, err := s.Tops(ctx)
	check(t, err)
	equal(t, "top of the log", tops.Log, events[1].N)
}

func eventsSince(t *testing.T, s crm.Store) {
	ctx := t.Context()
	hq, branch, foreign := own(t, s, "hq", tenant), own(t, s, "branch", tenant), own(t, s, "far", "other")
	say := func(p *pbx, typ crm.EventType) {
		c := openCall(p.name+":1.1", 0)
		b := p.batch(c)
		b.Events = []crm.Event{p.event(b, 0, typ, c)}
		p.commit(b)
	}
	note := func(id string) {
		_, err := s.AddNote(ctx, tenant, "hq:1.1", crm.Note{ID: id, Text: id, At: at(1)})
		check(t, err)
	}
	say(hq, crm.CallStarted)
	say(branch, crm.CallStarted)
	note("n1")
	tops, err := s.Tops(ctx)
	check(t, err)
	equal(t, "top of hq", tops.PBX["hq"], hq.pos)
	say(foreign, crm.CallStarted)
	note("n2")
	say(branch, crm.CallAnswered)
	say(hq, crm.CallAnswered)
	note("n3")
	again := own(t, s, "hq", tenant) // a later epoch is after every earlier one
	say(again, crm.CallEnded)

	all, err := s.PeopleEvents(ctx, tenant, 0, 100)
	check(t, err)
	equal(t, "people's", types(all), []string{"call.updated hq:1.1", "call.updated hq:1.1", "call.updated hq:1.1"})
	some, err := s.PeopleEvents(ctx, tenant, tops.Log, 1)
	check(t, err)
	equal(t, "people's since the top", some, all[1:2])
	some, err = s.PeopleEvents(ctx, "other", 0, 100)
	check(t, err)
	equal(t, "people's of another tenant", len(some), 0)

	want := []string{"call.updated hq:1.1", "call.answered branch:1.1", "call.answered hq:1.1", "call.updated hq:1.1", "call.ended hq:1.1"}
	for _, limit := range []int{1, 3, 5, 100} {
		got, err := s.EventsSince(ctx, tenant, tops, limit)
		check(t, err)
		equal(t, fmt.Sprintf("since the tops, %d", limit), types(got), want[:min(limit, len(want))])
	}
	got, err := s.EventsSince(ctx, tenant, crm.Cursor{PBX: map[string]crm.Position{"hq": again.pos}, Log: 1 << 40}, 100)
	check(t, err)
	equal(t, "of a PBX the cursor does not name", types(got), []string{"call.started branch:1.1", "call.answered branch:1.1"})
	got, err = s.EventsSince(ctx, "other", crm.Cursor{}, 100)
	check(t, err)
	equal(t, "another tenant's", types(got), []string{"call.started far:1.1"})
}

// TestEventOrder has sixteen writers, half PBXs and half people, while readers
// follow the log by n and by cursor; what they read must be all there is in the
// end. It is part of TestStore, and can be run again on a store whose commits are delayed.
func TestEventOrder(t *testing.T, s crm.Store) {
	const writers, each = 16, 12
	var owners []*pbx
	for i := range writers {
		p := own(t, s, fmt.Sprintf("pbx%d", i), tenant)
		p.store(openCall(p.name+":1.1", 0))
		owners = append(owners, p)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	errs := make(chan error, writers+2)
	var reading, writing sync.WaitGroup
	byN, byCursor := map[int64]bool{}, map[int64]bool{}
	reading.Go(func() { errs <- followByN(ctx, s, byN) })
	reading.Go(func() { errs <- followByCursor(ctx, s, byCursor) })
	for i, p := range owners {
		writing.Go(func() { errs <- writeEvents(t.Context(), p, each, i%2 == 0) })
	}
	writing.Wait()
	stop(errStop)
	reading.Wait()
	close(errs)
	for err := range errs {
		check(t, err)
	}
	events := log(t, s, tenant)
	equal(t, "events", len(events), writers*each)
	for _, e := range events {
		if !byN[e.N] || !byCursor[e.N] {
			t.Errorf("event %d was read by n: %v, by cursor: %v; want both", e.N, byN[e.N], byCursor[e.N])
		}
	}
}

var errStop = errors.New("all is written")

// writeEvents writes n events of the PBX, or of people.
func writeEvents(ctx context.Context, p *pbx, n int, people bool) error {
	for i := range n {
		id := p.name + ":1.1"
		if people {
			if _, err := p.s.AddNote(ctx, tenant, id, crm.Note{ID: fmt.Sprint(i), Text: "x", At: at(i)}); err != nil {
				return err
			}
			continue
		}
		c := openCall(id, 0)
		b := p.batch(c)
		b.Events = []crm.Event{p.event(b, 0, crm.CallUpdated, c)}
		if err := p.s.Commit(ctx, b); err != nil {
			return err
		}
		p.pos = b.To
	}
	return nil
}

// followByN reads the log by place until it is stopped and everything was read.
func followByN(ctx context.Context, s crm.Store, seen map[int64]bool) error {
	for after := int64(0); ; {
		last := ctx.Err() != nil // then one more reading gives the rest
		events, err := s.Events(context.WithoutCancel(ctx), tenant, after, 1000)
		if err != nil || last && len(events) == 0 {
			return err
		}
		for _, e := range events {
			if e.N <= after {
				return fmt.Errorf("event %d came after %d", e.N, after)
			}
			after, seen[e.N] = e.N, true
		}
	}
}

// followByCursor reads the log by the positions in each source.
func followByCursor(ctx context.Context, s crm.Store, seen map[int64]bool) error {
	for c := (crm.Cursor{PBX: map[string]crm.Position{}}); ; {
		last := ctx.Err() != nil
		events, err := s.EventsSince(context.WithoutCancel(ctx), tenant, c, 1000)
		if err != nil || last && len(events) == 0 {
			return err
		}
		for _, e := range events {
			if seen[e.N] {
				return fmt.Errorf("event %d came twice", e.N)
			}
			seen[e.N] = true
			if e.PBX == "" {
				c.Log = e.N
			} else {
				c.PBX[e.PBX] = e.Pos
			}
		}
	}
}

func eventsOf(t *testing.T, s crm.Store) {
	p := own(t, s, "hq", tenant)
	for i := range 4 {
		c := endedCall(fmt.Sprintf("hq:%d.1", i+1), 3*i, "ann", "101", "sales")
		b := p.batch(c)
		b.Events = []crm.Event{p.event(b, 1, crm.CallStarted, c), p.event(b, 2, crm.CallEnded, c), p.event(b, 3, crm.CallUpdated, c)}
		p.commit(b)
	}
	all := log(t, s, tenant)
	top := all[len(all)-1].N
	read := func(after int64, limit int, types ...crm.EventType) (found []crm.StoredEvent, upTo int64) {
		t.Helper()
		found, upTo, err := s.EventsOf(t.Context(), tenant, after, limit, types...)
		check(t, err)
		return found, upTo
	}
	found, upTo := read(0, 100)
	equal(t, "events of no types", found, all)
	equal(t, "looked up to", upTo, top)
	found, upTo = read(0, 100, crm.CallEnded, crm.CallTransferred)
	equal(t, "events of two types", len(found), 4)
	equal(t, "looked up to", upTo, top)
	equal(t, "the first", found[0], all[1])
	found, upTo = read(0, 3, crm.CallEnded)
	equal(t, "a part", len(found), 3)
	equal(t, "looked up to the last of the part", upTo, found[2].N)
	found, upTo = read(upTo, 3, crm.CallEnded)
	equal(t, "the rest", len(found), 1)
	equal(t, "looked up to", upTo, top)
	found, upTo = read(0, 100, crm.CallMerged)
	equal(t, "events of a type that there is none of", len(found), 0)
	equal(t, "looked up to", upTo, top)
	found, upTo = read(top, 100, crm.CallEnded)
	equal(t, "events after the last", len(found), 0)
	equal(t, "looked up to", upTo, top)
	_, upTo = read(top+5, 100)
	equal(t, "looked up to what is not there yet", upTo, top+5)
}
