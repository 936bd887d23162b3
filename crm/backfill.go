package crm

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ledger is what a PBX wrote about its calls itself.
type Ledger string

// The ledgers of Asterisk.
const (
	LedgerCEL Ledger = "cel" // channel event log: every channel and bridge, when the PBX is told to write it
	LedgerCDR Ledger = "cdr" // call detail records: poorer, in whole seconds
)

// How a gap can be closed, beside the two ledgers (Gap.ClosedBy).
const (
	ClosedByResync   = "resync"   // nothing happened in it that lists of the PBX do not show
	ClosedByCounters = "counters" // the PBX told how many calls there were, and nothing else
)

// BackfillStore is what is written of calls that nobody listened to.
type BackfillStore interface {
	// Amend fills what the store does not know of the calls found, in one transaction. A
	// record that is complete, or open, is left alone. One that is neither is filled as
	// Fill does, and gets a call.updated event; records that turn out to be one call are
	// merged, with a call.merged event. A call of which nothing is stored is stored when
	// Insert is set, with a call.ended event. What is put gets its contact as in a Commit. Events have
	// the source "log". Amending twice changes nothing the second time, and tells nothing.
	Amend(ctx context.Context, a Amendment) (Amended, error)
	// CloseGap stores how a gap was closed; ErrNotFound when there is no such gap. A later
	// commit of the gap leaves that alone when it was a ledger; else it may say that calls
	// were missed, and ClosedByResync becomes ClosedByCounters.
	CloseGap(ctx context.Context, tenant, id string, c GapClosing) error
}

// Amendment is what a ledger told.
type Amendment struct {
	PBX, Tenant string
	Found       []Found // at most MaxFound
	At          time.Time
	Quiet       bool // no events: what is imported is history, nobody acts on it
}

// MaxFound is how many calls one Amend takes.
const MaxFound = 500

// Found is a call as a ledger tells it.
type Found struct {
	Call   *Call // not complete; Gaps are those it overlaps
	By     Ledger
	Insert bool // store it when nothing is known of it
}

// Amended counts what became of the calls of an Amendment.
type Amended struct {
	Inserted, Filled int
	Same             int // nothing new, or complete
	Open             int // still going on: try again later
	Unknown          int // nothing is stored, and Insert was not set
}

// Add adds up two counts.
func (a *Amended) Add(b Amended) {
	a.Inserted += b.Inserted
	a.Filled += b.Filled
	a.Same += b.Same
	a.Open += b.Open
	a.Unknown += b.Unknown
}

// GapClosing says how a gap was closed.
type GapClosing struct {
	By     string // a Ledger, ClosedByResync or ClosedByCounters; "" while a ledger is still to be read
	Missed *int   // calls in it that are on no record, as far as the PBX counted; nil: unknown
	Scans  int    // scans of ledgers that are done, or were overtaken by a later one
}

// A Plan says what Amend does with one call found.
type Plan struct {
	Put    *Call     // to be stored; nil: nothing
	Merge  []*Call   // to be merged into Put
	Event  EventType // to be told of Put
	Counts Amended
}

// PlanAmend decides what becomes of a call found, when stored are the records that
// have one of its Linkedids. It is what every store does.
func PlanAmend(f Found, stored []*Call) Plan {
	if len(stored) == 0 {
		if !f.Insert {
			return Plan{Counts: Amended{Unknown: 1}}
		}
		c := f.Call.Clone()
		c.Complete = false
		total(c)
		return Plan{Put: c, Event: CallEnded, Counts: Amended{Inserted: 1}}
	}
	if slices.ContainsFunc(stored, (*Call).Open) || f.Call.Open() {
		return Plan{Counts: Amended{Open: 1}}
	}
	stored = slices.Clone(stored)
	slices.SortStableFunc(stored, func(a, b *Call) int { return compareLinkedids(a.Linkedids, b.Linkedids) })
	rest := slices.DeleteFunc(stored, func(c *Call) bool { return c.Complete })
	if len(rest) == 0 {
		return Plan{Counts: Amended{Same: 1}}
	}
	into := rest[0]
	filled, changed := Fill(into, f.Call, f.By)
	p := Plan{Put: filled, Merge: rest[1:], Event: CallUpdated, Counts: Amended{Filled: 1}}
	if compareLinkedids(f.Call.Linkedids, into.Linkedids) < 0 && len(rest) == len(stored) {
		// The oldest part of it was missed: it is named after that.
		filled.ID, p.Merge, changed = f.Call.ID, rest, true
	}
	for _, m := range p.Merge {
		filled.Gaps = joinGaps(filled.Gaps, m.Gaps)
	}
	if !changed && len(p.Merge) == 0 {
		return Plan{Counts: Amended{Same: 1}}
	}
	return p
}

func joinGaps(a, b []CallGap) []CallGap {
	for _, g := range b {
		if !slices.Contains(a, g) {
			a = append(a, g)
		}
	}
	return a
}

// compareLinkedids orders calls by their oldest Linkedid: its second, then its number.
func compareLinkedids(a, b []string) int {
	if len(a) == 0 || len(b) == 0 {
		return cmp.Compare(len(b), len(a))
	}
	return compareLinkedid(a[0], b[0])
}

func compareLinkedid(a, b string) int {
	as, ac, aok := linkedidNumbers(a)
	bs, bc, bok := linkedidNumbers(b)
	if !aok || !bok {
		return 0
	}
	return cmp.Or(cmp.Compare(as, bs), cmp.Compare(ac, bc))
}

// linkedidNumbers splits [systemname-]SECONDS.COUNTER.
func linkedidNumbers(id string) (second, counter int64, ok bool) {
	s, n, found := strings.Cut(id[strings.LastIndexByte(id, '-')+1:], ".")
	second, err1 := strconv.ParseInt(s, 10, 64)
	counter, err2 := strconv.ParseInt(n, 10, 64)
	return second, counter, found && err1 == nil && err2 == nil
}
