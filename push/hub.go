package push

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"patchcord/crm"
)

// Config says how a Hub works. Only Live is required.
type Config struct {
	Live     live      // what snapshots are made of
	Events   eventLog  // for cursors older than the hub remembers; nil: those get a snapshot
	Sessions sessions  // asked every CheckEvery; nil: only Kick closes sockets
	OnAck    func(Ack) // called once for each pop and user; must not block
	// OnDelivery is told what becomes of every pop, for each user; it is called with
	// locks held, so it must neither block nor call the hub.
	OnDelivery func(Delivery)
	Logger     *slog.Logger

	Keep     time.Duration // events are retained at least so long; default 5 minutes
	AtLeast  int           // and at least so many of a tenant; default 1,000
	AtMost   int           // but not more than this, whatever their age; default 65,536
	MaxBytes int           // nor more bytes; default 64 MiB

	QueueLen    int           // messages that may wait for one socket; default 256
	QueueBytes  int           // and their bytes; default 256 KiB
	PerUser     int           // sockets of one user, the oldest makes room; default 5
	PingEvery   time.Duration // and no client hears nothing for longer, but for a second; default 10 s
	DeadAfter   time.Duration // without a pong; default 60 s
	WriteWithin time.Duration // for one message to one socket, and up to a second more; default 10 s
	CheckEvery  time.Duration // default 2 s
}

func (c Config) withDefaults() Config {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	c.Keep = cmp.Or(c.Keep, 5*time.Minute)
	c.AtLeast = cmp.Or(c.AtLeast, 1000)
	c.AtMost = cmp.Or(c.AtMost, 1<<16)
	c.MaxBytes = cmp.Or(c.MaxBytes, 64<<20)
	c.QueueLen = cmp.Or(c.QueueLen, 256)
	c.QueueBytes = cmp.Or(c.QueueBytes, 256<<10)
	c.PerUser = cmp.Or(c.PerUser, 5)
	c.PingEvery = cmp.Or(c.PingEvery, 10*time.Second)
	c.DeadAfter = cmp.Or(c.DeadAfter, time.Minute)
	c.WriteWithin = cmp.Or(c.WriteWithin, 10*time.Second)
	c.CheckEvery = cmp.Or(c.CheckEvery, 2*time.Second)
	return c
}

// Hub knows who listens. All methods are safe for concurrent use, and none but
// Run blocks.
type Hub struct {
	cfg     Config
	sockets sync.WaitGroup // goroutines of registered sockets
	slow    atomic.Int64   // sockets closed because they were too slow

	mu     sync.Mutex
	rooms  map[string]*room // by tenant; guarded by mu, with all that is in them
	closed bool             // guarded by mu; no socket is registered any more
}

// New returns a hub that works at once; Run does what has to be done from time to time.
func New(cfg Config) *Hub {
	return &Hub{cfg: cfg.withDefaults(), rooms: make(map[string]*room)}
}

// room returns the tenant's room, made when missing. h.mu is held.
func (h *Hub) room(tenant string) *room {
	r, ok := h.rooms[tenant]
	if !ok {
		r = newRoom(h.cfg)
		h.rooms[tenant] = r
	}
	return r
}

// Publish hands e to everybody who may see it and retains it. It never waits: it
// encodes once and puts the message into bounded queues. An event of a PBX that is
// not after the last one of that PBX is dropped, so frames may be read again. Of
// one PBX, events are to be published in order.
func (h *Hub) Publish(e *crm.Event) {
	scratch := scratches.Get().(*[]byte)
	*scratch = e.AppendJSON((*scratch)[:0])
	h.mu.Lock()
	h.room(e.Tenant).publish(e, *scratch, time.Now())
	h.mu.Unlock()
	if cap(*scratch) <= maxScratch {
		scratches.Put(scratch)
	}
}

// maxScratch is the largest piece of memory to encode in that is kept for the next event.
const maxScratch = 64 << 10

// scratches are what events are encoded in before their place is known.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// SetPBX says how a PBX of the tenant is connected, for everybody of the tenant.
// Call it for every PBX before serving, so that cursors name them all.
func (h *Hub) SetPBX(tenant string, p PBX) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.room(tenant).setPBX(p)
}

// Kick closes every socket of the user with code 4001.
func (h *Hub) Kick(userID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rooms {
		for _, s := range r.users[userID] {
			s.shut(crm.ErrUnauthenticated)
		}
	}
}

// Stats is what a hub does now.
type Stats struct {
	Sockets  int
	Retained int   // events
	Slow     int64 // sockets closed with 4008 so far
}

// Stats returns the figures of the whole hub.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := Stats{Slow: h.slow.Load()}
	for _, r := range h.rooms {
		st.Sockets += len(r.sockets)
		st.Retained += r.ring.count
	}
	return st
}

// Run keeps sockets alive, closes those whose login was revoked, and on ctx's
// end closes all of them with 1012 and waits for their goroutines.
func (h *Hub) Run(ctx context.Context) error {
	for _, tenant := range h.tenants() {
		h.seed(ctx, tenant)
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	check := time.NewTicker(h.cfg.CheckEvery)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			h.shutdown()
			return ctx.Err()
		case now := <-tick.C:
			h.keepAlive(now)
		case <-check.C:
			h.closeRevoked(ctx)
		}
	}
}

func (h *Hub) tenants() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.rooms))
}

func (h *Hub) shutdown() {
	h.mu.Lock()
	h.closed = true
	var all []*socket
	for _, r := range h.rooms {
		for s := range r.sockets {
			all = append(all, s)
		}
	}
	h.mu.Unlock()
	for _, s := range all {
		s.shut(restarting(len(all)))
	}
	h.sockets.Wait()
}

// keepAlive pings whoever is due and forgets what is too old.
func (h *Hub) keepAlive(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rooms {
		r.trim(now)
		quiet := r.quietMessage()
		for s := range r.sockets {
			s.keepAlive(now, quiet)
		}
	}
}

// closeRevoked asks once for each login that has a socket.
func (h *Hub) closeRevoked(ctx context.Context) {
	if h.cfg.Sessions == nil {
		return
	}
	by := h.principals()
	ps := make([]crm.Principal, 0, len(by))
	for p := range by {
		ps = append(ps, p)
	}
	if len(ps) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	gone, err := h.cfg.Sessions.Revoked(ctx, ps)
	if err != nil {
		h.cfg.Logger.Warn("logins of sockets cannot be checked", "err", err)
		return
	}
	for _, p := range gone {
		for _, s := range by[p] {
			s.shut(crm.ErrUnauthenticated)
		}
	}
}

func (h *Hub) principals() map[crm.Principal][]*socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	by := make(map[crm.Principal][]*socket)
	for _, r := range h.rooms {
		for s := range r.sockets {
			by[s.who] = append(by[s.who], s)
		}
	}
	return by
}
