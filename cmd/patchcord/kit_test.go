package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/crm"
)

// output is a buffer that a running command may write to while a test reads it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
	new chan struct{}
}

func newOutput() *output { return &output{new: make(chan struct{}, 1)} }

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.buf.Write(b)
	select {
	case o.new <- struct{}{}:
	default:
	}
	return n, err
}

// String returns what was written so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// line waits for the first whole line.
func (o *output) line(t *testing.T) string {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		if line, _, ok := strings.Cut(o.String(), "\n"); ok {
			return line
		}
		select {
		case <-o.new:
		case <-deadline:
			t.Fatal("nothing was printed within 30 s")
		}
	}
}

// command runs a command line in this process.
type command struct {
	out, err *output
	status   chan int
	stop     context.CancelFunc
}

func start(t *testing.T, stdin string, args ...string) *command {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := &command{out: newOutput(), err: newOutput(), status: make(chan int, 1), stop: stop}
	term := &terminal{in: strings.NewReader(stdin), out: c.out, err: c.err}
	go func() { c.status <- run(ctx, term, args) }()
	t.Cleanup(stop)
	return c
}

// wait returns the status that the command left with.
func (c *command) wait(t *testing.T) int {
	t.Helper()
	select {
	case s := <-c.status:
		return s
	case <-time.After(60 * time.Second):
		t.Fatalf("still runs after 60 s; stderr:\n%s", c.err)
		return 0
	}
}

// runCommand runs a command line to its end.
func runCommand(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	c := start(t, stdin, args...)
	status = c.wait(t)
	return status, c.out.String(), c.err.String()
}

// client is a user of a running daemon.
type client struct {
	url, token string
}

func login(t *testing.T, url, name, password string) *client {
	t.Helper()
	c := &client{url: url}
	var tokens struct {
		Access string `json:"access_token"`
	}
	status := c.do(t, "POST", "/v1/auth/login", map[string]string{"username": name, "password": password}, &tokens)
	if status != http.StatusOK || tokens.Access == "" {
		t.Fatalf("login as %s: status %d", name, status)
	}
	c.token = tokens.Access
	return c
}

// do sends a request and decodes the answer into out, when out is not nil.
func (c *client) do(t *testing.T, method, path string, body, out any) int {
	t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, c.url+path, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, path, resp.StatusCode, b, err)
		}
	}
	return resp.StatusCode
}

// message is what a socket receives.
type message struct {
	Op       string `json:"op"`
	Cursor   string `json:"cursor"`
	Recover  bool   `json:"recovered"`
	Snapshot struct {
		Calls  []json.RawMessage `json:"calls"`
		Agents []crm.AgentState  `json:"agents"`
		PBXs   []struct {
			Name, State string
		} `json:"pbxs"`
	} `json:"snapshot"`
	Event struct {
		ID   string    `json:"id"`
		Type string    `json:"type"`
		Time time.Time `json:"time"`
		Data struct {
			Offer struct {
				ID        string `json:"id"`
				Extension string `json:"extension"`
				Agent     string `json:"agent"`
				Result    string `json:"result"`
			} `json:"offer"`
			Call struct {
				ID      string `json:"id"`
				Outcome string `json:"outcome"`
			} `json:"call"`
		} `json:"data"`
	} `json:"event"`
}

// listen opens a socket, and returns it with its welcome.
func (c *client) listen(t *testing.T, resume string) (*websocket.Conn, message) {
	t.Helper()
	var ticket struct {
		Ticket string `json:"ticket"`
	}
	if status := c.do(t, "POST", "/v1/push/ticket", nil, &ticket); status != http.StatusOK && status != http.StatusCreated {
		t.Fatalf("ticket: status %d", status)
	}
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(c.url, "http")+"/v1/push", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.WriteJSON(map[string]string{"op": "hello", "ticket": ticket.Ticket, "resume": resume}); err != nil {
		t.Fatal(err)
	}
	return conn, next(t, conn, 10*time.Second)
}

func next(t *testing.T, conn *websocket.Conn, within time.Duration) message {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	var m message
	if err := conn.ReadJSON(&m); err != nil {
		t.Fatal(err)
	}
	return m
}
