package amitest

import (
	"context"
	"strings"
	"time"
)

// Rest places no more calls; those that are going on go on to their ends.
func (p *PBX) Rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exchange.source.resting = true
}

// Work places calls again after Rest; a phone in focus stays at rest.
func (p *PBX) Work() {
	p.mu.Lock()
	defer p.mu.Unlock()
	x, source := p.exchange, p.exchange.source
	source.resting = false
	if source.idle {
		source.idle = false
		x.now = time.Now()
		x.after(0, func() { source.place(x) })
		p.hurry()
	}
}

// hangup answers an AMI Hangup: the call of the channel ends.
func (s *session) hangup(ctx context.Context, a action) error {
	s.p.mu.Lock()
	ch := s.p.exchange.find(a.get("Channel"))
	if ch != nil {
		s.p.exchange.kill(ch)
	}
	s.p.mu.Unlock()
	if ch == nil {
		return s.fail(ctx, a, "No such channel")
	}
	s.p.hurry()
	return s.reply(ctx, a, "Success", "Message: Channel Hungup")
}

// kill hangs up the call of a channel from outside.
func (x *exchange) kill(ch *channel) {
	x.ledger.mu.Lock()
	defer x.ledger.mu.Unlock()
	x.now = time.Now()
	c := ch.call
	c.killed = ch
	c.rec.Complete = false
	c.interrupt(errHungUp)
}

// redirect answers Redirect and BlindTransfer: the first party of a conversation
// is sent to another extension.
func (s *session) redirect(ctx context.Context, a action) error {
	s.p.mu.Lock()
	x := s.p.exchange
	ch := x.find(a.get("Channel"))
	ok := ch != nil && ch.call.talk() != nil && x.phone(a.get("Exten")) != nil
	if ok {
		x.now = time.Now()
		ch.call.moveTo = a.get("Exten")
		ch.call.interrupt(errMoved)
	}
	s.p.mu.Unlock()
	switch {
	case ch == nil:
		return s.fail(ctx, a, "Channel does not exist: "+a.get("Channel"))
	case !ok:
		return s.fail(ctx, a, "Extension does not exist.")
	}
	s.p.hurry()
	return s.reply(ctx, a, "Success", "Message: Redirect successful")
}

// originate answers Originate with a click-to-call: the phone named by Channel
// first, then Exten. Other channels and applications there are none.
func (s *session) originate(ctx context.Context, a action) error {
	channel, exten := a.get("Channel"), a.get("Exten")
	ext, isPhone := strings.CutPrefix(channel, "PJSIP/")
	s.p.mu.Lock()
	x := s.p.exchange
	own, other := x.phone(ext), x.phone(exten)
	s.p.mu.Unlock()
	outside := strings.HasPrefix(exten, outsidePrefix) && len(exten) > 4
	switch {
	case channel == "":
		return s.fail(ctx, a, "Channel not specified")
	case other == nil && !outside:
		return s.fail(ctx, a, "Extension does not exist.")
	}
	if err := s.reply(ctx, a, "Success", "Message: Originate successfully queued"); err != nil {
		return err
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	x.now = time.Now()
	if !isPhone || own == nil {
		x.originateFailure(a)
		return nil
	}
	pl := x.source.click(ext, exten, a)
	x.after(0, func() { x.place(pl) })
	s.p.hurry()
	return nil
}

func (x *exchange) originateFailure(a action) {
	x.begin("OriginateResponse", CallClass)
	x.kv("ActionID", a.get("ActionID"))
	for _, h := range [][2]string{{"Response", "Failure"}, {"Channel", a.get("Channel")}, {"Context", a.get("Context")},
		{"Exten", a.get("Exten")}, {"Reason", "0"}, {"Uniqueid", unknown}, {"CallerIDNum", unknown}, {"CallerIDName", unknown}} {
		x.kv(h[0], h[1])
	}
	x.end()
}

// click is the plan of a click-to-call that a client asks for.
func (p *planner) click(ext, exten string, a action) plan {
	s := ClickInternal
	if strings.HasPrefix(exten, outsidePrefix) {
		s = ClickToCall
	}
	pl := p.plan(p.focus, s)
	pl.by, pl.to, pl.actionID = ext, exten, a.get("ActionID")
	name, num, ok := strings.Cut(strings.TrimSuffix(a.get("CallerID"), ">"), "<")
	if !ok {
		name, num = "", name
	}
	pl.shownName, pl.shownNum = strings.Trim(name, ` "`), strings.TrimSpace(num)
	return pl
}
