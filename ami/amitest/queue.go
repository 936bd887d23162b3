package amitest

import (
	"slices"
	"time"
)

// A queue is one of the PBX's, with those who wait in it.
type queue struct {
	Queue
	members []*member
	entries []*entry // callers, first come first
	next    int      // member to ring first, of rrmemory

	completed, abandoned int
	holdTime, talkTime   int // seconds, of the last call
}

type member struct {
	queue             *queue
	phone             *phone
	iface, stateIface string
	taken, inCall     int
	last, since       int64 // Unix seconds
}

// An entry is a caller waiting in a queue.
type entry struct {
	call    *call
	channel *channel
	joined  time.Time
	first   int // position at join
	trying  bool
}

func newQueue(x *exchange, q Queue, now time.Time) *queue {
	out := &queue{Queue: q}
	for _, ext := range q.Members {
		p := x.phone(ext)
		if p == nil {
			continue // a member without a phone is never rung
		}
		m := &member{queue: out, phone: p, iface: p.device, stateIface: p.device, since: now.Unix()}
		if q.Local {
			m.iface, m.stateIface = "Local/"+ext+"@from-queue/n", "hint:"+ext+"@"+fromInternal
		}
		out.members = append(out.members, m)
	}
	return out
}

// pick returns the members to ring in an entry's nth round: all idle ones, or one.
func (q *queue) pick(now time.Time, round int) []*member {
	var idle []*member
	n := len(q.members)
	first := round
	if q.Strategy == "rrmemory" {
		first = q.next
	}
	for i := range n {
		m := q.members[(first+i)%n]
		if !m.phone.idle(now) {
			continue
		}
		idle = append(idle, m)
		if q.Strategy != "ringall" {
			q.next = (first + i + 1) % n
			return idle
		}
	}
	return idle
}

// position returns the place of an entry, counted from 1.
func (q *queue) position(e *entry) int { return slices.Index(q.entries, e) + 1 }

func (x *exchange) queue(name string) *queue {
	i := slices.IndexFunc(x.queues, func(q *queue) bool { return q.Name == name })
	if i < 0 {
		return nil
	}
	return x.queues[i]
}

// phoneFree wakes the first caller who waits for the phone, when its wrap-up is over.
func (x *exchange) phoneFree(p *phone) {
	if len(p.member) == 0 {
		return
	}
	wrap := max(p.rested.Sub(x.now), 0)
	x.agenda.push(x.now.Add(wrap+time.Millisecond), func() {
		for _, m := range p.member {
			for _, e := range m.queue.entries {
				if p.idle(x.now) && !e.trying {
					e.call.wake()
					return
				}
			}
		}
	})
}

func (x *exchange) join(q *queue, c *call, ch *channel) *entry {
	e := &entry{call: c, channel: ch, joined: x.now}
	q.entries = append(q.entries, e)
	e.first = len(q.entries)
	x.queueDevice(q, "RINGING")
	x.begin("QueueCallerJoin", AgentClass)
	x.party("", ch)
	x.kv("Queue", q.Name)
	x.num("Position", e.first)
	x.num("Count", len(q.entries))
	x.end()
	return e
}

func (x *exchange) quit(q *queue, e *entry, ch *channel) {
	position := q.position(e)
	q.entries = without(q.entries, e)
	x.queueDevice(q, "NOT_INUSE")
	x.begin("QueueCallerLeave", AgentClass)
	x.party("", ch)
	x.kv("Queue", q.Name)
	x.num("Position", position)
	x.num("Count", len(q.entries))
	x.end()
}

func (x *exchange) queueDevice(q *queue, state string) {
	if !x.traffic.Lean {
		x.flat("DeviceStateChange", CallClass, "Device", "Queue:"+q.Name, "State", state)
	}
}

func (x *exchange) callerAbandon(q *queue, e *entry, ch *channel) {
	q.abandoned++
	x.begin("QueueCallerAbandon", AgentClass)
	x.party("", ch)
	x.kv("Queue", q.Name)
	x.num("Position", q.position(e))
	x.num("OriginalPosition", e.first)
	x.num("HoldTime", seconds(e.joined, x.now))
	x.end()
}

// agent sends an event about a caller and a member, with further headers in pairs.
func (x *exchange) agent(name string, src, dst *channel, m *member, more func()) {
	x.begin(name, AgentClass)
	x.party("", src)
	x.party("Dest", dst)
	x.kv("Queue", m.queue.Name)
	x.kv("Interface", m.iface)
	x.kv("MemberName", m.phone.Name)
	if more != nil {
		more()
	}
	x.end()
}

// seconds counts as app_queue does: from one full second to another.
func seconds(from, to time.Time) int { return int(to.Unix() - from.Unix()) }
