package crmsync_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

func TestABatchThatTakesTooLongIsMadeSmaller(t *testing.T) {
	sim(t, func(t *testing.T) {
		const much = 40 // what it does in the time that a request has
		h, d := newHouse(), newDesk(300)
		slow, largest := 0, 0
		d.answer = func(list []crmsync.Activity) []error {
			d.mu.Lock()
			defer d.mu.Unlock()
			if len(list) > much {
				slow++
				time.Sleep(30 * time.Second)
				return crmsync.Same(len(list), &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "no answer in time", Err: context.DeadlineExceeded})
			}
			largest = max(largest, len(list))
			return nil
		}
		for i := range 3000 {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, "resolved"), "")
		}
		w, _ := keeping(t, h, d, crmsync.Config{Parallel: 1})
		settle(w, 50*time.Minute)
		if h.count(crm.JobDone) != 3000 || len(d.rows) != 3000 || slow > 6 {
			t.Errorf("%d done, %d activities, %d requests that took too long", h.count(crm.JobDone), len(d.rows), slow)
		}
		if largest < much/2 {
			t.Errorf("the largest that was answered had %d", largest)
		}
	})
}

func TestABatchGrowsAgain(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(200)
		down, widest := true, 0
		d.answer = func(list []crmsync.Activity) []error {
			if down {
				return crmsync.Same(len(list), &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "no answer in time", Err: context.DeadlineExceeded})
			}
			widest = max(widest, len(list))
			return nil
		}
		w, _ := keeping(t, h, d, crmsync.Config{Parallel: 1})
		for i := range 200 {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, "resolved"), "")
		}
		settle(w, 10*time.Minute)
		down = false
		settle(w, 2*time.Hour)
		for i := range 12_000 {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:again", i), true, "resolved"), "")
		}
		settle(w, time.Hour)
		if h.count(crm.JobDone) != 12_200 || widest != 200 {
			t.Errorf("%d done, the widest write had %d; want all, and 200 again", h.count(crm.JobDone), widest)
		}
	})
}
