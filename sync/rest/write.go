package rest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	crmsync "patchcord/sync"
)

// request is a Call that was looked at.
type request struct {
	call   Call
	method string
	format string
	path   crmsync.Template
	body   *crmsync.Template // nil: all fields
}

func prepare(at string, c Call, method string, known []string, p *problems) *request {
	r := &request{call: c, method: method, format: c.Format}
	if c.Method != "" {
		r.method = strings.ToUpper(c.Method)
	}
	if c.Format == "" {
		r.format = "json"
	}
	if escapes[r.format] == nil {
		p.add(at+".format", "is none of "+names(escapes))
		return r
	}
	if !strings.HasPrefix(c.Path, "/") {
		p.add(at+".path", "want a path that begins with /")
	}
	var err error
	r.path, err = crmsync.ParseTemplate(c.Path, known)
	p.check(at+".path", err)
	if c.ID == "" {
		r.call.ID = "id"
	}
	if c.Body != "" {
		t, err := crmsync.ParseTemplate(c.Body, known)
		p.check(at+".body", err)
		r.body = &t
		sample := func(string) any { return "\"x\"\n" }
		if err == nil && r.format == "json" && !json.Valid([]byte(t.Expand(sample, jsonText))) {
			p.add(at+".body", "is no JSON when its places are filled; a { of JSON is written {{")
		}
	} else if r.format != "json" && r.format != "form" {
		p.add(at+".body", "is missing: of this format it must be written out")
	}
	return r
}

// fill returns the request about an activity with those fields.
func (q *request) fill(base string, a crmsync.Activity, fields map[string]any) (crmsync.Request, error) {
	lookup := func(name string) any {
		switch name {
		case "key":
			return a.Key
		case "id":
			return a.ID
		case "owner":
			return a.Owner
		case "contact":
			return a.Contact.ID
		case "contact_object":
			return a.Contact.Object
		}
		return fields[name]
	}
	r := crmsync.Request{Method: q.method, URL: base + q.path.Expand(lookup, pathText)}
	switch {
	case q.body != nil:
		r.Body = []byte(q.body.Expand(lookup, escapes[q.format]))
	case fields != nil:
		body, err := encode(q.format, q.call.Inside, fields)
		if err != nil {
			return r, err
		}
		r.Body = body
	}
	if r.Body != nil {
		r.Header = http.Header{"Content-Type": {contentTypes[q.format]}}
	}
	return r, nil
}

// Write implements crmsync.Connector.
func (r *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	errs := make([]error, len(list))
	for i, a := range list {
		errs[i] = r.write(ctx, a)
	}
	return errs
}

// write puts one activity; what a rule says is to be left out is left out, and then it is tried once more.
func (r *Connector) write(ctx context.Context, a crmsync.Activity) error {
	q := r.upsert
	switch {
	case q == nil && a.ID == "":
		q = r.create
	case q == nil:
		q = r.update
	}
	fields := maps.Clone(a.Links)
	if fields == nil {
		fields = map[string]any{}
	}
	maps.Copy(fields, a.Fields)
	for again := false; ; again = true {
		req, err := q.fill(r.cfg.URL, a, fields)
		if err != nil {
			return &crmsync.PushError{Class: crmsync.Permanent, Reason: "the request cannot be made", Err: err}
		}
		_, _, drop, err := r.do(ctx, req, q == r.update)
		dropped := slices.ContainsFunc(drop, func(f string) bool { _, ok := fields[f]; return ok })
		if err == nil || again || !dropped {
			return err
		}
		for _, f := range drop {
			delete(fields, f)
		}
	}
}

// do sends a request with the credentials. A token that is refused is replaced once. names says that it names an activity, which may
// be what is not found.
func (r *Connector) do(ctx context.Context, req crmsync.Request, names bool) (a crmsync.Answer, body any, drop []string, err error) {
	header := http.Header{"Accept": {"application/json"}}
	for k, v := range r.spec.Headers {
		header.Set(k, v)
	}
	maps.Copy(header, req.Header)
	req.Header = header
	for again := false; ; again = true {
		used, err := r.authorize(ctx, header)
		if err != nil {
			return a, nil, nil, err
		}
		a, err = r.cfg.Client.Do(ctx, req)
		if err != nil {
			return a, nil, nil, err
		}
		body = document(a.Body)
		p, drop := r.judge(a, body, req.Reads, names)
		if p == nil {
			return a, body, nil, nil
		}
		if r.tokens != nil && p.Class == crmsync.Auth {
			r.tokens.Refused(used)
			if !again {
				continue
			}
		}
		return a, body, drop, p
	}
}

// authorize sets the header with the credentials and returns the token that it used.
func (r *Connector) authorize(ctx context.Context, h http.Header) (token string, err error) {
	secret := string(r.cfg.Secret)
	switch r.spec.Auth {
	case "basic":
		basic := http.Request{Header: h}
		basic.SetBasicAuth(r.cfg.Username, secret)
	case "header":
		h.Set(r.spec.AuthHeader, secret)
	case "oauth2":
		t, err := r.tokens.Token(ctx)
		if err != nil {
			return "", err
		}
		h.Set("Authorization", "Bearer "+t.Value)
		return t.Value, nil
	default:
		h.Set("Authorization", "Bearer "+secret)
	}
	return "", nil
}

// Find implements crmsync.Connector. An answer of 404 is that there is none.
func (r *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	found := map[string][]string{}
	for _, key := range keys {
		req, err := r.find.fill(r.cfg.URL, crmsync.Activity{Key: key}, nil)
		if err != nil {
			return nil, &crmsync.PushError{Class: crmsync.Permanent, Reason: "the request cannot be made", Err: err}
		}
		req.Reads = true
		a, body, _, err := r.do(ctx, req, true)
		if a.Status == http.StatusNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, one := range records(body, r.find.call.Items) {
			id := text(one, r.find.call.ID)
			if id != "" && (r.find.call.Key == "" || text(one, r.find.call.Key) == key) {
				found[key] = append(found[key], id)
			}
		}
	}
	return found, nil
}
