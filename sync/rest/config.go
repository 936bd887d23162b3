// Package rest writes calls to any system with an HTTP API, and reads its contacts, as an administrator describes it: there is
// no code in the description, only addresses, fields, and where things stand in answers. Answers are JSON.
//
// It writes one call in a request, asks no more than it is told to, and follows no address that leads elsewhere.
package rest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one system. URL, Secret, Fields and Spec are required.
type Config struct {
	URL      string // that paths are put after
	ClientID string // of auth "oauth2"
	Username string // of auth "basic"
	Secret   crm.Secret
	Fields   map[string]string // field of an activity to template
	Spec     Spec

	Client crmsync.Client
}

// Connector is a crmsync.Connector, Contacts and Survivors for one system.
type Connector struct {
	cfg    Config
	spec   Spec
	time   func(time.Time) any
	rules  []rule
	tokens *crmsync.Tokens // nil but with "oauth2"

	find, create, update, upsert *request
	contacts                     []source
	activities                   *lister
}

// times is how times are written, by what they are called.
var times = map[string]func(time.Time) any{
	"rfc3339": func(t time.Time) any { return t.UTC().Format(time.RFC3339) },
	"unix":    func(t time.Time) any { return t.Unix() },
	"unix_ms": func(t time.Time) any { return t.UnixMilli() },
	"sql":     func(t time.Time) any { return t.UTC().Format("2006-01-02 15:04:05") },
}

// ofActivity is what a path or body may name beside fields.
var ofActivity = []string{"key", "id", "owner", "contact", "contact_object"}

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.URL = strings.TrimSuffix(c.URL, "/")
	s := c.Spec
	r := &Connector{cfg: c, spec: s, time: times[cmp.Or(s.Times, "rfc3339")]}
	var p problems
	if c.URL == "" {
		p.add("url", "give the address that paths are put after")
	}
	if c.Secret == "" {
		p.add("secret_file", "give the token, key or password")
	}
	if len(c.Fields) == 0 {
		p.add("fields", "say what an activity has, such as subject: \"{direction} call {number}\"")
	}
	if len(s.Merged) == 0 {
		p.add("rest.merged", "say what an activity is changed to when its call became part of another")
	}
	if r.time == nil {
		p.add("rest.times", "is none of "+names(times))
	}
	for field, kind := range s.Types {
		if kind != "int" && kind != "bool" && kind != "html" {
			p.add("rest.types."+field, "is none of int, bool, html")
		}
	}
	r.auth(&p)
	r.requests(&p)
	r.rules = compile(s.Answers, &p)
	r.lists(&p)
	return r, errors.Join(p...)
}

// problems collects what is wrong.
type problems []error

func (p *problems) add(field, msg string) { *p = append(*p, &crm.InputError{Field: field, Msg: msg}) }

func (p *problems) check(field string, err error) {
	if err != nil {
		p.add(field, err.Error())
	}
}

func names[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

func (r *Connector) auth(p *problems) {
	s := r.spec
	switch cmp.Or(s.Auth, "bearer") {
	case "bearer":
	case "basic":
		if r.cfg.Username == "" {
			p.add("username", "is missing for auth: basic")
		}
	case "header":
		if s.AuthHeader == "" {
			p.add("rest.auth_header", "name the header that the secret stands in")
		}
	case "oauth2":
		if s.TokenURL == "" || r.cfg.ClientID == "" {
			p.add("rest.token_url", "auth: oauth2 needs token_url and client_id")
		}
		r.tokens = &crmsync.Tokens{Mint: r.mint}
	default:
		p.add("rest.auth", "is none of bearer, basic, header, oauth2")
	}
}

func (r *Connector) requests(p *problems) {
	s := r.spec
	if s.Find == nil {
		p.add("rest.find", "say how the activity with a key is found")
	}
	if s.Upsert == nil && (s.Create == nil || s.Update == nil) {
		p.add("rest.create", "say how an activity is created and updated, or in upsert how it is put under its key")
	}
	fields := map[string]bool{}
	for _, of := range append([]map[string]string{r.cfg.Fields, s.Merged}, slices.Collect(maps.Values(s.Links))...) {
		for f := range of {
			fields[f] = true
		}
	}
	known := slices.Concat(ofActivity, slices.Sorted(maps.Keys(fields)))
	for _, one := range []struct {
		name, method string
		call         *Call
		into         **request
	}{
		{"find", http.MethodGet, s.Find, &r.find}, {"create", http.MethodPost, s.Create, &r.create},
		{"update", http.MethodPatch, s.Update, &r.update}, {"upsert", http.MethodPut, s.Upsert, &r.upsert},
	} {
		if one.call != nil {
			*one.into = prepare("rest."+one.name, *one.call, one.method, known, p)
		}
	}
}

// Capabilities implements crmsync.Connector.
func (r *Connector) Capabilities() crmsync.Capabilities {
	return crmsync.Capabilities{
		Upsert: r.upsert != nil, Fields: r.cfg.Fields, Merged: r.spec.Merged, Links: r.spec.Links,
		Types: r.spec.Types, Limits: r.spec.Limits, Time: r.time,
	}
}

// Audits reports whether activities can be listed: then an Auditing compares them.
func (r *Connector) Audits() bool { return r.activities != nil }

// mint gets a token by client credentials.
func (r *Connector) mint(ctx context.Context) (crmsync.Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {r.cfg.ClientID}, "client_secret": {string(r.cfg.Secret)}}
	if r.spec.Scope != "" {
		form.Set("scope", r.spec.Scope)
	}
	return r.cfg.Client.Grant(ctx, r.spec.TokenURL, form)
}
