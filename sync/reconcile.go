package crmsync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"patchcord/crm"
)

// Audited is a Connector that can list the activities it has of us.
type Audited interface {
	// Activities returns a page of the activities with a key of ours whose call began in [from, until),
	// as far as the CRM can tell, and the cursor of the next page, "" at the end. "" asks for the first.
	Activities(ctx context.Context, from, until time.Time, cursor string) (list []Standing, next string, err error)
}

// Standing is an activity as the CRM has it.
type Standing struct {
	Key, ID string
	Fields  map[string]string // those that are compared, as text
}

// ReconcileConfig is what a Reconcile works with; all up to Store is required.
type ReconcileConfig struct {
	Tenant  string
	Records *Records
	Audited Audited
	Store   ledger

	Every  time.Duration // 0 means 24 h
	Back   time.Duration // how far back calls are compared; 0 means 72 h
	Settle time.Duration // how young a call may be that is not there yet; 0 means 1 h
	// ReportOnly: say what differs and write nothing.
	ReportOnly  bool
	Destination *Destination
	Logger      *slog.Logger
}

// ledger is what Reconcile needs of a crm.Store.
type ledger interface {
	Calls(ctx context.Context, tenant string, f crm.CallFilter, p crm.Page) (calls []*crm.Call, next string, err error)
	OutboxCursor(ctx context.Context, dest string) (int64, error)
	Enqueue(ctx context.Context, dest string, from, to int64, jobs []crm.Job) error
	Jobs(ctx context.Context, dest string, state crm.JobState, limit int) ([]crm.Job, error)
	CallJobs(ctx context.Context, tenant, callID string, dests []string) ([]crm.Job, error)
}

// Reconcile compares a CRM's activities with the call records, and has missing and different ones written again.
type Reconcile struct {
	cfg ReconcileConfig
	op  *operation
	log *slog.Logger

	mu   sync.Mutex
	last Findings // guarded by mu
}

// Findings is what a comparison came to.
type Findings struct {
	At                          time.Time
	Compared                    int      // calls
	Missing, Different, Waiting int      // of them; waiting: their jobs are under way, or parked
	Skipped                     int      // of them; a person gave their jobs up, so they stay as they are
	Doubled                     []string // keys that stand there more than once: a person must look
	Repaired                    int
}

// NewReconcile returns a Reconcile; Run makes it work.
func NewReconcile(cfg ReconcileConfig) *Reconcile {
	cfg.Every, cfg.Back = cmp.Or(cfg.Every, 24*time.Hour), cmp.Or(cfg.Back, 72*time.Hour)
	cfg.Settle = cmp.Or(cfg.Settle, time.Hour)
	log := cmp.Or(cfg.Logger, slog.Default()).With("dest", cfg.Records.Name())
	r := &Reconcile{cfg: cfg, log: log, op: newOperation("reconcile", cfg.Every, cfg.Destination, log)}
	r.op.do = func(ctx context.Context) (bool, error) {
		_, err := r.Once(ctx)
		return false, err
	}
	return r
}

// Run compares at once and then as often as configured.
func (r *Reconcile) Run(ctx context.Context) error { return r.op.run(ctx) }

// Soon has Run compare now, or as soon as the destination may be asked; it never blocks.
func (r *Reconcile) Soon() { poke(r.op.now) }

// Breaker returns the state of its breaker: "closed", "open" or "half-open".
func (r *Reconcile) Breaker() string { return r.op.gate.breaker.State().String() }

