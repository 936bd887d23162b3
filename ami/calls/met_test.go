package calls

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/ami"
)

// Who was connected with whom is found here a second time, from the bridges and the Local
// pairs alone: dials, transfers, holds and parks are not looked at, nor is the code that
// concludes the records. TestTalksAreThoseOfTheBridges holds them against it.

// A person is a channel of a phone or a trunk.
type person struct {
	id, lid string // Uniqueid, and the Linkedid with which it came
	device  string // TECH/DEVICE
	ext     string // of a phone
	number  string // of who called over a trunk
	seen    time.Time
	gone    time.Time
}

func (p *person) String() string {
	if p.ext != "" {
		return p.ext
	}
	return cmp.Or(p.number, p.device)
}

// A meeting is a stretch in which two people were connected.
type meeting struct {
	a, b     *person
	from, to time.Time
}

func (m *meeting) String() string { return fmt.Sprint(m.a, " and ", m.b) }

// with returns the other of the two; nil when p is neither.
func (m *meeting) with(is func(*person) bool) *person {
	switch {
	case is(m.a):
		return m.b
	case is(m.b):
		return m.a
	}
	return nil
}

// An observer watches the bridges of a trace.
type observer struct {
	people map[string]*person // living channels of phones and trunks, by Uniqueid
	ends   map[string]string  // living halves of Local channels: Uniqueid by name
	halves map[string]string  // name by Uniqueid
	in     map[string]string  // bridge by Uniqueid
	up     map[string]bool    // answered, by Uniqueid: a phone that rings is with nobody, in whichever bridge a program puts it
	open   map[[2]string]*meeting
	met    []*meeting
	all    []*person
	left   map[*person][]time.Time // when somebody left a bridge, or hung up
	asked  map[*person]time.Time   // when somebody first asked for the hang-up of his channel
	moves  []time.Time             // transfers and parks
	last   time.Time
}

func observe(t testing.TB, tr *ami.Trace) *observer {
	t.Helper()
	o := &observer{
		people: map[string]*person{}, ends: map[string]string{}, halves: map[string]string{},
		in: map[string]string{}, up: map[string]bool{}, open: map[[2]string]*meeting{}, left: map[*person][]time.Time{},
		asked: map[*person]time.Time{},
	}
	for {
		item, err := tr.Next()
		if err != nil {
			break
		}
		if item.Kind == ami.TraceFrame {
			o.last = item.At
			o.frame(item.Msg, item.At)
		}
	}
	o.meet(o.last, nil)
	return o
}

func (o *observer) frame(m ami.Message, at time.Time) {
	id, name := m.Get("Uniqueid"), m.Get("Channel")
	if state := m.Get("ChannelState"); state != "" {
		o.up[id] = state == "6"
	}
	switch m.Event() {
	case "Newchannel":
		o.enter(m, id, name, at)
		return
	case "Newstate":
	case "Pickup":
		if bridge := o.in[m.Get("TargetUniqueid")]; bridge != "" { // he takes the place of who had just answered
			o.in[id] = bridge
		}
	case "HangupRequest":
		if p := o.people[id]; p != nil && o.asked[p].IsZero() {
			o.asked[p] = at
		}
		return
	case "BlindTransfer", "AttendedTransfer", "ParkedCall":
		o.moves = append(o.moves, at)
		return
	case "BridgeEnter", "ConfbridgeJoin":
		o.in[id] = m.Get("BridgeUniqueid")
		if kind := m.Get("BridgeType"); kind == "parking" || kind == "holding" {
			delete(o.in, id)
		}
	case "BridgeLeave", "ConfbridgeLeave":
		if o.in[id] == m.Get("BridgeUniqueid") {
			delete(o.in, id)
		}
		o.leaves(id, at)
	case "Hangup":
		o.leaves(id, at)
		if p := o.people[id]; p != nil {
			p.gone = at
		}
		delete(o.in, id)
		delete(o.people, id)
		delete(o.ends, o.halves[id])
		delete(o.halves, id)
	default:
		return
	}
	o.meet(at, o.connected())
}

