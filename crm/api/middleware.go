package api

import (
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
		next.ServeHTTP(rec, r)
	})
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
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if a.clientOf(r).secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
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
