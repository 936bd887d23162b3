package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/crm"
)

func TestEveryAnswerHasSafeHeaders(t *testing.T) {
	b := newBench(t, func(c *Config) { c.PublicURL = "https://calls.example" })
	b.user("default", "boss", crm.RoleOwner)
	for _, path := range []string{"/v1/calls", "/v1/nothing", "/docs", "/docs/docs.js", "/openapi.json", "/healthz", "/v1/me"} {
		h := b.get("boss", path).header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=31536000",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: Content-Security-Policy is %q", path, csp)
		}
	}
	if got := b.get("boss", "/v1/calls").header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
}

func TestWhatNoRouteTakesIsAProblem(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleOwner)
	for path, status := range map[string]int{"/v1/nothing": 404, "/v1/": 404, "/v1/calls/": 404, "/docs/other": 404, "/.well-known/x": 404} {
		b.get("boss", path).want(status).problem()
	}
	r := b.do(ask{as: "boss", method: "PATCH", path: "/v1/contacts"}).want(405)
	r.problem()
	if got := r.header.Get("Allow"); !strings.Contains(got, "GET") || !strings.Contains(got, "POST") {
		t.Errorf("Allow is %q", got)
	}
	b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: `{"name":"` + strings.Repeat("x", maxBody) + `"}`}).want(413).problem()
	p := b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: "a=b", header: map[string]string{"Content-Type": "text/plain"}}).want(415).problem()
	if !strings.Contains(p.Detail, "application/json") {
		t.Errorf("415 does not say what is wanted: %s", p.Detail)
	}
}

func TestABodyThatIsWrongAsAWholeIsNamed(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleOwner)
	for body, status := range map[string]int{``: 400, `{"name":`: 400, `[]`: 422, `null`: 422, `{"name":"x"} y`: 400, "{\"name\":\"Z\xf6e\"}": 400} {
		p := b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: body}).want(status).problem()
		if len(p.Errors) != 1 || p.Errors[0].Field != "body" || !strings.HasPrefix(p.Detail, "body: ") {
			t.Errorf("%q: %+v", body, p)
		}
	}
}

// TestAFieldHasOneName: of two that mean the same, one would be held to the limits, and the other be stored.
func TestAFieldHasOneName(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleOwner)
	long := strings.Repeat("x", 201)
	for body, field := range map[string]string{
		`{"name":"Zoë","Name":"` + long + `"}`:       "Name",
		`{"Name":"Zoë"}`:                             "name", // which is missing then
		`{"name":"Zoë","NUMBERS":["+442079460000"]}`: "NUMBERS",
	} {
		b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: body}).field(field)
	}
	for _, body := range []string{`{"name":"Zoë","name":"Zoe"}`, `{"name":"Zoë","notes":"a","n\u006ftes":"b"}`} {
		p := b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: body}).want(400).problem()
		if !strings.Contains(p.Detail, "twice") {
			t.Errorf("%s: %s", body, p.Detail)
		}
	}
	b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: `{"name":"Zoë","company":"name"}`}).want(201)
}

// TestAConditionThatCannotBeHeldToIsRefused: its client takes it that nobody changed the thing meanwhile.
func TestAConditionThatCannotBeHeldToIsRefused(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleOwner)
	b.user("default", "anna", crm.RoleAgent)
	set := func(match string) reply {
		return b.do(ask{as: "boss", method: "PUT", path: "/v1/agents/anna", body: `{"extensions":["hq/1001"]}`, header: map[string]string{"If-Match": match}})
	}
	if p := set(`"1"`).want(http.StatusPreconditionFailed).problem(); !strings.Contains(p.Detail, "If-Match") {
		t.Errorf("it does not say why: %s", p.Detail)
	}
	set("*").want(200)
	set("").want(200)
}

// TestAQuestionThatMeansTwoThingsIsRefused: whoever asks for two agents must not take the calls of one for those of both.
func TestAQuestionThatMeansTwoThingsIsRefused(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleOwner)
	b.get("boss", "/v1/calls?agent=anna&agent=bert").field("agent")
	b.get("boss", "/v1/calls?limit=1&limit=1").field("limit")
	b.get("boss", "/v1/gaps?from=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z").field("until")
	b.get("boss", "/v1/gaps?from=2026-03-02T00:00:00Z&until=2026-03-02T00:00:00Z").field("until")
	b.get("boss", "/v1/calls?agent=&queue=").want(200)                    // as a form sends what nobody filled in
	b.do(ask{method: "GET", path: "/v1/calls?agent=a&agent=b"}).want(401) // nothing is looked at before who asks
}

