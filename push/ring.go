package push

import (
	"time"

	"patchcord/crm"
)

// message is one encoded message, shared by the ring and every queue it is in.
type message struct {
	data  []byte
	state state    // what it is the state of: a later one of the same replaces it in a queue that is full
	pop   *tracked // of a pop whose delivery is told of, else nil
}

// state names what a message is the newest version of; the zero one is of nothing,
// and must not be left out.
type state struct{ kind, pbx, name string }

// entry is one retained event.
type entry struct {
	msg  message
	src  string // PBX, "" for the log
	at   place
	when time.Time // of its publishing
	who  audience
	pop  string // offer id of an offer.created
}

// chunkLen is how many entries are allocated at once. A list that had to move to grow
// would hold up a pop for as long as that takes.
const chunkLen = 64

// ring retains the last events of a tenant. What is evicted is remembered as the
// floor: the ring holds every event published after it.
type ring struct {
	keep    time.Duration // at least so long …
	atLeast int           // … and at least so many,
	atMost  int           // but never more than this
	maxSize int           // or bytes
	chunks  [][]entry     // oldest first; every one but the last is full
	gone    int           // how many entries of the first chunk were evicted
	count   int           // entries
	size    int           // bytes of the entries' messages
	floor   places
}

// entry returns the i-th oldest entry.
func (r *ring) entry(i int) *entry {
	i += r.gone
	return &r.chunks[i/chunkLen][i%chunkLen]
}

// add retains e and returns its message there, and the pops that had to go for it.
func (r *ring) add(e entry, now time.Time) (m *message, evicted []string) {
	last := len(r.chunks) - 1
	if last < 0 || len(r.chunks[last]) == chunkLen {
		r.chunks = append(r.chunks, make([]entry, 0, chunkLen))
		last++
	}
	r.chunks[last] = append(r.chunks[last], e)
	m = &r.chunks[last][len(r.chunks[last])-1].msg
	r.count++
	r.size += len(e.msg.data)
	return m, r.trim(now)
}

// trim evicts what is too much or too old, and returns the pops among it. Queues may
// hold a message that is evicted; so it goes with the last of its chunk.
func (r *ring) trim(now time.Time) (evicted []string) {
	for r.count > 0 {
		e := r.entry(0)
		if !r.over(e, now) {
			break
		}
		if e.pop != "" {
			evicted = append(evicted, e.pop)
		}
		r.floor[e.src] = e.at
		r.size -= len(e.msg.data)
		r.count--
		if r.gone++; r.gone == chunkLen {
			r.chunks[0] = nil
			r.chunks, r.gone = r.chunks[1:], 0
		}
	}
	return evicted
}

// over reports whether the oldest entry is one too many.
func (r *ring) over(oldest *entry, now time.Time) bool {
	if r.count > r.atMost || r.size > r.maxSize {
		return true
	}
	return r.count > r.atLeast && now.Sub(oldest.when) > r.keep
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
	for i := first; i < r.count; i++ {
		if e := r.entry(i); e.at.compare(c[e.src]) > 0 && e.who.includes(p) {
			missed = append(missed, &e.msg)
		}
	}
	return missed, true
}

// start returns where to begin so as to meet every entry after c of the sources
// in behind. Its cost is that of what was missed, not that of the ring.
func (r *ring) start(c places, behind map[string]bool) (first int, ok bool) {
	first = r.count
	for first > 0 && len(behind) > 0 {
		first--
		e := r.entry(first)
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
