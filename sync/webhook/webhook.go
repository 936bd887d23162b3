package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// maxAnswer is how much of an answer is read; it is thrown away.
const maxAnswer = 64 << 10

// Remote is a crmsync.Remote that sends events to a URL.
type Remote struct {
	cfg    Config
	keys   [][]byte
	client *http.Client
}

// New returns a Remote, or everything that is wrong with cfg.
func New(cfg Config) (*Remote, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("webhook %s: %w", cfg.Name, err)
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, 15*time.Second)
	r := &Remote{cfg: cfg}
	for _, s := range cfg.Secrets {
		k, err := key(s)
		if err != nil {
			return nil, err
		}
		r.keys = append(r.keys, k)
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: control(cfg.allowed(u), u.Scheme == "http")}
	r.client = &http.Client{
		Transport: &http.Transport{
			Proxy:               nil, // a proxy would look names up for us, behind the guard's back
			DialContext:         dialer.DialContext,
			TLSClientConfig:     &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true,

			MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return r, nil
}

// Name implements crmsync.Remote.
func (r *Remote) Name() string { return r.cfg.Name }

// Jobs implements crmsync.Remote: an event of a wanted type is one job, in the lane of its call.
func (r *Remote) Jobs(e crm.StoredEvent) ([]crm.Job, error) {
	if len(r.cfg.Types) > 0 && !slices.Contains(r.cfg.Types, e.Type) {
		return nil, nil
	}
	id := (&crm.Event{PBX: e.PBX, Pos: e.Pos, N: e.Num}).ID()
	return []crm.Job{{Lane: cmp.Or(e.CallID, id), Key: id, Kind: string(e.Type), Payload: e.Body}}, nil
}

// Push implements crmsync.Remote.
func (r *Remote) Push(ctx context.Context, j crm.Job) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.cfg.URL, bytes.NewReader(j.Payload))
	if err != nil {
		return &crmsync.PushError{Class: crmsync.Permanent, Reason: "the address is malformed"}
	}
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	req.Header.Set("User-Agent", "patchcord")
	signAll(req.Header, r.keys, messageID(j.Key), time.Now(), j.Payload)
	resp, err := r.client.Do(req)
	if err != nil {
		return failure(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		return refusal(resp.StatusCode, retryAfter(resp.Header, time.Now()))
	}
	// A success is one as soon as its status is here; reading on only saves the connection.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	return nil
}

// messageID is the job's key in the bytes that a header may have.
func messageID(key string) string {
	if ascii(key) {
		return key
	}
	return strings.ReplaceAll(url.PathEscape(key), "%2F", "/")
}

// failure is what a request without an answer means. The receiver tells repeats by the
// id, so an unknown outcome is just tried again.
func failure(err error) error {
	var withURL *url.Error // its text has the whole URL, which may hold a token
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	p := &crmsync.PushError{Class: crmsync.Transient, Reason: err.Error(), Err: err}
	switch {
	case errors.Is(err, errBlocked):
		p.Class, p.Reason = crmsync.Permanent, "the name leads to an address that is not allowed"
	case errors.Is(err, context.DeadlineExceeded):
		p.Reason = "no answer in time"
	}
	return p
}
