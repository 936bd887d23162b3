package amitest

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

func dialRaw(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, time.Second) }

func TestProxyFaults(t *testing.T) {
	p, addr := serve(t, Config{})
	proxy, err := NewProxy(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	proxy.Rechunk(ToClient, 3)
	proxy.Rechunk(ToServer, 3)
	c := dialPBX(t, proxy.Addr()).login()
	c.until("Event: SuccessfulAuth")
	proxy.Rechunk(ToClient, 0)

	proxy.Stall(ToClient, true)
	c.send("Action: Ping")
	c.deadline(50 * time.Millisecond)
	if m, err := c.next(); err == nil {
		t.Errorf("stalled: got %q", m)
	}
	proxy.Stall(ToClient, false)
	c.deadline(30 * time.Second)
	c.until("Response: Success")

	proxy.Drop(ToServer, true)
	c.send("Action: Ping|ActionID: lost")
	for proxy.Bytes(ToServer) < c.sent {
		runtime.Gosched()
	}
	proxy.Drop(ToServer, false)
	if got := c.ask("Action: Ping|ActionID: heard"); strings.Contains(got, "lost") {
		t.Errorf("a dropped action was answered: %q", got)
	}

	proxy.Delay(ToClient, 30*time.Millisecond)
	start := time.Now()
	c.ask("Action: Ping")
	if d := time.Since(start); d < 30*time.Millisecond {
		t.Errorf("a delayed reply came after %v", d)
	}
	proxy.Cut(true)
	c.gone()
	if err := p.WaitSessions(t.Context(), 0); err != nil {
		t.Error(err)
	}
	proxy.Refuse(true)
	conn := rawDial(t, proxy.Addr())
	if n, err := conn.Read(make([]byte, 10)); err == nil {
		t.Errorf("a refusing proxy sent %d bytes", n)
	}
}