// TestEveryAnswerIsJSON: RFC 9110 lets a server answer with what it has, and a browser's address bar asks for HTML.
func TestEveryAnswerIsJSON(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleOwner)
	for _, accept := range []string{"text/html", "application/cbor", "application/json;q=0, */*", "garbage"} {
		for path, want := range map[string]string{"/v1/calls": "application/json", "/v1/calls?limit=0": "application/problem+json"} {
			r := b.do(ask{as: "boss", method: "GET", path: path, header: map[string]string{"Accept": accept}})
			if got := r.header.Get("Content-Type"); got != want {
				t.Errorf("%s with Accept %s: %q, want %q", path, accept, got, want)
			}
		}
	}
}

// TestWhatNoPageIsIsAProblem, but for a person with a browser.
func TestWhatNoPageIsIsAProblem(t *testing.T) {
	b := newBench(t)
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "the page") })
	b.api.HandlePages(pages)
	for path, method := range map[string]string{"/v2/calls": "GET", "/favicon.ico": "GET", "/nothing": "POST"} {
		b.do(ask{method: method, path: path}).want(404).problem()
	}
	r := b.do(ask{method: "POST", path: "/"}).want(405)
	r.problem()
	if got := r.header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow is %q", got)
	}
	if r := b.do(ask{method: "GET", path: "/"}).want(200); string(r.body) != "the page" {
		t.Errorf("got %q", r.body)
	}
	r = b.do(ask{method: "GET", path: "/nothing", header: map[string]string{"Accept": "text/html,*/*"}}).want(404)
	if got := r.header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain") {
		t.Errorf("a browser gets %q: %s", got, r.body)
	}
}

func TestABodyFarTooLargeGetsItsAnswerAllTheSame(t *testing.T) {
	b := newBench(t)
	s := httptest.NewServer(b.api.Handler())
	t.Cleanup(s.Close)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 8 << 20
	fmt.Fprintf(conn, "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", size)
	if _, err := conn.Write(bytes.Repeat([]byte("x"), size)); err != nil {
		t.Fatalf("the connection was cut while the client was sending: %v", err)
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %s", r.Status)
	}
}

func TestWhatHandleAddedTakesGetAlone(t *testing.T) {
	b := newBench(t)
	b.api.Handle("GET /v1/push", http.NotFoundHandler())
	r := b.do(ask{method: "POST", path: "/v1/push"}).want(405)
	r.problem()
	if got := r.header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow is %q", got)
	}
}

func TestLogsNameRoutesOnly(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	b.record("default", "hq", someCall("hq:1.1", "anna"))
	b.get("anna", "/v1/calls?number=02079460000&q=canaryword").want(200)
	b.get("anna", "/v1/contacts?number=02079460000").want(200)
	b.get("anna", callPath("hq:+442079460000")).want(404)
	b.do(ask{as: "anna", method: "POST", path: callPath("hq:1.1") + "/notes", body: map[string]any{"text": "canaryword"}}).want(201)
	b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("canaryword", "canaryword", false)}).want(401)
	for _, marker := range []string{"2079460000", "canaryword", b.tokens["anna"], "Caller"} {
		if strings.Contains(b.log.String(), marker) {
			t.Errorf("the log holds %q:\n%s", marker, b.log)
		}
	}
	if !strings.Contains(b.log.String(), `route="GET /v1/calls/{id}"`) {
		t.Errorf("the log does not name the route:\n%s", b.log)
	}
}

// brokenStore panics, or fails, in one method.
type brokenStore struct {
	crm.Store
	panics bool
}

func (s brokenStore) Dispositions(context.Context, string) ([]crm.DispositionCode, error) {
	if s.panics {
		panic("broken")
	}
	return nil, fmt.Errorf("select: secret detail")
}

func (s brokenStore) Gaps(context.Context, string, time.Time, time.Time) ([]crm.Gap, error) {
	return nil, fmt.Errorf("select: %w", crm.ErrUnavailable)
}

func (s brokenStore) Ping(context.Context) error { return crm.ErrUnavailable }

