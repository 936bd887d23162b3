package crm

import (
	"reflect"
	"slices"
	"time"
)

// Fill returns a copy of a record in which a ledger has filled what it knows better,
// and whether anything changed. Of each field the best source counts: CEL, then what
// was heard, then what a list of the PBX showed, then CDR. So CEL replaces and CDR only
// fills what is absent; a detail that CEL cannot know stays as it was heard. The result
// does not depend on the order of ledgers, nor on how often they are told. That the
// record is not complete, and its gaps, stay: what was not heard was not heard.
func Fill(record, found *Call, by Ledger) (filled *Call, changed bool) {
	c := record.Clone()
	f := &filler{cel: by == LedgerCEL}
	for _, l := range found.Linkedids {
		if !slices.Contains(c.Linkedids, l) {
			c.Linkedids = append(c.Linkedids, l)
		}
	}
	slices.SortStableFunc(c.Linkedids, compareLinkedid)
	if !f.cel && len(c.Linkedids) > 0 && !slices.Contains(found.Linkedids, c.Linkedids[0]) {
		// CDR tells of a part that the call absorbed, a consultation say: whom that was
		// to, and when, is not so of the call.
		return c, !reflect.DeepEqual(c, record.Clone())
	}
	f.scalars(c, found)
	if f.cel {
		f.parts(c, found)
	} else {
		f.poorParts(c, found)
	}
	total(c)
	return c, !reflect.DeepEqual(c, record.Clone())
}

// A filler fills one record from one ledger.
type filler struct{ cel bool }

// better puts v in place of *p when its source is the better one, or *p is absent.
func better[T comparable](f *filler, p *T, v T) {
	var none T
	if v != none && (f.cel || *p == none) {
		*p = v
	}
}

// sameMoment is how far two tellings of one instant lie apart: a ledger may be in
// whole seconds.
const sameMoment = 1500 * time.Millisecond

// time is better for instants: one in whole seconds does not replace a finer one that
// it agrees with.
func (f *filler) time(p *Time, v Time) {
	coarse := v.Nanosecond() == 0 && p.Nanosecond() != 0
	if !v.IsZero() && !p.IsZero() && coarse && v.Sub(p.Time).Abs() <= sameMoment {
		return
	}
	better(f, p, v)
}

// millis is the same for durations.
func (f *filler) millis(p **Millis, v *Millis) {
	if v == nil || *p != nil && !f.cel {
		return
	}
	if *p != nil && *v%1000 == 0 && **p%1000 != 0 && (v.Duration()-(*p).Duration()).Abs() <= sameMoment {
		return
	}
	*p = clone(v)
}

func (f *filler) scalars(c, found *Call) {
	better(f, &c.Direction, found.Direction)
	f.outcome(&c.Outcome, found.Outcome)
	f.party(&c.From, found.From)
	f.party(&c.To, found.To)
	f.time(&c.StartedAt, found.StartedAt)
	f.time(&c.AnsweredAt, found.AnsweredAt)
	f.time(&c.EndedAt, found.EndedAt)
	better(f, &c.EndedBy, found.EndedBy)
	better(f, &c.Cause, found.Cause)
	f.millis(&c.WaitMS, found.WaitMS)
}

// outcome is better for outcomes, but that voicemail was reached counts whoever says
// so: a ledger often does not, nor do events to a user without class dialplan.
func (f *filler) outcome(p *Outcome, v Outcome) {
	switch {
	case v == Voicemail && *p != Answered:
		*p = v
	case *p != Voicemail || v == Answered:
		better(f, p, v)
	}
}

func (f *filler) party(p *Party, v Party) {
	better(f, &p.Number, v.Number)
	better(f, &p.Name, v.Name)
	better(f, &p.E164, v.E164)
}

// parts lets CEL say which offers, talks and so on there were. What was heard of them
// beyond that stays with each.
func (f *filler) parts(c, found *Call) {
	c.Offers = pair(c.Offers, found.Offers, true, sameOffer, f.offer)
	// CEL tells every bridge: a talk that it does not know was concluded from less.
	if found.TalkMS != nil {
		f.millis(&c.TalkMS, found.TalkMS)
		c.Talks = pair(c.Talks, found.Talks, false, sameTalk, f.talk)
	}
	c.FarEnds = pair(c.FarEnds, found.FarEnds, true, sameFarEnd, f.farEnd)
	c.QueueVisits = pair(c.QueueVisits, found.QueueVisits, true, sameVisit, f.visit)
	c.Transfers = pair(c.Transfers, found.Transfers, true, sameTransfer, f.transfer)
	c.Parked = pair(c.Parked, found.Parked, true, sameParked, f.parked)
	c.Conferences = pair(c.Conferences, found.Conferences, true,
		func(a, b *Conference) bool { return a.Room == b.Room }, f.conference)
}

// poorParts lets CDR say that there were talks and queues where nothing is known.
func (f *filler) poorParts(c, found *Call) {
	if c.TalkMS == nil && len(c.Talks) == 0 {
		c.TalkMS, c.Talks = clone(found.TalkMS), slices.Clone(found.Talks)
	}
	for _, v := range found.QueueVisits {
		if !slices.ContainsFunc(c.QueueVisits, func(o QueueVisit) bool { return o.Queue == v.Queue }) {
			c.QueueVisits = append(c.QueueVisits, v)
		}
	}
}

// pair joins what was heard with what CEL tells: each that both know is filled, each
// that only CEL knows is added; each that only we know stays when keep is set.
func pair[T any](old, found []T, keep bool, same func(a, b *T) bool, fill func(p, v *T)) []T {
	out := make([]T, 0, max(len(old), len(found)))
	taken := make([]bool, len(found))
	for _, o := range old {
		i := slices.IndexFunc(found, func(v T) bool { return same(&o, &v) })
		for i >= 0 && taken[i] {
			next := slices.IndexFunc(found[i+1:], func(v T) bool { return same(&o, &v) })
			if i += 1 + next; next < 0 {
				i = -1
			}
		}
		switch {
		case i >= 0:
			taken[i] = true
			fill(&o, &found[i])
			out = append(out, o)
		case keep:
			out = append(out, o)
		}
	}
	for i := range found {
		if !taken[i] {
			out = append(out, found[i])
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
