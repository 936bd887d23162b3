package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/crm"
)

const (
	storeWithin = 2 * time.Second // for questions to the store
	maxReplay   = 10_000          // events read from the store for one client; beyond it a snapshot is cheaper
	replayPage  = 500
)

var errNoResume = errors.New("cursor cannot be resumed")

// joined is what a client gets before its queue.
type joined struct {
	socket    *socket
	cursor    string
	recovered bool
	missed    []*message
}

// join registers a socket for who. Whatever is published from then on is in its
// queue; what was missed since resume is returned, unless that cannot be known.
func (h *Hub) join(ctx context.Context, conn *websocket.Conn, who crm.Principal, resume string) (joined, error) {
	h.seed(ctx, who.Tenant)
	s := &socket{hub: h, conn: conn, who: who}
	c, err := parseCursor(resume)
	if resume == "" || err != nil {
		return h.register(s, "", nil, nil)
	}
	j, err := h.register(s, resume, c, nil)
	if !errors.Is(err, errNoResume) {
		return j, err
	}
	older, reached, err := h.fromStore(ctx, who, c)
	if err == nil {
		j, err = h.register(s, resume, reached, older)
	} else if !errors.Is(err, errNoResume) {
		h.cfg.Logger.Warn("cursor cannot be resumed from the store", "err", err)
		err = errNoResume
	}
	if errors.Is(err, errNoResume) {
		return h.register(s, "", nil, nil)
	}
	return j, err
}

// register adds the socket and takes what the ring has after c, behind older, in
// one step. With a nil c it does not resume. older, when not nil, was read from
// the store up to c, which may then be ahead of what was published here.
func (h *Hub) register(s *socket, resume string, c places, older []*message) (joined, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.room(s.who.Tenant)
	if h.closed {
		return joined{}, restarting(len(r.sockets))
	}
	j := joined{socket: s, cursor: r.top.String()}
	if c != nil {
		missed, ok := r.ring.since(c, r.top, s.who)
		if !ok || older == nil && beyond(c, r.top) {
			return joined{}, errNoResume
		}
		j.cursor, j.recovered, j.missed = resume, true, append(older, missed...)
	}
	r.add(s)
	h.sockets.Add(1) // until leave
	return j, nil
}

// leave is called once for every registered socket, by its reader.
func (h *Hub) leave(s *socket, why error) {
	defer h.sockets.Done()
	h.mu.Lock()
	h.room(s.who.Tenant).remove(s)
	h.mu.Unlock()
	if s.end() && !errors.Is(why, errDone) {
		refuse(s.conn, why)
		return
	}
	s.conn.Close()
}

// beyond reports whether c names a place after top.
func beyond(c, top places) bool {
	for src, p := range c {
		if src == "" && p.pos.IsZero() {
			continue
		}
		if at, known := top[src]; !known || p.compare(at) > 0 {
			return true
		}
	}
	return false
}

