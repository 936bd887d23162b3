package api

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Waiting answers for a daemon whose store is not there yet: it lives, and is not ready. Whoever
// asks for more is told to come back; a browser does so by itself.
func Waiting(pbxs []PBXStatus) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", always(http.StatusOK, alive()))
	mux.Handle("GET /readyz", always(http.StatusServiceUnavailable,
		readyBody{Status: "unavailable", Store: "unavailable", PBXs: append([]PBXStatus{}, pbxs...), CRMs: []crmReady{}}))
	mux.HandleFunc("/", comeBack)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		safeHeaders(w.Header())
		mux.ServeHTTP(w, r)
	})
}

func always(status int, body any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // the client is gone; there is nobody to tell
	})
}

func comeBack(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "5")
	if r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Refresh", "5")
		http.Error(w, "patchcord has started, and waits for its database. This page tries again by itself.", http.StatusServiceUnavailable)
		return
	}
	writeProblem(w, &Problem{Status: http.StatusServiceUnavailable, Detail: "The daemon has started, and waits for its store; try again."})
}
