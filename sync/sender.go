package crmsync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"patchcord/crm"
)

// send claims and pushes jobs until ctx is done and its pushes have ended.
func (w *Worker) send(ctx context.Context) {
	trouble := away{log: w.log, what: "claiming jobs"}
	var wg sync.WaitGroup
	defer wg.Wait()
	for ctx.Err() == nil {
		limit, places, wait := w.room()
		if limit == 0 {
			w.idle(ctx, w.jobs, wait)
			continue
		}
		claimed := time.Now()
		jobs, err := w.cfg.Store.Claim(ctx, w.cfg.Remote.Name(), claimed, w.cfg.Lease, limit)
		if err != nil && ctx.Err() == nil {
			w.idle(ctx, nil, trouble.failed(err))
			continue
		}
		trouble.ok()
		w.rate.took(len(jobs), limit)
		batches := slices.Collect(slices.Chunk(jobs, w.batch))
		for share := range slices.Chunk(batches, max(1, (len(batches)+places-1)/places)) {
			w.start(ctx, &wg, share, claimed.Add(w.cfg.Lease))
		}
		if len(jobs) < limit {
			w.idle(ctx, w.jobs, w.cfg.Poll)
		}
	}
}

// claimAtOnce is how many jobs a place gets at once of a destination that takes few in a request: each claim, and
// each word on what came of it, is a transaction of the store, which is to have no more of them than it must.
const claimAtOnce = 8

// room returns how many jobs may be claimed now, for how many places; a probe is a single one; when none, how long to wait.
func (w *Worker) room() (limit, places int, wait time.Duration) {
	places, probe := w.gate.free()
	if p, is := w.cfg.Remote.(preparing); is {
		more, probing := p.ready()
		places, probe = min(places, more), probe || probing
	}
	ok, single := w.dest.Quota.writes()
	if places == 0 || !ok {
		return 0, 0, w.cfg.Poll
	}
	each := w.batch
	switch {
	case single:
		places = 1
	case w.gate.steady():
		each = max(w.batch, claimAtOnce/w.batch*w.batch)
	}
	want := places * each
	if probe {
		want = 1
	}
	nodes, _ := w.dest.peers()
	limit, wait = w.rate.take(want, nodes)
	return limit, places, min(wait, w.cfg.Poll)
}

// start pushes batches that were claimed, one after the other, in a goroutine that keeps its place until the last:
// a place given up between two of them would be taken by others, and the destination asked for more at once than it is to be.
func (w *Worker) start(ctx context.Context, wg *sync.WaitGroup, batches [][]crm.Job, leaseEnd time.Time) {
	answered := w.gate.ask()
	if answered == nil { // the breaker opened between
		w.finish(ctx, giveBack(batches), leaseEnd)
		return
	}
	w.gate.take()
	w.dest.Quota.wrote()
	wg.Go(func() {
		defer poke(w.jobs) // there is room, and the lanes' next jobs are free
		var ends []crm.JobEnd
		began := time.Now()
		for i, jobs := range batches {
			if i > 0 {
				if answered = w.goOn(ctx, began); answered == nil {
					ends = append(ends, giveBack(batches[i:])...)
					break
				}
			}
			ends = append(ends, w.pushBatch(ctx, jobs, leaseEnd, answered)...)
		}
		w.gate.vacate()
		w.finish(ctx, ends, leaseEnd)
	})
}

// shareFor is how long a share is gone on with: of a slow destination other places may take the rest.
const shareFor = time.Second

// goOn begins the request for the next batch of a share that began then; nil when the rest is to be given back.
func (w *Worker) goOn(ctx context.Context, began time.Time) (answered func(*PushError) bool) {
	ok, single := w.dest.Quota.writes()
	if !ok || single || ctx.Err() != nil || !w.dest.pausedUntil().IsZero() || time.Since(began) > min(shareFor, w.cfg.Lease/4) {
		return nil
	}
	if answered = w.gate.ask(); answered != nil {
		w.dest.Quota.wrote()
	}
	return answered
}

