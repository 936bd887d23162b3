package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/postgres/pgtest"
	"patchcord/sync/webhook"
)

// simulated starts a PBX on a real socket, for the length of the test; it places no calls before Work.
func simulated(t *testing.T, cfg amitest.Config) (pbx *amitest.PBX, address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, 5*time.Second) // a busy machine is to lose no session
	pbx = amitest.New(cfg)
	pbx.Rest()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { pbx.Serve(ctx, ln) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return pbx, ln.Addr().String()
}

// configFor writes a configuration beside one PBX, with more text at its end.
func configFor(t *testing.T, address, more string) string {
	t.Helper()
	dir := t.TempDir()
	user := amitest.DefaultUser()
	text := fmt.Sprintf("listen: 127.0.0.1:0\npbxs:\n  - name: hq\n    address: %s\n    region: GB\n    reader: {username: %s, secret_file: hq.secret}\n%s",
		address, user.Name, more)
	for name, body := range map[string]string{"patchcord.yml": text, "hq.secret": user.Secret + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "patchcord.yml")
}

// serve runs a daemon of the configuration, with an owner called boss.
func serve(t *testing.T, config string) (d *command, boss *client) {
	t.Helper()
	password := rand.Text()
	add := []string{"user", "add", "boss", "--role", "owner", "--password-stdin", "--config", config}
	if status, _, stderr := runCommand(t, password+"\n", add...); status != 0 {
		t.Fatalf("add boss: %s", stderr)
	}
	d = start(t, "", "serve", "--config", config)
	t.Cleanup(func() {
		d.stop()
		if status := d.wait(t); status != 0 {
			t.Errorf("the daemon left with %d:\n%s", status, d.err)
		}
	})
	boss = login(t, daemonURL(t, d), "boss", password)
	return d, boss
}

func quickCalls(n int) *amitest.Traffic {
	return &amitest.Traffic{Seed: 11, Speed: 20, CallsPerSecond: 0.5, MaxCalls: n}
}

// history lets the PBX place its calls once the daemon is connected, waits until all n are recorded, and returns
// all records.
func (c *client) history(t *testing.T, pbx *amitest.PBX, n int) []*crm.Call {
	t.Helper()
	var page struct {
		Items []*crm.Call `json:"items"`
	}
	waitFor(t, time.Minute, "the PBX to be connected", func() bool { return readyState(t, c.url, "hq") == "connected" })
	pbx.Work()
	waitFor(t, 3*time.Minute, "every call to be recorded", func() bool {
		time.Sleep(100 * time.Millisecond) // the API takes 20 requests a second
		if pbx.Ledger().Len() < n || !settled(pbx.Ledger().Calls()) {
			return false
		}
		page.Items = nil
		if status := c.do(t, "GET", "/v1/calls?limit=200", nil, &page); status != http.StatusOK {
			t.Fatalf("history: status %d", status)
		}
		recorded := map[string]bool{}
		for _, r := range page.Items {
			recorded[r.ID] = !r.Open()
		}
		return !slices.ContainsFunc(pbx.Ledger().Calls(), func(truth amitest.Call) bool { return !recorded[truth.ID] })
	})
	return page.Items
}

func TestServeRecordsWhatHappened(t *testing.T) {
	t.Parallel()
	stores := map[string]func(t *testing.T) string{
		"on embedded storage": func(*testing.T) string { return "" },
		"on PostgreSQL and Redis": func(t *testing.T) string {
			url, _ := redistest.Start(t)
			return "store: " + quoted(pgtest.Start(t)) + "\nbuffer: " + quoted(url) + "\n"
		},
	}
	for name, more := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storage := more(t)
			pbx, address := simulated(t, amitest.Config{Name: "hq", Timestamps: true, Traffic: quickCalls(80)})
			_, boss := serve(t, configFor(t, address, storage))
			records := map[string]*crm.Call{}
			for _, c := range boss.history(t, pbx, 80) {
				records[c.ID] = c
			}
			for _, truth := range pbx.Ledger().Calls() {
				c := records[truth.ID]
				if d := differences(truth, c); len(d) > 0 || !c.Complete {
					t.Errorf("%s (%s), complete %v: %s", truth.ID, truth.Scenario, c.Complete, strings.Join(d, "; "))
				}
			}
		})
	}
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

