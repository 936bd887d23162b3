package bitrix24

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	crmsync "patchcord/sync"
)

// ended is the codes of an access token that counts no more.
var ended = map[string]bool{"expired_token": true, "invalid_token": true}

// post sends a batch. The token of an app that has ended, or leads to where the portal was, is renewed once.
func (b *Connector) post(ctx context.Context, body map[string]any, reads bool) (crmsync.Answer, error) {
	for again := false; ; again = true {
		r := crmsync.Request{Method: http.MethodPost, Body: body, Reads: reads}
		r.URL = b.cfg.URL + "/rest/" + b.cfg.User + "/" + url.PathEscape(string(b.cfg.Secret)) + "/batch.json"
		var token crmsync.Token
		if b.tokens != nil {
			var err error
			if token, err = b.tokens.Token(ctx); err != nil {
				return crmsync.Answer{}, err
			}
			with := maps.Clone(body)
			with["auth"] = token.Value
			r.URL, r.Body = token.Base+"/batch.json", with
		}
		a, err := b.cfg.Client.Do(ctx, r)
		if err != nil || b.tokens == nil {
			return a, err
		}
		var f fault
		_ = json.Unmarshal(a.Body, &f) // no JSON: no code
		if a.Status == http.StatusUnauthorized && ended[f.Error] || moved(a) != "" {
			b.chain.refuse(token.Value)
			b.tokens.Refused(token.Value)
			if !again {
				continue
			}
		}
		return a, nil
	}
}

// moved returns the address that a portal answers with when it has another one now, "" from any other answer.
func moved(a crmsync.Answer) string {
	u, err := url.Parse(a.Header.Get("Location"))
	if a.Status < 300 || a.Status > 399 || err != nil || u.Host == "" {
		return ""
	}
	return "https://" + u.Host
}

// link is a link of the chain of refresh tokens: each counts once, and what it is given for brings the next. The old
// access token ends with it.
type link struct {
	Seed    string    `json:"seed"` // what the chain began with, hashed: another one in the configuration begins another chain
	Refresh string    `json:"refresh"`
	Access  string    `json:"access"`
	Base    string    `json:"base"`
	Renew   time.Time `json:"renew"` // when four fifths of its life are over
	Until   time.Time `json:"until"`
}

// token is the access token of the link as long as it counts.
func (l link) token() crmsync.Token {
	return crmsync.Token{Value: l.Access, Base: l.Base, Life: time.Until(l.Until)}
}

// chain is what a Connector knows of it beside the vault.
type chain struct {
	mu      sync.Mutex
	refused string // guarded by mu; the access token that was refused last
	unsaved []byte // guarded by mu; a link that the vault would not take; nil when it has all
}

func (c *chain) refuse(access string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = access
}

// good reports whether the link's access token counts yet, as far as is known, and for a while.
func (c *chain) good(l link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return l.Access != "" && l.Access != c.refused && time.Now().Before(l.Renew)
}

// renew returns the token that another node, or an earlier life, got, or gets the next one. Only Tokens calls it: one at a time.
func (b *Connector) renew(ctx context.Context) (crmsync.Token, error) {
	if err := b.saveLeft(ctx); err != nil {
		return crmsync.Token{}, err
	}
	l, err := b.load(ctx)
	if err != nil {
		return crmsync.Token{}, err
	}
	if b.chain.good(l) {
		return l.token(), nil
	}
	// Whoever waits for it may give up, or we stop: the token that was used is worth nothing then, so its successor must arrive.
	t, err := b.cfg.Client.Grant(context.WithoutCancel(ctx), b.cfg.OAuthURL+"/oauth/token/", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {b.cfg.ClientID}, "client_secret": {string(b.cfg.ClientSecret)}, "refresh_token": {l.Refresh},
	})
	if err != nil {
		return b.afterAll(ctx, l, err)
	}
	now := time.Now()
	next := link{
		Seed: l.Seed, Refresh: t.Refresh, Access: t.Value, Base: b.base(t.Base), Renew: now.Add(t.Life * 4 / 5), Until: now.Add(t.Life),
	}
	if next.Refresh == "" {
		next.Refresh = l.Refresh
	}
	if err := b.save(ctx, next); err != nil {
		return crmsync.Token{}, err
	}
	return next.token(), nil
}

// afterAll is the token of a node that gave the same refresh token away first; else the refusal, with what to do.
func (b *Connector) afterAll(ctx context.Context, used link, refusal error) (crmsync.Token, error) {
	var p *crmsync.PushError
	if !errors.As(refusal, &p) || p.Class != crmsync.Auth {
		return crmsync.Token{}, refusal
	}
	if l, err := b.load(ctx); err == nil && l.Refresh != used.Refresh && b.chain.good(l) {
		return l.token(), nil
	}
	told := *p
	told.Reason += "; authorize the app again, and put its new refresh token into secret_file"
	return crmsync.Token{}, &told
}

// base is the address of the portal's methods, by TLS where the configuration has that.
func (b *Connector) base(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return b.cfg.URL + "/rest"
	}
	if strings.HasPrefix(b.cfg.URL, "https:") {
		u.Scheme = "https"
	}
	return strings.TrimSuffix(u.String(), "/")
}

// load returns the last link, or the first.
func (b *Connector) load(ctx context.Context) (link, error) {
	sum := sha256.Sum256([]byte(b.cfg.RefreshToken))
	first := link{Seed: hex.EncodeToString(sum[:8]), Refresh: string(b.cfg.RefreshToken)}
	kept, err := b.cfg.Vault.Load(ctx)
	if err != nil {
		return link{}, unkept(err)
	}
	var l link
	if json.Unmarshal(kept, &l) != nil || l.Seed != first.Seed { // nothing, or of a token that a person has replaced since
		return first, nil
	}
	return l, nil
}

func (b *Connector) save(ctx context.Context, l link) error {
	secret, err := json.Marshal(l)
	if err != nil {
		return unkept(err)
	}
	b.chain.mu.Lock()
	b.chain.unsaved = secret
	b.chain.mu.Unlock()
	return b.saveLeft(ctx)
}

// saveLeft saves what is not saved yet: the token before it counts no more, so nothing goes on without.
func (b *Connector) saveLeft(ctx context.Context) error {
	b.chain.mu.Lock()
	secret := b.chain.unsaved
	b.chain.mu.Unlock()
	if secret == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := b.cfg.Vault.Save(ctx, secret); err != nil {
		return unkept(err)
	}
	b.chain.mu.Lock()
	defer b.chain.mu.Unlock()
	b.chain.unsaved = nil
	return nil
}

func unkept(err error) error {
	return &crmsync.PushError{Class: crmsync.Transient, Reason: "the refresh token cannot be kept: the store is away", Err: err}
}
