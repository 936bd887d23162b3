package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/ami/amitest"
	"patchcord/crm"
	"patchcord/crm/postgres"
	"patchcord/crm/postgres/pgtest"
)

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

// TestStoppedOwnerHandsOver stops the owner with SIGTERM, again and again, as a
// rolling deploy does: the other node logs in before it leaves, so there is no
// gap, every record is as it happened, and every ring is told once.
func TestStoppedOwnerHandsOver(t *testing.T) {
	t.Parallel()
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
