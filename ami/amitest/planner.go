package amitest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A planner draws plans from the seed and places them.
type planner struct {
	t       Traffic
	rng     *rand.Rand
	planned int
	waiting bool // too many calls: the next is placed when one ends
	resting bool // no more are placed
	idle    bool // so the next one was not
	focus   *rand.Rand
}

func newPlanner(t Traffic) *planner {
	return &planner{t: t, rng: rand.New(rand.NewPCG(t.Seed, 2)), focus: rand.New(rand.NewPCG(t.Seed, 3))}
}

func (p *planner) start(x *exchange) {
	x.after(p.t.Delay+p.gap(), func() { p.place(x) })
	if p.t.Focus != nil {
		x.after(p.t.Focus.First, func() { p.ring(x) })
	}
}

// gap returns the time to the next call, before Speed.
func (p *planner) gap() time.Duration {
	mean := float64(time.Second) / p.t.CallsPerSecond
	if p.t.Steady {
		return time.Duration(mean)
	}
	return time.Duration(mean * min(p.rng.ExpFloat64(), 10)).Truncate(time.Millisecond)
}

func (p *planner) place(x *exchange) {
	if p.resting {
		p.idle = true
		return
	}
	if p.t.MaxCalls > 0 && p.planned >= p.t.MaxCalls {
		return
	}
	if len(x.calls) >= p.t.MaxLive {
		p.waiting = true
		return
	}
	p.planned++
	x.place(p.draw())
	x.after(p.gap(), func() { p.place(x) })
}

// ended is told that a call is over.
func (p *planner) ended(x *exchange) {
	if p.waiting && len(x.calls) < p.t.MaxLive {
		p.waiting = false
		x.after(0, func() { p.place(x) })
	}
}

func (p *planner) draw() plan {
	s := p.t.Scenarios[p.rng.IntN(len(p.t.Scenarios))]
	return p.plan(p.rng, s)
}

// plan fills in a scenario.
func (p *planner) plan(r *rand.Rand, s Scenario) plan {
	pl := plan{scenario: s, callerEnds: r.IntN(2) == 0, talk: p.length(r)}
	pl.caller, pl.anonymous = outsider(r)
	a, b, c := p.three(r)
	pl.by, pl.to, pl.group = a, b, []string{a, b}
	ring := func() time.Duration { return millis(r, 500, 4000) }
	pl.reactions = []reaction{{answers, ring()}}
	switch s {
	case QueueAnswered, QueueAbandoned, QueueSecondAgent, QueueBusyMember, QueueRingAll, QueueTimeout, QueueLocal, QueueTransfer:
		p.planQueue(r, &pl, c)
	case DirectNoAnswer, InternalNoAnswer, RingGroupNobody, ClickNoAnswer:
		pl.reactions = []reaction{{kind: silent}}
	case DirectCancelled, OutboundCancelled:
		pl.reactions = []reaction{{kind: silent}}
		pl.patience = ring()
	case DirectBusy, OutboundBusy:
		pl.reactions = []reaction{{kind: busy}}
	case DirectDeclined:
		pl.reactions = []reaction{{declines, ring()}}
	case RingGroup:
		pl.reactions = []reaction{{answers, ring()}, {answers, ring()}}
	case Hold:
		pl.holds = []time.Duration{millis(r, 200, 2000), millis(r, 300, 5000), millis(r, 200, 2000), millis(r, 300, 3000)}[:2*(1+r.IntN(2))]
	case BlindTransfer:
		pl.transferTo, pl.transferAt = c, millis(r, 300, 5000)
		pl.reactions = append(pl.reactions, reaction{answers, ring()})
	case ClickToCall, ClickInternal:
		pl.reactions = append(pl.reactions, reaction{answers, ring()})
	}
	pl.actionID = "click-" + itoa(p.planned) // of some other client
	switch s {
	case OutboundAnswered, OutboundBusy, OutboundCancelled, ClickToCall:
		pl.to = outsidePrefix + fmt.Sprintf("441632960%03d", r.IntN(1000))
	}
	return pl
}

// planQueue chooses a queue for the scenario, and what happens in it.
func (p *planner) planQueue(r *rand.Rand, pl *plan, third string) {
	ring := func() time.Duration { return millis(r, 500, 4000) }
	local, strategy := pl.scenario == QueueLocal, ""
	if pl.scenario == QueueRingAll {
		strategy = "ringall"
	}
	pl.queue = p.pickQueue(r, local, strategy)
	switch pl.scenario {
	case QueueAbandoned:
		pl.reactions = []reaction{{kind: silent}}
		pl.patience = millis(r, 1000, 12000)
	case QueueSecondAgent:
		pl.reactions = []reaction{{kind: silent}, {answers, ring()}}
	case QueueBusyMember:
		pl.reactions = []reaction{{kind: busy}, {declines, ring()}, {answers, ring()}}[r.IntN(2):]
	case QueueRingAll:
		pl.reactions = []reaction{{answers, ring()}, {answers, ring()}, {silent, 0}}
	case QueueTimeout:
		pl.reactions = []reaction{{kind: silent}}
	case QueueTransfer:
		pl.transferTo, pl.transferAt = third, millis(r, 300, 5000)
		pl.reactions = append(pl.reactions, reaction{answers, ring()})
	}
}

func (p *planner) pickQueue(r *rand.Rand, local bool, strategy string) string {
	var fit []string
	for _, q := range p.t.Queues {
		if q.Local == local && (strategy == "" || q.Strategy == strategy) {
			fit = append(fit, q.Name)
		}
	}
	if len(fit) == 0 {
		return p.t.Queues[r.IntN(len(p.t.Queues))].Name
	}
	return fit[r.IntN(len(fit))]
}

// three returns extensions, different ones where there are enough.
func (p *planner) three(r *rand.Rand) (a, b, c string) {
	n := len(p.t.Agents)
	i := r.IntN(n)
	j := (i + 1 + r.IntN(max(n-1, 1))) % n
	k := (i + 1 + r.IntN(max(n-1, 1))) % n
	for range n {
		if k != j && k != i {
			break
		}
		k = (k + 1) % n
	}
	return p.t.Agents[i].Extension, p.t.Agents[j].Extension, p.t.Agents[k].Extension
}

// length draws a conversation: exponential around the mean, at least half a second.
func (p *planner) length(r *rand.Rand) time.Duration {
	d := time.Duration(float64(p.t.Talk) * min(r.ExpFloat64(), 6))
	return max(d.Truncate(time.Millisecond), 500*time.Millisecond)
}

func millis(r *rand.Rand, from, to int) time.Duration {
	return time.Duration(from+r.IntN(to-from)) * time.Millisecond
}
