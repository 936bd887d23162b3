package amitest

import (
	"fmt"
	"time"
)

// inbound makes the channel of a caller from the trunk.
func (c *call) inbound(did string) *channel {
	x, p := c.x, c.plan
	num, name := p.caller.Number, wireName(p.caller.Name)
	if p.anonymous {
		num, name = "anonymous", "Anonymous"
	}
	a := c.begin("PJSIP/trunk", stateRing, p.caller, num, name, fromTrunk, did)
	c.rec.To = Party{Number: did}
	x.varset(a, "SIPDOMAIN", "127.0.0.1")
	return a
}

// with is how a talk names the first party.
func (c *call) with() string { return c.rec.From.Number }

// queueCall is a caller from outside who reaches a queue.
func (c *call) queueCall() error {
	x := c.x
	q := x.queue(c.plan.queue)
	a := c.inbound(q.Number)
	x.newexten(a, "Answer", "")
	x.setState(a, stateUp)
	x.trunkMoved("INUSE")
	if err := c.sleep(500 * time.Millisecond); err != nil {
		return err
	}
	a.priority = 2
	x.newexten(a, "Queue", fmt.Sprintf("%s,tTkKxX,,,%d", q.Name, int(q.MaxWait.Seconds())))
	x.noise(a, 6)
	return c.enqueue(q, a)
}

// enqueue is app Queue, from joining to the end of the call.
func (c *call) enqueue(q *queue, a *channel) error {
	x := c.x
	e := x.join(q, c, a)
	c.rec.QueueVisits = append(c.rec.QueueVisits, QueueVisit{Queue: q.Name, EnteredAt: Time{x.now}, Position: e.first})
	x.music(a, true)
	until := x.in(q.MaxWait)
	patience := time.Time{}
	if c.plan.patience > 0 {
		patience = x.in(c.plan.patience)
	}
	w, why, err := c.tryMembers(q, e, until, patience)
	if err != nil {
		return err
	}
	switch why {
	case ringPatience:
		x.request(a, "HangupRequest", 0, 0)
		c.abandonQueue(q, e)
		c.rec.Outcome, c.rec.EndedBy = c.gaveUp(), "caller"
		x.request(a, "SoftHangupRequest", 16, 0)
		x.hangUp(a, 0, 0)
		x.trunkMoved("NOT_INUSE")
		return nil
	case ringLimit:
		return c.queueTimeout(q, e)
	}
	return c.answerQueue(q, e, w)
}

// tryMembers rings members until one answers.
func (c *call) tryMembers(q *queue, e *entry, until, patience time.Time) (*leg, ringEnd, error) {
	x := c.x
	stop := until
	if !patience.IsZero() && patience.Before(until) {
		stop = patience
	}
	for round, rung := 0, 0; ; round++ {
		members := q.pick(x.now, round)
		e.trying = len(members) > 0
		nap := stop
		if e.trying {
			for _, m := range members {
				c.callMember(e.channel, m, rung)
				rung++
			}
			limit := x.in(q.Ring)
			if until.Before(limit) {
				limit = until
			}
			w, why, err := c.ring(limit, patience)
			if err != nil || why == ringAnswered || why == ringPatience {
				return w, why, err
			}
			c.timeOut()
			if nap = x.in(time.Second); stop.Before(nap) {
				nap = stop
			}
		}
		if x.now.Before(stop) {
			if err := c.sleepUntil(nap); err != nil {
				return nil, ringFailed, err
			}
		}
		switch {
		case !patience.IsZero() && !x.now.Before(patience):
			return nil, ringPatience, nil
		case !x.now.Before(until):
			return nil, ringLimit, nil
		}
	}
}

// callMember begins to ring a member of a queue.
func (c *call) callMember(a *channel, m *member, rung int) {
	if m.queue.Local {
		c.callLocal(a, m, c.plan.reaction(rung))
		return
	}
	x, p := c.x, m.phone
	ch := c.newPhoneChannel(p, a.linkedid)
	l := &leg{ch: ch, phone: p, member: m, src: a}
	ch.exten, ch.connNum, ch.connName = a.exten, a.num, a.callerName
	x.agent("AgentCalled", a, ch, m, nil)
	ch.exten, ch.connNum, ch.connName = "s", "", "" // as the recorded DialBegin has it
	x.between(a, ch, "DialBegin", CallClass, "DialString", m.iface)
	c.offer(l, m.queue.Name)
	ch.exten, ch.connNum, ch.connName = a.exten, a.num, a.callerName
	x.newexten(ch, "AppQueue", "(Outgoing Line)")
	a.connNum, a.connName = ch.num, ch.callerName
	x.connectedLine(a)
	c.schedule(l, c.plan.reaction(rung))
}

