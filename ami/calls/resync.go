package calls

import (
	"slices"
	"strings"
	"time"

	"patchcord/crm"
)

// absentTwice is how far apart the two lists must lie that both miss a channel
// before it is taken for gone: a list may be older than the events around it.
const absentTwice = 2 * time.Second

func (t *Tracker) resyncBegin() {
	t.life.Resyncing, t.life.Resync, t.life.Seen, t.life.Listed = true, t.mark(), nil, false
	t.life.Waiting, t.life.Items = nil, 0
}

// item takes one item, or the end, of a list that was asked for.
func (t *Tracker) item(event string) {
	switch event {
	case "BridgeListItem":
		t.listedBridgeKind()
	case "QueueEntry":
		t.countItem(event)
		t.listedEntry()
	case "QueueStatusComplete":
		t.queuesListed()
	default:
		t.listed(event)
	}
}

// listed merges one item of CoreShowChannels or Status into what is known. A list is
// written while events wait behind it, so an item can be older than what was heard:
// it only ever adds.
func (t *Tracker) listed(event string) {
	f := &t.f
	if f.uniqueid == "" || f.channel == "" || f.suspect {
		return
	}
	if event == "CoreShowChannel" {
		t.life.Listed = true
		t.life.Seen = append(t.life.Seen, f.uniqueid)
	}
	ch := t.chans[f.uniqueid]
	if ch == nil {
		if ch = t.discover(); ch == nil {
			return
		}
	} else {
		t.follow(ch, f.linkedid)
	}
	if ch.Absent.set() {
		ch.Absent, ch.Until = mark{}, mark{}
	}
	if f.dnid != "" && ch.Listed && ch.Kind == trunk {
		ch.Exten = f.dnid
	}
	before := *ch
	t.setState(ch, f.state)
	if ch.Up != before.Up && !ch.Listed {
		ch.Up.At = time.Time{} // when, nobody told
	}
	t.listedBridge(ch)
	t.touch(ch.call)
}

// discover makes a channel known that was first seen in a list.
func (t *Tracker) discover() *channel {
	f := &t.f
	if c := t.calls[f.linkedid]; c != nil && c.find(f.uniqueid) >= 0 {
		return nil // hung up since the list was begun
	}
	ch := t.addChannel(f.uniqueid, f.linkedid, f.channel, true)
	if ch == nil {
		return nil
	}
	c := ch.call
	c.Missed = true
	t.inLastGap(c)
	ch.Born, ch.Ring.At, ch.Up.At = mark{Seq: t.seq}, time.Time{}, time.Time{}
	ch.Exten = ""
	if len(c.Origins) == 1 && c.Origins[0].Linkedid != ch.ID {
		t.firstChannel(c)
	} else if i := c.find(c.Origins[0].Linkedid); i >= 0 {
		c.Origins[0].First = i
	}
	if strings.HasPrefix(f.application, "App") && ch.Kind != plumbing { // AppDial, AppQueue: it was called
		t.listedDial(ch)
	}
	return ch
}

// inLastGap names the gap in which something of the call was missed, when the connection began with one.
func (t *Tracker) inLastGap(c *call) {
	if g := t.life.Last; g != nil && len(c.Gaps) == 0 {
		c.Gaps = append(c.Gaps, crm.CallGap{StartedAt: g.StartedAt, EndedAt: g.EndedAt, Cause: g.Cause})
	}
}

// overtaken begins a channel anew whose Newchannel comes after the list that told of
// it: the list was faster than the event, and nothing was missed.
func (t *Tracker) overtaken(ch *channel) {
	if len(ch.Stays) > 0 {
		return // the list was about a later time
	}
	f, c := &t.f, ch.call
	ch.Listed, ch.Born, ch.Ring, ch.Up = false, t.mark(), mark{}, mark{}
	ch.Num, ch.Label, ch.Exten = f.num, callerName(ch.Name, f.name), f.exten
	if dialable(f.exten) {
		ch.Last = f.exten
	}
	c.Dials = slices.DeleteFunc(c.Dials, func(d *dial) bool { return d.Listed && d.Dst == ch.at })
	if !slices.ContainsFunc(c.Chans, func(o *channel) bool { return o.Listed || o.Born.Seq <= t.life.Lost.Seq }) {
		c.Missed, c.Gaps = false, nil
	}
	t.setState(ch, f.state)
	t.touch(c)
}

