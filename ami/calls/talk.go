package calls

import (
	"cmp"
	"slices"
	"time"

	"patchcord/crm"
)

// moveTime is how long a move from one bridge to another may take without being
// the end of a conversation (optimisation of Local channels, BridgeMerge, Redirect of both).
const moveTime = time.Second

// A talk is one person's conversation with the anchor, consultations included.
type talk struct {
	ch, anchor int
	near       int // what stands for the person where the anchor is: see link
	span
	away []span // in a consult bridge
	room *room  // of a talk in a conference
}

// conversations joins links that are one conversation.
func (v *view) conversations() []*talk {
	var out []*talk
	for i := range v.links {
		l := &v.links[i]
		if prev := lastTalk(out, l); prev != nil && v.goesOn(prev, l) {
			if v.eitherElsewhere(prev, prev.To, l.From) {
				prev.away = append(prev.away, span{prev.To, l.From})
			}
			prev.To = l.To
			if l.ch == prev.ch { // else the two have changed places: who was the party is the person
				prev.near = l.near
			}
			continue
		}
		out = append(out, &talk{ch: l.ch, anchor: l.anchor, near: l.near, span: l.span})
	}
	for _, k := range out {
		v.untilLeft(k)
	}
	return v.withRooms(out)
}

// withRooms adds the time in conferences: to a conversation that goes on there, else
// as one of its own; whoever was sent there by the other has begun a new one. The party has none beside those that others of the call have with him.
func (v *view) withRooms(out []*talk) []*talk {
	for _, k := range v.roomTalks() {
		i := slices.IndexFunc(out, func(o *talk) bool {
			return o.ch == k.ch && !v.sentOff(o) && (!o.To.set() || o.To.Seq >= k.From.Seq || o.To.within(k.From, moveTime) && !k.From.At.IsZero())
		})
		if i < 0 {
			if !v.hasAll(out, k) {
				out = append(out, k)
			}
			continue
		}
		if out[i].To.set() && (!k.To.set() || k.To.Seq > out[i].To.Seq) {
			out[i].To = k.To
		}
	}
	return out
}

// hasAll reports whether the time of the anchor in a room is told by the conversations
// that others of the call have with him there.
func (v *view) hasAll(talks []*talk, k *talk) bool {
	return len(k.room.Others) == 0 && slices.ContainsFunc(talks, func(o *talk) bool {
		return o.room == nil && o.anchor == k.ch && o.From.Seq <= k.From.Seq && (!o.To.set() || o.To.Seq >= k.From.Seq)
	})
}

func lastTalk(list []*talk, l *link) *talk {
	for i := len(list) - 1; i >= 0; i-- {
		if k := list[i]; k.ch == l.ch && k.anchor == l.anchor || k.ch == l.anchor && k.anchor == l.ch {
			return k
		}
	}
	return nil
}

// goesOn reports whether a new link continues an earlier talk: a move between bridges,
// or the return from a consultation while the party waited.
func (v *view) goesOn(k *talk, l *link) bool {
	if !k.To.set() || k.To.within(l.From, moveTime) {
		return true
	}
	if !v.eitherElsewhere(k, k.To, l.From) || v.parkedBetween(k.anchor, k.To, l.From) {
		return false
	}
	for _, o := range v.links {
		if o.ch != l.ch && o.anchor == l.anchor && o.From.Seq > k.To.Seq && !o.From.within(l.From, moveTime) {
			return false
		}
	}
	return true
}

func (v *view) parkedBetween(ch int, from, to mark) bool {
	return slices.ContainsFunc(v.Parks, func(p *park) bool {
		return p.Chan == ch && p.From.Seq >= from.Seq && p.From.Seq < to.Seq
	})
}

// wasElsewhere reports whether the channel was in another bridge between two instants.
// The one in which it is met again after a move is no other.
func (v *view) wasElsewhere(ch int, from, to mark) bool {
	for i := range v.Chans[ch].Stays {
		s := &v.Chans[ch].Stays[i]
		if s.Kind != "" || s.From.Seq < from.Seq || s.From.Seq >= to.Seq || !from.within(s.From, moveTime) {
			continue
		}
		if back := s.To.set() && s.To.Seq <= to.Seq; back || !from.within(to, moveTime) {
			return true
		}
	}
	return false
}

// eitherElsewhere is wasElsewhere of the person, or of what stands for him; between two
// phones, also of the other.
func (v *view) eitherElsewhere(k *talk, from, to mark) bool {
	return v.wasElsewhere(k.ch, from, to) || v.wasElsewhere(k.near, from, to) || v.betweenPhones(k) && v.wasElsewhere(k.anchor, from, to)
}

