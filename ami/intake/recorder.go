package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
	"patchcord/crm/background"
)

const (
	commitEvery   = 25 * time.Millisecond // entries that come within it share a transaction
	commitRest    = 4                     // times as long as a commit took the next one waits, so that pops have the processor
	commitLatest  = time.Second           // but no longer than this
	commitEntries = 8000
	idleCommit    = 2 * time.Second // a checkpoint alone moves no oftener
	readLimit     = 1000
)

// recorder is the fold that is kept: what is durable in the log becomes records,
// events and a checkpoint in one transaction.
type recorder struct {
	pbx, tenant string
	epoch       uint64
	node        string
	log         buffer.Log
	dead        *buffer.DeadLetters
	store       crm.IngestStore
	people      *People
	match       *matcher
	logger      *slog.Logger
	cfg         calls.Config
	bear        func(*calls.Tracker, calls.Input) ([]crm.Event, error) // is applied; tests have it panic
	onCommit    func(crm.Position)                                     // told of every checkpoint; nil for none

	queue  chan []buffer.Entry // full: entries are read back from the log instead
	behind atomic.Bool         // the queue was full once; the log has more

	fold      *calls.Tracker
	applied   crm.Position // of the newest entry folded
	at        time.Time    // until when the entries folded were received; zero before the first
	heard     time.Time    // at, as committed
	committed crm.Position
	took      time.Duration      // of the last commit
	since     time.Time          // of the oldest entry folded and not committed
	state     map[string][]byte  // the fold's state as committed
	events    []crm.Event        // of entries folded and not committed
	held      *calls.Changes     // drained from the fold and not committed
	noted     []crm.CallEvidence // beside what the fold noted, and not committed
	gone      *calls.Input       // says that the log does not begin at the checkpoint; nil when it does, or once that is committed
	poison    poison
	redriven  redriven

	reached atomic.Pointer[crm.Position] // committed, for other goroutines
	waiting atomic.Int64                 // since, for other goroutines: Unix ms, 0 when all is committed
}

// resume loads the fold as it was committed, and folds the rest of the log.
func (r *recorder) resume(ctx context.Context) error {
	cp, err := r.store.Resume(ctx, r.pbx)
	if err != nil {
		return fmt.Errorf("resume %s: %w", r.pbx, err)
	}
	r.committed, r.heard, r.state = cp.Pos, cp.At, cp.State
	if r.state == nil {
		r.state = map[string][]byte{}
	}
	if r.gone, err = r.beginsLater(ctx); err != nil {
		return err
	}
	if err := r.rewind(); err != nil {
		return err
	}
	return r.catchUp(ctx)
}

// rewind goes back to what is committed: what was folded since is folded anew.
func (r *recorder) rewind() (err error) {
	if r.fold, err = calls.Restore(noting(r.cfg), r.state); err == nil {
		err = r.redriven.restore(r.state)
	}
	if err != nil {
		return fmt.Errorf("resume %s: %w", r.pbx, err)
	}
	r.applied, r.at, r.events, r.held, r.noted = r.committed, r.heard, nil, nil, nil
	r.poison.folded, r.poison.spoiled = 0, false
	if r.gone != nil {
		r.applied = r.gone.Pos
		r.events, err = r.bear(r.fold, *r.gone)
	}
	return err
}

// catchUp folds and commits what the log has after the newest entry folded. What cannot be
// recorded is put aside. A commit takes several pages, so that of a call that changes in all of
// them one record is written, and the log is read meanwhile.
func (r *recorder) catchUp(ctx context.Context) error {
	log := pages{log: r.log, pbx: r.pbx}
	defer log.stop()
	for {
		if r.poison.spoiled {
			if err := r.rewind(); err != nil {
				return err
			}
		}
		limit := r.poison.limit()
		entries, err := log.read(ctx, r.applied, limit)
		entries, err = readable(entries, err, r.at)
		if err != nil {
			return fmt.Errorf("read log of %s after %s: %w", r.pbx, r.applied, err)
		}
		err = r.apply(entries)
		if err == nil && limit == readLimit && len(entries) == limit && r.poison.folded < commitEntries {
			continue
		}
		if err == nil {
			err = r.commit(ctx)
		}
		switch {
		case err != nil:
			if err := r.setAside(ctx, entries, err); err != nil {
				return err
			}
		case len(entries) == 0:
			return nil
		default:
			r.poison.widen()
		}
	}
}

// durable is told what the log has made durable, in order. It never waits.
func (r *recorder) durable(entries []buffer.Entry) {
	select {
	case r.queue <- entries:
	default:
		r.behind.Store(true)
	}
}

// run records until ctx ends. A store that is away is tried again for ever; only
// a newer owner ends it.
func (r *recorder) run(ctx context.Context) error {
	return background.Run(func() error { return r.record(ctx) })
}

func (r *recorder) record(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case entries := <-r.queue:
			r.takeContiguous(entries)
			r.gather(ctx)
		case <-tick.C:
		}
		if err := r.persist(ctx); err != nil {
			return err
		}
	}
}

