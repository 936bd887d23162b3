package push

import (
	"slices"
	"time"

	"patchcord/crm"
)

// outGrace is how long after an agent's part in a call an event of it still goes
// to him when the hub does not know whether he was told: after a restart, or
// while replaying from the store.
const outGrace = 5 * time.Second

// maxFollowed bounds the calls whose agents are remembered; beyond it they are
// forgotten and outGrace decides.
const maxFollowed = 1 << 16

// audience is who may see an event: supervisors, admins and owners of the tenant
// see all of it, the rest is listed.
type audience struct {
	all    bool     // everybody of the tenant who may listen at all
	agents []string // user names
}

func (a audience) includes(p crm.Principal) bool {
	return a.all || seesTenant(p.Role) || slices.Contains(a.agents, p.Name)
}

// mayListen reports whether a role may open a socket at all.
func mayListen(r crm.Role) bool { return r == crm.RoleAgent || seesTenant(r) }

// seesTenant reports whether a role sees everything of its tenant.
func seesTenant(r crm.Role) bool {
	return r == crm.RoleSupervisor || r == crm.RoleAdmin || r == crm.RoleOwner
}

// followed is what is remembered of an open call.
type followed struct {
	in      []string    // agents who are in it
	matches []crm.Match // contacts it may belong to
}

// follower knows which agents are in which call, from the events so far. The
// record in an event says who is in the call after it; whoever was in it before
// must see the event that takes him out.
type follower struct {
	calls map[string]followed
}

// audience decides who may see e, and remembers who is in its call now.
func (f *follower) audience(e *crm.Event) audience {
	switch e.Type {
	case crm.GapOpened, crm.GapClosed:
		return audience{all: true}
	case crm.AgentStateEvent:
		if e.Agent == nil {
			return audience{}
		}
		return audience{agents: e.Agent.Users()}
	}
	if e.Call == nil {
		return audience{}
	}
	seen := f.follow(e)
	if e.OfferID == "" {
		return audience{agents: seen}
	}
	o := e.Call.Offer(e.OfferID)
	if o == nil {
		return audience{}
	}
	return audience{agents: o.Users()}
}

// follow returns who was in the call of e before it or is after it.
func (f *follower) follow(e *crm.Event) []string {
	c := e.Call
	was, known := f.calls[c.ID]
	before := was.in
	if !known && (c.Open() || e.Type == crm.CallEnded) {
		before = lately(c, e.At.Add(-outGrace))
	}
	now := inCall(c)
	f.remember(e, followed{in: now, matches: pick(e.Matches, was.matches)})
	return union(before, now)
}

func (f *follower) remember(e *crm.Event, now followed) {
	switch {
	case e.Type == crm.CallMerged:
		delete(f.calls, e.Call.ID)
		if into, ok := f.calls[e.Into]; ok {
			f.calls[e.Into] = followed{in: union(into.in, now.in), matches: pick(into.matches, now.matches)}
		}
	case !e.Call.Open():
		delete(f.calls, e.Call.ID)
	default:
		if f.calls == nil || len(f.calls) >= maxFollowed {
			f.calls = make(map[string]followed)
		}
		f.calls[e.Call.ID] = now
	}
}

func pick(a, b []crm.Match) []crm.Match {
	if len(a) > 0 {
		return a
	}
	return b
}

// inCall returns the agents whom the record shows in the call: ringing, just
// accepted, or talking.
func inCall(c *crm.Call) []string {
	if !c.Open() {
		return nil
	}
	var in []string
	for i := range c.Offers {
		o := &c.Offers[i]
		if o.Result == "" || o.Result == crm.ResultAccepted && !talked(c, o) {
			in = union(in, o.Users())
		}
	}
	for i := range c.Talks {
		if c.Talks[i].EndedAt.IsZero() {
			in = union(in, c.Talks[i].Users())
		}
	}
	return in
}

// talked reports whether the talk that an accepted offer led to is on record.
func talked(c *crm.Call, o *crm.Offer) bool {
	return slices.ContainsFunc(c.Talks, func(t crm.Talk) bool {
		return t.Extension == o.Extension && !t.StartedAt.Before(o.StartedAt.Time)
	})
}

// lately returns the agents who had a part in the call that ended at or after t.
func lately(c *crm.Call, t time.Time) []string {
	var names []string
	for i := range c.Offers {
		if o := &c.Offers[i]; o.Result != crm.ResultAccepted && !o.EndedAt.Before(t) {
			names = union(names, o.Users())
		}
	}
	for i := range c.Talks {
		if !c.Talks[i].EndedAt.Before(t) {
			names = union(names, c.Talks[i].Users())
		}
	}
	return names
}

func include(names []string, name string) []string {
	if name == "" || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

func union(a, b []string) []string {
	out := slices.Clip(a)
	for _, name := range b {
		out = include(out, name)
	}
	return out
}
