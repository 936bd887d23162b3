package intake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// How an ownership ends without a fault.
var (
	errGiven  = errors.New("given to another node, or back")
	errLapsed = errors.New("the lease could not be renewed in time")
)

const (
	readyWithin = 4 * time.Second // for a successor to log in
	drainWithin = 2 * time.Second // for the log to have all that was heard
)

// lease is how long an ownership is sure, on this process's monotonic clock. While
// it is not, nothing may be written or published: another node may be the owner.
type lease struct {
	alone   bool // nobody else can be
	pbx     string
	witness *Witness
	base    time.Time
	good    atomic.Int64  // ns after base: the beginning of the last renewal that succeeded
	kick    chan struct{} // one place: renew now
}

func newLease(c Config) *lease {
	return &lease{alone: c.Nodes == nil || c.Nodes.cfg.Alone, pbx: c.PBX, witness: c.Witness, base: time.Now(), kick: make(chan struct{}, 1)}
}

// renewed says that the lease was extended by a question that was asked at that time.
func (l *lease) renewed(asked time.Time) { l.good.Store(int64(asked.Sub(l.base))) }

// valid reports whether this node is sure to own the PBX: it renewed lately, or,
// when the store is away, the log took an entry lately: a new owner's first act is
// to write into the log, and from then on it takes nothing of this one.
func (l *lease) valid() bool {
	if l.alone || time.Since(l.base)-time.Duration(l.good.Load()) < crm.LeaseFence {
		return true
	}
	return l.witness != nil && time.Since(l.witness.took(l.pbx)) < crm.LeaseFence
}

// Witness is a log that remembers when it last took something of each PBX. It
// stands directly before the log that the nodes share, and behind any spool.
type Witness struct {
	buffer.Log

	mu   sync.Mutex
	last map[string]time.Time // guarded by mu; by PBX: when an append that succeeded began
}

// NewWitness returns a Witness of log.
func NewWitness(log buffer.Log) *Witness { return &Witness{Log: log, last: map[string]time.Time{}} }

// Append implements buffer.Log.
func (w *Witness) Append(ctx context.Context, pbx string, entries []buffer.Entry) (int, error) {
	asked := time.Now()
	n, err := w.Log.Append(ctx, pbx, entries)
	if n > 0 && err == nil {
		w.mu.Lock()
		w.last[pbx] = asked
		w.mu.Unlock()
	}
	return n, err
}

func (w *Witness) took(pbx string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[pbx]
}

// keep renews the lease until the ownership has to end, and says why.
func (r *road) keep(ctx context.Context) error {
	n := r.line.cfg.Nodes
	if n == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	renew := time.NewTicker(crm.LeaseRenew)
	defer renew.Stop()
	check := time.NewTicker(lookEvery)
	defer check.Stop()
	failing := false
	for {
		_, _, news := n.lease(r.line.cfg.PBX)
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.leave:
			return r.pass(ctx)
		case <-renew.C:
			err = r.renew(ctx)
		case <-r.lease.kick:
			err = r.renew(ctx)
		case <-check.C:
			if !r.lapses() {
				continue
			}
			if r.isShut() { // nothing more could be kept
				return errLapsed
			}
			err = r.renew(ctx)
		case <-news:
			if to := n.surplus(r.line.cfg.PBX); to != "" && r.up() {
				r.line.log.Info("handing the PBX to a node that has fewer", "to", to)
				if err = r.handOver(ctx, to); !errors.Is(err, errGiven) {
					n.stay()
				}
			} else {
				continue
			}
		}
		if errors.Is(err, crm.ErrFenced) || errors.Is(err, errGiven) {
			return err
		}
		if err != nil && !failing && ctx.Err() == nil {
			r.line.log.Warn("the lease is not renewed; the PBX is kept as long as the log takes what it says", "err", err)
		}
		failing = err != nil
	}
}

