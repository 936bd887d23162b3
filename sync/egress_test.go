package crmsync_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	crmsync "patchcord/sync"
)

func TestAnAnswerThatNeverComes(t *testing.T) {
	tests := map[string]struct {
		answer http.HandlerFunc
		reads  bool
		want   crmsync.Class
	}{
		"dropped after a write": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, crmsync.Ambiguous},
		"dropped after a read":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, crmsync.Transient},
		"too slow": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // before that nobody notices that the client has gone
			<-r.Context().Done()
		}, false, crmsync.Ambiguous},
		"half an answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
			panic(http.ErrAbortHandler)
		}, false, crmsync.Ambiguous},
		"far too much": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1025)) }, false, crmsync.Permanent},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(tt.answer)
			defer s.Close()
			c := crmsync.Client{Timeout: 200 * time.Millisecond, MaxAnswer: 1024}
			_, err := c.Do(t.Context(), crmsync.Request{Method: "POST", URL: s.URL + "/q?number=secret", Body: map[string]int{"a": 1}, Reads: tt.reads})
			var p *crmsync.PushError
			if !errors.As(err, &p) || p.Class != tt.want || strings.Contains(p.Error(), "secret") {
				t.Errorf("got %v, want class %s without the address", err, tt.want)
			}
		})
	}
	c := crmsync.Client{}
	_, err := c.Do(t.Context(), crmsync.Request{Method: "POST", URL: "http://127.0.0.1:1/"})
	var p *crmsync.PushError
	if !errors.As(err, &p) || p.Class != crmsync.Transient {
		t.Errorf("nobody listens: got %v, want transient: nothing was sent", err)
	}
}

func TestAStatusIsOneOfTheClasses(t *testing.T) {
	tests := []struct {
		status int
		retry  string
		reads  bool
		want   crmsync.Class
		after  time.Duration
	}{
		{302, "", false, crmsync.Transient, 0}, {400, "", false, crmsync.Permanent, 0}, {401, "", false, crmsync.Auth, 0},
		{429, "7", false, crmsync.Throttle, 7 * time.Second}, {429, "999999", false, crmsync.Throttle, 6 * time.Hour}, {429, "", false, crmsync.Throttle, 0},
		{500, "", false, crmsync.Ambiguous, 0}, {500, "", true, crmsync.Transient, 0}, {503, "", false, crmsync.Transient, 0},
		{503, "2", false, crmsync.Throttle, 2 * time.Second}, {504, "", false, crmsync.Ambiguous, 0},
	}
	for _, tt := range tests {
		a := crmsync.Answer{Status: tt.status, Header: http.Header{"Retry-After": {tt.retry}}}
		if got := a.Refusal(tt.reads, "x"); got.Class != tt.want || got.After != tt.after {
			t.Errorf("status %d, Retry-After %q: got %s after %s, want %s after %s", tt.status, tt.retry, got.Class, got.After, tt.want, tt.after)
		}
	}
}
