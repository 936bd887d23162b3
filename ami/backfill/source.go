package backfill

import (
	"context"
	"errors"
	"time"
)

// Source gives the rows that a PBX wrote. Rows calls fn for every row that may
// concern from ≤ t < until, in the order in which they were written, and for a few
// around them; a zero until is open. It streams: what fn does not keep is not kept.
// A row that cannot be understood is counted in the report and passed over. The error
// says that rows may be missing: nothing may be concluded from what is absent. fn may
// return errStop to end it early, which is none. Safe for concurrent use.
type Source[R any] interface {
	Rows(ctx context.Context, from, until time.Time, fn func(*R) error) (Report, error)
}

// errStop ends what is being read, because it has gone far enough.
var errStop = errors.New("far enough")

// Report says what a scan met.
type Report struct {
	Rows int
	Bad  int      // rows that were not understood
	At   []BadRow // the first of them
	Cut  []string // compressed files that end in their middle
}

// maxBadRows is how many bad rows a report names.
const maxBadRows = 20

// BadRow is where a row stands that was not understood, and why; never what it says.
type BadRow struct {
	File string // or table
	Line int    // from 1; 0 when it is not known (a scan that began in the middle)
	Why  string
}

func (r *Report) bad(file string, line int, why string) {
	r.Bad++
	if len(r.At) < maxBadRows {
		r.At = append(r.At, BadRow{File: file, Line: line, Why: why})
	}
}

func (r *Report) add(o Report) {
	r.Rows += o.Rows
	r.Bad += o.Bad
	r.Cut = append(r.Cut, o.Cut...)
	r.At = append(r.At, o.At[:min(len(o.At), maxBadRows-len(r.At))]...)
}
