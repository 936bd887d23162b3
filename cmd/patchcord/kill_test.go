package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
	"patchcord/crm/sqlite"
)

// asDaemon makes the test binary behave as patchcord itself, so that a test can
// kill it without building another one.
const asDaemon = "PATCHCORD_TEST_AS_DAEMON"

func TestMain(m *testing.M) {
	if role := os.Getenv(asServer); role != "" {
		beServer(role)
	}
	if os.Getenv(asDaemon) != "" {
		os.Unsetenv(asDaemon)
		onSignals()
		main()
	}
	os.Exit(m.Run())
}

// process is a patchcord in a process of its own.
type process struct {
	cmd *exec.Cmd
	err *bytes.Buffer
}

func spawn(t *testing.T, args ...string) *process { return spawnWith(t, nil, args...) }

// spawnWith starts it with more variables in its environment.
func spawnWith(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	return startProcess(t, exec.Command(os.Args[0], args...), environ)
}

func startProcess(t *testing.T, cmd *exec.Cmd, environ []string) *process {
	t.Helper()
	p := &process{cmd: cmd, err: new(bytes.Buffer)}
	p.cmd.Env = append(append(os.Environ(), asDaemon+"=1"), environ...)
	p.cmd.Stderr = p.err
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := fork(p.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	})
	return p
}

// fork starts a command from a thread that never ends. Pdeathsig tells of the end of the
// thread that started a process, not of this process, and a thread ends with a goroutine
// that was locked to it, as that of a daemon in this process whose records give way to pops.
func fork(cmd *exec.Cmd) error {
	started := make(chan error, 1)
	forker() <- func() { started <- cmd.Start() }
	return <-started
}

// forker is the thread that fork uses.
var forker = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for do := range work {
			do()
		}
	}()
	return work
})

func (p *process) end(sig os.Signal) {
	p.cmd.Process.Signal(sig)
	p.cmd.Wait()
}

// number reads a setting of a test from the environment, for runs on demand.
func number(t *testing.T, name string, usual int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s=%q: want a number", name, s)
	}
	return n
}

// TestKilledDaemonLosesNothingItHeard kills the daemon with SIGKILL at random
// moments under a PBX that does not wait for it, and holds what is stored against
// the PBX's ledger. PATCHCORD_KILLS=100 is the figure of the issue: an hour of
// calls at twenty times its speed.
func TestKilledDaemonLosesNothingItHeard(t *testing.T) {
	kills := number(t, "PATCHCORD_KILLS", 8)
	seed := uint64(number(t, "PATCHCORD_SEED", 1))
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("replay with: PATCHCORD_KILLS=%d PATCHCORD_SEED=%d go test -run %s ./cmd/patchcord", kills, seed, t.Name())

	dir := t.TempDir()
	traffic := amitest.Traffic{Seed: seed, Speed: 20, CallsPerSecond: 0.4, MaxCalls: int(0.4 * 36 * float64(kills))}
	pbx := amitest.New(amitest.Config{Name: "hq", Timestamps: true, Traffic: &traffic})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- pbx.Serve(ctx, ln) }()
	defer func() { stop(); <-served }()

	secret := filepath.Join(dir, "hq.secret")
	if err := os.WriteFile(secret, []byte(amitest.DefaultUser().Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--pbx-name", "hq", "--pbx-address", ln.Addr().String(),
		"--pbx-username", amitest.DefaultUser().Name, "--pbx-secret-file", secret,
	}
	first := spawn(t, args...)
	if err := pbx.WaitSessions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	met := time.Now() // what was before the first connection nobody promised to hear
	first.end(syscall.SIGKILL)
	for range kills - 1 {
		p := spawn(t, args...)
		time.Sleep(200*time.Millisecond + rand2(random, 3200*time.Millisecond)) // a random moment is what is tested
		p.end(syscall.SIGKILL)
	}
	last := spawn(t, args...)
	waitFor(t, 2*time.Minute, "every call to end", func() bool {
		return pbx.Ledger().Len() == traffic.MaxCalls && settled(pbx.Ledger().Calls())
	})
	time.Sleep(8 * time.Second) // two complete lists of channels, 2.5 s apart, after the last login
	last.end(syscall.SIGTERM)
	truth := slices.DeleteFunc(pbx.Ledger().Calls(), func(c amitest.Call) bool { return c.StartedAt.Before(met) })
	checkAgainstLedger(t, dir, truth)
	if t.Failed() {
		t.Logf("last daemon's log:\n%s", last.err)
	}
}

