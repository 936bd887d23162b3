package crmsync

import (
	"sync"
	"time"
)

// Quota is what is left of a destination's requests of a day, as its answers say. Writing slows down at
// 80 % and all but stops at 90 %: the rest is for look-ups, which people wait for. The zero value
// bounds nothing; it is safe for concurrent use.
type Quota struct {
	mu          sync.Mutex
	used, limit int       // guarded by mu; limit 0: unknown
	told        time.Time // guarded by mu; when they were reported
	last        time.Time // guarded by mu; the last write that was let through
}

const (
	slowAt    = 0.8
	reserveAt = 0.9
	// relook is how often one request is spent on learning whether the quota is free again:
	// a rolling window tells only with an answer.
	relook = 15 * time.Minute
)

// Report takes over what an answer said.
func (q *Quota) Report(used, limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used, q.limit, q.told = used, limit, time.Now()
}

// Usage returns what was reported last, and when; a limit of 0 is unknown.
func (q *Quota) Usage() (used, limit int, told time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used, q.limit, q.told
}

// Held reports whether writing is slowed down, and whether it has all but stopped.
func (q *Quota) Held() (slowed, held bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	spacing := q.spacing()
	return spacing > 0, spacing >= relook
}

// spacing is the least time between two writes.
func (q *Quota) spacing() time.Duration {
	if q.limit <= 0 {
		return 0
	}
	switch share := float64(q.used) / float64(q.limit); {
	case share >= reserveAt:
		return relook
	case share >= slowAt: // what is left up to the reserve lasts for a day
		left := reserveAt*float64(q.limit) - float64(q.used)
		return min(relook, time.Duration(float64(24*time.Hour)/max(1, left)))
	}
	return 0
}

// writes returns whether a write may be sent now, and whether only one.
func (q *Quota) writes() (ok, single bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	spacing := q.spacing()
	return time.Since(q.last) >= spacing, spacing > 0
}

// Spare reports whether there is quota for what nobody waits for: pulls and reconciliations.
func (q *Quota) Spare() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.limit <= 0 || float64(q.used) < slowAt*float64(q.limit) || time.Since(q.told) > 24*time.Hour
}

func (q *Quota) wrote() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = time.Now()
}
