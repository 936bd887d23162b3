package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/api"
	"patchcord/crm/postgres/pgtest"
	"patchcord/sync/espocrm/espocrmtest"
)

// reloading is a daemon that is told to read its configuration again.
type reloading struct {
	*reloader
	path string
	told chan os.Signal
	said *output
	d    *daemon
}

func reloadable(t *testing.T, path string) *reloading {
	t.Helper()
	r := &reloading{path: path, told: make(chan os.Signal, 1), said: newOutput()}
	log := slog.New(slog.NewTextHandler(r.said, nil))
	load := func() (*Config, error) { return loadConfig(path, nil) }
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan *daemon, 1)
	r.reloader = &reloader{load: load, told: r.told, log: log, open: func(ctx context.Context, cfg *Config, _ bool) (runner, error) {
		d, err := openDaemon(ctx, cfg, log)
		if err == nil {
			opened <- d
		}
		return d, err
	}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.run(ctx, cfg) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	select {
	case r.d = <-opened:
	case err := <-ended:
		t.Fatal(err)
	}
	return r
}

// reload writes the configuration and has it read again, until the log says what came of it.
func (r *reloading) reload(t *testing.T, text, want string) {
	t.Helper()
	if err := os.WriteFile(r.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	before := len(r.said.String())
	r.told <- syscall.SIGHUP
	waitFor(t, patience, "the log to say: "+want, func() bool { return strings.Contains(r.said.String()[before:], want) })
}

// at is a PBX of a configuration.
func at(name, address, more string) string {
	return fmt.Sprintf("  - {name: %s, address: %q, reader: {username: %s, secret_file: hq.secret}%s}\n", name, address, amitest.DefaultUser().Name, more)
}

// connected waits until those PBXs are.
func (r *reloading) connected(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		waitFor(t, patience, name+" to be connected", func() bool { return readyState(t, r.d.web.url, name) == api.Connected })
	}
}

// TestReloadStartsAnewWhatChangedAlone: the session with another PBX goes on, and so do screens.
func TestReloadStartsAnewWhatChangedAlone(t *testing.T) {
	t.Parallel()
	fake := espocrmtest.New()
	s := httptest.NewServer(fake)
	t.Cleanup(s.Close)
	pbx, hq := simulated(t, amitest.Config{Name: "hq", Timestamps: true, Traffic: &amitest.Traffic{
		Seed: 1, CallsPerSecond: 4, MaxLive: 1, Speed: 4, Agents: amitest.Extensions(1), Scenarios: []amitest.Scenario{amitest.DirectNoAnswer},
	}})
	_, branch := simulated(t, amitest.Config{Name: "branch"})
	_, third := simulated(t, amitest.Config{Name: "third"})
	to := func(name, more string) string {
		return fmt.Sprintf("  - {name: %s, kind: espocrm, url: %q, allow_plain: true, secret_file: espo.key, no_contacts: true%s}\n", name, s.URL, more)
	}
	text := func(pbxs, crms string) string { return "listen: 127.0.0.1:0\npbxs:\n" + pbxs + "crms:\n" + crms }
	path := configFor(t, hq, "")
	for name, body := range map[string]string{"espo.key": fake.Key, "patchcord.yml": text(at("hq", hq, "")+at("branch", branch, ""), to("one", "")+to("two", ""))} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	password := rand.Text()
	for _, args := range [][]string{{"ann", "--extension", "hq/1001"}, {"boss", "--role", "owner"}} {
		args = append(append([]string{"user", "add"}, args...), "--password-stdin", "--config", path)
		if status, _, stderr := runCommand(t, password+"\n", args...); status != 0 {
			t.Fatal(stderr)
		}
	}
	r := reloadable(t, path)
	r.connected(t, "hq", "branch")
	screen, _ := login(t, r.d.web.url, "ann", password).listen(t, "")
	pbx.Work()
	nextRing(t, screen)
	lines, crms := r.d.house.lines.get(), r.d.crms.list.get()

	r.reload(t, text(at("hq", hq, "")+at("branch", branch, ", attributes: [TICKET]")+at("third", third, ""), to("one", "")+to("two", ", rate: 7")+to("three", "")),
		`everything else goes on" changed="[CRM three (new) CRM two PBX branch PBX third (new)]"`)
	r.connected(t, "hq", "branch", "third")
	nextRing(t, screen)
	now, served := r.d.house.lines.get(), r.d.crms.list.get()
	if len(now) != 3 || now[0] != lines[0] || now[1] == lines[1] || now[0].Status().Session.Connections != 1 {
		t.Errorf("the lines are %v, and were %v; the first connected %d times", now, lines, now[0].Status().Session.Connections)
	}
	if len(served) != 3 || served[0] != crms[0] || served[1] == crms[1] || served[1].cfg.Rate != 7 {
		t.Errorf("the CRMs are %v, and were %v", served, crms)
	}
	boss := login(t, r.d.web.url, "boss", password)
	var listed struct{ Items []api.CRMStatus }
	boss.do(t, http.MethodGet, "/v1/crms", nil, &listed)
	if len(listed.Items) != 3 || !slices.Equal(r.d.targets.Destinations("default"), []string{"one", "two", "three"}) {
		t.Errorf("the API lists %+v, and jobs go to %v", listed.Items, r.d.targets.Destinations("default"))
	}
	var gaps struct{ Items []struct{ PBX string } }
	if boss.do(t, http.MethodGet, "/v1/gaps", nil, &gaps); slices.ContainsFunc(gaps.Items, func(g struct{ PBX string }) bool { return g.PBX == "hq" }) {
		t.Errorf("there is a gap: %+v", gaps.Items)
	}

	r.reload(t, text(at("hq", hq, "")+at("branch", branch, ", attributes: [TICKET]")+at("third", third, ""), to("two", ", rate: 7")+to("three", "")),
		`changed="[CRM one (gone)]"`)
	if served := r.d.crms.list.get(); len(served) != 2 || served[0].cfg.Name != "two" {
		t.Errorf("the CRMs are %v", served)
	}
	r.reload(t, text(at("hq", hq, "")+at("branch", branch, ", attributes: [TICKET]")+at("third", third, ""), to("two", ", rate: 7, fields: {name: '{nonsense}'}")+to("three", "")),
		"so nothing was changed")
	nextRing(t, screen)
}

