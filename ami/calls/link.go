package calls

import (
	"cmp"
	"slices"
)

// A step is a channel's entering or leaving an ordinary bridge, or something else that
// changes whose call it is.
type step struct {
	at    mark
	ch    int
	stay  *stay
	enter bool
	gone  bool // the channel was hung up, out of a bridge
}

// A walk goes through the bridges of a call in order, and notes who is connected
// with the anchor: directly, or through Local pairs.
type walk struct {
	v        *view
	in       []string // the ordinary bridge that a channel is in
	bridged  []int    // channels that are ever in one
	anchor   int
	transfer int // of the call, the next to be looked at
	park     int // likewise
	taking   int // likewise
	placer   int // who stands where the party in From stood
	open     []int
	asked    []int // who was with the anchor before it became his call
	near     []int // of each channel that reach found: see link
}

// steps appends the call's comings and goings in order, and the channels that come or go.
func (c *call) steps(list []step, bridged []int) ([]step, []int) {
	for i, ch := range c.Chans {
		n := len(list)
		for j := range ch.Stays {
			s := &ch.Stays[j]
			from, met := ch.meets(s)
			if !met {
				continue
			}
			list = append(list, step{at: from, ch: i, stay: s, enter: true})
			if s.To.set() {
				list = append(list, step{at: s.To, ch: i, stay: s})
			}
		}
		if len(list) > n {
			bridged = append(bridged, i)
			if last := list[len(list)-1]; ch.Gone.set() && last.at.Seq < ch.Gone.Seq {
				list = append(list, step{at: ch.Gone, ch: i, gone: true})
			}
		}
	}
	if len(list) > 0 {
		for _, x := range c.Transfers {
			if !x.Blind {
				list = append(list, step{at: x.At, ch: x.By})
			}
		}
		for _, p := range c.Parks {
			list = append(list, step{at: p.From, ch: p.Chan})
		}
	}
	slices.SortStableFunc(list, func(a, b step) int { return cmp.Compare(a.at.Seq, b.at.Seq) })
	return list, bridged
}

// meets returns since when a channel is with those who are in a bridge, and whether it ever is: where
// people wait it is with nobody, and a phone that rings has somebody from when it is answered.
func (ch *channel) meets(s *stay) (mark, bool) {
	switch {
	case s.Kind == waiting:
		return mark{}, false
	case !s.Rings:
		return s.From, true
	}
	return ch.Up, ch.Up.Seq > s.From.Seq && s.covers(ch.Up.Seq)
}

// link fills the view's links.
func (v *view) link() {
	w := &v.t.walk
	v.t.steps, w.bridged = v.steps(v.t.steps[:0], w.bridged[:0])
	steps := v.t.steps
	if len(steps) < 2 {
		return
	}
	w.begin(v)
	for i, s := range steps {
		if s.gone && s.ch != w.anchor {
			continue
		}
		if s.stay == nil { // a transfer, a park, or the anchor is gone: it changes who is whose party
		} else if s.enter {
			w.in[s.ch] = s.stay.Bridge
		} else if w.in[s.ch] == s.stay.Bridge {
			w.in[s.ch] = ""
		}
		if i+1 == len(steps) || steps[i+1].at.Seq != s.at.Seq {
			w.settle(s.at)
		}
	}
}

// begin makes the walk ready for another call.
func (w *walk) begin(v *view) {
	w.v, w.anchor, w.placer, w.transfer, w.park, w.taking = v, v.from, v.from, 0, 0, 0
	w.open, w.in, w.asked = w.open[:0], w.in[:0], w.asked[:0]
	for range v.Chans {
		w.in = append(w.in, "")
	}
	w.near = append(w.near[:0], make([]int, len(v.Chans))...)
}

