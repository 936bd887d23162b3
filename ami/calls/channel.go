package calls

import (
	"slices"
	"strconv"
)

// Channel states as Asterisk numbers them (include/asterisk/channelstate.h).
const (
	stateRinging = "5"
	stateUp      = "6"
	stateBusy    = "7"
)

func (t *Tracker) newChannel(ch *channel) {
	f := &t.f
	if ch != nil && ch.Listed {
		t.overtaken(ch)
	}
	if ch != nil || f.uniqueid == "" || f.channel == "" {
		return
	}
	ch = t.addChannel(f.uniqueid, f.linkedid, f.channel, false)
	if ch != nil && len(ch.call.Chans) == 1 && ch.ID != ch.Linkedid {
		t.inLastGap(ch.call) // there, or before, began the channel that gave it its Linkedid
	}
}

// addChannel makes the channel that the frame describes known, and its call when it
// is the first of one; nil when it belongs to a call that is over and let go.
func (t *Tracker) addChannel(id, linkedid, name string, listed bool) *channel {
	f := &t.f
	if linkedid == "" {
		linkedid = id
	}
	c := t.calls[linkedid]
	if c == nil {
		if c = t.newCall(linkedid); c == nil {
			return nil
		}
	} else if c.find(id) >= 0 {
		return nil // seen before, and hung up
	}
	ch := &channel{ID: id, Name: name, Linkedid: linkedid, Peer: -1, Born: t.mark(), call: c, at: len(c.Chans), Listed: listed}
	ch.Kind, ch.Ext = t.dev.classify(name)
	if ch.Kind == extension {
		ch.Login, ch.Member = t.desks.user[ch.Ext], t.loggedIn(ch.Ext)
	}
	ch.Num, ch.Label, ch.Exten = f.num, callerName(name, f.name), f.exten
	if dialable(f.exten) {
		ch.Last = f.exten
	}
	for i := range c.Origins {
		if o := &c.Origins[i]; o.Linkedid == linkedid {
			ch.Origin = i
			if id == linkedid {
				o.First = ch.at // though another of the call may have been heard of before
				if !c.Missed {
					c.Gaps = nil
				}
			}
		}
	}
	c.Chans = append(c.Chans, ch)
	t.life.Census.counts(id, ch.Born, len(c.Chans) == 1)
	t.setState(ch, f.state)
	t.enroll(ch)
	t.pairUp(ch)
	if len(c.Chans) == 1 {
		t.touch(c)
	} else {
		t.keep(c)
	}
	return ch
}

// enroll puts a living channel into the tables by which frames find it.
func (t *Tracker) enroll(ch *channel) {
	ch.call.alive++
	t.chans[ch.ID] = ch
	if ch.Kind == extension {
		t.phones[ch.phone()] = append(t.phones[ch.phone()], ch)
	}
}

// phone returns what channels of one phone have in common: its extension, or what its device
// is called when that does not tell the extension.
func (ch *channel) phone() string {
	if ch.Ext != "" {
		return ch.Ext
	}
	_, device := splitChannel(ch.Name)
	return device
}

// pairUp finds the other half of a Local channel by its name.
func (t *Tracker) pairUp(ch *channel) {
	base, _, ok := localBase(ch.Name)
	if !ok {
		return
	}
	if other := t.pairs[base]; other != nil && other.call == ch.call {
		other.Peer, ch.Peer = ch.at, other.at
		delete(t.pairs, base)
		return
	}
	t.pairs[base] = ch
}

func (t *Tracker) localBridge(*channel) {
	one, two := t.chans[t.f.localOne], t.chans[t.f.localTwo]
	if one == nil || two == nil {
		return
	}
	if one.call != two.call {
		t.merge(one.call, two.call)
	}
	one.Peer, two.Peer = two.at, one.at
	t.keep(one.call)
}

func (t *Tracker) newState(ch *channel) {
	if ch == nil {
		return
	}
	t.setState(ch, t.f.state)
	if d := ch.call.dialTo(ch.at); d != nil && d.Shown == "" && t.f.state == stateRinging {
		d.Shown = callerName(ch.Name, t.f.lineName)
	}
	t.keep(ch.call)
}

func (t *Tracker) setState(ch *channel, state string) {
	switch {
	case state == stateRinging && !ch.Ring.set():
		ch.Ring = t.mark()
	case state == stateUp && !ch.Up.set():
		ch.Up = t.mark()
	case state == stateBusy && !ch.Up.set() && !ch.Tone.set():
		ch.Tone = t.mark()
	}
}

