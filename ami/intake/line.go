package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"patchcord/ami"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

// Store is what a Line needs of a crm.Store.
type Store interface {
	crm.IngestStore
	contactStore
}

// Config is what a Line is made of. Log, Store, People, Publish, Session and Fold are needed.
type Config struct {
	PBX, Tenant string
	Node        string // id of this node
	Session     ami.Config
	Fold        calls.Config
	Log         buffer.Log
	Store       Store
	People      *People
	Publish     func(*crm.Event)                // the live events, in order; must not block
	Dead        *buffer.DeadLetters             // of what cannot be recorded; nil: in Log
	OnStatus    func(Status)                    // whenever the session's state changes; must not block; nil for none
	OnStale     func(*crm.Event, time.Duration) // of a ring that is too old to be shown, and how old; must not block; nil for none
	QueuesEvery time.Duration                   // how often members of queues are read again; 0 means a minute
	DeafAfter   time.Duration                   // without a new channel, before it is asked whether the PBX has some; 0 means a minute
	Logger      *slog.Logger

	// Several nodes. Nodes nil: there is no other, and the PBX is taken at once and kept.
	Nodes   *Nodes
	Follow  buffer.Follower // the log, when other nodes write to it; nil when they cannot
	Witness *Witness        // the log that the nodes share; needed with Follow
}

const (
	liveQueue     = 1 << 16 // entries; see live.queue for what happens when it is full
	recorderQueue = 1 << 10 // batches; see recorder.queue
	markEvery     = time.Second
	trimEvery     = 10 * time.Second
	trimMargin    = 10 * time.Minute
	logAwayWait   = 2 * time.Second // at most, before a line that the log is away for is tried again
)

// Line is the road of one PBX. Make one with New, and Run it; the other methods
// may be called at any time, from any goroutine.
type Line struct {
	cfg    Config
	log    *slog.Logger
	status status
	live   *live                // what the screens see, whoever owns the PBX
	road   atomic.Pointer[road] // nil unless this node owns the PBX
	next   atomic.Pointer[road] // logged in, to take over from another node; nil for none

	trimEvery, trimMargin time.Duration // the constants; tests are in more of a hurry
}

// New returns a Line that does nothing yet.
func New(cfg Config) *Line {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Dead == nil {
		cfg.Dead = buffer.NewDeadLetters(cfg.Log, cfg.Logger)
	}
	l := &Line{cfg: cfg, log: cfg.Logger.With("pbx", cfg.PBX), trimEvery: trimEvery, trimMargin: trimMargin}
	l.status.disowned()
	l.live = &live{
		people: cfg.People, match: newMatcher(cfg.Store, l.log), publish: cfg.Publish, log: l.log,
		queue: ami.NewRing(ami.RingConfig[buffer.Entry]{MaxItems: liveQueue}), onStale: cfg.OnStale,
	}
	return l
}

// PBX returns the name of the PBX, and the tenant it belongs to.
func (l *Line) PBX() (name, tenant string) { return l.cfg.PBX, l.cfg.Tenant }

// Open returns the records of the calls that are open now.
func (l *Line) Open() []*crm.Call { return l.live.open("") }

// OpenOf returns of Open the calls in which the user has or had a part.
func (l *Line) OpenOf(user string) []*crm.Call { return l.live.open(user) }

// Phone returns what the PBX said last of the extension.
func (l *Line) Phone(extension string) crm.Phone { return l.live.phone(extension) }

// Call returns the record of an open call, or of one that just ended; nil when it is not known here.
func (l *Line) Call(id string) *crm.Call { return l.live.call(id) }

// Run owns the PBX whenever its lease is this node's, and until ctx ends; in between
// it shows what the owner writes into the log. A store or log that cannot be
// reached is tried again for ever.
func (l *Line) Run(ctx context.Context) error {
	wait := 250 * time.Millisecond
	for {
		began := time.Now()
		c, err := l.await(ctx)
		if err == nil {
			err = l.own(ctx, c)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errGiven):
			l.log.Info("this node has let go of the PBX")
			continue
		case !lost(err):
		case l.cfg.Nodes == nil:
			return fmt.Errorf("PBX %s: %w", l.cfg.PBX, err)
		case time.Since(began) > time.Second:
			l.log.Warn("this node is not the PBX's owner any more", "why", err)
			continue
		}
		if time.Since(began) > time.Minute {
			wait = 250 * time.Millisecond
		}
		if errors.Is(err, buffer.ErrUnavailable) { // the PBX is not heard until the log is back
			wait = min(wait, logAwayWait)
		}
		if l.status.troubled(troubleOf(err)) { // said once, however often it is tried
			l.log.Error("the line to the PBX stopped; it starts again and again", "err", err, "in", wait)
			l.tell()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait = min(2*wait, 15*time.Second)
	}
}

// troubleOf says to people why a line does not run. Addresses and the like are for the log alone.
func troubleOf(err error) string {
	switch {
	case errors.Is(err, buffer.ErrUnavailable):
		return "The buffer cannot be used, and this PBX is heard from its return on; the daemon's log says why."
	case errors.Is(err, crm.ErrUnavailable):
		return "The store cannot be used, and this PBX is heard from its return on; the daemon's log says why."
	}
	return "The line to this PBX stops whenever it starts; the daemon's log says why."
}

// lost reports whether an ownership ended because another node has, or may have, the PBX.
func lost(err error) bool {
	return errors.Is(err, errLapsed) || errors.Is(err, crm.ErrFenced) || errors.Is(err, buffer.ErrFenced)
}