// pushBatch makes one request and returns what came of each job; those whose lease is to run out are left out.
func (w *Worker) pushBatch(ctx context.Context, jobs []crm.Job, leaseEnd time.Time, answered func(*PushError) bool) (ends []crm.JobEnd) {
	failures := w.push(ctx, jobs, leaseEnd)
	failing := answered(worst(failures))
	for i, j := range jobs {
		if r := w.result(j, failures[i], failing); r != nil {
			ends = append(ends, j.End(*r))
		}
	}
	return ends
}

// giveBack ends the leases of jobs that were not tried.
func giveBack(batches [][]crm.Job) (ends []crm.JobEnd) {
	for _, jobs := range batches {
		for _, j := range jobs {
			ends = append(ends, j.End(crm.JobResult{State: crm.JobReady, RunAt: time.Now(), Err: j.LastErr, Free: true}))
		}
	}
	return ends
}

// result returns what to write down of a push; nil to let the lease run out, which sets Unsure. While the
// destination is known to fail no job is to blame, and the attempt does not count.
func (w *Worker) result(j crm.Job, failure *PushError, failing bool) *crm.JobResult {
	if failure == nil {
		w.count(crm.JobDone, "", false)
		return &crm.JobResult{State: crm.JobDone, RunAt: time.Now()}
	}
	r := w.verdict(j, failure)
	if failure.lookup {
		failing = failure.free
	}
	if failing && failure.Class.opensBreaker() {
		r = crm.JobResult{State: crm.JobReady, RunAt: time.Now().Add(max(failure.After, delayAfter(j.Attempts))), Err: failure.Error(), Free: true}
	}
	w.count(r.State, r.Err, failure.Class == Auth)
	if r.State == crm.JobParked {
		r.RunAt = time.Now()
		w.log.Warn("a job is parked", "job", j.ID, "kind", j.Kind, "reason", r.Err)
	} else if failure.Class == Ambiguous {
		return nil
	}
	return &r
}

func (w *Worker) verdict(j crm.Job, failure *PushError) crm.JobResult {
	r := crm.JobResult{State: crm.JobReady, Err: failure.Error()}
	switch {
	case failure.Class == Permanent || failure.Class == Split:
		r.State = crm.JobParked
	case failure.Class == Throttle:
		r.Free, r.RunAt = true, time.Now().Add(failure.After)
	case failure.Class == Auth || failure.Class == Gone: // the job is not to blame, and is kept
		r.Free, r.RunAt = true, time.Now().Add(max(failure.After, delayAfter(j.Attempts)))
	case j.Attempts >= w.maxAttempts:
		r.State, r.Err = crm.JobParked, fmt.Sprintf("given up after %d attempts: %s", j.Attempts, r.Err)
	default:
		r.RunAt = time.Now().Add(max(failure.After, delayAfter(j.Attempts)))
	}
	return r
}

func (w *Worker) count(s crm.JobState, reason string, needsLogin bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch s {
	case crm.JobDone:
		w.counts.Done++
	case crm.JobParked:
		w.counts.Parked++
	default:
		w.counts.Retried++
	}
	w.counts.LastErr, w.counts.NeedsLogin = reason, needsLogin
}

// finish ends leases. It is done also while stopping, and repeated while the store is away: as
// long as the leases last the outcome is known to nobody else.
func (w *Worker) finish(ctx context.Context, ends []crm.JobEnd, leaseEnd time.Time) {
	if len(ends) == 0 {
		return
	}
	end := leaseEnd
	if ctx.Err() != nil { // stopping
		end = time.Now().Add(2 * time.Second)
	}
	finishCtx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	defer cancel()
	for delay := 50 * time.Millisecond; ; delay *= 2 {
		err := w.cfg.Store.Finish(finishCtx, ends...)
		if err == nil {
			return
		}
		if !errors.Is(err, crm.ErrUnavailable) || finishCtx.Err() != nil {
			w.log.Warn("the outcome of jobs could not be stored; they will be tried again", "jobs", len(ends), "first", ends[0].ID, "err", err)
			return
		}
		w.idle(finishCtx, nil, delay)
	}
}