func (v *view) betweenPhones(k *talk) bool {
	return v.Chans[k.ch].Kind == extension && v.Chans[k.anchor].Kind == extension
}

// untilLeft extends a talk over a consultation from which the person did not come
// back: it ends when he leaves that too, or when the party is no longer there to be
// come back to.
func (v *view) untilLeft(k *talk) {
	if !k.To.set() || v.sentOff(k) {
		return
	}
	away := [2]int{k.ch, k.near}
	waits := v.stayAt(k.anchor, k.To)
	if waits == nil && v.betweenPhones(k) {
		away, waits = [2]int{k.anchor, k.anchor}, v.stayAt(k.ch, k.To)
	}
	if waits == nil {
		return // it was the party that left
	}
	for _, ch := range away {
		if s := v.wentTo(ch, k.To); s != nil {
			end := earliest(s.To, waits.To)
			if own := v.stayAt(k.ch, k.To); own != nil && ch == k.near {
				end = earliest(end, own.To) // it was half of a Local pair that went, he is behind it
			}
			v.extend(k, end)
			return
		}
	}
}

// wentTo returns the stay in another bridge to which the channel went at the instant, or nil.
func (v *view) wentTo(ch int, at mark) *stay {
	for i := range v.Chans[ch].Stays {
		if s := &v.Chans[ch].Stays[i]; s.Kind == "" && s.From.Seq >= at.Seq && at.within(s.From, moveTime) {
			return s
		}
	}
	return nil
}

// extend lets a talk go on until the end of a consultation, or until the party is with another.
func (v *view) extend(k *talk, end mark) {
	for _, o := range v.links {
		if o.anchor == k.anchor && o.ch != k.ch && o.From.Seq > k.To.Seq {
			end = earliest(end, o.From)
		}
	}
	k.away, k.To = append(k.away, span{k.To, end}), end
}

// sentOff reports whether one of the two sent the other off blind, and so ended the talk,
// however long his phone stays in the bridge.
func (v *view) sentOff(k *talk) bool {
	return slices.ContainsFunc(v.Transfers, func(x *transfer) bool {
		return x.Blind && (x.By == k.ch || x.By == k.near || x.By == k.anchor) && together(x.At, k.To)
	})
}

// stayAt returns the channel's stay that goes on after the instant, or nil.
func (v *view) stayAt(ch int, at mark) *stay {
	for i := range v.Chans[ch].Stays {
		s := &v.Chans[ch].Stays[i]
		if s.Kind == "" && s.From.Seq < at.Seq && (!s.To.set() || s.To.Seq > at.Seq) {
			return s
		}
	}
	return nil
}

// earliest returns the earlier of two instants; one that is not set has not come.
func earliest(a, b mark) mark {
	if !a.set() || b.set() && b.Seq < a.Seq {
		return b
	}
	return a
}

// held returns the stretches of a talk in which the party was on hold: by Hold, or
// because the person was away. In a call between two phones either may hold.
func (v *view) held(k *talk) []span {
	var holds []span
	if v.Chans[k.ch].Kind == extension {
		holds = v.holdsOf(k.ch, k)
		if k.near != k.ch {
			holds = slices.Concat(holds, v.holdsOf(k.near, k))
		}
	}
	if v.betweenPhones(k) {
		holds = slices.Concat(holds, v.holdsOf(k.anchor, k))
		if far := v.Chans[k.near].Peer; far >= 0 { // the other half stands for the anchor where the person is
			holds = slices.Concat(holds, v.holdsOf(far, k))
		}
	}
	spans := slices.Clone(k.away)
	for _, h := range holds {
		for _, a := range k.away { // whoever comes back holds no longer, with or without an Unhold
			if h.covers(a.To.Seq) {
				h.To = a.To
			}
		}
		spans = append(spans, h)
	}
	return clip(spans, k.span)
}

// holdsOf returns the holds of a channel that can be of the talk: one that began in an earlier talk of
// his was over with that.
func (v *view) holdsOf(ch int, k *talk) []span {
	return slices.DeleteFunc(slices.Clone(v.Chans[ch].Holds), func(h span) bool {
		return slices.ContainsFunc(v.talks, func(o *talk) bool {
			return (o.ch == ch || o.near == ch || o.anchor == ch) && o.covers(h.From.Seq) && o.To.set() && o.To.Seq <= k.From.Seq
		})
	})
}

