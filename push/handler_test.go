package push

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/crm"
)

func TestOrigins(t *testing.T) {
	r := overTCP(t, Config{})
	own := "http" + strings.TrimPrefix(r.url, "ws")
	tests := map[string]struct {
		origin string
		want   bool
	}{
		"none, as it is no page":      {"", true},
		"the same host":               {own, true},
		"the public URL":              {"https://calls.example.net", true},
		"the public host without TLS": {"http://calls.example.net", false},
		"another site":                {"https://evil.example", false},
		"an opaque origin":            {"null", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if tt.origin != "" {
				h.Set("Origin", tt.origin)
			}
			_, err := r.dial(h)
			if (err == nil) != tt.want {
				t.Errorf("dial gave %v, want success %v", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), "403") {
				t.Errorf("refused with %v, want 403", err)
			}
		})
	}
}

func TestWhatIsNoHandshakeGetsAProblem(t *testing.T) {
	hd := NewHandler(nil, HandlerConfig{})
	foreign := httptest.NewRequest(http.MethodGet, "/v1/push", nil)
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Origin": "https://evil.example"} {
		foreign.Header.Set(k, v)
	}
	for status, r := range map[int]*http.Request{
		http.StatusUpgradeRequired: httptest.NewRequest(http.MethodGet, "/v1/push", nil), http.StatusForbidden: foreign,
	} {
		w := httptest.NewRecorder()
		hd.ServeHTTP(w, r)
		var p struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != status || w.Code != status || p.Detail == "" {
			t.Errorf("%d %s (%v), want a problem of %d", w.Code, w.Body, err, status)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%d: Content-Type %q", status, got)
		}
		for header, value := range map[string]string{"Upgrade": "websocket", "Sec-WebSocket-Version": "13"} {
			if got := w.Header().Get(header); (got == value) != (status == http.StatusUpgradeRequired) {
				t.Errorf("%d: %s %q", status, header, got)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		first string
		code  int
	}{
		"no hello":                   {`{"op":"ack","offer":"x"}`, 4001},
		"no ticket":                  {`{"op":"hello"}`, 4001},
		"not JSON":                   {`hello`, 4001},
		"a ticket nobody gave":       {`{"op":"hello","ticket":"x"}`, 4001},
		"a role that may not listen": {`{"op":"hello","ticket":"audrey-1"}`, 4003},
		"too big a message":          {strings.Repeat("x", maxMessage+1), 1009},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := overTCP(t, Config{})
			r.tickets.give(crm.Principal{Tenant: "t", Name: "audrey", Role: crm.RoleAuditor})
			c, err := r.dial(nil)
			if err != nil {
				t.Fatal(err)
			}
			c.say(tt.first)
			if code, _ := c.closed(); code != tt.code {
				t.Errorf("closed with %d, want %d", code, tt.code)
			}
		})
	}
}

func TestATicketWorksOnce(t *testing.T) {
	r := overTCP(t, Config{})
	ticket := r.tickets.give(anna)
	for _, want := range []string{"welcome", "4001"} {
		c, err := r.dial(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.say(`{"op":"hello","ticket":"` + ticket + `"}`)
		got := "welcome"
		if m, err := c.read(); err != nil {
			code, _ := closeCodeOf(err)
			got = fmt.Sprint(code)
		} else if m.Op != "welcome" {
			t.Errorf("first message is %q", m.Op)
		}
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func closeCodeOf(err error) (int, bool) {
	ce, ok := err.(*websocket.CloseError)
	if !ok {
		return 0, false
	}
	return ce.Code, true
}

func TestSnapshotsHoldWhatOneMaySee(t *testing.T) {
	tests := map[string]struct {
		who                   crm.Principal
		calls, agents, queues int
	}{
		"an agent":         {anna, 1, 1, 0},
		"another agent":    {bert, 2, 1, 0},
		"a supervisor":     {super, 3, 2, 1},
		"another tenant's": {other, 0, 2, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := overTCP(t, Config{})
			r.live.set("t", ringing("hq:1", "anna", "bert"), ringing("hq:2", "bert"), ringing("hq:3"))
			r.hub.SetPBX(tt.who.Tenant, PBX{Name: "hq", State: "connected", Since: sec(0)})
			e := event(1, crm.OfferCreated, ringing("hq:1", "anna", "bert"), "anna")
			e.Matches = []crm.Match{{ID: "c1", Name: "Ada"}}
			r.hub.Publish(e)
			s := r.connect(tt.who, "").welcome.Snapshot
			if len(s.Calls) != tt.calls || len(s.Agents) != tt.agents || len(s.Queues) != tt.queues || len(s.PBXs) != 1 {
				t.Errorf("got %d calls, %d agents, %d queues, %d pbxs", len(s.Calls), len(s.Agents), len(s.Queues), len(s.PBXs))
			}
			if seen := len(s.Contacts["hq:1"]) == 1; seen != (tt.calls > 0) {
				t.Errorf("contacts of the call are there: %v", seen)
			}
		})
	}
}

func TestAcksCountOnceAndOnlyTheAgents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var acks []Ack
		r := overPipe(t, Config{OnAck: func(a Ack) {
			mu.Lock()
			defer mu.Unlock()
			acks = append(acks, a)
		}})
		r.live.set("t", ringing("hq:0", "anna"))
		a, b := r.connect(anna, ""), r.connect(bert, "")
		c := ringing("hq:1", "carl")
		c.Offers[0].Agent, c.Offers[0].ID = "anna", "hq:x"
		r.hub.Publish(event(1, crm.OfferCreated, c, "x"))
		a.events(1)
		time.Sleep(40 * time.Millisecond)
		b.say(`{"op":"ack","offer":"hq:x"}`)
		for _, id := range []string{"hq:x", "hq:x", "hq:anna", "hq:anna", "hq:unknown"} {
			a.say(`{"op":"ack","offer":"` + id + `"}`)
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(acks) != 2 {
			t.Fatalf("got %d acks, want 2: %+v", len(acks), acks)
		}
		if got := acks[0]; got.OfferID != "hq:x" || got.User != "anna" || got.Latency != 40*time.Millisecond {
			t.Errorf("got %+v, want hq:x by anna after 40 ms", got)
		}
		if got := acks[1]; got.OfferID != "hq:anna" || got.Latency != 0 {
			t.Errorf("got %+v, want the offer from before the start", got)
		}
	})
}

