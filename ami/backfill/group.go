package backfill

import (
	"cmp"
	"slices"
	"time"
)

// A Group is the rows of calls that have a channel, a Linkedid or a conference in
// common, in order of time.
type Group struct {
	Rows  []CEL
	Ended bool // every channel of it has ended
}

// keepGroup is how long after its last channel ended a group is kept for rows that
// come out of order.
const keepGroup = 10 * time.Second

// maxGroup bounds the rows of a group: a conference that never empties is cut there.
const maxGroup = 100_000

// A grouper sorts rows into groups. Memory is bounded by the calls that go on at the
// same time.
type grouper struct {
	emit   func(Group) error
	by     map[string]*bunch // by Uniqueid, Linkedid and conference bridge, each with a letter before it
	ending []*bunch          // whose channels have all ended, oldest first
}

type bunch struct {
	rows    []CEL
	keys    []string
	living  map[string]bool // channels that have begun and not ended
	last    time.Time
	waiting bool // it is in ending
	gone    bool // joined into another, or emitted
}

func newGrouper(emit func(Group) error) *grouper {
	return &grouper{emit: emit, by: map[string]*bunch{}}
}

// add takes one row, and emits the groups that are over.
func (g *grouper) add(r *CEL) error {
	b := g.bunch(keysOf(r))
	b.rows = append(b.rows, *r)
	if r.At.After(b.last) {
		b.last = r.At
	}
	switch r.Type {
	case "CHAN_START":
		b.living[r.Uniqueid] = true
	case "CHAN_END", "LINKEDID_END":
		if r.Type == "CHAN_END" {
			delete(b.living, r.Uniqueid)
		}
		if len(b.living) == 0 && !b.waiting {
			b.waiting = true
			g.ending = append(g.ending, b)
		}
	}
	if len(b.rows) >= maxGroup {
		if err := g.finish(b); err != nil {
			return err
		}
	}
	return g.sweep(r.At.Add(-keepGroup))
}

// keysOf returns what ties a row to others: its channel and Linkedid, the channels that
// a transfer or a pickup joins with it, and the conference it is in.
func keysOf(r *CEL) []string {
	keys := []string{"u" + r.Uniqueid, "l" + r.Linkedid}
	switch {
	case r.Type == "ATTENDEDTRANSFER", r.Type == "PICKUP":
		e := extraOf(r)
		for _, id := range []string{e.SecondLine, e.Transferee, e.Target, e.Picker} {
			if id != "" {
				keys = append(keys, "u"+id)
			}
		}
	case r.App == "ConfBridge" && r.Type == "BRIDGE_ENTER":
		keys = append(keys, "b"+extraOf(r).Bridge)
	}
	return keys
}

// bunch returns the one bunch that has all those keys: a new one, or what they join.
func (g *grouper) bunch(keys []string) *bunch {
	var b *bunch
	for _, k := range keys {
		o := g.by[k]
		switch {
		case o == nil || o == b:
		case b == nil:
			b = o
		default:
			if len(o.rows) > len(b.rows) {
				o, b = b, o
			}
			g.join(b, o)
		}
	}
	if b == nil {
		b = &bunch{living: map[string]bool{}}
	}
	for _, k := range keys {
		if g.by[k] != b {
			g.by[k] = b
			b.keys = append(b.keys, k)
		}
	}
	return b
}

func (g *grouper) join(b, o *bunch) {
	b.rows = append(b.rows, o.rows...)
	slices.SortStableFunc(b.rows, func(x, y CEL) int { return x.At.Compare(y.At) })
	for _, k := range o.keys {
		g.by[k] = b
	}
	b.keys = append(b.keys, o.keys...)
	for id := range o.living {
		b.living[id] = true
	}
	if o.last.After(b.last) {
		b.last = o.last
	}
	o.gone = true
}

// sweep emits what ended before a time and did not begin again.
func (g *grouper) sweep(before time.Time) error {
	for len(g.ending) > 0 {
		b := g.ending[0]
		if !b.gone && len(b.living) == 0 && b.last.After(before) {
			return nil
		}
		g.ending = g.ending[1:]
		b.waiting = false
		if b.gone || len(b.living) > 0 {
			continue
		}
		if err := g.finish(b); err != nil {
			return err
		}
	}
	return nil
}

// holds reports whether one of the groups that are not emitted yet is such a one.
func (g *grouper) holds(such func(*bunch) bool) bool {
	for _, b := range g.by {
		if !b.gone && such(b) {
			return true
		}
	}
	return false
}

func (g *grouper) finish(b *bunch) error {
	for _, k := range b.keys {
		delete(g.by, k)
	}
	b.gone = true
	slices.SortStableFunc(b.rows, func(x, y CEL) int { return x.At.Compare(y.At) })
	return g.emit(Group{Rows: b.rows, Ended: len(b.living) == 0 && b.waitedOnce()})
}

// waitedOnce reports whether a channel of it was ever seen to end.
func (b *bunch) waitedOnce() bool {
	return slices.ContainsFunc(b.rows, func(r CEL) bool { return r.Type == "CHAN_END" })
}

// flush emits all that is left, oldest first.
func (g *grouper) flush() error {
	if err := g.sweep(time.Unix(1<<40, 0)); err != nil {
		return err
	}
	return g.abandon(time.Unix(1<<40, 0))
}

// abandon emits what has no row since a time, ended or not, oldest first.
func (g *grouper) abandon(since time.Time) error {
	var rest []*bunch
	for _, b := range g.by {
		if !b.gone && b.last.Before(since) && !slices.Contains(rest, b) {
			rest = append(rest, b)
		}
	}
	slices.SortFunc(rest, func(a, b *bunch) int {
		return cmp.Or(a.rows[0].At.Compare(b.rows[0].At), cmp.Compare(a.rows[0].Uniqueid, b.rows[0].Uniqueid))
	})
	for _, b := range rest {
		if err := g.finish(b); err != nil {
			return err
		}
	}
	return nil
}