func TestWebhookGetsEveryEventSigned(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text()))
	got := make(chan string, 10_000)
	var failing sync.Once
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := webhook.Verify([]crm.Secret{crm.Secret(secret)}, r.Header, body, time.Now()); err != nil {
			t.Errorf("signature: %v", err)
		}
		failed := false
		failing.Do(func() { failed = true; w.WriteHeader(http.StatusServiceUnavailable) })
		if failed {
			return
		}
		var e struct{ ID, Type string }
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		got <- e.Type
	}))
	t.Cleanup(receiver.Close)

	pbx, address := simulated(t, amitest.Config{Name: "hq", Traffic: quickCalls(4)})
	config := configFor(t, address, "webhooks:\n  - {name: hook, url: "+quoted(receiver.URL+"/in")+", secret_file: hook.secret, types: [call.ended, call.updated], allow_private: true}\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(config), "hook.secret"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, boss := serve(t, config)
	records := boss.history(t, pbx, 4)
	ended := map[string]int{}
	for deadline := time.After(3 * time.Minute); ended["call.ended"] < len(records); {
		select {
		case typ := <-got:
			ended[typ]++
		case <-deadline:
			t.Fatalf("after three minutes: %v, want call.ended of %d calls", ended, len(records))
		}
	}
	var status struct {
		Items []struct{ Name string } `json:"items"`
	}
	if code := boss.do(t, "GET", "/v1/webhooks", nil, &status); code != http.StatusOK || len(status.Items) != 1 {
		t.Errorf("webhooks: status %d, %+v", code, status)
	}
}

func TestSecondDaemonOnOneFolderIsRefused(t *testing.T) {
	t.Parallel()
	_, address := simulated(t, amitest.Config{})
	config := configFor(t, address, "")
	serve(t, config)
	status, _, stderr := runCommand(t, "", "serve", "--config", config)
	if status != 1 || !strings.Contains(stderr, "in use by another patchcord") {
		t.Errorf("status %d, stderr:\n%s", status, stderr)
	}
}

func TestFirstStartPrintsALinkToCreateTheOwner(t *testing.T) {
	t.Parallel()
	_, address := simulated(t, amitest.Config{})
	d := start(t, "", "serve", "--config", configFor(t, address, ""))
	url := daemonURL(t, d)
	_, token, ok := strings.Cut(d.err.String(), "/#setup=")
	if !ok {
		t.Fatalf("no link in:\n%s", d.err)
	}
	token, _, _ = strings.Cut(token, "\n")
	c := &client{url: url}
	owner := map[string]string{"token": strings.TrimSpace(token), "username": "boss", "password": "correct horse battery"}
	if status := c.do(t, "POST", "/v1/setup", owner, nil); status != http.StatusCreated {
		t.Errorf("set-up: status %d", status)
	}
	if status := c.do(t, "POST", "/v1/setup", owner, nil); status == http.StatusCreated {
		t.Error("the link works twice")
	}
	login(t, url, "boss", "correct horse battery")
	d.stop()
	if status := d.wait(t); status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestCaptureIsWhatFoldReads(t *testing.T) {
	t.Parallel()
	pbx, address := simulated(t, amitest.Config{Name: "hq", Traffic: quickCalls(6)})
	config := configFor(t, address, "")
	out := filepath.Join(t.TempDir(), "caught")
	c := start(t, "", "capture", "--config", config, out)
	if err := pbx.WaitSessions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	pbx.Work()
	waitFor(t, time.Minute, "the calls to end", func() bool { return settled(pbx.Ledger().Calls()) && pbx.Ledger().Len() == 6 })
	time.Sleep(200 * time.Millisecond) // for the last bytes to arrive
	c.stop()
	if status := c.wait(t); status != 0 {
		t.Fatalf("status %d:\n%s", status, c.err)
	}
	sent, err := os.ReadFile(out + ".sent")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sent), amitest.DefaultUser().Secret) {
		t.Error("the secret stands in the recording")
	}
	status, records, stderr := runCommand(t, "", "fold", "--pbx", "hq", out+".ami")
	if status != 0 || strings.Count(records, "\n") < 5 || !strings.Contains(records, `"started_at":"20`) {
		t.Errorf("status %d, stderr %q, records:\n%s", status, stderr, records)
	}
	if status, _, stderr := runCommand(t, "", "capture", "--config", config, out); status != 1 || !strings.Contains(stderr, "choose another name") {
		t.Errorf("an old recording is overwritten: status %d, %q", status, stderr)
	}
}

func TestReplayPlaysATraceAsAsteriskWould(t *testing.T) {
	r := start(t, "", "replay", "--port", "0", "--speed", "0", "--secret", "s", trace)
	at := strings.Fields(r.err.line(t))[2]
	readReplay(t, at)
	if s := r.wait(t); s != 0 {
		t.Errorf("replay left with %d:\n%s", s, r.err)
	}
}

// readReplay logs in as the replay's user and reads to the end.
func readReplay(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "Action: Login\r\nUsername: crm\r\nSecret: s\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(b), "Event: QueueCallerJoin") {
		t.Errorf("the trace did not come: %d bytes, %v", len(b), err)
	}
}
