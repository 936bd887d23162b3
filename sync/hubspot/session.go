package hubspot

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	crmsync "patchcord/sync"
)

// Connector is a crmsync.Connector, Contacts, Survivors and Audited for one account.
type Connector struct {
	cfg      Config
	places   paths
	tokens   *crmsync.Tokens
	labels   labels
	searches crmsync.Pace
	portal   portal
}

// paths is where the version of the API has what we use.
type paths struct{ objects, associations string }

// mint returns the token of the private app, which counts until it is revoked, or a new one of the OAuth app.
func (h *Connector) mint(ctx context.Context) (crmsync.Token, error) {
	if h.cfg.ClientID == "" {
		return crmsync.Token{Value: string(h.cfg.Token)}, nil
	}
	return h.cfg.Client.Grant(ctx, h.cfg.URL+"/oauth/v1/token", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {h.cfg.ClientID}, "client_secret": {string(h.cfg.ClientSecret)},
		"refresh_token": {string(h.cfg.RefreshToken)},
	})
}

// do sends a request and decodes the answer into out, which may be nil. A token that is refused is replaced once. An answer of
// 300 and more is a *crmsync.PushError.
func (h *Connector) do(ctx context.Context, r crmsync.Request, out any) (crmsync.Answer, error) {
	r.URL = h.cfg.URL + r.URL
	for again := false; ; again = true {
		token, err := h.tokens.Token(ctx)
		if err != nil {
			return crmsync.Answer{}, err
		}
		r.Header = http.Header{"Authorization": {"Bearer " + token.Value}, "Accept": {"application/json"}}
		a, err := h.cfg.Client.Do(ctx, r)
		if err != nil {
			return a, err
		}
		h.limits(a)
		if a.Status == http.StatusUnauthorized {
			h.tokens.Refused(token.Value)
			if !again {
				continue
			}
		}
		if a.Status >= 300 {
			return a, refusal(a, r.Reads)
		}
		if out == nil {
			return a, nil
		}
		if err := json.Unmarshal(a.Body, out); err != nil {
			return a, unreadable(r.Reads, err)
		}
		return a, nil
	}
}

func unreadable(reads bool, err error) error {
	p := &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "an answer cannot be read", Err: err}
	if reads {
		p.Class = crmsync.Transient
	}
	return p
}

// limits takes over the day's quota. An OAuth app is not told it, nor does a search tell.
func (h *Connector) limits(a crmsync.Answer) {
	limit, err := strconv.Atoi(a.Header.Get("X-HubSpot-RateLimit-Daily"))
	left, err2 := strconv.Atoi(a.Header.Get("X-HubSpot-RateLimit-Daily-Remaining"))
	if err == nil && err2 == nil && h.cfg.Quota != nil {
		h.cfg.Quota.Report(limit-left, limit)
	}
}
