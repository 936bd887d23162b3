package crmsync_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// outbox is a crmsync.Store in memory.
type outbox struct {
	mu       sync.Mutex
	events   []crm.StoredEvent    // guarded by mu
	cursor   int64                // guarded by mu
	jobs     []*leased            // guarded by mu
	lanes    map[string][]*leased // guarded by mu; jobs by lane
	over     int                  // guarded by mu; so many of the first jobs are over
	err      error                // guarded by mu; every call fails with it
	enqueued int                  // guarded by mu; calls of Enqueue
	reads    int                  // guarded by mu; calls of EventsOf
	looks    int                  // guarded by mu; calls of Events
	wrote    int                  // guarded by mu; transactions that take the lock to write
}

type leased struct {
	crm.Job
	until time.Time
	place int // in a heap of lanes
}

func (l *leased) over() bool { return l.State == crm.JobDone || l.State == crm.JobSkipped }

func (o *outbox) add(calls ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, call := range calls {
		n := int64(len(o.events) + 1)
		o.events = append(o.events, crm.StoredEvent{N: n, PBX: "hq", Pos: crm.Position{Epoch: 1, Seq: uint64(n)}, Type: crm.CallUpdated, CallID: call})
	}
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

func (o *outbox) EventsOf(_ context.Context, _ string, after int64, limit int, types ...crm.EventType) (events []crm.StoredEvent, upTo int64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reads++
	for upTo = after; upTo < int64(len(o.events)) && len(events) < limit; upTo++ {
		if e := o.events[upTo]; len(types) == 0 || slices.Contains(types, e.Type) {
			events = append(events, e)
		}
	}
	return events, upTo, o.err
}

func (o *outbox) Events(_ context.Context, _ string, after int64, limit int) ([]crm.StoredEvent, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looks++
	return o.events[after:min(after+int64(limit), int64(len(o.events)))], o.err
}

func (o *outbox) OutboxCursor(context.Context, string) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cursor, o.err
}

func (o *outbox) Enqueue(_ context.Context, _ string, from, to int64, jobs []crm.Job) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	o.wrote++
	if o.enqueued++; o.cursor != from {
		return crm.ErrConflict
	}
	o.cursor = to
	for _, j := range jobs {
		j.ID = int64(len(o.jobs) + 1)
		job := &leased{Job: j}
		if o.lanes == nil {
			o.lanes = map[string][]*leased{}
		}
		o.jobs, o.lanes[j.Lane] = append(o.jobs, job), append(o.lanes[j.Lane], job)
	}
	return nil
}

func (o *outbox) Claim(_ context.Context, _ string, now time.Time, lease time.Duration, limit int) (claimed []crm.Job, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return nil, o.err
	}
	o.wrote++
	seen := map[string]bool{}
	for o.over < len(o.jobs) && o.jobs[o.over].over() {
		o.over++
	}
	for _, j := range o.jobs[o.over:] {
		if len(claimed) == limit {
			break
		}
		if j.over() || seen[j.Lane] {
			continue
		}
		seen[j.Lane] = true
		ready := j.State == crm.JobReady && !j.RunAt.After(now)
		expired := j.State == crm.JobLeased && !j.until.After(now)
		if ready || expired {
			j.Unsure = j.Unsure || expired
			j.State, j.until = crm.JobLeased, now.Add(lease)
			j.Gen++
			j.Attempts++
			claimed = append(claimed, j.Job)
		}
	}
	return claimed, nil
}

func (o *outbox) Finish(_ context.Context, ends ...crm.JobEnd) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	o.wrote++
	for _, r := range ends {
		j := o.jobs[r.ID-1]
		if j.Gen != r.Gen || j.State != crm.JobLeased {
			return crm.ErrFenced
		}
		j.State, j.RunAt, j.LastErr = r.State, r.RunAt, r.Err
		if r.Free {
			j.Attempts--
		}
	}
	return nil
}

func (o *outbox) Jobs(_ context.Context, _ string, state crm.JobState, _ int) (jobs []crm.Job, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, j := range o.jobs {
		if j.State == state {
			jobs = append(jobs, j.Job)
		}
	}
	return jobs, nil
}

func (o *outbox) CallJobs(_ context.Context, _, callID string, _ []string) ([]crm.Job, error) {
	return o.laneOf(callID), nil
}

func (o *outbox) laneOf(callID string) (jobs []crm.Job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, j := range o.lanes[callID] {
		jobs = append(jobs, j.Job)
	}
	return jobs
}

func (o *outbox) Redrive(context.Context, int64, time.Time) error { return nil }

func (o *outbox) writes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.wrote
}

func (o *outbox) count(state crm.JobState) int {
	jobs, _ := o.Jobs(context.Background(), "", state, 0)
	return len(jobs)
}

// push is one attempt as the remote saw it.
type push struct {
	key    string
	lane   string
	at     time.Time
	unsure bool
}

// remote answers every push with answer.
type remote struct {
	answer func(ctx context.Context, j crm.Job) error
	takes  func(crm.StoredEvent) bool

	mu      sync.Mutex
	pushes  []push // guarded by mu
	running int    // guarded by mu
	most    int    // guarded by mu; that ran at the same time
}

func (r *remote) Name() string { return "fake" }

func (r *remote) Jobs(e crm.StoredEvent) ([]crm.Job, error) {
	if r.takes != nil && !r.takes(e) {
		return nil, nil
	}
	return []crm.Job{{Lane: e.CallID, Key: e.Pos.String(), Kind: string(e.Type)}}, nil
}

func (r *remote) Push(ctx context.Context, j crm.Job) error {
	r.mu.Lock()
	r.pushes = append(r.pushes, push{j.Key, j.Lane, time.Now(), j.Unsure})
	r.running++
	r.most = max(r.most, r.running)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running--
	}()
	if r.answer == nil {
		return nil
	}
	return r.answer(ctx, j)
}

func (r *remote) seen() []push {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]push(nil), r.pushes...)
}

// running starts a Worker in the bubble; the test ends it.
func running(t *testing.T, o *outbox, r *remote, cfg crmsync.Config) *crmsync.Worker {
	t.Helper()
	cfg.Store, cfg.Remote, cfg.Tenant, cfg.Logger = o, r, "default", slog.New(slog.DiscardHandler)
	w := crmsync.NewWorker(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return w
}
