package calls

import (
	"cmp"
	"slices"
)

func (t *Tracker) confJoin(ch *channel) {
	if ch == nil || t.f.bridge == "" {
		return
	}
	t.enterBridge(ch, t.f.bridge, conference, t.mark())
	t.joinRoom(ch, t.f.bridge, t.f.conference, t.mark())
}

func (t *Tracker) confLeave(ch *channel) {
	if ch != nil {
		t.leaveRooms(ch, t.mark())
		if s := ch.bridge(); s != nil && s.Kind == conference {
			s.To = t.mark()
		}
		t.touch(ch.call)
	}
}

// joinRoom puts a channel into a conference. Half of a Local pair stands there for who is
// behind it; when that is nobody yet, he is seen when he comes.
func (t *Tracker) joinRoom(ch *channel, bridge, name string, at mark) {
	if person := ch.call.behind(ch); person != nil || ch.Peer >= 0 {
		if slices.Contains(t.rooms[bridge], ch) {
			ch.call.room(bridge, name) // a BridgeEnter does not always name it
			return
		}
		t.seat(ch, person, bridge, name, at)
		t.rooms[bridge] = append(t.rooms[bridge], ch)
	}
}

// reseat notices that somebody else is now behind a half of a Local pair whose other half is
// in a conference: who consulted there has passed the call on.
func (t *Tracker) reseat(half *channel, at mark) {
	if half.Kind != plumbing || half.Peer < 0 {
		return
	}
	inside := half.call.Chans[half.Peer]
	s := inside.bridge()
	if s == nil || !slices.Contains(t.rooms[s.Bridge], inside) {
		return
	}
	person := half.call.behind(inside)
	r := half.call.room(s.Bridge, "")
	if i := r.seatOf(inside.ID); person == nil || i >= 0 && r.Members[i].Chan == person.at {
		return
	}
	t.unseat(inside, s.Bridge, at)
	t.seat(inside, person, s.Bridge, "", at)
}

// seatOf returns which member stands at a channel now, or -1.
func (r *room) seatOf(id string) int {
	return slices.IndexFunc(r.Members, func(m member) bool { return m.ID == id && !m.To.set() })
}

// seat notes that a person is in a conference at a channel. Everybody in it has a call of
// his own, so each of those calls learns who else is there, and when.
func (t *Tracker) seat(ch, person *channel, bridge, name string, at mark) {
	r := ch.call.room(bridge, name)
	if person == nil {
		return
	}
	who := ch.call.who(person.at)
	r.Members = append(r.Members, member{ID: ch.ID, Who: who, Chan: person.at, span: span{From: at}})
	for _, o := range t.rooms[bridge] {
		if o.call == ch.call {
			continue
		}
		other := o.call.room(bridge, name)
		other.Others = append(other.Others, member{ID: ch.ID, Who: who, Chan: -1, span: span{From: at}})
		if p := o.call.behind(o); p != nil {
			r.Others = append(r.Others, member{ID: o.ID, Who: o.call.who(p.at), Chan: -1, span: span{From: at}})
		}
		t.touch(o.call)
	}
	t.touch(ch.call)
}

// behind returns whom a channel stands for: itself, or for half of a Local pair who is with
// the other half in a bridge, through further pairs too, or else answered it last; nil when there is nobody.
func (c *call) behind(ch *channel) *channel { return c.within(ch, len(c.Chans)) }

// within is behind, through at most so many pairs.
func (c *call) within(ch *channel, pairs int) *channel {
	if ch.Kind != plumbing {
		return ch
	}
	if ch.Peer < 0 || pairs == 0 {
		return nil
	}
	if s := c.Chans[ch.Peer].bridge(); s != nil && s.Kind == "" {
		for _, o := range c.Chans {
			if b := o.bridge(); o.at == ch.Peer || b == nil || b.Bridge != s.Bridge {
				continue
			}
			if p := c.within(o, pairs-1); p != nil {
				return p
			}
		}
	}
	for _, d := range slices.Backward(c.Dials) {
		if dst := c.Chans[d.Dst]; d.Src == ch.Peer && d.answered() && dst.Kind != plumbing && !dst.Gone.set() {
			return dst
		}
	}
	return nil
}

// leaveRooms takes a channel out of the conference it is in.
func (t *Tracker) leaveRooms(ch *channel, at mark) {
	n := len(ch.Stays)
	if n == 0 {
		return
	}
	bridge := ch.Stays[n-1].Bridge
	in := t.rooms[bridge]
	if !slices.Contains(in, ch) {
		return
	}
	in = slices.DeleteFunc(in, func(o *channel) bool { return o == ch })
	if len(in) == 0 {
		delete(t.rooms, bridge)
	} else {
		t.rooms[bridge] = in
	}
	t.unseat(ch, bridge, at)
}

// unseat ends the presence of whoever stood in a conference at the channel.
func (t *Tracker) unseat(ch *channel, bridge string, at mark) {
	t.seenLeaving(ch.call, bridge, ch.ID, at)
	for _, o := range t.rooms[bridge] {
		if o.call != ch.call {
			t.seenLeaving(o.call, bridge, ch.ID, at)
		}
	}
}

// seenLeaving ends the member's presence as c sees it; when c has nobody left in
// the room, that of all others too.
func (t *Tracker) seenLeaving(c *call, bridge, id string, at mark) {
	r := c.room(bridge, "")
	inside := false
	for i := range r.Members {
		if m := &r.Members[i]; m.ID == id && !m.To.set() {
			m.To = at
		}
		inside = inside || !r.Members[i].To.set()
	}
	for i := range r.Others {
		if m := &r.Others[i]; !m.To.set() && (m.ID == id || !inside) {
			m.To = at
		}
	}
	t.touch(c)
}

// room returns the call's stay in a conference.
func (c *call) room(bridge, name string) *room {
	for _, r := range c.Rooms {
		if r.Bridge == bridge {
			if r.Name == "" {
				r.Name = name
			}
			return r
		}
	}
	r := &room{Name: name, Bridge: bridge}
	c.Rooms = append(c.Rooms, r)
	return r
}

// addRoom adds another call's stay in a conference to this one's: those who came by
// the two calls are no longer others to each other.
func (c *call) addRoom(r *room) {
	mine := c.room(r.Bridge, r.Name)
	mine.Members = append(mine.Members, r.Members...)
	slices.SortStableFunc(mine.Members, func(a, b member) int { return cmp.Compare(a.From.Seq, b.From.Seq) })
	var others []member
	for _, o := range append(mine.Others, r.Others...) {
		same := func(m member) bool { return m.ID == o.ID }
		if !slices.ContainsFunc(mine.Members, same) && !slices.ContainsFunc(others, func(m member) bool { return same(m) && m.From == o.From }) {
			others = append(others, o)
		}
	}
	slices.SortStableFunc(others, func(a, b member) int { return cmp.Compare(a.From.Seq, b.From.Seq) })
	mine.Others = others
}

// hasRoomMates reports whether a channel is, at an instant, in a conference with somebody who came by another call.
func (c *call) hasRoomMates(ch int, at mark) bool {
	return slices.ContainsFunc(c.Rooms, func(r *room) bool {
		return slices.ContainsFunc(r.Members, func(m member) bool { return m.Chan == ch && m.covers(at.Seq) }) &&
			slices.ContainsFunc(r.Others, func(o member) bool { return o.covers(at.Seq) })
	})
}
