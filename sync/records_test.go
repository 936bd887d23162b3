package crmsync_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// keeping runs a Worker for the desk in the bubble; the test ends it.
func keeping(t *testing.T, h *house, d *desk, cfg crmsync.Config) (*crmsync.Worker, *crmsync.Records) {
	t.Helper()
	r := records(h, d)
	cfg.Store, cfg.Remote, cfg.Tenant, cfg.Logger = h, r, "default", slog.New(slog.DiscardHandler)
	w := crmsync.NewWorker(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return w, r
}

func settle(w *crmsync.Worker, d time.Duration) {
	w.Wake()
	time.Sleep(d)
	synctest.Wait()
}

func TestACallGoesOutWhenItEndedOrHasADisposition(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(10)
		w, _ := keeping(t, h, d, crmsync.Config{})
		h.happens(crm.CallStarted, call("hq:1", false, ""), "")
		h.happens(crm.CallUpdated, call("hq:1", false, ""), "")
		settle(w, 5*time.Second)
		if d.written() != 0 {
			t.Fatalf("an open call was written %d times", d.written())
		}
		h.happens(crm.CallUpdated, call("hq:1", false, "resolved"), "")
		settle(w, 5*time.Second)
		if got := d.row("hq:1"); got["code"] != "resolved" || got["seconds"] != nil {
			t.Errorf("got %v, want the disposition and no duration", got)
		}
		h.happens(crm.CallEnded, call("hq:1", true, "resolved"), "")
		settle(w, 5*time.Second)
		got := d.row("hq:1")
		if got["seconds"] != int64(61) || got["owner"] != "005A" || got["subject"] != "Inbound call +442079460000" {
			t.Errorf("got %v after the end", got)
		}
		if len(d.rows) != 1 || d.written() != 2 {
			t.Errorf("%d activities after %d writes, want 1 after 2", len(d.rows), d.written())
		}
	})
}

func TestEditsThatWaitBecomeOneWrite(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(10)
		w, _ := keeping(t, h, d, crmsync.Config{Linger: 10 * time.Second})
		for _, code := range []string{"", "callback", "resolved"} {
			h.happens(crm.CallUpdated, call("hq:1", true, code), "")
		}
		settle(w, time.Minute)
		if d.row("hq:1")["code"] != "resolved" || d.written() != 1 || h.count(crm.JobDone) != 3 {
			t.Errorf("got %v after %d writes, %d jobs done; want the last edit by one write", d.row("hq:1"), d.written(), h.count(crm.JobDone))
		}
		h.happens(crm.CallUpdated, call("hq:1", true, "callback"), "")
		settle(w, time.Minute)
		if d.row("hq:1")["code"] != "callback" {
			t.Errorf("a later edit is lost: %v", d.row("hq:1"))
		}
	})
}

// TestABatchIsReadAtOnce: what the store is asked does not grow with the calls of a batch.
func TestABatchIsReadAtOnce(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(50)
		w, _ := keeping(t, h, d, crmsync.Config{Linger: time.Second, Parallel: 1})
		for i := range 100 {
			h.happens(crm.CallEnded, call(fmt.Sprintf("hq:%d", i), true, ""), "")
		}
		settle(w, 5*time.Second)
		if d.written() != 100 || h.asked != 2 {
			t.Errorf("%d calls written, and the store asked %d times for calls; want 100 and twice", d.written(), h.asked)
		}
	})
}

func TestWhatWasTakenBackIsTakenBackThere(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(10)
		d.caps.Fields["text"] = "{disposition_note}\n{notes}"
		w, _ := keeping(t, h, d, crmsync.Config{})
		says := func(id, note string) {
			c := call(id, true, "resolved")
			c.Disposition.Note = note
			h.happens(crm.CallUpdated, c, "")
			settle(w, 5*time.Second)
		}
		says("hq:1", "card 4111 1111 1111 1111")
		says("hq:2", "")
		if got := d.row("hq:1")["text"]; got != "card 4111 1111 1111 1111" {
			t.Fatalf("got %q", got)
		}
		says("hq:1", "")
		if got := d.row("hq:1")["text"]; got != "" {
			t.Errorf("it still says %q", got)
		}
		d.mu.Lock()
		d.rows[crmsync.Key("default", "hq:1")]["text"] = "what somebody wrote there"
		d.mu.Unlock()
		says("hq:1", "")
		says("hq:2", "")
		if got, other := d.row("hq:1")["text"], d.row("hq:2")["text"]; got != "what somebody wrote there" || other != nil {
			t.Errorf("got %q, and %v of a call of which nobody said anything", got, other)
		}
	})
}

