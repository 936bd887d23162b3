package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/ami/amitest"
	"patchcord/buffer"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/auth"
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

// node is a daemon of the cluster, in a process of its own.
type node struct {
	name string
	cmd  *exec.Cmd
	err  *output
	url  string
}

var nodeRunsAt = regexp.MustCompile(`msg="patchcord runs" url=(\S+)`)

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
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := fork(n.cmd); err != nil {
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

// compareCounts holds everything but times against the ledger.
func compareCounts(t *testing.T, records []*crm.Call, truth []amitest.Call) {
	t.Helper()
	by := map[string][]*crm.Call{}
	for _, r := range records {
		for _, id := range r.Linkedids {
			by[id] = append(by[id], r)
		}
	}
	for _, call := range truth {
		got := by[call.Linkedids[0]]
		if len(got) != 1 {
			t.Errorf("%s (%s) has %d records", call.ID, call.Scenario, len(got))
			continue
		}
		r := got[0]
		is := fmt.Sprint(r.Outcome, " ", r.EndedBy, ", offers ", len(r.Offers), ", talks ", len(r.Talks), ", visits ", len(r.QueueVisits), ", transfers ", len(r.Transfers))
		was := fmt.Sprint(call.Outcome, " ", call.EndedBy, ", offers ", len(call.Offers), ", talks ", len(call.Talks), ", visits ", len(call.QueueVisits), ", transfers ", len(call.Transfers))
		if is != was {
			t.Errorf("%s (%s): %s; really %s", call.ID, call.Scenario, is, was)
		}
	}
}

// tellsOnce wants every call to begin once, ring once and end once in the event log.
func tellsOnce(t *testing.T, store crm.Store) {
	t.Helper()
	told := map[string]int{}
	for after := int64(0); ; {
		page, err := store.Events(t.Context(), defaultTenant, after, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			after = e.N
			var body struct {
				Data struct{ Offer struct{ ID string } }
			}
			if err := json.Unmarshal(e.Body, &body); err != nil {
				t.Fatal(err)
			}
			switch e.Type {
			case crm.CallStarted, crm.CallEnded, crm.OfferCreated:
				told[fmt.Sprint(e.Type, " ", e.CallID, " ", body.Data.Offer.ID)]++
			}
		}
		if len(page) == 0 {
			break
		}
	}
	for what, n := range told {
		if n > 1 {
			t.Errorf("%s was told %d times", strings.TrimSpace(what), n)
		}
	}
	if len(told) == 0 {
		t.Error("nothing was told; the comparison cannot be right")
	}
}

// nodeTraffic is calls for so long, at four times their speed.
func nodeTraffic(t *testing.T, d time.Duration) amitest.Traffic {
	t.Helper()
	return amitest.Traffic{
		Seed: uint64(number(t, "PATCHCORD_SEED", 1)), Speed: 4, CallsPerSecond: 0.5, Delay: 8 * time.Second,
		MaxCalls: int(2 * d.Seconds()), Noise: 0.2,
	}
}

// TestKilledOwnerIsReplaced kills the owner with SIGKILL: the other node has the
// PBX within 12 s, every record is there once, and what nobody heard lies in a gap.
func TestKilledOwnerIsReplaced(t *testing.T) {
	t.Parallel()
	trials := number(t, "PATCHCORD_TRIALS", 1)
	c := newCluster(t, nodeTraffic(t, time.Duration(trials)*25*time.Second), true)
	owner := c.start(t, "a")
	c.meet(t, owner)
	other := c.start(t, "b")
	other.becomes(t, "standby", 10*time.Second)
	for range trials {
		waitFor(t, 30*time.Second, "calls to be up", func() bool { return c.talking() > 1 })
		owner.end(syscall.SIGKILL)
		took := other.becomes(t, "connected", 20*time.Second)
		t.Logf("taken over %v after the owner was killed", took.Round(time.Millisecond))
		if took > 12*time.Second {
			t.Errorf("taken over after %v, want at most 12 s", took)
		}
		owner, other = other, c.start(t, owner.name)
		other.becomes(t, "standby", 10*time.Second)
	}
	gaps := c.check(t)
	if len(gaps) < trials {
		t.Errorf("%d gaps after %d kills", len(gaps), trials)
	}
}

// TestKilledNodeTakesItsOwnAgain: a node that comes back after SIGKILL need not wait
// for its own lease to run out.
func TestKilledNodeTakesItsOwnAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nodeTraffic(t, 5*time.Second), true)
	n := c.start(t, "a")
	n.becomes(t, "connected", 20*time.Second)
	n.end(syscall.SIGKILL)
	began := time.Now()
	n = c.start(t, "a")
	n.becomes(t, "connected", 20*time.Second)
	took := time.Since(began)
	t.Logf("connected %v after it was started again", took.Round(time.Millisecond))
	if took > 6*time.Second { // 3 s on a machine that does nothing else; the lease lasts 10
		t.Errorf("connected after %v, want at most 3 s", took)
	}
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

