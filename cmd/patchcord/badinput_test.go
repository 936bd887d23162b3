package main

import (
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patchcord/ami/amitest"
)

func TestCheckSaysWhatIsWrongWithAPBX(t *testing.T) {
	_, well := simulated(t, amitest.Config{})
	_, refused := simulated(t, amitest.Config{LoginDelay: time.Millisecond, Users: []amitest.User{{Name: "crm", Secret: rand.Text()}}})
	limited := amitest.DefaultUser()
	limited.Write = amitest.ParseClass("originate")
	_, poor := simulated(t, amitest.Config{Users: []amitest.User{limited}})
	deaf := amitest.DefaultUser()
	deaf.Read = amitest.ParseClass("system,agent,user")
	busy, untold := simulated(t, amitest.Config{Users: []amitest.User{deaf}, Traffic: &amitest.Traffic{Seed: 1, CallsPerSecond: 5}})
	busy.Work()
	open, told := simulated(t, amitest.Config{Traffic: &amitest.Traffic{Seed: 1, CallsPerSecond: 5}})
	open.Work()
	careful := amitest.DefaultUser()
	careful.Read = amitest.ParseClass("system,call,agent,user")
	_, quiet := simulated(t, amitest.Config{Timestamps: true, Users: []amitest.User{careful}})
	exact, timed := simulated(t, amitest.Config{Timestamps: true, Traffic: &amitest.Traffic{Seed: 1, CallsPerSecond: 5}})
	exact.Work()
	for _, pbx := range []*amitest.PBX{busy, open, exact} { // a check waits for a call to begin where there are some
		waitFor(t, 30*time.Second, "calls", func() bool { return len(pbx.Ledger().Calls()) >= 5 })
	}
	tests := map[string]struct {
		address string
		status  int
		want    []string
	}{
		"a user without the read class call": {untold, 2, []string{"CoreShowChannels works", "FAIL", "tells nothing of them", "read = system,call,agent,user"}},
		"all is well, with calls":            {told, 0, []string{"tells of its calls", "timestampevents"}},
		"all is well, with exact times":      {timed, 0, []string{"tells of its calls"}},
		"all is well, and nothing happens":   {quiet, 0, []string{"no call began"}},
		"all is well":                        {well, 0, []string{"logged in as crm, AMI 11.0.0", "CoreShowChannels works", "QueueStatus works"}},
		"a wrong secret":                     {refused, 2, []string{"FAIL", "refused the login", "[crm]", "read = system,call,agent,user"}},
		"a dead port":                        {deadPort(t), 2, []string{"FAIL", "cannot be reached", "firewall"}},
		"a non-Asterisk":                     {chatty(t, "SSH-2.0-OpenSSH_9.2\r\n"), 2, []string{"FAIL", "no Asterisk manager"}},
		"a user without a right":             {poor, 2, []string{"FAIL", "CoreShowChannels", "write = reporting"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, out, stderr := runCommand(t, "", "check", "--config", configFor(t, tt.address, ""))
			if status != tt.status || !containsAll(out, tt.want) {
				t.Errorf("status %d, want %d; output lacks one of %q:\n%s%s", status, tt.status, tt.want, out, stderr)
			}
			if strings.Contains(out, "timestampevents") && (tt.address == timed || tt.address == quiet) {
				t.Errorf("it says that events have no times, which they have:\n%s", out)
			}
		})
	}
}

// deadPort returns an address at which nobody listens.
func deadPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// chatty listens and says text to everybody.
func chatty(t *testing.T, text string) string {
	t.Helper()
	return answering(t, func(conn net.Conn) {
		conn.Write([]byte(text))
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		conn.Read(make([]byte, 100))
	})
}

// answering listens, and does with every connection what answer does before it closes it.
func answering(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return ln.Addr().String()
}