// lapses reports whether the lease has lapsed. From then on what the PBX says is kept, and nothing is written or shown.
// A renewal that succeeds later shows that no other node had the PBX in between, so that nothing was lost.
func (r *road) lapses() bool {
	r.mu.Lock()
	lapsed := !r.sure()
	was := r.unsure
	r.unsure = lapsed
	r.mu.Unlock()
	switch {
	case lapsed && !was:
		r.line.log.Warn("the lease lapsed, and another node may take the PBX; what it says is kept until that is known")
	case was && !lapsed:
		r.line.log.Info("the PBX is still this node's; what it said meanwhile is in the log")
	}
	if lapsed != was {
		r.show()
	}
	return lapsed
}

func (r *road) renew(ctx context.Context) error {
	if r.lease.alone {
		return nil
	}
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	c := r.line.cfg
	if err := c.Store.RenewPBX(ctx, c.PBX, c.Node, r.epoch, r.up()); err != nil {
		return err
	}
	r.lease.renewed(asked)
	return nil
}

// pass gives the PBX to another node, or back when there is none that could take it.
func (r *road) pass(ctx context.Context) error {
	c := r.line.cfg
	if err := c.Nodes.look(ctx); err != nil {
		r.line.log.Warn("who could take the PBX is not sure", "err", err)
	}
	if to := c.Nodes.heir(c.PBX); to != "" && r.up() {
		err := r.handOver(ctx, to)
		if err == nil || errors.Is(err, errGiven) || errors.Is(err, crm.ErrFenced) {
			return err
		}
		r.line.log.Warn("the PBX was not handed over; another node takes it with a gap", "err", err)
	}
	r.shut()
	ctx, cancel := context.WithTimeout(ctx, leaveShort)
	defer cancel()
	if err := c.Store.ReleasePBX(ctx, c.PBX, c.Node, r.epoch, ""); err != nil {
		return fmt.Errorf("give the PBX back: %w", err)
	}
	return errGiven
}

// handOver lets the successor log in and keep what it hears, then stops hearing,
// waits until the log has everything heard here, and gives the PBX away. What the
// PBX says meanwhile the successor has. It returns errGiven when that succeeded; on
// any other error the PBX is still here. While the log is away, or what the spool has is not in it,
// nothing is given away: who takes a PBX begins in the log, so that nobody could hear it.
func (r *road) handOver(ctx context.Context, to string) error {
	if err := r.renew(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	c := r.line.cfg
	if err := c.Store.OfferPBX(ctx, c.PBX, c.Node, r.epoch, to); err != nil {
		return err
	}
	err := r.awaitReady(ctx, to)
	if err == nil {
		err = r.drained(ctx) // but for what is heard meanwhile
	}
	if err == nil {
		r.shut()
		err = r.drained(ctx)
	}
	if err == nil {
		err = c.Store.ReleasePBX(ctx, c.PBX, c.Node, r.epoch, to)
	}
	if err == nil {
		return errGiven
	}
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveShort)
	defer cancel()
	if undone := c.Store.OfferPBX(undo, c.PBX, c.Node, r.epoch, ""); undone != nil {
		err = errors.Join(err, undone)
	}
	if r.isShut() {
		return errGiven // deaf already: begin again rather than go on without hearing
	}
	return fmt.Errorf("hand over to %s: %w", to, err)
}

func (r *road) awaitReady(ctx context.Context, to string) error {
	for {
		l, _, news := r.line.cfg.Nodes.lease(r.line.cfg.PBX)
		switch {
		case l.Epoch == r.epoch && l.Successor == to && l.Ready:
			return nil
		case l.Epoch > r.epoch:
			return crm.ErrFenced
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for node %s to log in: %w", to, ctx.Err())
		case <-news:
		}
	}
}

// drained waits until the log that the nodes share has every entry made here.
func (r *road) drained(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	r.mu.Lock()
	want := r.next
	r.mu.Unlock()
	want.Seq-- // the opening entry is 0
	for {
		top, err := r.line.cfg.Witness.Top(ctx, r.line.cfg.PBX)
		if err == nil && top.Compare(want) >= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the log to have everything up to %s: %w", want, errors.Join(ctx.Err(), err))
		case <-time.After(10 * time.Millisecond):
		}
	}
}
