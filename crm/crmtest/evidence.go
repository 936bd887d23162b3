package crmtest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
)

// said returns a frame of evidence at that minute.
func said(minute int, name string) crm.Evidence {
	return crm.Evidence{At: at(minute), Pos: crm.Position{Epoch: 1, Seq: uint64(minute + 1)}, Kind: crm.EvidenceFrame, Name: name, Text: "said"}
}

func evidenceOf(t *testing.T, s crm.Store, tenant, id string) (items []crm.Evidence, more int) {
	t.Helper()
	items, more, err := s.Evidence(t.Context(), tenant, id)
	check(t, err)
	return items, more
}

var evidenceTests = []test{
	{"of a call of which nothing is known there is no evidence", func(t *testing.T, s crm.Store) {
		items, more := evidenceOf(t, s, tenant, "hq:1.1")
		if len(items) != 0 || more != 0 {
			t.Fatalf("got %v and %d more", items, more)
		}
	}},
	{"evidence comes with its batch and beside it, and stays in order", evidenceInOrder},
	{"a batch that is refused leaves no evidence", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		b := p.batch(openCall("hq:1.1", 0))
		b.Epoch++
		b.Evidence = []crm.CallEvidence{{CallID: "hq:1.1", Items: []crm.Evidence{said(0, "Newchannel")}}}
		wantErr(t, s.Commit(t.Context(), b), crm.ErrFenced)
		items, _ := evidenceOf(t, s, tenant, "hq:1.1")
		equal(t, "evidence", items, []crm.Evidence{})
	}},
	{"a survivor has the evidence of what it absorbed, and what comes late", evidenceMerges},
	{"what does not fit is counted, and conclusions find room when frames do not", evidenceIsBounded},
	{"sixteen writers lose nothing", evidenceRace},
	{"jobs of a call are found by destination, those of absorbed calls too", jobsOfCall},
	{"calls are read with the jobs of their own lanes, many at once", callsWithJobs},
	{"extensions that had part in a call are seen", seenExtensions},
}

func evidenceInOrder(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	two := 2
	latency := crm.Millis(42)
	want := []crm.Evidence{
		said(0, "Newchannel"),
		{At: at(1), Kind: crm.EvidenceDelivery, Name: crm.PopPublished, Offer: "o", Agent: "ann", Text: "x\x00y", Sockets: &two, LatencyMS: &latency, Since: at(0)},
		said(2, "Hangup"),
		{At: at(3), Kind: crm.EvidenceQueue, Queue: "sales", Text: "members", Members: []crm.QueueMember{{Extension: "101", Paused: true, Reason: "lunch"}}},
	}
	b := p.batch(openCall("hq:1.1", 0))
	b.Evidence = []crm.CallEvidence{{CallID: "hq:1.1", Items: want[:1]}}
	p.commit(b)
	check(t, s.Commit(ctx, b)) // of unknown outcome, repeated
	check(t, s.AddEvidence(ctx, tenant, []crm.CallEvidence{{CallID: "hq:1.1", Items: want[1:2]}}))
	b = p.batch(endedCall("hq:1.1", 0, "ann", "101", "sales"))
	b.Evidence = []crm.CallEvidence{{CallID: "hq:1.1", Items: want[2:3]}}
	p.commit(b)
	check(t, s.AddEvidence(ctx, tenant, []crm.CallEvidence{{CallID: "hq:1.1", Items: want[3:]}}))
	check(t, s.AddEvidence(ctx, "other", []crm.CallEvidence{{CallID: "hq:1.1", Items: want[:1]}}))

	want[1].Text = "x\ufffdy" // no store keeps a NUL
	items, more := evidenceOf(t, s, tenant, "hq:1.1")
	equal(t, "evidence", items, want)
	equal(t, "more", more, 0)
	items, _ = evidenceOf(t, s, "other", "hq:1.1")
	equal(t, "another tenant's", items, want[:1])
}