// newCallerID keeps the number that a called leg was given: on a leg over a trunk it
// is the number dialled, with prefixes (a dialplan of subroutines gives it "s").
func (t *Tracker) newCallerID(ch *channel) {
	if ch != nil && ch.Kind == trunk && ch.LegNum == "" && dialable(t.f.num) {
		ch.LegNum = t.f.num
		t.keep(ch.call)
	}
}

func (t *Tracker) hangupRequest(ch *channel) {
	if ch == nil || ch.Asked.set() {
		return
	}
	ch.Asked = t.mark()
	ch.AskCause, _ = strconv.Atoi(t.f.cause)
	t.keep(ch.call)
}

func (t *Tracker) softHangup(ch *channel) {
	if ch == nil || ch.Softly.set() {
		return
	}
	ch.Softly = t.mark()
	t.keep(ch.call)
}

func (t *Tracker) hangup(ch *channel) {
	if ch == nil {
		return // never seen, or hung up before: what a caller smuggled in must not end anything
	}
	ch.Cause, _ = strconv.Atoi(t.f.cause)
	if ch.Cause == causeRedirected && !ch.Up.set() && ch.call.dialTo(ch.at) == nil {
		ch.Away = t.mark() // by a 302, whether or not variables reach us
	}
	t.gone(ch, t.mark())
}

// gone ends a channel and everything that was going on with it.
func (t *Tracker) gone(ch *channel, at mark) {
	ch.Gone = at
	if s := ch.bridge(); s != nil {
		s.To = at
	}
	t.leaveRooms(ch, at)
	c := ch.call
	for _, v := range c.Visits {
		if v.Chan == ch.at && !v.Leave.set() {
			v.Leave, v.Unserved = at, true
			t.waitsNoMore(v)
		}
	}
	for _, p := range c.Parks {
		if p.Chan == ch.at && !p.To.set() {
			p.To, p.Result = at, "abandoned"
		}
	}
	for _, r := range c.Recs {
		if r.Chan == ch.at && !r.To.set() {
			r.To = at
		}
	}
	t.endConsults(ch, at)
	t.strike(ch)
	t.touch(c)
}

// strike takes a channel that is gone out of the tables.
func (t *Tracker) strike(ch *channel) {
	c := ch.call
	delete(t.chans, ch.ID)
	if base, _, ok := localBase(ch.Name); ok && t.pairs[base] == ch {
		delete(t.pairs, base)
	}
	if ch.Kind == extension {
		list := slices.DeleteFunc(t.phones[ch.phone()], func(o *channel) bool { return o == ch })
		if len(list) == 0 {
			delete(t.phones, ch.phone())
		} else {
			t.phones[ch.phone()] = list
		}
	}
	if c.alive--; c.alive == 0 {
		t.recent = append(t.recent, c)
		for _, l := range c.Linkedids {
			t.known.add(l, c.Boot)
		}
	}
}

// sentAway notes that Transfer() got rid of the channel: by a 302 before it was answered,
// by a REFER afterwards (apps/app_transfer.c). What becomes of the party goes past this PBX.
func (t *Tracker) sentAway(ch *channel, status string) {
	if status == "SUCCESS" {
		ch.Away = t.mark()
		t.keep(ch.call)
	}
}

// ran notes where in the dialplan a channel is.
func (t *Tracker) ran(ch *channel) {
	if ch != nil {
		t.position(ch, t.f.exten)
	}
}

func (t *Tracker) position(ch *channel, exten string) {
	if !dialable(exten) {
		return
	}
	if ch.Up.set() && ch.Ran == "" {
		ch.Ran = exten
		t.keep(ch.call)
	}
	if ch.Last != exten {
		ch.Last, ch.LastSeq = exten, t.seq
		for _, d := range ch.call.Dials {
			if d.Src == ch.at && !d.End.set() && !ch.call.Chans[d.Dst].Gone.set() {
				d.From, d.FromSeq = exten, t.seq // who dials stays where he is: it was told late
			}
		}
		t.keep(ch.call)
	}
}

// originated learns from a successful Originate which number its first leg was sent to.
func (t *Tracker) originated(ch *channel) {
	if ch != nil && t.f.response == "Success" && dialable(t.f.exten) {
		ch.Ran, ch.Last, ch.LastSeq = t.f.exten, t.f.exten, t.seq
		t.touch(ch.call)
	}
}

// served notes that the dialplan does something for the channel itself.
func (t *Tracker) served(ch *channel) {
	if ch != nil {
		ch.Served = t.mark()
		t.keep(ch.call)
	}
}
