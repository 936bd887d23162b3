package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"patchcord/crm/crmtest/child"
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
	if err := child.Start(p.cmd, syscall.SIGKILL); err != nil {
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

// patience is how long a test waits for what nobody promises in time: machines are shared, and slow at times.
const patience = 3 * time.Minute

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
