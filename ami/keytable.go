package ami

import "encoding/binary"

// A header's name is looked up as up to three 64-bit words, its letters in lower
// case (bit 5 set) and the rest zero. Two names are the same when the words are.
type nameWords struct{ a, b, c uint64 }

const (
	maxKeyName = 24
	lowerCase  = 0x2020202020202020
	hashMul    = 0x9e3779b97f4a7c15
	hashBits   = 9
)

func (w nameWords) hash(seed uint64) uint64 {
	return ((w.a*3 ^ w.b*5 ^ w.c*7) * seed) >> (64 - hashBits)
}

type keyEntry struct {
	words nameWords
	key   Key
}

type keyTable struct {
	seed    uint64
	entries [1 << hashBits]keyEntry
}

// keys finds the Key of a name in one step: its seed was searched for until no two
// names collided. It is not changed afterwards.
var keys = newKeyTable()

func newKeyTable() *keyTable {
	for seed := uint64(hashMul); ; seed = seed*6364136223846793005 + 1442695040888963407 {
		t := &keyTable{seed: seed}
		if t.fill() {
			return t
		}
	}
}

func (t *keyTable) fill() bool {
	for i := range t.entries {
		t.entries[i].words.b = 1 // no name has these words: its first word would be zero
	}
	for k := KeyNone + 1; k < numKeys; k++ {
		w := wordsOf(keyNames[k])
		e := &t.entries[w.hash(t.seed)]
		if e.key != KeyNone {
			return false
		}
		*e = keyEntry{words: w, key: k}
	}
	return true
}

// wordsOf returns the words of a name of at most maxKeyName bytes.
func wordsOf(name string) nameWords {
	var b [maxKeyName]byte
	n := copy(b[:], name)
	for i := range n {
		b[i] |= 0x20
	}
	return loadWords(b[:])
}

func loadWords(b []byte) nameWords {
	return nameWords{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}
}

// A shape recognises one header at a line's start by three comparisons: its name as
// Asterisk writes it, a colon and a blank. Asterisk sends the headers of an event in
// the same order every time, so a Reader tries the header that last followed the one
// before, and looks a name up only when that is wrong.
type shape struct {
	words, mask nameWords
	size        int
}

// shapes are those of all keys; that of KeyNone fits nothing. It is not changed.
var shapes = newShapes()

func newShapes() *[numKeys]shape {
	var list [numKeys]shape
	list[KeyNone].words.a = 1
	for k := KeyNone + 1; k < numKeys; k++ {
		var name, mask [maxKeyName]byte
		n := copy(name[:], keyNames[k]+": ")
		for i := range n {
			mask[i] = 0xff
		}
		list[k] = shape{words: loadWords(name[:]), mask: loadWords(mask[:]), size: n}
	}
	return &list
}

// fits reports whether b, of at least maxKeyName bytes, begins with the header.
func (s *shape) fits(b []byte) bool {
	_ = b[maxKeyName-1]
	return binary.LittleEndian.Uint64(b)&s.mask.a == s.words.a &&
		binary.LittleEndian.Uint64(b[8:])&s.mask.b == s.words.b &&
		binary.LittleEndian.Uint64(b[16:])&s.mask.c == s.words.c
}
