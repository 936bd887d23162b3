package backfill

import (
	"context"
	"slices"
	"time"

	"patchcord/ami/calls"
	"patchcord/crm"
)

// Ledgers are where one PBX writes about its calls, and how they are read. A nil
// source is one that it does not have.
type Ledgers struct {
	CEL  Source[CEL]
	CDR  Source[CDR]
	Fold calls.Config
}

// none reports whether there is nothing to read.
func (l *Ledgers) none() bool { return l.CEL == nil && l.CDR == nil }

// EachCEL calls fn for every group of rows that concern from ≤ t < until, in the order
// in which they ended; zero times are open.
func (l *Ledgers) EachCEL(ctx context.Context, from, until time.Time, fn func(Group) error) (Report, error) {
	g := newGrouper(fn)
	rep, err := l.CEL.Rows(ctx, from, until, g.add)
	if err != nil {
		return rep, err
	}
	return rep, g.flush()
}

// EachCDR calls fn for every call of which rows concern from and later.
func (l *Ledgers) EachCDR(ctx context.Context, from time.Time, fn func(*crm.Call) error) (Report, error) {
	return l.eachCDR(ctx, from, func(_, _ time.Time) bool { return true }, fn)
}

// eachCDR leaves out the calls whose beginning and end are not wanted.
func (l *Ledgers) eachCDR(ctx context.Context, from time.Time, wanted func(began, ended time.Time) bool, fn func(*crm.Call) error) (Report, error) {
	fold, err := newCDRFold(l.Fold)
	if err != nil {
		return Report{}, err
	}
	g := newCDRGrouper(func(rows []CDR) error {
		if !wanted(spanCDR(rows)) {
			return nil
		}
		return fn(fold.call(rows))
	})
	rep, err := l.CDR.Rows(ctx, from, time.Time{}, g.add)
	if err != nil {
		return rep, err
	}
	return rep, g.flush()
}

// spanCDR returns from when until when the rows tell.
func spanCDR(rows []CDR) (began, ended time.Time) {
	for i := range rows {
		if r := &rows[i]; began.IsZero() || r.Start.Before(began) {
			began = r.Start
		}
		ended = later(ended, rows[i].end())
	}
	return began, ended
}

// maxLookBack is how long before a gap a call may have begun whose rows are read from
// their beginning.
const maxLookBack = 24 * time.Hour

// hasAny reports whether one of the channels is in the group.
func (g *Group) hasAny(channels map[string]bool) bool {
	return slices.ContainsFunc(g.Rows, func(r CEL) bool { return channels[r.Uniqueid] })
}

// Whole reports whether the first row of every channel is there. Of a group that is
// not, nothing may be concluded.
func (g *Group) Whole() bool { return g.lacksFrom().IsZero() }

// lacksFrom returns when the earliest channel was made of which the first row is not
// there, zero when all are.
func (g *Group) lacksFrom() time.Time {
	var earliest time.Time // of those that lack; a channel with a chosen id counts from its row
	began := map[string]bool{}
	for i := range g.Rows {
		r := &g.Rows[i]
		if r.Type == "CHAN_START" {
			began[r.Uniqueid] = true
			continue
		}
		if began[r.Uniqueid] {
			continue
		}
		began[r.Uniqueid] = true
		for _, t := range []time.Time{uniqueidTime(r.Uniqueid), uniqueidTime(r.Linkedid), r.At} {
			if !t.IsZero() && (earliest.IsZero() || t.Before(earliest)) {
				earliest = t
			}
		}
	}
	return earliest
}
