package crmsync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patchcord/crm"
)

// manyEvents says of so many events that were looked at, wanted or not, that there are more.
const manyEvents = 5000

// read turns events into jobs until ctx is done. A destination that never had a cursor
// begins with the first event of the log. One that is gone gets none: the log keeps them.
func (w *Worker) read(ctx context.Context) {
	trouble := away{log: w.log, what: "turning events into jobs"}
	for ctx.Err() == nil {
		if w.gate.gone() {
			w.idle(ctx, w.events, w.cfg.Poll)
			continue
		}
		more, err := w.enqueue(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, crm.ErrConflict): // another node was faster
			continue
		case err != nil:
			w.idle(ctx, nil, trouble.failed(err))
			continue
		}
		trouble.ok()
		if !more {
			w.idle(ctx, w.events, w.cfg.Poll)
		}
	}
}

// enqueue makes jobs of the next events, and reports whether there may be more.
func (w *Worker) enqueue(ctx context.Context) (more bool, err error) {
	dest := w.cfg.Remote.Name()
	from, err := w.cfg.Store.OutboxCursor(ctx, dest)
	if err != nil {
		return false, fmt.Errorf("read cursor of %s: %w", dest, err)
	}
	events, upTo, err := w.cfg.Feed.after(ctx, from)
	if err != nil || upTo == from {
		return false, err
	}
	var jobs []crm.Job
	now := time.Now()
	for _, e := range events {
		made, err := w.cfg.Remote.Jobs(e)
		if err != nil { // an event that cannot be read will not be readable later
			w.log.Error("an event makes no job", "event", e.N, "err", err)
			continue
		}
		for _, j := range made {
			j.Dest, j.State, j.RunAt = dest, crm.JobReady, now.Add(w.cfg.Linger)
			jobs = append(jobs, j)
		}
	}
	if err := w.cfg.Store.Enqueue(ctx, dest, from, upTo, jobs); err != nil {
		return false, fmt.Errorf("enqueue jobs of %s: %w", dest, err)
	}
	if len(jobs) > 0 {
		poke(w.jobs)
	}
	return len(events) == eventsPerRead || upTo-from >= manyEvents, nil
}
