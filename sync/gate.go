package crmsync

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// gate decides how many requests of one operation may run now: none while the breaker is open or the
// destination asked for a pause, one as a probe, then 1, 2, 4 … up to all as they succeed.
type gate struct {
	parallel int
	breaker  *gobreaker.TwoStepCircuitBreaker[struct{}]
	dest     *Destination
	log      *slog.Logger

	mu       sync.Mutex
	running  int  // guarded by mu; places taken
	ramp     int  // guarded by mu; how many may run at once
	passed   int  // guarded by mu; successes since ramp was last raised
	departed bool // guarded by mu
}

func newGate(dest *Destination, operation string, parallel, breakAfter int, breakFor time.Duration, log *slog.Logger) *gate {
	g := &gate{parallel: parallel, ramp: parallel, dest: dest, log: log}
	g.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: operation, MaxRequests: 1, Timeout: breakFor,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= breakAfter },
		IsExcluded:    func(err error) bool { return errors.Is(err, notAsked) },
		OnStateChange: func(_ string, from, to gobreaker.State) { dest.changed(operation, from, to, log) },
	})
	return g
}

// free returns how many more requests may start now, and whether it would be a probe.
func (g *gate) free() (places int, probe bool) {
	state := g.breaker.State()
	paused := !g.dest.pausedUntil().IsZero()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.departed || paused {
		return 0, false
	}
	switch state {
	case gobreaker.StateOpen:
		g.ramp, g.passed = 1, 0
		return 0, false
	case gobreaker.StateHalfOpen:
		g.ramp, g.passed = 1, 0
	}
	return max(0, g.ramp-g.running), state == gobreaker.StateHalfOpen
}

// steady reports whether requests are made at the full breadth, and not at that of a destination that just came back.
func (g *gate) steady() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ramp >= g.parallel
}

// enter takes a place for a single request; leave must be called with what came of it, and returns what answered does.
// It returns nil when the breaker has opened since.
func (g *gate) enter() (leave func(*PushError) (failing bool)) {
	answered := g.ask()
	if answered == nil {
		return nil
	}
	g.take()
	return func(failure *PushError) bool {
		defer g.vacate()
		return answered(failure)
	}
}

// take takes a place, for one request after the other; vacate must be called when there are no more.
func (g *gate) take() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running++
}

func (g *gate) vacate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
}

// ask begins a request in a place; answered must be called with what came of it, and returns whether the
// destination was known to be failing: then no job is to blame. It returns nil when the breaker is open.
func (g *gate) ask() (answered func(*PushError) (failing bool)) {
	done, err := g.breaker.Allow()
	if err != nil {
		return nil
	}
	failing, began := g.breaker.State() != gobreaker.StateClosed, time.Now()
	return func(failure *PushError) bool {
		g.learn(failure)
		g.dest.observe(g.breaker.Name(), failure, began)
		switch {
		case failure == notAsked:
			done(failure)
		case failure != nil && failure.Class.opensBreaker():
			done(failure)
		default:
			done(nil) // it answered
		}
		return failing
	}
}

// notAsked is what comes of a request that was never made: it says nothing about the operation.
var notAsked = &PushError{Class: Transient, Reason: "not asked"}

// learn sets how many may run at once after what came of a request.
func (g *gate) learn(failure *PushError) {
	if failure != nil && failure.Class == Throttle {
		g.dest.pause(time.Now().Add(failure.After))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case failure == nil:
		if g.passed++; g.passed >= g.ramp && g.ramp < g.parallel {
			g.ramp, g.passed = min(2*g.ramp, g.parallel), 0
		}
	case failure.Class == Throttle:
		g.ramp, g.passed = 1, 0
	case failure.Class == Gone:
		g.departed = true
		g.log.Error("the destination is gone; nothing is sent until a restart", "reason", failure.Reason)
	}
}

func (g *gate) gone() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.departed
}

func (g *gate) status() Status {
	return Status{Breaker: g.breaker.State().String(), Gone: g.gone(), PausedUntil: g.dest.pausedUntil(), History: g.dest.History()}
}
