package push

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"patchcord/crm"
)

// PBX says how a PBX is connected. Connected is the state in which nothing needs
// to be said; any other one is shown to people as it is.
type PBX struct {
	Name  string   `json:"name"`
	State string   `json:"state"`          // "connected", "connecting", "disconnected", "refused"
	Since crm.Time `json:"since,omitzero"` // of the state
}

// snapshot is what a principal may see now.
type snapshot struct {
	Calls    []*crm.Call            `json:"calls"`
	Agents   []crm.AgentState       `json:"agents"`
	Queues   []crm.QueueState       `json:"queues"`
	PBXs     []PBX                  `json:"pbxs"`
	Contacts map[string][]crm.Match `json:"contacts"` // candidates, by call id
}

type welcome struct {
	Op        string      `json:"op"`
	Cursor    string      `json:"cursor"`
	Recovered bool        `json:"recovered"`
	Now       crm.Time    `json:"now"`          // the server's clock
	KeepAlive *crm.Millis `json:"keepalive_ms"` // how often the server says something at least
	Snapshot  snapshot    `json:"snapshot"`
}

// snapshot is taken after the socket was registered: what happens from then on is
// in its queue.
func (h *Hub) snapshot(who crm.Principal) snapshot {
	var s snapshot
	if live := h.cfg.Live; seesTenant(who.Role) {
		s.Calls, s.Agents, s.Queues = live.Open(who.Tenant), live.Agents(who.Tenant), live.Queues(who.Tenant)
	} else {
		for _, c := range live.OpenOf(who.Tenant, who.Name) {
			if slices.Contains(inCall(c), who.Name) {
				s.Calls = append(s.Calls, c)
			}
		}
		s.Agents = live.AgentsOf(who.Tenant, who.Name)
	}
	h.remembered(who.Tenant, &s)
	s.Calls, s.Agents, s.Queues = notNil(s.Calls), notNil(s.Agents), notNil(s.Queues)
	return s
}

// remembered adds what the hub itself knows.
func (h *Hub) remembered(tenant string, s *snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.room(tenant)
	s.PBXs = notNil(slices.SortedFunc(maps.Values(r.pbxs), func(a, b PBX) int { return cmp.Compare(a.Name, b.Name) }))
	s.Contacts = make(map[string][]crm.Match)
	for _, c := range s.Calls {
		if m := r.follow.calls[c.ID].matches; len(m) > 0 {
			s.Contacts[c.ID] = m
		}
	}
}

// notNil makes an empty list encode as [].
func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (j joined) encodeWelcome(s snapshot, now time.Time) ([]byte, error) {
	return json.Marshal(welcome{
		Op: "welcome", Cursor: j.cursor, Recovered: j.recovered, Now: crm.At(now), KeepAlive: crm.MillisOf(j.socket.hub.cfg.PingEvery), Snapshot: s,
	})
}