// TestWhatWasWrittenElsewhereIsTakenBackThere: by this process before a restart, or by another node, also when it never learned
// whether the CRM took it. What was emptied there already stays as people of the CRM leave it.
func TestWhatWasWrittenElsewhereIsTakenBackThere(t *testing.T) {
	says := func(id, note string) *crm.Call {
		c := call(id, true, "resolved")
		c.Disposition.Note = note
		return c
	}
	for name, answered := range map[string]bool{"done": true, "in doubt": false} {
		t.Run(name, func(t *testing.T) {
			sim(t, func(t *testing.T) {
				h, d := newHouse(), newDesk(10)
				d.caps.Fields["text"] = "{disposition_note}\n{notes}"
				before, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				d.answer = func(list []crmsync.Activity) []error {
					if answered || list[0].Call.ID != "hq:1" {
						return nil
					}
					d.mu.Lock()
					d.rows[list[0].Key] = list[0].Fields // taken, and then the connection is gone
					d.mu.Unlock()
					return []error{&crmsync.PushError{Class: crmsync.Ambiguous, Reason: "lost"}}
				}
				cfg := crmsync.Config{Store: h, Remote: records(h, d), Tenant: "default", Logger: slog.New(slog.DiscardHandler)}
				first := crmsync.NewWorker(cfg)
				go func() { ended <- first.Run(before) }()
				h.happens(crm.CallUpdated, says("hq:2", "this too"), "")
				settle(first, 5*time.Second)
				h.happens(crm.CallUpdated, says("hq:2", ""), "")
				h.happens(crm.CallUpdated, says("hq:3", ""), "")
				h.happens(crm.CallUpdated, says("hq:1", "card 4111 1111 1111 1111"), "")
				settle(first, 5*time.Second)
				if got := d.row("hq:1")["text"]; got != "card 4111 1111 1111 1111" {
					t.Fatalf("got %q", got)
				}
				stop()
				<-ended
				d.answer = nil
				d.mu.Lock()
				d.rows[crmsync.Key("default", "hq:2")]["text"] = "what somebody wrote there"
				d.mu.Unlock()
				w, _ := keeping(t, h, d, crmsync.Config{})
				for _, id := range []string{"hq:1", "hq:2", "hq:3", "hq:4"} {
					h.happens(crm.CallUpdated, says(id, ""), "")
				}
				settle(w, 5*time.Minute)
				if got := d.row("hq:1")["text"]; got != "" {
					t.Errorf("it still says %q", got)
				}
				if got := d.row("hq:2")["text"]; got != "what somebody wrote there" {
					t.Errorf("what was emptied before says %q", got)
				}
				for _, id := range []string{"hq:3", "hq:4"} {
					if got, there := d.row(id)["text"]; there {
						t.Errorf("%s, of which nobody said anything, says %q", id, got)
					}
				}
				looked := h.looks
				h.happens(crm.CallUpdated, says("hq:1", ""), "")
				h.happens(crm.CallUpdated, says("hq:5", ""), "")
				settle(w, 5*time.Second)
				if h.looks != looked {
					t.Error("the log is asked about what this process wrote, or nobody")
				}
			})
		})
	}
}

