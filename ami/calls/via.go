package calls

import "slices"

// speaker returns the extension whose talk it is.
func (v *view) speaker(k *talk) string {
	if v.Chans[k.ch].Kind == extension {
		return v.ext(k.ch)
	}
	if v.Chans[k.anchor].Kind == extension {
		return v.ext(k.anchor)
	}
	return ""
}

// partner returns whom it is with.
func (v *view) partner(k *talk) string {
	switch {
	case k.room != nil:
		return k.room.Name
	case v.Chans[k.ch].Kind == extension:
		return v.who(k.anchor)
	}
	return v.who(k.ch)
}

// via concludes how the person first got the party.
func (v *view) via(k *talk) string {
	if k.room != nil {
		return "conference"
	}
	for _, p := range v.Pickups {
		if p.Picker != k.ch {
			continue
		}
		if v.passedOn(k, p.At) {
			return "transfer" // it was a consultation that he picked up
		}
		return "pickup"
	}
	for _, p := range v.Parks {
		if p.Retriever == k.ch {
			return "park"
		}
	}
	d := v.metBy(k.ch, k.anchor)
	switch {
	case v.metInRoom(k):
		return "conference"
	case d == nil && v.passedOn(k, mark{}):
		return "transfer" // each had a call of his own with the transferer
	case d == nil:
		return "dial"
	case v.queueOf(d) != "":
		return "queue"
	case v.called(k.ch) != k.anchor && v.consulted(d), v.passedOn(k, d.End):
		return "transfer"
	}
	return v.ledBy(d)
}

// metBy returns the dial that brought a person and the anchor together: his, or that of the anchor,
// where the person placed the call, or had been reached outside before; nil for none.
func (v *view) metBy(ch, anchor int) *dial {
	d, o := v.dialTo(ch), v.dialTo(anchor)
	if ch == v.from || ch == v.placer() || d != nil && o != nil && v.Chans[ch].Kind == trunk && d.End.before(o.End) {
		return o
	}
	return d
}

// metInRoom reports whether a talk began in a conference: of the people of a page, or
// of two that Dial sent there when one answered.
func (v *view) metInRoom(k *talk) bool {
	return slices.ContainsFunc(v.Chans[k.ch].Stays, func(s stay) bool { return s.Kind == conference && s.covers(k.From.Seq) })
}

// passedOn reports whether an attended transfer after that instant began the talk.
func (v *view) passedOn(k *talk, since mark) bool {
	return slices.ContainsFunc(v.Transfers, func(x *transfer) bool {
		return !x.Blind && x.At.Seq > since.Seq && together(x.At, k.From)
	})
}

// ledBy returns what sent the party to the dial: the last of a transfer and the end
// of a park, if any.
func (v *view) ledBy(d *dial) string {
	via, at := "dial", uint64(0)
	for _, x := range v.transfersDone() {
		if x.At.Seq < d.first() && v.inChain(d, x.Transferee) && !v.arrived(x, d.first()) && d.first() < v.pulledAt(x) {
			via, at = "transfer", x.At.Seq
		}
	}
	for _, p := range v.Parks {
		// Whoever is parked dials nobody, so what he dials since is the come-back, even
		// where its DialBegin comes before ParkedCallTimeOut.
		if p.Result == "timeout" && p.From.Seq < d.first() && p.From.Seq > at && v.inChain(d, p.Chan) {
			via, at = "park", p.From.Seq
		}
	}
	return via
}

// arrived reports whether the party had somebody after a transfer, before seq: what led him
// on from there was something else.
func (v *view) arrived(x *transfer, seq uint64) bool {
	by := v.transferer(x)
	for _, k := range v.talks {
		if k.ch != by && k.From.Seq < seq && (k.From.Seq > x.At.Seq || !x.Blind && together(k.From, x.At)) {
			return true
		}
	}
	for _, r := range v.Rooms {
		for _, m := range r.Members {
			if m.Chan == x.Transferee && m.From.Seq > x.At.Seq && m.From.Seq < seq {
				return true
			}
		}
	}
	return false
}

// inChain reports whether a channel is one of those by which the dial was made.
func (v *view) inChain(d *dial, ch int) bool {
	for o := range v.outward(d) {
		if ch >= 0 && o.Src >= 0 && (o.Src == ch || v.Chans[o.Src].Peer == ch) {
			return true
		}
	}
	return false
}
