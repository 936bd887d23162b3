package push

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"patchcord/crm"
)

// maxCursor bounds a cursor that a client sends, in bytes.
const maxCursor = 8 << 10

// Numbers within a frame that are no event's.
const (
	beforeFrame = -1            // before every event of the frame
	wholeFrame  = math.MaxInt32 // after every event of the frame
)

// place is where an event stands in the order of its source.
type place struct {
	pos crm.Position
	n   int // number within the frame, beforeFrame or wholeFrame
}

func (p place) compare(q place) int {
	return cmp.Or(p.pos.Compare(q.pos), cmp.Compare(p.n, q.n))
}

// event reports whether p is the place of an event; else it was taken from what
// the store says is durable.
func (p place) event() bool { return p.n >= 0 && p.n < wholeFrame && !p.pos.IsZero() }

// before returns a position after which p's frame comes next.
func (p place) before() crm.Position {
	switch {
	case p.n == wholeFrame:
		return p.pos
	case p.pos.Seq > 0:
		return crm.Position{Epoch: p.pos.Epoch, Seq: p.pos.Seq - 1}
	case p.pos.Epoch > 0:
		return crm.Position{Epoch: p.pos.Epoch - 1, Seq: math.MaxInt64}
	default:
		return crm.Position{}
	}
}

func (p place) String() string { return string(p.append(nil)) }

func (p place) append(b []byte) []byte {
	b = p.pos.Append(b)
	if p.event() {
		b = strconv.AppendInt(append(b, '/'), int64(p.n), 10)
	}
	return b
}

func parsePlace(s string) (place, error) {
	pos, num, isEvent := strings.Cut(s, "/")
	p, err := crm.ParsePosition(pos)
	if err != nil || !isEvent {
		return place{p, wholeFrame}, err
	}
	n, err := strconv.ParseUint(num, 10, 31)
	if err != nil || n >= wholeFrame {
		return place{}, fmt.Errorf("place %q: want <position>/<number>", s)
	}
	return place{p, int(n)}, nil
}

// places is the place reached in every source, by PBX, "" being the event log;
// its encoding is the cursor. It holds nothing of a process, so it means the
// same on every node and after a restart.
type places map[string]place

type wireCursor struct {
	PBX map[string]string `json:"p,omitempty"`
	Log uint64            `json:"l,omitempty"`
}

// String returns the cursor as clients see it: opaque to them.
func (c places) String() string { return string(c.append(nil)) }

// append appends what String returns, a wireCursor; every event has one.
func (c places) append(b []byte) []byte {
	var names [8]string
	sources := names[:0]
	for src := range c {
		if src != "" {
			sources = append(sources, src)
		}
	}
	slices.Sort(sources)
	var room [256]byte
	raw := append(room[:0], '{')
	for i, src := range sources {
		if i == 0 {
			raw = append(raw, `"p":{`...)
		} else {
			raw = append(raw, ',')
		}
		raw = append(crm.AppendQuoted(raw, src), `:"`...)
		raw = append(c[src].append(raw), '"')
	}
	if len(sources) > 0 {
		raw = append(raw, '}')
	}
	if log := c[""].pos.Seq; log != 0 {
		if len(sources) > 0 {
			raw = append(raw, ',')
		}
		raw = strconv.AppendUint(append(raw, `"l":`...), log, 10)
	}
	return base64.RawURLEncoding.AppendEncode(b, append(raw, '}'))
}

// logPlace is the place of the n-th entry of the event log. People's events are
// published after they are durable, so no one of them needs to be looked for.
func logPlace(n uint64) place { return place{crm.Position{Seq: n}, wholeFrame} }

// before is the cursor for the store that gives the frames of c again.
func (c places) before() crm.Cursor {
	out := crm.Cursor{PBX: make(map[string]crm.Position, len(c)), Log: int64(c[""].pos.Seq)}
	for src, p := range c {
		if src != "" {
			out.PBX[src] = p.before()
		}
	}
	return out
}

func parseCursor(s string) (places, error) {
	if len(s) > maxCursor {
		return nil, errors.New("cursor too long")
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}
	var w wireCursor
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}
	if w.Log > math.MaxInt64 {
		return nil, errors.New("cursor: place in the log out of range")
	}
	c := places{"": logPlace(w.Log)}
	for src, v := range w.PBX {
		p, err := parsePlace(v)
		if err != nil || src == "" {
			return nil, fmt.Errorf("cursor: source %q: %w", src, cmp.Or(err, errors.New("no name")))
		}
		c[src] = p
	}
	return c, nil
}