// TestWhatOnlyANewActivityHas is not written again, also when another process wrote it first, until the activity itself is gone.
func TestWhatOnlyANewActivityHas(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(10)
		d.caps.Fields["form"], d.caps.CreateOnly = "phone", []string{"form"}
		var known []bool
		d.answer = func(list []crmsync.Activity) []error {
			known = append(known, list[0].Known)
			return nil
		}
		before, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		first := crmsync.NewWorker(crmsync.Config{Store: h, Remote: records(h, d), Tenant: "default", Logger: slog.New(slog.DiscardHandler)})
		go func() { ended <- first.Run(before) }()
		h.happens(crm.CallEnded, call("hq:1", true, ""), "")
		settle(first, 5*time.Second)
		if got := d.row("hq:1")["form"]; got != "phone" {
			t.Fatalf("a new activity has %v", got)
		}
		stop()
		<-ended
		d.mu.Lock()
		d.rows[crmsync.Key("default", "hq:1")]["form"] = "what somebody made of it"
		d.mu.Unlock()
		w, r := keeping(t, h, d, crmsync.Config{})
		h.happens(crm.CallUpdated, call("hq:1", true, "resolved"), "")
		settle(w, 5*time.Second)
		if got := d.row("hq:1"); got["form"] != "what somebody made of it" || got["code"] != "resolved" {
			t.Errorf("after a restart it is %v", got)
		}
		d.mu.Lock()
		clear(d.rows)
		d.mu.Unlock()
		f, err := crmsync.NewReconcile(crmsync.ReconcileConfig{Tenant: "default", Records: r, Audited: d, Store: h, Logger: slog.New(slog.DiscardHandler)}).Once(t.Context())
		settle(w, 5*time.Second)
		if got := d.row("hq:1"); err != nil || f.Repaired != 1 || got["form"] != "phone" {
			t.Errorf("what was deleted there comes back as %v: %+v, %v", got, f, err)
		}
		if got := fmt.Sprint(known); got != "[false true false]" {
			t.Errorf("it was known to have been written at each write: %s", got)
		}
	})
}

func TestAnAbsorbedCallPointsAtTheSurvivor(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(10)
		w, _ := keeping(t, h, d, crmsync.Config{})
		h.happens(crm.CallEnded, call("hq:2", true, ""), "")
		settle(w, 5*time.Second)
		h.happens(crm.CallUpdated, call("hq:1", true, "resolved"), "")
		h.happens(crm.CallEnded, call("hq:3", true, ""), "hq:1") // its end and its merge are both in the log
		h.happens(crm.CallMerged, call("hq:2", true, ""), "hq:1")
		h.happens(crm.CallMerged, call("hq:3", true, ""), "hq:1")
		settle(w, 5*time.Second)
		if got := d.row("hq:2")["subject"]; got != "see hq:1" {
			t.Errorf("the absorbed call's activity says %v", got)
		}
		if d.row("hq:3") != nil {
			t.Error("a call that was absorbed before it was written has an activity")
		}
		if d.row("hq:1")["code"] != "resolved" {
			t.Errorf("the survivor is %v", d.row("hq:1"))
		}
	})
}