func rand2(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

func settled(calls []amitest.Call) bool {
	for _, c := range calls {
		if c.EndedAt.IsZero() {
			return false
		}
	}
	return len(calls) > 0
}

// waitFor asks until it holds, for things that another process does.
func waitFor(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", within, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func checkAgainstLedger(t *testing.T, dir string, truth []amitest.Call) tally {
	t.Helper()
	records, gaps := stored(t, dir)
	ids, since := heard(t, dir)
	// There is no gap before the first login: what began earlier is not owed.
	owed := slices.DeleteFunc(truth, func(c amitest.Call) bool { return c.StartedAt.Before(since) })
	return compareWithLedger(t, records, gaps, ids, owed)
}

// tally is what a comparison with the ledger found.
type tally struct {
	calls, right, marked int // that are owed; recorded as they happened; not so, and in a gap
	gaps                 int
	lost                 int // in no gap, and missing or otherwise; or heard of, and without a record
	twice                int // Linkedids that stand in two records
	altered              int // not as they happened, and said to be complete
}

func (y tally) String() string {
	return fmt.Sprintf("%d calls: %d as they happened, %d marked by one of %d gaps; %d lost, %d twice, %d altered",
		y.calls, y.right, y.marked, y.gaps, y.lost, y.twice, y.altered)
}

// compareWithLedger holds records against what really happened; heard are the
// Linkedids of every channel whose beginning is in the log.
func compareWithLedger(t *testing.T, records []*crm.Call, gaps []crm.Gap, heard map[string]bool, truth []amitest.Call) tally {
	t.Helper()
	y := tally{calls: len(truth), gaps: len(gaps)}
	fault := func(n *int, format string, args ...any) {
		t.Helper()
		if *n++; *n <= 20 {
			t.Errorf(format, args...)
		}
	}
	byLinkedid := map[string]*crm.Call{}
	for _, c := range records {
		for _, id := range c.Linkedids {
			if other, twice := byLinkedid[id]; twice {
				fault(&y.twice, "Linkedid %s stands in two records, %s and %s", id, other.ID, c.ID)
			}
			byLinkedid[id] = c
		}
	}
	for id := range heard {
		if byLinkedid[id] == nil {
			fault(&y.lost, "a frame of %s is in the log, and no record has it", id)
		}
	}
	for _, call := range truth {
		wrong := "missing"
		if c := byLinkedid[call.Linkedids[0]]; c != nil {
			wrong = strings.Join(differences(call, c), "; ")
			if wrong != "" && c.Complete {
				fault(&y.altered, "%s (%s) is altered and says it is complete: %s", call.ID, call.Scenario, wrong)
			}
			if c.Open() {
				wrong += "; open"
			}
		}
		if wrong == "" {
			y.right++
			continue
		}
		y.marked++
		if !overlapsGap(call, gaps) {
			y.marked--
			fault(&y.lost, "%s (%s) lies in no gap, and is: %s", call.ID, call.Scenario, wrong)
		}
	}
	t.Log(y)
	if y.right == 0 {
		t.Error("no call is as it happened; the comparison cannot be right")
	}
	return y
}

// stored reads every record and gap out of a daemon's folder.
func stored(t *testing.T, dir string) ([]*crm.Call, []crm.Gap) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "patchcord.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return recordsOf(t, s)
}

func recordsOf(t *testing.T, s crm.Store) ([]*crm.Call, []crm.Gap) {
	t.Helper()
	gaps, err := s.Gaps(t.Context(), defaultTenant, time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var all []*crm.Call
	for cursor := ""; ; {
		page, next, err := s.Calls(t.Context(), defaultTenant, crm.CallFilter{}, crm.Page{Limit: 200, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if cursor = next; next == "" {
			return all, gaps
		}
	}
}

// heard returns the Linkedid of every channel of which the log has a frame that begins or carries a call,
// and when the PBX was first logged in to.
func heard(t *testing.T, dir string) (ids map[string]bool, since time.Time) {
	t.Helper()
	l, err := embedded.Open(t.Context(), filepath.Join(dir, "frames.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	entries, err := l.Read(t.Context(), "hq", crm.Position{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	login := slices.IndexFunc(entries, func(e buffer.Entry) bool { return e.Kind == buffer.Connected })
	if login < 0 {
		t.Fatal("the log begins without a login")
	}
	return heardIn(t, l), entries[login].At
}

func heardIn(t *testing.T, l buffer.Log) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for after := (crm.Position{}); ; {
		entries, err := l.Read(t.Context(), "hq", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return ids
		}
		for _, e := range entries {
			after = e.Pos
			if e.Kind != buffer.Frame {
				continue
			}
			if m := ami.NewMessage(string(e.Data)); m.Event() == "Newchannel" {
				ids[m.Get("Linkedid")] = true
			}
		}
	}
}

// readyState asks a daemon how a PBX is connected.
func readyState(t *testing.T, url, pbx string) string {
	t.Helper()
	var body struct {
		PBXs []struct{ Name, State string } `json:"pbxs"`
	}
	c := &client{url: url}
	c.do(t, "GET", "/readyz", nil, &body)
	for _, p := range body.PBXs {
		if p.Name == pbx {
			return p.State
		}
	}
	b, _ := json.Marshal(body)
	return fmt.Sprintf("unknown: %s", b)
}
