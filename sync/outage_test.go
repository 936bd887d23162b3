package crmsync_test

import (
	"container/heap"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/remotetest"
)

// lanes is a crm.Outbox in memory for many jobs: like outbox, but a claim looks at the due heads of lanes only.
type lanes struct {
	*house
	jobs   []*leased
	queues map[string][]*leased
	due    dueHeap
	done   int
}

// dueHeap is the heads of lanes; each knows its place.
type dueHeap []*leased

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}
func (h dueHeap) Less(i, j int) bool {
	if !h[i].RunAt.Equal(h[j].RunAt) {
		return h[i].RunAt.Before(h[j].RunAt)
	}
	return h[i].ID < h[j].ID
}
func (h *dueHeap) Push(x any) {
	j := x.(*leased)
	j.place = len(*h)
	*h = append(*h, j)
}
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (l *lanes) Enqueue(_ context.Context, _ string, from, to int64, jobs []crm.Job) error {
	l.outbox.mu.Lock()
	defer l.outbox.mu.Unlock()
	if l.cursor != from {
		return crm.ErrConflict
	}
	l.cursor = to
	for _, j := range jobs {
		j.ID = int64(len(l.jobs) + 1)
		job := &leased{Job: j}
		l.jobs = append(l.jobs, job)
		if l.queues[j.Lane] = append(l.queues[j.Lane], job); len(l.queues[j.Lane]) == 1 {
			heap.Push(&l.due, job)
		}
	}
	return nil
}

func (l *lanes) Claim(_ context.Context, _ string, now time.Time, lease time.Duration, limit int) (claimed []crm.Job, err error) {
	l.outbox.mu.Lock()
	defer l.outbox.mu.Unlock()
	for len(claimed) < limit && len(l.due) > 0 && !l.due[0].RunAt.After(now) {
		j := l.due[0]
		j.Unsure = j.Unsure || j.State == crm.JobLeased
		j.State, j.RunAt = crm.JobLeased, now.Add(lease)
		heap.Fix(&l.due, 0)
		j.Gen++
		j.Attempts++
		claimed = append(claimed, j.Job)
	}
	return claimed, nil
}

func (l *lanes) Finish(_ context.Context, ends ...crm.JobEnd) error {
	l.outbox.mu.Lock()
	defer l.outbox.mu.Unlock()
	l.wrote++
	for _, r := range ends {
		if err := l.finish(r); err != nil {
			return err
		}
	}
	return nil
}

func (l *lanes) finish(r crm.JobEnd) error {
	j := l.jobs[r.ID-1]
	if j.Gen != r.Gen || j.State != crm.JobLeased {
		return crm.ErrFenced
	}
	j.State, j.LastErr = r.State, r.Err
	if r.Free {
		j.Attempts--
	}
	switch r.State {
	case crm.JobReady:
		j.RunAt = r.RunAt
		heap.Fix(&l.due, j.place)
	default:
		heap.Remove(&l.due, j.place)
		if r.State == crm.JobDone {
			l.done++
			if l.queues[j.Lane] = l.queues[j.Lane][1:]; len(l.queues[j.Lane]) > 0 {
				heap.Push(&l.due, l.queues[j.Lane][0])
			}
		}
	}
	return nil
}

// TestThreeDaysDown: a CRM is away for 72 hours while 50,000 dispositions are made for the figures (2,500 in
// every run), three of them about the same call each time, at a steady rate that goes on afterwards.
func TestThreeDaysDown(t *testing.T) {
	const each, down = 3, 72 * time.Hour
	dispositions := 5 * remotetest.Trials(t)
	for name, class := range map[string]crmsync.Class{"refused": crmsync.Transient, "nobody answers": crmsync.Ambiguous} {
		t.Run(name, func(t *testing.T) {
			sim(t, func(t *testing.T) {
				begin, steady := time.Now(), float64(dispositions)/down.Seconds()
				l := &lanes{house: newHouse(), queues: map[string][]*leased{}}
				d := newDesk(20)
				d.answer = func(list []crmsync.Activity) []error {
					if time.Since(begin) < down {
						return crmsync.Same(len(list), &crmsync.PushError{Class: class, Reason: "no"})
					}
					return nil
				}
				r := records(l.house, d)
				w := crmsync.NewWorker(crmsync.Config{Store: l, Remote: r, Tenant: "default", Rate: steady, Poll: 20 * time.Second, Logger: slog.New(slog.DiscardHandler)})
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- w.Run(ctx) }()
				for i := range dispositions {
					l.happens(crm.CallUpdated, call(fmt.Sprint("hq:", i/each), true, fmt.Sprint("code-", i%each)), "")
					time.Sleep(down / time.Duration(dispositions))
				}
				time.Sleep(down)
				w.Wake()
				synctest.Wait()
				cancel()
				<-ended
				if l.done != dispositions || len(l.due) != 0 {
					t.Errorf("%d jobs done, %d wait; want all of %d", l.done, len(l.due), dispositions)
				}
				for i := range (dispositions + each - 1) / each {
					want := fmt.Sprint("code-", min(each, dispositions-i*each)-1)
					if got := d.row(fmt.Sprint("hq:", i))["code"]; got != want {
						t.Fatalf("call %d ended as %v, want %s", i, got, want)
					}
				}
				most := wantSteady(t, d, 2*steady, 20)
				wantHistory(t, w.Status().History, begin.Add(down))
				t.Logf("%d dispositions, %d writes by %d requests, at most %.2f times the steady rate; breaker %+v",
					l.done, d.written(), len(d.writes), most/steady, w.Status().History)
			})
		})
	}
}

