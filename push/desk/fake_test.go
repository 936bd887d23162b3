package desk_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/push"
	"patchcord/push/desk"
)

const password = "correct horse battery"

// backend is as much of a daemon as the page needs: the few routes of the API in
// memory, and the real hub.
type backend struct {
	t    *testing.T
	addr string
	url  string
	hub  *push.Hub
	stop func()

	mu        sync.Mutex
	calls     map[string]*crm.Call // every call; guarded by mu
	tickets   map[string]string    // ticket → user name; guarded by mu
	sessions  map[string]string    // refresh token → user name; guarded by mu
	cookies   []string             // refresh cookies that came; guarded by mu
	saved     map[string]crm.Disposition
	given     map[string]string // extension → user name; guarded by mu
	pending   int               // dispositions to be answered with failing; guarded by mu
	failing   int               // 0 means 503; guarded by mu
	expired   bool              // every login there is; guarded by mu
	acks      []push.Ack
	refreshed int
	life      int           // of access tokens, in seconds; 0 means 600
	keepalive time.Duration // of the hub; 0 means its default
	listed    int           // times that the list of calls was read; guarded by mu
	newer     bool          // the page is of a later version; guarded by mu
	n         int
}

var roles = map[string]crm.Role{"anna": crm.RoleAgent, "bert": crm.RoleAgent, "sue": crm.RoleSupervisor, "olga": crm.RoleOwner}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{
		t: t, calls: make(map[string]*crm.Call), tickets: make(map[string]string),
		sessions: make(map[string]string), saved: make(map[string]crm.Disposition), given: make(map[string]string),
	}
	b.start("127.0.0.1:0")
	t.Cleanup(func() { b.stop() })
	return b
}

// start serves on addr with a new hub, as a daemon that was started again would.
func (b *backend) start(addr string) {
	b.t.Helper()
	hub := push.New(push.Config{Live: b, Logger: slog.New(slog.DiscardHandler), OnAck: b.acked, PingEvery: b.keepalive})
	hub.SetPBX("t", push.PBX{Name: "hq", State: "connected", Since: crm.At(time.Now())})
	page, err := desk.Handler(desk.Config{Version: "test", Embed: &desk.Embed{Ancestors: []string{"https://crm.example.net"}, Script: "/opencti.js", CRM: "sf"}})
	if err != nil {
		b.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", b.versioned(page))
	mux.Handle("GET /v1/push", push.NewHandler(hub, push.HandlerConfig{Tickets: b}))
	b.routes(mux)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		b.t.Fatal(err)
	}
	srv := &http.Server{Handler: mux}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { srv.Serve(l) })
	wg.Go(func() { hub.Run(ctx) })
	b.hub, b.addr, b.url = hub, l.Addr().String(), "http://"+l.Addr().String()
	b.stop = sync.OnceFunc(func() { srv.Close(); cancel(); wg.Wait() })
}

// versioned shows the page with other files in it once newer is set.
func (b *backend) versioned(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		newer := b.newer
		b.mu.Unlock()
		if newer && r.URL.Path == "/" {
			_, _ = w.Write([]byte(`<script src="/assets/0123456789abcdef/main.js">`))
			return
		}
		page.ServeHTTP(w, r)
	})
}

func (b *backend) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /opencti.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte(openCTI))
	})
	mux.HandleFunc("POST /v1/auth/login", b.login)
	mux.HandleFunc("POST /v1/auth/refresh", b.refresh)
	mux.HandleFunc("POST /v1/setup", b.setup)
	mux.HandleFunc("POST /v1/auth/logout", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "patchcord-refresh", Path: "/v1/auth", MaxAge: -1})
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /v1/me", b.as(func(user string, _ *http.Request) (int, any) {
		return 200, map[string]any{"name": user, "role": roles[user], "tenant": "t", "extensions": []string{"hq/100"}}
	}))
	mux.HandleFunc("GET /v1/dispositions", b.as(func(string, *http.Request) (int, any) {
		return 200, map[string]any{"items": crm.DefaultDispositions()}
	}))
	mux.HandleFunc("POST /v1/push/ticket", b.as(func(user string, _ *http.Request) (int, any) {
		ticket := b.token(b.tickets, user)
		return 200, map[string]any{"ticket": ticket, "expires_in": 15}
	}))
	mux.HandleFunc("GET /v1/calls", b.as(func(string, *http.Request) (int, any) {
		items := b.all()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.listed++
		return 200, map[string]any{"items": items}
	}))
	mux.HandleFunc("GET /v1/calls/{id}", b.as(b.readCall))
	mux.HandleFunc("PUT /v1/calls/{id}/disposition", b.as(b.dispose))
	mux.HandleFunc("GET /v1/agents", b.as(func(string, *http.Request) (int, any) {
		return 200, map[string]any{"items": []map[string]any{
			{"name": "anna", "role": "agent"}, {"name": "bert", "role": "agent"}, {"name": "gone", "role": "agent", "disabled": true}, {"name": "sue", "role": "supervisor"},
		}}
	}))
	mux.HandleFunc("GET /v1/extensions", b.as(b.nobodys))
	mux.HandleFunc("PUT /v1/agents/{name}/extensions/{pbx}/{extension}", b.as(b.give))
}

