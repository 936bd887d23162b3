package amitest

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A list is the answer to an action that lists things. It is built while the PBX's
// lock is held, and written without it.
type list struct {
	complete string // the name of the event that ends it
	id       string // ActionID
	items    []string
	more     []string // header lines of the end
	off      int      // what its ListItems is wrong by
}

// build makes a list of the exchange as it is.
func (s *session) build(a action, complete string, fill func(x *exchange, l *list)) *list {
	l := &list{complete: complete, id: a.get("ActionID")}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	fill(s.p.exchange, l)
	return l
}

// item adds an event that header makes.
func (l *list) item(x *exchange, name string, idFirst bool, headers func()) {
	x.buf = append(x.buf[:0], "Event: "...)
	x.buf = append(x.buf, name...)
	x.buf = append(x.buf, "\r\n"...)
	if l.id != "" && idFirst {
		x.kv("ActionID", l.id)
	}
	headers()
	if l.id != "" && !idFirst {
		x.kv("ActionID", l.id)
	}
	l.items = append(l.items, string(x.buf)+"\r\n")
}

// sendList writes the list as the faults will have it.
func (s *session) sendList(ctx context.Context, a action, message string, l *list) error {
	if err := s.reply(ctx, a, "Success", "EventList: start", "Message: "+message); err != nil {
		return err
	}
	s.p.mu.Lock()
	cutting, cut, off := s.p.faults.cutting, s.p.faults.cutList, s.p.faults.listItemsOff
	s.p.mu.Unlock()
	items := l.items
	if cutting {
		items = items[:min(cut, len(items))]
	}
	var b strings.Builder
	for _, item := range items {
		b.WriteString(item)
	}
	if !cutting {
		b.WriteString("Event: " + l.complete + "\r\n")
		if l.id != "" {
			b.WriteString("ActionID: " + l.id + "\r\n")
		}
		fmt.Fprintf(&b, "EventList: Complete\r\nListItems: %d\r\n", len(l.items)+l.off+off)
		for _, line := range l.more {
			b.WriteString(line + "\r\n")
		}
		b.WriteString("\r\n")
	}
	return s.write(ctx, []byte(b.String()))
}

func (ch *channel) bridgeID() string {
	if ch.bridge == nil {
		return ""
	}
	return ch.bridge.id
}

func (s *session) coreShowChannels(ctx context.Context, a action) error {
	l := s.build(a, "CoreShowChannelsComplete", func(x *exchange, l *list) {
		now := time.Now()
		for _, ch := range x.channels {
			l.item(x, "CoreShowChannel", true, func() {
				x.party("", ch)
				x.kv("Application", ch.app)
				x.kv("ApplicationData", ch.data)
				age := int(now.Sub(ch.created).Seconds())
				x.kv("Duration", fmt.Sprintf("%02d:%02d:%02d", age/3600, age/60%60, age%60))
				x.kv("BridgeId", ch.bridgeID())
			})
		}
	})
	return s.sendList(ctx, a, "Channels will follow", l)
}

func (s *session) status(ctx context.Context, a action) error {
	only := a.get("Channel")
	l := s.build(a, "StatusComplete", func(x *exchange, l *list) {
		for _, ch := range x.channels {
			if only != "" && only != ch.name {
				continue
			}
			l.item(x, "Status", false, func() { x.statusHeaders(ch) })
		}
	})
	if only != "" && len(l.items) == 0 {
		return s.fail(ctx, a, "No such channel")
	}
	l.more = []string{fmt.Sprintf("Items: %d", len(l.items))}
	return s.sendList(ctx, a, "Channel status will follow", l)
}

func (x *exchange) statusHeaders(ch *channel) {
	dnid := ""
	if ch.call != nil && ch == ch.call.first {
		dnid = ch.call.rec.To.Number
	}
	x.kv("Privilege", "Call")
	x.party("", ch)
	x.kv("Type", ch.name[:strings.IndexByte(ch.name, '/')])
	x.kv("DNID", dnid)
	x.kv("EffectiveConnectedLineNum", ch.connNum)
	x.kv("EffectiveConnectedLineName", ch.connName)
	x.num("TimeToHangup", 0)
	x.kv("BridgeID", ch.bridgeID())
	x.kv("Application", ch.app)
	x.kv("Data", ch.data)
	for _, h := range []string{"Nativeformats: (ulaw)", "Readformat: ulaw", "Readtrans: ", "Writeformat: ulaw", "Writetrans: ", "Callgroup: 0", "Pickupgroup: 0"} {
		name, value, _ := strings.Cut(h, ": ")
		x.kv(name, value)
	}
	x.num("Seconds", int(time.Since(ch.created).Seconds()))
}

func (s *session) bridgeList(ctx context.Context, a action) error {
	l := s.build(a, "BridgeListComplete", func(x *exchange, l *list) {
		for _, b := range x.bridges {
			l.item(x, "BridgeListItem", true, func() { x.bridgeHeaders(b) })
		}
	})
	return s.sendList(ctx, a, "Bridge listing will follow", l)
}

