// Package buffer is the durable log between the manager socket and everything
// that is slow: one append-only log per PBX, ordered by position, kept for hours
// and trimmed below the checkpoint of whoever folds it. It is a buffer, not the
// database, and it refuses to be clever: no groups, no acknowledgements.
package buffer

import (
	"context"
	"errors"
	"time"

	"patchcord/crm"
)

// Kind tells a frame from the markers that we write ourselves.
type Kind byte

// The kinds of entries.
const (
	Frame       Kind = 'F' // Data: one AMI message, the header lines as received
	SessionOpen Kind = 'O' // first entry of an epoch (Seq 0). Data: JSON {"node"}
	Connected   Kind = 'C' // logged in. Data: JSON {"version","boot"}; boot is RFC 3339 or absent
	Lost        Kind = 'X' // connection ended; At is when the last byte was received. Data: JSON {"cause"}
	GapOpen     Kind = 'G' // frames were lost while connected. Data: JSON {"cause","detail"}
	GapClose    Kind = 'g'
	ResyncBegin Kind = 'R' // the frames up to ResyncEnd are list items asked for by us
	ResyncEnd   Kind = 'r' // Data: JSON {"complete":bool,"lists":[…]}
	Mark        Kind = 'T' // time index: At, nothing else
	Redriven    Kind = 'D' // a dead letter again; At is its own. Data: JSON of the Letter
)

// Entry is one element of a log.
type Entry struct {
	Pos  crm.Position
	At   time.Time // of receipt, UTC, microseconds
	Kind Kind
	Data []byte // not changed after it was handed over
}

// Errors that callers branch on.
var (
	// ErrFenced: the log holds an entry of a higher epoch; another daemon owns the PBX.
	ErrFenced = errors.New("fenced: the log has a newer owner")
	// ErrRegressed: the log ends before entries that it had acknowledged.
	ErrRegressed = errors.New("the log lost acknowledged entries")
	// ErrUnavailable: the log cannot be reached or written now; try again with the same entries.
	ErrUnavailable = errors.New("log unavailable")
	// ErrOrder: the entries are not in ascending order of position, or a position cannot be one.
	ErrOrder = errors.New("entries out of order")
	// ErrConflict: at the position, at or below the log's top, the log holds something else or nothing.
	ErrConflict = errors.New("the log holds something else at the position")
)

// DamagedError reports an entry that does not read back as it was written.
type DamagedError struct {
	Pos    crm.Position // read on after it to skip it
	Reason string
}

// Error implements error.
func (e *DamagedError) Error() string { return "entry " + e.Pos.String() + " is damaged: " + e.Reason }

// Log is a durable, ordered log per PBX. It is safe for concurrent use.
// buffer/buffertest is the suite that every implementation passes.
type Log interface {
	// Append stores the entries, in ascending order, and returns when they are as durable as
	// the log promises. Entries at or below the log's top that are there already
	// are accepted again (so an append of unknown outcome may be repeated), others there give ErrConflict:
	// a hole is never filled. It stores all or a prefix, and returns how many of the given entries
	// are durable. ErrFenced when the top has a higher epoch, even for entries that are there.
	Append(ctx context.Context, pbx string, entries []Entry) (stored int, err error)
	// Read returns up to limit entries after the position, in order; none is no error.
	// When the first of them is damaged it returns a *DamagedError; when a later one is, those before it.
	Read(ctx context.Context, pbx string, after crm.Position, limit int) ([]Entry, error)
	// Top returns the position of the last entry, trimmed or not; zero when there never was one.
	Top(ctx context.Context, pbx string) (crm.Position, error)
	// Trim removes entries below the position. It may keep some of them.
	Trim(ctx context.Context, pbx string, below crm.Position) error
	Close() error
}
