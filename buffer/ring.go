package buffer

import "time"

// ring is the bounded queue between who may not wait and who must. When it is
// full the entries of the highest shed class go first; see AppenderConfig.Shed.
type ring struct {
	maxEntries, maxBytes int
	shed                 func(Entry) int

	items   []item
	first   int // items before it were taken
	bytes   int
	classes map[int]int // how many entries of each class are queued
	lost    drop
}

type item struct {
	Entry
	class int
}

// drop counts entries that were given up, and from when to when they were received.
type drop struct {
	n        int
	from, to time.Time
}

func (d *drop) add(e Entry) {
	if d.n == 0 || e.At.Before(d.from) {
		d.from = e.At
	}
	if d.n == 0 || e.At.After(d.to) {
		d.to = e.At
	}
	d.n++
}

// entryOverhead is what an entry takes in memory beside its data, about.
const entryOverhead = 80

func sizeOf(e Entry) int { return len(e.Data) + entryOverhead }

func (r *ring) len() int { return len(r.items) - r.first }

// put queues e, or gives up others or e itself for want of room; false when it was e. held
// and heldBytes are what was taken and is not done with.
func (r *ring) put(e Entry, held, heldBytes int) bool {
	class := r.shed(e)
	for r.len()+held >= r.maxEntries || r.bytes+heldBytes+sizeOf(e) > r.maxBytes {
		worst := r.worst()
		if worst <= 0 || worst < class || heldBytes+sizeOf(e) > r.maxBytes {
			r.lost.add(e)
			return false
		}
		r.sweep(worst)
	}
	if r.first > len(r.items)/2 && len(r.items) == cap(r.items) { // reuse the front rather than grow
		n := copy(r.items, r.items[r.first:])
		clear(r.items[n:])
		r.items, r.first = r.items[:n], 0
	}
	r.items = append(r.items, item{e, class})
	r.bytes += sizeOf(e)
	r.classes[class]++
	return true
}

// worst returns the highest class that is queued, 0 for none.
func (r *ring) worst() (class int) {
	for c, n := range r.classes {
		if n > 0 && c > class {
			class = c
		}
	}
	return class
}

// sweep gives up the oldest entries of the class, up to an eighth of the ring: one pass over
// the ring makes room for many.
func (r *ring) sweep(class int) {
	quota := max(1, r.maxEntries/8)
	kept := r.items[:0]
	for _, it := range r.items[r.first:] {
		if quota == 0 || it.class != class {
			kept = append(kept, it)
			continue
		}
		quota--
		r.forget(it)
		r.lost.add(it.Entry)
	}
	clear(r.items[len(kept):])
	r.items, r.first = kept, 0
}

// take removes up to n entries, the oldest first, and returns them.
func (r *ring) take(n int) []Entry {
	batch := make([]Entry, min(n, r.len()))
	for i := range batch {
		it := &r.items[r.first+i]
		batch[i] = it.Entry
		r.forget(*it)
		*it = item{}
	}
	r.first += len(batch)
	if r.len() == 0 {
		r.items, r.first = r.items[:0], 0
		if cap(r.items) > 4096 { // what an outage piled up is not kept
			r.items = nil
		}
	}
	return batch
}

func (r *ring) forget(it item) {
	r.bytes -= sizeOf(it.Entry)
	r.classes[it.class]--
}

func (r *ring) oldest() time.Time {
	if r.len() == 0 {
		return time.Time{}
	}
	return r.items[r.first].At
}

// takeLost returns what was given up since the last call.
func (r *ring) takeLost() drop {
	d := r.lost
	r.lost = drop{}
	return d
}
