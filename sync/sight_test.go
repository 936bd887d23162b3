package crmsync_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

func (d *desk) hide(owner string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hides = owner
}

func (d *desk) twofold() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.twice
}

func TestWhatIsNotShownIsNotWrittenTwice(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(1)
		d.caps.Upsert = false
		d.hide("005A") // Alice's
		w, _ := keeping(t, h, d, crmsync.Config{})
		for i := range 20 {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, "callback"), "")
		}
		settle(w, 5*time.Minute)
		if n := d.written(); n > 4 { // those that were under way at once
			t.Errorf("%d were written and not found", n)
		}
		h.happens(crm.CallUpdated, call("hq:0", true, "resolved"), "")
		settle(w, time.Hour)
		s := w.Status()
		if d.twofold() != 0 || h.count(crm.JobParked) != 0 || !strings.Contains(s.LastErr, "is not found") || s.Breaker != "closed" {
			t.Errorf("%d doubled, %d parked, %+v", d.twofold(), h.count(crm.JobParked), s)
		}
		before := d.found()
		settle(w, 10*time.Minute)
		if n := d.found() - before; n > 11+3 {
			t.Errorf("%d look-ups in ten minutes, want one a minute, and three for one that is tried", n)
		}
		if n := d.written(); n > 4+3 {
			t.Errorf("%d were written and not found: too many were tried", n)
		}
		d.hide("")
		settle(w, 30*time.Minute)
		if h.count(crm.JobDone) != 21 || d.twofold() != 0 || d.written() != 21 || d.row("hq:0")["code"] != "resolved" {
			t.Errorf("%d done, %d doubled, %d writes; want all, none, one each", h.count(crm.JobDone), d.twofold(), d.written())
		}
	})
}

func TestAnIndexThatIsLateStopsNothing(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(1)
		d.caps.Upsert = false
		d.hide("005A")
		time.AfterFunc(5*time.Second, func() { d.hide("") })
		w, _ := keeping(t, h, d, crmsync.Config{Parallel: 1})
		for i := range 5 {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, "callback"), "")
		}
		settle(w, 20*time.Second)
		if d.written() != 5 || d.found() != 5+3 { // one before each; the first thrice afterwards, and then the kind is known
			t.Errorf("%d written after %d look-ups", d.written(), d.found())
		}
	})
}

// TestADeletedActivityHoldsUpLittle: what is not found was deleted by a person, and another that was never written shows that.
func TestADeletedActivityHoldsUpLittle(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(1)
		d.caps.Upsert = false
		d.hide("005A")
		w, _ := keeping(t, h, d, crmsync.Config{Parallel: 1})
		for i := range 3 {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, "callback"), "")
			settle(w, time.Minute)
		}
		if d.written() != 1 {
			t.Fatalf("%d written, want the one by which it is noticed", d.written())
		}
		d.mu.Lock()
		clear(d.rows) // a person deleted it, and
		d.hides = ""  // put right what was wrong
		d.mu.Unlock()
		settle(w, 15*time.Minute)
		if d.written() != 3 || h.count(crm.JobDone) != 3 || d.row("hq:0") != nil {
			t.Errorf("%d written, %d done, and the deleted one is %v", d.written(), h.count(crm.JobDone), d.row("hq:0"))
		}
	})
}

func TestAnActivityThatNeverComesBackIsGivenUp(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(1)
		d.caps.Upsert = false
		d.hide("005A")
		w, _ := keeping(t, h, d, crmsync.Config{Parallel: 1})
		h.happens(crm.CallEnded, call("hq:0", true, "callback"), "")
		settle(w, time.Minute)
		d.mu.Lock()
		clear(d.rows)
		d.hides = ""
		d.mu.Unlock()
		h.happens(crm.CallUpdated, call("hq:0", true, "resolved"), "") // no other call comes that could be tried
		settle(w, 5*time.Hour)
		if d.written() != 1 {
			t.Errorf("%d written, though nobody can know that it was deleted", d.written())
		}
		settle(w, 2*time.Hour)
		if d.written() != 2 || h.count(crm.JobDone) != 2 {
			t.Errorf("%d written, %d done", d.written(), h.count(crm.JobDone))
		}
	})
}
