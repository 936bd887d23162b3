package crmsync

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// Client speaks HTTP with one CRM and tells what a failure means for a write. It follows no
// redirect, uses no proxy of the environment, and reads at most MaxAnswer of an answer. The zero value
// works with the system's authorities; it is safe for concurrent use once used.
type Client struct {
	Transport http.RoundTripper // nil means one made by NewTransport(nil)
	Timeout   time.Duration     // of one request, to the last byte; 0 means 30 s
	MaxAnswer int64             // bytes; 0 means 16 MiB
}

// maxRetryAfter is the longest that a destination may make us wait without asking again.
const maxRetryAfter = 6 * time.Hour

// NewTransport returns a transport of its own connections; nil roots are the system's.
func NewTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second,
		ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
	}
}

// Request is one HTTP request. A body that is neither nil nor []byte is sent as JSON.
type Request struct {
	Method, URL string
	Header      http.Header
	Body        any
	// Reads says that nothing is changed by it: without an answer it is Transient, never Ambiguous.
	Reads bool
}

// Answer is what came back, with any status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends r. An error is a *PushError: nothing came back. Ambiguous when the request was sent.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Timeout, 30*time.Second))
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := r.build(ctx)
	if err != nil {
		return Answer{}, &PushError{Class: Permanent, Reason: "the request cannot be made", Err: err}
	}
	client := http.Client{
		Transport:     cmp.Or(c.Transport, defaultTransport),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, lost(err, sent.Load() && !r.Reads)
	}
	defer func() { _ = resp.Body.Close() }()
	most := cmp.Or(c.MaxAnswer, 16<<20)
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return Answer{}, lost(err, !r.Reads)
	}
	if int64(len(body)) > most {
		return Answer{}, &PushError{Class: Permanent, Reason: fmt.Sprintf("the answer is over %d bytes", most)}
	}
	return Answer{resp.StatusCode, resp.Header, body}, nil
}

var defaultTransport http.RoundTripper = NewTransport(nil)

func (r Request) build(ctx context.Context) (*http.Request, error) {
	var body []byte
	switch b := r.Body.(type) {
	case nil:
	case []byte:
		body = b
	default:
		var err error
		if body, err = json.Marshal(b); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	if req.Header.Get("Content-Type") == "" && r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "patchcord")
	return req, nil
}

// lost is a request without an answer.
func lost(err error, maybeDone bool) *PushError {
	var withURL *url.Error // its text has the whole URL, and numbers may stand in it
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	p := &PushError{Class: Transient, Reason: err.Error(), Err: err}
	if maybeDone {
		p.Class = Ambiguous
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		p.Reason = "no answer in time"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		p.Reason += " (name the file with its authority, or with itself, in ca_file)"
	}
	return p
}

// RetryAfter reads the header of that name: seconds or a date (RFC 9110 10.2.3). 0 without one.
func (a Answer) RetryAfter() time.Duration {
	value := a.Header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return min(time.Duration(seconds*float64(time.Second)), maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, time.Until(at)), maxRetryAfter)
	}
	return 0
}

// Refusal says what a status of 300 and more means where the CRM documents nothing else. A bare 5xx
// to a write is Ambiguous: some CRMs fail after they have written.
func (a Answer) Refusal(reads bool, detail string) *PushError {
	p := &PushError{Class: Permanent, Reason: fmt.Sprintf("status %d", a.Status), After: a.RetryAfter()}
	if detail != "" {
		p.Reason += ": " + Clip(detail, 300)
	}
	switch {
	case a.Status == http.StatusTooManyRequests, a.Status == http.StatusServiceUnavailable && p.After > 0:
		p.Class = Throttle
	case a.Status == http.StatusUnauthorized:
		p.Class = Auth
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusBadGateway, a.Status == http.StatusServiceUnavailable,
		a.Status >= 500 && reads, a.Status < 400:
		p.Class = Transient
	case a.Status >= 500:
		p.Class = Ambiguous
	}
	if to, err := url.Parse(a.Header.Get("Location")); a.Status < 400 && err == nil && to.Host != "" { // no path: numbers may stand in it
		p.Reason += ": it leads on to " + to.Scheme + "://" + to.Host + "; url must be the address where that ends"
	}
	return p
}

// Foreign is Refusal for an answer that is not in the CRM's own form: a proxy's, or that of another program at its address.
func (a Answer) Foreign(reads bool) *PushError {
	p := a.Refusal(reads, "")
	switch {
	case a.Status == http.StatusRequestEntityTooLarge:
		p.Class = Split
	case a.Status < 300, p.Class == Permanent && (reads || a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed):
		return p.SetUp("is the address right, and what stands before it?")
	}
	return p
}

// Clip cuts s to at most n bytes, at the border of a character.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// Same returns err for each of n jobs.
func Same(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