func (s *session) bridgeInfo(ctx context.Context, a action) error {
	found := false
	l := s.build(a, "BridgeInfoComplete", func(x *exchange, l *list) {
		for _, b := range x.bridges {
			if b.id != a.get("BridgeUniqueid") {
				continue
			}
			found = true
			for _, ch := range b.members {
				l.item(x, "BridgeInfoChannel", true, func() { x.party("", ch) })
			}
			x.buf = x.buf[:0]
			x.bridgeHeaders(b)
			l.more = strings.Split(strings.TrimSuffix(string(x.buf), "\r\n"), "\r\n")
		}
	})
	if !found {
		return s.fail(ctx, a, "Bridge not found")
	}
	return s.sendList(ctx, a, "Bridge channel listing will follow", l)
}

func (s *session) queueStatus(ctx context.Context, a action) error {
	l := s.build(a, "QueueStatusComplete", func(x *exchange, l *list) {
		for _, q := range x.queues {
			if only := a.get("Queue"); only == "" || only == q.Name {
				x.listQueue(l, q, a.get("Member"))
			}
		}
	})
	return s.sendList(ctx, a, "Queue status will follow", l)
}

func (x *exchange) listQueue(l *list, q *queue, only string) {
	l.item(x, "QueueParams", false, func() {
		x.kv("Queue", q.Name)
		x.num("Max", 0)
		x.kv("Strategy", q.Strategy)
		x.num("Calls", len(q.entries))
		x.num("Holdtime", q.holdTime)
		x.num("TalkTime", q.talkTime)
		x.num("Completed", q.completed)
		x.num("Abandoned", q.abandoned)
		x.num("ServiceLevel", 20)
		x.kv("ServicelevelPerf", "100.0")
		x.kv("ServicelevelPerf2", "100.0")
		x.num("Weight", 0)
	})
	for _, m := range q.members {
		if only != "" && only != m.iface {
			continue
		}
		l.item(x, "QueueMember", false, func() {
			x.kv("Queue", q.Name)
			x.kv("Name", m.phone.Name)
			x.kv("Location", m.iface)
			x.memberHeaders(m, m.phone.state)
			x.num("Wrapuptime", 0)
		})
	}
	for i, e := range q.entries {
		l.item(x, "QueueEntry", false, func() {
			ch := e.channel
			x.kv("Queue", q.Name)
			x.num("Position", i+1)
			for _, h := range [][2]string{{"Channel", ch.name}, {"Uniqueid", ch.uniqueid}, {"CallerIDNum", ch.num},
				{"CallerIDName", ch.callerName}, {"ConnectedLineNum", ch.connNum}, {"ConnectedLineName", ch.connName}} {
				x.buf = appendHeader(x.buf, "", h[0], h[1])
			}
			x.num("Wait", int(time.Since(e.joined).Seconds()))
			x.num("Priority", 0)
		})
	}
}

func (s *session) queueSummary(ctx context.Context, a action) error {
	l := s.build(a, "QueueSummaryComplete", func(x *exchange, l *list) {
		now := time.Now()
		for _, q := range x.queues {
			l.item(x, "QueueSummary", false, func() {
				free, longest := 0, 0
				for _, m := range q.members {
					if m.phone.idle(now) {
						free++
					}
				}
				if len(q.entries) > 0 {
					longest = int(now.Sub(q.entries[0].joined).Seconds())
				}
				x.kv("Queue", q.Name)
				x.num("LoggedIn", len(q.members))
				x.num("Available", free)
				x.num("Callers", len(q.entries))
				x.num("HoldTime", q.holdTime)
				x.num("TalkTime", q.talkTime)
				x.num("LongestHoldTime", longest)
			})
		}
	})
	return s.sendList(ctx, a, "Queue summary will follow", l)
}

func (s *session) deviceStateList(ctx context.Context, a action) error {
	l := s.build(a, "DeviceStateListComplete", func(x *exchange, l *list) {
		for _, p := range x.phones {
			l.item(x, "DeviceStateChange", true, func() {
				x.kv("Device", p.device)
				x.kv("State", p.state.device())
			})
		}
	})
	return s.sendList(ctx, a, "Device State Changes will follow", l)
}

func (s *session) extensionStateList(ctx context.Context, a action) error {
	l := s.build(a, "ExtensionStateListComplete", func(x *exchange, l *list) {
		for _, p := range x.phones {
			status, text := p.state.extension()
			l.item(x, "ExtensionStatus", true, func() {
				x.kv("Exten", p.Extension)
				x.kv("Context", fromInternal)
				x.kv("Hint", p.device)
				x.kv("Status", status)
				x.kv("StatusText", text)
			})
		}
	})
	return s.sendList(ctx, a, "Extension Statuses will follow", l)
}
