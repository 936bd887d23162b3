package amitest

import "time"

// A phoneState is what Asterisk says of a device.
type phoneState int

const (
	notInUse phoneState = iota
	inUse
	ringing
	ringInUse
	onHold
	unavailable
)

// device, extension and queue give the state's names in the three events that tell it.
func (s phoneState) device() string {
	return [...]string{"NOT_INUSE", "INUSE", "RINGING", "RINGINUSE", "ONHOLD", "UNAVAILABLE"}[s]
}

func (s phoneState) extension() (status, text string) {
	switch s {
	case inUse:
		return "1", "InUse"
	case ringing:
		return "8", "Ringing"
	case ringInUse:
		return "9", "InUse&Ringing"
	case onHold:
		return "16", "Hold"
	case unavailable:
		return "4", "Unavailable"
	}
	return "0", "Idle"
}

func (s phoneState) queue() int { return [...]int{1, 2, 6, 7, 8, 5}[s] }

// A phone is an extension's device.
type phone struct {
	Agent
	device   string
	state    phoneState
	channels []*channel // live, those that do not ring yet included
	member   []*member  // of queues
	off      bool       // not registered
	rang     time.Time  // when it last began to ring
	rested   time.Time  // when the wrap-up time after the last call ends
}

// compute returns the state that the phone's channels make.
func (p *phone) compute() phoneState {
	rings, talks, held := false, false, 0
	for _, ch := range p.channels {
		rings = rings || ch.state == stateRinging
		talks = talks || ch.state == stateUp || ch.state == stateRing || ch.state == stateBusy
		if ch.held {
			held++
		}
	}
	switch {
	case rings && talks:
		return ringInUse
	case rings:
		return ringing
	case talks && held == len(p.channels):
		return onHold
	case talks:
		return inUse
	case p.off:
		return unavailable
	}
	return notInUse
}

// idle reports whether a queue may ring the phone.
func (p *phone) idle(now time.Time) bool {
	return len(p.channels) == 0 && !p.off && !now.Before(p.rested)
}

// attach makes a channel the phone's.
func (x *exchange) attach(p *phone, ch *channel) {
	ch.phone = p
	p.channels = append(p.channels, ch)
	if ch.state != stateDown {
		x.deviceMoved(p)
	}
}

// deviceMoved tells the phone's state when it changed: DeviceStateChange,
// ExtensionStatus and a QueueMemberStatus for each of its queues, in any order and
// a little later, as Asterisk's own threads do.
func (x *exchange) deviceMoved(p *phone) {
	if p == nil {
		return
	}
	now := p.compute()
	if now == p.state {
		return
	}
	p.state = now
	if now == notInUse {
		x.phoneFree(p)
	}
	if x.traffic.Lean {
		return
	}
	x.after(x.jitter(3), func() { x.flat("DeviceStateChange", CallClass, "Device", p.device, "State", now.device()) })
	x.after(x.jitter(3), func() {
		status, text := now.extension()
		x.flat("ExtensionStatus", CallClass, "Exten", p.Extension, "Context", fromInternal,
			"Hint", p.device, "Status", status, "StatusText", text)
	})
	for _, m := range p.member {
		x.after(x.jitter(3), func() { x.memberStatus(m, now) })
	}
}

func (x *exchange) memberStatus(m *member, s phoneState) {
	x.begin("QueueMemberStatus", AgentClass)
	x.kv("Queue", m.queue.Name)
	x.kv("MemberName", m.phone.Name)
	x.kv("Interface", m.iface)
	x.memberHeaders(m, s)
	x.num("Ringinuse", 0)
	x.num("Wrapuptime", 0)
	x.end()
}

// memberHeaders are those that QueueMemberStatus shares with QueueMember.
func (x *exchange) memberHeaders(m *member, s phoneState) {
	x.kv("StateInterface", m.stateIface)
	x.kv("Membership", "static")
	x.num("Penalty", 0)
	x.num("CallsTaken", m.taken)
	x.num("LastCall", int(m.last))
	x.num("LastPause", 0)
	x.num("LoginTime", int(m.since))
	x.num("InCall", m.inCall)
	x.num("Status", s.queue())
	x.num("Paused", 0)
	x.kv("PausedReason", "")
}

// trunkMoved tells that the trunk is in use or not.
func (x *exchange) trunkMoved(state string) {
	if x.traffic.Lean {
		return
	}
	x.after(x.jitter(3), func() { x.flat("DeviceStateChange", CallClass, "Device", "PJSIP/trunk", "State", state) })
}
