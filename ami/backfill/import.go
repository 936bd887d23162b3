package backfill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"patchcord/crm"
)

// ImportStore is what an import needs of the store.
type ImportStore interface {
	Amend(ctx context.Context, a crm.Amendment) (crm.Amended, error)
	Setting(ctx context.Context, key string) ([]byte, error)
	SetSetting(ctx context.Context, key string, value []byte, onlyNew bool) error
}

// Import loads history: every call that a ledger tells of and nothing is stored of. It
// tells no events. Records that are there are filled as after a gap, complete ones are
// left alone, so it may be repeated, and run beside a daemon.
//
// What it stores is not `complete` and has no gaps: it was made of the PBX's ledger,
// so what only events tell (ringing, hold, who was shown what) is not in it.
type Import struct {
	Ledgers  Ledgers // one of its sources is read: that of By
	By       crm.Ledger
	Store    ImportStore
	Name     string          // of what is read, so that another import of it goes on where this one stopped
	Again    bool            // from the beginning, whatever was imported before
	Dress    func(*crm.Call) // puts the agents' names into a record; nil: none
	Progress func(Progress)  // after every batch; nil: nobody
}

// Progress is how far an import is.
type Progress struct {
	At     time.Time // calls that ended before are stored
	Calls  int
	Counts crm.Amended
	Report Report // of the whole, at the end
}

// Run reads to the end. What was stored when it stops stays, and a second run goes on
// from there.
func (im *Import) Run(ctx context.Context) (Progress, error) {
	r := &importRun{Import: im, ctx: ctx, key: "import/" + im.Ledgers.Fold.PBX + "/" + string(im.By) + "/" + im.Name}
	from, err := r.resume()
	if err != nil {
		return r.at, err
	}
	switch im.By {
	case crm.LedgerCEL:
		err = r.cel(from)
	case crm.LedgerCDR:
		err = r.cdr(from)
	default:
		err = fmt.Errorf("import: ledger %q is neither cel nor cdr", im.By)
	}
	if err == nil {
		err = r.store(time.Time{})
	}
	return r.at, err
}

type importRun struct {
	*Import
	ctx   context.Context
	key   string
	at    Progress
	found []crm.Found
}

// importCursor is what is kept of an import: rows before Done need not be read again.
type importCursor struct {
	Done time.Time `json:"done"`
}

func (r *importRun) resume() (time.Time, error) {
	if r.Again {
		return time.Time{}, nil
	}
	b, err := r.Store.Setting(r.ctx, r.key)
	if errors.Is(err, crm.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read how far the last import came: %w", err)
	}
	var c importCursor
	if err := json.Unmarshal(b, &c); err != nil {
		return time.Time{}, fmt.Errorf("read how far the last import came: %w", err)
	}
	r.at.At = c.Done
	return c.Done, nil
}

// cel reads CEL. A call of which nothing is told for a day, nor its end, was cut when
// the PBX's process ended: it is stored up to its last row.
func (r *importRun) cel(from time.Time) error {
	var g *grouper
	var newest, swept time.Time
	g = newGrouper(func(group Group) error {
		var cut time.Time
		if last := group.Rows[len(group.Rows)-1].At; !group.Ended && newest.Sub(last) > maxLookBack {
			cut = last
		}
		if !group.Whole() || !group.Ended && cut.IsZero() {
			return nil
		}
		list, err := FoldCEL(r.Ledgers.Fold, group, cut)
		if err != nil {
			return err
		}
		for _, c := range list {
			if err := r.take(c, g.oldest); err != nil {
				return err
			}
		}
		return nil
	})
	rep, err := r.Ledgers.CEL.Rows(r.ctx, from, time.Time{}, func(row *CEL) error {
		if newest = later(newest, row.At); newest.Sub(swept) > maxLookBack {
			swept = newest
			if err := g.abandon(newest.Add(-maxLookBack)); err != nil {
				return err
			}
		}
		return g.add(row)
	})
	r.at.Report = rep
	if err != nil {
		return err
	}
	return g.flush()
}

func (r *importRun) cdr(from time.Time) error {
	fold, err := newCDRFold(r.Ledgers.Fold)
	if err != nil {
		return err
	}
	var g *cdrGrouper
	g = newCDRGrouper(func(rows []CDR) error { return r.take(fold.call(rows), g.oldest) })
	rep, err := r.Ledgers.CDR.Rows(r.ctx, from, time.Time{}, g.add)
	r.at.Report = rep
	if err != nil {
		return err
	}
	return g.flush()
}

// take keeps a call, and stores a batch when there are enough. oldest tells from when
// on rows of calls are held that are not over.
func (r *importRun) take(c *crm.Call, oldest func() time.Time) error {
	if c.Open() {
		return nil
	}
	if r.Dress != nil {
		r.Dress(c)
	}
	r.found = append(r.found, crm.Found{Call: c, By: r.By, Insert: true})
	if len(r.found) < maxBatch {
		return nil
	}
	return r.store(oldest())
}

// store writes the batch, then how far the import is.
func (r *importRun) store(done time.Time) error {
	fold := r.Ledgers.Fold
	n, err := r.Store.Amend(r.ctx, crm.Amendment{PBX: fold.PBX, Tenant: fold.Tenant, Found: r.found, At: time.Now(), Quiet: true})
	if err != nil {
		return fmt.Errorf("store imported calls: %w", err)
	}
	r.at.Calls += len(r.found)
	r.at.Counts.Add(n)
	for _, f := range r.found {
		if f.Call.EndedAt.After(r.at.At) && done.IsZero() {
			r.at.At = f.Call.EndedAt.Time
		}
	}
	r.found = r.found[:0]
	if done.After(r.at.At) {
		r.at.At = done
	}
	if done.IsZero() {
		done = r.at.At.Add(-keepCDR) // the end: what is written later may belong to a call of before
	}
	b, err := json.Marshal(importCursor{Done: done})
	if err == nil {
		err = r.Store.SetSetting(r.ctx, r.key, b, false)
	}
	if err != nil {
		return fmt.Errorf("store how far the import came: %w", err)
	}
	if r.Progress != nil {
		r.Progress(r.at)
	}
	return nil
}

// oldest returns the first time of the rows that are held, zero for none.
func (g *grouper) oldest() time.Time {
	var t time.Time
	for _, b := range g.by {
		if !b.gone && (t.IsZero() || b.rows[0].At.Before(t)) {
			t = b.rows[0].At
		}
	}
	return t
}

// oldest returns the first time of the rows that are held, zero for none.
func (g *cdrGrouper) oldest() time.Time {
	var t time.Time
	for _, b := range g.order {
		if start := b.rows[0].Start; t.IsZero() || start.Before(t) {
			t = start
		}
	}
	return t
}
