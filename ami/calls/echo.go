package calls

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"patchcord/ami"
)

// Two sessions to one PBX may overlap, when one node takes over from another: what
// the first one heard last the second one hears again. Asterisk builds the text of an
// event once for all sessions, so the copies are the same byte for byte.
const (
	echoTime  = 30 * time.Second // how long after each other two copies may come
	echoSize  = 8192             // frames remembered; beyond it the oldest are forgotten, and would count as new
	echoChunk = 128              // frames in one row of state
)

// echoes remembers the frames that were applied lately.
type echoes struct {
	ring  []heard         // place by number; grows up to echoSize
	next  uint64          // number of the next frame
	sums  chains          // of the ring
	dirty map[uint64]bool // chunks that changed since the last Drain
	text  []byte          // of the frame being looked at

	again, until uint64 // numbers of the frames that a session that just began may repeat yet; none when equal
}

type heard struct {
	sum uint64
	at  int64 // milliseconds since 1970; 0 when unknown
}

func newEchoes() *echoes {
	return &echoes{dirty: map[uint64]bool{}}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (e *echoes) sumOf(m ami.Message) uint64 {
	e.text = append(e.text[:0], m.Raw()...)
	return uint64(crc32.Checksum(e.text, castagnoli))<<32 | uint64(crc32.ChecksumIEEE(e.text))
}

// isEcho reports whether the frame was applied before, and remembers it. With a
// Timestamp in it, to the microsecond, that is certain. Without one only a session's
// first frames can be repetitions, in the order of the first time and up to the first
// that is new: later the same text may well tell the same thing happening again.
func (t *Tracker) isEcho(m ami.Message, stamped bool) bool {
	e := t.echoes
	sum := e.sumOf(m)
	if stamped {
		if n, ok := e.last(sum); ok && e.recent(e.ring[n%echoSize].at, t.at) {
			return true
		}
	}
	for n := e.again; n < e.until; n++ {
		if e.ring[n%echoSize].sum == sum {
			e.again = n + 1
			return true
		}
	}
	e.repeatsNothing()
	e.add(heard{sum: sum, at: unixMilli(t.at)})
	return false
}

func (e *echoes) add(h heard) {
	slot := e.next % echoSize
	if slot >= uint64(len(e.ring)) {
		e.reach(slot)
		e.index()
	}
	e.ring[slot] = h
	e.sums.add(h.sum, e.next)
	e.dirty[slot/echoChunk] = true
	e.next++
}

// last returns the number of the last frame with that sum.
func (e *echoes) last(sum uint64) (n uint64, ok bool) {
	if len(e.ring) == 0 {
		return 0, false
	}
	for n := range e.sums.find(sum, e.next) {
		if sum == e.ring[n%echoSize].sum {
			return n, true
		}
	}
	return 0, false
}

// reach makes the ring large enough for the slot. Until it has its full size no slot was used twice.
func (e *echoes) reach(slot uint64) {
	size := uint64(max(echoChunk, len(e.ring)))
	for size <= slot {
		size *= 2
	}
	if size > uint64(len(e.ring)) {
		e.ring = append(make([]heard, 0, size), e.ring...)[:size]
	}
}

// index makes the chains of what is in the ring anew.
func (e *echoes) index() {
	e.sums = newChains(len(e.ring))
	for n := e.oldest(); n < e.next; n++ {
		e.sums.add(e.ring[n%echoSize].sum, n)
	}
}

func (e *echoes) recent(at int64, now time.Time) bool {
	return at == 0 || now.IsZero() || now.UnixMilli()-at <= echoTime.Milliseconds()
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOfMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// begin prepares for a session that may repeat what was heard lately.
func (e *echoes) begin(now time.Time) {
	e.again, e.until = e.oldest(), e.next
	for e.again < e.until && !e.recent(e.ring[e.again%echoSize].at, now) {
		e.again++
	}
}

func (e *echoes) repeatsNothing() { e.again, e.until = 0, 0 }

func (e *echoes) oldest() uint64 {
	if e.next <= echoSize {
		return 0
	}
	return e.next - echoSize
}

const echoPrefix = "heard/"

// save puts the chunks that changed.
func (e *echoes) save(rows map[string][]byte) {
	for chunk := range e.dirty {
		row := binary.BigEndian.AppendUint64(make([]byte, 0, 8+16*echoChunk), e.next)
		for i := range uint64(echoChunk) {
			h := e.ring[chunk*echoChunk+i]
			row = binary.BigEndian.AppendUint64(row, h.sum)
			row = binary.BigEndian.AppendUint64(row, uint64(h.at))
		}
		rows[echoPrefix+strconv.FormatUint(chunk, 10)] = row
	}
	clear(e.dirty)
}

// restore reads what save wrote.
func (e *echoes) restore(state map[string][]byte) error {
	for key, row := range state {
		number, ok := strings.CutPrefix(key, echoPrefix)
		if !ok || row == nil {
			continue
		}
		chunk, err := strconv.ParseUint(number, 10, 16)
		if err != nil || chunk >= echoSize/echoChunk || len(row) != 8+16*echoChunk {
			return fmt.Errorf("calls: state %s: not a chunk of %d frames", key, echoChunk)
		}
		e.next = max(e.next, binary.BigEndian.Uint64(row))
		e.reach(chunk*echoChunk + echoChunk - 1)
		for i := range uint64(echoChunk) {
			at := row[8+16*i:]
			e.ring[chunk*echoChunk+i] = heard{sum: binary.BigEndian.Uint64(at), at: int64(binary.BigEndian.Uint64(at[8:]))}
		}
	}
	if e.next > 0 {
		e.reach(min(e.next, echoSize) - 1) // whatever rows were there
		e.index()
	}
	e.until = min(e.until, e.next) // likewise
	return nil
}
