package calls

import (
	"slices"
	"time"

	"patchcord/crm"
)

// leaveTogether is how long after each other the hang-ups come that end one thing.
const leaveTogether = time.Second

// over returns when the last channel that was connected, queued, parked or ringing
// with the party was gone; not set while one is left. Legs that were answered but
// never reached him do not count.
func (v *view) over() mark {
	if v.Cut.set() {
		return v.Cut
	}
	var last mark
	for i, ch := range v.Chans {
		if !v.takesPart(i) {
			continue
		}
		if !ch.Gone.set() {
			return mark{}
		}
		if ch.Gone.Seq > last.Seq {
			last = ch.Gone
		}
	}
	return last
}

// takesPart reports whether the call goes on as long as the channel does.
func (v *view) takesPart(i int) bool {
	if i == v.from || i == v.placer() || i == v.first && !v.Chans[v.from].Up.set() || v.isLinked(i) || slices.Contains(v.parties, i) {
		return true
	}
	ch := v.Chans[i]
	if ch.Kind == plumbing {
		return v.from == i
	}
	d := v.dialTo(i)
	if d == nil {
		return v.inRoom(i)
	}
	return !ch.Up.set() && !d.answered() && !v.consulted(d)
}

func (v *view) inRoom(i int) bool {
	for _, r := range v.Rooms {
		if slices.ContainsFunc(r.Members, func(m member) bool { return m.Chan == i }) {
			return true
		}
	}
	return false
}

// answeredAt returns when the first other person was connected with the party: the
// answer of the outermost dial that led there.
func (v *view) answeredAt() mark {
	var at mark
	if len(v.links) > 0 {
		l := v.links[0]
		at = l.From
		ch := l.ch
		if ch == v.from {
			ch = l.anchor
		}
		if d := v.metBy(l.ch, l.anchor); d != nil {
			for o := range v.ringing(d) {
				if o.answered() {
					at = o.End
				}
			}
		}
		for _, p := range v.Pickups { // a queue sends no DialEnd for it
			if d := v.dialTo(ch); p.Picker == ch && (d == nil || !d.answered()) {
				at = p.At
			}
		}
	}
	for _, r := range v.Rooms {
		at = earliest(at, v.met(r))
	}
	return at
}

// met returns when somebody of the call was first in the room with somebody else; a line on
// which whom the party is passed to was asked is nobody yet.
func (v *view) met(r *room) mark {
	var at mark
	for _, m := range r.Members {
		if m.Chan >= 0 && (v.isLine(m.Chan) || v.isAskedOn(m.Chan)) {
			continue
		}
		var with []span
		for _, o := range append(slices.Clone(r.Others), r.Members...) {
			if o.ID != m.ID && o.Chan != m.Chan {
				with = append(with, o.span)
			}
		}
		for _, s := range clip(with, m.span) {
			at = earliest(at, s.From)
		}
	}
	return at
}

// lastAttempt returns the dials of people that the party made last, all that went on together.
func (v *view) lastAttempt() []*dial {
	var out []*dial
	for i := len(v.Dials) - 1; i >= 0; i-- {
		d := v.Dials[i]
		if v.Chans[d.Dst].Kind == plumbing || v.places(d) || !d.Begin.set() {
			continue
		}
		if len(out) > 0 {
			a, _ := v.outermost(out[0])
			b, _ := v.outermost(d)
			if a.Src != b.Src || !v.overlap(a, b) {
				break
			}
		}
		out = append(out, d)
	}
	return out
}

// outcome concludes what the call came to.
func (v *view) outcome(by crm.EndedBy) crm.Outcome {
	switch {
	case v.answeredAt().set():
		return crm.Answered
	case len(v.Mails) > 0:
		return crm.Voicemail
	case v.refusedItself():
		return v.ownPhone()
	}
	attempt := v.lastAttempt()
	tried := len(attempt) > 0 || len(v.Visits) > 0
	switch {
	case tried && by == crm.EndedByCaller && v.Chans[v.from].Kind == trunk && !v.click:
		return crm.Abandoned
	case tried && by == crm.EndedByCaller:
		return crm.Cancelled
	case !tried && v.Chans[v.from].Up.set():
		return crm.SelfService
	case !tried:
		return crm.Failed
	}
	return v.gaveUp(attempt)
}

// gaveUp concludes what an attempt came to that the PBX gave up.
func (v *view) gaveUp(attempt []*dial) crm.Outcome {
	if n := len(v.Visits); n > 0 && (len(attempt) == 0 || v.Visits[n-1].Enter.Seq > attempt[0].first() || v.queueOf(attempt[0]) != "") {
		return crm.NoAnswer
	}
	busy, failed := 0, 0
	for _, d := range attempt {
		switch v.ending(d).result {
		case crm.ResultBusy:
			busy++
		case crm.ResultFailed:
			failed++
		}
	}
	switch len(attempt) {
	case busy:
		return crm.Busy
	case failed:
		return crm.Failed
	}
	return crm.NoAnswer
}

// ownPhone concludes what a click-to-call came to whose own phone was not answered.
func (v *view) ownPhone() crm.Outcome {
	ch := v.Chans[v.from]
	d := v.dialTo(v.from)
	switch {
	case ch.Cause == causeRejected:
		return crm.NoAnswer // though chan_sip says BUSY
	case ch.Cause == causeBusy, d != nil && d.Status == "BUSY":
		return crm.Busy
	case ch.Ring.set(), d != nil && d.Status == "NOANSWER":
		return crm.NoAnswer
	case ch.Kind == plumbing, failure(ch.Cause), d != nil && d.Status != "":
		return crm.Failed
	}
	return crm.NoAnswer
}