// nobodys lists the phones 105 and 106, but for those that were given away.
func (b *backend) nobodys(_ string, r *http.Request) (int, any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := []map[string]any{}
	for _, ext := range []string{"105", "106"} {
		if b.given[ext] == "" && r.FormValue("unbound") == "true" {
			items = append(items, map[string]any{"pbx": "hq", "extension": ext, "users": []string{}, "seen_at": crm.At(time.Now())})
		}
	}
	return 200, map[string]any{"items": items}
}

// give refuses 106, as a PBX that is configured no more would be.
func (b *backend) give(user string, r *http.Request) (int, any) {
	if roles[user] == crm.RoleAgent {
		return 403, map[string]any{"title": "forbidden"}
	}
	if r.PathValue("extension") == "106" {
		return 422, map[string]any{"title": "unprocessable", "detail": "names a PBX that is not configured"}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.given[r.PathValue("extension")] = r.PathValue("name")
	return 200, map[string]any{"items": []any{}}
}

func (b *backend) token(kind map[string]string, user string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	token := fmt.Sprintf("%s.%d", user, b.n)
	kind[token] = user
	return token
}

func (b *backend) login(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Username, Password string
		Cookie             bool
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, 400, map[string]any{"title": "bad login"})
		return
	}
	if roles[in.Username] == "" || in.Password != password {
		answer(w, 401, map[string]any{"title": "wrong user name or password"})
		return
	}
	b.mu.Lock()
	b.expired = false
	b.mu.Unlock()
	b.tokens(w, in.Username, in.Cookie)
}

