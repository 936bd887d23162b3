package intake

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"patchcord/ami"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

// popMaxAge is how old a ring may be to be shown. Frames that waited longer
// still change records.
const popMaxAge = 30 * time.Second

// live is the fold that the screens see. It holds no lock while it publishes, and asks no store.
type live struct {
	people  *People
	match   *matcher
	publish func(*crm.Event)
	log     *slog.Logger
	onStale func(*crm.Event, time.Duration) // see Config

	queue   *ami.Ring[buffer.Entry] // full: the entry is dropped here and a gap is marked; the log still has it
	waiting atomic.Int64            // entries of the queue, and the one taken out of it, that are not folded

	turn sync.Mutex                      // held by who folds an entry while run runs
	lent atomic.Pointer[context.Context] // run's, while it runs

	mu     sync.Mutex
	fold   *calls.Tracker               // guarded by mu; nil while this node knows nothing of the PBX
	pos    crm.Position                 // guarded by mu: of the newest entry folded
	stale  bool                         // guarded by mu: the fold is only looked at, nothing more is folded into it
	last   time.Time                    // guarded by mu: receipt of the newest entry folded
	frame  time.Time                    // guarded by mu: receipt of the newest one that the PBX said
	recent recent                       // guarded by mu: what ended and is not committed yet
	stored atomic.Pointer[crm.Position] // until where all is committed
}

// put hands an entry to the live fold; false when its queue is full.
func (l *live) put(e buffer.Entry) bool {
	l.waiting.Add(1)
	if l.queue.Push(e) {
		l.waiting.Add(-1)
		return false
	}
	return true
}

// claim lets its caller fold the next entry by foldClaimed, in the context returned; nil when it may
// not, as run is at work or does not run. Nobody may put at the same time.
func (l *live) claim() context.Context {
	if ctx := l.lent.Load(); ctx != nil && l.waiting.Load() == 0 && l.turn.TryLock() {
		return *ctx
	}
	return nil
}

// foldClaimed folds what was claimed. What was put since waits for it.
func (l *live) foldClaimed(ctx context.Context, e buffer.Entry) {
	defer l.turn.Unlock()
	l.take(ctx, e)
}

// begin goes on from another fold, which has everything up to pos.
func (l *live) begin(fold *calls.Tracker, pos crm.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fold, l.pos, l.stale = fold, pos, false
}

// stop forgets what waits to be folded. The fold is to be begun anew; until then
// it tells what it knew last.
func (l *live) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stale = true
	l.waiting.Add(-int64(l.queue.Clear()))
}

func (l *live) running() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fold != nil && !l.stale
}

// peopleMove reports whether the PBX has phones at which people log in.
func (l *live) peopleMove() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fold != nil && l.fold.PeopleMove()
}

// phone returns what the PBX said last of the extension.
func (l *live) phone(extension string) crm.Phone {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fold == nil {
		return crm.Phone{}
	}
	return l.fold.Phone(extension)
}

// reached returns the position of the newest entry folded.
func (l *live) reached() crm.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pos
}

// heardAt returns when the newest entry folded was received.
func (l *live) heardAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// said reports whether an entry says that the PBX was heard: others are the daemon's own.
func said(k buffer.Kind) bool { return k == buffer.Frame || k == buffer.Connected || k == buffer.Mark }

// catchUp folds what the log has up to and with last.
func (l *live) catchUp(ctx context.Context, log buffer.Log, pbx string, last crm.Position, heard func(buffer.Entry)) error {
	for l.reached().Compare(last) < 0 {
		entries, err := log.Read(ctx, pbx, l.reached(), readLimit)
		entries, err = readable(entries, err, l.heardAt())
		if err != nil {
			return fmt.Errorf("read log of %s for the screens: %w", pbx, err)
		}
		if len(entries) == 0 {
			return fmt.Errorf("the log of %s ends at %s, and should at %s", pbx, l.reached(), last)
		}
		for _, e := range entries {
			l.take(ctx, e)
			heard(e)
		}
	}
	return nil
}

func (l *live) run(ctx context.Context) error {
	l.lent.Store(&ctx)
	defer l.lent.Store(nil)
	for {
		e, err := l.queue.Pop(ctx)
		if err != nil {
			return err
		}
		l.turn.Lock()
		l.take(ctx, e)
		l.turn.Unlock()
		l.waiting.Add(-1)
	}
}

