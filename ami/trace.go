package ami

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// TraceKind tells what happened at one place of a recorded trace.
type TraceKind int

// What a trace consists of.
const (
	TraceConnected    TraceKind = iota + 1 // a connection was made
	TraceBanner                            // Msg is the banner line
	TraceFrame                             // Msg is one message
	TraceDisconnected                      // the connection ended
)

// A TraceItem is one thing that happened on a recorded connection.
type TraceItem struct {
	Kind    TraceKind
	At      time.Time // UTC; the Timestamp header when present, else the trace's clock; zero when unknown
	Msg     Message   // of TraceBanner and TraceFrame, else empty
	Suspect bool      // of TraceFrame; see View.Suspect
}

// A Trace is recorded AMI traffic: the bytes a server sent (NAME.ami) and, when it
// exists, the clock beside it (NAME.tim). It is read into memory as a whole, and
// is not safe for concurrent use.
//
// Times follow the clock. Its base is its own first line, else the EventTV of the
// first SuccessfulAuth, else the seconds in the Uniqueid of the first Newchannel:
// then only differences are exact. A trace without a clock has no times but those
// that Timestamp headers give, and a second banner, at the start of a line, marks
// where the connection was made again.
type Trace struct {
	data  []byte
	clock traceClock
	parts []tracePart
	part  int     // the one being read
	r     *Reader // of its bytes; nil before its connection
	begun bool    // its banner's place is behind us
	stop  atomic.Bool
	lost  int64 // bytes of messages cut off or too large
	found int   // messages so far
}

// A tracePart is one connection's share of the bytes.
type tracePart struct {
	start, end int64
	up, down   *clockMark // nil when the clock does not say
	ended      bool       // the connection is known to have ended
}

// OpenTrace reads a trace. The path is of the .ami file, or of that file
// compressed (.ami.gz); the clock is looked for beside it (.tim or .tim.gz) and
// may be missing. Of a file that is cut short or damaged, be it the clock, the trace of
// what is before that comes with the error.
func OpenTrace(amiPath string) (*Trace, error) {
	data, damaged := readTraceFile(amiPath)
	if damaged != nil {
		damaged = fmt.Errorf("open trace: %w", damaged)
		if len(data) == 0 {
			return nil, damaged
		}
	}
	base := strings.TrimSuffix(strings.TrimSuffix(amiPath, ".gz"), ".ami")
	var clock []byte
	for _, path := range []string{base + ".tim", base + ".tim.gz"} {
		var err error
		clock, err = readTraceFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			damaged = errors.Join(damaged, fmt.Errorf("open trace clock: %w", err))
		}
		break
	}
	t, err := NewTrace(data, clock)
	if err != nil {
		damaged = errors.Join(damaged, fmt.Errorf("trace clock of %s: %w", amiPath, err))
	}
	return t, damaged
}

// NewTrace returns the trace of the bytes of an .ami file and of its .tim file,
// which may be nil. It keeps data and does not change it. An error is about the clock;
// the trace that comes with it has the times that stand before the damage.
func NewTrace(data, clock []byte) (*Trace, error) {
	c, err := parseClock(bytes.NewReader(clock))
	t := &Trace{data: data, clock: c}
	t.parts = t.split()
	if t.clock.base.IsZero() && len(t.clock.marks) > 0 {
		t.clock.base, t.lost = t.findBase(), 0
	}
	return t, err
}

// Stop has Next return context.Canceled from now on, as a trace may be long. It may be called from any goroutine.
func (t *Trace) Stop() { t.stop.Store(true) }

// Next returns the next item, and io.EOF after the last. A message that its
// connection's end cut off, or that is over a Reader's limits, is not returned; Lost
// counts its bytes.
func (t *Trace) Next() (TraceItem, error) {
	for t.part < len(t.parts) {
		if t.stop.Load() {
			return TraceItem{}, context.Canceled
		}
		if item, ok := t.step(&t.parts[t.part]); ok {
			return item, nil
		}
	}
	return TraceItem{}, io.EOF
}

// Size returns how many bytes the trace has, uncompressed.
func (t *Trace) Size() int { return len(t.data) }

// Clocked returns how many bytes the clock tells of, and whether there is a clock: one that tells of
// more or fewer than Size is of another trace, or was cut.
func (t *Trace) Clocked() (size int64, ok bool) {
	for i := range t.clock.marks {
		size = max(size, t.clock.reach(i))
	}
	return size, len(t.clock.marks) > 0
}

// Messages returns how many messages were read so far.
func (t *Trace) Messages() int { return t.found }

// Lost returns how many bytes of messages were passed over so far.
func (t *Trace) Lost() int64 { return t.lost }

