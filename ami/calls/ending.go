package calls

import "patchcord/crm"

// An ending is how an attempt to reach somebody came out; the zero one is still going on.
type ending struct {
	result crm.Result
	by     string
	at     mark
}

// Q.850 causes (ITU-T Q.850; Asterisk include/asterisk/causes.h).
const (
	causeBusy       = 17
	causeNoAnswer   = 19
	causeRejected   = 21
	causeRedirected = 23
)

// failure reports whether a cause tells that somebody could not be reached at all.
func failure(cause int) bool {
	switch cause {
	case 0, 16, causeBusy, 18, causeNoAnswer, causeRejected, 26, 31, 127:
		return false
	}
	return true
}

// ending concludes how a dial came out. Words and causes differ between drivers and
// applications; what happened does not.
func (v *view) ending(d *dial) ending {
	dst := v.Chans[d.Dst]
	if d.answered() {
		return v.answer(d)
	}
	at, cause := d.End, dst.Cause
	if !at.set() {
		at = dst.Gone
	}
	if !at.set() {
		return ending{}
	}
	if !dst.Gone.set() {
		cause = dst.AskCause
	}
	if d.Status == "CANCEL" && d.Forward == "" && !dst.Asked.set() {
		cause = 0 // the PBX took it back: the cause is that of another phone of the dial
	}
	switch {
	case cause == causeRejected:
		return ending{result: crm.ResultRejected, at: at}
	case cause == causeNoAnswer && !dst.Ring.set() && (dst.Asked.set() || d.Status == "BUSY"):
		return ending{result: crm.ResultFailed, at: at} // the phone is not to be disturbed: no ring time ran out
	case cause == causeBusy, d.Status == "BUSY":
		return ending{result: crm.ResultBusy, at: at}
	case d.Status == "NOANSWER" && failure(cause):
		return ending{result: crm.ResultFailed, at: at}
	case d.Forward != "":
		return v.forwarded(d, at)
	case d.Status == "NOANSWER", v.timedOut(d):
		return ending{result: crm.ResultNoAnswer, at: at}
	case d.Status == "CANCEL", d.Status == "" && !failure(cause):
		return ending{result: crm.ResultRescinded, by: v.taker(d), at: at}
	case dst.Up.set():
		return v.unconfirmed(d, at)
	}
	return ending{result: crm.ResultFailed, at: at}
}

// answer concludes what became of a dial that was answered. One whose party never
// gets connected counts for nothing: a mailbox that does not press 1, the second of
// two who answer at once.
func (v *view) answer(d *dial) ending {
	if v.isLinked(d.Dst) || v.consulted(d) {
		return ending{result: crm.ResultAccepted, at: d.End}
	}
	for o := range v.ringing(d) {
		if o == d {
			continue
		}
		if !o.End.set() && !v.Chans[o.Dst].Gone.set() {
			return ending{}
		}
		if !o.answered() {
			return v.unconfirmed(d, orElse(o.End, v.Chans[o.Dst].Gone))
		}
	}
	if gone := v.Chans[v.from].Gone; gone.set() && gone.Seq > d.End.Seq && d.End.within(gone, moveTime) {
		return ending{result: crm.ResultRescinded, by: v.taker(d), at: gone} // he hung up at that moment
	}
	return ending{result: crm.ResultAccepted, at: d.End}
}

// unconfirmed concludes what became of somebody who answered and was not let in: he
// did not press 1, or not before another had the call or the caller was gone.
func (v *view) unconfirmed(d *dial, at mark) ending {
	if hungUp := v.asked(d.Dst); v.timedOut(d) && (!hungUp.set() || hungUp.Seq > at.Seq) {
		return ending{result: crm.ResultNoAnswer, at: at}
	}
	if by := v.taker(d); by != string(crm.EndedByCaller) || v.left(at) {
		return ending{result: crm.ResultRescinded, by: by, at: at}
	}
	return ending{result: crm.ResultFailed, at: at}
}

