// Package redistest starts private Redis servers for tests. It touches no other
// server on the machine.
package redistest

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"patchcord/crm/crmtest/child"
)

// Server is one redis-server that a test owns. Its methods are for one goroutine.
type Server struct {
	t    testing.TB
	dir  string
	port int
	args func(*Server) []string
	cmd  *exec.Cmd
}

// Start starts a redis-server with its data in a temporary folder, append-only
// file on, and returns its URL. Further arguments are redis-server's and win,
// as "--appendfsync", "always". The server ends with the test. Without a
// redis-server the test is skipped; with REQUIRE_SERVERS=1 it fails.
func Start(t testing.TB, args ...string) (url string, srv *Server) {
	t.Helper()
	return start(t, func(s *Server) []string {
		return append([]string{
			"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", filepath.Join(s.dir, "data"), "--logfile", filepath.Join(s.dir, "log"),
			"--daemonize", "no", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
		}, args...)
	})
}

func start(t testing.TB, args func(*Server) []string) (url string, srv *Server) {
	t.Helper()
	if _, err := exec.LookPath(program()); err != nil {
		if os.Getenv("REQUIRE_SERVERS") == "1" {
			t.Fatalf("REQUIRE_SERVERS=1, but there is no %s in PATH", program())
		}
		t.Skip("no redis-server in PATH: install it to run this test (Debian: apt-get install redis-server)")
	}
	s := &Server{t: t, dir: t.TempDir(), args: args}
	t.Cleanup(s.Kill)
	for attempt := 1; ; attempt++ { // another process may take the port between
		s.port = freePort(t)
		err := s.launch()
		if err == nil {
			return s.URL(), s
		}
		s.Kill()
		if attempt == 3 {
			t.Fatalf("start redis-server: %v\n%s", err, s.log())
		}
	}
}

// program is redis-server, or what the variable PATCHCORD_REDIS_SERVER names: valkey-server, say.
func program() string { return cmp.Or(os.Getenv("PATCHCORD_REDIS_SERVER"), "redis-server") }

// URL is the address of the server, database 0.
func (s *Server) URL() string { return "redis://" + s.Addr() + "/0" }

// Addr is host and port.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// Stop pauses the process: its connections stay open and nothing is answered.
func (s *Server) Stop() { s.signal(syscall.SIGSTOP) }

// Cont lets a stopped server go on.
func (s *Server) Cont() { s.signal(syscall.SIGCONT) }

// Kill ends the server with SIGKILL and waits for its end. Killing it again is a no-op.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // reports the kill
	s.cmd = nil
}

// Restart starts the server again, at the same address with the same data, after killing it if it runs.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.launch(); err != nil {
		s.t.Fatalf("restart redis-server: %v\n%s", err, s.log())
	}
}

// Wipe kills the server and removes its data.
func (s *Server) Wipe() {
	s.t.Helper()
	s.Kill()
	if err := os.RemoveAll(filepath.Join(s.dir, "data")); err != nil {
		s.t.Fatal(err)
	}
}

// Client returns a client of the server that is closed with the test.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr()})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("%s to redis-server: %v", sig, err)
	}
}

func (s *Server) launch() error {
	if err := os.MkdirAll(filepath.Join(s.dir, "data"), 0o700); err != nil {
		return err
	}
	s.cmd = exec.Command(program(), s.args(s)...)
	if err := child.Start(s.cmd, syscall.SIGKILL); err != nil {
		s.cmd = nil
		return err
	}
	return s.wait()
}

// wait returns when the server has loaded its data and answers, as the process that we started.
func (s *Server) wait() error {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, DialerRetries: 1}) // by itself it dials every 100 ms
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := c.Info(ctx).Result() // LOADING is an answer, too
		if err == nil && !strings.Contains(info, "process_id:"+strconv.Itoa(s.cmd.Process.Pid)+"\r\n") {
			return fmt.Errorf("another server has port %d", s.port)
		}
		if err == nil && !strings.Contains(info, "\r\nloading:1\r\n") { // a sentinel says nothing of it
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", err)
		}
	}
}

func (s *Server) log() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
