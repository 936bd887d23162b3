package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/crm"
)

// The people of these tests.
var (
	anna  = crm.Principal{Tenant: "t", UserID: "u1", Name: "anna", Role: crm.RoleAgent, Session: "s1"}
	bert  = crm.Principal{Tenant: "t", UserID: "u2", Name: "bert", Role: crm.RoleAgent, Session: "s2"}
	super = crm.Principal{Tenant: "t", UserID: "u3", Name: "sue", Role: crm.RoleSupervisor, Session: "s3"}
	other = crm.Principal{Tenant: "elsewhere", UserID: "u4", Name: "anna", Role: crm.RoleOwner, Session: "s4"}
)

// epochStart is when the invented calls happen.
var epochStart = time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)

func sec(n int) crm.Time { return crm.At(epochStart.Add(time.Duration(n) * time.Second)) }

func pos(seq uint64) crm.Position { return crm.Position{Epoch: 1, Seq: seq} }

// ringing is a call that rings at agents, one offer each: "hq:<agent>".
func ringing(id string, agents ...string) *crm.Call {
	c := &crm.Call{ID: id, PBX: "hq", Tenant: "t", StartedAt: sec(0), From: crm.Party{Number: "+4420"}, Complete: true}
	for i, a := range agents {
		c.Offers = append(c.Offers, crm.Offer{ID: "hq:" + a, Extension: fmt.Sprint(100 + i), Agent: a, StartedAt: sec(0)})
	}
	return c
}

// event is the seq-th frame's only event.
func event(seq uint64, typ crm.EventType, c *crm.Call, offer string) *crm.Event {
	e := &crm.Event{PBX: "hq", Pos: pos(seq), Type: typ, At: sec(int(seq)), Tenant: "t", Call: c}
	if offer != "" {
		e.OfferID = "hq:" + offer
	}
	return e
}

type fakeLive struct {
	mu    sync.Mutex
	calls map[string][]*crm.Call // by tenant; guarded by mu
}

func (f *fakeLive) set(tenant string, calls ...*crm.Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = make(map[string][]*crm.Call)
	}
	f.calls[tenant] = calls
}

func (f *fakeLive) Open(tenant string) []*crm.Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[tenant]
}

func (f *fakeLive) OpenOf(tenant, user string) []*crm.Call {
	return slices.DeleteFunc(slices.Clone(f.Open(tenant)), func(c *crm.Call) bool {
		return !slices.ContainsFunc(c.Offers, func(o crm.Offer) bool { return o.Has(user) }) &&
			!slices.ContainsFunc(c.Talks, func(t crm.Talk) bool { return t.Has(user) })
	})
}

func (f *fakeLive) AgentsOf(tenant, user string) []crm.AgentState {
	return slices.DeleteFunc(f.Agents(tenant), func(a crm.AgentState) bool { return !slices.Contains(a.Users(), user) })
}

func (f *fakeLive) Agents(tenant string) []crm.AgentState {
	return []crm.AgentState{{Agent: "anna", PBX: "hq", Extension: "100", State: "idle"}, {Agent: "bert", PBX: "hq", Extension: "101", State: "idle"}}
}

func (f *fakeLive) Queues(string) []crm.QueueState {
	return []crm.QueueState{{PBX: "hq", Queue: "sales"}}
}

// fakeLog is an event log in memory, as crm.EventStore promises it.
type fakeLog struct {
	mu     sync.Mutex
	events []crm.StoredEvent // guarded by mu
	tops   crm.Cursor        // guarded by mu
	down   bool              // guarded by mu
}

func (f *fakeLog) store(t *testing.T, events ...*crm.Event) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range events {
		body, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		n := int64(len(f.events) + 1)
		f.events = append(f.events, crm.StoredEvent{N: n, PBX: e.PBX, Pos: e.Pos, Num: e.N, Type: e.Type, At: e.At, Body: body})
		f.tops.Log = n
		if f.tops.PBX == nil {
			f.tops.PBX = make(map[string]crm.Position)
		}
		if e.PBX != "" {
			f.tops.PBX[e.PBX] = e.Pos
		}
	}
}

func (f *fakeLog) EventsSince(_ context.Context, _ string, c crm.Cursor, limit int) ([]crm.StoredEvent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []crm.StoredEvent
	for _, e := range f.events {
		if len(out) < limit && (e.PBX == "" && e.N > c.Log || e.PBX != "" && e.Pos.Compare(c.PBX[e.PBX]) > 0) {
			out = append(out, e)
		}
	}
	return out, nil
}

func (f *fakeLog) Tops(context.Context) (crm.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return crm.Cursor{}, crm.ErrUnavailable
	}
	return crm.Cursor{PBX: f.tops.PBX, Log: f.tops.Log}, nil
}

// fakeTickets gives and takes tickets "<name>-<number>".
type fakeTickets struct {
	mu      sync.Mutex
	n       int                      // guarded by mu
	open    map[string]crm.Principal // guarded by mu
	origins []string                 // asked with; guarded by mu
}

func (f *fakeTickets) give(p crm.Principal) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = make(map[string]crm.Principal)
	}
	f.n++
	ticket := fmt.Sprintf("%s-%d", p.Name, f.n)
	f.open[ticket] = p
	return ticket
}

