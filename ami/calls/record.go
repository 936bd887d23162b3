package calls

import (
	"maps"
	"slices"

	"patchcord/crm"
)

// record concludes the whole record of a call; nil when it is none (only plumbing, so far).
func (t *Tracker) record(c *call) *crm.Call {
	v := t.look(c)
	if !v.visible() {
		return nil
	}
	r := &crm.Call{
		ID: c.ID, PBX: t.cfg.PBX, Tenant: t.cfg.Tenant, Boot: crm.At(c.Boot), Linkedids: slices.Clone(c.Linkedids),
		Direction: v.direction(), From: v.caller(), StartedAt: v.started(),
		AnsweredAt: v.answeredAt().time(), EndedAt: v.over().time(),
		Attributes: maps.Clone(c.Attributes), Complete: !c.Missed && !c.headless(), Gaps: slices.Clone(c.Gaps),
	}
	if to := v.toNumber(); to != "" {
		r.To = crm.Party{Number: crm.Number(to), E164: t.dial.other(to)}
		if r.Direction == crm.Outbound {
			r.To.E164 = t.dial.called(to)
		}
	}
	r.Offers, r.FarEnds = v.offers(r.From.Name), v.farEnds()
	r.QueueVisits, r.WaitMS = v.visits()
	v.talksInto(r)
	r.Transfers, r.Parked, r.Conferences, r.Recordings = v.transfers(), v.parks(), v.conferences(), v.recordings()
	for i := range r.Offers {
		if r.Offers[i].Result == crm.ResultAccepted {
			r.RingMS = r.Offers[i].RingMS
			break
		}
	}
	if v.over().set() {
		if r.EndedAt.IsZero() {
			r.EndedAt = lastKnown(c)
		}
		r.EndedBy = v.endedBy()
		r.Outcome = v.outcome(r.EndedBy)
		r.Cause = v.Chans[v.from].Cause
	} else if v.answeredAt().set() {
		r.Outcome = crm.Answered
	}
	return r
}

// headless reports whether the channel that began the call, or one of those that it was
// joined from, was never heard of: its Newchannel fell into a gap, and no list was whole meanwhile.
func (c *call) headless() bool {
	return slices.ContainsFunc(c.Origins, func(o origin) bool {
		return o.First >= len(c.Chans) || c.Chans[o.First].ID != o.Linkedid
	})
}

// lastKnown is the end of a call whose frames had no time.
func lastKnown(c *call) crm.Time { return crm.At(c.Cut.At) }

// caller returns the party that the call is from, as it was at its first frame.
func (v *view) caller() crm.Party {
	ch := v.Chans[v.from]
	if ch.Kind == extension {
		p := crm.Party{Number: crm.Number(v.ext(v.from)), Name: anonymous(ch.Label)}
		if ch.Listed {
			p.Name = ""
		}
		return p
	}
	if ch.Kind == plumbing || ch.Listed {
		return crm.Party{}
	}
	var p crm.Party
	if n := anonymous(ch.Num); v.click {
		to := v.dialledTo(v.from)
		p = crm.Party{Number: crm.Number(to), E164: v.t.dial.called(to)}
	} else if n != "" {
		p = crm.Party{Number: crm.Number(n), E164: v.t.dial.caller(ch.Name, n)}
	}
	p.Name = anonymous(ch.Label)
	return p
}

func (v *view) started() crm.Time {
	first := v.Chans[v.first]
	if first.Listed {
		return uniqueidTime(first.ID)
	}
	return first.Born.time()
}

func (v *view) visits() ([]crm.QueueVisit, *crm.Millis) {
	if len(v.Visits) == 0 {
		return nil, new(crm.Millis)
	}
	out, sum := make([]crm.QueueVisit, 0, len(v.Visits)), make([]span, 0, len(v.Visits))
	for _, q := range v.Visits {
		r := crm.QueueVisit{Queue: q.Queue, EnteredAt: q.Enter.time(), LeftAt: q.Leave.time(), Position: q.Position, Result: v.visitResult(q)}
		if q.Leave.set() {
			r.WaitMS = between(q.Enter, q.Leave)
		}
		sum = append(sum, span{q.Enter, q.Leave})
		out = append(out, r)
	}
	return out, total(sum)
}

func (v *view) talksInto(r *crm.Call) {
	var talks, holds []span
	for i, k := range v.talks {
		if k.room != nil && v.Chans[k.ch].Kind != extension {
			continue
		}
		held := v.held(k)
		talks, holds = append(talks, k.span), append(holds, held...)
		if n := len(r.Talks); i > 0 && n > 0 && v.goesAlong(k, v.talks[i-1]) {
			last := &r.Talks[n-1]
			last.EndedAt, last.HoldMS, last.ConsultMS = k.To.time(), sum(last.HoldMS, total(held)), sum(last.ConsultMS, total(v.consulting(k)))
			continue
		}
		r.Talks = append(r.Talks, crm.Talk{
			Extension: v.speaker(k), With: v.partner(k), Via: v.via(k), StartedAt: k.From.time(), EndedAt: k.To.time(),
			HoldMS: total(held), ConsultMS: total(v.consulting(k)), Desk: v.speakersDesk(k),
		})
	}
	slices.SortStableFunc(r.Talks, func(a, b crm.Talk) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	r.TalkMS, r.HoldMS = total(talks), total(holds)
}

func (v *view) parks() []crm.Parked {
	var out []crm.Parked
	for _, p := range v.Parks {
		by := p.By
		for _, x := range v.Transfers { // ParkerDialString names whom the dialplan dialled, not who parks
			if x.Blind && v.parkedBy(x, p) {
				by = v.who(v.transferer(x))
			}
		}
		r := crm.Parked{
			Space: p.Space, By: by, StartedAt: p.From.time(), EndedAt: p.To.time(), Result: p.Result, RetrievedBy: v.who(p.Retriever),
		}
		if v.Cut.set() && p.To.Seq == v.Cut.Seq || p.Result == "abandoned" && !v.leftAt(p.Chan, p.To) {
			r.Result = "" // the PBX was gone, not he, or somebody took him out
		}
		out = append(out, r)
	}
	return out
}

// leftAt reports whether the channel hung up, or asked to, at that instant.
func (v *view) leftAt(ch int, at mark) bool {
	gone := v.Chans[ch].Gone
	return v.Chans[ch].Asked.before(at) || gone.set() && together(gone, at)
}

func (v *view) conferences() []crm.Conference {
	var out []crm.Conference
	for _, r := range v.Rooms {
		if len(r.Members) == 0 {
			continue
		}
		c := crm.Conference{Room: r.Name, JoinedAt: r.Members[0].From.time()}
		left, inside := mark{}, false
		for _, m := range r.Members {
			inside = inside || !m.To.set()
			if m.To.Seq > left.Seq {
				left = m.To
			}
		}
		if !inside {
			c.LeftAt = left.time()
		}
		for _, o := range r.Others {
			if o.Who != "" && !slices.Contains(c.With, o.Who) {
				c.With = append(c.With, o.Who)
			}
		}
		out = append(out, c)
	}
	return out
}

func (v *view) recordings() []crm.Recording {
	var out []crm.Recording
	for _, r := range v.Recs {
		out = append(out, crm.Recording{File: r.File, StartedAt: r.From.time(), EndedAt: r.To.time()})
	}
	return out
}
