package calls

import (
	"slices"
	"strconv"
)

// listedBridgeKind learns from an item of BridgeList what a bridge is for in which
// channels were listed, or were when the connection was lost.
func (t *Tracker) listedBridgeKind() {
	f := &t.f
	kind := bridgeKind(f)
	if f.bridge == "" || kind == "" || f.suspect {
		return
	}
	for _, c := range t.sorted() {
		for _, ch := range c.Chans {
			if s := ch.bridge(); s != nil && s.Bridge == f.bridge && s.Kind == "" {
				s.Kind = kind
				t.touch(c)
			}
			if s := ch.bridge(); kind == conference && s != nil && s.Bridge == f.bridge {
				t.joinRoom(ch, f.bridge, f.bridgeName, mark{Seq: t.seq}) // who is in it already joins no second time
			}
		}
	}
}

// countItem counts an item of the list of queues.
func (t *Tracker) countItem(event string) {
	if t.life.Resyncing && (event == "QueueParams" || event == "QueueMember" || event == "QueueEntry") {
		t.life.Items++
	}
}

// listedEntry notes a caller who waits in a queue, unless he was heard to enter it.
func (t *Tracker) listedEntry() {
	f := &t.f
	ch := t.chans[f.uniqueid]
	if ch == nil || f.queue == "" || f.suspect {
		return
	}
	t.life.Waiting = append(t.life.Waiting, f.queue+"\n"+ch.ID)
	if v := openVisit(ch); v != nil {
		if v.Queue == f.queue {
			return
		}
		t.leftUnheard(v)
	}
	v := &visit{Chan: ch.at, Queue: f.queue, Enter: mark{Seq: t.seq}, Listed: true}
	ch.call.Visits = append(ch.call.Visits, v)
	t.waits(v)
	t.touch(ch.call)
}

// overtaken gives a visit that a list told of before its QueueCallerJoin came what that says.
func (v *visit) overtaken(t *Tracker) {
	if v.Listed {
		v.Enter, v.Listed = t.mark(), false
		v.Position, _ = strconv.Atoi(t.f.position)
		t.waitsNoMore(v)
		t.waits(v)
	}
}

// queuesListed ends the list of queues. Who waited when a connection was lost, and is
// in none of them any more, left it meanwhile.
func (t *Tracker) queuesListed() {
	whole := strconv.Itoa(t.life.Items) == t.f.items
	waiting := t.life.Waiting
	t.life.Waiting, t.life.Items = nil, 0
	if !whole {
		return
	}
	for _, c := range t.sorted() {
		for _, v := range c.Visits {
			if v.Leave.set() || v.Enter.Seq > t.life.Lost.Seq || slices.Contains(waiting, v.Queue+"\n"+c.Chans[v.Chan].ID) {
				continue
			}
			t.leftUnheard(v)
			t.touch(c)
		}
	}
}

// leftUnheard ends a visit of which it was not heard when it ended.
func (t *Tracker) leftUnheard(v *visit) {
	v.Leave, v.Unlisted = mark{Seq: t.seq}, true
	t.waitsNoMore(v)
}
