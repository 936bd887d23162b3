package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/api"
	crmsync "patchcord/sync"
	"patchcord/sync/salesforce/salesforcetest"
)

func TestACRMOfTheConfigurationIsChecked(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "p.yml")
	text := `
crms:
  - {name: sf, kind: salesforc}
  - name: sf
    kind: salesforce
    url: http://crm.example.net
    proxy: "http://me:secret@proxy:3128"
    settings: {keyfield: x}
    directions: [sideways]
    fields: {Subject: "{direction}"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := loadConfig(file, nil)
	for _, want := range []string{"crms.0.kind", "p.yml:3", "crms.1.url", "allow_plain", "crms.1.proxy", "crms.1.settings.keyfield", "crms.1.secret_file", "sideways", `"sf" is used twice`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// TestTheSamplesOfCRMsAreGood takes deploy/crms.yml at its word.
func TestTheSamplesOfCRMsAreGood(t *testing.T) {
	dir := t.TempDir()
	sample, err := os.ReadFile(filepath.Join("..", "..", "deploy", "crms.yml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "crms.yml")
	if err := os.WriteFile(file, sample, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`secret_file: (\S+)`).FindAllSubmatch(sample, -1) {
		secret := "hush"
		if strings.Contains(string(m[1]), "-app.") { // two of them
			secret += "\nsecond"
		}
		if err := os.WriteFile(filepath.Join(dir, string(m[1])), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := loadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for i := range cfg.CRMs {
		m := &cfg.CRMs[i]
		kinds[m.Kind] = true
		if _, err := m.connect(crmParts{quota: &crmsync.Quota{}, vault: &vault{}}); err != nil {
			t.Errorf("%s: %v", m.Kind, err)
		}
	}
	for kind := range crmKinds {
		if !kinds[kind] {
			t.Errorf("there is no sample of %s", kind)
		}
	}
}

// TestADispositionReachesTheCRM goes the whole way: a daemon with a CRM of its configuration.
func TestADispositionReachesTheCRM(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	fake := salesforcetest.New("3MVG9", "sync@example.net", &key.PublicKey)
	ann := fake.Put("Contact", salesforcetest.Row{"Name": "Ann", "Phone": "020 7946 0000"})
	s := httptest.NewServer(fake)
	defer s.Close()
	dir := t.TempDir()
	secret := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	at := freeAddress(t)
	text := `
listen: 127.0.0.1:0
metrics_listen: ` + at + `
data_dir: data
crms:
  - name: sf
    kind: salesforce
    url: ` + s.URL + `
    allow_plain: true
    client_id: 3MVG9
    username: sync@example.net
    secret_file: sf.key
    region: GB
    values: {disposition: {resolved: Resolved}}
`
	for name, b := range map[string][]byte{"sf.key": secret, "p.yml": []byte(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := loadConfig(filepath.Join(dir, "p.yml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDaemon(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = d.Close()
	})
	poll(t, "the contact is in the replica", func() bool {
		found, err := d.store.MatchNumber(ctx, "default", "+442079460000")
		return err == nil && len(found) == 1 && found[0].Name == "Ann"
	})
	putCall(t, d.store)
	_, err = d.store.SetDisposition(ctx, "default", "hq:1.1", crm.Disposition{Code: "resolved", By: "alice", At: crm.At(time.Now())}, "")
	if err != nil {
		t.Fatal(err)
	}
	poll(t, "the disposition is in the CRM", func() bool {
		task := fake.Task(crmsync.Key("default", "hq:1.1"))
		return task["CallDisposition"] == "Resolved" && task["WhoId"] == ann
	})
	poll(t, "the API's status says so", func() bool {
		s := d.crms.CRMs("default")[0].Status()
		return s.State == "ok" && s.Kind == "salesforce" && s.Written >= 1 && s.Contacts.Changed == 1 && s.Compared != nil && s.Quota.Writing == "free" &&
			s.Breakers == api.CRMBreakers{Write: "closed", Lookup: "closed", Pull: "closed", Reconcile: "closed"}
	})
	told := scrape(t, "http://"+at+"/metrics")
	for metric, want := range map[string]float64{
		`patchcord_crm_breaker_open{dest="sf",operation="write"}`: 0, `patchcord_crm_breaker_open{dest="sf",operation="lookup"}`: 0,
		`patchcord_crm_breaker_open{dest="sf",operation="pull"}`: 0, `patchcord_crm_breaker_open{dest="sf",operation="reconcile"}`: 0,
		`patchcord_crm_quota_limit{dest="sf"}`: 100_000, `patchcord_crm_paused{dest="sf"}`: 0,
	} {
		if got, ok := told[metric]; !ok || got != want {
			t.Errorf("%s is %v, %v; want %v", metric, got, ok, want)
		}
	}
	if age, ok := told[`patchcord_jobs_oldest_seconds{dest="sf"}`]; !ok || age > 60 { // a write of the match may wait for its company
		t.Errorf("the oldest job is %v s old, %v", age, ok)
	}
	if n := told[`patchcord_crm_requests_total{dest="sf",operation="write",outcome="ok"}`]; n < 1 ||
		told[`patchcord_crm_request_seconds_count{dest="sf",operation="write"}`] != n || told[`patchcord_crm_quota_left{dest="sf"}`] >= 100_000 {
		t.Errorf("requests or what is left are not told: %v", pick(told, "patchcord_crm"))
	}
	if got := cfg.destinations().Destinations("default"); len(got) != 1 || got[0] != "sf" {
		t.Errorf("the API lists %v", got)
	}
}

// putCall stores a call as a PBX's line would.
func putCall(t *testing.T, store crm.Store) {
	t.Helper()
	epoch, err := store.TakePBX(t.Context(), "hq", "default", "node")
	if err != nil {
		t.Fatal(err)
	}
	at := crm.At(time.Now().Add(-time.Minute))
	c := &crm.Call{ID: "hq:1.1", PBX: "hq", Direction: crm.Inbound, StartedAt: at, From: crm.Party{Number: "02079460000", E164: "+442079460000"}}
	err = store.Commit(t.Context(), crm.Batch{PBX: "hq", Tenant: "default", Epoch: epoch, To: crm.Position{Epoch: epoch, Seq: 1}, Calls: []*crm.Call{c}})
	if err != nil {
		t.Fatal(err)
	}
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); !done(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