func (b *backend) refresh(w http.ResponseWriter, r *http.Request) {
	var in struct {
		RefreshToken string `json:"refresh_token"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in) // without a body it is the cookie
	k, err := r.Cookie("patchcord-refresh")
	if in.RefreshToken == "" && (err != nil || r.Header.Get("X-Patchcord-CSRF") == "") {
		answer(w, 401, map[string]any{"title": "unauthenticated"})
		return
	}
	b.mu.Lock()
	if err == nil {
		b.cookies = append(b.cookies, k.Value)
	}
	token := in.RefreshToken
	if token == "" {
		token = k.Value
	}
	user := b.sessions[token]
	if b.expired {
		user = ""
	}
	b.refreshed++
	b.mu.Unlock()
	if user == "" {
		answer(w, 401, map[string]any{"title": "unauthenticated"})
		return
	}
	b.tokens(w, user, in.RefreshToken == "")
}

func (b *backend) setup(w http.ResponseWriter, r *http.Request) {
	var in struct{ Token, Username, Password string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Token != "one/time" || in.Username != "olga" {
		answer(w, 422, map[string]any{"title": "unprocessable", "detail": "token: was used"})
		return
	}
	answer(w, 201, map[string]any{"name": in.Username, "role": "owner"})
}

func (b *backend) tokens(w http.ResponseWriter, user string, cookie bool) {
	if !cookie {
		answer(w, 200, map[string]any{
			"access_token": "access." + user, "refresh_token": b.token(b.sessions, user), "token_type": "Bearer", "expires_in": cmp.Or(b.life, 600),
		})
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: "patchcord-refresh", Path: "/v1/auth", Value: b.token(b.sessions, user), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	answer(w, 200, map[string]any{"access_token": "access." + user, "token_type": "Bearer", "expires_in": cmp.Or(b.life, 600)})
}

// as answers for who the access token says it is.
func (b *backend) as(h func(user string, r *http.Request) (int, any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer access.")
		b.mu.Lock()
		ok = ok && !b.expired
		b.mu.Unlock()
		if !ok {
			answer(w, 401, map[string]any{"title": "unauthenticated"})
			return
		}
		status, body := h(user, r)
		if c, ok := body.(*crm.Call); ok {
			w.Header().Set("ETag", strconv.Quote(crm.SaidTag(c.Disposition, nil)))
		}
		answer(w, status, body)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func (b *backend) readCall(_ string, r *http.Request) (int, any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.calls[r.PathValue("id")]
	if c == nil {
		return 404, map[string]any{"title": "not found"}
	}
	return 200, c
}

func (b *backend) dispose(user string, r *http.Request) (int, any) {
	var in crm.Disposition
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return 400, map[string]any{"title": err.Error()}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending > 0 {
		b.pending--
		return cmp.Or(b.failing, 503), map[string]any{"title": "the record is not there yet"}
	}
	id := r.PathValue("id")
	c := b.calls[id].Clone()
	if seen := r.Header.Get("If-Match"); seen != "" && seen != strconv.Quote(crm.SaidTag(c.Disposition, nil)) {
		return 412, map[string]any{"title": "changed since"}
	}
	in.By, in.At = user, crm.At(time.Now())
	b.saved[id] = in
	c.Disposition = &in
	b.calls[id] = c
	b.hub.Publish(&crm.Event{PBX: "hq", Pos: next(), Type: crm.CallUpdated, At: in.At, Tenant: "t", Call: c})
	return 200, c
}

func (b *backend) all() []*crm.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := []*crm.Call{}
	for _, c := range b.calls {
		all = append(all, c)
	}
	return all
}

// Redeem, Open, Agents and Queues are what the hub and its handler need.
func (b *backend) Redeem(_ context.Context, ticket, _ string) (crm.Principal, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	user, ok := b.tickets[ticket]
	if !ok {
		return crm.Principal{}, crm.ErrUnauthenticated
	}
	delete(b.tickets, ticket)
	return crm.Principal{Tenant: "t", UserID: user, Name: user, Role: roles[user]}, nil
}

func (b *backend) Open(string) []*crm.Call {
	var open []*crm.Call
	for _, c := range b.all() {
		if c.Open() {
			open = append(open, c)
		}
	}
	return open
}

func (b *backend) OpenOf(tenant, _ string) []*crm.Call { return b.Open(tenant) }

func (b *backend) Agents(string) []crm.AgentState           { return nil }
func (b *backend) AgentsOf(string, string) []crm.AgentState { return nil }
func (b *backend) Queues(string) []crm.QueueState           { return nil }

func (b *backend) acked(a push.Ack) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acks = append(b.acks, a)
}

// put makes c the newest record of its call without telling anybody.
func (b *backend) put(c *crm.Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[c.ID] = c
}

var frames struct {
	mu sync.Mutex
	n  uint64
}

// tell makes c the newest record and publishes it.
func (b *backend) tell(typ crm.EventType, c *crm.Call, offer string, matches ...crm.Match) {
	b.put(c)
	b.hub.Publish(&crm.Event{
		PBX: "hq", Pos: next(), Type: typ, At: crm.At(time.Now()), Tenant: "t", Call: c, OfferID: offer, Matches: matches,
	})
}

// merge publishes that into absorbed c.
func (b *backend) merge(c, into *crm.Call) {
	b.hub.Publish(&crm.Event{PBX: "hq", Pos: next(), Type: crm.CallMerged, At: crm.At(time.Now()), Tenant: "t", Call: c, Into: into.ID})
}

func next() crm.Position {
	frames.mu.Lock()
	defer frames.mu.Unlock()
	frames.n++
	return crm.Position{Epoch: 1, Seq: frames.n}
}

// A call in its stages, as anna's phone sees it.
func ringing(id, number, name string) *crm.Call {
	began := crm.At(time.Now().Add(-34 * time.Second))
	rang := crm.At(time.Now().Add(-2 * time.Second))
	return &crm.Call{
		ID: id, PBX: "hq", Tenant: "t", Direction: crm.Inbound, StartedAt: began, Complete: true,
		From:        crm.Party{Number: crm.Number(number), Name: name},
		To:          crm.Party{Number: "08001234"},
		QueueVisits: []crm.QueueVisit{{Queue: "support", EnteredAt: began, Position: 1}},
		Offers:      []crm.Offer{{ID: id + "-anna", Extension: "100", Agent: "anna", Queue: "support", StartedAt: rang}},
	}
}

func answered(c *crm.Call) *crm.Call {
	d := c.Clone()
	now := crm.At(time.Now())
	d.Offers[0].Result, d.Offers[0].EndedAt, d.AnsweredAt = crm.ResultAccepted, now, now
	d.QueueVisits[0].LeftAt, d.WaitMS = now, crm.MillisOf(now.Sub(d.StartedAt.Time))
	d.Talks = []crm.Talk{{Extension: "100", Agent: "anna", Via: "queue", StartedAt: now}}
	return d
}

func over(c *crm.Call) *crm.Call {
	d := c.Clone()
	d.EndedAt, d.Outcome = crm.At(time.Now()), crm.Answered
	for i := range d.Talks {
		d.Talks[i].EndedAt = d.EndedAt
	}
	return d
}

func takenBy(c *crm.Call, by string) *crm.Call {
	d := c.Clone()
	d.Offers[0].Result, d.Offers[0].EndedAt, d.Offers[0].By = crm.ResultRescinded, crm.At(time.Now()), by
	d.Talks = []crm.Talk{{Extension: by, Agent: "bert", StartedAt: crm.At(time.Now())}}
	return d
}

func pbxState(state string, since time.Time) push.PBX {
	return push.PBX{Name: "hq", State: state, Since: crm.At(since)}
}

// wait waits until ok, which is asked with mu held.
func (b *backend) wait(what string, ok func() bool) {
	b.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		b.mu.Lock()
		done := ok()
		b.mu.Unlock()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("waited in vain for %s", what)
		}
	}
}
