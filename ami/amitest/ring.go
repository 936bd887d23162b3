package amitest

import (
	"slices"
	"time"
)

// Why ring ended.
type ringEnd int

const (
	ringAnswered ringEnd = iota
	ringLimit            // the application's time is over
	ringPatience         // the first party gave up
	ringFailed           // nobody is left
)

// ring waits until a leg answers, and plays what the others do meanwhile. limit
// and patience may be zero.
func (c *call) ring(limit, patience time.Time) (*leg, ringEnd, error) {
	for len(c.legs) > 0 {
		next := limit
		for _, at := range append(c.due(), patience) {
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		if err := c.sleepUntil(next); err != nil {
			return nil, ringFailed, err
		}
		if winner := c.act(); winner != nil {
			return winner, ringAnswered, nil
		}
		switch {
		case !patience.IsZero() && !c.x.now.Before(patience):
			return nil, ringPatience, nil
		case !limit.IsZero() && !c.x.now.Before(limit) && len(c.legs) > 0:
			return nil, ringLimit, nil
		}
	}
	return nil, ringFailed, nil
}

// due returns when each leg does its next thing.
func (c *call) due() []time.Time {
	out := make([]time.Time, 0, len(c.legs)+1)
	for _, l := range c.legs {
		if !l.rang && !l.ringAt.IsZero() {
			out = append(out, l.ringAt)
		} else {
			out = append(out, l.actAt)
		}
	}
	return out
}

// act does what is due, and returns the leg that answers.
func (c *call) act() *leg {
	now := c.x.now
	for _, l := range slices.Clone(c.legs) {
		if !l.rang && !l.ringAt.IsZero() && !now.Before(l.ringAt) {
			c.ringLeg(l)
			continue
		}
		if l.actAt.IsZero() || now.Before(l.actAt) {
			continue
		}
		switch l.react.kind {
		case answers:
			return l
		case busy:
			c.refuseLeg(l, 17, 486)
		case declines:
			c.refuseLeg(l, 21, 603)
		}
	}
	return nil
}

// ringLeg makes a leg's device ring.
func (c *call) ringLeg(l *leg) {
	x := c.x
	l.rang = true
	if l.phone != nil {
		l.phone.rang = x.now
	}
	if l.index >= 0 && l.phone != nil {
		c.rec.Offers[l.index].RangAt = Time{x.now}
	} else if l.index >= 0 {
		c.rec.FarEnds[l.index].RangAt = Time{x.now}
	}
	if l.two != nil {
		x.setState(l.ch, stateRinging)
		x.setState(l.one, stateRinging)
		l.one.num = l.phone.Extension
		x.newCallerid(l.one)
		x.between(l.two, l.ch, "DialState", CallClass, "DialStatus", "RINGING")
		x.between(l.src, l.one, "DialState", CallClass, "DialStatus", "RINGING")
		return
	}
	early := x.rng.IntN(20) == 0 // DialState came before Newstate in 26 of 488 recorded cases
	if early {
		x.between(l.src, l.ch, "DialState", CallClass, "DialStatus", "RINGING")
	}
	x.setState(l.ch, stateRinging)
	if l.member != nil {
		x.connectedLine(l.ch)
	}
	if !early {
		x.between(l.src, l.ch, "DialState", CallClass, "DialStatus", "RINGING")
	}
	if l.phone == nil {
		x.trunkMoved("RINGING")
	}
}

// refuseLeg is a device that is busy (17) or declines (21).
func (c *call) refuseLeg(l *leg, cause, tech int) {
	x := c.x
	result, status := "busy", "BUSY"
	if cause == 21 {
		result = "rejected"
	}
	if cause == 21 || l.member != nil {
		status = "NOANSWER"
	}
	x.request(l.ch, "HangupRequest", cause, tech)
	x.between(l.src, l.ch, "DialEnd", CallClass, "DialStatus", status)
	c.closeLeg(l, result, "")
	if l.member != nil {
		x.agent("AgentRingNoAnswer", l.src, l.ch, l.member, func() { x.num("RingTime", 0) })
	}
	x.hangUp(l.ch, cause, tech)
}

// closeLeg takes a leg out of the dial and writes its result to the ledger.
func (c *call) closeLeg(l *leg, result, by string) {
	c.legs = without(c.legs, l)
	if l.index < 0 {
		return
	}
	now := Time{c.x.now}
	if l.phone == nil {
		f := &c.rec.FarEnds[l.index]
		f.EndedAt, f.Result = now, result
		if !f.RangAt.IsZero() {
			f.RingMS = ms(f.RangAt, now)
		}
		return
	}
	o := &c.rec.Offers[l.index]
	o.EndedAt, o.Result, o.By = now, result, by
	if !o.RangAt.IsZero() {
		o.RingMS = ms(o.RangAt, now)
	}
}

// cancelLeg stops ringing a device because another answered or the caller left.
// app Queue says so twice.
func (c *call) cancelLeg(l *leg, by string, cause, tech int) {
	x := c.x
	if l.src != nil {
		x.between(l.src, l.outer(), "DialEnd", CallClass, "DialStatus", "CANCEL")
		if l.member != nil {
			x.between(l.src, l.outer(), "DialEnd", CallClass, "DialStatus", "CANCEL")
		}
	}
	c.closeLeg(l, "rescinded", by)
	c.dropLeg(l, cause, tech)
}

// dropLeg hangs up a leg that did not answer.
func (c *call) dropLeg(l *leg, cause, tech int) {
	x := c.x
	if l.two == nil {
		x.hangUp(l.ch, cause, tech)
		return
	}
	x.request(l.two, "HangupRequest", cause, 0)
	x.hangUp(l.one, cause, 0)
	x.between(l.two, l.ch, "DialEnd", CallClass, "DialStatus", "CANCEL")
	x.request(l.two, "SoftHangupRequest", 16, 0)
	x.hangUp(l.two, cause, 0)
	x.hangUp(l.ch, 16, 0)
}

// timeOut ends legs that rang in vain.
func (c *call) timeOut() {
	x := c.x
	for _, l := range slices.Clone(c.legs) {
		if l.member != nil {
			x.agent("AgentRingNoAnswer", l.src, l.outer(), l.member, func() {
				x.num("RingTime", int(x.now.Sub(l.begun).Milliseconds()))
			})
		}
		x.between(l.src, l.outer(), "DialEnd", CallClass, "DialStatus", "NOANSWER")
		if l.member != nil {
			x.between(l.src, l.outer(), "DialEnd", CallClass, "DialStatus", "CANCEL")
		}
		c.closeLeg(l, "no_answer", "")
		c.dropLeg(l, 0, 0)
	}
}