func TestTheContactIsTheOnlyOneOfThisCRM(t *testing.T) {
	number := []crm.Number{"+442079460000"}
	tests := map[string]struct {
		contacts []string
		match    string
		want     any
	}{
		"none":                         {nil, "", nil},
		"one":                          {[]string{"desk:Contact:7"}, "", "7"},
		"one here, one of another":     {[]string{"desk:Contact:7", "local-1", "other:Contact:9"}, "", "7"},
		"several: none is picked":      {[]string{"desk:Contact:7", "desk:Contact:8"}, "", nil},
		"several, and a person chose":  {[]string{"desk:Contact:7", "desk:Contact:8"}, "desk:Contact:8", "8"},
		"a person chose one elsewhere": {[]string{"desk:Contact:7"}, "local-1", "7"},
		"the one of then is gone":      {[]string{"desk:Contact:7"}, "desk:Contact:6", "7"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h, d := newHouse(), newDesk(10)
			for _, id := range tt.contacts {
				h.contacts[id] = crm.Contact{ID: id, Numbers: number}
			}
			c := call("hq:1", true, "")
			if tt.match != "" {
				c.Contact = &crm.Match{ID: tt.match}
			}
			h.calls[c.ID] = c
			r := records(h, d)
			if err := r.Push(t.Context(), r.Repair(c.ID, "x")); err != nil {
				t.Fatal(err)
			}
			if got := d.row(c.ID)["who"]; got != tt.want {
				t.Errorf("got contact %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWithoutAKeyEveryWriteLooksFirst(t *testing.T) {
	h, d := newHouse(), newDesk(10)
	d.caps.Upsert = false
	var ids []string
	d.answer = func(list []crmsync.Activity) []error {
		for _, a := range list {
			ids = append(ids, a.ID)
		}
		return nil
	}
	h.calls["hq:1"] = call("hq:1", true, "")
	r := records(h, d)
	for range 2 {
		if err := r.Push(t.Context(), r.Repair("hq:1", "x")); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"", "id-" + crmsync.Key("default", "hq:1")}; len(ids) != 2 || ids[0] != want[0] || ids[1] != want[1] || d.finds != 3 {
		t.Errorf("written with ids %q and %d look-ups, want %q and one before each, and one that sees whether the first is shown", ids, d.finds, want)
	}
}

func TestABatchThatOneRecordSpoilsIsBisected(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(64)
		bad := crmsync.Key("default", "hq:13")
		requests := 0
		d.answer = func(list []crmsync.Activity) []error {
			requests++
			for _, a := range list {
				if a.Key == bad {
					return crmsync.Same(len(list), &crmsync.PushError{Class: crmsync.Split, Reason: "409"})
				}
			}
			return nil
		}
		w, _ := keeping(t, h, d, crmsync.Config{Linger: time.Second})
		for i := range 64 {
			h.happens(crm.CallEnded, call("hq:"+string(rune('0'+i/10))+string(rune('0'+i%10)), true, ""), "")
		}
		settle(w, 5*time.Second)
		if h.count(crm.JobDone) != 63 || h.count(crm.JobParked) != 1 || requests > 2*6+1 {
			t.Errorf("%d done, %d parked after %d requests; want 63, 1 after at most 13", h.count(crm.JobDone), h.count(crm.JobParked), requests)
		}
		if s := w.Status(); s.Breaker != "closed" {
			t.Errorf("got breaker %s", s.Breaker)
		}
	})
}

func TestAMappingIsCheckedAndTranslated(t *testing.T) {
	h, d := newHouse(), newDesk(1)
	cfg := crmsync.RecordsConfig{Name: "desk", Tenant: "default", Connector: d, Calls: h}
	cfg.Mapping.Fields = map[string]string{"subject": "{nonsense}", "x": "{open"}
	_, err := crmsync.NewRecords(cfg)
	if err == nil || !strings.Contains(err.Error(), "fields.subject: {nonsense} is none of") || !strings.Contains(err.Error(), "fields.x") {
		t.Errorf("got error %v, want both fields named", err)
	}
	cfg.Mapping = crmsync.Mapping{
		Fields: map[string]string{"subject": "{{{disposition}} {from_name}", "seconds": ""},
		Values: map[string]map[string]string{"disposition": {"resolved": "f240", "spam": ""}},
	}
	r, err := crmsync.NewRecords(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := call("hq:1", true, "resolved")
	c.From.Name = strings.Repeat("ä", 50)
	h.calls[c.ID] = c
	if err := r.Push(t.Context(), r.Repair(c.ID, "x")); err != nil {
		t.Fatal(err)
	}
	got := d.row(c.ID)
	if got["code"] != "f240" || got["subject"] != "{f240} "+strings.Repeat("ä", 33) || got["seconds"] != nil {
		t.Errorf("got %v", got)
	}
}

func TestTwoValuedFieldsAndForbiddenCharacters(t *testing.T) {
	h, d := newHouse(), newDesk(1)
	d.caps.Fields = map[string]string{"subject": "{from_name}", "code": "{answered}"}
	d.caps.Bans = map[string]string{"subject": "<>="}
	r, err := crmsync.NewRecords(crmsync.RecordsConfig{Name: "desk", Tenant: "default", Connector: d, Calls: h})
	if err != nil {
		t.Fatal(err)
	}
	for outcome, want := range map[crm.Outcome]any{crm.Answered: "true", crm.Abandoned: "false", "": nil} {
		c := call("hq:"+string(outcome), outcome != "", "resolved")
		c.From.Name, c.Outcome = "a<b>c=ä", outcome
		h.calls[c.ID] = c
		if err := r.Push(t.Context(), r.Repair(c.ID, "x")); err != nil {
			t.Fatal(err)
		}
		if got := d.row(c.ID); got["code"] != want || got["subject"] != "a b c ä" {
			t.Errorf("outcome %q gives %v, want %v", outcome, got, want)
		}
	}
}
