package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/webhook"
)

const (
	secret    crm.Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newSecret crm.Secret = "whsec_c2VjcmV0LW9mLWEtcm90YXRlZC1lbmRwb2ludA=="
)

// receiver is a real server on loopback that keeps what it got.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []http.Header // guarded by mu
	body []string      // guarded by mu
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		r.mu.Lock()
		r.got, r.body = append(r.got, req.Header), append(r.body, string(b))
		r.mu.Unlock()
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

func newRemote(t *testing.T, cfg webhook.Config) *webhook.Remote {
	t.Helper()
	cfg.Name = "hook"
	if cfg.Secrets == nil {
		cfg.Secrets = []crm.Secret{secret}
	}
	r, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func stored(t *testing.T, e crm.Event) crm.StoredEvent {
	t.Helper()
	body, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return crm.StoredEvent{N: 7, PBX: e.PBX, Pos: e.Pos, Num: e.N, Type: e.Type, CallID: e.Subject(), At: e.At, Body: body}
}

func jobOf(t *testing.T, r *webhook.Remote, e crm.StoredEvent) crm.Job {
	t.Helper()
	jobs, err := r.Jobs(e)
	if err != nil || len(jobs) != 1 {
		t.Fatalf("got jobs %v, %v; want one", jobs, err)
	}
	return jobs[0]
}

var ended = crm.Event{
	PBX: "hq", Pos: crm.Position{Epoch: 3, Seq: 17}, N: 1, Type: crm.CallEnded, At: crm.At(time.Unix(1700000000, 0)),
	Call: &crm.Call{ID: "hq:1700000000.1", PBX: "hq", Linkedids: []string{"1700000000.1"}},
}

func TestEventArrivesSignedAndAsStored(t *testing.T) {
	srv := receive(t, status(http.StatusNoContent))
	r := newRemote(t, webhook.Config{URL: srv.URL, AllowPrivate: true, Secrets: []crm.Secret{newSecret, secret}})
	e := stored(t, ended)
	j := jobOf(t, r, e)
	for range 2 {
		if err := r.Push(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	for i, h := range srv.got {
		if srv.body[i] != string(e.Body) {
			t.Errorf("got body %s, want %s", srv.body[i], e.Body)
		}
		for _, s := range []crm.Secret{secret, newSecret} { // while one replaces the other both hold
			if err := webhook.Verify([]crm.Secret{s}, h, []byte(srv.body[i]), time.Now()); err != nil {
				t.Error(err)
			}
		}
		if got := h.Get(webhook.HeaderID); got != ended.ID() || !strings.Contains(srv.body[i], `"id":"`+got+`"`) {
			t.Errorf("got webhook-id %q, want the event's own", got)
		}
		if got := h.Get("Content-Type"); got != "application/cloudevents+json; charset=utf-8" {
			t.Errorf("got content type %q", got)
		}
	}
	if j.Lane != "hq:1700000000.1" || j.Kind != "call.ended" {
		t.Errorf("got job %+v", j)
	}
}

func TestOnlyWantedTypesBecomeJobs(t *testing.T) {
	r := newRemote(t, webhook.Config{URL: "https://example.net/", Types: []crm.EventType{crm.CallEnded, crm.GapOpened}})
	for typ, want := range map[crm.EventType]int{crm.CallEnded: 1, crm.GapOpened: 1, crm.CallStarted: 0, crm.OfferCreated: 0} {
		e := ended
		e.Type = typ
		if jobs, err := r.Jobs(stored(t, e)); err != nil || len(jobs) != want {
			t.Errorf("%s: got %d jobs, %v; want %d", typ, len(jobs), err, want)
		}
	}
	noCall := stored(t, crm.Event{Pos: crm.Position{Seq: 9}, Type: crm.GapOpened})
	if j := jobOf(t, r, noCall); j.Lane != "log/0-9/0" || j.Key != "log/0-9/0" {
		t.Errorf("got job %+v, want a lane of its own", j)
	}
}

func TestNameOutsideASCIIStillMakesAHeader(t *testing.T) {
	srv := receive(t, status(http.StatusOK))
	r := newRemote(t, webhook.Config{URL: srv.URL, AllowPrivate: true})
	e := ended
	e.PBX = "büro 2"
	if err := r.Push(t.Context(), jobOf(t, r, stored(t, e))); err != nil {
		t.Fatal(err)
	}
	if got, want := srv.got[0].Get(webhook.HeaderID), "pbx/b%C3%BCro%202/3-17/1"; got != want {
		t.Errorf("got webhook-id %q, want %q", got, want)
	}
}

func wantClass(t *testing.T, err error, class crmsync.Class, after time.Duration) {
	t.Helper()
	var p *crmsync.PushError
	if !errors.As(err, &p) || p.Class != class || p.After < after-2*time.Second || p.After > after {
		t.Errorf("got %#v, want class %s after %s", err, class, after)
	}
}

func TestStatusDecidesTheClass(t *testing.T) {
	tests := map[string]struct {
		code  int
		retry string
		class crmsync.Class
		after time.Duration
	}{
		"301 is not followed":       {301, "", crmsync.Transient, 0},
		"307 is not followed":       {307, "", crmsync.Transient, 0},
		"400":                       {400, "", crmsync.Permanent, 0},
		"401":                       {401, "", crmsync.Permanent, 0},
		"404":                       {404, "", crmsync.Permanent, 0},
		"408":                       {408, "", crmsync.Transient, 0},
		"410":                       {410, "", crmsync.Gone, 0},
		"422":                       {422, "", crmsync.Permanent, 0},
		"429":                       {429, "", crmsync.Throttle, 0},
		"429 and seconds":           {429, "120", crmsync.Throttle, 2 * time.Minute},
		"429 and a date":            {429, time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat), crmsync.Throttle, 90 * time.Second},
		"429 and far too long":      {429, "99999999", crmsync.Throttle, time.Hour},
		"429 and nonsense":          {429, "soon", crmsync.Throttle, 0},
		"429 and less than nothing": {429, "-5", crmsync.Throttle, 0},
		"500":                       {500, "", crmsync.Transient, 0},
		"503":                       {503, "", crmsync.Transient, 0},
		"503 and seconds":           {503, "7", crmsync.Throttle, 7 * time.Second},
		"504 and seconds":           {504, "7", crmsync.Transient, 7 * time.Second},
		"599":                       {599, "", crmsync.Transient, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			followed := receive(t, status(http.StatusOK))
			srv := receive(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", followed.URL)
				if tt.retry != "" {
					w.Header().Set("Retry-After", tt.retry)
				}
				w.WriteHeader(tt.code)
			})
			r := newRemote(t, webhook.Config{URL: srv.URL, AllowPrivate: true})
			wantClass(t, r.Push(t.Context(), crm.Job{Key: "k", Payload: []byte("{}")}), tt.class, tt.after)
			if followed.count() != 0 {
				t.Error("the redirect was followed")
			}
		})
	}
}

