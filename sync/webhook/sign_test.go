package webhook

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

// The example of the reference libraries of Standard Webhooks (standard-webhooks/standard-webhooks,
// the tests of each language have it).
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTimestamp = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	otherSecret     = "whsec_c2VjcmV0LW9mLWEtcm90YXRlZC1lbmRwb2ludA=="
)

func mustKey(t *testing.T, s crm.Secret) []byte {
	t.Helper()
	k, err := key(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSignatureIsThatOfTheReferenceLibraries(t *testing.T) {
	h := http.Header{}
	signAll(h, [][]byte{mustKey(t, vectorSecret)}, vectorID, time.Unix(vectorTimestamp, 5e8), []byte(vectorBody))
	if got := h.Get(HeaderSignature); got != vectorSignature {
		t.Errorf("got %s, want %s", got, vectorSignature)
	}
	if h.Get(HeaderID) != vectorID || h.Get(HeaderTimestamp) != "1614265330" {
		t.Errorf("got headers %v", h)
	}
}

func TestVerify(t *testing.T) {
	at := time.Unix(vectorTimestamp, 0)
	tests := map[string]struct {
		secrets   []crm.Secret
		id, stamp string
		signature string
		body      string
		now       time.Time
		ok        bool
	}{
		"the published example":        {ok: true},
		"no prefix":                    {secrets: []crm.Secret{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, ok: true},
		"the second of two secrets":    {secrets: []crm.Secret{otherSecret, vectorSecret}, ok: true},
		"the second of two signatures": {signature: "v1,AAAA v1a,xyz " + vectorSignature, ok: true},
		"five minutes late":            {now: at.Add(Tolerance), ok: true},
		"more than five minutes late":  {now: at.Add(Tolerance + time.Second)},
		"more than that early":         {now: at.Add(-Tolerance - time.Second)},
		"another secret":               {secrets: []crm.Secret{otherSecret}},
		"another body":                 {body: vectorBody + " "},
		"another id":                   {id: "msg_other"},
		"another timestamp":            {stamp: "1614265331"},
		"a timestamp that is none":     {stamp: "yesterday"},
		"another version":              {signature: "v2" + vectorSignature[2:]},
		"no signature":                 {signature: " "},
		"a cut signature":              {signature: vectorSignature[:20]},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			or := func(v, otherwise string) string {
				if v == "" {
					return otherwise
				}
				return v
			}
			if tt.secrets == nil {
				tt.secrets = []crm.Secret{vectorSecret}
			}
			if tt.now.IsZero() {
				tt.now = at
			}
			h := http.Header{}
			h.Set("Webhook-Id", or(tt.id, vectorID))
			h.Set("Webhook-Timestamp", or(tt.stamp, "1614265330"))
			h.Set("Webhook-Signature", or(tt.signature, vectorSignature))
			err := Verify(tt.secrets, h, []byte(or(tt.body, vectorBody)), tt.now)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrSignature) {
				t.Errorf("got %v, want ok %t", err, tt.ok)
			}
		})
	}
	if err := Verify([]crm.Secret{vectorSecret}, http.Header{}, nil, at); !errors.Is(err, ErrSignature) {
		t.Errorf("no headers: got %v, want ErrSignature", err)
	}
}

func TestValidate(t *testing.T) {
	good := Config{Name: "crm", URL: "https://example.net/hook?x=1", Secrets: []crm.Secret{vectorSecret}}
	tests := map[string]struct {
		change func(*Config)
		want   string // "" when it is good
	}{
		"good":                      {func(*Config) {}, ""},
		"port 8443":                 {func(c *Config) { c.URL = "https://example.net:8443/" }, ""},
		"two secrets":               {func(c *Config) { c.Secrets = append(c.Secrets, otherSecret) }, ""},
		"http to an allowed host":   {func(c *Config) { c.URL = "http://CRM.lan:8069/x"; c.AllowHosts = []string{"crm.lan"} }, ""},
		"private allowed":           {func(c *Config) { c.URL = "http://10.0.0.7/x"; c.AllowPrivate = true }, ""},
		"no name":                   {func(c *Config) { c.Name = "" }, "name:"},
		"no URL":                    {func(c *Config) { c.URL = "" }, "url:"},
		"no host":                   {func(c *Config) { c.URL = "https:///x" }, "url:"},
		"http":                      {func(c *Config) { c.URL = "http://example.net/" }, "want https"},
		"http to a host not listed": {func(c *Config) { c.URL = "http://b.lan/"; c.AllowHosts = []string{"a.lan", "lan"} }, "want https"},
		"another scheme":            {func(c *Config) { c.URL = "ftp://example.net/"; c.AllowPrivate = true }, "want https"},
		"another port":              {func(c *Config) { c.URL = "https://example.net:6379/" }, "port 6379"},
		"a password":                {func(c *Config) { c.URL = "https://u:hunter2@example.net/" }, "user and password"},
		"a fragment":                {func(c *Config) { c.URL = "https://example.net/#a" }, "#"},
		"a name not in ASCII":       {func(c *Config) { c.URL = "https://exämple.net/" }, "ASCII"},
		"no secret":                 {func(c *Config) { c.Secrets = nil }, "secrets:"},
		"three secrets":             {func(c *Config) { c.Secrets = []crm.Secret{vectorSecret, otherSecret, vectorSecret} }, "secrets:"},
		"a short secret":            {func(c *Config) { c.Secrets = []crm.Secret{"whsec_aHVudGVyMg=="} }, "7 bytes"},
		"a secret not in base64":    {func(c *Config) { c.Secrets = []crm.Secret{"hunter2!"} }, "base64"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := good
			c.Secrets = append([]crm.Secret(nil), good.Secrets...)
			tt.change(&c)
			_, err := New(c)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}
