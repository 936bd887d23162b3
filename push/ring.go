package push

import (
	"time"

	"patchcord/crm"
)

// message is one encoded message, shared by the ring and every queue it is in.
type message struct {
	data  []byte
	state string   // what it is the state of: a later one of the same replaces it in a queue that is full; "" for none
	pop   *tracked // of a pop whose delivery is told of, else nil
}

// entry is one retained event.
type entry struct {
	msg  *message
	src  string // PBX, "" for the log
	at   place
	when time.Time // of its publishing
	who  audience
	pop  string // offer id of an offer.created
}

// ring retains the last events of a tenant. What is evicted is remembered as the
// floor: the ring holds every event published after it.
type ring struct {
	keep    time.Duration // at least so long …
	atLeast int           // … and at least so many,
	atMost  int           // but never more than this
	maxSize int           // or bytes
	entries []entry       // oldest first
	size    int           // bytes of the entries' messages
	floor   places
}

// add retains e and returns what had to go for it.
func (r *ring) add(e entry, now time.Time) (evicted []entry) {
	r.entries = append(r.entries, e)
	r.size += len(e.msg.data)
	return r.trim(now)
}

// trim evicts what is too much or too old.
func (r *ring) trim(now time.Time) (evicted []entry) {
	n := 0
	for n < len(r.entries) && r.over(len(r.entries)-n, r.entries[n], now) {
		r.size -= len(r.entries[n].msg.data)
		r.floor[r.entries[n].src] = r.entries[n].at
		n++
	}
	if n == 0 {
		return nil
	}
	evicted = append(evicted, r.entries[:n]...)
	clear(r.entries[:n])
	r.entries = r.entries[n:]
	return evicted
}

func (r *ring) over(count int, oldest entry, now time.Time) bool {
	if count > r.atMost || r.size > r.maxSize {
		return true
	}
	return count > r.atLeast && now.Sub(oldest.when) > r.keep
}

// since returns what p missed after c, oldest first, top being the last place of
// every source. ok is false when the ring does not reach back to c, or c names an
// event that was not published here.
func (r *ring) since(c, top places, p crm.Principal) (missed []*message, ok bool) {
	behind := make(map[string]bool) // sources of which c has not seen all
	for src, at := range top {
		switch d := c[src].compare(at); {
		case d > 0 && c[src].event():
			return nil, false
		case d < 0:
			behind[src] = true
		}
	}
	first, ok := r.start(c, behind)
	if !ok {
		return nil, false
	}
	for i := first; i < len(r.entries); i++ {
		if e := &r.entries[i]; e.at.compare(c[e.src]) > 0 && e.who.includes(p) {
			missed = append(missed, e.msg)
		}
	}
	return missed, true
}

// start returns where to begin so as to meet every entry after c of the sources
// in behind. Its cost is that of what was missed, not that of the ring.
func (r *ring) start(c places, behind map[string]bool) (first int, ok bool) {
	first = len(r.entries)
	for first > 0 && len(behind) > 0 {
		first--
		e := &r.entries[first]
		d := e.at.compare(c[e.src])
		if !behind[e.src] || d > 0 {
			continue
		}
		if d < 0 && c[e.src].event() {
			return 0, false
		}
		delete(behind, e.src)
	}
	for src := range behind {
		if !r.reaches(src, c[src]) {
			return 0, false
		}
	}
	return first, true
}

// reaches reports whether the ring holds every event of src after at, none of
// its entries being at or before it.
func (r *ring) reaches(src string, at place) bool {
	floor, ok := r.floor[src]
	if !ok {
		return false
	}
	d := at.compare(floor)
	return d == 0 || d > 0 && !at.event()
}