func (o *observer) leaves(id string, at time.Time) {
	if p := o.people[id]; p != nil {
		o.left[p] = append(o.left[p], at)
	}
}

func (o *observer) enter(m ami.Message, id, name string, at time.Time) {
	tech, _, _ := strings.Cut(name, "/")
	device := name[:max(0, strings.LastIndexByte(name, '-'))]
	switch tech {
	case "Local":
		o.ends[name], o.halves[id] = id, name
	case "PJSIP", "SIP":
		p := &person{id: id, lid: m.Get("Linkedid"), device: device, seen: at}
		if ext := device[len(tech)+1:]; strings.Trim(ext, "0123456789") == "" {
			p.ext = ext
		} else if e := m.Get("Exten"); e != "" && e != "s" { // he calls; who is called may have any number here
			p.number = m.Get("CallerIDNum")
		}
		o.people[id] = p
		o.all = append(o.all, p)
	}
}

// connected returns every two people who are connected now: in one bridge, or through
// Local channels that are in theirs.
func (o *observer) connected() map[[2]string]bool {
	inside := map[string][]string{} // a bridge's channels
	for id, bridge := range o.in {
		inside[bridge] = append(inside[bridge], id)
	}
	pairs := map[[2]string]bool{}
	for id := range o.people {
		seen := map[string]bool{id: true}
		for queue := []string{id}; len(queue) > 0; queue = queue[1:] {
			next := inside[o.in[queue[0]]]
			if half := o.halves[queue[0]]; half != "" {
				stem, end := half[:len(half)-1], half[len(half)-1:]
				if far := o.ends[stem+map[string]string{"1": "2", "2": "1"}[end]]; far != "" {
					next = append(slices.Clip(next), far)
				}
			}
			for _, n := range next {
				if seen[n] {
					continue
				}
				seen[n] = true
				queue = append(queue, n)
				if o.people[n] != nil && id < n && o.up[id] && o.up[n] {
					pairs[[2]string{id, n}] = true
				}
			}
		}
	}
	return pairs
}

// meet begins and ends meetings.
func (o *observer) meet(at time.Time, now map[[2]string]bool) {
	for pair, m := range o.open {
		if !now[pair] {
			m.to = at
			delete(o.open, pair)
		}
	}
	for pair := range now {
		if o.open[pair] == nil {
			m := &meeting{a: o.people[pair[0]], b: o.people[pair[1]], from: at}
			o.open[pair] = m
			o.met = append(o.met, m)
		}
	}
}

// long are the meetings of people that went on for longer than a move takes; what a move
// interrupts is one.
func (o *observer) long() []*meeting {
	list := slices.Clone(o.met)
	slices.SortFunc(list, func(a, b *meeting) int { return a.from.Compare(b.from) })
	var out []*meeting
	for _, m := range list {
		i := slices.IndexFunc(out, func(k *meeting) bool {
			return k.a == m.a && k.b == m.b && m.from.Sub(k.to) <= moveTime
		})
		if i >= 0 {
			out[i].to = m.to
			continue
		}
		copied := *m
		out = append(out, &copied)
	}
	return slices.DeleteFunc(out, func(m *meeting) bool { return m.to.Sub(m.from) <= moveTime })
}

// A stretch is a piece of time.
type stretch struct{ from, to time.Time }

// without returns what is left of s beside the others, but for moves.
func (s stretch) without(others []stretch) []stretch {
	slices.SortFunc(others, func(a, b stretch) int { return a.from.Compare(b.from) })
	var out []stretch
	at := s.from
	for _, o := range others {
		if o.from.Sub(at) > moveTime && at.Before(s.to) {
			out = append(out, stretch{at, earlier(o.from, s.to)})
		}
		if o.to.After(at) {
			at = o.to
		}
	}
	if s.to.Sub(at) > moveTime {
		out = append(out, stretch{at, s.to})
	}
	return slices.DeleteFunc(out, func(g stretch) bool { return g.to.Sub(g.from) <= moveTime })
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
