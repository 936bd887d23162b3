package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm/postgres/pgtest"
)

// TestChaosFailover lets a Redis die of which a replica lags behind, and promotes the replica, in
// the midst of calls. What the replica had not got comes back from the daemon's memory, or lies in a
// gap; every third time the daemon is killed as well, and nobody has it in memory any more.
func TestChaosFailover(t *testing.T) {
	rounds(t, "failover", "Redis failed over", 50, func(t *testing.T, faults int, random *rand.Rand) tally {
		url, first := redistest.Start(t)
		via := newSwitchboard(t, first.Addr())
		v := newServed(t, random, strings.Replace(url, first.Addr(), via.addr(), 1), pgtest.StartServer(t))
		defer v.tellIfFailed()
		primary := first
		for i := range faults {
			replica := follow(t, primary)
			time.Sleep(between(random, 200*time.Millisecond, time.Second))
			replica.Stop() // it lags from here on
			time.Sleep(between(random, 50*time.Millisecond, 600*time.Millisecond))
			primary.Kill()
			if i%3 == 2 {
				v.end(syscall.SIGKILL)
			}
			replica.Cont()
			promote(t, replica)
			via.to(replica.Addr())
			if i%3 == 2 {
				v.start()
				waitFor(t, time.Minute, "the daemon to log in", func() bool { return v.pbx.Sessions() > 0 })
			}
			primary = replica
		}
		return v.check(t)
	})
}

// follow starts a replica, and returns when it has what the primary has.
func follow(t *testing.T, primary *redistest.Server) *redistest.Server {
	t.Helper()
	host, port, _ := strings.Cut(primary.Addr(), ":")
	_, replica := redistest.Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	waitFor(t, 20*time.Second, "the replica to be in step", func() bool {
		return strings.Contains(replica.Client().Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
	return replica
}

func promote(t *testing.T, replica *redistest.Server) {
	t.Helper()
	if err := replica.Client().ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
}

// switchboard is an address behind which the server can be changed. A change ends every connection.
type switchboard struct {
	ln net.Listener
	wg sync.WaitGroup

	mu     sync.Mutex
	target string            // guarded by mu
	open   map[net.Conn]bool // guarded by mu
}

func newSwitchboard(t *testing.T, target string) *switchboard {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &switchboard{ln: ln, target: target, open: map[net.Conn]bool{}}
	s.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.connect(c) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		s.to("")
		s.wg.Wait()
	})
	return s
}

func (s *switchboard) addr() string { return s.ln.Addr().String() }

// to connects from now on to the target, and ends what is connected to the one before.
func (s *switchboard) to(target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target = target
	for c := range s.open {
		c.Close()
	}
}

func (s *switchboard) connect(client net.Conn) {
	defer client.Close()
	s.mu.Lock()
	target := s.target
	s.mu.Unlock()
	var d net.Dialer
	server, err := d.DialContext(context.Background(), "tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	s.mu.Lock()
	if s.target != target {
		s.mu.Unlock()
		return
	}
	s.open[client], s.open[server] = true, true
	s.mu.Unlock()
	s.wg.Go(func() {
		io.Copy(server, client) // ends with either
		server.Close()
	})
	io.Copy(client, server)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, client)
	delete(s.open, server)
}
