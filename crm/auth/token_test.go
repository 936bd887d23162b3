package auth

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"patchcord/crm"
)

// forge makes tokens that the service must refuse, and the one it must take.
type forge struct {
	t    testing.TB
	key  *key
	user crm.User
	now  time.Time
}

func newForge(t testing.TB) *forge {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &forge{t: t, now: time.Now(), user: crm.User{ID: "u_1", Tenant: "default", Role: crm.RoleAgent, Version: 3},
		key: &key{id: "k1", public: public, private: private, header: tokenHeader("k1")}}
}

func (f *forge) keys() *keySet {
	return &keySet{live: []*key{f.key}, byHeader: map[string]*key{f.key.header: f.key}}
}

func (f *forge) good() string {
	s, err := newIssuer("patchcord", "here").sign(f.key, f.user, "fam.3", f.now)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// goodClaims returns the claims of a good token.
func (f *forge) goodClaims() map[string]any {
	return map[string]any{"iss": "patchcord", "aud": "here", "sub": "u_1", "jti": "j", "tid": "default", "sid": "fam.3", "ver": 3,
		"role": "agent", "iat": f.now.Unix(), "nbf": f.now.Unix(), "exp": f.now.Add(accessTTL).Unix()}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// raw signs exactly that header and body with the right key.
func (f *forge) raw(header, body string) string {
	text := b64(header) + "." + b64(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(f.key.private, []byte(text)))
}

func (f *forge) body(change map[string]any) string {
	c := f.goodClaims()
	maps.Copy(c, change)
	for k, v := range c {
		if v == nil {
			delete(c, k)
		}
	}
	b, err := json.Marshal(c)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

func (f *forge) header(s string) string { return f.raw(s, f.body(nil)) }

func (f *forge) claims(change map[string]any) string {
	return f.raw(`{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}`, f.body(change))
}

// hs256 signs with the public key as an HMAC secret.
func (f *forge) hs256(header string) string {
	text := b64(header) + "." + b64(f.body(nil))
	m := hmac.New(sha256.New, f.key.public)
	m.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (f *forge) rs256() string {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.t.Fatal(err)
	}
	tok := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(f.goodClaims()))
	tok.Header["kid"], tok.Header["typ"] = "k1", "at+jwt"
	s, err := tok.SignedString(k)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *forge) otherKey() string {
	g := newForge(f.t)
	return g.claims(nil)
}

func (f *forge) corpus() map[string]string {
	good := f.good()
	parts := strings.Split(good, ".")
	at := func(d time.Duration) int64 { return f.now.Add(d).Unix() }
	return map[string]string{
		"empty":                     "",
		"one dot":                   ".",
		"two dots":                  "..",
		"garbage":                   "not a token",
		"two segments":              parts[0] + "." + parts[1],
		"four segments":             good + ".x",
		"stripped signature":        parts[0] + "." + parts[1] + ".",
		"signature of zeros":        parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"short signature":           good[:len(good)-4],
		"padded signature":          good + "=",
		"body of another token":     parts[0] + "." + b64(f.body(map[string]any{"sub": "u_2"})) + "." + parts[2],
		"signed by another key":     f.otherKey(),
		"alg none":                  b64(`{"alg":"none","kid":"k1","typ":"at+jwt"}`) + "." + parts[1] + ".",
		"alg None":                  b64(`{"alg":"None","kid":"k1","typ":"at+jwt"}`) + "." + parts[1] + ".",
		"alg NONE, signed":          f.header(`{"alg":"NONE","kid":"k1","typ":"at+jwt"}`),
		"alg empty":                 f.header(`{"alg":"","kid":"k1","typ":"at+jwt"}`),
		"no alg":                    f.header(`{"kid":"k1","typ":"at+jwt"}`),
		"alg twice":                 f.header(`{"alg":"none","alg":"EdDSA","kid":"k1","typ":"at+jwt"}`),
		"HS256 with the public key": f.hs256(`{"alg":"HS256","kid":"k1","typ":"at+jwt"}`),
		"HMAC under EdDSA":          f.hs256(`{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}`),
		"RS256":                     f.rs256(),
		"ES256 named":               f.header(`{"alg":"ES256","kid":"k1","typ":"at+jwt"}`),
		"typ JWT":                   f.header(`{"alg":"EdDSA","kid":"k1","typ":"JWT"}`),
		"no typ":                    f.header(`{"alg":"EdDSA","kid":"k1"}`),
		"no kid":                    f.header(`{"alg":"EdDSA","typ":"at+jwt"}`),
		"unknown kid":               f.header(`{"alg":"EdDSA","kid":"k2","typ":"at+jwt"}`),
		"kid that climbs":           f.header(`{"alg":"EdDSA","kid":"../../k1","typ":"at+jwt"}`),
		"kid of SQL":                f.header(`{"alg":"EdDSA","kid":"k1' or '1'='1","typ":"at+jwt"}`),
		"kid a number":              f.header(`{"alg":"EdDSA","kid":1,"typ":"at+jwt"}`),
		"crit":                      f.header(`{"alg":"EdDSA","crit":["exp"],"kid":"k1","typ":"at+jwt"}`),
		"b64 false":                 f.header(`{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":"k1","typ":"at+jwt"}`),
		"jku":                       f.header(`{"alg":"EdDSA","jku":"https://evil.example/jwks","kid":"k1","typ":"at+jwt"}`),
		"jwk":                       f.header(`{"alg":"EdDSA","jwk":{"kty":"OKP"},"kid":"k1","typ":"at+jwt"}`),
		"x5u":                       f.header(`{"alg":"EdDSA","kid":"k1","typ":"at+jwt","x5u":"https://evil.example"}`),
		"x5c":                       f.header(`{"alg":"EdDSA","kid":"k1","typ":"at+jwt","x5c":["AAAA"]}`),
		"nested":                    f.raw(`{"alg":"EdDSA","cty":"JWT","kid":"k1","typ":"at+jwt"}`, good),
		"huge header":               f.header(`{"alg":"EdDSA","kid":"k1","pad":"` + strings.Repeat("x", 8192) + `","typ":"at+jwt"}`),
		"huge body":                 f.claims(map[string]any{"pad": strings.Repeat("x", maxToken)}),
		"body not JSON":             f.raw(`{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}`, "exp"),
		"another issuer":            f.claims(map[string]any{"iss": "else"}),
		"another audience":          f.claims(map[string]any{"aud": "there"}),
		"no audience":               f.claims(map[string]any{"aud": nil}),
		"expired":                   f.claims(map[string]any{"exp": at(-leeway - time.Second)}),
		"no expiry":                 f.claims(map[string]any{"exp": nil}),
		"not yet valid":             f.claims(map[string]any{"nbf": at(leeway + 2*time.Second)}),
		"no nbf":                    f.claims(map[string]any{"nbf": nil}),
		"issued in the future":      f.claims(map[string]any{"iat": at(61 * time.Second)}),
		"no iat":                    f.claims(map[string]any{"iat": nil}),
		"no jti":                    f.claims(map[string]any{"jti": nil}),
		"no subject":                f.claims(map[string]any{"sub": nil}),
		"no tenant":                 f.claims(map[string]any{"tid": nil}),
		"no session":                f.claims(map[string]any{"sid": nil}),
		"no version":                f.claims(map[string]any{"ver": nil}),
		"version a string":          f.claims(map[string]any{"ver": "3"}),
	}
}

func TestTokenCorpusIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a token of the future stays one, however slow the machine is
		f := newForge(t)
		is := newIssuer("patchcord", "here")
		for _, token := range []string{f.good(), f.claims(nil)} { // so that what follows is refused for its reason
			v, err := is.verify(token, f.keys(), f.now)
			want := verified{userID: "u_1", tenant: "default", session: "fam.3", version: 3}
			if err != nil || v != want {
				t.Fatalf("a good token: got %+v, %v, want %+v", v, err, want)
			}
		}
		corpus := f.corpus()
		if len(corpus) < 40 {
			t.Errorf("the corpus has %d tokens, want 40", len(corpus))
		}
		for name, token := range corpus {
			for range 2 { // the second time a cache could answer
				if v, err := is.verify(token, f.keys(), f.now); err == nil {
					t.Errorf("%s: accepted as %+v", name, v)
				}
			}
		}
	})
}

