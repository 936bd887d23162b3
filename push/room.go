package push

import (
	"encoding/json"
	"slices"
	"time"

	"patchcord/crm"
)

// maxPops bounds the pops of a tenant that wait for their acknowledgement;
// beyond it new ones are acknowledged without a latency.
const maxPops = 1 << 16

// room is one tenant: what happened lately and who listens. The hub's mutex guards it.
type room struct {
	cfg     Config
	ring    ring
	follow  follower
	top     places          // last place of every source: published, else durable when the hub asked
	heard   map[string]bool // sources that have published
	pbxs    map[string]PBX
	pops    map[string]*pop // by offer id; as long as the ring has its offer.created
	early   map[string]bool // acknowledged offers from before the start
	sockets map[*socket]bool
	byAgent map[string][]*socket // agents' sockets, by user name
	seers   map[*socket]bool     // of those who see the whole tenant
	users   map[string][]*socket // by user id, oldest first
	left    map[string]time.Time // when the last socket of a user closed, by name
	quiet   *message             // says how far the room is; nil when out of date
	pages   pages                // of messages
	cursor  []byte               // top as clients see it is written here
}

func newRoom(cfg Config) *room {
	return &room{
		cfg: cfg,
		ring: ring{
			keep: cfg.Keep, atLeast: cfg.AtLeast, atMost: cfg.AtMost, maxSize: cfg.MaxBytes,
			floor: make(places),
		},
		top:     make(places),
		heard:   make(map[string]bool),
		pbxs:    make(map[string]PBX),
		pops:    make(map[string]*pop),
		sockets: make(map[*socket]bool),
		byAgent: make(map[string][]*socket),
		seers:   make(map[*socket]bool),
		users:   make(map[string][]*socket),
	}
}

func (r *room) publish(e *crm.Event, body []byte, now time.Time) {
	at := place{e.Pos, e.N}
	if e.PBX == "" {
		at = logPlace(e.Pos.Seq)
	}
	stored := !e.Pos.IsZero() // else it has no place that a client could resume from
	if stored && e.PBX != "" && r.heard[e.PBX] && at.compare(r.top[e.PBX]) <= 0 {
		return
	}
	if stored {
		r.reach(e.PBX, at)
	}
	n := entry{msg: message{data: r.eventMessage(body), state: stateOf(e)}, src: e.PBX, at: at, when: now, who: r.follow.audience(e)}
	if e.Type == crm.OfferCreated && e.Call != nil && len(n.who.agents) > 0 {
		n.msg.pop = r.track(e, n.who.agents, now)
	}
	if stored {
		r.send(r.retain(n, e, now), n.who)
		return
	}
	alone := n.msg
	r.send(&alone, n.who)
}

// reach moves the room on to a place of a source.
func (r *room) reach(src string, at place) {
	if _, ok := r.ring.floor[src]; !ok {
		r.ring.floor[src] = place{at.pos, beforeFrame}
		if src == "" {
			r.ring.floor[src] = logPlace(at.pos.Seq - 1)
		}
	}
	r.heard[src], r.quiet = true, nil
	if src != "" || at.compare(r.top[src]) > 0 {
		r.top[src] = at
	}
}

// seed takes durable as the beginning of the sources that have said nothing yet.
func (r *room) seed(durable crm.Cursor) {
	r.seedOne("", logPlace(uint64(max(durable.Log, 0))))
	for name := range r.pbxs {
		r.seedOne(name, place{durable.PBX[name], wholeFrame})
	}
}

func (r *room) seedOne(src string, at place) {
	if _, ok := r.top[src]; !ok {
		r.top[src], r.ring.floor[src], r.quiet = at, at, nil
	}
}

// seeded reports whether every known source has a place.
func (r *room) seeded() bool {
	if _, ok := r.top[""]; !ok {
		return false
	}
	for name := range r.pbxs {
		if _, ok := r.top[name]; !ok {
			return false
		}
	}
	return true
}

