package buffer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Sink is what an Appender drains to: a Log, or whatever stands before one.
type Sink interface {
	// Append is that of Log.
	Append(ctx context.Context, pbx string, entries []Entry) (stored int, err error)
}

// How long a batch waits to fill. An append costs more than what is in it, and pops want the
// processor too: where one batch was large, the next may take longer.
const (
	shortWait  = 5 * time.Millisecond
	longWait   = 20 * time.Millisecond
	largeBatch = 16
)

// AppenderConfig says what is appended where. Log and PBX are required.
type AppenderConfig struct {
	Log Sink
	PBX string

	MaxBatch int // entries an append; 0 means 256
	// MaxEntries and MaxBytes bound what waits or is being appended; 0 means 65,536 and 64 MiB.
	// When full, the least valuable entries go first.
	MaxEntries, MaxBytes int
	// Shed returns how readily an entry is given up: the highest class goes first, the oldest
	// of it first; class 0 never goes once it is in. nil means 1 for frames, 0 for markers.
	Shed func(Entry) int

	// OnDurable is called in order with entries that are durable now. It must not keep Run
	// for long, as entries wait meanwhile.
	OnDurable func([]Entry)
	// OnDrop is called with the number of entries given up since it was last called and when the
	// first and last of them were received, after the log has taken something again. It may Put.
	OnDrop func(n int, from, to time.Time)
	Logger *slog.Logger // nil means slog.Default()
}

// Appender stands between a reader that may wait for nobody and a Log: it queues,
// appends in batches, and holds out while the log is away. OnDurable and OnDrop are called by Run.
type Appender struct {
	cfg  AppenderConfig
	wake chan struct{} // holds a token when there may be something to do

	mu        sync.Mutex
	ring      ring          // guarded by mu
	held      int           // guarded by mu; entries of the batch that is being appended
	heldBytes int           // guarded by mu
	heldSince time.Time     // guarded by mu; receipt of the batch's first entry
	wait      time.Duration // of the next batch; Run's
	dropped   int           // guarded by mu; ever
	ended     bool          // guarded by mu
}

var errIdle = errors.New("the log stored nothing and gave no reason")

// AppenderStats is a moment of an Appender.
type AppenderStats struct {
	Queued  int           // entries not yet durable
	Bytes   int           // of memory they take, about
	Dropped int           // entries ever given up
	Lag     time.Duration // age of the oldest entry not yet durable
}

// NewAppender returns an Appender; Run makes it work.
func NewAppender(cfg AppenderConfig) *Appender {
	cfg.MaxBatch = cmp.Or(cfg.MaxBatch, 256)
	cfg.MaxEntries, cfg.MaxBytes = cmp.Or(cfg.MaxEntries, 65536), cmp.Or(cfg.MaxBytes, 64<<20)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Shed == nil {
		cfg.Shed = framesFirst
	}
	return &Appender{
		cfg: cfg, wake: make(chan struct{}, 1), wait: shortWait,
		ring: ring{maxEntries: cfg.MaxEntries, maxBytes: cfg.MaxBytes, shed: cfg.Shed, classes: map[int]int{}},
	}
}

func framesFirst(e Entry) int {
	if e.Kind == Frame {
		return 1
	}
	return 0
}

// Put queues e and never blocks. Positions must ascend over the calls. It returns
// false when e itself was given up, or Run has ended.
func (a *Appender) Put(e Entry) bool {
	a.mu.Lock()
	before := a.ring.lost.n
	ok := !a.ended && a.ring.put(e, a.held, a.heldBytes)
	a.dropped += a.ring.lost.n - before
	n := a.ring.len()
	a.mu.Unlock()
	if n == 1 || n == a.cfg.MaxBatch { // Run waits for the first, then for a full batch; at each frame it would cost the pops their processor
		a.poke()
	}
	return ok
}

func (a *Appender) poke() {
	select {
	case a.wake <- struct{}{}:
	default: // it is to wake up already
	}
}