func TestUnwritableDataDirectoryIsNamed(t *testing.T) {
	_, address := simulated(t, amitest.Config{})
	config := configFor(t, address, "")
	// A file where the folder should be cannot be written into, whoever asks.
	if err := os.WriteFile(filepath.Join(filepath.Dir(config), "patchcord-data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range [][]string{{"serve"}, {"user", "list"}} {
		status, _, stderr := runCommand(t, "", append(cmd, "--config", config)...)
		if status != 1 || !strings.Contains(stderr, "patchcord-data") || !strings.Contains(stderr, "data_dir") {
			t.Errorf("%v: status %d, stderr %q", cmd, status, stderr)
		}
	}
}

func TestBrokenConfigurationStartsNothing(t *testing.T) {
	path := writeConfig(t, "listen: [\n")
	for _, cmd := range [][]string{{"serve"}, {"check"}, {"capture", "x"}, {"user", "list"}, {"migrate"}} {
		status, out, stderr := runCommand(t, "", append(cmd, "--config", path)...)
		if status != 1 || out != "" || !strings.Contains(stderr, "patchcord.yml") {
			t.Errorf("%v: status %d, stdout %q, stderr %q", cmd, status, out, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "patchcord-data")); err == nil {
		t.Error("data was made for a broken configuration")
	}
}

func TestServeOutlivesBadInput(t *testing.T) {
	t.Parallel()
	pbx, address := simulated(t, amitest.Config{Name: "hq", Traffic: quickCalls(6)})
	d, boss := serve(t, configFor(t, address, ""))
	waitFor(t, 30*time.Second, "the PBX to be connected", func() bool { return readyState(t, boss.url, "hq") == "connected" })

	pbx.Send(amitest.Garbage(1, 10<<20))
	stranger := &client{url: boss.url, token: "eyJhbGciOiJub25lIn0.e30."}
	if status := stranger.do(t, "GET", "/v1/calls", nil, nil); status != http.StatusUnauthorized {
		t.Errorf("a malformed token: status %d", status)
	}
	for _, id := range []string{"hq:0.0", "nonsense", "%00", "a%2Fb"} {
		path := "/v1/calls/" + id + "/disposition"
		if status := boss.do(t, "PUT", path, map[string]string{"code": "resolved"}, nil); status != http.StatusNotFound {
			t.Errorf("a disposition for call %q: status %d", id, status)
		}
	}
	if got := len(boss.history(t, pbx, 6)); got != 6 {
		t.Errorf("%d calls recorded of 6, after 10 MB of garbage", got)
	}
	if strings.Contains(d.err.String(), "panic") {
		t.Errorf("a panic in the log:\n%s", d.err)
	}
}

func TestPBXThatIsAwayIsSaidSo(t *testing.T) {
	_, boss := serve(t, configFor(t, deadPort(t), ""))
	waitFor(t, 30*time.Second, "the PBX to be known as away", func() bool { return readyState(t, boss.url, "hq") == "disconnected" })
	var ready struct {
		PBXs []struct {
			At string `json:"last_frame_at"`
		}
	}
	if boss.do(t, "GET", "/readyz", nil, &ready); ready.PBXs[0].At != "" {
		t.Errorf("it was never heard, and its last frame came at %s", ready.PBXs[0].At)
	}
	_, welcome := boss.listen(t, "")
	if len(welcome.Snapshot.PBXs) != 1 || welcome.Snapshot.PBXs[0].State == "connected" {
		t.Errorf("snapshot: %+v", welcome.Snapshot.PBXs)
	}
}

func TestCheckWarnsOfWhatStandsOpen(t *testing.T) {
	_, address := simulated(t, amitest.Config{})
	config := configFor(t, address, "")
	secret := filepath.Join(filepath.Dir(config), "hq.secret")
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, out, _ := runCommand(t, "", "check", "--config", config); status != 1 || !containsAll(out, []string{"warn", "chmod o= " + secret}) {
		t.Errorf("status %d, output:\n%s", status, out)
	}
}

func TestWhatALogWarnsOfIsAFinding(t *testing.T) {
	var out strings.Builder
	r := &report{out: &out}
	log := slog.New(finding{slog.DiscardHandler, r, "buffer"})
	log.Info("nothing to see", "a", 1)
	log.Warn("the disk is slow", "a", 1)
	if r.worst != warning || out.String() != "warn  buffer       the disk is slow\n" {
		t.Errorf("worst %d, output %q", r.worst, out.String())
	}
}

func TestStoppedCommandDoesNotSayThatItIsDone(t *testing.T) {
	c := start(t, "", "check", "--config", configFor(t, chatty(t, ""), ""))
	waitFor(t, 30*time.Second, "the stores to be checked", func() bool { return strings.Contains(c.out.String(), "buffer") })
	c.stop()
	if status := c.wait(t); status != 1 || !strings.Contains(c.err.String(), "stopped before it was done") || strings.Contains(c.out.String(), "did not answer within") {
		t.Errorf("status %d, stderr %q, stdout:\n%s", status, c.err, c.out)
	}
}

func TestRightsThatAreMissingAreSaidSo(t *testing.T) {
	t.Parallel()
	poor := amitest.DefaultUser()
	poor.Write = amitest.ParseClass("originate")
	_, address := simulated(t, amitest.Config{Name: "hq", Users: []amitest.User{poor}})
	_, boss := serve(t, configFor(t, address, ""))
	var ready struct {
		Status string
		PBXs   []struct{ State, Detail string }
	}
	waitFor(t, 30*time.Second, "the rights to be known", func() bool {
		boss.do(t, "GET", "/readyz", nil, &ready)
		return ready.PBXs[0].State == "connected" && ready.PBXs[0].Detail != ""
	})
	if ready.Status != "degraded" || !strings.Contains(ready.PBXs[0].Detail, "CoreShowChannels") {
		t.Errorf("/readyz: %+v", ready)
	}
}
