package remotetest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Outbox is a crmsync.Store with jobs of which each has a lane of its own, and no events.
type Outbox struct {
	empty chan struct{} // closed when every job is done or parked

	mu     sync.Mutex
	jobs   []crm.Job // guarded by mu; all, by id from 1
	ready  []int64   // guarded by mu; ids
	parked []crm.Job // guarded by mu
	left   int       // guarded by mu
}

// NewOutbox returns an Outbox with those jobs.
func NewOutbox(jobs []crm.Job) *Outbox {
	o := &Outbox{empty: make(chan struct{}), jobs: jobs, left: len(jobs)}
	for i := range o.jobs {
		o.jobs[i].ID = int64(i + 1)
		o.ready = append(o.ready, o.jobs[i].ID)
	}
	return o
}

// Drain has a Worker do the jobs, which must not be retried for long, and returns what was parked.
func Drain(t *testing.T, r crmsync.Remote, jobs []crm.Job) []crm.Job {
	t.Helper()
	o := NewOutbox(jobs)
	w := crmsync.NewWorker(crmsync.Config{Store: o, Remote: r, Tenant: "default", Poll: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	<-o.Empty()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the worker ended with %v", err)
	}
	return o.Parked()
}

// Empty is closed when nothing is left to do.
func (o *Outbox) Empty() <-chan struct{} { return o.empty }

// Parked returns what was given up.
func (o *Outbox) Parked() []crm.Job {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.parked
}

// Claim implements crm.Outbox; RunAt is not looked at.
func (o *Outbox) Claim(_ context.Context, _ string, _ time.Time, _ time.Duration, limit int) ([]crm.Job, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(limit, len(o.ready))
	out := make([]crm.Job, n)
	for i, id := range o.ready[:n] {
		j := &o.jobs[id-1]
		j.Attempts++
		j.Gen++
		out[i] = *j
	}
	o.ready = o.ready[n:]
	return out, nil
}

// Finish implements crm.Outbox.
func (o *Outbox) Finish(_ context.Context, ends ...crm.JobEnd) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range ends {
		if e.State == crm.JobReady {
			o.ready = append(o.ready, e.ID)
			continue
		}
		if e.State == crm.JobParked {
			o.jobs[e.ID-1].LastErr = e.Err
			o.parked = append(o.parked, o.jobs[e.ID-1])
		}
		if o.left--; o.left == 0 {
			close(o.empty)
		}
	}
	return nil
}

// EventsOf implements crmsync.Store: there are none.
func (o *Outbox) EventsOf(_ context.Context, _ string, after int64, _ int, _ ...crm.EventType) ([]crm.StoredEvent, int64, error) {
	return nil, after, nil
}

// OutboxCursor implements crm.Outbox.
func (o *Outbox) OutboxCursor(context.Context, string) (int64, error) { return 0, nil }

// Enqueue implements crm.Outbox: there is nothing to enqueue.
func (o *Outbox) Enqueue(context.Context, string, int64, int64, []crm.Job) error {
	return crm.ErrConflict
}

// Jobs implements crm.Outbox.
func (o *Outbox) Jobs(context.Context, string, crm.JobState, int) ([]crm.Job, error) {
	return nil, nil
}

// Redrive implements crm.Outbox.
func (o *Outbox) Redrive(context.Context, int64, time.Time) error { return crm.ErrConflict }