func evidenceMerges(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	old, young := openCall("hq:1.1", 0), openCall("hq:2.1", 1)
	b := p.batch(old, young)
	b.Evidence = []crm.CallEvidence{
		{CallID: "hq:2.1", Items: []crm.Evidence{said(1, "second")}},
		{CallID: "hq:1.1", Items: []crm.Evidence{said(0, "first")}},
	}
	p.commit(b)
	p.merge(young, old)
	check(t, s.AddEvidence(ctx, tenant, []crm.CallEvidence{{CallID: "hq:2.1", Items: []crm.Evidence{said(3, "late")}}}))
	for _, id := range []string{"hq:1.1", "hq:2.1"} {
		items, _ := evidenceOf(t, s, tenant, id)
		equal(t, "evidence of "+id, items, []crm.Evidence{said(0, "first"), said(1, "second"), said(3, "late")})
	}
}

func evidenceIsBounded(t *testing.T, s crm.Store) {
	ctx := t.Context()
	frame := said(0, "Newstate")
	frame.Text = strings.Repeat("x", 1000)
	var frames []crm.Evidence
	for range 100 {
		frames = append(frames, frame)
	}
	check(t, s.AddEvidence(ctx, tenant, []crm.CallEvidence{{CallID: "hq:1.1", Items: frames}}))
	rule := crm.Evidence{Kind: crm.EvidenceRule, Name: "outcome", Text: "answered"}
	check(t, s.AddEvidence(ctx, tenant, []crm.CallEvidence{{CallID: "hq:1.1", Items: []crm.Evidence{rule}}}))
	items, more := evidenceOf(t, s, tenant, "hq:1.1")
	if len(items)-1+more != 100 || more == 0 || len(items) < 10 {
		t.Fatalf("got %d pieces and %d more, want 101 in all and some left out", len(items), more)
	}
	equal(t, "the last", items[len(items)-1], rule)
	for range 3 {
		check(t, s.AddEvidence(ctx, tenant, []crm.CallEvidence{{CallID: "hq:1.1", Items: frames}}))
	}
	_, after := evidenceOf(t, s, tenant, "hq:1.1")
	equal(t, "more", after, more+300)
}