// Stats returns a snapshot.
func (a *Appender) Stats() AppenderStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := AppenderStats{Queued: a.ring.len() + a.held, Bytes: a.ring.bytes + a.heldBytes, Dropped: a.dropped}
	oldest := a.ring.oldest()
	if a.held > 0 {
		oldest = a.heldSince
	}
	if !oldest.IsZero() {
		s.Lag = max(0, time.Since(oldest))
	}
	return s
}

// Run appends until ctx is done, or until the log refuses for good: ErrFenced,
// ErrRegressed, ErrConflict or ErrOrder. What waits then is not appended.
func (a *Appender) Run(ctx context.Context) error {
	defer a.end()
	for {
		batch, err := a.next(ctx)
		if err != nil {
			return err
		}
		if err := a.append(ctx, batch); err != nil {
			return err
		}
		if len(batch) > 0 {
			a.report()
		}
	}
}

func (a *Appender) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
}

// next waits for entries, then for a batch to fill, and takes it.
func (a *Appender) next(ctx context.Context) ([]Entry, error) {
	var full <-chan time.Time // nil until something waits
	for {
		a.mu.Lock()
		n := a.ring.len()
		a.mu.Unlock()
		if n >= a.cfg.MaxBatch {
			return a.take(), ctx.Err()
		}
		if n > 0 && full == nil {
			timer := time.NewTimer(a.wait)
			defer timer.Stop() // once: full is set
			full = timer.C
		}
		select {
		case <-a.wake:
		case <-full:
			return a.take(), ctx.Err()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (a *Appender) take() []Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	batch := a.ring.take(a.cfg.MaxBatch)
	a.hold(batch)
	if a.wait = shortWait; len(batch) >= largeBatch {
		a.wait = longWait
	}
	return batch
}

// hold notes what of the batch is not durable. mu is held.
func (a *Appender) hold(batch []Entry) {
	a.held, a.heldBytes = len(batch), 0
	for _, e := range batch {
		a.heldBytes += sizeOf(e)
	}
	if len(batch) > 0 {
		a.heldSince = batch[0].At
	}
}

// append returns when the whole batch is durable, however long the log is away.
func (a *Appender) append(ctx context.Context, batch []Entry) error {
	out := outage{log: a.cfg.Logger.With("pbx", a.cfg.PBX)}
	for len(batch) > 0 {
		stored, err := a.cfg.Log.Append(ctx, a.cfg.PBX, batch)
		if stored > 0 {
			a.durable(batch[:stored])
			batch = batch[stored:]
			a.mu.Lock()
			a.hold(batch)
			a.mu.Unlock()
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrUnavailable):
			if err := out.wait(ctx, err); err != nil {
				return err
			}
		case err != nil:
			return err
		case stored == 0:
			return errIdle
		}
	}
	out.over()
	return nil
}

func (a *Appender) durable(entries []Entry) {
	if a.cfg.OnDurable != nil {
		a.cfg.OnDurable(entries)
	}
}

func (a *Appender) report() {
	a.mu.Lock()
	lost := a.ring.takeLost()
	a.mu.Unlock()
	if lost.n > 0 && a.cfg.OnDrop != nil {
		a.cfg.OnDrop(lost.n, lost.from, lost.to)
	}
}

// outage is one time of the log being away: logged when it begins and when it ends.
type outage struct {
	log   *slog.Logger
	since time.Time
	delay time.Duration
}

const (
	firstDelay = 50 * time.Millisecond
	maxDelay   = 5 * time.Second
)

// wait sleeps for the next delay: doubled up to a cap, and half of it at random.
func (o *outage) wait(ctx context.Context, reason error) error {
	if o.delay == 0 {
		o.since, o.delay = time.Now(), firstDelay
		o.log.Warn("the log is away; entries wait in memory", "err", reason)
	}
	timer := time.NewTimer(o.delay/2 + rand.N(o.delay/2))
	defer timer.Stop()
	o.delay = min(2*o.delay, maxDelay)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *outage) over() {
	if o.delay > 0 {
		o.log.Info("the log is back", "away", time.Since(o.since))
	}
}
