package main

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"patchcord/ami/intake"
	"patchcord/crm"
)

// house is everything that is going on now, over all PBXs, as the live folds know it.
type house struct {
	lines  current[[]*intake.Line]
	people *intake.People
}

// frames returns how many frames the sessions of this node have received.
func (h *house) frames() (n uint64) {
	for _, l := range h.lines.get() {
		n += l.Status().Session.Frames
	}
	return n
}

// Open returns the tenant's open calls, oldest first.
func (h *house) Open(tenant string) []*crm.Call { return h.open(tenant, (*intake.Line).Open) }

// OpenOf returns of Open the calls in which the user has or had a part.
func (h *house) OpenOf(tenant, user string) []*crm.Call {
	return h.open(tenant, func(l *intake.Line) []*crm.Call { return l.OpenOf(user) })
}

func (h *house) open(tenant string, of func(*intake.Line) []*crm.Call) []*crm.Call {
	var list []*crm.Call
	for _, l := range h.lines.get() {
		if _, t := l.PBX(); t == tenant {
			list = append(list, of(l)...)
		}
	}
	slices.SortFunc(list, func(a, b *crm.Call) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt.Time), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Call returns the tenant's open call with that id.
func (h *house) Call(tenant, id string) (*crm.Call, bool) {
	for _, l := range h.lines.get() {
		if _, t := l.PBX(); t != tenant {
			continue
		}
		if c := l.Call(id); c != nil {
			return c, true
		}
	}
	return nil, false
}

// Phone returns what the tenant's PBX said last of the extension.
func (h *house) Phone(tenant, pbx, extension string) crm.Phone {
	for _, l := range h.lines.get() {
		if name, t := l.PBX(); name == pbx && t == tenant {
			return l.Phone(extension)
		}
	}
	return crm.Phone{}
}

// Agents returns what every bound extension is doing, as the open calls tell.
func (h *house) Agents(tenant string) []crm.AgentState {
	return h.agents(tenant, h.people.Bound(tenant, time.Now()), h.Open(tenant))
}

// AgentsOf returns what the user's extensions are doing.
func (h *house) AgentsOf(tenant, user string) []crm.AgentState {
	return h.agents(tenant, h.people.BoundTo(tenant, user, time.Now()), h.OpenOf(tenant, user))
}

func (h *house) agents(tenant string, bound []crm.Binding, open []*crm.Call) []crm.AgentState {
	phones := h.idle(tenant, bound)
	for _, c := range open {
		for _, o := range c.Offers {
			if o.Result == "" {
				phones.note(c.PBX, o.Extension, o.Desk, "ringing", o.StartedAt)
			}
		}
		for _, t := range c.Talks {
			if t.EndedAt.IsZero() {
				phones.note(c.PBX, t.Extension, t.Desk, "talking", t.StartedAt)
			}
		}
	}
	return slices.SortedFunc(maps.Values(phones), func(a, b crm.AgentState) int {
		return cmp.Or(cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.PBX, b.PBX), cmp.Compare(a.Extension, b.Extension))
	})
}

// doing is what every phone that somebody has is doing.
type doing map[phone]crm.AgentState

// idle returns the bound extensions, each as it is while no call rings it.
func (h *house) idle(tenant string, bound []crm.Binding) doing {
	p, now := doing{}, time.Now()
	for _, b := range bound {
		k := phone{b.PBX, b.Extension}
		if _, twice := p[k]; twice {
			continue
		}
		told := h.Phone(tenant, b.PBX, b.Extension)
		s := crm.AgentState{PBX: b.PBX, Extension: b.Extension, State: "idle", Paused: told.Paused}
		if told.Away {
			s.State = "unavailable"
		}
		s.Agent, s.Agents = h.people.Named(tenant, b.PBX, b.Extension, now)
		p[k] = s
	}
	return p
}

// note tells what an extension is doing. Who is logged in at a phone sits there, whosever
// it is; and whoever talks is not said to ring.
func (p doing) note(pbx, extension string, d crm.Desk, state string, since crm.Time) {
	k := phone{pbx, d.LoggedIn}
	if _, ok := p[k]; !ok {
		k.extension = extension
	}
	if s, ok := p[k]; ok && s.State != "talking" {
		s.State, s.Since = state, since
		p[k] = s
	}
}

// Queues returns who waits where, as the open calls tell.
func (h *house) Queues(tenant string) []crm.QueueState {
	type key struct{ pbx, queue string }
	states := map[key]crm.QueueState{}
	for _, c := range h.Open(tenant) {
		for _, v := range c.QueueVisits {
			k := key{c.PBX, v.Queue}
			s := states[k]
			s.PBX, s.Queue = c.PBX, v.Queue
			if v.LeftAt.IsZero() {
				s.Waiting++
				if s.Oldest.IsZero() || v.EnteredAt.Before(s.Oldest.Time) {
					s.Oldest = v.EnteredAt
				}
			}
			states[k] = s
		}
	}
	return slices.SortedFunc(maps.Values(states), func(a, b crm.QueueState) int {
		return cmp.Or(cmp.Compare(a.PBX, b.PBX), cmp.Compare(a.Queue, b.Queue))
	})
}
