package amitest

import (
	"errors"
	"iter"
	"slices"
	"time"
)

// Why a call's script ends early.
var (
	errStopped = errors.New("the process ended")
	errHungUp  = errors.New("hung up from outside the call")
	errMoved   = errors.New("redirected from outside the call")
)

// A call runs its script as a coroutine of the exchange: exactly one of all calls
// runs at a time, and gives way in sleep and pause.
type call struct {
	x    *exchange
	plan plan
	rec  *Call

	first    *channel   // of the party in From
	channels []*channel // live
	legs     []*leg     // being dialled
	killed   *channel   // what errHungUp is about
	moveTo   string     // the extension that errMoved is about
	lastGone int        // cause of the last channel that hung up

	next  func() (struct{}, bool)
	halt  func()
	yield func(struct{}) bool
	gen   int   // of what it waits for; older wake-ups are void
	err   error // what the next wait returns
}

// place starts a call.
func (x *exchange) place(p plan) *call {
	c := &call{x: x, plan: p, rec: &Call{Scenario: p.scenario, Direction: p.direction(), Complete: true}}
	c.next, c.halt = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		c.finish(p.script()(c))
	})
	x.calls = append(x.calls, c)
	c.resume()
	return c
}

func (c *call) resume() { c.next() }

// stop ends the call without a word.
func (c *call) stop() {
	c.err = errStopped
	c.halt()
	c.finish(errStopped) // a script that never ran
}

// sleep waits for d at the speed of the traffic. An error ends the script.
func (c *call) sleep(d time.Duration) error {
	if c.err != nil {
		return c.err
	}
	c.gen++
	gen := c.gen
	c.x.after(d, func() {
		if c.gen == gen {
			c.resume()
		}
	})
	return c.pause()
}

// sleepUntil waits for an instant.
func (c *call) sleepUntil(at time.Time) error {
	if c.err != nil {
		return c.err
	}
	c.gen++
	gen := c.gen
	c.x.agenda.push(at, func() {
		if c.gen == gen {
			c.resume()
		}
	})
	return c.pause()
}

func (c *call) pause() error {
	if !c.yield(struct{}{}) {
		return errStopped
	}
	return c.err
}

// wake ends the call's sleep now.
func (c *call) wake() {
	c.gen++
	gen := c.gen
	c.x.after(0, func() {
		if c.gen == gen {
			c.resume()
		}
	})
}

// interrupt makes the call's sleep return err.
func (c *call) interrupt(err error) {
	if c.err == nil {
		c.err = err
		c.wake()
	}
}

// blip lets a few milliseconds pass, as between the steps of Asterisk's dialplan.
func (c *call) blip() error { return c.sleep(c.x.jitter(4) + time.Millisecond) }

// begin makes the call's first channel and its ledger entry.
func (c *call) begin(tech string, state chanState, from Party, num, name, context, exten string) *channel {
	x := c.x
	ch := x.newChannel(c, tech, state, num, name, context, exten, "")
	c.first = ch
	c.rec.PBX = x.ledger.pbx
	c.rec.ID = x.ledger.pbx + ":" + ch.linkedid
	c.rec.Linkedids = []string{ch.linkedid}
	c.rec.Boot = Time{x.boot}
	c.rec.From = from
	c.rec.StartedAt = Time{x.now}
	x.ledger.open(c.rec)
	c.note(ch)
	return ch
}

func (c *call) note(ch *channel) { c.rec.Uniqueids = append(c.rec.Uniqueids, ch.uniqueid) }

// left is told of every channel that hung up.
func (c *call) left(ch *channel, cause int) {
	if ch == c.first {
		c.rec.Cause = cause
	}
	c.lastGone = cause
	ch.call = nil
}

// finish is the end of the call's coroutine.
func (c *call) finish(err error) {
	if !slices.Contains(c.x.calls, c) {
		return
	}
	if errors.Is(err, errHungUp) || errors.Is(err, errMoved) {
		c.teardown()
	}
	if errors.Is(err, errStopped) {
		c.rec.Complete = false
		c.endTalk()
	}
	c.rec.EndedBy = orSystem(c.rec.EndedBy)
	c.x.calls = without(c.x.calls, c)
	if c.first != nil {
		c.x.ledger.close(c.rec, c.x.now)
	}
	if c.x.source != nil {
		c.x.source.ended(c.x)
	}
}

func orSystem(by string) string {
	if by == "" {
		return "system"
	}
	return by
}

// teardown hangs up everything, as after an AMI Hangup or a clean stop.
func (c *call) teardown() {
	x := c.x
	c.rec.EndedBy = "system"
	for _, q := range x.queues {
		for _, e := range slices.Clone(q.entries) {
			if e.call == c {
				c.abandonQueue(q, e)
			}
		}
	}
	for _, l := range slices.Clone(c.legs) {
		c.cancelLeg(l, "caller", 16, 0)
	}
	if c.rec.AnsweredAt.IsZero() && c.rec.Outcome == "" {
		c.rec.Outcome = c.cutOff()
	}
	c.endTalk()
	killed := c.killed
	if killed == nil || killed.gone() {
		killed = c.first
	}
	if killed != nil && !killed.gone() {
		x.request(killed, "SoftHangupRequest", 16, 0)
		x.hangUp(killed, 16, 0)
	}
	for _, ch := range slices.Clone(c.channels) {
		x.hangUp(ch, 16, 0)
	}
}

// gaveUp is the outcome when the first party hangs up unanswered.
func (c *call) gaveUp() string {
	if len(c.rec.Offers)+len(c.rec.QueueVisits)+len(c.rec.FarEnds) == 0 {
		return "failed"
	}
	if c.rec.Direction == "inbound" {
		return "abandoned"
	}
	return "cancelled"
}

// cutOff is the outcome when the PBX hangs everybody up before somebody answers.
func (c *call) cutOff() string {
	switch {
	case len(c.rec.Offers)+len(c.rec.QueueVisits)+len(c.rec.FarEnds) > 0:
		return "no_answer"
	case c.first != nil && c.first.state == stateUp: // the PBX has answered it
		return "self_service"
	}
	return "failed"
}

// talk is the conversation that goes on, or nil.
func (c *call) talk() *Talk {
	if n := len(c.rec.Talks); n > 0 && c.rec.Talks[n-1].EndedAt.IsZero() {
		return &c.rec.Talks[n-1]
	}
	return nil
}

func (c *call) beginTalk(extension, with, via string) {
	c.rec.Talks = append(c.rec.Talks, Talk{Extension: extension, With: with, Via: via, StartedAt: Time{c.x.now}})
}

func (c *call) endTalk() {
	if t := c.talk(); t != nil {
		t.EndedAt = Time{c.x.now}
	}
}
