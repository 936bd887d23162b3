// Package remotetest is the suite that every connector to a CRM passes against a faithful fake of that CRM,
// and what the fakes share: a network that loses answers, and a store of calls.
package remotetest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
)

// Network is an http.RoundTripper that leads to a handler in this process, and can lose things.
// A handler that panics with http.ErrAbortHandler has dropped the connection.
type Network struct {
	Handler http.Handler

	mu       sync.Mutex
	lose     func(*http.Request) bool // guarded by mu; nil: nothing
	requests int                      // guarded by mu
}

// errLost is what a client sees of a dropped connection.
var errLost = errors.New("connection reset by peer")

// LoseAnswers makes the answers of matching requests disappear after the handler has done its work; nil: of none.
func (n *Network) LoseAnswers(match func(*http.Request) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose = match
}

// Requests returns how many requests were sent.
func (n *Network) Requests() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests
}

// RoundTrip implements http.RoundTripper.
func (n *Network) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	n.mu.Lock()
	n.requests++
	lose := n.lose != nil && n.lose(r)
	n.mu.Unlock()
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	in := httptest.NewRequest(r.Method, r.URL.String(), r.Body).WithContext(r.Context())
	in.Header = r.Header.Clone()
	out := httptest.NewRecorder()
	defer func() {
		if p := recover(); p == http.ErrAbortHandler { //nolint:errorlint // a panic value, not a wrapped error
			resp, err = nil, errLost
		} else if p != nil {
			panic(p)
		}
	}()
	n.Handler.ServeHTTP(out, in)
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	if lose {
		return nil, errLost
	}
	return out.Result(), nil
}