// gather folds what else comes before the next commit is due. Under load that is
// later: a call that changes several times in between is then written once.
func (r *recorder) gather(ctx context.Context) {
	timer := time.NewTimer(max(commitEvery, min(commitRest*r.took, commitLatest)))
	defer timer.Stop()
	for n := 0; n < commitEntries; {
		select {
		case entries := <-r.queue:
			r.takeContiguous(entries)
			n += len(entries)
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// takeContiguous folds entries that follow what was folded. Once the queue was
// full they may not: then the log is read instead, which has them all.
func (r *recorder) takeContiguous(entries []buffer.Entry) {
	if r.behind.Load() {
		return
	}
	if r.apply(entries) != nil { // it is met again, and put aside, when they are read from the log
		r.poison.spoiled = true
		r.behind.Store(true)
	}
}

func (r *recorder) persist(ctx context.Context) error {
	wait := 100 * time.Millisecond
	for attempt := 0; ; attempt++ {
		err := r.persistOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, crm.ErrFenced) {
			return err
		}
		if errors.Is(err, crm.ErrConflict) {
			// An earlier commit of unknown outcome did succeed: go on from what is stored.
			if err = r.resume(ctx); err == nil {
				return nil
			}
		}
		if attempt == 0 {
			r.logger.Warn("records wait in the log until the store answers", "pbx", r.pbx, "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait = min(2*wait, 5*time.Second)
	}
}

func (r *recorder) persistOnce(ctx context.Context) error {
	if !r.behind.Swap(false) {
		if len(r.events) == 0 && time.Since(r.since) < idleCommit {
			return nil
		}
		err := r.commit(ctx)
		if !errors.Is(err, crm.ErrRefused) {
			return err
		}
		r.poison.spoiled = true
	}
	if err := r.catchUp(ctx); err != nil {
		r.behind.Store(true)
		return err
	}
	return nil
}

// apply folds entries, up to one that cannot be, of which it returns a *poisonError.
func (r *recorder) apply(entries []buffer.Entry) error {
	for _, e := range entries {
		if e.Pos.Compare(r.applied) <= 0 {
			continue
		}
		background.Pause()
		if r.waiting.Load() == 0 {
			r.since = time.Now()
			r.waiting.Store(r.since.UnixMilli())
		}
		r.applied = e.Pos
		r.poison.folded++
		if e.At.After(r.at) { // a gap may lie in the past
			r.at = e.At
		}
		in, err := r.input(e)
		if err != nil {
			return &poisonError{e, err}
		}
		if e.Kind == buffer.SessionOpen {
			r.noted = append(r.noted, ownerOf(e, r.fold.Open())...)
		}
		events, err := r.bear(r.fold, in)
		if err != nil {
			return &poisonError{e, err}
		}
		for _, ev := range events {
			ev.Heard = e.At
			r.people.dressEvent(&ev)
			if ev.OfferID != "" {
				ev.Matches = r.match.of(ev.Call)
			}
			r.events = append(r.events, ev)
		}
	}
	return nil
}

// commit stores everything folded since the last commit, and the checkpoint.
func (r *recorder) commit(ctx context.Context) error {
	if r.applied == r.committed {
		return nil
	}
	ch := r.pending()
	r.events = append(r.events, r.match.takeTold(r.applied)...)
	r.redriven.save(ch.State)
	for _, c := range ch.Calls {
		r.people.Dress(c)
	}
	began := time.Now()
	defer func() { r.took = time.Since(began) }()
	err := r.store.Commit(ctx, crm.Batch{
		PBX: r.pbx, Tenant: r.tenant, Epoch: r.epoch,
		From: r.committed, To: r.applied, At: r.at,
		Calls: ch.Calls, Events: r.events, Gaps: ch.Gaps, State: ch.State,
		Evidence: r.people.withBindings(slices.Concat(ch.Evidence, r.noted), r.events),
	})
	if err != nil {
		return fmt.Errorf("commit %s to %s: %w", r.pbx, r.applied, err)
	}
	for k, v := range ch.State {
		if v == nil {
			delete(r.state, k)
		} else {
			r.state[k] = v
		}
	}
	r.committed, r.heard, r.events, r.held, r.noted = r.applied, r.at, nil, nil, nil
	r.gone, r.poison.folded, r.poison.passed = nil, 0, nil
	r.reached.Store(&crm.Position{Epoch: r.applied.Epoch, Seq: r.applied.Seq})
	r.waiting.Store(0)
	if r.onCommit != nil {
		r.onCommit(r.committed)
	}
	return nil
}

// snapshot returns the fold's committed state, for another fold to go on from.
func (r *recorder) snapshot() map[string][]byte { return maps.Clone(r.state) }

// checkpoint returns the position of the newest entry committed.
func (r *recorder) checkpoint() crm.Position {
	if p := r.reached.Load(); p != nil {
		return *p
	}
	return crm.Position{}
}

// lag returns how long folded entries have waited for a commit.
func (r *recorder) lag() time.Duration {
	since := r.waiting.Load()
	if since == 0 {
		return 0
	}
	return time.Since(time.UnixMilli(since))
}
