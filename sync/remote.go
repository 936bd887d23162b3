// Package crmsync brings what happened to other systems: it reads the event log,
// turns events into jobs of an outbox, and sends those until each is done or a
// person must look at it. A job may be sent more than once; its Key lets the
// other side, or the Remote, tell. Pops never wait for anything in here.
//
// The folder is sync; import it as crmsync "patchcord/sync".
package crmsync

import (
	"context"
	"errors"
	"time"

	"patchcord/crm"
)

// Remote is one outside system that takes jobs. It is safe for concurrent use.
type Remote interface {
	// Name is the destination: the Dest of its jobs, unique among all tenants.
	Name() string
	// Jobs turns an event into jobs, none when the event is of no interest. The same
	// event always gives jobs with the same Keys. Only Lane, Key, Kind and Payload are looked at.
	Jobs(e crm.StoredEvent) ([]crm.Job, error)
	// Push does the job and returns nil when it is done, else a *PushError;
	// any other error counts as Transient. When j.Unsure an earlier attempt may have succeeded.
	// Push ends soon after ctx, which has a deadline.
	Push(ctx context.Context, j crm.Job) error
}

// Bulk is a Remote that takes many jobs in one request. A Worker then calls PushBulk only.
type Bulk interface {
	Remote
	// MaxBatch is how many jobs one PushBulk takes, from 1.
	MaxBatch() int
	// PushBulk does the jobs, no two of one lane, and returns for each what Push would. When several are
	// Split the request was refused because of some of them: each half of those is tried by itself.
	PushBulk(ctx context.Context, jobs []crm.Job) []error
}

// Class says what came of a push that did not succeed, and so what to do. It is decided
// where the failure is seen.
type Class int

// The classes. Whether a failure says something about the destination, and not
// about the job alone, decides whether it opens the circuit breaker.
const (
	Transient Class = iota // try again later; opens the breaker
	Throttle               // too much at once: everything to the destination waits; not the breaker
	Ambiguous              // it may have succeeded: try again with Unsure set; opens the breaker
	Auth                   // the credentials do not count; kept until they do; opens the breaker
	Permanent              // this job will never be taken: parked; not the breaker
	Gone                   // the destination wants nothing any more: nothing is sent until a restart
	Split                  // a batch was refused because of some job in it; a single job: as Permanent
)

var classNames = [...]string{"transient", "throttle", "ambiguous", "auth", "permanent", "gone", "split"}

// String implements fmt.Stringer.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "unknown"
	}
	return classNames[c]
}

// opensBreaker reports whether the failure counts against the destination.
func (c Class) opensBreaker() bool { return c != Throttle && c != Permanent && c != Gone && c != Split }

// PushError is a push that did not succeed.
type PushError struct {
	Class  Class
	Reason string        // shown to people and logged: no personal data, no secrets
	After  time.Duration // the other side wants no earlier attempt; 0 when it did not say
	Err    error         // may be nil; not shown

	lookup bool // it failed before anything was written: another breaker's business
	free   bool // and that breaker knew: no job is to blame
}

// Error implements error.
func (e *PushError) Error() string { return e.Class.String() + ": " + e.Reason }

// SetUp makes it a failure of how things are set up there, or here, and of no job: all of them are kept, and one is tried again
// after a quarter of an hour. The hint, "" for none, tells a person what to look at.
func (e *PushError) SetUp(hint string) *PushError {
	e.Class, e.After = Auth, 15*time.Minute
	if hint != "" {
		e.Reason += " (" + hint + ")"
	}
	return e
}

// Unwrap returns Err.
func (e *PushError) Unwrap() error { return e.Err }

// asPushError returns err as a *PushError.
func asPushError(err error) *PushError {
	var p *PushError
	if errors.As(err, &p) {
		return p
	}
	return &PushError{Class: Transient, Reason: err.Error(), Err: err}
}
