package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDemoRingsTheAgentWithinTenSecondsAndOn(t *testing.T) {
	t.Parallel()
	began := time.Now()
	c := start(t, "", "demo", "--json", "--port", "0", "--for", "60s")
	var hello map[string]string
	if err := json.Unmarshal([]byte(c.out.line(t)), &hello); err != nil {
		t.Fatalf("the first line is no JSON object: %v", err)
	}
	agent := login(t, hello["url"], hello["agent"], hello["password"])
	conn, welcome := agent.listen(t, "")
	if welcome.Op != "welcome" || len(welcome.Snapshot.PBXs) != 1 {
		t.Errorf("welcome: %+v", welcome)
	}
	last, rings := began, 0
	var rung message
	for rings < 3 {
		m := next(t, conn, 15*time.Second)
		if m.Event.Type != "offer.created" {
			continue
		}
		if gap := time.Since(last); gap > 10*time.Second {
			t.Errorf("ring %d came %v after the one before it; want at most 10 s", rings+1, gap)
		}
		if m.Event.Data.Offer.Extension != "1001" || m.Event.Data.Offer.Agent != hello["agent"] {
			t.Errorf("a pop of somebody else: %+v", m.Event.Data.Offer)
		}
		last, rung = time.Now(), m
		rings++
	}
	id := url.PathEscape(rung.Event.Data.Call.ID)
	if status := agent.do(t, "GET", "/v1/calls/"+id, nil, nil); status != http.StatusOK {
		t.Errorf("the call of the pop: status %d", status)
	}
	if status := agent.do(t, "PUT", "/v1/calls/"+id+"/disposition", map[string]string{"code": "resolved"}, nil); status != http.StatusOK {
		t.Errorf("disposition: status %d", status)
	}
	var page struct {
		Items []struct{ ID string }
	}
	boss := login(t, hello["url"], hello["supervisor"], hello["password"])
	if status := boss.do(t, "GET", "/v1/calls", nil, &page); status != http.StatusOK || len(page.Items) == 0 {
		t.Errorf("history: status %d, %d calls", status, len(page.Items))
	}
	c.stop()
	if status := c.wait(t); status != 0 {
		t.Errorf("status %d after a stop; stderr:\n%s", status, c.err)
	}
	if out := c.out.String(); strings.Count(out, "\n") != 1 {
		t.Errorf("stdout holds more than one line:\n%s", out)
	}
}

func TestDemoEndsByItselfAndLeavesNothing(t *testing.T) {
	t.Parallel()
	data, out := t.TempDir(), newOutput()
	demo := exec.Command(os.Args[0], "demo", "--port", "0", "--for", "5s")
	demo.Stdout = out
	p := startProcess(t, demo, []string{"TMPDIR=" + data})
	if err := demo.Wait(); err != nil {
		t.Errorf("%v; stderr:\n%s", err, p.err)
	}
	if said := out.String(); !strings.Contains(said, "http://127.0.0.1:") || !strings.Contains(said, "password") {
		t.Errorf("no address or password in:\n%s", said)
	}
	if strings.Contains(p.err.String(), "WARN") {
		t.Errorf("it warns of its own end:\n%s", p.err)
	}
	left, err := filepath.Glob(filepath.Join(data, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestDemoRefusesWhatCannotBe(t *testing.T) {
	for _, args := range [][]string{{"--for=-3s"}, {"--calls=-1"}, {"--port=65536"}, {"--ami-port=-1"}} {
		status, out, stderr := runCommand(t, "", append([]string{"demo"}, args...)...)
		if name, _, _ := strings.Cut(args[0], "="); status != 1 || out != "" || !strings.Contains(stderr, name) {
			t.Errorf("%v: status %d, stdout %q, stderr %q", args, status, out, stderr)
		}
	}
}

func TestDemoTakesAnotherPortWhen8080IsTaken(t *testing.T) {
	t.Parallel()
	a := start(t, "", "demo", "--json", "--for", "30s")
	first := a.out.line(t)
	b := start(t, "", "demo", "--json", "--for", "30s")
	second := b.out.line(t)
	if first == second || !strings.Contains(second, "http://127.0.0.1:") {
		t.Errorf("the second demo says %s after %s", second, first)
	}
	a.stop()
	b.stop()
	if s, u := a.wait(t), b.wait(t); s != 0 || u != 0 {
		t.Errorf("status %d and %d", s, u)
	}
}

func TestDemoIsStoppedBeforeItIsUp(t *testing.T) {
	t.Parallel()
	c := start(t, "", "demo", "--json", "--port", "0")
	c.stop()
	if status := c.wait(t); status != 0 {
		t.Errorf("status %d; stderr:\n%s", status, c.err)
	}
}