// own catches up with the PBX's log, and carries frames until something fails or
// the PBX has to be given away.
func (l *Line) own(ctx context.Context, c claim) error {
	r := c.road
	if r == nil {
		r = newRoad(l)
	}
	defer l.disown(r)
	if err := l.takeOver(ctx, r, c); err != nil {
		return err
	}
	l.road.Store(r)
	r.begin()
	r.show()
	if c.road == nil {
		r.connect(ctx)
	}
	g, ctx := errgroup.WithContext(ctx)
	for name, part := range map[string]func(context.Context) error{
		"append": r.appender.Run, "live": r.live.run, "record": r.recorder.run,
		"session": r.listen, "mark": r.mark, "trim": r.trim, "resync": r.resync.run, "lease": r.keep, "spool": r.watchSpool,
		"dead letters": r.watchDead,
	} {
		g.Go(func() error {
			if err := part(ctx); err != nil {
				r.shut()
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// disown ends an ownership: what the live fold knows beyond the log was never said.
func (l *Line) disown(r *road) {
	r.hangUp()
	l.live.stop()
	l.live.match.wg.Wait()
	l.road.Store(nil)
	l.status.disowned()
	if l.cfg.Nodes != nil {
		l.cfg.Nodes.drop(l.cfg.PBX)
	}
	l.tell()
}

func (l *Line) takeOver(ctx context.Context, r *road, c claim) error {
	r.epoch, r.recorder.epoch = c.epoch, c.epoch
	r.lease.renewed(c.asked)
	if err := l.settle(ctx); err != nil {
		return err
	}
	if err := r.recorder.resume(ctx); err != nil {
		return err
	}
	if !l.live.running() {
		fold, err := calls.Restore(l.cfg.Fold, r.recorder.snapshot())
		if err != nil {
			return fmt.Errorf("start live fold: %w", err)
		}
		l.live.begin(fold, r.recorder.applied)
	}
	return r.open(ctx, r.recorder.at, c.road != nil)
}

// status is what /readyz and the screens tell of a line.
type status struct {
	mu    sync.Mutex
	state ami.State // guarded by mu
	owned bool      // guarded by mu
	known bool      // guarded by mu: who owns it was looked at
	held  bool      // guarded by mu: by another node, while it is not owned
	up    bool      // guarded by mu: elsewhere, while it is not owned
	why   string    // guarded by mu: nobody hears the PBX though this node should; "" for no trouble
}

func (s *status) set(st ami.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.owned, s.why = st, true, ""
}

func (s *status) disowned() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.owned, s.held, s.up = ami.State{Phase: ami.PhaseStopped, Since: time.Now().UTC()}, false, false, false
}

// troubled notes why the line stopped, and reports whether that is news.
func (s *status) troubled(why string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.why != why
	s.why = why
	return news
}

// elsewhere notes whether another node has the PBX and is connected, and reports whether that is news.
func (s *status) elsewhere(held, up bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == held && s.up == up && s.known {
		return false
	}
	s.held, s.up, s.known, s.state.Since = held, up, true, time.Now().UTC()
	if held {
		s.why = ""
	}
	return true
}

// watch takes what a lease says of the PBX while another node may own it.
func (l *Line) watch(lease crm.Lease) {
	l.live.committed(lease.Pos)
	held := !lease.Free() && lease.Node != l.cfg.Node
	if l.status.elsewhere(held, held && lease.Up) {
		l.tell()
	}
}

// heard notes what the owner wrote into the log, for a session that is to take over.
func (l *Line) heard(e buffer.Entry) {
	if r := l.next.Load(); r != nil {
		r.twins.add(e)
	}
}

// tell says that the status changed.
func (l *Line) tell() {
	if l.cfg.OnStatus != nil {
		l.cfg.OnStatus(l.Status())
	}
}

// Status is the state of a line.
type Status struct {
	PBX, Tenant string
	Owned       bool      // false while another node owns the PBX, or nobody does
	Standby     bool      // another node owns the PBX, and this one takes it when it becomes free
	Elsewhere   bool      // another node owns the PBX and is connected
	Trouble     string    // why nobody hears the PBX though this node should; "" for no trouble
	State       ami.State // of the manager session; of one that stopped while the PBX is not owned
	LastFrame   time.Time // receipt of the newest frame, zero before the first
	Lag         time.Duration
	Session     ami.SessionStats     // since this node owns the PBX
	Append      buffer.AppenderStats // likewise
	Deaf        bool                 // the PBX has calls of which it tells nothing
	DeadLetters int                  // that wait for a person; 0 while this node does not own the PBX
}

// Status returns the state of the line. Lag is the age of the oldest entry that is not committed yet.
func (l *Line) Status() Status {
	l.status.mu.Lock()
	s := Status{PBX: l.cfg.PBX, Tenant: l.cfg.Tenant, Owned: l.status.owned, Standby: !l.status.owned && l.status.held, Elsewhere: l.status.up,
		Trouble: l.status.why, State: l.status.state}
	l.status.mu.Unlock()
	l.live.mu.Lock()
	s.LastFrame = l.live.frame
	l.live.mu.Unlock()
	if r := l.road.Load(); r != nil {
		s.Lag = r.recorder.lag()
		s.Session, s.Append = r.session.Stats(), r.appender.Stats()
		s.Deaf, s.DeadLetters = r.resync.deaf.Load(), int(r.dead.Load())
	}
	return s
}
