package calls

import (
	"slices"
	"time"

	"patchcord/crm"
)

// ended: a call that ends with a conversation is ended by somebody if one of the two who had it asked for that.
func (c *comparison) ended(r *crm.Call) {
	last := c.last(r)
	if last == nil || len(r.Talks) == 0 || r.EndedAt.IsZero() || r.EndedAt.Sub(last.to) > moveTime || c.o.moved(last.to) {
		return
	}
	asked := slices.ContainsFunc([]*person{last.a, last.b}, func(p *person) bool {
		at := c.o.asked[p]
		return !at.IsZero() && at.Sub(last.to).Abs() <= moveTime
	})
	room := slices.ContainsFunc(r.Talks, func(k crm.Talk) bool { return k.Via == "conference" })
	if bySystem := r.EndedBy == crm.EndedBySystem; bySystem && asked || !bySystem && !asked && !room && r.EndedBy != crm.EndedByTransfer {
		c.report("%s is ended by %s, though of %v, who parted last, it is %v that one hung up", r.ID, r.EndedBy, last, asked)
	}
}

// last returns the meeting of people of one call that ended last; nil for none.
func (c *comparison) last(r *crm.Call) *meeting {
	var last *meeting
	for _, m := range c.met {
		if c.in(r, m.a) && c.in(r, m.b) && (last == nil || m.to.After(last.to)) {
			last = m
		}
	}
	return last
}

// moved reports whether somebody was sent on, parked or taken away by a program about that time.
func (o *observer) moved(at time.Time) bool {
	return slices.ContainsFunc(o.moves, func(m time.Time) bool { return m.Sub(at).Abs() <= moveTime+moveTime/2 })
}
