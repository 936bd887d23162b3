package crmsync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

func sim(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func fails(c crmsync.Class) func(context.Context, crm.Job) error {
	return func(context.Context, crm.Job) error { return &crmsync.PushError{Class: c, Reason: "no"} }
}

func TestEventsReachTheRemote(t *testing.T) {
	sim(t, func(t *testing.T) {
		o, r := &outbox{}, &remote{takes: func(e crm.StoredEvent) bool { return e.CallID != "unwanted" }}
		o.add("a", "b", "unwanted", "a")
		w := running(t, o, r, crmsync.Config{})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := len(r.seen()); got != 3 || o.count(crm.JobDone) != 3 {
			t.Errorf("got %d pushes, %d done; want 3", got, o.count(crm.JobDone))
		}
		for range 500 {
			o.add("c")
		}
		w.Wake()
		synctest.Wait()
		if got := o.count(crm.JobDone); got != 503 {
			t.Errorf("%d done at once after Wake, want 503", got)
		}
		if s := w.Status(); s.Done != 503 || s.Breaker != "closed" || s.Name != "fake" || s.LastErr != "" {
			t.Errorf("got status %+v", s)
		}
	})
}

func TestALaneKeepsItsOrderWhileOthersGoOn(t *testing.T) {
	sim(t, func(t *testing.T) {
		tries := map[string]int{}
		r := &remote{}
		r.answer = func(_ context.Context, j crm.Job) error {
			time.Sleep(100 * time.Millisecond)
			r.mu.Lock()
			defer r.mu.Unlock()
			if tries[j.Key]++; j.Lane == "0" && tries[j.Key] == 1 {
				return errors.New("try again")
			}
			return nil
		}
		o := &outbox{}
		for i := range 60 {
			o.add(fmt.Sprint(i % 6))
		}
		running(t, o, r, crmsync.Config{Parallel: 3})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := o.count(crm.JobDone); got != 60 {
			t.Fatalf("%d done, want 60", got)
		}
		last := map[string]crm.Position{}
		for _, p := range r.seen() {
			pos, err := crm.ParsePosition(p.key)
			if err != nil || pos.Compare(last[p.lane]) < 0 {
				t.Errorf("lane %s: %s after %s (%v)", p.lane, p.key, last[p.lane], err)
			}
			last[p.lane] = pos
		}
		if r.most != 3 {
			t.Errorf("%d pushes ran at the same time, want 3", r.most)
		}
	})
}

func TestBackOffDoublesUpToAnHourAndEndsAfterThreeDays(t *testing.T) {
	sim(t, func(t *testing.T) {
		o, r := &outbox{}, &remote{answer: fails(crmsync.Transient)}
		o.add("a")
		w := running(t, o, r, crmsync.Config{BreakAfter: 1000})
		time.Sleep(90 * time.Hour)
		synctest.Wait()
		pushes := r.seen()
		for i := 1; i < len(pushes); i++ {
			gap, nominal := pushes[i].at.Sub(pushes[i-1].at), time.Hour
			if i <= 11 {
				nominal = min(time.Hour, 2*time.Second<<(i-1))
			}
			if gap < nominal/2 || gap > nominal*3/2+time.Second {
				t.Errorf("attempt %d came %s after the one before, want %s ± half", i+1, gap, nominal)
			}
		}
		if span := pushes[len(pushes)-1].at.Sub(pushes[0].at); span < 60*time.Hour || span > 84*time.Hour {
			t.Errorf("%d attempts over %s, want about 72 h", len(pushes), span)
		}
		parked, _ := o.Jobs(t.Context(), "fake", crm.JobParked, 10)
		if len(parked) != 1 || !strings.Contains(parked[0].LastErr, "given up") || w.Status().Parked != 1 {
			t.Errorf("got parked %+v, status %+v", parked, w.Status())
		}
	})
}

func TestClasses(t *testing.T) {
	tests := map[string]struct {
		class    crmsync.Class
		state    crm.JobState
		attempts int
		breaker  string
	}{
		"transient: tried again":           {crmsync.Transient, crm.JobReady, 1, "closed"},
		"auth: kept, the attempt is free":  {crmsync.Auth, crm.JobReady, 0, "closed"},
		"throttle: the attempt is free":    {crmsync.Throttle, crm.JobReady, 0, "closed"},
		"permanent: parked":                {crmsync.Permanent, crm.JobParked, 1, "closed"},
		"gone: kept, the attempt is free":  {crmsync.Gone, crm.JobReady, 0, "closed"},
		"ambiguous: the lease is left":     {crmsync.Ambiguous, crm.JobLeased, 1, "closed"},
		"an unknown class: as a transient": {crmsync.Class(99), crm.JobReady, 1, "closed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			sim(t, func(t *testing.T) {
				o, r := &outbox{}, &remote{answer: fails(tt.class)}
				o.add("a")
				w := running(t, o, r, crmsync.Config{})
				time.Sleep(time.Millisecond)
				synctest.Wait()
				jobs, _ := o.Jobs(t.Context(), "fake", tt.state, 10)
				if len(jobs) != 1 || jobs[0].Attempts != tt.attempts {
					t.Errorf("got %+v, want one %s after %d attempts", jobs, tt.state, tt.attempts)
				}
				if s := w.Status(); s.Breaker != tt.breaker || !strings.Contains(s.LastErr, "no") {
					t.Errorf("got status %+v", s)
				}
			})
		})
	}
}