// settle compares who is connected now with who was before.
func (w *walk) settle(at mark) {
	w.moveAnchor(at)
	v := w.v
	if w.anchor = w.person(); w.anchor != v.from && !slices.Contains(v.parties, w.anchor) {
		v.parties = append(v.parties, w.anchor)
	}
	now := w.reach(w.anchor)
	w.asked = slices.DeleteFunc(w.asked, func(ch int) bool { return !slices.Contains(now, ch) })
	now = slices.DeleteFunc(now, func(ch int) bool { return slices.Contains(w.asked, ch) || w.consults(ch) })
	if v.Chans[w.anchor].Kind == plumbing && w.anchor != v.from {
		v.parties, now = append(v.parties, now...), nil // there is nobody behind it yet: they wait
	}
	w.open = slices.DeleteFunc(w.open, func(i int) bool {
		l := &v.links[i]
		if l.anchor == w.anchor && slices.Contains(now, l.ch) {
			l.near = w.near[l.ch]
			return false
		}
		l.To = at
		return true
	})
	for _, ch := range now {
		if !slices.ContainsFunc(w.open, func(i int) bool { return v.links[i].ch == ch }) {
			v.links = append(v.links, link{ch: ch, anchor: w.anchor, near: w.near[ch], span: span{From: at}})
			w.open = append(w.open, len(v.links)-1)
		}
	}
}

// consults reports whether the anchor is with somebody only to ask: it is the caller, or whom
// a click-to-call rang, who means to pass the other party on, and has not done so yet. Who sent the
// party off blind is out of it at once, though both are still in their bridge.
func (w *walk) consults(ch int) bool {
	v := w.v
	if v.tookPlace(w.anchor, ch) {
		return true // he is about to leave
	}
	for _, x := range v.Transfers[:w.transfer] {
		if x.Blind && (x.By == ch || x.By == w.near[ch]) && w.anchor != v.from {
			return true
		}
	}
	d := v.dialTo(ch)
	if len(v.links) == 0 || !v.consulted(d) || slices.ContainsFunc(v.Transfers[:w.transfer], func(x *transfer) bool { return x.At.Seq > d.first() }) {
		return false
	}
	return w.awaits(d) || w.anchor == v.from && w.transfer == 0 && v.Chans[w.anchor].Kind == extension && w.callsFor(d)
}

// callsFor reports whether d was made on another line of the anchor's phone, or by the PBX for who asks.
func (w *walk) callsFor(d *dial) bool {
	_, root := w.v.outermost(d)
	return root < 0 || w.v.Chans[root].phone() == w.v.Chans[w.anchor].phone()
}

// awaits reports whether the anchor went into a bridge by himself, away from all he had been
// with, until d was answered, which led there; one of them was still there when it began, to be passed on.
func (w *walk) awaits(d *dial) bool {
	s := w.v.stayAt(w.anchor, d.End)
	return s != nil && s.Bridge == w.in[w.anchor] && w.hasCompany(mark{Seq: d.first()}) &&
		!slices.ContainsFunc(w.v.links, func(l link) bool { return l.From.Seq >= s.From.Seq })
}

// hasCompany reports whether somebody with whom the anchor was connected is still there.
func (w *walk) hasCompany(at mark) bool {
	return slices.ContainsFunc(w.v.links, func(l link) bool {
		return !w.isGone(l.ch, at) && l.anchor == w.anchor || !w.isGone(l.anchor, at) && l.ch == w.anchor
	})
}

// moveAnchor finds out with whom the conversation is held now. It begins with the
// party in From. The far end of an outbound call or a click-to-call takes its place:
// it is the one who stays when the call is passed on. Whoever transfers or parks the
// other party leaves the call to him, and who takes the anchor's place is it.
func (w *walk) moveAnchor(at mark) {
	v := w.v
	for ; w.taking < len(v.Takings) && v.Takings[w.taking].At.Seq <= at.Seq; w.taking++ {
		k := v.Takings[w.taking]
		if k.Of == w.anchor {
			w.anchor = k.By
		}
		if k.Of == w.placer {
			w.placer = k.By
		}
	}
	if line := w.otherLine(at); line >= 0 {
		w.anchor = line
	}
	for ; w.transfer < len(v.Transfers) && v.Transfers[w.transfer].At.Seq <= at.Seq; w.transfer++ {
		x := v.Transfers[w.transfer]
		if x.Transferee >= 0 && (x.By == w.anchor || x.Second == w.anchor) {
			w.anchor = x.Transferee
		}
	}
	for ; w.park < len(v.Parks) && v.Parks[w.park].From.Seq <= at.Seq; w.park++ {
		if ee := v.Parks[w.park].Chan; w.wasWith(ee, v.Parks[w.park].From) {
			w.anchor = ee
		}
	}
	if w.isGone(w.anchor, at) {
		w.anchor = w.remaining(at)
		if s := v.Chans[w.anchor].stayUntil(at); s != nil && !s.From.within(at, moveTime) {
			w.asked = slices.DeleteFunc(w.reach(w.anchor), func(ch int) bool { return v.called(ch) == w.anchor })
		}
	}
	if w.anchor != w.placer || v.Chans[w.placer].Kind != extension {
		return
	}
	for _, ch := range w.reach(w.anchor) {
		if (v.Chans[ch].Kind == trunk || v.click) && !slices.Contains(w.asked, ch) {
			w.anchor = ch
			return
		}
	}
}

