package crmtest

import (
	"fmt"
	"testing"
	"time"

	"patchcord/crm"
)

var retentionTests = []test{
	{"calls expire with all that belongs to them", callsExpire},
	{"a held call stays whole", heldCallStays},
	{"a hold is set once, listed, and released", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		own(t, s, "hq", tenant).store(endedCall("hq:1.1", 1, "ann", "101", "sales"))
		wantErr(t, s.Hold(ctx, tenant, crm.Hold{CallID: "hq:9.9"}), crm.ErrNotFound)
		wantErr(t, s.Release(ctx, tenant, "hq:1.1"), crm.ErrNotFound)
		first := crm.Hold{CallID: "hq:1.1", Reason: "case 7", By: "ann", At: at(5)}
		check(t, s.Hold(ctx, tenant, first))
		check(t, s.Hold(ctx, tenant, crm.Hold{CallID: "hq:1.1", Reason: "again", By: "bob", At: at(6)}))
		got, err := s.Holds(ctx, tenant)
		check(t, err)
		equal(t, "holds", got, []crm.Hold{first})
		elsewhere, err := s.Holds(ctx, "other")
		check(t, err)
		equal(t, "holds of another tenant", elsewhere, []crm.Hold{})
		wantErr(t, s.Release(ctx, "other", "hq:1.1"), crm.ErrNotFound)
		check(t, s.Release(ctx, tenant, "hq:1.1"))
		equal(t, "removed after the release", expire(t, s, crm.KeepCalls, at(60), 10), 1)
	}},
	{"the hold of an absorbed call goes to the survivor", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		p := own(t, s, "hq", tenant)
		from, into := endedCall("hq:2.1", 2, "ann", "101", "sales"), endedCall("hq:1.1", 1, "ann", "101", "sales")
		p.store(from, into)
		check(t, s.Hold(ctx, tenant, crm.Hold{CallID: from.ID, Reason: "r", By: "ann", At: at(3)}))
		p.merge(from, into)
		got, err := s.Holds(ctx, tenant)
		check(t, err)
		equal(t, "holds", got, []crm.Hold{{CallID: into.ID, Reason: "r", By: "ann", At: at(3)}})
		equal(t, "removed", expire(t, s, crm.KeepCalls, at(60), 10), 0)
		check(t, s.Release(ctx, tenant, from.ID))
	}},
	{"notes go, the code stays", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		own(t, s, "hq", tenant).store(endedCall("hq:1.1", 1, "ann", "101", "sales"))
		_, err := s.AddNote(ctx, tenant, "hq:1.1", crm.Note{ID: "n", Text: "secret", By: "ann", At: at(4)})
		check(t, err)
		_, err = s.SetDisposition(ctx, tenant, "hq:1.1", crm.Disposition{Code: "sale", Note: "hidden", By: "ann", At: at(4)}, "")
		check(t, err)
		equal(t, "removed", expire(t, s, crm.KeepNotes, at(60), 10), 1)
		c := mustCall(t, s, "hq:1.1")
		equal(t, "notes", len(c.Notes), 0)
		equal(t, "disposition", c.Disposition, crm.Disposition{Code: "sale", By: "ann", At: at(4)})
		for _, f := range []crm.CallFilter{{Q: "secret"}, {Q: "hidden"}} {
			equal(t, "found by "+f.Q, ids(t, s, tenant, f, 0), []string{})
		}
		equal(t, "found by code", ids(t, s, tenant, crm.CallFilter{Disposition: "sale"}, 0), []string{"hq:1.1"})
		equal(t, "removed again", expire(t, s, crm.KeepNotes, at(60), 10), 0)
	}},
	{"names of recorded files go", func(t *testing.T, s crm.Store) {
		c := endedCall("hq:1.1", 1, "ann", "101", "sales")
		c.Recordings = []crm.Recording{{File: "a.wav"}}
		own(t, s, "hq", tenant).store(c)
		equal(t, "removed", expire(t, s, crm.KeepRecordings, at(60), 10), 1)
		equal(t, "recordings", len(mustCall(t, s, c.ID).Recordings), 0)
		yes := true
		equal(t, "recorded", ids(t, s, tenant, crm.CallFilter{HasRecording: &yes}, 0), []string{})
	}},
	{"events expire from the beginning, up to what is still to be read", eventsExpire},
	{"deliveries that are done expire, others stay", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		check(t, s.Enqueue(ctx, "hook", 0, 1, []crm.Job{{Lane: "a", Key: "1"}, {Lane: "b", Key: "2"}}))
		now := time.Now()
		jobs, err := s.Claim(ctx, "hook", now, time.Minute, 1)
		check(t, err)
		check(t, s.Finish(ctx, jobs[0].End(crm.JobResult{State: crm.JobDone})))
		equal(t, "removed young ones", expire(t, s, crm.KeepJobs, crm.At(now.Add(-time.Hour)), 10), 0)
		equal(t, "removed", expire(t, s, crm.KeepJobs, crm.At(now.Add(time.Hour)), 10), 1)
		left, err := s.Jobs(ctx, "hook", crm.JobReady, 10)
		check(t, err)
		equal(t, "left", len(left), 1)
	}},
	{"an unknown class is an error", func(t *testing.T, s crm.Store) {
		if _, _, err := s.Expire(t.Context(), crm.Expiry{Class: "x", Tenant: tenant, Limit: 1}); err == nil {
			t.Fatal("no error")
		}
	}},
}

