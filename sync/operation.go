package crmsync

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"
)

// operation is something that is done to a destination again and again beside writing to it. It has a breaker
// of its own, waits with everybody when the destination wants a pause, and leaves the quota's last fifth alone.
// Of several nodes one does it.
type operation struct {
	name  string
	every time.Duration
	gate  *gate
	dest  *Destination
	log   *slog.Logger
	now   chan struct{} // holds a token when it is to be done at once
	do    func(ctx context.Context) (more bool, err error)
}

// How soon it is looked again when nothing was done.
const (
	lookAgain   = 5 * time.Minute
	lookAtPeers = time.Second // that asks nobody
)

// errNotNow: the destination wants a pause, is known to fail, or has no requests to spare.
// errElsewhere: another node does it.
var (
	errNotNow    = errors.New("it is not the time")
	errElsewhere = errors.New("another node does it")
)

func newOperation(name string, every time.Duration, dest *Destination, log *slog.Logger) *operation {
	dest = cmp.Or(dest, &Destination{})
	return &operation{name: name, every: every, dest: dest, log: log, now: make(chan struct{}, 1), gate: newGate(dest, name, 1, 3, time.Minute, log)}
}

// run does it at once, then every so often, until ctx is done.
func (o *operation) run(ctx context.Context) error {
	asked := false // by a person, so whichever node was asked does it
	for failed := 0; ctx.Err() == nil; {
		more, err := o.once(ctx, asked)
		wait := o.every
		switch {
		case errors.Is(err, errNotNow):
			wait = min(o.every, lookAgain)
		case errors.Is(err, errElsewhere):
			wait = lookAtPeers
		case err != nil && ctx.Err() == nil:
			failed++
			wait = min(o.every, delayAfter(failed))
			if failed == 1 {
				o.log.Warn("it will be tried again", "operation", o.name, "err", err)
			}
		case more:
			wait, failed = 0, 0
		default:
			failed = 0
		}
		asked = asked && err != nil
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-o.now:
			asked = true
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return ctx.Err()
}

// once does one step; errNotNow or errElsewhere when nothing was done.
func (o *operation) once(ctx context.Context, asked bool) (more bool, err error) {
	if _, first := o.dest.peers(); !first && !asked {
		return false, errElsewhere
	}
	if places, _ := o.gate.free(); places == 0 || !o.dest.Quota.Spare() {
		return false, errNotNow
	}
	leave := o.gate.enter()
	if leave == nil {
		return false, errNotNow
	}
	more, err = o.do(ctx)
	var failure *PushError
	if err != nil {
		failure = asPushError(err)
	}
	if ctx.Err() != nil {
		failure = nil // we stopped
	}
	leave(failure)
	return more, err
}