// TestStoppedOwnerHandsOver stops the owner with SIGTERM, again and again, as a
// rolling deploy does: the other node logs in before it leaves, so there is no
// gap, every record is as it happened, and every ring is told once.
func TestStoppedOwnerHandsOver(t *testing.T) {
	for name, timestamps := range map[string]bool{"with timestamps": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handOvers(t, number(t, "PATCHCORD_TRIALS", 2), timestamps)
		})
	}
}

func handOvers(t *testing.T, trials int, timestamps bool) {
	c := newCluster(t, nodeTraffic(t, time.Duration(trials)*10*time.Second), timestamps)
	owner := c.start(t, "a")
	c.meet(t, owner)
	other := c.start(t, "b")
	for range trials {
		other.becomes(t, "standby", 10*time.Second)
		waitFor(t, 30*time.Second, "calls to be up", func() bool { return c.talking() > 1 })
		began := time.Now()
		owner.cmd.Process.Signal(syscall.SIGTERM)
		other.becomes(t, "connected", 20*time.Second)
		took := time.Since(began)
		owner.cmd.Wait()
		t.Logf("handed over within %v; the old process ended after %v", took.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
		if took > 2*time.Second { // 1 s on a machine that does nothing else
			t.Errorf("handed over after %v, want at most 1 s", took)
		}
		owner, other = other, c.start(t, owner.name)
	}
	if gaps := c.check(t); len(gaps) > 0 {
		t.Errorf("gaps: %+v; want none", gaps)
	}
	records, _ := recordsOf(t, c.store)
	for _, r := range records {
		if !r.Complete && r.StartedAt.After(c.met) {
			t.Errorf("%s is not complete", r.ID)
		}
	}
}

// TestPausedOwnerHasNoEffect stops the owner's process for 15 s. Another node has
// the PBX by then; what the old owner does when it wakes up counts for nothing.
func TestPausedOwnerHasNoEffect(t *testing.T) {
	t.Parallel()
	trials := number(t, "PATCHCORD_TRIALS", 1)
	c := newCluster(t, nodeTraffic(t, time.Duration(trials)*30*time.Second), true)
	owner := c.start(t, "a")
	c.meet(t, owner)
	other := c.start(t, "b")
	other.becomes(t, "standby", 10*time.Second)
	for range trials {
		waitFor(t, 30*time.Second, "calls to be up", func() bool { return c.talking() > 1 })
		if err := owner.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		paused := time.Now()
		took := other.becomes(t, "connected", 20*time.Second)
		t.Logf("taken over %v after the owner was paused", took.Round(time.Millisecond))
		time.Sleep(15*time.Second - time.Since(paused)) // the pause is what is tested
		if err := owner.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		owner.becomes(t, "standby", 5*time.Second)
		owner, other = other, owner
	}
	c.check(t)
}

// TestAnyNodeServesAnyAgent: an agent on the node that does not own the PBX gets
// his pops; his cursor resumes on the owner; and when he may not log in any more
// both nodes close his sockets.
func TestAnyNodeServesAnyAgent(t *testing.T) {
	t.Parallel()
	c := newCluster(t, amitest.Traffic{
		Seed: 1, CallsPerSecond: 0.2, Speed: 2, Scenarios: []amitest.Scenario{amitest.DirectAnswered},
		Focus: &amitest.Focus{Extension: "1001", First: 16 * time.Second, Every: 6 * time.Second},
	}, true)
	owner := c.start(t, "a")
	c.meet(t, owner)
	other := c.start(t, "b")
	other.becomes(t, "standby", 10*time.Second)

	here, there := login(t, other.url, "agent1001", nodePassword), login(t, owner.url, "agent1001", nodePassword)
	conn, welcome := here.listen(t, "")
	for _, p := range welcome.Snapshot.PBXs {
		if p.Name == "hq" && p.State != "connected" {
			t.Errorf("the PBX is shown as %s on the node that does not own it", p.State)
		}
	}
	first := nextRing(t, conn)
	if age := time.Since(first.Event.Time); age > 5*time.Second {
		t.Errorf("the pop is %v old", age)
	}
	conn.Close()

	conn2, welcome := there.listen(t, first.Cursor)
	if !welcome.Recover {
		t.Error("a cursor of one node is not resumed on the other")
	}
	seen := map[string]bool{first.Event.ID: true}
	for rings := 0; rings < 2; {
		m := next(t, conn2, 30*time.Second)
		if m.Op != "event" {
			continue
		}
		if seen[m.Event.ID] {
			t.Errorf("event %s came twice", m.Event.ID)
		}
		seen[m.Event.ID] = true
		if m.Event.Type == string(crm.OfferCreated) {
			rings++
		}
	}
	back, welcome := here.listen(t, first.Cursor)
	if !welcome.Recover {
		t.Error("a cursor is not resumed where it was taken")
	}
	c.dismiss(t, "agent1001")
	began := time.Now()
	for _, s := range []*websocket.Conn{conn2, back} {
		awaitClose(t, s)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the sockets of a user who was disabled closed after %v, want at most 2 s", took)
	} else {
		t.Logf("both nodes closed the sockets of a disabled user after %v", took.Round(time.Millisecond))
	}
}

func nextRing(t *testing.T, conn *websocket.Conn) message {
	t.Helper()
	for {
		if m := next(t, conn, 40*time.Second); m.Op == "event" && m.Event.Type == string(crm.OfferCreated) {
			return m
		}
	}
}

func awaitClose(t *testing.T, conn *websocket.Conn) {
	t.Helper()
	for {
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		var m message
		err := conn.ReadJSON(&m)
		if websocket.IsCloseError(err, 4001) {
			return
		}
		if err != nil {
			t.Fatalf("got %v, want close code 4001", err)
		}
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

func TestNodeIdentityIsKeptAndMustBeWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.id")
	first, err := nodeID(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := nodeID(path)
	if err != nil || again != first {
		t.Errorf("got %q, %v the second time, want %q", again, err, first)
	}
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := nodeID(path); err == nil {
		t.Errorf("a damaged identity was taken as %q", id)
	}
}

func TestSeveralNodesNeedALogThatAllCanRead(t *testing.T) {
	url := pgtest.Start(t)
	s, err := postgres.Open(t.Context(), url, postgres.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Beat(t.Context(), crm.Node{ID: "x", Name: "elsewhere", Sharing: true}); err != nil {
		t.Fatal(err)
	}
	cfg := &Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Store: url}
	cfg.fillDefaults()
	d, err := openDaemon(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil {
		d.Close()
	}
	if err == nil || !strings.Contains(err.Error(), `"elsewhere"`) || !strings.Contains(err.Error(), "buffer") {
		t.Errorf("got %v, want a refusal that names the node and the key to set", err)
	}
}