func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newForge(t)
		is := newIssuer("patchcord", "here")
		token := f.good()
		for _, step := range []struct {
			after time.Duration
			ok    bool
		}{{0, true}, {accessTTL - time.Second, true}, {accessTTL + leeway + time.Second, false}} {
			time.Sleep(time.Until(f.now.Add(step.after)))
			if _, err := is.verify(token, f.keys(), time.Now()); (err == nil) != step.ok {
				t.Errorf("after %s: got %v, want accepted %v", step.after, err, step.ok)
			}
		}
	})
}

func TestTokenHoldsIdsOnly(t *testing.T) {
	f := newForge(t)
	f.user.Name = "anna.example"
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(f.good(), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := f.goodClaims()
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("the token has a claim %q", k)
		}
	}
	if strings.Contains(string(body), f.user.Name) {
		t.Error("the token shows the user's name")
	}
}

func TestCachedTokenOfRevokedKeyIsRefused(t *testing.T) {
	f := newForge(t)
	is := newIssuer("patchcord", "here")
	token := f.good()
	if _, err := is.verify(token, f.keys(), f.now); err != nil {
		t.Fatal(err)
	}
	if _, err := is.verify(token, &keySet{byHeader: map[string]*key{}}, f.now); err == nil {
		t.Error("accepted")
	}
}

func BenchmarkVerify(b *testing.B) {
	f := newForge(b)
	is := newIssuer("patchcord", "here")
	keys := f.keys()
	for _, n := range []int{1, 1000} {
		tokens := make([]string, n)
		for i := range tokens {
			tokens[i] = f.good()
		}
		b.Run(fmt.Sprintf("cached of %d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := is.verify(tokens[i%n], keys, f.now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
