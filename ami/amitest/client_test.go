package amitest

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A client is a bare AMI client.
type client struct {
	t      testing.TB
	conn   net.Conn
	in     *bufio.Reader
	banner string
	sent   int64
}

func dialPBX(t testing.TB, addr string) *client {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, conn)
}

func newClient(t testing.TB, conn net.Conn) *client {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	c := &client{t: t, conn: conn, in: bufio.NewReader(conn)}
	c.deadline(30 * time.Second) // a busy machine is slow
	line, err := c.in.ReadString('\n')
	if err != nil {
		t.Fatalf("banner: %v", err)
	}
	c.banner = line
	return c
}

func (c *client) deadline(d time.Duration) { _ = c.conn.SetReadDeadline(time.Now().Add(d)) }

// send sends an action, written as "Action: X|Header: value".
func (c *client) send(action string) {
	c.t.Helper()
	text := strings.ReplaceAll(action, "|", "\r\n") + "\r\n\r\n"
	if _, err := c.conn.Write([]byte(text)); err != nil {
		c.t.Fatalf("send %q: %v", action, err)
	}
	c.sent += int64(len(text))
}

// next reads a message, as text without its blank line.
func (c *client) next() (string, error) {
	var b strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return b.String(), err
		}
		if line == "\r\n" {
			return b.String(), nil
		}
		b.WriteString(line)
	}
}

// until reads to the first message that begins so.
func (c *client) until(prefix string) string {
	c.t.Helper()
	for {
		m, err := c.next()
		if err != nil {
			c.t.Fatalf("waiting for %q: %v", prefix, err)
		}
		if strings.HasPrefix(m, prefix) {
			return m
		}
	}
}

func (c *client) login() *client {
	c.t.Helper()
	c.send("Action: Login|ActionID: in|Username: crm|Secret: crmsecret")
	if got, want := c.until("Response:"), "Response: Success\r\nActionID: in\r\nMessage: Authentication accepted\r\n"; got != want {
		c.t.Fatalf("login: got %q, want %q", got, want)
	}
	return c
}

// ask sends an action and returns its reply.
func (c *client) ask(action string) string {
	c.t.Helper()
	c.send(action)
	return c.until("Response:")
}

// list sends an action that lists and returns the items and the end.
func (c *client) list(action, complete string) (items []string, end string) {
	c.t.Helper()
	c.send(action + "|ActionID: list")
	for {
		m, err := c.next()
		if err != nil {
			c.t.Fatalf("list %q: %v", action, err)
		}
		switch {
		case Header(m, "ActionID") != "list":
		case strings.HasPrefix(m, "Event: "+complete):
			return items, m
		case strings.HasPrefix(m, "Event:"):
			items = append(items, m)
		}
	}
}

// gone waits for the end of the connection.
func (c *client) gone() {
	c.t.Helper()
	for {
		if _, err := c.next(); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				c.t.Fatal("the connection stays open")
			}
			return
		}
	}
}

// serve runs a PBX on a free port until the test ends.
func serve(t testing.TB, cfg Config) (*PBX, string) {
	t.Helper()
	p := New(cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err == nil || ctx.Err() == nil || !strings.Contains(err.Error(), "canceled") {
			t.Errorf("serve: %v", err)
		}
	})
	return p, ln.Addr().String()
}

func busyTraffic(seed uint64) *Traffic {
	return &Traffic{Seed: seed, CallsPerSecond: 2, Speed: 20, Talk: 3 * time.Second}
}

func lines(s ...string) string { return strings.Join(s, "\r\n") + "\r\n" }
