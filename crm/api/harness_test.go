package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"patchcord/crm"
	"patchcord/crm/auth"
	"patchcord/crm/sqlite"
	"patchcord/crm/sqlite/sqlitetest"
)

const password = "a long enough one"

// bench is an API on a real store, with users of every role.
type bench struct {
	t      *testing.T
	store  crm.Store
	auth   *auth.Service
	api    *API
	live   *liveFold
	log    *bytes.Buffer
	tokens map[string]string
	seq    map[string]uint64 // next position by PBX
}

// liveFold is what the daemon's live fold gives.
type liveFold struct {
	mu     sync.Mutex
	calls  map[string]*crm.Call // guarded by mu
	phones map[string]crm.Phone // what the PBX says of extensions; not changed while requests run
}

func (l *liveFold) Phone(_, _, extension string) crm.Phone { return l.phones[extension] }

func (l *liveFold) put(c *crm.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[c.ID] = c
}

func (l *liveFold) Open(tenant string) []*crm.Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(l.calls)), func(c *crm.Call) bool { return c.Tenant != tenant || !c.Open() })
}

func (l *liveFold) Call(tenant, id string) (*crm.Call, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.calls[id]
	return c, ok && c.Tenant == tenant
}

type pbxs []PBXStatus

func (p pbxs) PBXs() []PBXStatus { return p }

type webhooks map[string][]string

func (w webhooks) Destinations(tenant string) []string { return w[tenant] }

func newBench(t *testing.T, change ...func(*Config)) *bench {
	store := sqlitetest.Open(t, filepath.Join(t.TempDir(), "store.db"), sqlite.Open)
	b := &bench{t: t, store: store, log: new(bytes.Buffer), live: &liveFold{calls: make(map[string]*crm.Call)},
		tokens: make(map[string]string), seq: make(map[string]uint64)}
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: b.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if b.auth, err = auth.New(auth.Config{Store: store, Key: make([]byte, auth.KeyLen), Log: log}); err != nil {
		t.Fatal(err)
	}
	c := Config{Store: store, Auth: b.auth, Live: b.live, Region: "GB", Log: log,
		Status:       pbxs{{Name: "hq", State: Connected}, {Name: "branch", State: "disconnected", Detail: "connection refused"}},
		Destinations: webhooks{"default": {"hook"}}, CRMs: crmList{"default": {{name: "hook"}}}, DeadLetters: &letterBox{}}
	for _, f := range change {
		f(&c)
	}
	if b.api, err = New(c); err != nil {
		t.Fatal(err)
	}
	return b
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// user makes a user and returns the name; as gives his token.
func (b *bench) user(tenant, name string, role crm.Role) string {
	b.t.Helper()
	u := crm.User{ID: tenant + "-" + name, Tenant: tenant, Name: name, Role: role, PasswordHash: cheapHash(), Version: 1}
	if err := b.store.CreateUser(b.t.Context(), u); err != nil {
		b.t.Fatal(err)
	}
	b.login(tenant, name)
	return name
}

// login gives the user the token that he asks with from now on.
func (b *bench) login(tenant, name string) {
	b.t.Helper()
	tokens, err := b.auth.Login(b.t.Context(), auth.Credentials{Tenant: tenant, Name: name, Password: password})
	if err != nil {
		b.t.Fatal(err)
	}
	b.tokens[name] = string(tokens.Access)
}

// cheapHash is the hash of password at the least cost, which is no matter here.
func cheapHash() string {
	salt, b64 := []byte("0123456789abcdef"), base64.RawStdEncoding
	return "$argon2id$v=19$m=8,t=1,p=1$" + b64.EncodeToString(salt) + "$" + b64.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32))
}

// record commits calls of the PBX.
func (b *bench) record(tenant, pbx string, calls ...*crm.Call) {
	b.t.Helper()
	ctx := b.t.Context()
	epoch, err := b.store.TakePBX(ctx, pbx, tenant, "node")
	if err != nil {
		b.t.Fatal(err)
	}
	cp, err := b.store.Resume(ctx, pbx)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range calls {
		c.Tenant, c.PBX = tenant, pbx
	}
	batch := crm.Batch{PBX: pbx, Tenant: tenant, Epoch: epoch, From: cp.Pos, To: crm.Position{Epoch: epoch, Seq: 1}, Calls: calls}
	for i, c := range calls {
		batch.Events = append(batch.Events, crm.Event{PBX: pbx, Tenant: tenant, Pos: batch.To, N: i, Type: crm.CallUpdated, At: c.StartedAt, Call: c})
	}
	if err := b.store.Commit(ctx, batch); err != nil {
		b.t.Fatal(err)
	}
}

// someCall is a call that was offered to the agent and has ended.
func someCall(id, agent string) *crm.Call {
	start := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	return &crm.Call{ID: id, PBX: "hq", Linkedids: []string{strings.TrimPrefix(id, "hq:")}, Direction: crm.Inbound, Outcome: crm.Answered,
		From:      crm.Party{Number: "02079460000", E164: "+442079460000", Name: "Caller"},
		StartedAt: crm.At(start), EndedAt: crm.At(start.Add(time.Minute)), Complete: true,
		Offers: []crm.Offer{{ID: id + ".o", Extension: "1001", Agent: agent, Result: crm.ResultAccepted, StartedAt: crm.At(start)}}}
}

// ask is a request to be made.
type ask struct {
	as     string // user name; "" without a token
	method string
	path   string
	body   any // nil for none, a string as it is
	header map[string]string
	remote string // address of the client; 192.0.2.1:1234
}

type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

func (b *bench) do(q ask) reply {
	b.t.Helper()
	var body io.Reader
	switch v := q.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(v)
	default:
		j, err := json.Marshal(v)
		if err != nil {
			b.t.Fatal(err)
		}
		body = bytes.NewReader(j)
	}
	r := httptest.NewRequestWithContext(b.t.Context(), q.method, q.path, body)
	if q.remote != "" {
		r.RemoteAddr = q.remote
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token := b.tokens[q.as]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for k, v := range q.header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	b.api.Handler().ServeHTTP(w, r)
	return reply{t: b.t, status: w.Code, header: w.Result().Header, body: w.Body.Bytes()}
}

func (b *bench) get(as, path string) reply {
	b.t.Helper()
	return b.do(ask{as: as, method: "GET", path: path})
}

// want fails unless the reply has the status.
func (r reply) want(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("got status %d %s, want %d", r.status, r.body, status)
	}
	return r
}

// into decodes the body.
func (r reply) into(v any) {
	r.t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		r.t.Fatalf("body %s: %v", r.body, err)
	}
}

// problem returns the problem document, and fails when it is none.
func (r reply) problem() Problem {
	r.t.Helper()
	if got, want := r.header.Get("Content-Type"), "application/problem+json"; got != want {
		r.t.Errorf("content type: got %q, want %q", got, want)
	}
	var p Problem
	r.into(&p)
	if p.Status != r.status || p.Title == "" {
		r.t.Errorf("problem %+v does not say status %d", p, r.status)
	}
	return p
}

// field fails unless the reply is a 422 that names the field.
func (r reply) field(name string) {
	r.t.Helper()
	p := r.want(http.StatusUnprocessableEntity).problem()
	if len(p.Errors) == 0 || p.Errors[0].Field != name {
		r.t.Errorf("got problem %+v, want it to name %q", p, name)
	}
}

func ids(calls []crm.Call) []string {
	out := make([]string, len(calls))
	for i, c := range calls {
		out[i] = c.ID
	}
	return out
}

func callPath(id string) string { return "/v1/calls/" + url.PathEscape(id) }
