package intake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

const (
	followWait  = 100 * time.Millisecond
	followLimit = 1000
	// maxEarly bounds what a successor keeps before it is the owner. When it is full
	// the hand-over is called off.
	maxEarly = 1 << 16
)

// claim is a PBX that was just taken.
type claim struct {
	epoch uint64
	asked time.Time
	// road is logged in and has what the PBX said since; nil unless the owner before
	// handed the PBX over, with everything that it had heard in the log.
	road *road
}

// await returns when the PBX was taken. Until then this node shows what the owner
// writes into the log, and is ready when the owner wants to hand over.
func (l *Line) await(ctx context.Context) (claim, error) {
	if l.cfg.Nodes == nil {
		return l.take(ctx, nil)
	}
	s := &standby{line: l}
	defer s.stop()
	for {
		lease, known, news := l.cfg.Nodes.lease(l.cfg.PBX)
		if known {
			l.watch(lease)
			c, err := s.step(ctx, lease)
			if c.epoch != 0 || err != nil {
				return c, err
			}
		}
		select {
		case <-ctx.Done():
			return claim{}, ctx.Err()
		case <-news:
		}
	}
}

// take takes the PBX; r is what the owner before handed it over to, nil for none. A node that is alone
// waits long: on a slow disk many PBXs want the one writer at a start, and who gives up comes last again.
func (l *Line) take(ctx context.Context, r *road) (claim, error) {
	within := 2 * askWithin
	if n := l.cfg.Nodes; n == nil || n.cfg.Alone {
		within = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	c := claim{asked: time.Now(), road: r}
	var err error
	c.epoch, err = l.cfg.Store.TakePBX(ctx, l.cfg.PBX, l.cfg.Tenant, l.cfg.Node)
	if err == nil {
		err = l.pass(ctx, &c)
	}
	if err != nil {
		return claim{}, fmt.Errorf("take PBX: %w", err)
	}
	return c, nil
}

// pass takes the PBX again until its epoch is newer than those in the log, which has newer ones than the store when
// that was put back from an older copy. A log that is away is told of by whoever opens it.
func (l *Line) pass(ctx context.Context, c *claim) error {
	top, err := l.cfg.Log.Top(ctx, l.cfg.PBX)
	if err != nil || top.Epoch < c.epoch {
		return nil
	}
	l.log.Warn("the store is older than the log of this PBX, as when it was put back from a copy: its epochs go on after the log's", "store", c.epoch, "log", top.Epoch)
	for err == nil && c.epoch <= top.Epoch {
		c.asked = time.Now()
		c.epoch, err = l.cfg.Store.TakePBX(ctx, l.cfg.PBX, l.cfg.Tenant, l.cfg.Node)
	}
	return err
}

// standby is the time in which another node owns the PBX.
type standby struct {
	line   *Line
	next   *road          // logged in, to take over without a gap; nil unless asked to
	epoch  uint64         // of the owner that asked
	told   bool           // that it is ready
	unread func()         // stops following; nil while not following
	reader sync.WaitGroup // that follows
}

// step does what the lease asks for. It returns a claim when the PBX was taken.
func (s *standby) step(ctx context.Context, lease crm.Lease) (claim, error) {
	n := s.line.cfg.Nodes
	handed := lease.Handed && lease.Node == s.line.cfg.Node && s.next != nil && lease.Epoch == s.epoch && s.next.whole()
	if !handed {
		s.prepare(ctx, lease)
	}
	if !n.claim(s.line.cfg.PBX) {
		s.follow(ctx)
		return claim{}, nil
	}
	s.unfollow()
	var r *road
	if handed {
		r, s.next = s.next, nil
	}
	c, err := s.line.take(ctx, r)
	if r != nil && (err != nil || c.epoch != s.epoch+1) { // somebody had it in between
		r.hangUp()
		c.road = nil
	}
	if err != nil {
		defer n.drop(s.line.cfg.PBX)
	}
	if held, ok := errors.AsType[*crm.HeldError](err); ok { // another node was quicker
		n.learn(held)
		return claim{}, nil
	}
	return c, err
}

// prepare logs in when the owner asks for it, and hangs up when he does no more.
func (s *standby) prepare(ctx context.Context, lease crm.Lease) {
	c := s.line.cfg
	wanted := lease.Successor == c.Node && !lease.Free() && lease.Node != c.Node && c.Follow != nil
	if s.next != nil && (!wanted || lease.Epoch != s.epoch) {
		s.next.hangUp()
		s.next = nil
		s.line.next.Store(nil)
	}
	if !wanted {
		return
	}
	if s.next == nil {
		s.next, s.epoch, s.told = newRoad(s.line), lease.Epoch, false
		s.line.next.Store(s.next)
		s.next.connect(ctx)
	}
	if s.told != s.next.whole() {
		ask, cancel := context.WithTimeout(ctx, askWithin)
		defer cancel()
		if err := c.Store.ReadyPBX(ask, c.PBX, c.Node, s.epoch, !s.told); err == nil {
			s.told = !s.told
		}
	}
}

func (s *standby) follow(ctx context.Context) {
	if s.unread != nil || s.line.cfg.Follow == nil {
		return
	}
	reading, stop := context.WithCancel(ctx)
	s.unread = stop
	s.reader.Go(func() { s.line.follow(reading, ctx) })
}

func (s *standby) unfollow() {
	if s.unread == nil {
		return
	}
	s.unread()
	s.reader.Wait()
	s.unread = nil
}

func (s *standby) stop() {
	s.unfollow()
	s.line.next.Store(nil)
	if s.next != nil {
		s.next.hangUp()
	}
}

// follow shows what the owner writes into the log, until ctx ends. The look-ups that
// it begins live as long as the line does.
func (l *Line) follow(ctx, line context.Context) {
	read := time.Now() // when the log last answered
	failing := false
	l.live.match.quiet.Store(true) // the owner stores matches
	defer l.live.match.quiet.Store(false)
	for ctx.Err() == nil {
		err := l.followOn(ctx, line)
		if err == nil {
			read, failing = time.Now(), false
			continue
		}
		if !failing && ctx.Err() == nil {
			l.log.Warn("events of another node's PBX show late until the log answers", "err", err)
		}
		failing = true
		if time.Since(read) > trimMargin/2 { // what follows may be trimmed: begin at the checkpoint
			l.live.stop()
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

func (l *Line) followOn(ctx, line context.Context) error {
	c := l.cfg
	if !l.live.running() {
		cp, err := c.Store.Resume(ctx, c.PBX)
		if err != nil {
			return err
		}
		fold, err := calls.Restore(c.Fold, cp.State)
		if err != nil {
			return err
		}
		l.live.begin(fold, cp.Pos)
	}
	entries, err := c.Follow.Follow(ctx, c.PBX, l.live.reached(), followLimit, followWait)
	entries, err = readable(entries, err, l.live.heardAt())
	for _, e := range entries {
		l.live.take(line, e)
		l.heard(e)
	}
	return err
}

// twins counts frames of the owner before that a successor may have heard too. Two
// sessions get the same bytes; with a Timestamp in them no other frame has these.
// Without one both copies are kept: the fold takes a frame twice.
type twins struct {
	mu   sync.Mutex
	seen map[string]int // guarded by mu; bounded by maxEarly
}

func stamped(e buffer.Entry) bool {
	return e.Kind == buffer.Frame && strings.Contains(string(e.Data), "\nTimestamp: ")
}

func (t *twins) add(e buffer.Entry) {
	if !stamped(e) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]int{}
	}
	if len(t.seen) < maxEarly {
		t.seen[string(e.Data)]++
	}
}

// forget lets go of all frames.
func (t *twins) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = nil
}

// take reports whether the frame was counted, and counts it down.
func (t *twins) take(e buffer.Entry) bool {
	if !stamped(e) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen[string(e.Data)] == 0 {
		return false
	}
	t.seen[string(e.Data)]--
	return true
}