// expire removes what began before, limit by limit, and returns how many things went.
func expire(t *testing.T, s crm.Store, class crm.RetentionClass, before crm.Time, limit int) (sum int) {
	t.Helper()
	e := crm.Expiry{Class: class, Tenant: tenant, Before: before.Time, Keep: 1 << 40, Limit: limit}
	for range 100 {
		n, next, err := s.Expire(t.Context(), e)
		check(t, err)
		if n > limit {
			t.Fatalf("removed %d at once, the limit is %d", n, limit)
		}
		sum += n
		if e.Mark = next; next == "" {
			return sum
		}
	}
	t.Fatal("it does not end")
	return 0
}

func callsExpire(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	var calls []*crm.Call
	for i := range 10 {
		calls = append(calls, endedCall(fmt.Sprintf("hq:%d.1", i), i, "ann", "101", "sales"))
	}
	unknown, open := endedCall("hq:77.1", 0, "ann", "101", "sales"), openCall("hq:78.1", 0)
	unknown.StartedAt = crm.Time{}
	absorbed := endedCall("hq:79.1", 1, "ann", "101", "sales")
	b := p.batch(append(calls, unknown, open, absorbed)...)
	b.Gaps = []crm.Gap{{ID: "hq:g1", PBX: "hq", StartedAt: at(0), EndedAt: at(2)}, {ID: "hq:g2", PBX: "hq", StartedAt: at(6), EndedAt: at(8)}}
	b.Evidence = []crm.CallEvidence{{CallID: "hq:1.1", Items: []crm.Evidence{{Kind: crm.EvidenceRule, Text: "x"}}}}
	p.commit(b)
	p.merge(absorbed, calls[1])
	own(t, s, "branch", "other").store(endedCall("branch:1.1", 0, "ann", "101", "sales"))

	equal(t, "removed", expire(t, s, crm.KeepCalls, at(5), 3), 5)
	left := []string{"hq:9.1", "hq:8.1", "hq:7.1", "hq:6.1", "hq:5.1", open.ID, unknown.ID}
	equal(t, "list", ids(t, s, tenant, crm.CallFilter{}, 0), left)
	equal(t, "by agent", ids(t, s, tenant, crm.CallFilter{Agent: "ann"}, 0), []string{"hq:9.1", "hq:8.1", "hq:7.1", "hq:6.1", "hq:5.1", unknown.ID})
	equal(t, "by word", ids(t, s, tenant, crm.CallFilter{Q: "ada", Queue: "sales"}, 0), []string{"hq:9.1", "hq:8.1", "hq:7.1", "hq:6.1", "hq:5.1", unknown.ID})
	equal(t, "elsewhere", ids(t, s, "other", crm.CallFilter{}, 0), []string{"branch:1.1"})
	for _, id := range []string{"hq:1.1", absorbed.ID} {
		_, err := s.Call(ctx, tenant, id)
		wantErr(t, err, crm.ErrNotFound)
	}
	items, _, err := s.Evidence(ctx, tenant, "hq:1.1")
	check(t, err)
	equal(t, "evidence", len(items), 0)
	gaps, err := s.Gaps(ctx, tenant, time.Time{}, time.Time{})
	check(t, err)
	equal(t, "gaps", len(gaps), 1)
	equal(t, "removed again", expire(t, s, crm.KeepCalls, at(5), 3), 0)
}

