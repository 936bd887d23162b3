package amitest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// An exchange is the telephony of the PBX: channels, bridges, queues, phones and
// the calls that move them. It is not safe for concurrent use: the PBX guards it,
// and a pure stream has it to itself.
//
// Calls are coroutines. What they wait for is on the agenda, so that the same seed
// gives the same calls with a clock or without.
type exchange struct {
	cfg     Config
	traffic Traffic
	ledger  *Ledger
	rng     *rand.Rand // of everything but the plans of calls
	old     bool       // Asterisk before 18

	emit  func(Event)
	now   time.Time
	buf   []byte // of the event being built
	name  string
	class Class

	boot, booted time.Time // process start; FullyBooted
	agenda       agenda
	channels     []*channel // live, oldest first
	bridges      []*bridge
	calls        []*call // live
	phones       []*phone
	queues       []*queue
	database     map[string]string // Asterisk's own, by path; it outlives the process

	nextUnique, nextName, nextLocal int // start over with the process
	processed                       int
	source                          *planner
}

func newExchange(c Config, l *Ledger, now time.Time) *exchange {
	x := &exchange{cfg: c, ledger: l, now: now, boot: now.Add(-time.Hour), old: strings.HasPrefix(c.AMIVersion, "5.")}
	if c.Traffic != nil {
		x.traffic = *c.Traffic
	}
	x.traffic = x.traffic.withDefaults()
	x.rng = rand.New(rand.NewPCG(x.traffic.Seed, 1))
	x.source = newPlanner(x.traffic)
	x.install(now)
	return x
}

// install makes phones and queues as after a start of Asterisk.
func (x *exchange) install(now time.Time) {
	x.phones, x.queues = nil, nil
	for _, a := range x.traffic.Agents {
		x.phones = append(x.phones, &phone{Agent: a, device: "PJSIP/" + a.Extension, state: notInUse})
	}
	for _, q := range x.traffic.Queues {
		x.queues = append(x.queues, newQueue(x, q, now))
	}
	for _, q := range x.queues {
		for _, m := range q.members {
			m.phone.member = append(m.phone.member, m)
		}
	}
}

// start begins placing calls.
func (x *exchange) start(now time.Time) {
	x.now = now
	if x.cfg.Traffic != nil {
		x.source.start(x)
	}
}

// after puts f on the agenda, d from now at the speed of the traffic.
func (x *exchange) after(d time.Duration, f func()) {
	if x.traffic.Speed != 1 {
		d = time.Duration(float64(d) / x.traffic.Speed)
	}
	x.agenda.push(x.now.Add(d), f)
}

// advance does everything that is due, and returns when the next thing is.
func (x *exchange) advance(now time.Time) (next time.Time, ok bool) {
	x.ledger.mu.Lock()
	defer x.ledger.mu.Unlock()
	for len(x.agenda.items) > 0 {
		at := x.agenda.items[0].at
		if at.After(now) {
			return at, true
		}
		x.now = now
		x.agenda.pop()()
	}
	return time.Time{}, false
}

// step does the next thing on the agenda at its own time, whatever the clock says.
func (x *exchange) step() bool {
	if len(x.agenda.items) == 0 {
		return false
	}
	x.now = x.agenda.items[0].at
	x.agenda.pop()()
	return true
}

// jitter returns a duration of whole milliseconds in [0, n).
func (x *exchange) jitter(n int) time.Duration {
	return time.Duration(x.rng.IntN(n)) * time.Millisecond
}

// newChannel makes a channel and announces it. A zero linkedid makes it the first
// of its call.
func (x *exchange) newChannel(c *call, tech string, state chanState, num, name, context, exten, linkedid string) *channel {
	id := fmt.Sprintf("%d.%d", x.now.Unix(), x.nextUnique)
	if x.cfg.SystemName != "" {
		id = x.cfg.SystemName + "-" + id
	}
	x.nextUnique++
	ch := &channel{
		name: tech, uniqueid: id, linkedid: cmp.Or(linkedid, id), state: state, num: num, callerName: name,
		context: context, exten: exten, priority: 1, created: x.now, call: c,
	}
	if !strings.HasPrefix(tech, "Local/") {
		ch.name = fmt.Sprintf("%s-%08x", tech, x.nextName)
		x.nextName++
	}
	x.channels = append(x.channels, ch)
	c.channels = append(c.channels, ch)
	x.on(ch, "Newchannel", CallClass)
	return ch
}

// drop forgets a channel that hung up.
func (x *exchange) drop(ch *channel) {
	x.channels = without(x.channels, ch)
	ch.call.channels = without(ch.call.channels, ch)
	x.processed++
	if ch.phone != nil {
		ch.phone.channels = without(ch.phone.channels, ch)
		x.deviceMoved(ch.phone)
	}
}

func (x *exchange) find(name string) *channel {
	i := slices.IndexFunc(x.channels, func(ch *channel) bool { return ch.name == name || ch.uniqueid == name })
	if i < 0 {
		return nil
	}
	return x.channels[i]
}

func (x *exchange) phone(extension string) *phone {
	i := slices.IndexFunc(x.phones, func(p *phone) bool { return p.Extension == extension })
	if i < 0 {
		return nil
	}
	return x.phones[i]
}

// abandon ends every call without a word, as the end of the process does.
func (x *exchange) abandon() {
	for _, c := range slices.Clone(x.calls) {
		c.stop()
	}
	x.calls, x.channels, x.bridges = nil, nil, nil
	x.agenda.items = nil
}

// An agenda is what is to be done when, a heap; equal times keep their order.
type agenda struct {
	items []agendum
	seq   uint64
}

type agendum struct {
	at  time.Time
	seq uint64
	do  func()
}

func (a *agenda) less(i, j int) bool {
	if c := a.items[i].at.Compare(a.items[j].at); c != 0 {
		return c < 0
	}
	return a.items[i].seq < a.items[j].seq
}

func (a *agenda) push(at time.Time, do func()) {
	a.seq++
	a.items = append(a.items, agendum{at, a.seq, do})
	for i := len(a.items) - 1; i > 0; {
		parent := (i - 1) / 2
		if !a.less(i, parent) {
			return
		}
		a.items[i], a.items[parent] = a.items[parent], a.items[i]
		i = parent
	}
}

func (a *agenda) pop() func() {
	do := a.items[0].do
	last := len(a.items) - 1
	a.items[0] = a.items[last]
	a.items[last] = agendum{}
	a.items = a.items[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return do
		}
		if child+1 < last && a.less(child+1, child) {
			child++
		}
		if !a.less(child, i) {
			return do
		}
		a.items[i], a.items[child] = a.items[child], a.items[i]
		i = child
	}
}