func (t *Trace) step(p *tracePart) (TraceItem, bool) {
	if t.r == nil {
		t.r, t.begun = t.reader(p), false
		return TraceItem{Kind: TraceConnected, At: t.markTime(p.up)}, true
	}
	if !t.begun {
		t.begun = true
		if _, err := t.r.ReadBanner(); err == nil {
			at := t.clock.timeAt(p.start + t.r.Offset())
			return TraceItem{Kind: TraceBanner, At: at, Msg: NewMessage(t.r.Banner())}, true
		}
	}
	if v, err := t.r.Next(); err == nil {
		t.found++
		at := t.messageTime(v, p.start+t.r.Offset())
		return TraceItem{Kind: TraceFrame, At: at, Msg: v.Keep(), Suspect: v.Suspect()}, true
	}
	t.part, t.r = t.part+1, nil
	return TraceItem{Kind: TraceDisconnected, At: t.markTime(p.down)}, p.ended
}

func (t *Trace) reader(p *tracePart) *Reader {
	return NewReader(bytes.NewReader(t.data[p.start:p.end]), ReaderConfig{
		OnTrouble: func(trouble Trouble) { t.lost += trouble.Bytes },
	})
}

// messageTime prefers the server's own clock: the header has seconds and
// microseconds, and is sent when timestampevents is on in manager.conf.
func (t *Trace) messageTime(v *View, end int64) time.Time {
	if at, ok := ParseTimestamp(string(v.Field(KeyTimestamp))); ok {
		return at
	}
	return t.clock.timeAt(end)
}

func (t *Trace) markTime(m *clockMark) time.Time {
	if m == nil || t.clock.base.IsZero() {
		return time.Time{}
	}
	return t.clock.base.Add(m.at)
}

// split cuts the bytes into connections, by the clock or else by the banners.
func (t *Trace) split() []tracePart {
	if parts := t.splitByClock(); len(parts) > 0 {
		return parts
	}
	var parts []tracePart
	size := int64(len(t.data))
	for pos := int64(0); pos < size; {
		next := nextBanner(t.data, pos)
		parts = append(parts, tracePart{start: pos, end: next, ended: next < size})
		pos = next
	}
	return parts
}

func (t *Trace) splitByClock() []tracePart {
	var parts []tracePart
	size := int64(len(t.data))
	for i := range t.clock.marks {
		m := &t.clock.marks[i]
		last := len(parts) - 1
		switch {
		case m.kind == 'C':
			if last >= 0 && !parts[last].ended {
				parts[last].end, parts[last].ended = min(m.offset, size), true
			}
			parts = append(parts, tracePart{start: min(m.offset, size), end: size, up: m})
		case m.kind == 'X' && last >= 0 && !parts[last].ended:
			parts[last].end, parts[last].ended, parts[last].down = min(m.offset, size), true, m
		}
	}
	for i := range parts { // a clock out of order must not turn a part round
		parts[i].end = max(parts[i].end, parts[i].start)
	}
	return parts
}

// nextBanner returns where the first banner after pos begins, or len(b).
func nextBanner(b []byte, pos int64) int64 {
	i := bytes.Index(b[pos:], []byte("\n"+bannerPrefix))
	if i < 0 {
		return int64(len(b))
	}
	return pos + int64(i) + 1
}

// findBase returns the instant of the clock's millisecond 0: the time that a
// message tells, less the time at which it came.
func (t *Trace) findBase() time.Time {
	var channel time.Time
	for i := range t.parts {
		r := t.reader(&t.parts[i])
		for v, err := r.Next(); err == nil; v, err = r.Next() {
			since, ok := t.clock.since(t.parts[i].start + r.Offset())
			if !ok {
				continue
			}
			switch string(v.Event()) {
			case "SuccessfulAuth":
				if at := parseEventTV(v.Keep().Get("EventTV")); !at.IsZero() {
					return at.Add(-since)
				}
			case "Newchannel":
				if at := uniqueidTime(string(v.Field(KeyUniqueid))); channel.IsZero() && !at.IsZero() {
					channel = at.Add(-since)
				}
			}
		}
	}
	return channel
}

// parseEventTV reads the time of a security event, 2026-11-22T01:39:15.335+0000.
func parseEventTV(s string) time.Time {
	at, err := time.Parse("2006-01-02T15:04:05.999999999-0700", s)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// uniqueidTime returns the second in which a channel was made: a Uniqueid is
// [systemname-]SECONDS.COUNTER, unless a client chose it.
func uniqueidTime(id string) time.Time {
	id = id[strings.LastIndexByte(id, '-')+1:]
	seconds, _, ok := strings.Cut(id, ".")
	n, err := strconv.ParseInt(seconds, 10, 48)
	if !ok || err != nil || n <= 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// ParseTimestamp reads a Timestamp header, SECONDS.MICROSECONDS since 1970, which
// Asterisk adds to every event when timestampevents is on in manager.conf.
func ParseTimestamp(s string) (at time.Time, ok bool) {
	seconds, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(seconds, 10, 48)
	if err != nil || sec <= 0 || len(fraction) > 9 {
		return time.Time{}, false
	}
	nsec, err := strconv.ParseUint("0"+fraction+"000000000"[len(fraction):], 10, 32)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(sec, int64(nsec)).UTC(), true
}

func readTraceFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(path, ".gz") {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return data, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
