package crmsync

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Destination is what the operations on one outside system share: the time until which all of them
// wait, its daily quota, and what its breakers did. Each operation has a breaker of its own, so a failing
// reconciliation stops no writing. The zero value is ready; it is safe for concurrent use.
type Destination struct {
	Quota Quota
	// Peers says how many nodes write to the destination, each at its part of the rate, and whether this
	// is the one that pulls and compares for all. nil: this node is alone. It is set before use and never blocks.
	Peers func() (nodes int, first bool)
	// Observe is told of every request that ended: its operation ("write", "lookup", "pull", "reconcile"), what came of it
	// ("ok" or a Class), and how long it took. nil: nobody is told. It is set before use and never blocks.
	Observe func(operation, outcome string, took time.Duration)

	mu      sync.Mutex
	until   time.Time       // guarded by mu
	history []BreakerChange // guarded by mu; the last maxHistory, the oldest is dropped
}

const maxHistory = 200

func (d *Destination) peers() (nodes int, first bool) {
	if d.Peers == nil {
		return 1, true
	}
	return d.Peers()
}

// BreakerChange is one change of a breaker.
type BreakerChange struct {
	At        time.Time
	Operation string // "write", "lookup", "pull", "reconcile"
	From, To  string
}

// pause makes every operation wait until t; an earlier t changes nothing.
func (d *Destination) pause(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.After(d.until) {
		d.until = t
	}
}

// pausedUntil returns the end of a pause that lasts, else the zero time.
func (d *Destination) pausedUntil() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Now().Before(d.until) {
		return d.until
	}
	return time.Time{}
}

// History returns the last changes of the breakers, the oldest first.
func (d *Destination) History() []BreakerChange {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.history)
}

// observe tells of a request.
func (d *Destination) observe(operation string, failure *PushError, began time.Time) {
	if d.Observe == nil || failure == notAsked {
		return
	}
	outcome := "ok"
	if failure != nil {
		outcome = failure.Class.String()
	}
	d.Observe(operation, outcome, time.Since(began))
}

// changed notes that a breaker opened or closed; the probes between are not told.
func (d *Destination) changed(operation string, from, to gobreaker.State, log *slog.Logger) {
	if to == gobreaker.StateHalfOpen || from == gobreaker.StateHalfOpen && to == gobreaker.StateOpen {
		return
	}
	log.Warn("breaker changed", "operation", operation, "from", from.String(), "to", to.String())
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.history) >= maxHistory {
		d.history = slices.Delete(d.history, 0, 1)
	}
	d.history = append(d.history, BreakerChange{time.Now(), operation, from.String(), to.String()})
}
