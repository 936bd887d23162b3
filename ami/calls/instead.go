package calls

import (
	"cmp"
	"slices"
)

// A call may come that takes the place of another (INVITE with Replaces, RFC 3891): a phone
// fetches what rings or talks at another one, or the PBX at the other end of a trunk puts
// somebody else where the outside party was. Of a ring taken so chan_sip makes a pick-up;
// PJSIP tells only that somebody answered whom nobody had dialled. Of a conversation both
// tell whose place in the bridge is taken; of who dials, only that another goes on with it (Asterisk 16 to 22, res/res_pjsip_refer.c and
// channels/chan_sip.c).

// A taking is that a call took the place of another in a conversation.
type taking struct {
	By int  `json:"by"`
	Of int  `json:"of"`
	At mark `json:"at"`
}

// isCaller reports whether the channel's person called, and was not called himself.
func (ch *channel) isCaller() bool {
	return ch.Kind != plumbing && ch.call.Origins[ch.Origin].Linkedid == ch.ID && ch.call.dialTo(ch.at) == nil
}

// ringTaken notes who answered what src dialled, if he was not dialled: it is a pick-up, of
// what src dialled last.
func (t *Tracker) ringTaken(src, by *channel) {
	if src == nil || by == nil || !by.isCaller() || slices.ContainsFunc(by.call.Pickups, func(p pickup) bool { return p.Picker == by.at }) {
		return
	}
	for _, d := range slices.Backward(src.call.Dials) {
		if d.Src != src.at {
			continue
		}
		target := src.call.Chans[d.Dst]
		t.merge(src.call, by.call)
		by.call.Pickups = append(by.call.Pickups, pickup{Picker: by.at, Target: target.at, At: t.mark()})
		t.touch(by.call)
		return
	}
}

// placeTaken notes whose place in an ordinary bridge a call took. All others who come in
// somebody's place were called, or were in a bridge before.
func (t *Tracker) placeTaken(by *channel) {
	of := t.chans[t.f.swap]
	if of == nil || !by.isCaller() || len(by.Stays) > 1 {
		return
	}
	t.merge(of.call, by.call)
	by.call.Takings = append(by.call.Takings, taking{By: by.at, Of: of.at, At: t.mark()})
	t.touch(by.call)
}

// dialTaken notes who took the place of a channel that was dialling: who hears how the dial ends did
// not make it, and who made it is gone (ast_channel_move). Where the one waited in a queue, the other does.
func (t *Tracker) dialTaken(src, dst *channel) {
	if src == nil || !src.isCaller() {
		return
	}
	c := dst.call
	d := c.dialTo(dst.at)
	if d == nil || d.End.set() || d.Src < 0 || d.Src == src.at || !c.Chans[d.Src].Gone.set() || c.tookPlace(src.at, d.Src) {
		return
	}
	of := c.Chans[d.Src]
	c.Takings = append(c.Takings, taking{By: src.at, Of: of.at, At: of.Gone})
	slices.SortStableFunc(c.Takings, func(x, y taking) int { return cmp.Compare(x.At.Seq, y.At.Seq) })
	for _, v := range c.Visits {
		if v.Chan == of.at && v.Leave.Seq == of.Gone.Seq {
			v.Chan, v.Leave, v.Unserved = src.at, mark{}, false
			t.waits(v)
		}
	}
	t.touch(c)
}

// placer returns who stands where the party in From stood, at last.
func (v *view) placer() int {
	at := v.from
	for _, k := range v.Takings {
		if k.Of == at {
			at = k.By
		}
	}
	return at
}

// tookPlace reports whether a call took another's place.
func (c *call) tookPlace(by, of int) bool {
	return slices.ContainsFunc(c.Takings, func(k taking) bool { return k.By == by && k.Of == of })
}

// goesAlong reports whether a talk is an earlier one, with which its person went on at
// another of his devices, or on the line on which he had asked somebody.
func (v *view) goesAlong(k, was *talk) bool {
	return k.anchor == was.anchor && (v.tookPlace(k.ch, was.ch) || v.asksOn(k.ch, was.ch)) && v.speaker(k) == v.speaker(was)
}

// asksOn reports whether a phone asked somebody on a line while it held another.
func (v *view) asksOn(line, held int) bool {
	return slices.ContainsFunc(v.Consults, func(o consult) bool { return o.Chan == held && o.Line == v.Chans[line].ID })
}