// firstChannel makes the oldest listed channel the first of its call.
func (t *Tracker) firstChannel(c *call) {
	best := c.Origins[0].First
	for i, ch := range c.Chans {
		if compareIDs(ch.ID, c.Chans[best].ID) < 0 {
			best = i
		}
	}
	c.Origins[0].First = best
}

// listedDial notes that a channel is being, or was, called: since when, by whom is not known.
func (t *Tracker) listedDial(ch *channel) {
	c := ch.call
	src := c.Origins[0].First
	if src == ch.at {
		src = -2
	}
	d := &dial{Src: src, Dst: ch.at, Begin: mark{Seq: t.seq}, Listed: true}
	if ch.Up.set() {
		d.End, d.Status = mark{Seq: t.seq}, "ANSWER"
	}
	c.Dials = append(c.Dials, d)
}

// listedBridge notes that a channel is in a bridge, unless it was seen there before.
func (t *Tracker) listedBridge(ch *channel) {
	bridge := t.f.bridge
	if bridge == "" || slices.ContainsFunc(ch.Stays, func(s stay) bool { return s.Bridge == bridge }) {
		return
	}
	if s := ch.bridge(); s != nil {
		if s.From.Seq > t.life.Lost.Seq {
			return // heard since the connection was made: the list may be older
		}
		s.To = t.life.Lost
	}
	kind := ""
	for _, o := range t.rooms[bridge] {
		if s := o.bridge(); s != nil && s.Bridge == bridge {
			kind = s.Kind
		}
	}
	switch t.f.application {
	case "ConfBridge":
		kind = conference
	case "Park", "BridgeWait":
		kind = waiting
	}
	ch.Stays = append(ch.Stays, stay{span: span{From: mark{Seq: t.seq}}, Bridge: bridge, Kind: kind})
	if kind == conference {
		room, _, _ := strings.Cut(t.f.appData, ",")
		t.joinRoom(ch, bridge, room, mark{Seq: t.seq})
	}
}

// resyncEnd closes the lists. A channel that is in none of two whole lists, and was
// there before the first of them began, is gone.
func (t *Tracker) resyncEnd(complete bool) {
	began := t.life.Resync
	seen := make(map[string]bool, len(t.life.Seen))
	for _, id := range t.life.Seen {
		seen[id] = true
	}
	usable := t.life.Resyncing && complete
	t.life.Resyncing, t.life.Seen = false, nil
	if !usable {
		return
	}
	for _, c := range t.sorted() {
		t.missing(c, seen, began)
	}
}

func (t *Tracker) missing(c *call, seen map[string]bool, began mark) {
	for _, ch := range c.Chans {
		if ch.Gone.set() || seen[ch.ID] || ch.Born.Seq > began.Seq {
			continue
		}
		if !ch.Absent.set() {
			ch.Absent, ch.Until = began, t.until(ch, began)
			t.keep(c)
			continue
		}
		if ch.Absent.At.IsZero() || began.At.IsZero() || began.At.Sub(ch.Absent.At) >= absentTwice {
			t.vanish(ch, began)
		}
	}
}

// until returns when a channel was last known to be, that a list begun then misses:
// at the end of the connection before, unless it was heard of since.
func (t *Tracker) until(ch *channel, began mark) mark {
	if lost := t.life.Lost; lost.set() && ch.lastSeen() <= lost.Seq {
		return lost
	}
	return began
}

// vanish ends a channel whose Hangup was not seen, when the first of the two lists
// missed it: connections may have come and gone between them.
func (t *Tracker) vanish(ch *channel, began mark) {
	at := ch.Until
	if ch.lastSeen() > at.Seq {
		at = t.until(ch, began)
	}
	c := ch.call
	c.Missed = true
	if at == t.life.Lost {
		t.inLastGap(c)
	}
	t.gone(ch, at)
	if c.alive == 0 && !c.Cut.set() {
		c.Cut = at
	}
	t.touch(c)
}

// lastSeen returns the place of the last thing that was heard of the channel.
func (ch *channel) lastSeen() uint64 {
	last := max(ch.Born.Seq, ch.Ring.Seq, ch.Up.Seq, ch.Asked.Seq, ch.Served.Seq)
	for _, s := range ch.Stays {
		last = max(last, s.From.Seq, s.To.Seq)
	}
	return last
}

// uniqueidTime returns the second in which a channel was made, as its Uniqueid tells.
func uniqueidTime(id string) crm.Time {
	second, _, ok := idNumbers(id)
	if !ok {
		return crm.Time{}
	}
	return crm.At(time.Unix(second, 0))
}
