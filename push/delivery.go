package push

import (
	"slices"
	"sync"
	"time"

	"patchcord/crm"
)

// Fate is what became of a pop on its way to one user.
type Fate string

// The fates of a pop. A pop that is published to somebody who listens comes to
// one of the others, or to none when the socket ends by itself before it is written.
const (
	Published Fate = "published" // handed to Sockets sockets of the user; 0: nobody listens
	Written   Fate = "written"   // the first of them has taken it
	Caught    Fate = "caught"    // written while the phone rang, to a socket that was opened after the ring began
	Dropped   Fate = "dropped"   // a socket was closed before it was written; Why says why
)

// Delivery says what became of a pop for one user whom it was for.
type Delivery struct {
	Tenant, CallID, OfferID, Extension string
	User                               string // name
	Fate                               Fate
	At                                 time.Time
	Sockets                            int           // of Published
	LastClosed                         time.Time     // of Published to nobody: when the user's last socket closed; zero: none since the start
	Latency                            time.Duration // of Written: since the frame that told of the ring was received
	Why                                string        // of Dropped
}

// maxLeft bounds the users of a tenant whose last socket's end is remembered;
// beyond it all are forgotten, and a pop to nobody does not say since when.
const maxLeft = 1 << 14

// tracked is a pop that is on its way to the sockets of its users.
type tracked struct {
	of    Delivery // what is the same for all users
	users []string
	heard time.Time
	tell  func(Delivery)

	mu   sync.Mutex
	done []string // users who have it; guarded by mu
}

// track tells of a pop that is published to its users, and returns what follows it. Only
// the first frame of a ring is a pop. r is guarded by the caller.
func (r *room) track(e *crm.Event, users []string, now time.Time) *tracked {
	o := e.Call.Offer(e.OfferID)
	if r.cfg.OnDelivery == nil || o == nil {
		return nil
	}
	t := &tracked{
		of:    Delivery{Tenant: e.Tenant, CallID: e.Call.ID, OfferID: o.ID, Extension: o.Extension},
		users: users, heard: e.Heard, tell: r.cfg.OnDelivery,
	}
	if t.heard.IsZero() {
		t.heard = now
	}
	for _, name := range users {
		d := t.of
		d.User, d.Fate, d.At, d.Sockets = name, Published, now, len(r.socketsOf(name))
		if d.Sockets == 0 {
			d.LastClosed = r.left[name]
		}
		t.tell(d)
	}
	return t
}

// socketsOf returns the sockets of the user of that name, whatever his role.
func (r *room) socketsOf(name string) []*socket {
	list := r.byAgent[name]
	for s := range r.seers {
		if s.who.Name == name {
			list = append(slices.Clip(list), s)
		}
	}
	return list
}

// gone remembers when the user's last socket closed.
func (r *room) gone(name string, now time.Time) {
	if len(r.socketsOf(name)) > 0 {
		return
	}
	if r.left == nil || len(r.left) >= maxLeft {
		r.left = make(map[string]time.Time)
	}
	r.left[name] = now
}

// wrote tells that the socket's user has the pop, the first time. fate is Written or Caught.
func (t *tracked) wrote(s *socket, fate Fate, now time.Time) {
	if !t.ends(s, true) {
		return
	}
	d := t.of
	d.User, d.Fate, d.At, d.Latency = s.who.Name, fate, now, now.Sub(t.heard)
	t.tell(d)
}

// dropped tells that a socket of the user was closed with the pop in its queue.
func (t *tracked) dropped(s *socket, why string, now time.Time) {
	if !t.ends(s, false) {
		return
	}
	d := t.of
	d.User, d.Fate, d.At, d.Why = s.who.Name, Dropped, now, why
	t.tell(d)
}

// ends reports whether the pop is for the socket's user and he does not have it yet,
// and notes that he has it now.
func (t *tracked) ends(s *socket, has bool) bool {
	if t == nil || !slices.Contains(t.users, s.who.Name) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(t.done, s.who.Name) {
		return false
	}
	if has {
		t.done = append(t.done, s.who.Name)
	}
	return true
}

// caught tells of the pops that a snapshot shows a user who comes while his phone rings.
func (h *Hub) caught(s *socket, calls []*crm.Call, now time.Time) {
	for _, c := range calls {
		for i := range c.Offers {
			o := &c.Offers[i]
			if o.Result != "" || !slices.Contains(o.Users(), s.who.Name) {
				continue
			}
			t := h.trackedPop(s.who.Tenant, o.ID)
			if t == nil && h.cfg.OnDelivery != nil { // of before the start, or not shown then
				t = &tracked{
					of:    Delivery{Tenant: s.who.Tenant, CallID: c.ID, OfferID: o.ID, Extension: o.Extension},
					users: o.Users(), heard: now, tell: h.cfg.OnDelivery,
				}
			}
			t.wrote(s, Caught, now)
		}
	}
}

func (h *Hub) trackedPop(tenant, offerID string) *tracked {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.room(tenant).pops[offerID]; p != nil {
		return p.way
	}
	return nil
}
