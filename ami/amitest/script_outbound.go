package amitest

import (
	"cmp"
	"strings"
	"time"
)

// outboundCall is an extension that calls an outside number.
func (c *call) outboundCall() error {
	a := c.fromPhone(c.plan.to)
	return c.reachOut(a, 0)
}

// reachOut dials the outside number from the dialplan, as a company number.
func (c *call) reachOut(a *channel, firstReaction int) error {
	x := c.x
	x.newexten(a, "Set", "CALLERID(num)="+companyNumber)
	a.num = companyNumber
	x.newCallerid(a)
	a.priority = 2
	x.newexten(a, "Set", "CALLERID(name)="+companyName)
	a.callerName = companyName
	x.newCallerid(a)
	a.priority = 3
	number := strings.TrimPrefix(c.plan.to, outsidePrefix)
	x.newexten(a, "Dial", "PJSIP/"+number+"@trunk,20,tTxX")
	x.noise(a, 11)
	if err := c.blip(); err != nil {
		return err
	}
	c.dialTrunk(a, c.plan.to, c.plan.reaction(firstReaction))
	return c.await(a, 20*time.Second, "dial", c.plan.to)
}

// clickCall is a call that a client asked for: the extension's own phone first,
// then the number.
func (c *call) clickCall() error {
	x, p := c.x, c.x.phone(c.plan.by)
	a := c.begin(p.device, stateDown, Party{p.Extension, p.Name}, p.Extension, p.Name, fromInternal, "s")
	a.phone, p.channels = p, append(p.channels, a)
	a.num = cmp.Or(c.plan.shownNum, strings.TrimPrefix(c.plan.to, outsidePrefix))
	a.callerName = cmp.Or(c.plan.shownName, "Click Call")
	x.newCallerid(a)
	a.connNum, a.connName = a.num, a.callerName
	x.connectedLine(a)
	x.between(nil, a, "DialBegin", CallClass, "DialString", p.Extension)
	own := &leg{ch: a, phone: p, index: -1}
	c.schedule(own, c.plan.reaction(0))
	w, _, err := c.ring(x.in(10*time.Second), time.Time{})
	if err != nil {
		return err
	}
	if w == nil {
		c.ownPhoneFailed(own)
		return nil
	}
	c.closeLeg(own, "accepted", "")
	c.rec.To = Party{Number: c.plan.to}
	early := x.rng.IntN(3) == 0
	if early {
		x.originateResponse(a, c.plan, "Success", "4")
	}
	x.setState(a, stateUp)
	x.between(nil, a, "DialEnd", CallClass, "DialStatus", "ANSWER")
	if !early {
		x.originateResponse(a, c.plan, "Success", "4")
	}
	a.exten = c.plan.to
	if strings.HasPrefix(c.plan.to, outsidePrefix) {
		return c.reachOut(a, 1)
	}
	a.priority = 2
	x.newexten(a, "Dial", "PJSIP/"+c.plan.to+",6"+dialOptions)
	if err := c.blip(); err != nil {
		return err
	}
	c.dialPhones(a, []*phone{x.phone(c.plan.to)}, 1)
	return c.await(a, 6*time.Second, "dial", c.with())
}

// ownPhoneFailed ends an originate whose phone did not answer. A time limit gives
// no DialEnd. Whom it would have called, nobody can know who did not ask for it.
func (c *call) ownPhoneFailed(own *leg) {
	x, a := c.x, c.first
	c.rec.Direction = ""
	c.rec.Outcome = "no_answer"
	if own.react.kind == busy {
		c.rec.Outcome = "busy"
		x.originateResponse(a, c.plan, "Failure", "5")
		return
	}
	c.closeLeg(own, "no_answer", "")
	x.originateResponse(a, c.plan, "Failure", "3")
	cause, tech := 19, 480
	if x.old {
		cause, tech = 0, 0
	}
	x.hangUp(a, cause, tech)
}

func (x *exchange) originateResponse(a *channel, p plan, response, reason string) {
	x.begin("OriginateResponse", CallClass)
	if p.actionID != "" {
		x.kv("ActionID", p.actionID)
	}
	x.kv("Response", response)
	name, id := a.name, a.uniqueid
	if response == "Failure" {
		name, id = "PJSIP/"+p.by, "<null>"
	}
	x.kv("Channel", name)
	x.kv("Context", fromInternal)
	x.kv("Exten", p.to)
	x.kv("Reason", reason)
	x.kv("Uniqueid", id)
	x.kv("CallerIDNum", a.num)
	x.kv("CallerIDName", a.callerName)
	x.end()
}