func (l *live) take(ctx context.Context, e buffer.Entry) {
	in, err := inputOf(e)
	if err != nil {
		in = hole(e) // the recorder says so
	}
	l.mu.Lock()
	events, err := applied(l.fold, in)
	if err != nil {
		l.log.Error("the screens do without a frame that could not be folded; please report it", "pos", e.Pos.String(), "err", err)
	}
	l.fold.Discard()                       // the recorded fold keeps the state; this one only tells
	if l.pos = e.Pos; e.At.After(l.last) { // a gap, or a dead letter, may lie in the past
		l.last = e.At
	}
	if said(e.Kind) && e.At.After(l.frame) {
		l.frame = e.At
	}
	for i := range events {
		l.people.dressEvent(&events[i]) // before anybody else can ask the fold for the record
		l.recent.note(&events[i])
	}
	l.forgetStored()
	l.mu.Unlock()
	for i := range events {
		events[i].Heard = e.At
		l.tell(ctx, &events[i])
	}
}

func (l *live) tell(ctx context.Context, e *crm.Event) {
	switch e.Type {
	case crm.CallStarted, crm.CallUpdated: // whom a call is to may be known only when it reaches for a trunk
		if e.Call.Open() {
			l.match.begin(ctx, e.Call)
		}
	case crm.OfferCreated:
		// By our clock: a PBX whose own is behind must not lose its pops.
		if age := time.Since(e.Heard); age > popMaxAge {
			if l.onStale != nil {
				l.onStale(e, age)
			}
			return
		}
		e.Matches = l.match.of(e.Call)
		if e.Matches == nil {
			l.match.later(ctx, *e, l.publish)
		}
	case crm.OfferAccepted, crm.OfferRescinded, crm.OfferEnded:
		e.Matches = l.match.of(e.Call)
	case crm.CallEnded, crm.CallMerged:
		l.match.end(e.Call)
	}
	l.publish(e)
}

// open returns the records of the calls that are open now, as the screens know them: those
// in which the user has or had a part, or all for "".
func (l *live) open(user string) []*crm.Call {
	l.mu.Lock()
	var list []*crm.Call
	if l.fold != nil {
		list = l.fold.Open()
	}
	l.mu.Unlock()
	if user != "" {
		list = slices.DeleteFunc(list, func(c *crm.Call) bool { return !l.people.takesPart(c, user) })
	}
	for i, c := range list {
		list[i] = c.Clone()
		l.people.Dress(list[i])
	}
	return list
}

// call returns an open call, or one that ended and is not committed yet; the id
// of an absorbed call gives the survivor.
func (l *live) call(id string) *crm.Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetStored()
	if into, ok := l.recent.merged[id]; ok {
		id = into
	}
	var c *crm.Call
	if l.fold != nil {
		c = l.fold.Call(id)
	}
	if c == nil {
		c = l.recent.ended[id]
	}
	if c == nil {
		return nil
	}
	c = c.Clone()
	l.people.Dress(c)
	return c
}

// committed is told what the store has by now. It takes no lock that a pop may need: the recorder
// could lose the processor while it held it.
func (l *live) committed(to crm.Position) { l.stored.Store(&to) }

// forgetStored forgets what the store has. l.mu is held.
func (l *live) forgetStored() {
	if to := l.stored.Load(); to != nil {
		l.recent.forget(*to)
	}
}

// maxRecent bounds what is remembered while the store is away. Beyond it the
// oldest calls are unknown here until the store has them.
const maxRecent = 20_000

// recent is what ended, or was absorbed, and is not in the store yet.
type recent struct {
	ended  map[string]*crm.Call
	merged map[string]string // absorbed id to survivor
	order  []noted           // by position
}

type noted struct {
	pos crm.Position
	id  string
}

func (r *recent) note(e *crm.Event) {
	switch e.Type {
	case crm.CallEnded:
		if r.ended == nil {
			r.ended = map[string]*crm.Call{}
		}
		r.ended[e.Call.ID] = e.Call
	case crm.CallMerged:
		if r.merged == nil {
			r.merged = map[string]string{}
		}
		r.merged[e.Call.ID] = e.Into
	default:
		return
	}
	r.order = append(r.order, noted{e.Pos, e.Call.ID})
	if len(r.order) > maxRecent {
		r.drop(1)
	}
}

func (r *recent) forget(to crm.Position) {
	n := 0
	for n < len(r.order) && r.order[n].pos.Compare(to) <= 0 {
		n++
	}
	r.drop(n)
}

func (r *recent) drop(n int) {
	for _, o := range r.order[:n] {
		delete(r.ended, o.id)
		delete(r.merged, o.id)
	}
	r.order = r.order[n:]
}
