package api

import (
	"io"
	"net/http"
	"runtime/debug"
	"time"
)

// wrap puts around the API's own routes what all of them have: headers, a log
// line, and 500 instead of a broken connection after a panic.
func (a *API) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w}
		a.secureHeaders(rec.Header(), r)
		defer func() {
			if v := recover(); v != nil {
				a.panicked(rec, r, v)
			}
			a.logRequest(rec, r, time.Since(began))
		}()
		if r.ContentLength >= 0 && r.ContentLength <= maxBody {
			next.ServeHTTP(rec, r)
			return
		}
		body := r.Body
		r.Body = io.NopCloser(body) // a route closes it, and what is closed cannot be drained
		next.ServeHTTP(rec, r)
		if rec.status >= http.StatusBadRequest {
			drain(rec, body)
		}
	})
}

const (
	maxDrained  = 16 << 20
	drainWithin = 3 * time.Second
)

// drain reads on in a body that was refused, for a while: a client that is still sending
// gets a reset, and no answer, from a connection that is closed on it.
func drain(w http.ResponseWriter, body io.Reader) {
	c := http.NewResponseController(w)
	if c.SetReadDeadline(time.Now().Add(drainWithin)) != nil || c.Flush() != nil {
		return // not a connection that could be reset
	}
	_, _ = io.CopyN(io.Discard, body, maxDrained) // what it cannot read it need not
}

// panicked answers for a handler that panicked. One whose client had gone (huma
// panics with the write error) is no fault of ours.
func (a *API) panicked(rec *recorder, r *http.Request, v any) {
	if r.Context().Err() != nil {
		return
	}
	a.log.Error("panic in a request", "route", r.Pattern, "panic", v, "stack", string(debug.Stack()))
	if rec.status == 0 {
		writeProblem(rec, &Problem{Status: http.StatusInternalServerError, Detail: "Something went wrong here; it is in the daemon's log."})
	}
}

// logRequest names the route and never the address: ids and query strings may
// hold numbers.
func (a *API) logRequest(rec *recorder, r *http.Request, took time.Duration) {
	a.log.Info("request", "method", r.Method, "route", r.Pattern, "status", rec.status, "bytes", rec.bytes, "ms", took.Milliseconds())
}

func (a *API) secureHeaders(h http.Header, r *http.Request) {
	safeHeaders(h)
	if a.clientOf(r).secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func safeHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