// otherLine returns the second line on which a phone speaks with somebody while nobody is with it on the
// first (it waits in a queue, or sits in an empty room), where it joins the two later; -1 for none.
func (w *walk) otherLine(at mark) int {
	v := w.v
	if w.transfer == len(v.Transfers) || v.Chans[w.anchor].Kind != extension || w.hasCompany(at) || len(w.reach(w.anchor)) > 0 || v.hasRoomMates(w.anchor, at) {
		return -1
	}
	for _, x := range v.Transfers[w.transfer:] {
		if x.Second < 0 || x.By == x.Second || x.At.Seq <= at.Seq {
			continue
		}
		other := -1
		switch w.anchor {
		case x.By:
			other = x.Second
		case x.Second:
			other = x.By
		}
		if other >= 0 && v.Chans[w.anchor].Born.before(v.Chans[other].Born) && len(w.reach(other)) > 0 {
			return other
		}
	}
	return -1
}

// called returns who dialled the channel, through Local pairs; -1 for nobody, as when the PBX dials for who asks by a feature code.
func (v *view) called(ch int) int {
	d := v.dialTo(ch)
	if d == nil {
		return -1
	}
	_, root := v.outermost(d)
	return root
}

// remaining returns whose call it is when the anchor is gone: of the party in From, while he is
// there, else of whoever was connected with the anchor last, and goes on.
func (w *walk) remaining(at mark) int {
	if !w.isGone(w.v.from, at) {
		return w.v.from
	}
	for _, l := range slices.Backward(w.v.links) {
		if l.anchor == w.anchor && !w.isGone(l.ch, at) {
			return l.ch
		}
	}
	return w.anchor
}

// stayUntil returns the bridge that the channel is in at an instant, or has just left; nil for none.
func (ch *channel) stayUntil(at mark) *stay {
	for i := range ch.Stays {
		if s := &ch.Stays[i]; s.covers(at.Seq) {
			return s
		}
	}
	return nil
}

func (w *walk) isGone(ch int, at mark) bool {
	gone := w.v.Chans[ch].Gone
	return gone.set() && gone.Seq <= at.Seq
}

// wasWith reports whether the channel was just connected with the anchor.
func (w *walk) wasWith(ch int, at mark) bool {
	return slices.ContainsFunc(w.v.links, func(l link) bool {
		return l.ch == ch && l.anchor == w.anchor && (!l.To.set() || l.To.within(at, moveTime))
	})
}

// person returns who is behind the anchor, where that is half of a Local pair; the anchor as it is
// while nobody is (the other half is in a conference, or in an application).
func (w *walk) person() int {
	ch := w.v.Chans[w.anchor]
	if ch.Kind != plumbing || ch.Peer < 0 {
		return w.anchor
	}
	if r := w.reach(ch.Peer); len(r) > 0 {
		return r[0]
	}
	return w.anchor
}

// reach returns the people whom a channel is connected with.
func (w *walk) reach(from int) []int {
	chans := w.v.Chans
	seen := []int{from}
	var people []int
	for i := 0; i < len(seen); i++ {
		ch := chans[seen[i]]
		if i > 0 && ch.Kind == plumbing && ch.Peer >= 0 && !slices.Contains(seen, ch.Peer) {
			seen = append(seen, ch.Peer)
			w.near[ch.Peer] = w.near[seen[i]]
		}
		if w.in[seen[i]] == "" {
			continue
		}
		for _, o := range w.bridged {
			if w.in[o] != w.in[seen[i]] || slices.Contains(seen, o) {
				continue
			}
			seen = append(seen, o)
			if w.near[o] = o; i > 0 {
				w.near[o] = w.near[seen[i]]
			}
			if chans[o].Kind != plumbing && (o == w.v.from || !w.v.isLine(o)) {
				people = append(people, o)
			}
		}
	}
	return people
}