// Last returns what the last comparison came to.
func (r *Reconcile) Last() Findings {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Once compares now.
func (r *Reconcile) Once(ctx context.Context) (Findings, error) {
	now := time.Now()
	f := Findings{At: now}
	from, until := now.Add(-r.cfg.Back), now.Add(-r.cfg.Settle)
	// The CRM may keep a date only, so it is asked for more than is compared.
	there, err := r.standing(ctx, from.Add(-24*time.Hour), now.Add(24*time.Hour), &f)
	if err != nil {
		return f, err
	}
	unfinished, err := r.unfinished(ctx)
	if err != nil {
		return f, err
	}
	var repairs []crm.Job
	cursor := ""
	for {
		calls, next, err := r.cfg.Store.Calls(ctx, r.cfg.Tenant, crm.CallFilter{From: from, Until: until}, crm.Page{Limit: 200, Cursor: cursor})
		if err != nil {
			return f, fmt.Errorf("list calls: %w", err)
		}
		again, err := r.differing(ctx, calls, there, unfinished, &f)
		if err != nil {
			return f, err
		}
		repairs = append(repairs, again...)
		if cursor = next; cursor == "" {
			break
		}
	}
	if err := r.repair(ctx, repairs, &f); err != nil {
		return f, err
	}
	r.log.Info("compared with the CRM", "calls", f.Compared, "missing", f.Missing, "different", f.Different,
		"waiting", f.Waiting, "skipped", f.Skipped, "doubled", len(f.Doubled), "repaired", f.Repaired)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = f
	return f, nil
}

// standing returns the CRM's activities by key.
func (r *Reconcile) standing(ctx context.Context, from, until time.Time, f *Findings) (map[string]Standing, error) {
	there := map[string]Standing{}
	for cursor := ""; ; {
		list, next, err := r.cfg.Audited.Activities(ctx, from, until, cursor)
		if err != nil {
			return nil, fmt.Errorf("list activities: %w", err)
		}
		for _, s := range list {
			if other, ok := there[s.Key]; ok && other.ID != s.ID {
				f.Doubled = append(f.Doubled, s.Key)
			}
			there[s.Key] = s
		}
		if cursor = next; cursor == "" {
			return there, nil
		}
	}
}

// unfinished returns the calls whose jobs are not done, by the state of one of those.
func (r *Reconcile) unfinished(ctx context.Context) (map[string]crm.JobState, error) {
	lanes := map[string]crm.JobState{}
	for _, state := range []crm.JobState{crm.JobSkipped, crm.JobReady, crm.JobLeased, crm.JobParked} {
		jobs, err := r.cfg.Store.Jobs(ctx, r.cfg.Records.Name(), state, 100_000)
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
		for _, j := range jobs {
			lanes[j.Lane] = state
		}
	}
	return lanes, nil
}

// differing counts the calls, and returns the jobs that write again what is to be.
func (r *Reconcile) differing(ctx context.Context, calls []*crm.Call, there map[string]Standing, unfinished map[string]crm.JobState, f *Findings) (again []crm.Job, err error) {
	run := f.At.UTC().Format(time.RFC3339)
	var compared []crm.Job // as if they were to be written
	for _, c := range calls {
		if c.Open() && c.Disposition == nil || !r.cfg.Records.takes(c) {
			continue
		}
		f.Compared++
		state := unfinished[c.ID]
		_, stands := there[Key(r.cfg.Tenant, c.ID)]
		switch {
		case state == crm.JobSkipped: // it is to stay as it is
			f.Skipped++
		case state != "":
			f.Waiting++
		case !stands:
			f.Missing++
			again = append(again, r.cfg.Records.restore(c.ID, run))
		default:
			compared = append(compared, r.cfg.Records.Repair(c.ID, run))
		}
	}
	wanted, errs := r.cfg.Records.activities(ctx, compared, 0)
	for i, a := range wanted {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if a == nil {
			continue
		}
		differs, err := r.differs(ctx, a, there[a.Key])
		if err != nil {
			return nil, err
		}
		if differs {
			f.Different++
			again = append(again, compared[i])
		}
	}
	return again, nil
}

// differs reports whether an activity stands there otherwise than it would be written.
func (r *Reconcile) differs(ctx context.Context, a *Activity, standing Standing) (bool, error) {
	for field, is := range standing.Fields {
		want, ours := a.Fields[field]
		if !ours || strings.TrimSpace(Text(want)) == strings.TrimSpace(is) { // most CRMs trim what they are sent
			continue
		}
		set, err := r.wasSet(ctx, a.Call.ID, field)
		if err != nil || !set {
			return err == nil, err
		}
	}
	return false, nil
}

// wasSet reports whether a person gave the field its value in a job of the call.
func (r *Reconcile) wasSet(ctx context.Context, callID, field string) (bool, error) {
	jobs, err := r.cfg.Store.CallJobs(ctx, r.cfg.Tenant, callID, []string{r.cfg.Records.Name()})
	if err != nil {
		return false, fmt.Errorf("list jobs of a call: %w", err)
	}
	return slices.ContainsFunc(jobs, func(j crm.Job) bool {
		o, err := orderOf(j)
		_, set := o.Set[field]
		return err == nil && set
	}), nil
}

// repair puts jobs into the outbox; its cursor stays where it is.
func (r *Reconcile) repair(ctx context.Context, jobs []crm.Job, f *Findings) error {
	if r.cfg.ReportOnly || len(jobs) == 0 {
		return nil
	}
	dest := r.cfg.Records.Name()
	for i := range jobs {
		jobs[i].Dest, jobs[i].State, jobs[i].RunAt = dest, crm.JobReady, time.Now()
	}
	for range 10 {
		at, err := r.cfg.Store.OutboxCursor(ctx, dest)
		if err != nil {
			return fmt.Errorf("read cursor: %w", err)
		}
		err = r.cfg.Store.Enqueue(ctx, dest, at, at, jobs)
		if !errors.Is(err, crm.ErrConflict) {
			f.Repaired = len(jobs)
			return err
		}
	}
	return fmt.Errorf("enqueue %d repairs: %w", len(jobs), crm.ErrConflict)
}
