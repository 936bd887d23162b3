package crmsync_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

func (d *desk) blindfold(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.blind = err
}

func (d *desk) found() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.finds
}

func lookupsFail(class crmsync.Class) error {
	return &crmsync.PushError{Class: class, Reason: "the index is being rebuilt"}
}

func TestFailingLookupsStopNoWriteThatNeedsNone(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(1)
		d.blindfold(lookupsFail(crmsync.Transient))
		w, r := keeping(t, h, d, crmsync.Config{})
		h.happens(crm.CallEnded, call("hq:1", true, ""), "")
		for i := range 20 { // calls that were absorbed are looked up
			h.happens(crm.CallMerged, call(fmt.Sprint("hq:m", i), true, ""), "hq:1")
		}
		settle(w, time.Minute)
		if got := w.Status().Breaker; r.Lookups() != "open" || got != "closed" {
			t.Fatalf("the breaker of look-ups is %s, of writing %s; want open, closed", r.Lookups(), got)
		}
		h.happens(crm.CallEnded, call("hq:2", true, "resolved"), "")
		settle(w, 5*time.Second)
		if d.row("hq:2")["code"] != "resolved" {
			t.Errorf("got %v; want it written while look-ups fail", d.row("hq:2"))
		}
		history := w.Status().History
		if len(history) != 0 { // the Records of this test have a destination of their own
			t.Errorf("the breaker of writing changed: %v", history)
		}
	})
}

func TestLookupsThatEveryWriteNeedsAreProbedAlone(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(1)
		d.caps.Upsert = false
		d.blindfold(lookupsFail(crmsync.Transient))
		w, r := keeping(t, h, d, crmsync.Config{})
		for i := range 30 {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, "resolved"), "")
		}
		settle(w, 10*time.Minute)
		if n := d.found(); n < 10 || n > 5+4+20 {
			t.Errorf("%d look-ups in ten minutes, want those until the breaker opened and one every 30 s", n)
		}
		if s := w.Status(); r.Lookups() == "closed" || s.Breaker != "closed" || d.written() != 0 || h.count(crm.JobParked) != 0 {
			t.Errorf("look-ups %s, writing %s, %d writes, %d parked", r.Lookups(), s.Breaker, d.written(), h.count(crm.JobParked))
		}
		d.blindfold(nil)
		settle(w, 2*time.Hour)
		if h.count(crm.JobDone) != 30 || r.Lookups() != "closed" || d.written() != 30 {
			t.Errorf("%d done, look-ups %s, %d writes; want all, closed, each once", h.count(crm.JobDone), r.Lookups(), d.written())
		}
	})
}

func TestFailingWritesSayNothingOfLookups(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(1)
		d.caps.Upsert = false
		down := true
		d.answer = func(list []crmsync.Activity) []error {
			if down {
				return crmsync.Same(len(list), &crmsync.PushError{Class: crmsync.Transient, Reason: "503"})
			}
			return nil
		}
		w, r := keeping(t, h, d, crmsync.Config{})
		for i := range 20 {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, ""), "")
		}
		settle(w, time.Minute)
		if s := w.Status(); s.Breaker == "closed" || r.Lookups() != "closed" {
			t.Fatalf("writing %s, look-ups %s; want open, closed", s.Breaker, r.Lookups())
		}
		d.blindfold(lookupsFail(crmsync.Transient)) // the probes of writing come to nothing: it stays as it is
		down = false
		settle(w, 10*time.Minute)
		if s := w.Status(); s.Breaker == "closed" {
			t.Errorf("writing is %s, though nothing was written", s.Breaker)
		}
		d.blindfold(nil)
		settle(w, 2*time.Hour)
		if s := w.Status(); h.count(crm.JobDone) != 20 || s.Breaker != "closed" {
			t.Errorf("%d done, writing %s", h.count(crm.JobDone), s.Breaker)
		}
	})
}

func TestAThrottledLookupPausesTheDestination(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(1)
		d.caps.Upsert = false
		dest := &crmsync.Destination{}
		r, err := crmsync.NewRecords(crmsync.RecordsConfig{Name: "desk", Tenant: "default", Connector: d, Calls: h, Destination: dest})
		if err != nil {
			t.Fatal(err)
		}
		d.blindfold(&crmsync.PushError{Class: crmsync.Throttle, Reason: "429", After: time.Minute})
		h.calls["hq:1"] = call("hq:1", true, "")
		if err := r.Push(t.Context(), r.Repair("hq:1", "x")); err == nil {
			t.Fatal("it was written")
		}
		w := crmsync.NewWorker(crmsync.Config{Store: h, Remote: r, Tenant: "default", Destination: dest})
		if s := w.Status(); !s.PausedUntil.Equal(time.Now().Add(time.Minute)) || s.Breaker != "closed" || r.Lookups() != "closed" {
			t.Errorf("got %+v, look-ups %s", s, r.Lookups())
		}
		synctest.Wait()
	})
}
