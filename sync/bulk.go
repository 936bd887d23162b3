package crmsync

import (
	"context"
	"slices"
	"time"

	"patchcord/crm"
)

// push sends jobs in one request, more when it must be split, and returns for each what came of it; nil is done.
func (w *Worker) push(ctx context.Context, jobs []crm.Job, leaseEnd time.Time) []*PushError {
	spare := min(10*time.Second, w.cfg.Lease/2) // to write down what came of it
	pushCtx, cancel := context.WithDeadline(ctx, leaseEnd.Add(-spare))
	defer cancel()
	failures := w.pushSplitting(pushCtx, jobs)
	for i, f := range failures {
		if f == nil {
			continue
		}
		if ctx.Err() != nil { // stopped: whatever the remote made of that, the outcome is open
			failures[i] = &PushError{Class: Ambiguous, Reason: "stopped", Err: f}
			continue
		}
		if f.Class == Throttle && f.After <= 0 {
			f.After = delayAfter(jobs[i].Attempts)
		}
	}
	return failures
}

// pushSplitting halves what was refused because of some job in it, until that job stands alone.
func (w *Worker) pushSplitting(ctx context.Context, jobs []crm.Job) []*PushError {
	failures := w.pushOnce(ctx, jobs)
	var places []int
	var again []crm.Job
	for i, f := range failures {
		if f != nil && f.Class == Split {
			places, again = append(places, i), append(again, jobs[i])
		}
	}
	if len(again) < 2 {
		return failures
	}
	half := len(again) / 2
	second := make([]*PushError, 0, len(again))
	for _, part := range [][]crm.Job{again[:half], again[half:]} {
		if ctx.Err() != nil { // no time left; nothing of it was sent
			second = append(second, slices.Repeat([]*PushError{{Class: Transient, Reason: "no time left to split the batch"}}, len(part))...)
			continue
		}
		second = append(second, w.pushSplitting(ctx, part)...)
	}
	for n, i := range places {
		failures[i] = second[n]
	}
	return failures
}

func (w *Worker) pushOnce(ctx context.Context, jobs []crm.Job) []*PushError {
	bulk, ok := w.cfg.Remote.(Bulk)
	var errs []error
	if ok {
		errs = bulk.PushBulk(ctx, jobs)
	} else {
		errs = []error{w.cfg.Remote.Push(ctx, jobs[0])}
	}
	failures := make([]*PushError, len(jobs))
	for i, err := range errs {
		if err != nil {
			failures[i] = asPushError(err)
		}
	}
	return failures
}

// worst returns what a request says about its destination: a pause or an end that any job met, else
// nil when any was taken or refused for itself: then it works. Of look-ups alone it is notAsked.
func worst(failures []*PushError) *PushError {
	var bad *PushError
	works, asked := false, false
	for _, f := range failures {
		asked = asked || f == nil || !f.lookup
		switch {
		case f == nil || f.Class == Permanent || f.Class == Split:
			works = true
		case f.Class == Gone:
			return f
		case f.lookup:
		case f.Class == Throttle && (bad == nil || bad.Class != Throttle || bad.After < f.After):
			bad = f
		case bad == nil:
			bad = f
		}
	}
	if !asked {
		return notAsked
	}
	if works && (bad == nil || bad.Class != Throttle) {
		return nil
	}
	return bad
}
