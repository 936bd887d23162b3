package backfill

import (
	"context"
	"time"

	"patchcord/crm"
)

// A celReader reads CEL for a pass. What is folded is only what concerns a gap.
type celReader struct {
	*pass
	ctx    context.Context
	groups *grouper
	look   time.Time       // of the row at which it is seen whether anything goes on that concerns a gap
	wanted map[string]bool // channels of the groups to be folded; nil: all
	lacks  map[string]bool // channels of groups whose beginning was not read
	began  time.Time       // the earliest of those beginnings
}

// cel reads from a little before the gaps until the last call that concerns them is
// over. A call that began before has the second of its beginning in its Linkedid: those
// are read once more from there.
func (p *pass) cel(ctx context.Context) error {
	r := &celReader{pass: p, ctx: ctx, lacks: map[string]bool{}}
	if err := r.read(p.from); err != nil {
		return err
	}
	if len(r.lacks) > 0 {
		again := &celReader{pass: p, ctx: ctx, wanted: r.lacks}
		if err := again.read(r.began.Add(-sameSecond)); err != nil {
			return err
		}
	}
	return p.amend(ctx)
}

func (r *celReader) read(from time.Time) error {
	r.groups, r.look = newGrouper(r.group), r.until.Add(keepGroup)
	rep, err := r.w.cfg.Ledgers.CEL.Rows(r.ctx, from, time.Time{}, r.row)
	r.sum.report.add(rep)
	if err != nil {
		return err
	}
	return r.groups.flush()
}

func (r *celReader) row(c *CEL) error {
	if err := r.groups.add(c); err != nil {
		return err
	}
	if c.At.Before(r.look) {
		return nil
	}
	r.look = c.At.Add(keepGroup)
	if r.groups.holds(func(b *bunch) bool { return r.concerns(b.rows[0].At, b.last, len(b.living) > 0) }) {
		return nil
	}
	return errStop
}

// concerns reports whether a group of rows from first to last concerns one of the gaps.
func (r *celReader) concerns(first, last time.Time, living bool) bool {
	if living {
		last = r.cutAt(first, last)
	}
	return r.within(first, last)
}

// group takes the rows of calls that are over, or that go on where the ledger ends.
func (r *celReader) group(g Group) error {
	first, last := g.Rows[0].At, g.Rows[len(g.Rows)-1].At
	if !r.concerns(first, last, !g.Ended) || r.wanted != nil && !g.hasAny(r.wanted) {
		return nil
	}
	if began := g.lacksFrom(); !began.IsZero() {
		r.lack(&g, began)
		return nil
	}
	var cut time.Time
	if !g.Ended {
		cut = r.cutAt(first, last)
	}
	list, err := FoldCEL(r.w.cfg.Ledgers.Fold, g, cut)
	if err != nil {
		return err
	}
	for _, c := range list {
		if err := r.take(r.ctx, c, crm.LedgerCEL); err != nil {
			return err
		}
	}
	return nil
}

// lack notes that a group began before what is read. Nothing is concluded from half of
// one.
func (r *celReader) lack(g *Group, began time.Time) {
	if r.wanted != nil || !began.Before(r.from) || !began.After(r.from.Add(-maxLookBack)) {
		return
	}
	for i := range g.Rows {
		r.lacks[g.Rows[i].Uniqueid] = true
	}
	if r.began.IsZero() || began.Before(r.began) {
		r.began = began
	}
}
