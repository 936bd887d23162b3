package intake

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"patchcord/ami"
	"patchcord/buffer"
	"patchcord/crm"
)

// road is one ownership of a PBX: everything between its socket and the two folds.
type road struct {
	line     *Line
	epoch    uint64 // 0 before begin
	lease    *lease
	session  *ami.Session
	appender *buffer.Appender
	live     *live
	recorder *recorder
	resync   *resync
	twins    twins // frames that the owner before has in the log
	hang     context.CancelFunc
	ended    chan error // the session's end; has room for it

	mu      sync.Mutex
	next    crm.Position   // guarded by mu: of the next entry
	last    time.Time      // guarded by mu: receipt of the newest entry
	state   ami.State      // guarded by mu: of the session
	shutBy  bool           // guarded by mu: nothing is taken any more
	waiting bool           // guarded by mu: there is no epoch yet; entries are kept in early
	unsure  bool           // guarded by mu: the lease lapsed, and it is not known that another node has the PBX
	early   []buffer.Entry // guarded by mu; heard while waiting or unsure; without positions; full at maxEarly, then shutBy is set

	dead     atomic.Int64              // how many dead letters wait
	shedFrom atomic.Pointer[time.Time] // when entries began to be dropped, nil when none were
}

// newRoad returns a road that may hear but has no epoch yet.
func newRoad(l *Line) *road {
	c := l.cfg
	r := &road{line: l, live: l.live, lease: newLease(c), ended: make(chan error, 1), waiting: true}
	r.state = ami.State{Phase: ami.PhaseConnecting, Since: time.Now().UTC()}
	r.recorder = &recorder{
		pbx: c.PBX, tenant: c.Tenant, cfg: c.Fold,
		node: c.Node, log: c.Log, dead: c.Dead, store: c.Store, people: c.People, match: l.live.match, logger: l.log, bear: applied,
		queue: make(chan []buffer.Entry, recorderQueue),
	}
	r.recorder.onCommit = r.live.committed
	r.appender = buffer.NewAppender(buffer.AppenderConfig{
		Log: c.Log, PBX: c.PBX, Logger: l.log, Shed: worth,
		OnDurable: r.recorder.durable,
		OnDrop:    func(_ int, from, _ time.Time) { r.dropped(from) },
	})
	r.session = ami.NewSession(c.Session, r)
	r.resync = newResync(r)
	return r
}

// worth tells the appender how readily a frame is given up when all its room is
// taken: first what no record needs, then variables, then the rest; never a marker.
func worth(e buffer.Entry) int {
	if e.Kind != buffer.Frame {
		return 0
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(textOf(e.Data[:min(len(e.Data), 40)]), "Event: "), "\n")
	switch strings.TrimSuffix(name, "\r") {
	case "RTCPSent", "RTCPReceived", "TestEvent":
		return 3
	case "VarSet", "Newexten":
		return 2
	}
	return 1
}

// open writes the first entry of the ownership into the log, before anything else
// is done: from then on the log takes nothing of an older owner, so what it has
// before that entry is all that there will be. Both folds are brought up to it. What
// came after the last entry that was folded was not heard, a gap from there to the login,
// unless the owner before handed over. Where a log lost its end, or everything, the
// checkpoint still knows until when there are records.
func (r *road) open(ctx context.Context, last time.Time, handed bool) error {
	c := r.line.cfg
	m := marker{Node: c.Node, Name: c.Nodes.name(), Last: last, Cause: crm.GapDaemonDown, Handed: handed}
	e := buffer.Entry{Pos: crm.Position{Epoch: r.epoch}, At: time.Now().UTC(), Kind: buffer.SessionOpen, Data: m.encode()}
	if _, err := c.Log.Append(ctx, c.PBX, []buffer.Entry{e}); err != nil {
		return fmt.Errorf("open the log of %s: %w", c.PBX, err)
	}
	if err := r.live.catchUp(ctx, c.Log, c.PBX, e.Pos, r.twins.add); err != nil {
		return err
	}
	return r.recorder.catchUp(ctx)
}

// begin stamps what was heard so far, but for what the log has already, and from
// then on everything at once.
func (r *road) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting, r.next = false, crm.Position{Epoch: r.epoch, Seq: 1}
	for _, e := range r.early {
		if !r.twins.take(e) {
			r.stamp(e)
		}
	}
	r.early = nil
	r.twins.forget()
}

// put stamps an entry and hands it to both sides, or keeps it until that may be done. It never waits.
func (r *road) put(kind buffer.Kind, at time.Time, data []byte) {
	r.enter(buffer.Entry{At: at.UTC(), Kind: kind, Data: data}, false)
}

// enter is put. Where nothing waits for the screens' fold and the caller has nothing else to do, it
// folds the entry itself: another goroutine would have to get a processor first.
func (r *road) enter(e buffer.Entry, idle bool) {
	r.mu.Lock()
	var mine context.Context
	switch {
	case r.shutBy:
	case r.sure():
		if idle {
			mine = r.live.claim()
		}
		if e = r.place(e); mine == nil {
			r.queue(e)
		}
	case len(r.early) >= maxEarly:
		r.shutBy = true
	default:
		r.early = append(r.early, e)
	}
	r.mu.Unlock()
	if mine != nil {
		r.live.foldClaimed(mine, e)
	}
}

// sure reports whether entries may be stamped now; then all that was kept has been. r.mu is held.
func (r *road) sure() bool {
	if r.waiting || r.shutBy || !r.lease.valid() {
		return false
	}
	for _, e := range r.early {
		r.stamp(e)
	}
	r.early = nil
	return true
}