// seed gives the sources that have published nothing yet their durable place, so
// that the first cursors handed out name every source. Without a store, or while
// it does not answer, they do not.
func (h *Hub) seed(ctx context.Context, tenant string) {
	h.mu.Lock()
	done := h.cfg.Events == nil || h.room(tenant).seeded()
	h.mu.Unlock()
	if done {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	tops, err := h.cfg.Events.Tops(ctx)
	if err != nil {
		h.cfg.Logger.Warn("durable positions are unknown", "err", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.room(tenant).seed(tops)
}

// fromStore returns what who missed after c as far as it is durable, and the
// place in every source that it reaches to.
func (h *Hub) fromStore(ctx context.Context, who crm.Principal, c places) ([]*message, places, error) {
	if h.cfg.Events == nil {
		return nil, nil, errNoResume
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	tops, err := h.cfg.Events.Tops(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read durable positions: %w", err)
	}
	durable := places{"": logPlace(uint64(max(tops.Log, 0)))}
	for name, p := range tops.PBX {
		durable[name] = place{p, wholeFrame}
	}
	if beyond(c, durable) {
		return nil, nil, errNoResume
	}
	missed, err := h.readSince(ctx, who, c, durable)
	if err != nil {
		return nil, nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	reached := places{}
	for src := range h.room(who.Tenant).top {
		reached[src] = durable[src]
		if _, ok := durable[src]; !ok {
			reached[src] = place{n: wholeFrame}
		}
	}
	return missed, reached, nil
}

// readSince reads the events after c up to durable. The event that c names in a
// source must be there too: one that never became durable was lost with its epoch.
func (h *Hub) readSince(ctx context.Context, who crm.Principal, c, durable places) ([]*message, error) {
	rp := replay{who: who, c: c, durable: durable, told: maps.Clone(c), named: make(map[string]bool), missed: []*message{}}
	next := c.before()
	for src, p := range c {
		if p.event() {
			rp.named[src] = false
		}
	}
	for n := 0; ; n += replayPage {
		page, err := h.cfg.Events.EventsSince(ctx, who.Tenant, next, replayPage)
		if err != nil {
			return nil, fmt.Errorf("read events since a cursor: %w", err)
		}
		for i := range page {
			if err := rp.take(&page[i]); err != nil {
				return nil, err
			}
			advance(&next, &page[i])
		}
		if len(page) < replayPage {
			return rp.missed, rp.complete()
		}
		if n+replayPage >= maxReplay {
			return nil, errNoResume
		}
	}
}

// replay turns stored events into the messages that a client missed.
type replay struct {
	who        crm.Principal
	c, durable places
	told       places          // by the messages so far
	named      map[string]bool // sources whose event in c was found
	follow     follower
	missed     []*message
}

// take adds one event. Those that the client has, or a page gave already, or the
// ring will give, are passed over.
func (rp *replay) take(ev *crm.StoredEvent) error {
	at := place{ev.Pos, ev.Num}
	if ev.PBX == "" {
		at = logPlace(uint64(ev.N))
	}
	if ev.PBX != "" && at == rp.c[ev.PBX] {
		rp.named[ev.PBX] = true
	}
	if at.compare(rp.told[ev.PBX]) <= 0 || at.compare(rp.durable[ev.PBX]) > 0 {
		return nil
	}
	rp.told[ev.PBX] = at
	e, err := decodeEvent(ev)
	if err != nil {
		return err
	}
	if rp.follow.audience(e).includes(rp.who) {
		rp.missed = append(rp.missed, &message{data: appendEventMessage(nil, rp.told.append(nil), ev.Body)})
	}
	return nil
}

// complete returns errNoResume when an event that the client had is not in the store.
func (rp *replay) complete() error {
	for _, found := range rp.named {
		if !found {
			return errNoResume
		}
	}
	return nil
}

// advance moves the store's cursor to an event. A page may end within a frame,
// so the next one begins with that frame again.
func advance(c *crm.Cursor, ev *crm.StoredEvent) {
	if ev.PBX == "" {
		c.Log = ev.N
		return
	}
	c.PBX[ev.PBX] = place{ev.Pos, 0}.before()
}

// decodeEvent reads what decides who may see a stored event.
func decodeEvent(ev *crm.StoredEvent) (*crm.Event, error) {
	var body struct {
		Data struct {
			Offer *crm.Offer      `json:"offer"`
			Call  *crm.Call       `json:"call"`
			Into  string          `json:"into"`
			Agent *crm.AgentState `json:"agent"`
		} `json:"data"`
	}
	if err := json.Unmarshal(ev.Body, &body); err != nil {
		return nil, fmt.Errorf("decode event %d of the log: %w", ev.N, err)
	}
	d := body.Data
	e := &crm.Event{PBX: ev.PBX, Pos: ev.Pos, N: ev.Num, Type: ev.Type, At: ev.At, Call: d.Call, Into: d.Into, Agent: d.Agent}
	if d.Offer != nil {
		e.OfferID = d.Offer.ID
	}
	return e, nil
}