// TestReloadOfAPBXThatNodesShare: the node takes its lease again at once, and gives no other away.
func TestReloadOfAPBXThatNodesShare(t *testing.T) {
	t.Parallel()
	redis, _ := redistest.Start(t)
	store := pgtest.Start(t)
	_, hq := simulated(t, amitest.Config{Name: "hq"})
	_, branch := simulated(t, amitest.Config{Name: "branch"})
	path := configFor(t, hq, "")
	text := func(more string) string {
		return "listen: 127.0.0.1:0\nstore: " + quoted(store) + "\nbuffer: " + quoted(redis) + "\npbxs:\n" + at("hq", hq, "") + at("branch", branch, more)
	}
	if err := os.WriteFile(path, []byte(text("")), 0o600); err != nil {
		t.Fatal(err)
	}
	r := reloadable(t, path)
	r.connected(t, "hq", "branch")
	lines := r.d.house.lines.get()
	r.reload(t, text(", attributes: [TICKET]"), `changed="[PBX branch]"`)
	began := time.Now()
	r.connected(t, "hq", "branch")
	now := r.d.house.lines.get()
	if now[0] != lines[0] || now[1] == lines[1] || now[0].Status().Session.Connections != 1 || time.Since(began) > crm.LeaseTTL {
		t.Errorf("the lines are %v, and were %v; the first connected %d times; it took %v", now, lines, now[0].Status().Session.Connections, time.Since(began))
	}
}

// TestWhatReloadCannotAdapt needs every part to start anew.
func TestWhatReloadCannotAdapt(t *testing.T) {
	before := &Config{PBXs: []PBXConfig{{Name: "hq", Tenant: "default", Region: "GB"}}, CRMs: []CRMConfig{{Name: "one", Tenant: "default"}}}
	for name, tt := range map[string]struct {
		next    Config
		shared  bool
		adapted bool
		changed string
	}{
		"a CRM's settings":             {Config{PBXs: before.PBXs, CRMs: []CRMConfig{{Name: "one", Tenant: "default", Rate: 7}}}, true, true, "[CRM one]"},
		"a PBX's settings":             {Config{PBXs: []PBXConfig{{Name: "hq", Tenant: "default", Region: "GB", Address: "x:5038"}}, CRMs: before.CRMs}, true, true, "[PBX hq]"},
		"another region for all":       {Config{PBXs: []PBXConfig{{Name: "hq", Tenant: "default", Region: "DE"}}, CRMs: before.CRMs}, false, false, "[CRM one PBX hq]"},
		"a PBX more":                   {Config{PBXs: append(before.PBXs[:1:1], PBXConfig{Name: "b", Tenant: "default"}), CRMs: before.CRMs}, false, true, "[PBX b (new)]"},
		"a PBX more that nodes share":  {Config{PBXs: append(before.PBXs[:1:1], PBXConfig{Name: "b", Tenant: "default"}), CRMs: before.CRMs}, true, false, "[PBX b (new)]"},
		"a PBX less":                   {Config{CRMs: before.CRMs}, false, false, "[CRM one PBX hq (gone)]"},
		"a PBX of a tenant of its own": {Config{PBXs: []PBXConfig{{Name: "hq", Tenant: "acme", Region: "GB"}}, CRMs: before.CRMs}, false, false, "[PBX hq]"},
		"another tenant":               {Config{PBXs: before.PBXs, CRMs: []CRMConfig{{Name: "one", Tenant: "acme"}}}, false, false, "[CRM one]"},
		"where it listens":             {Config{Listen: ":1", PBXs: before.PBXs, CRMs: before.CRMs}, false, false, "[listen]"},
	} {
		tenants := tt.next
		if got := before.sameBut(&tenants, tt.shared); got != tt.adapted {
			t.Errorf("%s: adapted %v, want %v", name, got, tt.adapted)
		}
		if got := fmt.Sprint(before.differing(&tt.next)); got != tt.changed {
			t.Errorf("%s: %s differs, want %s", name, got, tt.changed)
		}
	}
}
