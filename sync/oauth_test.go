package crmsync_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	crmsync "patchcord/sync"
)

func TestATokenIsGranted(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  crmsync.Class
		reason string
	}{
		"given":                  {200, `{"access_token":"t","refresh_token":"r","expires_in":1800,"instance_url":"https://a/"}`, 0, ""},
		"refused in one word":    {400, `{"error":"invalid_grant"}`, crmsync.Auth, "no token: invalid_grant"},
		"refused as the RFC has": {400, `{"error":"invalid_client","error_description":"unknown"}`, crmsync.Auth, "no token: invalid_client: unknown"},
		"refused otherwise":      {400, `{"status":"BAD_REFRESH_TOKEN","message":"revoked"}`, crmsync.Auth, "no token: BAD_REFRESH_TOKEN: revoked"},
		"a page":                 {200, `<html>`, crmsync.Auth, "no token: status 200 (is the address right, and what stands before it?)"},
		"away":                   {503, ``, crmsync.Transient, "status 503: token endpoint"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("grant_type") != "client_credentials" {
				t.Errorf("%s: the form is %v", name, r.Form)
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		var client crmsync.Client
		got, err := client.Grant(t.Context(), s.URL, url.Values{"grant_type": {"client_credentials"}})
		s.Close()
		var p *crmsync.PushError
		switch {
		case c.reason == "" && (err != nil || got != crmsync.Token{Value: "t", Refresh: "r", Base: "https://a", Life: 30 * time.Minute}):
			t.Errorf("%s: got %v, %v", name, got, err)
		case c.reason != "" && (!errors.As(err, &p) || p.Class != c.class || p.Reason != c.reason):
			t.Errorf("%s: got %v", name, err)
		}
	}
}
