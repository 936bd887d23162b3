package ami

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"
)

// A traceClock is a NAME.tim file: when each byte of NAME.ami was received, and
// where connections began and ended. The zero traceClock knows nothing.
//
// One line is `MS KIND OFFSET LENGTH`: R a read at OFFSET of the .ami bytes, C a
// connection made, X a connection ended; S (a write, at OFFSET of the .sent bytes)
// is skipped. MS are milliseconds since the recorder was made, an instant that an
// optional first line `0 B <RFC 3339>` gives.
type traceClock struct {
	base  time.Time // the instant of millisecond 0; zero when unknown
	marks []clockMark
}

type clockMark struct {
	kind   byte          // 'R', 'C' or 'X'
	at     time.Duration // since the recorder was made
	offset int64         // C, X: where in the .ami bytes; R: the first byte
	end    int64         // R: one past the last byte
}

// parseClock returns what stands before the first line that it cannot read, with the error of that.
func parseClock(r io.Reader) (traceClock, error) {
	var c traceClock
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) == 0 {
			continue
		}
		if err := c.add(fields); err != nil {
			return c, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return c, lines.Err()
}

func (c *traceClock) add(fields [][]byte) error {
	if len(fields) < 3 || len(fields[1]) != 1 {
		return fmt.Errorf("got %q, want `MS KIND OFFSET LENGTH`", bytes.Join(fields, []byte(" ")))
	}
	ms, err := strconv.ParseInt(string(fields[0]), 10, 48)
	if err != nil {
		return fmt.Errorf("milliseconds: %w", err)
	}
	kind := fields[1][0]
	if kind == 'B' {
		base, err := time.Parse(time.RFC3339, string(fields[2]))
		if err != nil {
			return fmt.Errorf("base: %w", err)
		}
		c.base = base.UTC().Add(-time.Duration(ms) * time.Millisecond)
		return nil
	}
	if kind != 'R' && kind != 'C' && kind != 'X' {
		return nil // S, and what a later recorder may add
	}
	m := clockMark{kind: kind, at: time.Duration(ms) * time.Millisecond}
	if m.offset, err = strconv.ParseInt(string(fields[2]), 10, 63); err != nil {
		return fmt.Errorf("offset: %w", err)
	}
	if kind == 'R' {
		if len(fields) < 4 {
			return fmt.Errorf("a read without its length")
		}
		length, err := strconv.ParseInt(string(fields[3]), 10, 62)
		if err != nil {
			return fmt.Errorf("length: %w", err)
		}
		m.end = m.offset + length
	}
	c.marks = append(c.marks, m)
	return nil
}

// timeAt returns when the byte before end had been received, which is when a
// message ending there was whole. It is zero when that is not known.
func (c *traceClock) timeAt(end int64) time.Time {
	if c.base.IsZero() {
		return time.Time{}
	}
	since, ok := c.since(end)
	if !ok {
		return time.Time{}
	}
	return c.base.Add(since)
}

// since returns how long after the recorder was made the byte before end came.
func (c *traceClock) since(end int64) (time.Duration, bool) {
	lo, hi := 0, len(c.marks) // first read that reaches end; reads are in order of offset
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if c.reach(mid) >= end {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	for ; lo < len(c.marks); lo++ {
		if c.marks[lo].kind == 'R' && c.marks[lo].end >= end {
			return c.marks[lo].at, true
		}
	}
	return 0, false
}

// reach is how far the bytes had come at mark i.
func (c *traceClock) reach(i int) int64 {
	if c.marks[i].kind == 'R' {
		return c.marks[i].end
	}
	return c.marks[i].offset
}