func evidenceRace(t *testing.T, s crm.Store) {
	var wg sync.WaitGroup
	errs := make(chan error, 16)
	for i := range 16 {
		wg.Go(func() {
			one := said(i, fmt.Sprint(i))
			errs <- s.AddEvidence(t.Context(), tenant, []crm.CallEvidence{
				{CallID: fmt.Sprintf("hq:%d.2", i%2), Items: []crm.Evidence{one}}, {CallID: "hq:1.1", Items: []crm.Evidence{one}},
			})
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		check(t, err)
	}
	items, _ := evidenceOf(t, s, tenant, "hq:1.1")
	equal(t, "pieces", len(items), 16)
}

func jobsOfCall(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	old, young := openCall("hq:1.1", 0), openCall("hq:2.1", 1)
	p.store(old, young)
	for _, dest := range []string{"crm", "hook", "another tenant's"} {
		check(t, s.Enqueue(ctx, dest, 0, 3, []crm.Job{
			{Lane: "hq:2.1", Key: "a", Kind: "event", RunAt: base},
			{Lane: "hq:1.1", Key: "b", Kind: "event", RunAt: base},
			{Lane: "hq:9.9", Key: "c", Kind: "event", RunAt: base},
		}))
	}
	p.merge(young, old)
	jobs, err := s.CallJobs(ctx, tenant, "hq:2.1", []string{"hook", "crm"})
	check(t, err)
	got := []string{}
	for _, j := range jobs {
		got = append(got, j.Dest+" "+j.Key)
	}
	equal(t, "jobs", got, []string{"hook a", "hook b", "crm a", "crm b"})
	claimed, err := s.Claim(ctx, "crm", at(1).Time, time.Minute, 10)
	check(t, err)
	check(t, s.Finish(ctx, claimed[0].End(crm.JobResult{State: crm.JobDone, RunAt: at(1).Time})))
	check(t, s.Finish(ctx, claimed[1].End(crm.JobResult{State: crm.JobParked, RunAt: at(3).Time, Err: "400"})))
	jobs, err = s.CallJobs(ctx, tenant, "hq:1.1", []string{"crm"})
	check(t, err)
	equal(t, "when they ended", []time.Time{jobs[0].RunAt.UTC(), jobs[1].RunAt.UTC()}, []time.Time{at(1).UTC(), at(3).UTC()})
	claimed, err = s.Claim(ctx, "crm", at(9).Time, time.Minute, 10)
	check(t, err)
	equal(t, "jobs that are left", len(claimed), 1)
	jobs, err = s.CallJobs(ctx, tenant, "hq:1.1", nil)
	check(t, err)
	equal(t, "jobs of no destination", len(jobs), 0)
}

func callsWithJobs(t *testing.T, s crm.Store) {
	ctx := t.Context()
	p := own(t, s, "hq", tenant)
	old, young := openCall("hq:1.1", 0), openCall("hq:2.1", 1)
	p.store(old, young, endedCall("hq:3.1", 2, "ann", "101", "sales"))
	for _, dest := range []string{"crm", "hook"} {
		check(t, s.Enqueue(ctx, dest, 0, 3, []crm.Job{
			{Lane: "hq:2.1", Key: "a", Kind: "call", RunAt: base},
			{Lane: "hq:1.1", Key: "b", Kind: "call", RunAt: base},
			{Lane: "hq:2.1", Key: "c", Kind: "call", RunAt: base},
			{Lane: "hq:9.9", Key: "d", Kind: "call", RunAt: base},
		}))
	}
	p.merge(young, old)
	_, err := s.SetDisposition(ctx, tenant, "hq:3.1", crm.Disposition{Code: "resolved", By: "ann", At: at(9)}, "")
	check(t, err)
	claimed, err := s.Claim(ctx, "crm", at(1).Time, time.Minute, 1)
	check(t, err)
	check(t, s.Finish(ctx, claimed[0].End(crm.JobResult{State: crm.JobDone, RunAt: at(1).Time})))

	ids := []string{"hq:3.1", "hq:2.1", "hq:9.9", "hq:1.1", "hq:2.1", "x\x00y"}
	found, err := s.CallsWithJobs(ctx, tenant, "crm", ids)
	check(t, err)
	got := []string{}
	for _, f := range found {
		text := "none"
		if f.Call != nil {
			equal(t, "the call as it is read alone", f.Call, mustCall(t, s, f.Call.ID))
			text = f.Call.ID
		}
		for _, j := range f.Jobs {
			text += fmt.Sprintf(" %s/%s %s", j.Dest, j.Key, j.State)
		}
		got = append(got, text)
	}
	both := "hq:1.1 crm/a done crm/c ready"
	equal(t, "calls with their jobs", got, []string{"hq:3.1", both, "none crm/d ready", "hq:1.1 crm/b ready", both, "none"})
	found, err = s.CallsWithJobs(ctx, "other", "crm", ids[:1])
	check(t, err)
	equal(t, "another tenant's", found, []crm.CallWithJobs{{}})
	found, err = s.CallsWithJobs(ctx, tenant, "crm", nil)
	check(t, err)
	equal(t, "of none", len(found), 0)
}

func seenExtensions(t *testing.T, s crm.Store) {
	p := own(t, s, "hq", tenant)
	p.store(endedCall("hq:1.1", 0, "ann", "101", "sales"), endedCall("hq:1.2", 5, "", "102", "sales"))
	p.store(endedCall("hq:1.3", 30, "ann", "101", "sales"))
	other := own(t, s, "acme", "other")
	c := endedCall("acme:1.1", 0, "ann", "101", "sales")
	c.PBX, c.Tenant = "acme", "other"
	other.store(c)
	find := func(since crm.Time) []crm.SeenExtension {
		list, err := s.SeenExtensions(t.Context(), tenant, since.Time)
		check(t, err)
		return list
	}
	all := []crm.SeenExtension{
		{PBX: "hq", Extension: "101", SeenAt: at(31)}, {PBX: "hq", Extension: "102", SeenAt: at(6)},
	}
	equal(t, "all", find(at(0)), all)
	equal(t, "of late", find(at(10)), all[:1])
	p.store(endedCall("hq:1.4", 2, "ann", "101", "sales")) // an older one, committed later
	equal(t, "after an older call", find(at(0)), all)
}
