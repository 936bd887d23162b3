package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// Connector is a crmsync.Connector, Contacts, Survivors and Audited for one environment.
type Connector struct {
	cfg    Config
	tokens *crmsync.Tokens
}

const root = "/api/data/v9.2/"

// mint gets an access token by client credentials.
func (d *Connector) mint(ctx context.Context) (crmsync.Token, error) {
	return d.cfg.Client.Grant(ctx, d.cfg.LoginURL+"/"+url.PathEscape(d.cfg.Tenant)+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {d.cfg.ClientID}, "client_secret": {string(d.cfg.Secret)},
		"scope": {d.cfg.URL + "/.default"},
	})
}

// do sends a request; path is after the API's root, or a whole address that the API gave. A token that is
// refused is replaced once. An answer of 300 and more is a *crmsync.PushError.
func (d *Connector) do(ctx context.Context, r crmsync.Request) (crmsync.Answer, error) {
	if !strings.HasPrefix(r.URL, d.cfg.URL+"/") {
		r.URL = d.cfg.URL + root + r.URL
	}
	header := http.Header{"Accept": {"application/json"}, "OData-MaxVersion": {"4.0"}, "OData-Version": {"4.0"}, "If-None-Match": {"null"}}
	for k, v := range r.Header {
		header[k] = v
	}
	r.Header = header
	for again := false; ; again = true {
		token, err := d.tokens.Token(ctx)
		if err != nil {
			return crmsync.Answer{}, err
		}
		header.Set("Authorization", "Bearer "+token.Value)
		a, err := d.cfg.Client.Do(ctx, r)
		if err != nil || a.Status < 300 {
			return a, err
		}
		if a.Status == http.StatusUnauthorized {
			d.tokens.Refused(token.Value)
			if !again {
				continue
			}
		}
		return a, refusal(a, r.Reads)
	}
}

// verdict is what an error code means beside the status, and what it is called: a code alone tells a person nothing.
type verdict struct {
	class crmsync.Class
	text  string
}

// verdicts are ours ("Service protection API limits", "Web service error codes").
var verdicts = map[string]verdict{
	"0x80072322": {crmsync.Throttle, "too many requests in five minutes"},
	"0x80072321": {crmsync.Throttle, "too much execution time in five minutes"},
	"0x80072326": {crmsync.Throttle, "too many requests at once"},
	"0x80044150": {crmsync.Transient, "deadlock"},
	"0x80044151": {crmsync.Transient, "the database took too long"},
	"0x80060892": {crmsync.Transient, "two first writes of a key raced"}, // the next updates
	"0x80040237": {crmsync.Transient, "two first writes of a key raced"},
	"0x80072560": {crmsync.Auth, "the application is no user of the environment"},
	"0x80040220": {crmsync.Permanent, "a privilege is missing: of the application user's role, or of the owner's"},
	"0x80044331": {crmsync.Permanent, "a value does not fit its column"},
	"0x80040265": {crmsync.Permanent, "a plug-in or a business rule refused it"},
	"0x80048d19": {crmsync.Permanent, "a mapped column is not there, or of another type"},
}

// missing is the code of a record that is referred to and not there.
const missing = "0x80040217"

func faultOf(body []byte) (code, message string) {
	var b struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &b) // no JSON: no code
	return strings.ToLower(b.Error.Code), b.Error.Message
}

// refusal says what a status of 300 and more means, of a request and of a part of a batch alike. The message is left
// out: it may quote the call.
func refusal(a crmsync.Answer, reads bool) *crmsync.PushError {
	code, message := faultOf(a.Body)
	if code == "" && message == "" && a.Status != http.StatusUnauthorized {
		return a.Foreign(reads)
	}
	p := a.Refusal(reads, code)
	if code == "0x80044352" {
		p.Err = errExpired
	}
	if v, ok := verdicts[code]; ok {
		p.Class = v.class
		p.Reason += " (" + v.text + ")"
	}
	switch {
	case a.Status == http.StatusRequestEntityTooLarge:
		p.Class = crmsync.Split
	case strings.Contains(message, "key in the request URI is not valid"):
		return p.SetUp("has Phone Call an alternate key of key_field alone, and is it active?")
	case a.Status == http.StatusNotFound && code != missing:
		return p.SetUp("is url the address of the environment?")
	case reads && strings.Contains(strings.ToLower(message), "change tracking"):
		return p.SetUp("turn on \"Track changes\" of the table")
	case p.Class == crmsync.Throttle && p.After == 0:
		p.After = 5 * time.Second
	}
	return p
}

// errExpired: a delta link is too old, or from before the table's columns were changed.
var errExpired = errors.New("the delta link has expired")
