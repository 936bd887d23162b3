package amitest

import (
	"slices"
	"strings"
	"time"
)

// A leg is one called party while it is dialled: a phone, a phone behind a Local
// pair, or an outside number.
type leg struct {
	ch       *channel // of the device or the trunk
	one, two *channel // the Local pair in between, or nil
	phone    *phone   // nil for a trunk
	member   *member  // of a queue, or nil
	src      *channel // who dials; nil for an Originate
	react    reaction
	begun    time.Time
	ringAt   time.Time // zero when it will not ring
	actAt    time.Time // zero when it will do nothing
	rang     bool
	index    int // of its offer or far end in the ledger; -1 when it has none
}

// outer is the channel that the dialling application sees.
func (l *leg) outer() *channel {
	if l.one != nil {
		return l.one
	}
	return l.ch
}

// in returns the instant d from now at the speed of the traffic.
func (x *exchange) in(d time.Duration) time.Time {
	return x.now.Add(time.Duration(float64(d) / x.traffic.Speed))
}

// schedule decides when the leg rings and acts. A phone in a conversation rings on
// its second line and is not answered; one with two calls is busy.
func (c *call) schedule(l *leg, r reaction) {
	if l.phone != nil && r.kind == answers {
		switch n := len(l.phone.channels); {
		case n > 2:
			r = reaction{kind: busy}
		case n > 1:
			r = reaction{kind: silent}
		}
	}
	l.react, l.begun = r, c.x.now
	pause := c.x.jitter(3) + time.Millisecond
	if r.kind != busy {
		l.ringAt = c.x.in(pause)
	}
	switch r.kind {
	case busy:
		l.actAt = c.x.in(pause)
	case answers, declines:
		l.actAt = c.x.in(pause + r.after)
	}
	c.legs = append(c.legs, l)
}

// newPhoneChannel makes the called channel of a phone.
func (c *call) newPhoneChannel(p *phone, linkedid string) *channel {
	ch := c.x.newChannel(c, p.device, stateDown, p.Extension, p.Name, fromInternal, "s", linkedid)
	c.note(ch)
	c.x.attach(p, ch)
	c.x.varset(ch, "DIALEDPEERNUMBER", p.Extension)
	return ch
}

// offer writes a leg to the ledger; queue may be empty.
func (c *call) offer(l *leg, queue string) {
	l.index = len(c.rec.Offers)
	c.rec.Offers = append(c.rec.Offers, Offer{
		ID: c.x.ledger.pbx + ":" + l.ch.uniqueid, Extension: l.phone.Extension, Queue: queue, StartedAt: Time{c.x.now},
	})
}

// dialPhones begins legs as app Dial does: all channels first, then the dials.
func (c *call) dialPhones(src *channel, phones []*phone, firstReaction int) []*leg {
	x := c.x
	var legs []*leg
	for _, p := range phones {
		l := &leg{ch: c.newPhoneChannel(p, src.linkedid), phone: p, src: src, index: -1}
		l.ch.exten = src.exten
		x.newexten(l.ch, "AppDial", "(Outgoing Line)")
		l.ch.connNum, l.ch.connName = src.num, src.callerName
		x.connectedLine(l.ch)
		legs = append(legs, l)
	}
	for i, l := range legs {
		x.between(src, l.ch, "DialBegin", CallClass, "DialString", l.phone.Extension)
		c.offer(l, "")
		c.schedule(l, c.plan.reaction(firstReaction+i))
	}
	if len(legs) == 1 {
		src.connNum, src.connName = legs[0].ch.num, legs[0].ch.callerName
		x.connectedLine(src)
	}
	return legs
}

// dialTrunk begins a leg to an outside number, dialled with the prefix.
func (c *call) dialTrunk(src *channel, dialled string, r reaction) *leg {
	x := c.x
	number := strings.TrimPrefix(dialled, outsidePrefix)
	ch := x.newChannel(c, "PJSIP/trunk", stateDown, "", "", fromTrunk, "s", src.linkedid)
	c.note(ch)
	x.varset(ch, "DIALEDPEERNUMBER", number+"@trunk")
	ch.exten = dialled
	x.newexten(ch, "AppDial", "(Outgoing Line)")
	ch.num, ch.connNum, ch.connName = dialled, src.num, src.callerName
	x.newCallerid(ch)
	x.connectedLine(ch)
	l := &leg{ch: ch, src: src}
	x.between(src, ch, "DialBegin", CallClass, "DialString", number+"@trunk")
	l.index = len(c.rec.FarEnds)
	c.rec.FarEnds = append(c.rec.FarEnds, FarEnd{Number: dialled, StartedAt: Time{x.now}})
	c.schedule(l, r)
	src.connNum, src.connName = dialled, ""
	x.connectedLine(src)
	return l
}

// connected notes the first time that a person is reached.
func (c *call) connected() {
	if c.rec.AnsweredAt.IsZero() {
		c.rec.AnsweredAt, c.rec.Outcome = Time{c.x.now}, "answered"
	}
}

// answerDial connects src with the winner, as app Dial does.
func (c *call) answerDial(src *channel, w *leg, via, with string) error {
	x := c.x
	x.setState(w.ch, stateUp)
	if w.phone == nil {
		x.trunkMoved("INUSE")
	}
	losersFirst := x.rng.IntN(2) == 0
	if losersFirst {
		c.cancelLosers(w)
	}
	w.ch.exten = ""
	x.varset(src, "DIALSTATUS", "ANSWER")
	x.between(src, w.ch, "DialEnd", CallClass, "DialStatus", "ANSWER")
	c.closeLeg(w, "accepted", "")
	c.connected()
	c.cancelLosers(w)
	if src.state != stateUp {
		x.setState(src, stateUp)
	}
	if err := c.blip(); err != nil {
		return err
	}
	c.bridgeUp(src, w, via, with)
	return nil
}

func (c *call) cancelLosers(w *leg) {
	by := ""
	if w.phone != nil {
		by = w.phone.Extension
	}
	for _, l := range slices.Clone(c.legs) {
		if l != w {
			c.cancelLeg(l, by, 26, 0)
		}
	}
}

// bridgeUp makes the conversation.
func (c *call) bridgeUp(src *channel, w *leg, via, with string) {
	x := c.x
	b := x.newBridge()
	if w.member == nil {
		x.newexten(w.ch, "AppDial", "(Outgoing Line)")
	}
	x.enter(b, w.outer())
	x.enter(b, src)
	x.noise(w.outer(), 10)
	x.noise(src, 10)
	extension := ""
	if w.phone != nil {
		extension = w.phone.Extension
	}
	if c.placedByPhone() {
		extension, with = c.plan.by, c.plan.to
	}
	c.beginTalk(extension, with, via)
}

// placedByPhone reports whether talks are those of the extension that placed the
// call: outbound and click-to-call.
func (c *call) placedByPhone() bool {
	return c.rec.Direction == "outbound" || c.plan.scenario == ClickInternal || c.plan.scenario == ClickNoAnswer
}
