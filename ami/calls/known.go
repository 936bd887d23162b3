package calls

import (
	"hash/maphash"
	"strings"
	"time"
)

// maxKnown bounds how many ids of ended calls are remembered; the oldest are
// forgotten first. A Linkedid comes again only when the PBX's clock was set back.
const maxKnown = 4096

// leastKnown is for how many there is room at first.
const leastKnown = 64

// knownIDs remembers the Linkedids of calls that are over, and in which boot. Each of the two
// folds of a PBX has them all, so they are kept small: about 60 bytes an id.
type knownIDs struct {
	ring []knownCall // place by number; grows up to maxKnown
	next uint64      // number of the next id
	ids  chains      // of the ring, by hashOf

	changed bool // since the last Drain
}

// knownCall is a knownID in less room.
type knownCall struct {
	id   string
	boot int64 // of unixMilli: boots are known to the millisecond
}

type knownID struct {
	ID   string    `json:"i"`
	Boot time.Time `json:"b,omitzero"`
}

// idSeed is anything: ids that an outsider chooses must not all have one hash.
var idSeed = maphash.MakeSeed()

func hashOf(id string) uint64 { return maphash.String(idSeed, id) }

func (k *knownIDs) add(id string, boot time.Time) {
	for _, b := range k.boots(id) {
		if sameBoot(b, boot) {
			return
		}
	}
	place := k.next % maxKnown
	if place >= uint64(len(k.ring)) {
		k.grow()
	}
	k.ring[place] = knownCall{strings.Clone(id), unixMilli(boot)} // the id is a part of a frame, which would stay with it
	k.ids.add(hashOf(id), k.next)
	k.next++
	k.changed = true
}

// grow makes the ring twice as large. It is full, and no place was used twice.
func (k *knownIDs) grow() {
	size := max(leastKnown, 2*len(k.ring))
	k.ring = append(make([]knownCall, 0, size), k.ring...)[:size]
	k.ids = newChains(size)
	for n := range k.next {
		k.ids.add(hashOf(k.ring[n].id), n)
	}
}

// boots returns those in which the id is known, the last that was added first.
func (k *knownIDs) boots(id string) (list []time.Time) {
	if k.next == 0 {
		return nil
	}
	for n := range k.ids.find(hashOf(id), k.next) {
		if c := &k.ring[n%maxKnown]; c.id == id {
			list = append(list, timeOfMilli(c.boot))
		}
	}
	return list
}

// times returns how often the id was used in other boots, and whether it was used in this one.
func (k *knownIDs) times(id string, boot time.Time) (n int, same bool) {
	for _, b := range k.boots(id) {
		if sameBoot(b, boot) {
			return 0, true
		}
		n++
	}
	return n, false
}

// keptIDs is how many ids of ended calls survive a restart of the daemon.
const keptIDs = 256

// recent returns the last ids, oldest first.
func (k *knownIDs) recent() []knownID {
	out := make([]knownID, 0, min(k.next, keptIDs))
	for n := k.next - uint64(cap(out)); n < k.next; n++ {
		c := k.ring[n%maxKnown]
		out = append(out, knownID{ID: c.id, Boot: timeOfMilli(c.boot)})
	}
	return out
}
