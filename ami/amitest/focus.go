package amitest

import "time"

// ring places a call that rings the extension in focus, and plans the next. The
// rings come in a mix: through queues and directly, answered, given up, answered
// by another. When the phone is in use only a direct call can ring it.
func (p *planner) ring(x *exchange) {
	if p.resting {
		return
	}
	f := p.t.Focus
	x.after(f.Every-x.jitter(1000), func() { p.ring(x) })
	ph := x.phone(f.Extension)
	if ph == nil {
		return
	}
	placed := x.now
	x.place(p.ringPlan(x, ph))
	x.after(time.Second, func() {
		if ph.rang.Before(placed) { // another call took the phone meanwhile
			x.place(p.direct(p.plan(p.focus, DirectCancelled), ph))
		}
	})
}

// direct aims a plan at a phone.
func (p *planner) direct(pl plan, ph *phone) plan {
	other := pl.group[1]
	if other == ph.Extension {
		other = pl.group[0]
	}
	pl.to, pl.group = ph.Extension, []string{ph.Extension, other}
	pl.caller, pl.anonymous = p.known(pl)
	return p.shorten(pl)
}

func (p *planner) ringPlan(x *exchange, ph *phone) plan {
	r := p.focus
	mix := []Scenario{
		QueueAnswered, DirectAnswered, QueueAnswered, DirectCancelled, RingGroup, QueueAbandoned, DirectAnswered, QueueSecondAgent,
	}
	pl := p.plan(r, mix[r.IntN(len(mix))])
	if q := p.queueFor(x, ph); pl.queue != "" && q != "" && ph.idle(x.now) {
		pl.queue = q
		pl.caller, pl.anonymous = p.known(pl)
		return p.shorten(pl)
	}
	if pl.queue != "" {
		pl = p.plan(r, []Scenario{DirectAnswered, DirectCancelled}[r.IntN(2)])
	}
	if len(ph.channels) > 0 { // rings on the second line, where nobody answers
		pl = p.plan(r, []Scenario{DirectCancelled, RingGroup}[r.IntN(2)])
	}
	return p.direct(pl, ph)
}

// queueFor returns a queue that would ring the phone now, or "".
func (p *planner) queueFor(x *exchange, ph *phone) string {
	for _, m := range ph.member {
		q := m.queue
		if len(q.entries) > 0 || q.Local {
			continue
		}
		next := *q
		if list := next.pick(x.now, 0); len(list) > 0 && (list[0] == m || q.Strategy == "ringall") {
			return q.Name
		}
	}
	return ""
}

// known gives most callers of the focus one of few numbers, so that a screen meets
// callers again.
func (p *planner) known(pl plan) (Party, bool) {
	if p.focus.IntN(4) == 0 {
		return pl.caller, pl.anonymous
	}
	names := []string{"Jane Doe", "Harbour Street", "North Quay", "Mill Lane", "Old Town"}
	i := p.focus.IntN(len(names))
	return Party{Number: "44163296000" + itoa(i+1), Name: names[i]}, false
}

// shorten keeps the phone free for the next ring, most of the time.
func (p *planner) shorten(pl plan) plan {
	pl.talk = min(pl.talk, p.t.Focus.Every/3)
	if pl.patience > 0 {
		pl.patience = min(max(pl.patience, p.t.Focus.Every/4), p.t.Focus.Every/2)
	}
	return pl
}
