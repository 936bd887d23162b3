package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const (
	idleSockets = 10_000
	idleGoal    = 1.5 // times a bare socket
)

// TestIdleSocketFigure measures the resident memory of an idle authenticated socket
// against that of a bare, equally tuned gorilla/websocket server: "Resident memory" of the figures.
func TestIdleSocketFigure(t *testing.T) {
	onDemand(t)
	bare, ours := bareSockets(t, idleSockets, 5), daemonSockets(t, idleSockets, 5)
	figure(t, fmt.Sprintf("resident memory of an idle socket at %d", idleSockets), idleGoal, ours/bare, "times a bare one",
		fmt.Sprintf("%.0f bytes and %.0f", ours, bare))
}

// TestIdleSocketsAreMeasured keeps the measurement working; so few sockets say little.
func TestIdleSocketsAreMeasured(t *testing.T) {
	t.Parallel()
	const sockets, many = 50, 1000 // so many bare ones need more than what is given back meanwhile
	bare, ours := bareSockets(t, many, 1), daemonSockets(t, sockets, 1)
	t.Logf("%d sockets: %.0f bytes each; %d bare ones: %.0f", sockets, ours, many, bare)
	if bare <= 0 || bare > 1<<20 || ours > 1<<20 {
		t.Errorf("%.0f bytes a socket, bare %.0f: that is no measurement", ours, bare)
	}
}

// daemonSockets returns by how much each of n idle sockets makes the daemon grow.
func daemonSockets(t *testing.T, n, looks int) float64 {
	t.Helper()
	b := newBench(t)
	staff := hire(t, b.dir, n+1, 100)
	b.start(t)
	b.seat(t, staff[n:]) // what the first one costs is not the sockets'
	before := resident(t, b.daemon.cmd.Process, looks)
	d := b.seat(t, staff[:n])
	after := resident(t, b.daemon.cmd.Process, looks)
	d.close()
	b.stop(t)
	return float64(after-before) / float64(n)
}

// bareSockets returns by how much each of n idle sockets makes a server grow that
// does nothing else.
func bareSockets(t *testing.T, n, looks int) float64 {
	t.Helper()
	server, url := startServer(t, "bare")
	defer server.end(syscall.SIGKILL)
	d := newDesks(t)
	d.seat(t, url, make([]agent, 1))
	before := resident(t, server.cmd.Process, looks)
	d.seat(t, url, make([]agent, n))
	after := resident(t, server.cmd.Process, looks)
	d.close()
	return float64(after-before) / float64(n)
}

// resident returns a process's resident bytes once it has given back what it can: the
// least of some looks, each a while after it was asked to collect its garbage.
func resident(t *testing.T, p *os.Process, looks int) int {
	t.Helper()
	least := 0
	for range looks {
		if err := p.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(700 * time.Millisecond) // it does not say when it is done
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "VmRSS:")
		kib, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			t.Fatal(err)
		}
		if least == 0 || kib<<10 < least {
			least = kib << 10
		}
	}
	return least
}

// serveBare is gorilla/websocket as thrifty as it gets: small buffers, a shared pool
// for writing, and one parked goroutine a socket.
func serveBare() error {
	onSignals()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	up := websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{}}
	handler := func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		_, _, err = c.ReadMessage()
		if err := errors.Join(err, c.WriteMessage(websocket.TextMessage, []byte(`{"op":"welcome"}`))); err != nil {
			c.Close()
			return
		}
		go readAll(c)
	}
	return http.Serve(ln, http.HandlerFunc(handler))
}

func readAll(c *websocket.Conn) {
	defer c.Close()
	for {
		if _, _, err := c.NextReader(); err != nil {
			return
		}
	}
}
