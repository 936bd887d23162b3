package calls

import (
	"slices"

	"patchcord/crm"
)

// lastTalk returns the conversation that ended last; the call is over.
func (v *view) lastTalk() *talk {
	var last *talk
	for _, k := range v.talks {
		if last == nil || k.To.Seq > last.To.Seq {
			last = k
		}
	}
	return last
}

// asked returns when the channel's own side asked for the hang-up; not set when it
// did not. A request that follows a final failure is the PBX's, which tells the
// channel so, unless the PBX has done something for it since.
func (v *view) asked(i int) mark {
	ch := v.Chans[i]
	if ch.Kind == plumbing || !ch.Asked.set() {
		return mark{}
	}
	if ch.Tone.set() && ch.Tone.Seq < ch.Asked.Seq {
		return mark{} // it had been told busy or congestion, which is what ends it
	}
	final := v.finalFailure(i, ch.Asked.Seq)
	if final == 0 || ch.Up.Seq > final && ch.Up.Seq < ch.Asked.Seq || ch.Served.Seq > final && ch.Served.Seq < ch.Asked.Seq {
		return ch.Asked
	}
	return mark{}
}

// finalFailure returns when the last attempt that the channel made before seq had
// failed for good, 0 when it has not.
func (v *view) finalFailure(i int, seq uint64) uint64 {
	var end uint64
	for _, d := range v.Dials {
		o, root := v.outermost(d)
		if root != i || o.Queue != "" {
			continue
		}
		switch {
		case !o.End.set() || o.End.Seq >= seq:
			return 0
		case o.Status == "BUSY", o.Status == "NOANSWER", o.Status == "CONGESTION", o.Status == "CHANUNAVAIL":
			end = max(end, o.End.Seq)
		case o.answered():
			end = 0
		}
	}
	return end
}

// endedBy concludes who ended the call.
func (v *view) endedBy() crm.EndedBy {
	if v.Cut.set() {
		return crm.EndedBySystem
	}
	k := v.lastTalk()
	if v.sentAway(k) {
		return crm.EndedByTransfer
	}
	if k == nil {
		return v.attemptEndedBy()
	}
	left := v.leftBehind(k)
	if v.wentOn(left, k) {
		if v.asked(left).Seq > k.From.Seq {
			return crm.EndedByCaller
		}
		return v.refusedBy(k.To.Seq)
	}
	if k.room != nil && v.leftAlone(k) {
		return crm.EndedByCallee
	}
	var first mark
	by := crm.EndedBySystem
	for _, i := range []int{k.ch, k.anchor} {
		a := v.asked(i)
		if !a.set() || !k.To.within(a, leaveTogether) || first.set() && a.Seq > first.Seq {
			continue
		}
		first, by = a, crm.EndedByCallee
		if v.isFrom(i) {
			by = crm.EndedByCaller
		}
	}
	return by
}

// isFrom reports whether a channel is that of the party in From, or a phone of the same extension that was rung
// again when that was gone.
func (v *view) isFrom(ch int) bool {
	from, o := v.Chans[v.from], v.Chans[ch]
	return ch == v.from || from.Kind == extension && o.Kind == extension && v.ext(ch) == v.ext(v.from) && from.Gone.set() && from.Gone.before(o.Born)
}

// sentAway reports whether the party was told to call elsewhere, and did nothing here
// since; k is its last conversation, nil for none.
func (v *view) sentAway(k *talk) bool {
	i := v.from
	if k != nil {
		i = k.anchor
	}
	away := v.Chans[i].Away
	if !away.set() {
		return false
	}
	return !slices.ContainsFunc(v.Chans[i].Stays, func(s stay) bool { return s.From.Seq > away.Seq }) &&
		!slices.ContainsFunc(v.Dials, func(d *dial) bool { return d.Src == i && d.first() > away.Seq })
}

// leftBehind returns the party of a talk, whose call it is afterwards: the anchor, or whom the anchor
// sent off or parked.
func (v *view) leftBehind(k *talk) int {
	sent := slices.ContainsFunc(v.Transfers, func(x *transfer) bool {
		return x.At.Seq > k.From.Seq && (x.By == k.anchor || x.Second == k.anchor)
	})
	if sent || slices.ContainsFunc(v.Parks, func(p *park) bool { return p.Chan == k.ch && p.From.Seq > k.From.Seq }) {
		return k.ch
	}
	return k.anchor
}

// leftAlone reports whether a conversation in a conference ended because the others left.
func (v *view) leftAlone(k *talk) bool {
	for _, m := range k.room.Members {
		if m.Chan == k.ch && m.To.Seq > k.To.Seq {
			return true
		}
	}
	return false
}

// wentOn reports whether the party was parked, queued or ringing somebody after its last conversation.
func (v *view) wentOn(ch int, k *talk) bool {
	for _, p := range v.Parks {
		if p.From.Seq > k.From.Seq && v.standsFor(p.Chan, ch) {
			return true
		}
	}
	for _, x := range v.Transfers {
		if by := v.who(v.transferer(x)); x.At.Seq > k.From.Seq && v.standsFor(x.Transferee, ch) && (by == v.who(k.ch) || by == v.who(k.anchor)) {
			return true // sent off, and with nobody since
		}
	}
	for _, q := range v.Visits {
		if q.Enter.Seq > k.To.Seq && v.standsFor(q.Chan, ch) {
			return true
		}
	}
	for _, d := range v.Dials {
		if d.first() < k.To.Seq || v.consulted(d) {
			continue
		}
		if _, root := v.outermost(d); root >= 0 {
			return true
		}
	}
	return false
}

// standsFor reports whether a channel is a person's, or a Local one that leads to him.
func (v *view) standsFor(ch, person int) bool {
	if ch < 0 {
		return false
	}
	return ch == person || v.Chans[ch].Kind == plumbing
}

// attemptEndedBy concludes who ended a call in which nobody spoke.
func (v *view) attemptEndedBy() crm.EndedBy {
	if v.asked(v.placer()).set() && !v.refusedItself() {
		return crm.EndedByCaller
	}
	if v.refusedItself() && v.Chans[v.from].Cause == causeRejected {
		return crm.EndedByCaller
	}
	return v.refusedBy(0)
}

// refusedBy says who ended an attempt that the PBX gave up, if it was made after seq:
// who was called, if he declined.
func (v *view) refusedBy(seq uint64) crm.EndedBy {
	var last ending
	for _, d := range v.lastAttempt() {
		if e := v.ending(d); d.first() > seq && e.at.Seq >= last.at.Seq && v.queueOf(d) == "" {
			last = e
		}
	}
	if last.result == crm.ResultRejected {
		return crm.EndedByCallee
	}
	return crm.EndedBySystem
}

// refusedItself reports whether the phone that was to place a click-to-call was never answered.
func (v *view) refusedItself() bool { return v.click && !v.Chans[v.from].Up.set() }
