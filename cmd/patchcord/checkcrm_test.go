package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/sync/dataverse/dataversetest"
	"patchcord/sync/espocrm/espocrmtest"
)

func TestCheckTriesACRM(t *testing.T) {
	s := httptest.NewServer(dataversetest.New())
	defer s.Close()
	dir := t.TempDir()
	cfg := &Config{Store: "sqlite", DataDir: dir, DeploymentKeyFile: filepath.Join(dir, "deployment.key")}
	secret := filepath.Join(dir, "dyn.secret")
	if err := os.WriteFile(secret, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := CRMConfig{
		Name: "dyn", Kind: "dataverse", Tenant: defaultTenant, URL: s.URL, AllowPlain: true, ClientID: "app", SecretFile: secret,
		Settings: map[string]string{"tenant_id": "t1", "login_url": s.URL},
	}
	try := func() (*report, string) {
		var out bytes.Buffer
		r := &report{out: &out}
		(&checkCmd{Wait: 10 * time.Second}).checkCRM(t.Context(), cfg, &m, r)
		return r, out.String()
	}
	if r, out := try(); r.worst != fine || !strings.Contains(out, "crm dyn") {
		t.Errorf("got %s", out)
	}
	if err := os.WriteFile(secret, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, out := try(); r.worst != broken || !strings.Contains(out, "FAIL") || !strings.Contains(out, "auth") {
		t.Errorf("with a wrong secret: %s", out)
	}
	s.Close()
	if r, out := try(); r.worst != broken {
		t.Errorf("with nobody there: %s", out)
	}
}

// TestACRMBehindAProxy: the address is nobody's, and the proxy leads to it.
func TestACRMBehindAProxy(t *testing.T) {
	fake := espocrmtest.New()
	asked := make(chan string, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Host
		fake.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	m := CRMConfig{Name: "espo", Kind: "espocrm", Tenant: defaultTenant, URL: "http://crm.invalid", AllowPlain: true, Secret: crm.Secret(fake.Key), Proxy: proxy.URL}
	var out bytes.Buffer
	r := &report{out: &out}
	(&checkCmd{Wait: 10 * time.Second}).checkCRM(t.Context(), &Config{Store: "sqlite", DataDir: t.TempDir()}, &m, r)
	if r.worst != fine || <-asked != "crm.invalid" {
		t.Errorf("got %s", out.String())
	}
	fake.Show("own")
	out.Reset()
	(&checkCmd{Wait: 10 * time.Second}).checkCRM(t.Context(), &Config{Store: "sqlite", DataDir: t.TempDir()}, &m, r)
	if r.worst != broken || !strings.Contains(out.String(), "let it read all calls") {
		t.Errorf("with a role that reads its own calls: %s", out.String())
	}
	fake.Show("all")
	fake.Hide("Contact")
	out.Reset()
	if (&checkCmd{Wait: 10 * time.Second}).checkCRM(t.Context(), &Config{Store: "sqlite", DataDir: t.TempDir()}, &m, r); !strings.Contains(out.String(), "FAIL  crm espo     its contacts") {
		t.Errorf("with a role that reads no contacts: %s", out.String())
	}
	m.NoContacts = true
	out.Reset()
	if (&checkCmd{Wait: 10 * time.Second}).checkCRM(t.Context(), &Config{Store: "sqlite", DataDir: t.TempDir()}, &m, r); strings.Contains(out.String(), "FAIL") {
		t.Errorf("without contacts: %s", out.String())
	}
}
