package backfill

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"patchcord/crm"
)

// A pass reads the ledgers once for gaps that lie near one another, and amends the
// records of the calls that touch them.
type pass struct {
	w           *Worker
	due         []crm.Gap // scanned by it
	all         []crm.Gap // of the PBX, around them, oldest first
	from, until time.Time // a call outside concerns none of them
	now         time.Time
	found       []crm.Found
	sum         scanned
}

func (w *Worker) newPass(due, all []crm.Gap) *pass {
	p := &pass{w: w, due: due, all: all, now: time.Now()}
	for i := range due {
		from, until := window(&due[i])
		if p.from.IsZero() || from.Before(p.from) {
			p.from = from
		}
		p.until = later(p.until, until)
	}
	return p
}

// window returns from when until when a call concerns the gap.
func window(g *crm.Gap) (from, until time.Time) {
	from = g.EndedAt.Time
	if !g.StartedAt.IsZero() && g.StartedAt.Before(from) {
		from = g.StartedAt.Time
	}
	return from.Add(-margin), g.EndedAt.Add(margin)
}

// run reads CEL, then CDR. A table that is not there is no error when the other is.
func (p *pass) run(ctx context.Context) (scanned, error) {
	l := &p.w.cfg.Ledgers
	if l.CEL != nil {
		err := p.cel(ctx)
		if err != nil && !(errors.Is(err, ErrNoTable) && l.CDR != nil) {
			return p.sum, err
		}
		if err == nil {
			p.sum.by = crm.LedgerCEL
		}
	}
	if l.CDR != nil {
		err := p.cdr(ctx)
		if err != nil && !(errors.Is(err, ErrNoTable) && p.sum.by != "") {
			return p.sum, err
		}
		p.sum.by = cmp.Or(p.sum.by, crm.LedgerCDR)
	}
	return p.sum, nil
}

func (p *pass) cdr(ctx context.Context) error {
	rep, err := p.w.cfg.Ledgers.eachCDR(ctx, p.from, p.within, func(c *crm.Call) error {
		return p.take(ctx, c, crm.LedgerCDR)
	})
	p.sum.report.add(rep)
	return cmp.Or(err, p.amend(ctx))
}

// within reports whether a stretch of time concerns one of the gaps; a zero end is open.
func (p *pass) within(began, ended time.Time) bool {
	return slices.ContainsFunc(p.due, func(g crm.Gap) bool { return overlaps(began, ended, &g, margin) })
}

// cutAt returns when calls ended that go on as far as their rows tell, but ended with
// the PBX's process; zero when they do go on. They are not of the process that was
// there after a restart when they began before, and when nothing is told of them since.
func (p *pass) cutAt(first, last time.Time) time.Time {
	for i := range p.all {
		g := &p.all[i]
		if g.Cause != crm.GapPBXRestart || g.EndedAt.IsZero() || !last.Before(g.EndedAt.Time) {
			continue
		}
		// Began in the gap, it may be of either; then that nothing more comes must tell.
		if first.Before(g.StartedAt.Time) || p.now.Sub(g.EndedAt.Time) >= scanAt(1) {
			return later(last, g.StartedAt.Time)
		}
	}
	return time.Time{}
}

// maxBatch is how many calls are amended in one transaction.
const maxBatch = 200

// take keeps a call if it concerns a gap.
func (p *pass) take(ctx context.Context, c *crm.Call, by crm.Ledger) error {
	if !p.within(c.StartedAt.Time, c.EndedAt.Time) {
		return nil
	}
	if c.Open() {
		p.sum.counts.Open++
		return nil
	}
	if p.w.cfg.Dress != nil {
		p.w.cfg.Dress(c)
	}
	var inside bool
	c.Gaps, inside = p.gapsOf(c)
	// A call beside the gap was heard, and its record is about to be stored. One that is
	// on no record much later was not: the clocks differ.
	insert := inside || p.now.Sub(c.EndedAt.Time) > settled
	p.found = append(p.found, crm.Found{Call: c, By: by, Insert: insert})
	if len(p.found) >= maxBatch {
		return p.amend(ctx)
	}
	return nil
}

// gapsOf returns the gaps that the call overlaps, and true, or else those beside it.
func (p *pass) gapsOf(c *crm.Call) (list []crm.CallGap, inside bool) {
	for _, by := range []time.Duration{0, margin} {
		for i := range p.all {
			if g := &p.all[i]; overlaps(c.StartedAt.Time, c.EndedAt.Time, g, by) {
				list = append(list, crm.CallGap{StartedAt: g.StartedAt, EndedAt: g.EndedAt, Cause: g.Cause})
			}
		}
		if len(list) > 0 {
			return list, by == 0
		}
	}
	return nil, false
}

// overlaps reports whether a stretch of time, and a gap widened to both sides, overlap.
func overlaps(began, ended time.Time, g *crm.Gap, by time.Duration) bool {
	if !g.EndedAt.IsZero() && began.After(g.EndedAt.Add(by)) {
		return false
	}
	return ended.IsZero() || g.StartedAt.IsZero() || !ended.Before(g.StartedAt.Add(-by))
}

// amend writes what was collected.
func (p *pass) amend(ctx context.Context) error {
	if len(p.found) == 0 {
		return nil
	}
	fold := p.w.cfg.Ledgers.Fold
	n, err := p.w.cfg.Store.Amend(ctx, crm.Amendment{PBX: fold.PBX, Tenant: fold.Tenant, Found: p.found, At: p.now})
	p.found = nil
	p.sum.counts.Add(n)
	return err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
