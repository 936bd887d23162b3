package amitest

import (
	"errors"
	"time"
)

// wrapUp is how long a queue leaves a member alone after a call.
const wrapUp = 2 * time.Second

// converse is the conversation of the first party with the winner, whatever
// happens in it, and the end of the call. e is the queue entry, or nil.
func (c *call) converse(a *channel, w *leg, e *entry) error {
	err := c.chat(w)
	if err == nil && c.plan.transferTo != "" {
		if err = c.sleep(c.plan.transferAt); err == nil {
			to := c.target(w.phone)
			c.plan.transferTo = ""
			return c.transfer(a, w, e, to)
		}
	}
	if err == nil {
		err = c.sleep(c.plan.talk)
	}
	if errors.Is(err, errMoved) {
		c.err = nil
		return c.redirect(a, w, e, c.moveTo)
	}
	if err != nil {
		return err
	}
	c.part(a, w, e)
	return nil
}

// target is the extension that p transfers to: the planned one, or the next when
// that is its own.
func (c *call) target(p *phone) string {
	phones := c.x.phones
	for i, other := range phones {
		if other == p && other.Extension == c.plan.transferTo {
			return phones[(i+1)%len(phones)].Extension
		}
	}
	return c.plan.transferTo
}

// chat plays the holds of a conversation.
func (c *call) chat(w *leg) error {
	x, holds := c.x, c.plan.holds
	c.plan.holds = nil
	for ; len(holds) >= 2; holds = holds[2:] {
		if err := c.sleep(holds[0]); err != nil {
			return err
		}
		at := x.now
		w.ch.held = true
		x.on(w.ch, "Hold", CallClass, "MusicClass", "default")
		x.deviceMoved(w.ch.phone)
		x.music(c.first, true)
		err := c.sleep(holds[1])
		w.ch.held = false
		if t := c.talk(); t != nil {
			t.HoldMS += x.now.Sub(at).Milliseconds()
		}
		if err != nil {
			return err
		}
		x.on(w.ch, "Unhold", CallClass)
		x.deviceMoved(w.ch.phone)
		x.music(c.first, false)
	}
	return nil
}

// part ends a conversation because one of the two hangs up.
func (c *call) part(a *channel, w *leg, e *entry) {
	x := c.x
	who, other := w.ch, a
	c.rec.EndedBy = "callee"
	reason := "agent"
	if c.plan.callerEnds {
		who, other = a, w.ch
		c.rec.EndedBy, reason = "caller", "caller"
	}
	cause := 16
	if e != nil {
		cause = 0 // app Queue's hang-up requests bear none
		w.phone.rested = x.in(wrapUp)
	}
	x.request(who, "HangupRequest", cause, 0)
	c.endTalk()
	late := x.rng.IntN(10) == 0 // AgentComplete after BridgeLeave: 18 of 170 recorded
	if e != nil && !late {
		c.completeAgent(a, w, e, reason)
	}
	if w.two != nil {
		c.partLocal(a, w)
	} else if x.leave(who); x.rng.IntN(4) > 0 {
		x.leave(other)
	}
	if e != nil && late {
		c.completeAgent(a, w, e, reason)
	}
	x.noise(a, 8)
	if who == w.ch || x.rng.IntN(2) == 0 {
		x.hangUp(w.ch, 16, 0)
	}
	x.request(a, "SoftHangupRequest", 16, 0)
	x.hangUp(a, 16, 0)
	x.hangUp(w.ch, 16, 0)
	if a.phone == nil || w.phone == nil {
		x.trunkMoved("NOT_INUSE")
	}
}

// partLocal takes apart the two bridges of a call through a Local pair.
func (c *call) partLocal(a *channel, w *leg) {
	x := c.x
	if c.plan.callerEnds {
		x.leave(a)
		x.leave(w.one)
		x.hangUp(w.one, 16, 0)
		x.request(w.two, "HangupRequest", 16, 0)
		x.leave(w.two)
		x.leave(w.ch)
		x.hangUp(w.two, 16, 0)
		x.hangUp(w.ch, 16, 0)
		return
	}
	x.leave(w.ch)
	x.leave(w.two)
	x.request(w.two, "SoftHangupRequest", 16, 0)
	x.hangUp(w.ch, 16, 0)
	x.request(w.one, "HangupRequest", 16, 0)
	x.hangUp(w.two, 16, 0)
	x.leave(w.one)
	x.hangUp(w.one, 16, 0)
	x.leave(a)
}

// transfer is a blind transfer by the phone (REFER).
func (c *call) transfer(a *channel, w *leg, e *entry, to string) error {
	x := c.x
	x.on(w.ch, "Unhold", CallClass)
	order := x.rng.IntN(3) // BlindTransfer before, between or after the departures
	c.rec.Transfers = append(c.rec.Transfers, Transfer{Kind: "blind", By: w.phone.Extension, To: to, At: Time{x.now}})
	if order == 1 {
		x.leave(a)
	}
	if order < 2 {
		x.blindTransfer(w.ch, a, to, w.outer().bridge)
	}
	if order == 2 {
		b := w.outer().bridge
		x.leave(a)
		x.blindTransfer(w.ch, a, to, b)
	}
	return c.moveOn(a, w, e, to, true)
}

// redirect is an AMI Redirect of the first party: no transfer event.
func (c *call) redirect(a *channel, w *leg, e *entry, to string) error {
	c.rec.Complete = false // a checker cannot expect what a client did
	return c.moveOn(a, w, e, to, false)
}

// moveOn takes the first party from the winner to another extension.
func (c *call) moveOn(a *channel, w *leg, e *entry, to string, transfer bool) error {
	x := c.x
	c.endTalk()
	if e != nil {
		w.phone.rested = x.in(wrapUp)
		c.completeAgent(a, w, e, "transfer")
	}
	x.leave(w.outer())
	x.leave(a)
	if w.two != nil {
		x.hangUp(w.one, 16, 0)
		x.hangUp(w.two, 16, 0)
	}
	x.hangUp(w.ch, 16, 0)
	a.context, a.exten, a.priority = fromInternal, to, 2
	x.newexten(a, "Dial", "PJSIP/"+to+",6"+dialOptions)
	if err := c.blip(); err != nil {
		return err
	}
	p := x.phone(to)
	if p == nil {
		c.giveUp(a, "no_answer")
		return nil
	}
	c.dialPhones(a, []*phone{p}, 1)
	next, why, err := c.ring(x.in(6*time.Second), time.Time{})
	if err != nil {
		return err
	}
	if why != ringAnswered {
		c.timeOut()
		c.giveUp(a, "no_answer")
		return nil
	}
	via := "dial"
	if transfer {
		via = "transfer"
		c.rec.Transfers[len(c.rec.Transfers)-1].Completed = true
	}
	if err := c.answerDial(a, next, via, c.with()); err != nil {
		return err
	}
	return c.converse(a, next, nil)
}

func (x *exchange) blindTransfer(by, who *channel, to string, b *bridge) {
	x.begin("BlindTransfer", CallClass)
	x.kv("Result", "Success")
	x.party("Transferer", by)
	x.party("Transferee", who)
	if b != nil {
		x.bridgeHeaders(b)
	}
	x.kv("IsExternal", "Yes")
	x.kv("Context", fromInternal)
	x.kv("Extension", to)
	x.end()
}