func TestTheOldestSocketOfAUserMakesRoom(t *testing.T) {
	r := overTCP(t, Config{})
	oldest := r.connect(anna, "")
	var rest []*client
	for range 5 {
		rest = append(rest, r.connect(anna, ""))
	}
	if code, _ := oldest.closed(); code != 4009 {
		t.Errorf("the oldest is closed with %d, want 4009", code)
	}
	r.hub.Publish(event(1, crm.OfferCreated, ringing("hq:1", "anna"), "anna"))
	for _, c := range rest {
		c.events(1)
	}
}

func TestClientsThatTalkTooMuch(t *testing.T) {
	r := overTCP(t, Config{})
	c := r.connect(anna, "")
	for range 60 {
		if c.conn.WriteMessage(websocket.TextMessage, []byte(`{"op":"noise"}`)) != nil {
			break
		}
	}
	if code, _ := c.closed(); code != 4029 {
		t.Errorf("closed with %d, want 4029", code)
	}
}

func TestNonsenseClosesTheSocket(t *testing.T) {
	r := overTCP(t, Config{})
	for name, m := range map[string]struct {
		kind int
		text string
	}{
		"not JSON":         {websocket.TextMessage, `{`},
		"no text message":  {websocket.BinaryMessage, `{"op":"ack","offer":"x"}`},
		"hello once again": {websocket.TextMessage, `{"op":"hello","ticket":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			c := r.connect(anna, "")
			c.say(`{"op":"from the future"}`)
			if err := c.conn.WriteMessage(m.kind, []byte(m.text)); err != nil {
				t.Fatal(err)
			}
			if code, _ := c.closed(); code != websocket.ClosePolicyViolation {
				t.Errorf("closed with %d, want %d", code, websocket.ClosePolicyViolation)
			}
		})
	}
}

func TestABinaryHelloIsNone(t *testing.T) {
	r := overTCP(t, Config{})
	c, err := r.dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	hello := `{"op":"hello","ticket":"` + r.tickets.give(anna) + `"}`
	if err := c.conn.WriteMessage(websocket.BinaryMessage, []byte(hello)); err != nil {
		t.Fatal(err)
	}
	if code, _ := c.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d, want %d", code, websocket.ClosePolicyViolation)
	}
}

func TestKickedUsersMustLogInAgain(t *testing.T) {
	r := overTCP(t, Config{})
	a, b := r.connect(anna, ""), r.connect(bert, "")
	r.hub.Kick(anna.UserID)
	if code, _ := a.closed(); code != 4001 {
		t.Errorf("closed with %d, want 4001", code)
	}
	r.hub.Publish(event(1, crm.OfferCreated, ringing("hq:1", "bert"), "bert"))
	b.events(1)
}

type revoked struct {
	mu   sync.Mutex
	gone []crm.Principal // guarded by mu
}

func (r *revoked) Revoked(context.Context, []crm.Principal) ([]crm.Principal, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.gone), nil
}

func TestRevokedLoginsAreClosedWithinTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logins := &revoked{}
		r := overPipe(t, Config{Sessions: logins})
		c := r.connect(anna, "")
		logins.mu.Lock()
		logins.gone = []crm.Principal{anna}
		logins.mu.Unlock()
		start := time.Now()
		if code, _ := c.closed(); code != 4001 || time.Since(start) > 2*time.Second {
			t.Errorf("closed with %d after %v, want 4001 within 2 s", code, time.Since(start))
		}
	})
}

func TestAnAbsentHelloIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := overPipe(t, Config{})
		start := time.Now()
		c, err := r.dial(nil)
		if err != nil {
			t.Fatal(err)
		}
		if code, _ := c.closed(); code != 4001 || time.Since(start) != 5*time.Second {
			t.Errorf("closed with %d after %v, want 4001 after 5 s", code, time.Since(start))
		}
	})
}

func TestShutdownTellsClientsWhenToComeBack(t *testing.T) {
	r := overTCP(t, Config{})
	c := r.connect(anna, "")
	go r.stop()
	code, reason := c.closed()
	if code != websocket.CloseServiceRestart || !strings.Contains(reason, "retry_ms=") {
		t.Errorf("closed with %d %q, want 1012 and when to come back", code, reason)
	}
	r.stop()
	late, err := r.dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	late.say(`{"op":"hello","ticket":"` + r.tickets.give(anna) + `"}`)
	if code, _ := late.closed(); code != websocket.CloseServiceRestart {
		t.Errorf("a late one is closed with %d, want 1012", code)
	}
}
