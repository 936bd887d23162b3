package ami

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
)

// A View is one message as it lies in a Reader's buffer: typed fields without a
// search and without a copy. It and every slice it gave out are valid until the
// Reader's next call; Keep makes a Message that stays.
type View struct {
	raw     []byte // header lines with their line ends, without the blank line
	seen    uint64 // bit k: spans[k] is set
	spans   [numKeys]span
	suspect bool
}

type span struct{ start, end uint32 }

// The bits of seen must hold every Key.
const _ = uint(64 - numKeys)

// Field returns the value of the first header called k, nil when there is none.
func (v *View) Field(k Key) []byte {
	if k >= numKeys || v.seen&(1<<k) == 0 {
		return nil
	}
	s := v.spans[k]
	return v.raw[s.start:s.end:s.end]
}

// Has tells an empty value from a missing header.
func (v *View) Has(k Key) bool { return k < numKeys && v.seen&(1<<k) != 0 }

// Event returns the event's name, nil when the message is not an event.
func (v *View) Event() []byte { return v.Field(KeyEvent) }

// IsReply reports whether the message answers an action. (An event may have a
// Response header too: OriginateResponse.)
func (v *View) IsReply() bool { return v.seen&(1<<KeyEvent) == 0 && v.seen&(1<<KeyResponse) != 0 }

// Suspect reports that the message was probably tampered with, by line ends in a
// value that Asterisk does not escape: it has a second Event or Privilege header,
// or two Uniqueid or Linkedid headers that differ. The first of each is what
// Asterisk wrote, and what Field returns.
func (v *View) Suspect() bool { return v.suspect }

// Raw returns the header lines as received, without the blank line that ended them.
func (v *View) Raw() []byte { return bytes.TrimRight(v.raw, "\r\n") }

// Keep returns the message, to be used for as long as one likes. It allocates once.
func (v *View) Keep() Message { return NewMessage(string(v.Raw())) }

// All yields every header in the order received, as Message.All does.
func (v *View) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for line := range bytes.Lines(v.raw) {
			line = bytes.TrimRight(line, "\r\n")
			if len(line) == 0 {
				continue
			}
			name, value, ok := bytes.Cut(line, []byte(":"))
			if !ok {
				name, value = nil, line
			}
			if !yield(name, bytes.TrimPrefix(value, []byte(" "))) {
				return
			}
		}
	}
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
	colons   = ':' * eachByte
	namePad  = maxKeyName // bytes that must be readable after a line's start
)

// colonIn returns 8 times the place of the first colon in w, 64 when there is none.
func colonIn(w uint64) int {
	x := w ^ colons
	return bits.TrailingZeros64((x-eachByte)&^x&highBits) &^ 7
}

// find looks the name of the header line b[start:end] up, which is without its line
// end, and returns its key and where its value begins. At least namePad bytes of b
// follow start.
func find(b []byte, start, end int) (k Key, value int) {
	w := nameWords{a: binary.LittleEndian.Uint64(b[start:])}
	n := colonIn(w.a)
	if n < 64 {
		w.a = (w.a | lowerCase) & (1<<n - 1)
		n >>= 3
	} else {
		w.a |= lowerCase
		w.b = binary.LittleEndian.Uint64(b[start+8:])
		n = colonIn(w.b)
		if n < 64 {
			w.b = (w.b | lowerCase) & (1<<n - 1)
			n = 8 + n>>3
		} else {
			w.b |= lowerCase
			w.c = binary.LittleEndian.Uint64(b[start+16:])
			n = colonIn(w.c)
			w.c = (w.c | lowerCase) & (1<<n - 1)
			n = 16 + n>>3
		}
	}
	e := &keys.entries[w.hash(keys.seed)]
	value = start + n + 1
	if e.words != w || value > end {
		return KeyNone, 0
	}
	if value < end && b[value] == ' ' {
		value++
	}
	return e.key, value
}

// put notes that the value of k is b[value:end], in the message that begins at frame.
func (v *View) put(k Key, b []byte, frame, value, end int) {
	if v.seen&(1<<k) != 0 {
		first := v.spans[k]
		v.repeat(k, b[frame+int(first.start):frame+int(first.end)], b[value:end])
		return
	}
	v.seen |= 1 << k
	v.spans[k] = span{uint32(value - frame), uint32(end - frame)}
}

// repeat judges a header that the message had before. Asterisk repeats only the
// lists (ChanVariable, Output, Variable).
func (v *View) repeat(k Key, first, again []byte) {
	switch k {
	case KeyEvent, KeyPrivilege:
		v.suspect = true
	case KeyUniqueid, KeyLinkedid:
		v.suspect = v.suspect || !bytes.Equal(first, again)
	}
}

// reset forgets the message.
func (v *View) reset() { v.raw, v.seen, v.suspect = nil, 0, false }