func heldCallStays(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	held, other := endedCall("hq:1.1", 1, "ann", "101", "sales"), endedCall("hq:2.1", 2, "ann", "101", "sales")
	held.Recordings = []crm.Recording{{File: "a.wav"}}
	b := p.batch(held, other)
	b.Evidence = []crm.CallEvidence{{CallID: held.ID, Items: []crm.Evidence{{Kind: crm.EvidenceRule, Text: "x"}}}}
	b.Events = []crm.Event{p.event(b, 0, crm.CallEnded, held), p.event(b, 1, crm.CallEnded, other)}
	p.commit(b)
	_, err := s.AddNote(ctx, tenant, held.ID, crm.Note{ID: "n", Text: "secret", By: "ann", At: at(4)})
	check(t, err)
	before := mustCall(t, s, held.ID)
	check(t, s.Hold(ctx, tenant, crm.Hold{CallID: held.ID, Reason: "r", By: "ann", At: at(3)}))
	for _, class := range crm.RetentionClasses {
		expire(t, s, class, at(60), 1)
	}
	equal(t, "the held call", mustCall(t, s, held.ID), before)
	items, _, err := s.Evidence(ctx, tenant, held.ID)
	check(t, err)
	equal(t, "its evidence", len(items), 1)
	equal(t, "events", types(log(t, s, tenant)), []string{"call.ended " + held.ID, "call.updated " + held.ID})
	_, err = s.Call(ctx, tenant, other.ID)
	wantErr(t, err, crm.ErrNotFound)
}

func eventsExpire(t *testing.T, s crm.Store) {
	p := own(t, s, "hq", tenant)
	for i := range 6 {
		c := endedCall(fmt.Sprintf("hq:%d.1", i), i, "ann", "101", "sales")
		b := p.batch(c)
		b.Events = []crm.Event{p.event(b, 0, crm.CallEnded, c)}
		p.commit(b)
	}
	_, err := s.AddNote(t.Context(), tenant, "hq:0.1", crm.Note{ID: "n", Text: "x", By: "ann", At: at(0)})
	check(t, err)
	all := log(t, s, tenant)
	equal(t, "events", len(all), 7)
	n, _, err := s.Expire(t.Context(), crm.Expiry{Class: crm.KeepEvents, Tenant: tenant, Before: at(60).Time, Keep: all[1].N, Limit: 10})
	check(t, err)
	equal(t, "removed below what is to be read", n, 1)
	equal(t, "removed", expire(t, s, crm.KeepEvents, at(3), 2), 2)
	equal(t, "left", types(log(t, s, tenant)), types(all[3:]))
	equal(t, "removed all but people's last", expire(t, s, crm.KeepEvents, at(60), 2), 3)
	tops, err := s.Tops(t.Context())
	check(t, err)
	equal(t, "people's log", tops.Log, all[6].N)
	newest, err := s.NewestEvent(t.Context())
	check(t, err)
	equal(t, "newest", newest, all[6].N)
}
