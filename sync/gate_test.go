package crmsync_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

func manyLanes(n int) *outbox {
	o := &outbox{}
	for i := range n {
		o.add(fmt.Sprint(i))
	}
	return o
}

func TestBreakerOpensProbesAloneAndRampsUp(t *testing.T) {
	sim(t, func(t *testing.T) {
		begin, up, takes := time.Now(), 10*time.Minute, 10*time.Millisecond
		r := &remote{}
		r.answer = func(context.Context, crm.Job) error {
			time.Sleep(takes)
			if time.Since(begin) < up {
				return &crmsync.PushError{Class: crmsync.Transient, Reason: "503"}
			}
			return nil
		}
		o := manyLanes(200)
		w := running(t, o, r, crmsync.Config{Parallel: 8})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := len(r.seen()); got < 5 || got > 8+4 {
			t.Errorf("%d pushes before the breaker opened, want 5 and those under way", got)
		}
		if s := w.Status(); s.Breaker != "open" {
			t.Errorf("got breaker %s, want open", s.Breaker)
		}
		before := len(r.seen())
		time.Sleep(up - time.Second - time.Millisecond)
		synctest.Wait()
		if probes := len(r.seen()) - before; probes < 10 || probes > 20 {
			t.Errorf("%d probes in ten minutes, want one every 30 s", probes)
		}
		recovered := len(r.seen())
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if got := o.count(crm.JobDone); got != 200 || w.Status().Breaker != "closed" {
			t.Fatalf("%d done, breaker %s; want all, closed", got, w.Status().Breaker)
		}
		wantRamp(t, r.seen()[recovered:], takes)
	})
}

// wantRamp checks how many pushes ran side by side, each for the time that one takes: 1 until the first
// was answered, 2 until two more were, then 4, then 8.
func wantRamp(t *testing.T, pushes []push, takes time.Duration) {
	t.Helper()
	most := 0
	for i, p := range pushes {
		answered := 0
		for _, earlier := range pushes[:i] {
			if p.at.Sub(earlier.at) >= takes {
				answered++
			}
		}
		allowed := 8
		switch {
		case answered < 1:
			allowed = 1
		case answered < 3:
			allowed = 2
		case answered < 7:
			allowed = 4
		}
		running := i + 1 - answered
		if running > allowed {
			t.Fatalf("%d pushes at once after %d were answered, want at most %d", running, answered, allowed)
		}
		most = max(most, running)
	}
	if most != 8 {
		t.Errorf("at most %d pushes at once in the end, want 8", most)
	}
}

func TestThrottlingPausesAllAndOpensNoBreaker(t *testing.T) {
	sim(t, func(t *testing.T) {
		throttled := 0
		r := &remote{}
		r.answer = func(context.Context, crm.Job) error {
			time.Sleep(time.Millisecond)
			r.mu.Lock()
			defer r.mu.Unlock()
			if throttled++; throttled <= 20 {
				return &crmsync.PushError{Class: crmsync.Throttle, Reason: "429", After: time.Minute}
			}
			return nil
		}
		o := manyLanes(50)
		w := running(t, o, r, crmsync.Config{Parallel: 4})
		time.Sleep(time.Second)
		synctest.Wait()
		first := len(r.seen())
		if first > 4 || w.Status().PausedUntil.IsZero() {
			t.Errorf("%d pushes, status %+v; want at most 4, paused", first, w.Status())
		}
		time.Sleep(58 * time.Second)
		synctest.Wait()
		if got := len(r.seen()); got != first {
			t.Errorf("%d pushes within the pause", got-first)
		}
		for range 60 {
			time.Sleep(time.Minute)
			synctest.Wait()
			if s := w.Status(); s.Breaker != "closed" {
				t.Fatalf("got breaker %s, want closed", s.Breaker)
			}
		}
		if got := o.count(crm.JobDone); got != 50 || len(r.seen()) != 70 {
			t.Errorf("%d done after %d pushes, want 50 after 70", got, len(r.seen()))
		}
	})
}

func TestARefusedJobOpensNoBreaker(t *testing.T) {
	sim(t, func(t *testing.T) {
		o, r := manyLanes(30), &remote{answer: fails(crmsync.Permanent)}
		w := running(t, o, r, crmsync.Config{})
		time.Sleep(time.Second)
		synctest.Wait()
		if o.count(crm.JobParked) != 30 || w.Status().Breaker != "closed" {
			t.Errorf("%d parked, breaker %s; want 30, closed", o.count(crm.JobParked), w.Status().Breaker)
		}
	})
}

func TestAGoneDestinationGetsNothingMore(t *testing.T) {
	sim(t, func(t *testing.T) {
		o, r := manyLanes(1), &remote{answer: fails(crmsync.Gone)}
		w := running(t, o, r, crmsync.Config{})
		synctest.Wait()
		for range 10 {
			o.add("later")
		}
		w.Wake()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if got := len(r.seen()); got != 1 || !w.Status().Gone {
			t.Errorf("%d pushes, status %+v; want 1, gone", got, w.Status())
		}
		if o.cursor != 1 || o.count(crm.JobReady) != 1 {
			t.Errorf("cursor %d, %d jobs ready; want the events left in the log", o.cursor, o.count(crm.JobReady))
		}
	})
}