// retain puts the entry into the ring and returns its message there.
func (r *room) retain(n entry, e *crm.Event, now time.Time) *message {
	if e.Type == crm.OfferCreated && len(n.who.agents) > 0 && len(r.pops) < maxPops {
		n.pop = e.OfferID
		r.pops[e.OfferID] = &pop{call: e.Subject(), agents: n.who.agents, at: now, way: n.msg.pop}
	}
	m, evicted := r.ring.add(n, now)
	r.forget(evicted)
	return m
}

func (r *room) trim(now time.Time) { r.forget(r.ring.trim(now)) }

func (r *room) forget(pops []string) {
	for _, id := range pops {
		delete(r.pops, id)
	}
}

// send puts m into the queue of everybody in the audience.
func (r *room) send(m *message, who audience) {
	if who.all {
		for s := range r.sockets {
			s.send(m)
		}
		return
	}
	for s := range r.seers {
		s.send(m)
	}
	for _, name := range who.agents {
		for _, s := range r.byAgent[name] {
			s.send(m)
		}
	}
}

func (r *room) setPBX(p PBX) {
	if r.pbxs[p.Name] == p {
		return
	}
	r.pbxs[p.Name] = p
	b, err := json.Marshal(struct {
		Op  string `json:"op"`
		PBX PBX    `json:"pbx"`
	}{"pbx", p})
	if err != nil {
		return // strings and a time always encode
	}
	r.send(&message{data: b, state: state{kind: "pbx", pbx: p.Name}}, audience{all: true})
}

// quietMessage says how far the room is.
func (r *room) quietMessage() *message {
	if r.quiet == nil {
		r.quiet = &message{data: []byte(`{"op":"cursor","cursor":"` + r.top.String() + `"}`), state: state{kind: "cursor"}}
	}
	return r.quiet
}

// add registers a socket; the user's oldest makes room when there are too many.
func (r *room) add(s *socket) {
	r.sockets[s] = true
	if seesTenant(s.who.Role) {
		r.seers[s] = true
	} else {
		r.byAgent[s.who.Name] = append(r.byAgent[s.who.Name], s)
	}
	if mine := r.users[s.who.UserID]; len(mine) >= r.cfg.PerUser {
		mine[0].shut(errReplaced)
		r.remove(mine[0])
	}
	r.users[s.who.UserID] = append(r.users[s.who.UserID], s)
}

// remove is add's opposite; removing twice does nothing.
func (r *room) remove(s *socket) {
	delete(r.sockets, s)
	delete(r.seers, s)
	without(r.byAgent, s.who.Name, s)
	without(r.users, s.who.UserID, s)
	r.gone(s.who.Name, time.Now())
}

func without(m map[string][]*socket, key string, s *socket) {
	i := slices.Index(m[key], s)
	switch {
	case i < 0:
	case len(m[key]) == 1:
		delete(m, key)
	default:
		m[key] = slices.Delete(slices.Clone(m[key]), i, i+1)
	}
}

// eventMessage wraps an encoded event.
func (r *room) eventMessage(event []byte) []byte {
	r.cursor = r.top.append(r.cursor[:0])
	return appendEventMessage(r.pages.take(lenEventMessage(r.cursor, event)), r.cursor, event)
}

const eventHead, eventMid, eventTail = `{"op":"event","cursor":"`, `","event":`, `}`

func lenEventMessage(cursor, event []byte) int {
	return len(eventHead) + len(cursor) + len(eventMid) + len(event) + len(eventTail)
}

// appendEventMessage appends an event and its cursor, which needs no escaping.
func appendEventMessage(b, cursor, event []byte) []byte {
	b = append(b, eventHead...)
	b = append(b, cursor...)
	b = append(b, eventMid...)
	b = append(b, event...)
	return append(b, eventTail...)
}

// stateOf names the state of which e is the newest version, none when e is more
// than that and must not be left out.
func stateOf(e *crm.Event) state {
	switch {
	case e.Type == crm.CallUpdated && e.Call != nil:
		return state{kind: "call", name: e.Call.ID}
	case e.Type == crm.AgentStateEvent && e.Agent != nil:
		return state{"agent", e.Agent.PBX, e.Agent.Extension}
	case e.Type == crm.QueueStateEvent && e.Queue != nil:
		return state{"queue", e.Queue.PBX, e.Queue.Queue}
	}
	return state{}
}