func (f *fakeTickets) Redeem(_ context.Context, ticket, origin string) (crm.Principal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.origins = append(f.origins, origin)
	p, ok := f.open[ticket]
	if !ok {
		return crm.Principal{}, crm.ErrUnauthenticated
	}
	delete(f.open, ticket)
	return p, nil
}

// rig is a hub behind a real or an in-memory HTTP server.
type rig struct {
	t       *testing.T
	hub     *Hub
	live    *fakeLive
	tickets *fakeTickets
	url     string
	dialer  websocket.Dialer
	stop    func() // ends Run and waits for it
}

func newRig(t *testing.T, cfg Config) *rig {
	t.Helper()
	r := &rig{t: t, live: &fakeLive{}, tickets: &fakeTickets{}}
	cfg.Live = r.live
	cfg.Logger = slog.New(slog.DiscardHandler)
	r.hub = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.hub.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want %v", err, context.Canceled)
		}
	})
	return r
}

func (r *rig) handler() http.Handler {
	return NewHandler(r.hub, HandlerConfig{Tickets: r.tickets, PublicURL: "https://calls.example.net"})
}

// overTCP serves r on a real socket until the test ends.
func overTCP(t *testing.T, cfg Config) *rig {
	t.Helper()
	r := newRig(t, cfg)
	srv := httptest.NewServer(r.handler())
	r.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	t.Cleanup(func() { r.stop(); srv.Close() })
	return r
}

// overPipe serves r on pipes in memory, for tests whose time is synctest's.
func overPipe(t *testing.T, cfg Config) *rig {
	t.Helper()
	r := newRig(t, cfg)
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: r.handler()}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(l) }()
	r.url = "ws://pipe"
	r.dialer.NetDialContext = l.dial
	t.Cleanup(func() { r.stop(); srv.Close(); <-done })
	return r
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case l.conns <- b:
		return a, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// client is one end of a WebSocket under test.
type client struct {
	t       *testing.T
	conn    *websocket.Conn
	welcome serverMessage
	cursor  string
}

type serverMessage struct {
	Op        string `json:"op"`
	Cursor    string `json:"cursor"`
	Recovered bool   `json:"recovered"`
	KeepAlive int    `json:"keepalive_ms"`
	Snapshot  struct {
		Calls    []crm.Call             `json:"calls"`
		Agents   []crm.AgentState       `json:"agents"`
		Queues   []crm.QueueState       `json:"queues"`
		PBXs     []PBX                  `json:"pbxs"`
		Contacts map[string][]crm.Match `json:"contacts"`
	} `json:"snapshot"`
	PBX   PBX `json:"pbx"`
	Event struct {
		ID   string        `json:"id"`
		Type crm.EventType `json:"type"`
		Data struct {
			Offer *crm.Offer `json:"offer"`
			Call  *crm.Call  `json:"call"`
		} `json:"data"`
	} `json:"event"`
}

// dial opens a connection that has said nothing.
func (r *rig) dial(header http.Header) (*client, error) {
	conn, resp, err := r.dialer.Dial(r.url, header)
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("status %d: %w", resp.StatusCode, err)
		}
		return nil, err
	}
	r.t.Cleanup(func() { conn.Close() })
	return &client{t: r.t, conn: conn}, nil
}

// connect opens a socket for p and returns after the welcome.
func (r *rig) connect(p crm.Principal, resume string) *client {
	r.t.Helper()
	c, err := r.tryConnect(p, resume)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) tryConnect(p crm.Principal, resume string) (*client, error) {
	c, err := r.dial(nil)
	if err != nil {
		return nil, err
	}
	hello := `{"op":"hello","ticket":"` + r.tickets.give(p) + `","resume":"` + resume + `"}`
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(hello)); err != nil {
		return nil, err
	}
	c.welcome, err = c.read()
	if err == nil && c.welcome.Op != "welcome" {
		err = fmt.Errorf("first message is %q, want welcome", c.welcome.Op)
	}
	return c, err
}

func (c *client) say(text string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the next message; a connection that ends instead fails the test.
func (c *client) next() serverMessage {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *client) read() (serverMessage, error) {
	var m serverMessage
	if err := c.conn.SetReadDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		return m, err
	}
	_, b, err := c.conn.ReadMessage()
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("message %s: %w", b, err)
	}
	if m.Cursor != "" {
		c.cursor = m.Cursor
	}
	return m, nil
}

// events reads n events and returns "type offer-or-call" of each.
func (c *client) events(n int) []string {
	c.t.Helper()
	var got []string
	for range n {
		m := c.next()
		if m.Op != "event" {
			c.t.Fatalf("got %q after %q, want an event", m.Op, got)
		}
		got = append(got, m.describe())
	}
	return got
}

func (m *serverMessage) describe() string {
	s := string(m.Event.Type)
	switch d := m.Event.Data; {
	case d.Offer != nil:
		s += " " + d.Offer.ID
	case d.Call != nil:
		s += " " + d.Call.ID
	}
	return s
}

// closed reads on until the server closes and returns its code and reason.
func (c *client) closed() (int, string) {
	c.t.Helper()
	for {
		_, err := c.read()
		var ce *websocket.CloseError
		switch {
		case errors.As(err, &ce):
			return ce.Code, ce.Text
		case err != nil:
			c.t.Fatalf("connection ended without a close frame: %v", err)
		}
	}
}
