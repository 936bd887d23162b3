package crm

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Position is the place of a frame in the log of its PBX: the epoch of the
// ownership that appended it, and its number in that epoch, from 1 (0 is the
// epoch's opening marker). The zero Position is before every frame.
type Position struct {
	Epoch uint64
	Seq   uint64
}

// String returns "<epoch>-<seq>", the form of a Redis stream id.
func (p Position) String() string {
	var room [2*20 + 1]byte
	return string(p.Append(room[:0]))
}

// Append appends what String returns.
func (p Position) Append(b []byte) []byte {
	b = append(strconv.AppendUint(b, p.Epoch, 10), '-')
	return strconv.AppendUint(b, p.Seq, 10)
}

// Compare orders positions: -1 when p is before q, 0 when equal, 1 when after.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Epoch, q.Epoch), cmp.Compare(p.Seq, q.Seq))
}

// IsZero reports whether p is before every frame.
func (p Position) IsZero() bool { return p == Position{} }

// ParsePosition reads what String wrote.
func ParsePosition(s string) (Position, error) {
	epoch, seq, ok := strings.Cut(s, "-")
	if !ok {
		return Position{}, fmt.Errorf("position %q: want <epoch>-<seq>", s)
	}
	e, err := strconv.ParseUint(epoch, 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("position %q: epoch: %w", s, err)
	}
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("position %q: sequence: %w", s, err)
	}
	return Position{Epoch: e, Seq: n}, nil
}

// MarshalText implements encoding.TextMarshaler.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Position) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePosition(string(b))
	return err
}
