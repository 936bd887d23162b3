package amitest

import (
	"slices"
	"time"
)

const dialOptions = ",tTkKxX"

// directCall is a caller from outside who dials an extension's own number.
func (c *call) directCall() error {
	x := c.x
	a := c.inbound(didPrefix + c.plan.to[1:])
	if c.plan.scenario == DirectOffline {
		x.request(a, "SoftHangupRequest", 16, 0)
		c.rec.Outcome = "failed"
		x.hangUp(a, 3, 404)
		return nil
	}
	x.newexten(a, "Dial", "PJSIP/"+c.plan.to+",10"+dialOptions)
	return c.callPhones(a, []string{c.plan.to}, 10*time.Second)
}

// groupCall is a caller from outside who rings several phones at once.
func (c *call) groupCall() error {
	a := c.inbound(groupNumber)
	c.x.newexten(a, "Goto", fromInternal+","+groupExten+",1")
	a.context, a.exten = fromInternal, groupExten
	c.x.newexten(a, "Dial", "PJSIP/"+c.plan.group[0]+"&PJSIP/"+c.plan.group[1]+",10,tT")
	return c.callPhones(a, c.plan.group, 10*time.Second)
}

// internalCall is one extension that calls another.
func (c *call) internalCall() error {
	x := c.x
	a := c.fromPhone(c.plan.to)
	x.newexten(a, "NoOp", "direct "+c.plan.by+" to "+c.plan.to)
	a.priority = 2
	x.newexten(a, "Dial", "PJSIP/"+c.plan.to+",6"+dialOptions)
	return c.callPhones(a, []string{c.plan.to}, 6*time.Second)
}

// fromPhone makes the channel of an extension that dials.
func (c *call) fromPhone(dialled string) *channel {
	p := c.x.phone(c.plan.by)
	a := c.begin(p.device, stateRing, Party{p.Extension, p.Name}, p.Extension, p.Name, fromInternal, dialled)
	c.x.attach(p, a)
	c.rec.To = Party{Number: dialled}
	c.x.varset(a, "SIPDOMAIN", "127.0.0.1")
	return a
}

// callPhones dials extensions and sees the call through.
func (c *call) callPhones(a *channel, extensions []string, limit time.Duration) error {
	x := c.x
	x.noise(a, 11)
	if err := c.blip(); err != nil {
		return err
	}
	if a.phone == nil {
		x.trunkMoved("INUSE")
	}
	var phones []*phone
	for _, e := range extensions {
		phones = append(phones, x.phone(e))
	}
	c.dialPhones(a, phones, 0)
	return c.await(a, limit, "dial", c.with())
}

// await is the rest of app Dial and of the call, once the legs are begun.
func (c *call) await(a *channel, limit time.Duration, via, with string) error {
	x := c.x
	patience := time.Time{}
	if c.plan.patience > 0 {
		patience = x.in(c.plan.patience)
	}
	w, why, err := c.ring(x.in(limit), patience)
	if err != nil {
		return err
	}
	switch why {
	case ringAnswered:
		if err := c.answerDial(a, w, via, with); err != nil {
			return err
		}
		return c.converse(a, w, nil)
	case ringPatience:
		c.cancelDial(a)
	case ringLimit:
		c.timeOut()
		c.giveUp(a, "no_answer")
	case ringFailed:
		c.giveUp(a, "busy")
	}
	return nil
}

// cancelDial is a first party who hangs up while it rings.
func (c *call) cancelDial(a *channel) {
	x := c.x
	x.request(a, "HangupRequest", 127, 487)
	for _, l := range slices.Clone(c.legs) {
		c.cancelLeg(l, "caller", 127, 500)
	}
	c.rec.EndedBy = "caller"
	if c.rec.Outcome == "" {
		c.rec.Outcome = c.gaveUp()
	}
	x.request(a, "SoftHangupRequest", 16, 487)
	x.hangUp(a, 127, 487)
}

// giveUp ends the first party's channel after a dial without an answer. outcome is
// busy when nobody is left to ring.
func (c *call) giveUp(a *channel, outcome string) {
	x := c.x
	cause, tech := 16, 0
	last := ""
	refused := false
	for _, o := range c.rec.Offers {
		last, refused = o.Result, refused || o.Result == "busy"
	}
	for _, f := range c.rec.FarEnds {
		last, refused = f.Result, refused || f.Result == "busy"
	}
	switch {
	case outcome == "busy" && last == "rejected":
		outcome, cause, tech = "no_answer", 21, 403
		c.rec.EndedBy = "callee"
	case refused:
		cause, tech = 17, 486
	}
	if !c.rec.AnsweredAt.IsZero() {
		c.rec.EndedBy = "system" // after a transfer
	}
	if c.rec.Outcome == "" {
		c.rec.Outcome = outcome
	}
	x.varset(a, "DIALSTATUS", map[string]string{"busy": "BUSY"}[outcome])
	if outcome == "busy" && a.state == stateRing {
		a.exten, a.priority = "ds-BUSY", 1
		x.newexten(a, "Busy", "3")
		x.setState(a, stateBusy)
		x.request(a, "HangupRequest", cause, tech)
	}
	x.request(a, "SoftHangupRequest", 16, 0)
	x.hangUp(a, cause, tech)
	if a.phone == nil {
		x.trunkMoved("NOT_INUSE")
	}
}