func TestUnknownErrorsAndPanicsAre500(t *testing.T) {
	for _, panics := range []bool{false, true} {
		b := newBench(t, func(c *Config) { c.Store = brokenStore{c.Store, panics} })
		b.user("default", "boss", crm.RoleOwner)
		r := b.get("boss", "/v1/dispositions").want(500)
		if p := r.problem(); strings.Contains(p.Detail, "secret") || strings.Contains(p.Detail, "broken") {
			t.Errorf("the answer shows the error: %s", r.body)
		}
		if !strings.Contains(b.log.String(), "level=ERROR") {
			t.Error("no line in the log")
		}
		un := b.get("boss", "/v1/gaps").want(503)
		un.problem()
		if un.header.Get("Retry-After") != "1" {
			t.Error("503 without Retry-After")
		}
	}
}

func TestReadyz(t *testing.T) {
	b := newBench(t)
	var got readyBody
	b.get("", "/readyz").want(200).into(&got)
	if got.Status != "degraded" || len(got.PBXs) != 2 || got.PBXs[0].State != Connected || got.PBXs[1].State != "disconnected" {
		t.Errorf("got %+v", got)
	}
	b = newBench(t, func(c *Config) { c.Status = nil })
	b.get("", "/readyz").want(200).into(&got)
	if got.Status != "ok" || got.PBXs == nil {
		t.Errorf("without a PBX: got %+v", got)
	}
	b = newBench(t, func(c *Config) { c.Store = brokenStore{Store: c.Store} })
	b.get("", "/readyz").want(503).into(&got)
	if got.Status != "unavailable" || got.Store != "unavailable" {
		t.Errorf("without a store: got %+v", got)
	}
}

func TestDocsLoadNothingFromOutside(t *testing.T) {
	b := newBench(t)
	outside := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]|innerHTML|@import|url\(`)
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css"} {
		if m := outside.FindString(strings.ReplaceAll(string(b.get("", path).want(200).body), "// ", "")); m != "" {
			t.Errorf("%s has %q", path, m)
		}
	}
}

func TestOpenAPIDescribesTheAPI(t *testing.T) {
	b := newBench(t)
	var doc struct {
		OpenAPI string                               `json:"openapi"`
		Paths   map[string]map[string]map[string]any `json:"paths"`
	}
	r := b.get("", "/openapi.json").want(200)
	r.into(&doc)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q", doc.OpenAPI)
	}
	for _, want := range []string{"get /v1/push", "post /v1/push/ticket", "get /v1/calls/{id}", "put /v1/calls/{id}/disposition", "get /readyz"} {
		method, path, _ := strings.Cut(want, " ")
		if doc.Paths[path][method] == nil {
			t.Errorf("%s is not described", want)
		}
	}
	if responses, _ := doc.Paths["/readyz"]["get"]["responses"].(map[string]any); responses["503"] == nil {
		t.Error("/readyz: 503, which is no problem document, is not described")
	}
	if strings.Contains(string(r.body), "$schema") || !strings.Contains(string(r.body), "application/problem+json") {
		t.Error("it has links to schemas, or no problem documents")
	}
	refs := regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`)
	var all struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	r.into(&all)
	for _, m := range refs.FindAllStringSubmatch(string(r.body), -1) {
		if all.Components.Schemas[m[1]] == nil {
			t.Errorf("schema %s is referred to and missing", m[1])
		}
	}
}

func TestEveryParameterOfAListIsDescribed(t *testing.T) {
	for path, item := range newBench(t).api.huma.OpenAPI().Paths {
		for _, op := range operationsOf(item) {
			for _, p := range op.Parameters {
				if p.In == "query" && p.Description == "" {
					t.Errorf("%s: nobody is told what %s does", path, p.Name)
				}
			}
		}
	}
}

// The daemon adds the WebSocket and the pages beside the API's routes.
func TestHandleReachesTheConnection(t *testing.T) {
	b := newBench(t)
	up := websocket.Upgrader{}
	b.api.Handle("GET /v1/push", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_ = conn.WriteMessage(websocket.TextMessage, []byte("hello"))
	}))
	b.api.Handle("GET /{$}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "page") }))
	srv := httptest.NewServer(b.api.Handler())
	defer srv.Close()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(srv.URL, "http")+"/v1/push", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, msg, err := conn.ReadMessage(); err != nil || string(msg) != "hello" {
		t.Errorf("got %q, %v", msg, err)
	}
	resp, err := http.Get(srv.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, _ := bufio.NewReader(resp.Body).ReadString('\n'); line != "page" {
		t.Errorf("page: got %q", line)
	}
}
