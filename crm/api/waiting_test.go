package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestADaemonThatWaitsForItsStoreSaysSo(t *testing.T) {
	h := Waiting([]PBXStatus{{Name: "hq", State: "disconnected", Detail: "waits"}})
	ask := func(method, path, accept string) reply {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return reply{t: t, status: w.Code, header: w.Result().Header, body: w.Body.Bytes()}
	}
	for _, path := range []string{"/healthz", "/readyz"} { // as of a daemon that has its store
		var had, has map[string]any
		b := newBench(t)
		b.get("", path).into(&had)
		ask("GET", path, "").into(&has)
		for name := range had {
			if _, ok := has[name]; !ok {
				t.Errorf("%s lacks %q: %v", path, name, has)
			}
		}
	}
	ask("GET", "/healthz", "").want(http.StatusOK)
	var ready readyBody
	ask("GET", "/readyz", "").want(http.StatusServiceUnavailable).into(&ready)
	if ready.Status != "unavailable" || ready.Store != "unavailable" || len(ready.PBXs) != 1 || ready.PBXs[0].Detail != "waits" {
		t.Errorf("/readyz: %+v", ready)
	}
	for _, path := range []string{"/v1/calls", "/", "/v1/auth/login"} {
		r := ask("POST", path, "*/*").want(http.StatusServiceUnavailable)
		if r.problem(); r.header.Get("Retry-After") == "" || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, r.header)
		}
	}
	page := ask("GET", "/", "text/html,*/*").want(http.StatusServiceUnavailable)
	if !strings.Contains(string(page.body), "waits for its database") || page.header.Get("Refresh") == "" || json.Valid(page.body) {
		t.Errorf("a browser gets %s", page.body)
	}
}
