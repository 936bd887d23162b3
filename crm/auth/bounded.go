package auth

import (
	"maps"
	"time"
)

// bounded is a map that forgets. What expired goes whenever there is twice as much
// as was left the last time. When it is full, an entry that expired makes
// room, else the one of a few random ones that would expire first.
// It is not safe for concurrent use.
type bounded[K comparable, V any] struct {
	max   int
	sweep int // how many entries there are when what expired is to go
	m     map[K]timed[V]
}

type timed[V any] struct {
	v     V
	until time.Time
}

// minSweep is how many entries may lie around expired.
const minSweep = 256

// evictLooks is how many entries an insertion into a full map looks at.
const evictLooks = 16

func newBounded[K comparable, V any](limit int) *bounded[K, V] {
	return &bounded[K, V]{max: limit, sweep: minSweep, m: make(map[K]timed[V])}
}

func (b *bounded[K, V]) get(k K, now time.Time) (V, bool) {
	e, ok := b.m[k]
	if !ok || !now.Before(e.until) {
		var zero V
		return zero, false
	}
	return e.v, true
}

func (b *bounded[K, V]) put(k K, v V, now, until time.Time) {
	if len(b.m) >= b.sweep {
		maps.DeleteFunc(b.m, func(_ K, e timed[V]) bool { return !now.Before(e.until) })
		b.sweep = max(minSweep, 2*len(b.m))
	}
	if _, known := b.m[k]; !known && len(b.m) >= b.max {
		b.evict(now)
	}
	b.m[k] = timed[V]{v, until}
}

func (b *bounded[K, V]) drop(k K) { delete(b.m, k) }

func (b *bounded[K, V]) evict(now time.Time) {
	var first K
	var until time.Time
	looked := 0
	for k, e := range b.m { // map order is random enough: an attacker cannot choose whom to push out
		if !now.Before(e.until) {
			delete(b.m, k)
		} else if until.IsZero() || e.until.Before(until) {
			first, until = k, e.until
		}
		if looked++; looked >= evictLooks {
			break
		}
	}
	if len(b.m) >= b.max {
		delete(b.m, first)
	}
}
