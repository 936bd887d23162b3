package api

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"patchcord/crm"
)

func creds(name, pw string, cookie bool) map[string]any {
	m := map[string]any{"username": name, "password": pw}
	if cookie {
		m["cookie"] = true
	}
	return m
}

func TestLoginAndRefresh(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	var got tokenBody
	r := b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("anna", password, false)}).want(200)
	r.into(&got)
	if got.TokenType != "Bearer" || got.ExpiresIn != 600 || got.RefreshToken == "" || len(r.header.Values("Set-Cookie")) != 0 {
		t.Errorf("got %+v with cookies %v", got, r.header.Values("Set-Cookie"))
	}
	b.tokens["anna"] = got.AccessToken
	b.get("anna", "/v1/me").want(200)
	var next tokenBody
	b.do(ask{method: "POST", path: "/v1/auth/refresh", body: map[string]any{"refresh_token": got.RefreshToken}}).want(200).into(&next)
	if next.RefreshToken == "" || next.RefreshToken == got.RefreshToken {
		t.Error("the refresh token did not rotate")
	}
	b.do(ask{method: "POST", path: "/v1/auth/logout", body: map[string]any{"refresh_token": next.RefreshToken}}).want(204)
	b.do(ask{method: "POST", path: "/v1/auth/refresh", body: map[string]any{"refresh_token": next.RefreshToken}}).want(401).problem()
}

func TestLogoutWithNothingButTheAccessToken(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	var got, other tokenBody
	b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("anna", password, false)}).want(200).into(&got)
	b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("anna", password, false)}).want(200).into(&other)
	b.tokens["anna"] = got.AccessToken
	b.do(ask{as: "anna", method: "POST", path: "/v1/auth/logout"}).want(204)
	refresh := func(t tokenBody) reply {
		return b.do(ask{method: "POST", path: "/v1/auth/refresh", body: map[string]any{"refresh_token": t.RefreshToken, "cookie": true}})
	}
	refresh(got).want(401).problem()
	refresh(other).want(200) // another login of hers goes on
}

func TestLoginByCookie(t *testing.T) {
	for _, c := range []struct {
		name, publicURL, cookie, attributes string
	}{
		{"over http", "", plainCookie, "Path=/v1/auth; HttpOnly; SameSite=Strict"},
		{"over https", "https://calls.example", secureCookie, "Path=/; HttpOnly; Secure; SameSite=Strict"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(cfg *Config) { cfg.PublicURL = c.publicURL })
			b.user("default", "anna", crm.RoleAgent)
			var got tokenBody
			r := b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("anna", password, true)}).want(200)
			r.into(&got)
			set := r.header.Get("Set-Cookie")
			if got.RefreshToken != "" || got.AccessToken == "" {
				t.Error("the refresh token is in the body too, or there is no access token")
			}
			for _, part := range append(strings.Split(c.attributes, "; "), c.cookie+"=", "Expires=") {
				if !strings.Contains(set, part) {
					t.Errorf("cookie %q lacks %q", set, part)
				}
			}
			cookie, _, _ := strings.Cut(set, ";")
			refresh := func(header map[string]string) reply {
				header["Cookie"] = cookie
				return b.do(ask{method: "POST", path: "/v1/auth/refresh", header: header})
			}
			refresh(map[string]string{}).want(403).problem()
			refresh(map[string]string{csrfHeader: "1", "Origin": "https://evil.example"}).want(403).problem()
			own := "http://example.com"
			if c.publicURL != "" {
				own = c.publicURL
			}
			next := refresh(map[string]string{csrfHeader: "1", "Origin": own}).want(200)
			cookie, _, _ = strings.Cut(next.header.Get("Set-Cookie"), ";")
			out := b.do(ask{method: "POST", path: "/v1/auth/logout", header: map[string]string{"Cookie": cookie, csrfHeader: "1"}}).want(204)
			if got := out.header.Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") || !strings.HasPrefix(got, c.cookie+"=;") {
				t.Errorf("logout sets %q", got)
			}
			refresh(map[string]string{csrfHeader: "1"}).want(401)
		})
	}
}

func TestLoginForACookieFromAnotherSiteIsRefused(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("anna", password, true), header: map[string]string{"Origin": "https://evil.example"}}).want(403).problem()
}

func TestLoginRefusalsLookAlike(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	wrong := b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("anna", "wrong", false)}).want(401)
	unknown := b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("nobody", "wrong", false)}).want(401)
	if string(wrong.body) != string(unknown.body) {
		t.Errorf("an unknown user is told apart: %s, %s", wrong.body, unknown.body)
	}
}

func TestLoginIsThrottledPerClient(t *testing.T) {
	b := newBench(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	b.user("default", "anna", crm.RoleAgent)
	try := func(forwarded, remote, pw string) reply {
		return b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("anna", pw, false), remote: remote, header: map[string]string{"X-Forwarded-For": forwarded}})
	}
	for range 5 {
		try("203.0.113.9, 198.51.100.1", "10.0.0.1:1", "wrong").want(401)
	}
	r := try("203.0.113.77, 198.51.100.1", "10.0.0.1:1", password).want(http.StatusTooManyRequests) // what stands further left is the client's own word
	r.problem()
	if got := r.header.Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After %q, want 60", got)
	}
	try("198.51.100.2", "10.0.0.1:1", password).want(200)
	try("198.51.100.1", "192.0.2.50:1", password).want(200) // not through the proxy: its own word is not believed
}

func TestProblemsDoNotRepeatWhatWasSent(t *testing.T) {
	b := newBench(t)
	const secret = "hunter2-hunter2"
	for _, body := range []any{
		map[string]any{"username": "", "password": secret},
		map[string]any{"username": "anna", "password": []string{secret}},
		`{"username":"anna","password":"` + secret + `"`,
	} {
		r := b.do(ask{method: "POST", path: "/v1/auth/login", body: body})
		if r.status != 400 && r.status != 422 {
			t.Errorf("got %d", r.status)
		}
		if p := r.problem(); strings.Contains(string(r.body), `:"`+secret) || strings.Contains(p.Detail, `"`+secret) {
			t.Errorf("the answer repeats the value: %s", r.body)
		}
	}
	if strings.Contains(b.log.String(), secret) {
		t.Error("the log has the password")
	}
}

func TestSetup(t *testing.T) {
	b := newBench(t)
	token, err := b.auth.SetupToken(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"token": token, "username": "boss", "password": "short"}
	post := func() reply { return b.do(ask{method: "POST", path: "/v1/setup", body: body}) }
	post().field("password")
	body["password"] = password
	post().want(201)
	body["username"] = "boss2"
	post().field("token")
	b.do(ask{method: "POST", path: "/v1/auth/login", body: creds("boss", password, false)}).want(200)
}

func TestJWKSVerifiesTokens(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	r := b.get("", "/.well-known/jwks.json").want(200)
	r.into(&set)
	if len(set.Keys) != 1 || set.Keys[0]["alg"] != "EdDSA" || set.Keys[0]["crv"] != "Ed25519" || set.Keys[0]["d"] != "" {
		t.Errorf("got %s", r.body)
	}
}