// stamp gives the entry its position and hands it to both sides. r.mu is held.
func (r *road) stamp(e buffer.Entry) { r.queue(r.place(e)) }

// place gives the entry its position and hands it to the log. r.mu is held.
func (r *road) place(e buffer.Entry) buffer.Entry {
	e.Pos = r.next
	r.next.Seq++
	r.last = e.At
	r.appender.Put(e)
	return e
}

// queue hands a placed entry to the screens' fold. r.mu is held.
func (r *road) queue(e buffer.Entry) {
	if !r.live.put(e) {
		r.dropped(e.At)
	}
}

// shut makes the road deaf, for ever.
func (r *road) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shutBy = true
}

func (r *road) isShut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shutBy
}

// up reports whether the session is logged in.
func (r *road) up() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Phase == ami.PhaseUp
}

// whole reports whether the session is logged in and nothing that it heard was lost.
func (r *road) whole() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Phase == ami.PhaseUp && !r.shutBy
}

// connect begins the session, which lasts until hangUp or ctx's end.
func (r *road) connect(ctx context.Context) {
	ctx, r.hang = context.WithCancel(ctx)
	go func() { r.ended <- r.session.Run(ctx) }()
}

// hangUp ends the session, if there is one, and returns when it has ended.
func (r *road) hangUp() {
	r.shut()
	if r.hang == nil {
		return
	}
	r.hang()
	r.line.log.Debug("the session is hung up", "why", <-r.ended) // what people need its states have told
	r.hang = nil
}

// listen waits for the end of the session.
func (r *road) listen(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-r.ended:
		r.ended <- err // for hangUp
		return err
	}
}

func (r *road) dropped(from time.Time) { r.shedFrom.CompareAndSwap(nil, &from) }

// OnFrame implements ami.Handler.
func (r *road) OnFrame(f ami.Frame) {
	raw := f.Msg.Raw()
	r.enter(buffer.Entry{At: f.At.UTC(), Kind: buffer.Frame, Data: bytesOf(raw)}, !f.More)
	r.resync.heard(raw, f.At)
}

// OnState implements ami.Handler. Losing a connection is an entry of the log at
// the time until which the PBX was heard: what it said after that may be missing.
func (r *road) OnState(s ami.State) {
	r.mu.Lock()
	was := r.state.Phase
	r.state = s
	waiting := r.waiting
	r.mu.Unlock()
	if was == ami.PhaseUp && s.Phase != ami.PhaseUp {
		at := s.HeardUntil
		if at.IsZero() {
			at = time.Now()
		}
		if waiting {
			r.shut() // what it kept is no longer everything
		}
		r.put(buffer.Lost, at, marker{Cause: crm.GapDisconnect, Detail: s.Text}.encode())
	}
	if was != ami.PhaseUp && s.Phase == ami.PhaseUp {
		r.put(buffer.Connected, time.Now(), marker{Version: s.Version, Boot: s.Boot}.encode())
		r.resync.begin()
	}
	if !waiting {
		r.show()
	}
}

// show tells the state of the session to whoever looks at this node, and to the others.
func (r *road) show() {
	r.mu.Lock()
	if r.unsure {
		r.line.status.disowned()
	} else {
		r.line.status.set(r.state) // within the lock, so that the newest is set last
	}
	r.mu.Unlock()
	select {
	case r.lease.kick <- struct{}{}:
	default: // it is to be renewed already
	}
	r.line.tell()
}

// OnTrouble implements ami.Handler. A message that was discarded for its size may
// have been one that counts: that is a gap. What was cut off by the end of a
// connection lies in that connection's gap already.
func (r *road) OnTrouble(t ami.Trouble) {
	r.line.log.Warn("the PBX sent something that could not be taken whole", "kind", t.Kind, "bytes", t.Bytes, "lag", t.Lag)
	if t.Kind != ami.TroubleOversize {
		return
	}
	r.put(buffer.GapOpen, t.At, marker{Cause: crm.GapOverflow, Detail: "a message over the size limit was left out"}.encode())
	r.put(buffer.GapClose, t.At, nil)
}

// mark writes into a log that is silent until when the PBX was heard, as the answer to a Ping
// shows it, so that after the daemon's death the gap begins there, and turns dropped entries into a gap.
func (r *road) mark(ctx context.Context) error {
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			r.markAt(now)
		}
	}
}

func (r *road) markAt(now time.Time) {
	if from := r.shedFrom.Swap(nil); from != nil {
		r.put(buffer.GapOpen, *from, marker{Cause: crm.GapOverflow, Detail: "more frames than could be kept"}.encode())
		r.put(buffer.GapClose, now, nil)
		return
	}
	heard := r.session.State().HeardUntil
	r.mu.Lock()
	silent := heard.Sub(r.last) >= markEvery
	r.mu.Unlock()
	if silent && r.up() {
		r.put(buffer.Mark, heard, nil)
	}
}

// trim removes what was committed long enough ago.
func (r *road) trim(ctx context.Context) error {
	type reached struct {
		pos crm.Position
		at  time.Time
	}
	var checkpoints []reached
	tick := time.NewTicker(r.line.trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			checkpoints = append(checkpoints, reached{r.recorder.checkpoint(), now})
			var below crm.Position
			for len(checkpoints) > 0 && now.Sub(checkpoints[0].at) > r.line.trimMargin {
				below, checkpoints = checkpoints[0].pos, checkpoints[1:]
			}
			if below.IsZero() {
				continue
			}
			if err := r.line.cfg.Log.Trim(ctx, r.line.cfg.PBX, below); err != nil && ctx.Err() == nil {
				r.line.log.Warn("log not trimmed; it grows until this succeeds", "err", err)
			}
		}
	}
}
