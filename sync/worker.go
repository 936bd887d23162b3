package crmsync

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"patchcord/crm"
)

// Store is what a Worker needs of a crm.Store.
type Store interface {
	crm.Outbox
	eventLog
}

// Config is what a Worker works with; Store, Tenant and Remote are required.
type Config struct {
	Store  Store
	Tenant string // whose events are sent
	Remote Remote

	Parallel int           // pushes at the same time; 0 means 4
	Lease    time.Duration // of a claimed job; a push gets 10 s less, at least half; 0 means 60 s
	Poll     time.Duration // how often the store is looked at when nobody calls Wake; 0 means 1 s
	GiveUp   time.Duration // how long the attempts of a job go on; then it is parked; 0 means 72 h

	BreakAfter int           // failures in a row that open the breaker; 0 means 5
	BreakFor   time.Duration // before a single probe is sent; 0 means 30 s
	// Rate is how many jobs a second the destination gets in steady work. What has piled up is sent
	// at most at twice that. 0 means no bound.
	Rate float64
	// Linger is how long a new job waits for others, so that one request takes many and several edits
	// of a call become one write; 0 means not at all.
	Linger      time.Duration
	Destination *Destination // shared with other operations; nil means its own
	Feed        *Feed        // shared with Workers of the same tenant that want the same types of events; nil means its own, of all
	Logger      *slog.Logger // nil means slog.Default()
}

// What a Config has by default, and the look-ups of Records.
const (
	parallel   = 4
	breakAfter = 5
	breakFor   = 30 * time.Second
)

// preparing is a Remote that must ask the destination something before it does any job.
type preparing interface {
	// ready returns how many more jobs that may be done for now, and whether it would be a probe.
	ready() (places int, probe bool)
}

// Worker serves one destination: it fills the destination's part of the outbox from the
// event log, and empties it. Several Workers of one destination, on several nodes, share the work.
type Worker struct {
	cfg         Config
	log         *slog.Logger
	maxAttempts int
	events      chan struct{} // holds a token when there may be new events
	jobs        chan struct{} // holds a token when there may be jobs to send
	gate        *gate
	dest        *Destination
	rate        *rate
	batch       int // jobs in one push

	mu     sync.Mutex
	counts Counts // guarded by mu
}

// Counts says what a Worker has done since it was made.
type Counts struct {
	Done, Retried, Parked int
	LastErr               string // reason of the last attempt that did not succeed, "" after a success
	NeedsLogin            bool   // it was that our credentials do not count
}

// Status is a moment of a Worker.
type Status struct {
	Counts
	Name        string
	Breaker     string    // "closed", "open", "half-open"
	PausedUntil time.Time // zero when nothing is to wait
	Gone        bool      // the destination said that it wants nothing any more
	History     []BreakerChange
}

// NewWorker returns a Worker; Run makes it work.
func NewWorker(cfg Config) *Worker {
	cfg.Parallel, cfg.Lease = cmp.Or(cfg.Parallel, parallel), cmp.Or(cfg.Lease, time.Minute)
	cfg.Poll, cfg.GiveUp = cmp.Or(cfg.Poll, time.Second), cmp.Or(cfg.GiveUp, 72*time.Hour)
	cfg.BreakAfter, cfg.BreakFor = cmp.Or(cfg.BreakAfter, breakAfter), cmp.Or(cfg.BreakFor, breakFor)
	log := cmp.Or(cfg.Logger, slog.Default()).With("dest", cfg.Remote.Name())
	dest, batch := cmp.Or(cfg.Destination, &Destination{}), 1
	if b, ok := cfg.Remote.(Bulk); ok {
		batch = max(1, b.MaxBatch())
	}
	if cfg.Feed == nil {
		cfg.Feed = NewFeed(cfg.Store, cfg.Tenant)
	}
	return &Worker{
		cfg: cfg, log: log, maxAttempts: attemptsWithin(cfg.GiveUp),
		events: make(chan struct{}, 1), jobs: make(chan struct{}, 1),
		gate: newGate(dest, "write", cfg.Parallel, cfg.BreakAfter, cfg.BreakFor, log),
		dest: dest, rate: newRate(cfg.Rate, batch), batch: batch,
	}
}

// Wake tells that there may be new events or jobs; it never blocks.
func (w *Worker) Wake() {
	poke(w.events)
	poke(w.jobs)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is to wake up already
	}
}

// Status returns a snapshot.
func (w *Worker) Status() Status {
	s := w.gate.status()
	s.Name = w.cfg.Remote.Name()
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Counts = w.counts
	return s
}

// Run works until ctx is done. A store that is away is waited for.
func (w *Worker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { w.read(ctx) })
	wg.Go(func() { w.send(ctx) })
	wg.Wait()
	return ctx.Err()
}

// idle waits for a token or the next look at the store.
func (w *Worker) idle(ctx context.Context, wake <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// away logs the begin and the end of a time in which the store fails, and says how long to wait.
type away struct {
	log   *slog.Logger
	what  string
	delay time.Duration
}

func (a *away) failed(err error) time.Duration {
	if a.delay == 0 {
		a.log.Warn("the store is away", "doing", a.what, "err", err)
	}
	a.delay = min(max(2*a.delay, 500*time.Millisecond), 15*time.Second)
	return a.delay
}

func (a *away) ok() {
	if a.delay > 0 {
		a.log.Info("the store is back", "doing", a.what)
	}
	a.delay = 0
}
