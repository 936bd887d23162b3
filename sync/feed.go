package crmsync

import (
	"context"
	"slices"
	"sort"
	"sync"

	"patchcord/crm"
)

// eventLog is what a Feed needs of a crm.Store.
type eventLog interface {
	EventsOf(ctx context.Context, tenant string, after int64, limit int, types ...crm.EventType) (events []crm.StoredEvent, upTo int64, err error)
}

// Feed reads the event log of a tenant for Workers that want the same types: what one of them has read, the others
// find in memory. It is safe for concurrent use.
type Feed struct {
	store  eventLog
	tenant string
	types  []crm.EventType
	turn   chan struct{} // holds a token while somebody reads what is new

	mu         sync.Mutex
	from, upTo int64             // guarded by mu; held is the events after from, up to upTo
	held       []crm.StoredEvent // guarded by mu; at most maxHeld, the oldest are dropped
}

const (
	eventsPerRead = 500  // at most; they become jobs in one transaction
	maxHeld       = 2000 // some MB; who is further behind reads by itself
)

// NewFeed returns a Feed of events of those types; none are all.
func NewFeed(store eventLog, tenant string, types ...crm.EventType) *Feed {
	return &Feed{store: store, tenant: tenant, types: types, turn: make(chan struct{}, 1)}
}

// after returns the next events after the n-th, at most eventsPerRead, and up to where the log was looked through.
// The events belong to others too.
func (f *Feed) after(ctx context.Context, n int64) (events []crm.StoredEvent, upTo int64, err error) {
	events, upTo, behind := f.known(n)
	if upTo > n {
		return events, upTo, nil
	}
	if behind {
		return f.store.EventsOf(ctx, f.tenant, n, eventsPerRead, f.types...)
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, n, ctx.Err()
	}
	defer func() { <-f.turn }()
	if events, upTo, _ = f.known(n); upTo > n { // somebody else has read it meanwhile
		return events, upTo, nil
	}
	events, upTo, err = f.store.EventsOf(ctx, f.tenant, n, eventsPerRead, f.types...)
	if err == nil {
		f.add(n, upTo, events)
	}
	return events, upTo, err
}

// known returns what is held of the events after the n-th; upTo is n when that is nothing, and behind tells that there was.
func (f *Feed) known(n int64) (events []crm.StoredEvent, upTo int64, behind bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n < f.from || n >= f.upTo {
		return nil, n, n < f.from
	}
	first := sort.Search(len(f.held), func(i int) bool { return f.held[i].N > n })
	events, upTo = f.held[first:], f.upTo
	if len(events) > eventsPerRead {
		events = events[:eventsPerRead]
		upTo = events[eventsPerRead-1].N
	}
	return slices.Clip(events), upTo, false
}

// add takes over what was read after the n-th.
func (f *Feed) add(n, upTo int64, events []crm.StoredEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n != f.upTo { // the first time, or another node has made jobs of what is between
		f.from, f.held = n, nil
	}
	f.upTo = upTo
	f.held = append(f.held, events...)
	if more := len(f.held) - maxHeld; more > 0 {
		f.from = f.held[more-1].N
		f.held = slices.Clone(f.held[more:]) // others may still hold what was
	}
}