func TestAnUnknownOutcomeIsTriedAgainUnsure(t *testing.T) {
	sim(t, func(t *testing.T) {
		r := &remote{}
		r.answer = func(_ context.Context, j crm.Job) error {
			if !j.Unsure {
				return &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "no answer"}
			}
			return nil
		}
		o := &outbox{}
		o.add("a")
		running(t, o, r, crmsync.Config{})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		p := r.seen()
		if len(p) != 2 || p[0].unsure || !p[1].unsure || p[1].at.Sub(p[0].at) < time.Minute {
			t.Errorf("got attempts %+v, want a second, unsure, after the lease", p)
		}
	})
}

func TestAPushEndsBeforeItsLease(t *testing.T) {
	sim(t, func(t *testing.T) {
		var took time.Duration
		r := &remote{answer: func(ctx context.Context, _ crm.Job) error {
			begin := time.Now()
			<-ctx.Done()
			took = time.Since(begin)
			return ctx.Err()
		}}
		o := &outbox{}
		o.add("a")
		running(t, o, r, crmsync.Config{})
		time.Sleep(51 * time.Second)
		synctest.Wait()
		if took != 50*time.Second || o.count(crm.JobReady) != 1 {
			t.Errorf("the push got %s of a lease of 60 s, %d jobs are ready", took, o.count(crm.JobReady))
		}
	})
}

func TestStoreAwayLosesNothing(t *testing.T) {
	sim(t, func(t *testing.T) {
		o, r := &outbox{}, &remote{}
		r.answer = func(context.Context, crm.Job) error {
			o.fail(fmt.Errorf("disk: %w", crm.ErrUnavailable)) // goes away while the push runs
			return nil
		}
		o.add("a")
		w := running(t, o, r, crmsync.Config{})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		o.fail(nil)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if o.count(crm.JobDone) != 1 || len(r.seen()) != 1 {
			t.Errorf("%d done after %d pushes, want 1 after 1", o.count(crm.JobDone), len(r.seen()))
		}
		r.answer = nil
		o.add("b")
		w.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		if o.count(crm.JobDone) != 2 {
			t.Errorf("%d done, want 2", o.count(crm.JobDone))
		}
	})
}

func TestStoppingLeavesARunningJobToItsLease(t *testing.T) {
	sim(t, func(t *testing.T) {
		r := &remote{answer: func(ctx context.Context, _ crm.Job) error {
			<-ctx.Done()
			return &crmsync.PushError{Class: crmsync.Permanent, Reason: "what a canceled request looks like"}
		}}
		o := &outbox{}
		o.add("a")
		w := crmsync.NewWorker(crmsync.Config{Store: o, Remote: r, Tenant: "default"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run returned %v", err)
		}
		if o.count(crm.JobLeased) != 1 {
			t.Errorf("got jobs %+v, want one leased", o.jobs[0])
		}
	})
}

func TestADestinationWithoutBatchesCostsTheStoreFewTransactions(t *testing.T) {
	for name, answer := range map[string]func(context.Context, crm.Job) error{
		"that works": nil,
		"half of whose answers are lost": func(_ context.Context, j crm.Job) error {
			if n := len(j.Key); j.Attempts == 1 && j.Key[n-1]%2 == 0 {
				return &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "no answer"}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			sim(t, func(t *testing.T) {
				o, r := &outbox{}, &remote{answer: answer}
				for n := range 400 {
					o.add(fmt.Sprint("hq:", n))
				}
				running(t, o, r, crmsync.Config{Rate: 100})
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				if done, writes := o.count(crm.JobDone), o.writes(); done != 400 || writes > 600 {
					t.Errorf("%d of 400 done by %d transactions, 300 of which are looks whether there is more", done, writes)
				}
				if r.most > 4 {
					t.Errorf("%d at the same time", r.most)
				}
			})
		})
	}
}

func TestTheRestOfAShareIsGivenBackByASlowDestination(t *testing.T) {
	sim(t, func(t *testing.T) {
		var quick atomic.Bool
		o, r := &outbox{}, &remote{}
		r.answer = func(context.Context, crm.Job) error {
			if !quick.Load() {
				time.Sleep(20 * time.Second)
			}
			return nil
		}
		for n := range 100 {
			o.add(fmt.Sprint("hq:", n))
		}
		running(t, o, r, crmsync.Config{})
		time.Sleep(25 * time.Second) // each place has begun a second push
		synctest.Wait()
		if done, leased := o.count(crm.JobDone), o.count(crm.JobLeased); done != 4 || leased > 4*8 {
			t.Errorf("%d done, %d leased", done, leased)
		}
		quick.Store(true)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := len(r.seen()); o.count(crm.JobDone) != 100 || got != 100 {
			t.Errorf("%d done by %d pushes", o.count(crm.JobDone), got)
		}
	})
}
