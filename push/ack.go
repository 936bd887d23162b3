package push

import (
	"slices"
	"time"

	"patchcord/crm"
)

// maxEarly bounds the acknowledged offers from before the start that a tenant's
// room remembers; beyond it they are forgotten, and one may be reported twice.
const maxEarly = 1024

// Ack says that a pop was on an agent's screen.
type Ack struct {
	Tenant  string
	CallID  string
	OfferID string
	User    string // name
	At      time.Time
	Latency time.Duration // since the hub was told of the offer; 0 when that was before its start
}

// pop is an offer whose event is retained.
type pop struct {
	call   string
	agents []string
	at     time.Time
	acked  []string
	way    *tracked // nil when nobody asks how pops fare
}

// ack records that who has seen the offer's pop. Only the first one of an offer
// and user counts, and only that of a user whom it was for.
func (h *Hub) ack(who crm.Principal, offerID string, now time.Time) {
	a := Ack{Tenant: who.Tenant, OfferID: offerID, User: who.Name, At: now}
	h.mu.Lock()
	r := h.room(who.Tenant)
	p, known := r.pops[offerID]
	counts := known && slices.Contains(p.agents, who.Name) && !slices.Contains(p.acked, who.Name)
	if counts {
		p.acked = append(p.acked, who.Name)
		a.CallID, a.Latency = p.call, now.Sub(p.at)
	}
	h.mu.Unlock()
	if !known {
		if a.CallID = h.rings(who, offerID); a.CallID != "" {
			counts = h.firstAck(who, offerID)
		}
	}
	if counts && h.cfg.OnAck != nil {
		h.cfg.OnAck(a)
	}
}

// rings returns the call in which the live fold shows an offer of that agent, ""
// for none: one made before the hub's start.
func (h *Hub) rings(who crm.Principal, offerID string) string {
	for _, c := range h.cfg.Live.OpenOf(who.Tenant, who.Name) {
		if o := c.Offer(offerID); o != nil && slices.Contains(o.Users(), who.Name) {
			return c.ID
		}
	}
	return ""
}

// firstAck remembers the acknowledgement of an offer that was never published here.
func (h *Hub) firstAck(who crm.Principal, offerID string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.room(who.Tenant)
	key := who.Name + "\x00" + offerID
	if r.early[key] {
		return false
	}
	if r.early == nil || len(r.early) >= maxEarly {
		r.early = make(map[string]bool)
	}
	r.early[key] = true
	return true
}