// clip cuts spans to within and joins those that overlap.
func clip(spans []span, within span) []span {
	var out []span
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.From.Seq, b.From.Seq) })
	for _, s := range spans {
		if s.From.Seq < within.From.Seq {
			s.From = within.From
		}
		s.To = earliest(s.To, within.To)
		if s.To.set() && s.To.Seq <= s.From.Seq {
			continue
		}
		if n := len(out); n > 0 && (!out[n-1].To.set() || s.From.Seq <= out[n-1].To.Seq) {
			if out[n-1].To.set() && (!s.To.set() || s.To.Seq > out[n-1].To.Seq) {
				out[n-1].To = s.To
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// total adds up spans that have ended; nil when a time is not known.
func total(spans []span) *crm.Millis {
	var sum crm.Millis
	for _, s := range spans {
		if !s.To.set() {
			continue
		}
		ms := between(s.From, s.To)
		if ms == nil {
			return nil
		}
		sum += *ms
	}
	return &sum
}

// sum adds two durations; nil when either is not known.
func sum(a, b *crm.Millis) *crm.Millis {
	if a == nil || b == nil {
		return nil
	}
	return new(*a + *b)
}

// consulting returns the stretches of a talk in which the person consulted somebody;
// between two phones, either of them.
func (v *view) consulting(k *talk) []span {
	var spans []span
	for _, o := range v.Consults {
		if o.Chan == k.ch || o.Chan == k.anchor && v.betweenPhones(k) {
			spans = append(spans, o.span)
		}
	}
	for _, a := range k.away {
		for _, d := range v.Dials {
			if _, root := v.outermost(d); root >= 0 || v.places(d) || v.Chans[d.Dst].Kind == plumbing {
				continue
			}
			if d.Begin.Seq <= k.From.Seq || a.To.set() && d.Begin.Seq >= a.To.Seq {
				continue
			}
			s := span{From: d.Begin, To: a.To}
			if !d.answered() {
				s.To = earliest(s.To, d.End)
			}
			spans = append(spans, s)
		}
	}
	return clip(spans, k.span)
}

// joined makes one of spans that less than a move lies between.
func joined(spans []span) []span {
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && out[n-1].To.set() && !s.From.At.IsZero() && out[n-1].To.within(s.From, moveTime) {
			out[n-1].To = s.To
			continue
		}
		out = append(out, s)
	}
	return out
}

// isLine reports whether the channel is the other line of somebody who transfers, to ask
// whom the party is passed to. One at which the party itself rang, or was taken from
// where it was parked, is none, though he joins it with another.
func (v *view) isLine(ch int) bool {
	return !v.partyRangAt(ch) && slices.ContainsFunc(v.Transfers, func(x *transfer) bool {
		return x.Second == ch && x.By != ch && !v.handedTo(ch, x)
	})
}

// isAskedOn reports whether somebody is asked on the channel, who need not be whom the
// party is passed to: what is told of the time before is not the party's.
func (v *view) isAskedOn(ch int) bool {
	return !v.partyRangAt(ch) && slices.ContainsFunc(v.Consults, func(o consult) bool { return o.Line == v.Chans[ch].ID })
}

// partyRangAt reports whether the party itself rang at the channel, or was taken there from where it was parked.
func (v *view) partyRangAt(ch int) bool {
	return v.Chans[ch].Origin == v.main || slices.ContainsFunc(v.Parks, func(p *park) bool { return p.Retriever == ch })
}

// handedTo reports whether the call of a line is that by which the party had been passed
// on before: whoever then joins it with another passes him on again.
func (v *view) handedTo(ch int, last *transfer) bool {
	return slices.ContainsFunc(v.Transfers, func(x *transfer) bool {
		return !x.Blind && x.At.Seq < last.At.Seq && x.Second >= 0 && x.Second != ch && v.Chans[x.Second].Origin == v.Chans[ch].Origin
	})
}

// roomTalks returns the time that people of the call spent in a conference together
// with anyone. That of an extension is a talk.
func (v *view) roomTalks() []*talk {
	var out []*talk
	for _, r := range v.Rooms {
		for _, m := range r.Members {
			if m.Chan < 0 || v.isLine(m.Chan) || v.isAskedOn(m.Chan) {
				continue
			}
			var with []span
			for _, o := range r.Others {
				with = append(with, o.span)
			}
			for _, o := range r.Members {
				if o.Chan != m.Chan { // nobody is with himself, though half of a Local pair may stand for him beside
					with = append(with, o.span)
				}
			}
			for _, s := range joined(clip(with, m.span)) {
				out = append(out, &talk{ch: m.Chan, anchor: m.Chan, near: m.Chan, span: s, room: r})
			}
		}
	}
	return out
}
