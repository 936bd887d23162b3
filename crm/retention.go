package crm

import (
	"context"
	"time"
)

// A RetentionClass is a kind of thing that is kept for a time of its own.
type RetentionClass string

// The classes. What is in none of them is kept: contacts, users and settings are what
// people wrote, not what happened; sessions end by themselves.
const (
	KeepCalls      RetentionClass = "calls"      // records with all that belongs to them, and gaps
	KeepNotes      RetentionClass = "notes"      // notes, and what was written beside a disposition; its code stays
	KeepRecordings RetentionClass = "recordings" // names of recorded files in records; the files are the PBX's
	KeepEvidence   RetentionClass = "evidence"   // why a call popped where it did
	KeepEvents     RetentionClass = "events"     // the event log
	KeepJobs       RetentionClass = "jobs"       // deliveries that are done or skipped
)

// RetentionClasses lists every class.
var RetentionClasses = [...]RetentionClass{KeepCalls, KeepNotes, KeepRecordings, KeepEvidence, KeepEvents, KeepJobs}

// RetentionStore removes what was kept long enough, except of calls under legal hold:
// of those everything stays.
type RetentionStore interface {
	// Hold puts a call under legal hold; one that is under it already keeps its hold. The
	// id of an absorbed call means the survivor, and a call that is absorbed later takes
	// its hold there. ErrNotFound when the call is not stored.
	Hold(ctx context.Context, tenant string, h Hold) error
	// Release ends the hold of a call; ErrNotFound when it has none.
	Release(ctx context.Context, tenant, callID string) error
	// Holds returns every hold of the tenant, the oldest first.
	Holds(ctx context.Context, tenant string) ([]Hold, error)
	// Expire looks at up to e.Limit things of the class after e.Mark, the oldest first, and
	// removes those that began before e.Before, in one transaction. next is the Mark to go
	// on with, "" when there is nothing more to look at. Open calls stay, and calls of
	// which the start is unknown.
	Expire(ctx context.Context, e Expiry) (removed int, next string, err error)
}

// Hold is a legal hold of a call.
type Hold struct {
	CallID string `json:"call"`
	Reason string `json:"reason"`
	By     string `json:"by"` // user name
	At     Time   `json:"at"`
}

// Expiry says what is to be removed.
type Expiry struct {
	Class  RetentionClass
	Tenant string // of KeepJobs: not looked at
	Before time.Time
	// Keep is the number of the first event that somebody has still to read; of KeepEvents only.
	Keep  int64
	Mark  string // "" is the beginning
	Limit int
}
