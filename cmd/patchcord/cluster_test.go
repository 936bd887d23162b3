package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/buffer"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/auth"
	"patchcord/crm/crmtest/child"
	"patchcord/crm/postgres"
	"patchcord/crm/postgres/pgtest"
)

// cluster is what several daemons share: a PBX, PostgreSQL, Redis, and a key.
type cluster struct {
	dir   string
	pbx   *amitest.PBX
	at    string // of the PBX
	store crm.Store
	log   buffer.Log
	pg    string
	redis string
	calls int       // that the PBX places
	clock bool      // the PBX says when things happen; else the time is that of receipt, late on a busy machine
	met   time.Time // when the first node was logged in
}

func newCluster(t *testing.T, traffic amitest.Traffic, timestamps bool) *cluster {
	t.Helper()
	redis, _ := redistest.Start(t)
	return newClusterOn(t, traffic, timestamps, pgtest.Start(t), redis)
}

func newClusterOn(t *testing.T, traffic amitest.Traffic, timestamps bool, pg, redis string) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir(), pg: pg, redis: redis, calls: traffic.MaxCalls, clock: timestamps}
	var err error
	if c.store, err = postgres.Open(t.Context(), c.pg, postgres.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.store.Close() })
	if c.log, err = redisstream.Open(t.Context(), c.redis, redisstream.Config{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.log.Close() })
	// The machine may be busy: a PBX that drops a slow session is another test.
	c.pbx = amitest.New(amitest.Config{Name: "hq", Timestamps: timestamps, WriteTimeout: 5 * time.Second, Traffic: &traffic})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.at = ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- c.pbx.Serve(ctx, ln) }()
	t.Cleanup(func() { stop(); <-served })
	if err := os.WriteFile(filepath.Join(c.dir, "hq.secret"), []byte(amitest.DefaultUser().Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{"1001", "1002", "1003"} {
		c.hire(t, "agent"+ext, ext)
	}
	return c
}

const nodePassword = "correct horse battery"

// hire adds an agent with a phone.
func (c *cluster) hire(t *testing.T, name, extension string) {
	t.Helper()
	u, err := auth.NewUser(defaultTenant, name, crm.RoleAgent, nodePassword)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.store.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := c.store.Bind(t.Context(), crm.Binding{UserID: u.ID, PBX: "hq", Extension: extension, From: crm.At(time.Now().Add(-time.Hour))}, false); err != nil {
		t.Fatal(err)
	}
}

// dismiss disables a user as `patchcord user disable` does.
func (c *cluster) dismiss(t *testing.T, name string) {
	t.Helper()
	u, err := c.store.UserByName(t.Context(), defaultTenant, name)
	if err != nil {
		t.Fatal(err)
	}
	u.Disabled = true
	u.Version++
	if err := c.store.UpdateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

// start starts the node of that name, whose folder lasts over its starts, and waits until it serves.
func (c *cluster) start(t *testing.T, name string) *node {
	t.Helper()
	config := filepath.Join(c.dir, name+".yml")
	text := fmt.Sprintf(`
listen: 127.0.0.1:0
node: %s
data_dir: ./%s
deployment_key_file: ./shared.key
store: %q
buffer: %q
pbxs:
  - name: hq
    address: %s
    reader: {username: %s, secret_file: hq.secret}
`, name, name, c.pg, c.redis, c.at, amitest.DefaultUser().Name)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &node{name: name, cmd: exec.Command(os.Args[0], "serve", "--config", config), err: newOutput()}
	n.cmd.Env = append(os.Environ(), asDaemon+"=1")
	n.cmd.Stderr = n.err
	if err := child.Start(n.cmd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n.cmd.ProcessState == nil {
			n.end(syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("log of node %s:\n%s", name, n.err)
		}
	})
	waitFor(t, time.Minute, "node "+name+" to serve", func() bool {
		m := nodeRunsAt.FindStringSubmatch(n.err.String())
		if m != nil {
			n.url = m[1]
		}
		return m != nil
	})
	return n
}

// node is a daemon of the cluster, in a process of its own.
type node struct {
	name string
	cmd  *exec.Cmd
	err  *output
	url  string
}

var nodeRunsAt = regexp.MustCompile(`msg="patchcord runs" url=(\S+)`)

func (n *node) end(sig os.Signal) {
	n.cmd.Process.Signal(sig)
	n.cmd.Wait()
}

// becomes waits until /readyz of the node says so of the PBX, and returns how long it took.
func (n *node) becomes(t *testing.T, state string, within time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	waitFor(t, within, "node "+n.name+" to be "+state, func() bool { return readyState(t, n.url, "hq") == state })
	return time.Since(began)
}

// meet waits until the first node is logged in. What was before it nobody promised to hear.
func (c *cluster) meet(t *testing.T, n *node) {
	t.Helper()
	n.becomes(t, "connected", time.Minute)
	c.met = time.Now()
}

// owed returns the calls that began since the first node was logged in.
func (c *cluster) owed() []amitest.Call {
	return slices.DeleteFunc(c.pbx.Ledger().Calls(), func(call amitest.Call) bool { return call.StartedAt.Before(c.met) })
}

// talking returns how many calls are going on.
func (c *cluster) talking() (n int) {
	for _, call := range c.pbx.Ledger().Calls() {
		if call.EndedAt.IsZero() {
			n++
		}
	}
	return n
}

// check holds everything that was recorded against the ledger, once the calls are over.
func (c *cluster) check(t *testing.T) []crm.Gap {
	t.Helper()
	waitFor(t, 2*time.Minute, "every call to end", func() bool {
		return c.pbx.Ledger().Len() == c.calls && settled(c.pbx.Ledger().Calls())
	})
	truth := c.owed()
	var records []*crm.Call
	var gaps []crm.Gap
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		records, gaps = recordsOf(t, c.store)
		open := 0
		for _, r := range records {
			if r.Open() {
				open++
			}
		}
		if open == 0 && len(records) >= len(truth) || time.Now().After(deadline) {
			break
		}
	}
	if c.clock {
		compareWithLedger(t, records, gaps, heardIn(t, c.log), truth)
	} else {
		compareCounts(t, records, truth)
	}
	tellsOnce(t, c.store)
	return gaps
}

// nodeTraffic is calls for so long, at four times their speed.
func nodeTraffic(t *testing.T, d time.Duration) amitest.Traffic {
	t.Helper()
	return amitest.Traffic{
		Seed: uint64(number(t, "PATCHCORD_SEED", 1)), Speed: 4, CallsPerSecond: 0.5, Delay: 8 * time.Second,
		MaxCalls: int(2 * d.Seconds()), Noise: 0.2,
	}
}