// wantSteady checks that no time of ten batches saw more writes than so many a second, and one batch; it returns
// the most of them that any saw, a second.
func wantSteady(t *testing.T, d *desk, perSecond float64, batch int) (most float64) {
	t.Helper()
	window := max(10*time.Minute, time.Duration(float64(10*batch)/perSecond*float64(time.Second)))
	first, sum := 0, 0
	for i, at := range d.times {
		sum += len(d.writes[i])
		for at.Sub(d.times[first]) > window {
			sum -= len(d.writes[first])
			first++
		}
		if bound := int(perSecond*window.Seconds()) + batch; sum > bound {
			t.Fatalf("%d writes within %s, want at most %d", sum, window, bound)
		}
		most = max(most, float64(sum-batch)/window.Seconds())
	}
	return most
}

func wantHistory(t *testing.T, history []crmsync.BreakerChange, up time.Time) {
	t.Helper()
	if len(history) != 2 || history[0].To != "open" {
		t.Fatalf("got history %v, want it opened and closed", history)
	}
	last := history[len(history)-1]
	if last.To != "closed" || last.Operation != "write" || last.At.Before(up) || last.At.Sub(up) > 2*time.Minute {
		t.Errorf("the breaker changed last %+v, want closed soon after %s", last, up)
	}
}

func TestTenThousandDispositionsTakeFiftyRequests(t *testing.T) {
	dispositions := remotetest.Trials(t)
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(200)
		l := &lanes{house: h, queues: map[string][]*leased{}}
		for i := range dispositions {
			h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, ""), "")
			h.happens(crm.CallUpdated, call(fmt.Sprint("hq:", i), true, "resolved"), "")
		}
		w := crmsync.NewWorker(crmsync.Config{Store: l, Remote: records(h, d), Tenant: "default", Logger: slog.New(slog.DiscardHandler), Rate: 5, Linger: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_ = w.Run(ctx)
		most := max(4, 55*dispositions/10_000)
		if l.done != 2*dispositions || len(d.rows) != dispositions || len(d.writes) > most {
			t.Errorf("%d jobs done, %d activities by %d requests; want %d, %d by at most %d", l.done, len(d.rows), len(d.writes), 2*dispositions, dispositions, most)
		}
		if l.wrote > 2*most {
			t.Errorf("%d transactions to say that they are done, want at most %d", l.wrote, 2*most)
		}
	})
}

// TestABacklogGoesAtTwiceTheRate has a destination that answers at once: none waits for the next look at the store.
func TestABacklogGoesAtTwiceTheRate(t *testing.T) {
	sim(t, func(t *testing.T) {
		o := manyLanes(1000)
		running(t, o, &remote{}, crmsync.Config{Rate: 5})
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if got := o.count(crm.JobDone); got < 450 || got > 510 {
			t.Errorf("%d done in 50 s, want ten a second", got)
		}
	})
}

// TestAFailingDestinationLeavesTheStoreAlone counts the transactions that a backlog costs in ten minutes in which
// its destination fails: the store has one connection that writes, and the records of calls need it too.
func TestAFailingDestinationLeavesTheStoreAlone(t *testing.T) {
	const jobs, minutes, perSecond = 2000, 10, 5
	sent := func(each int) int { return each * 2 * perSecond * 60 * minutes }
	takes := func(d time.Duration, c crmsync.Class) func(context.Context, crm.Job) error {
		return func(ctx context.Context, _ crm.Job) error {
			select {
			case <-time.After(d):
			case <-ctx.Done():
			}
			return &crmsync.PushError{Class: c, Reason: "no"}
		}
	}
	n := 0
	for name, tt := range map[string]struct {
		answer func(context.Context, crm.Job) error
		most   int
	}{
		"refuses connections": {takes(0, crmsync.Transient), 100},
		"answers late":        {takes(25*time.Second, crmsync.Transient), 150},
		"never answers":       {takes(time.Hour, crmsync.Ambiguous), 100},
		"asks for less":       {takes(0, crmsync.Throttle), 700},
		"refuses our key":     {takes(0, crmsync.Auth), 100},
		"refuses every job":   {takes(0, crmsync.Permanent), 2*jobs + 60*minutes},
		"fails half the time": {func(context.Context, crm.Job) error {
			if n++; n%2 == 0 {
				return &crmsync.PushError{Class: crmsync.Transient, Reason: "no"}
			}
			return nil
		}, sent(2)},
	} {
		t.Run(name, func(t *testing.T) {
			sim(t, func(t *testing.T) {
				o := manyLanes(jobs)
				running(t, o, &remote{answer: tt.answer}, crmsync.Config{Parallel: 1, Rate: perSecond})
				time.Sleep(minutes * time.Minute)
				synctest.Wait()
				if got := o.writes(); got > tt.most {
					t.Errorf("%d transactions, want at most %d", got, tt.most)
				}
			})
		})
	}
}