// left reports whether the party in From was leaving at that instant, or had hung up:
// the PBX takes note of that only when a routine on the called channel is over.
func (v *view) left(at mark) bool {
	gone := orElse(v.asked(v.from), v.Chans[v.from].Gone)
	return gone.set() && at.within(gone, moveTime)
}

// forwarded concludes what became of a phone that sent the call on: it never rang,
// unless somebody answered where it was sent to.
func (v *view) forwarded(d *dial, at mark) ending {
	if next := v.forwardOf(d); next != nil {
		if who := v.answeredBy(next); who != "" {
			return ending{result: crm.ResultRescinded, by: who, at: at}
		}
	}
	return ending{result: crm.ResultFailed, at: at}
}

// forwardOf returns the dial by which a call goes on that was forwarded, or nil.
func (v *view) forwardOf(d *dial) *dial {
	for _, s := range v.Dials {
		if s.Src == d.Src && s.Begin.Seq > d.Begin.Seq && localExten(v.Chans[s.Dst].Name) == d.Forward {
			return s
		}
	}
	return nil
}

func orElse(a, b mark) mark {
	if a.set() {
		return a
	}
	return b
}

// isLinked reports whether the channel was ever connected with the party.
func (v *view) isLinked(ch int) bool {
	for _, l := range v.links {
		if l.ch == ch || l.anchor == ch {
			return true
		}
	}
	return false
}

// timedOut reports whether the ring time of a dial further out was over.
func (v *view) timedOut(d *dial) bool {
	for o := range v.ringing(d) {
		if o != d && o.Status == "NOANSWER" {
			return true
		}
	}
	return v.stoppedAsking(d)
}

// stoppedAsking reports whether the PBX itself gave up ringing somebody by the feature code (atxfernoanswertimeout):
// whoever waited for him, in a bridge with the near half of the pair by which that is done, waits on.
func (v *view) stoppedAsking(d *dial) bool {
	o, root := v.outermost(d)
	if root >= 0 || o.Src < 0 || !v.consulted(d) {
		return false
	}
	near := v.Chans[o.Src].Peer
	for _, s := range v.Chans[near].Stays {
		if !s.To.set() || !together(s.To, d.End) {
			continue
		}
		for i, ch := range v.Chans {
			if at := v.stayAt(i, s.To); i != near && at != nil && at.Bridge == s.Bridge && ch.Kind != plumbing && (!at.To.set() || !s.To.within(at.To, moveTime)) {
				return true
			}
		}
	}
	return false
}

// taker returns who took the call that rang at d: another who was dialled beside it,
// here or further out, or one who picked it up, "" for a machine; else the caller himself,
// who left.
func (v *view) taker(d *dial) string {
	for o := range v.ringing(d) {
		for _, p := range v.Pickups {
			if p.Target == o.Dst {
				return v.who(p.Picker)
			}
		}
		for _, s := range v.Dials {
			if s == o || s.Src != o.Src || !v.overlap(s, o) {
				continue
			}
			for _, p := range v.Pickups {
				if p.Target == s.Dst {
					return v.who(p.Picker)
				}
			}
			if s.answered() {
				return v.answeredBy(s)
			}
		}
	}
	return string(crm.EndedByCaller)
}

// answeredBy returns who answered a dial, "" when nobody did.
func (v *view) answeredBy(d *dial) string {
	if !d.answered() {
		return ""
	}
	dst := v.Chans[d.Dst]
	if dst.Kind != plumbing {
		return v.who(d.Dst)
	}
	for _, s := range v.Dials {
		if dst.Peer >= 0 && s.Src == dst.Peer {
			if who := v.answeredBy(s); who != "" {
				return who
			}
		}
	}
	return ""
}

// overlap reports whether two dials went on at the same time.
func (v *view) overlap(a, b *dial) bool {
	return a.first() <= v.last(b) && b.first() <= v.last(a)
}

func (v *view) last(d *dial) uint64 {
	if m := orElse(d.End, v.Chans[d.Dst].Gone); m.set() {
		return m.Seq
	}
	return ^uint64(0)
}