// callLocal rings a member through a Local channel, which a dialplan turns into a
// call of the phone. Such a phone answers or does not.
func (c *call) callLocal(a *channel, m *member, r reaction) {
	x, p := c.x, m.phone
	name := fmt.Sprintf("Local/%s@%s-%08x", p.Extension, fromQueue, x.nextLocal)
	x.nextLocal++
	one := x.newChannel(c, name+";1", stateDown, "", "", fromQueue, p.Extension, a.linkedid)
	two := x.newChannel(c, name+";2", stateRing, "", "", fromQueue, p.Extension, a.linkedid)
	c.note(one)
	c.note(two)
	one.num = a.exten
	x.newexten(one, "AppQueue", "(Outgoing Line)")
	x.newCallerid(one)
	two.num, two.callerName, two.connNum = a.num, a.callerName, a.exten
	x.newCallerid(two)
	x.connectedLine(two)
	x.localBridge(one, two)
	one.connNum, one.connName = a.num, a.callerName
	x.agent("AgentCalled", a, one, m, nil)
	x.between(a, one, "DialBegin", CallClass, "DialString", m.iface)
	x.newexten(two, "Dial", p.device+",30,tT")

	ch := c.newPhoneChannel(p, a.linkedid)
	ch.exten, ch.connNum, ch.connName = p.Extension, a.num, a.callerName
	x.newexten(ch, "AppDial", "(Outgoing Line)")
	x.connectedLine(ch)
	x.between(two, ch, "DialBegin", CallClass, "DialString", p.Extension)
	l := &leg{ch: ch, one: one, two: two, phone: p, member: m, src: a}
	c.offer(l, m.queue.Name)
	if r.kind == busy || r.kind == declines {
		r = reaction{kind: silent}
	}
	c.schedule(l, r)
}

func (x *exchange) localBridge(one, two *channel) {
	x.begin("LocalBridge", CallClass)
	x.party("LocalOne", one)
	x.party("LocalTwo", two)
	x.kv("Context", one.context)
	x.kv("Exten", one.exten)
	x.kv("LocalOptimization", "No")
	x.end()
}

// leaveQueue ends the caller's visit.
func (c *call) leaveQueue(q *queue, e *entry, result string) {
	c.x.quit(q, e, e.channel)
	c.x.varset(e.channel, "QUEUEPOSITION", itoa(e.first))
	v := &c.rec.QueueVisits[len(c.rec.QueueVisits)-1]
	v.LeftAt, v.Result = Time{c.x.now}, result
	v.WaitMS = ms(v.EnteredAt, v.LeftAt)
}

// abandonQueue is a caller who hangs up while waiting.
func (c *call) abandonQueue(q *queue, e *entry) {
	x, a := c.x, e.channel
	x.music(a, false)
	legs := c.legs
	c.legs = nil
	for _, l := range legs {
		x.between(a, l.outer(), "DialEnd", CallClass, "DialStatus", "CANCEL")
		x.between(a, l.outer(), "DialEnd", CallClass, "DialStatus", "CANCEL")
		c.closeLeg(l, "rescinded", "caller")
	}
	x.varset(a, "ABANDONED", "TRUE")
	x.callerAbandon(q, e, a)
	c.leaveQueue(q, e, "abandoned")
	for _, l := range legs {
		c.dropLeg(l, 0, 0)
	}
}

// queueTimeout sends a caller away who waited too long. Asterisk says
// QueueCallerAbandon here, too.
func (c *call) queueTimeout(q *queue, e *entry) error {
	x, a := c.x, e.channel
	x.varset(a, "ABANDONED", "TRUE")
	x.callerAbandon(q, e, a)
	x.music(a, false)
	c.leaveQueue(q, e, "timeout")
	x.varset(a, "QUEUESTATUS", "TIMEOUT")
	a.priority = 3
	x.newexten(a, "NoOp", "TIMEOUT")
	if err := c.sleep(440 * time.Millisecond); err != nil { // an announcement
		return err
	}
	a.priority = 4
	x.newexten(a, "Hangup", "")
	c.rec.Outcome = "no_answer"
	x.request(a, "SoftHangupRequest", 16, 0)
	x.hangUp(a, 16, 0)
	x.trunkMoved("NOT_INUSE")
	return nil
}

// answerQueue connects the caller with the member who answered.
func (c *call) answerQueue(q *queue, e *entry, w *leg) error {
	x, a, m := c.x, e.channel, w.member
	x.setState(w.ch, stateUp)
	if w.two != nil {
		w.ch.exten = ""
		x.between(w.two, w.ch, "DialEnd", CallClass, "DialStatus", "ANSWER")
		x.setState(w.two, stateUp)
		x.setState(w.one, stateUp)
	}
	x.between(a, w.outer(), "DialEnd", CallClass, "DialStatus", "ANSWER")
	c.closeLeg(w, "accepted", "")
	c.connected()
	c.cancelLosers(w)
	x.music(a, false)
	x.noise(a, 17)
	x.noise(w.outer(), 15)
	if err := c.blip(); err != nil {
		return err
	}
	if w.two != nil {
		inner := x.newBridge()
		x.enter(inner, w.ch)
		x.enter(inner, w.two)
	}
	q.holdTime = seconds(e.joined, x.now)
	c.leaveQueue(q, e, "connected")
	x.agent("AgentConnect", a, w.outer(), m, func() {
		x.num("HoldTime", q.holdTime)
		x.num("RingTime", seconds(w.begun, x.now))
	})
	m.inCall = 1
	c.bridgeUp(a, w, "queue", c.with())
	return c.converse(a, w, e)
}

// completeAgent is sent when the member's part is over.
func (c *call) completeAgent(a *channel, w *leg, e *entry, reason string) {
	x, m := c.x, w.member
	q := m.queue
	q.completed++
	q.talkTime = seconds(c.rec.AnsweredAt.Time, x.now)
	m.inCall, m.taken, m.last = 0, m.taken+1, x.now.Unix()
	x.agent("AgentComplete", a, w.outer(), m, func() {
		x.num("HoldTime", seconds(e.joined, c.rec.AnsweredAt.Time))
		x.num("TalkTime", q.talkTime)
		x.kv("Reason", reason)
	})
}
