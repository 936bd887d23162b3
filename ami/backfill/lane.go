package backfill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"patchcord/crm"
)

// A lane makes one pass after another. First scans have one of their own, so that none
// waits behind the repeats of older gaps.
type lane struct {
	*Worker
	again bool          // it repeats
	every time.Duration // between looks for gaps that are due
	rest  time.Duration // times as long as a pass took it rests, so that calls have the machine
	all   time.Time     // when all gaps were read last, if none was due
}

// A lane of first scans looks each second, most often for nothing: at what ended lately, and at all
// gaps only now and then. So a tenant with many gaps and PBXs does not read all of its gaps for each PBX.
const (
	lately = 2 * time.Minute
	allOf  = 30 * time.Second
)

// errPending says that gaps stay pending, and that it was told why.
var errPending = errors.New("gaps stay pending")

// Run scans gaps as they end, until ctx does.
func (w *Worker) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return (&lane{Worker: w, every: time.Second}).run(ctx) })
	if !w.cfg.Ledgers.none() {
		g.Go(func() error { return (&lane{Worker: w, again: true, every: 5 * time.Second, rest: 4}).run(ctx) })
	}
	return g.Wait()
}

func (l *lane) run(ctx context.Context) error {
	failing := false
	for {
		began := time.Now()
		more, err := l.look(ctx)
		if err != nil && ctx.Err() == nil && !failing && !errors.Is(err, errPending) {
			l.log.Warn("gaps are scanned when the store answers again", "err", err)
		}
		failing = err != nil
		wait := l.every
		if more {
			wait = l.rest * time.Since(began)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// look scans the gaps that are next, and reports whether there were any.
func (l *lane) look(ctx context.Context) (bool, error) {
	if l.cfg.Owned != nil && !l.cfg.Owned() {
		return false, nil
	}
	now := time.Now()
	if !l.again && now.Sub(l.all) < allOf {
		if some, err := l.gaps(ctx, now.Add(-lately)); err != nil || len(l.next(some, now)) == 0 {
			return false, err
		}
	}
	all, err := l.gaps(ctx, now.Add(-giveUpAfter))
	if err != nil {
		return false, err
	}
	due := l.next(all, now)
	if len(due) == 0 {
		l.all = now
		return false, nil
	}
	l.all = time.Time{}
	if l.cfg.Ledgers.none() {
		return true, l.unread(ctx, due)
	}
	if err := l.pass(ctx, due, all); err != nil {
		return false, err
	}
	return true, nil
}

// gaps returns those of the PBX that were open then or later, in order of their end.
func (l *lane) gaps(ctx context.Context, from time.Time) ([]crm.Gap, error) {
	fold := l.cfg.Ledgers.Fold
	list, err := l.cfg.Store.Gaps(ctx, fold.Tenant, from, time.Time{})
	if err != nil {
		return nil, fmt.Errorf("list gaps: %w", err)
	}
	list = slices.DeleteFunc(list, func(g crm.Gap) bool { return g.PBX != fold.PBX })
	slices.SortStableFunc(list, func(a, b crm.Gap) int { return a.EndedAt.Compare(b.EndedAt.Time) })
	return list, nil
}

// next returns those of the gaps, which are in order of their end, that the lane scans
// next: the last that is due and what lies near it for a first scan, the oldest for a
// repeat.
func (l *lane) next(all []crm.Gap, now time.Time) []crm.Gap {
	var due []crm.Gap
	for i := range all {
		if l.due(&all[i], now) {
			due = append(due, all[i])
		}
	}
	for i := 1; i < len(due); i++ {
		from, _ := window(&due[i])
		if _, until := window(&due[i-1]); !from.After(until) {
			continue
		}
		if l.again {
			return due[:i]
		}
		due, i = due[i:], 0
	}
	return due
}

// due reports whether the gap's next scan is the lane's and has its time. Scans beyond
// the fourth happen only while a call of the gap was open at the last one: Scans is -1
// when none is to come.
func (l *lane) due(g *crm.Gap, now time.Time) bool {
	switch {
	case g.EndedAt.IsZero():
		return false
	case l.cfg.Ledgers.none():
		return g.ClosedBy == "" && now.Sub(g.EndedAt.Time) >= resynced
	case g.Scans < 0 || g.Scans > 0 != l.again:
		return false
	}
	return !now.Before(g.EndedAt.Add(scanAt(g.Scans)))
}

// resynced is how long after the end of a gap the lists of the PBX are in, and its
// channels compared.
const resynced = 10 * time.Second

// unread closes gaps of a PBX that has no ledger, by what it told of itself.
func (l *lane) unread(ctx context.Context, due []crm.Gap) error {
	for _, g := range due {
		c := crm.GapClosing{By: crm.ClosedByResync, Missed: g.MissedEstimate, Scans: -1}
		if c.Missed != nil && *c.Missed > 0 {
			c.By = crm.ClosedByCounters
		}
		if err := l.close(ctx, g, c); err != nil {
			return err
		}
	}
	return nil
}