func TestOwnNetworkIsOutOfReach(t *testing.T) {
	srv := httptest.NewTLSServer(status(http.StatusOK))
	defer srv.Close()
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	for name, tt := range map[string]struct {
		allow []string
		host  string
		ok    bool
	}{
		"a name that leads there":           {[]string{"example.net"}, "localhost", false},
		"an address":                        {[]string{"example.net"}, "127.0.0.1", false},
		"an address, allowed":               {[]string{"127.0.0.1"}, "127.0.0.1", true},
		"another spelling of what is there": {[]string{"example.net"}, "[::ffff:127.0.0.1]", false},
	} {
		t.Run(name, func(t *testing.T) {
			// Through the port check, which would end it earlier, only the ports 443 and 8443 go.
			cfg := webhook.Config{URL: "https://" + tt.host + port + "/?token=hunter2", AllowHosts: tt.allow, RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
			if !tt.ok {
				cfg.URL = "https://" + tt.host + "/?token=hunter2"
			}
			err := newRemote(t, cfg).Push(t.Context(), crm.Job{Key: "k", Payload: []byte("{}")})
			if tt.ok && err != nil {
				t.Errorf("got %v, want success", err)
			}
			if !tt.ok {
				wantClass(t, err, crmsync.Permanent, 0)
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error tells the URL's query: %v", err)
				}
			}
		})
	}
}

func TestFailuresWithoutAnAnswerAreTransient(t *testing.T) {
	closed := receive(t, status(http.StatusOK))
	closed.Close()
	dropping := receive(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	untrusted := httptest.NewTLSServer(status(http.StatusOK))
	defer untrusted.Close()
	for name, url := range map[string]string{
		"nobody there": closed.URL, "connection dropped": dropping.URL, "a certificate of nobody": untrusted.URL,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRemote(t, webhook.Config{URL: url + "/?token=hunter2", AllowPrivate: true})
			err := r.Push(t.Context(), crm.Job{Key: "k", Payload: []byte("{}")})
			wantClass(t, err, crmsync.Transient, 0)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the URL's query: %v", err)
			}
		})
	}
}

func TestSlowReceiverIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	srv := receive(t, func(w http.ResponseWriter, _ *http.Request) { <-release })
	defer close(release)
	r := newRemote(t, webhook.Config{URL: srv.URL, AllowPrivate: true, Timeout: 100 * time.Millisecond})
	begin := time.Now()
	wantClass(t, r.Push(t.Context(), crm.Job{Key: "k"}), crmsync.Transient, 0)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s with a timeout of 100 ms", took)
	}
}

func TestEndlessAnswerIsCut(t *testing.T) {
	sent := make(chan int, 1)
	srv := receive(t, func(w http.ResponseWriter, req *http.Request) {
		n := 0
		for chunk := make([]byte, 16<<10); req.Context().Err() == nil; n += len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				break
			}
		}
		sent <- n
	})
	r := newRemote(t, webhook.Config{URL: srv.URL, AllowPrivate: true})
	if err := r.Push(t.Context(), crm.Job{Key: "k"}); err != nil {
		t.Errorf("got %v, want the success that the status said", err)
	}
	select {
	case n := <-sent:
		if n > 32<<20 { // what the kernel's buffers take on top of 64 KiB
			t.Errorf("%d bytes of the answer were taken", n)
		}
	case <-time.After(10 * time.Second):
		t.Error("the answer is still being read")
	}
}

func TestStoppedPushEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := receive(t, func(w http.ResponseWriter, req *http.Request) {
		cancel()
		<-req.Context().Done()
	})
	r := newRemote(t, webhook.Config{URL: srv.URL, AllowPrivate: true})
	if err := r.Push(ctx, crm.Job{Key: "k"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	proxy := receive(t, status(http.StatusOK))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	r := newRemote(t, webhook.Config{URL: "http://10.255.255.1.invalid/", AllowPrivate: true})
	wantClass(t, r.Push(t.Context(), crm.Job{Key: "k"}), crmsync.Transient, 0)
	if proxy.count() != 0 {
		t.Error("the request went to the proxy")
	}
}
