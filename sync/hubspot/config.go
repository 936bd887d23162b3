// Package hubspot writes calls to HubSpot as call engagements, upserted in batches by a unique property, links them to
// contacts and companies, and follows those by their modification stamps.
//
// The wire is the CRM API v3, or one of its dated versions ("Calls", "Search the CRM", "Associations v4", "Usage guidelines
// and limits", "Error handling"). In HubSpot an administrator makes a property of calls that has unique values, and a private app with the
// scopes crm.objects.contacts (read, write) and crm.objects.companies (read).
package hubspot

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one account. Token, of a private app, is required, or in its place ClientID, ClientSecret and RefreshToken of an
// OAuth app.
type Config struct {
	URL   string // "" means https://api.hubapi.com
	Token crm.Secret

	ClientID                   string
	ClientSecret, RefreshToken crm.Secret

	Version  string   // of the API: "v3", or a date as 2026-03; "" means "v3"
	KeyField string   // property of calls with unique values; "" means "pbx_call_id"
	Portal   string   // number of the account, for addresses of pages; "" means that it is asked for
	Batch    int      // calls in one request, at most 100; 0 means 100
	Contacts []string // objects that are followed; empty means contacts and companies

	Client crmsync.Client
	Quota  *crmsync.Quota // may be nil
}

const (
	maxBatch = 100
	// searchEvery keeps to four searches a second, as an account may make, with one to spare.
	searchEvery = 300 * time.Millisecond
)

var (
	property = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)
	version  = regexp.MustCompile(`^(v3|\d{4}-\d\d(-beta)?)$`)
)

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.URL = strings.TrimSuffix(cmp.Or(c.URL, "https://api.hubapi.com"), "/")
	c.Version, c.KeyField = cmp.Or(c.Version, "v3"), cmp.Or(c.KeyField, "pbx_call_id")
	c.Batch = cmp.Or(c.Batch, maxBatch)
	if len(c.Contacts) == 0 {
		c.Contacts = []string{"contacts", "companies"}
	}
	var errs []error
	bad := func(field, msg string) { errs = append(errs, &crm.InputError{Field: field, Msg: msg}) }
	if c.ClientID == "" && c.Token == "" {
		bad("secret_file", "give the access token of a private app")
	}
	if c.ClientID != "" && (c.ClientSecret == "" || c.RefreshToken == "") {
		bad("secret_file", "with client_id give two lines: the client secret and the refresh token")
	}
	if !property.MatchString(c.KeyField) {
		bad("key_field", "want the internal name of a property such as pbx_call_id")
	}
	if !version.MatchString(c.Version) {
		bad("api_version", "want v3 or a date such as 2026-03")
	}
	if c.Batch < 1 || c.Batch > maxBatch {
		bad("batch", "want 1 to 100")
	}
	for _, s := range c.Contacts {
		if objects[s].stamp == "" {
			bad("contacts", s+" is none of contacts, companies")
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	h := &Connector{cfg: c, places: paths{"/crm/v3/objects/", "/crm/v4/associations/"}}
	if c.Version != "v3" {
		h.places = paths{"/crm/objects/" + c.Version + "/", "/crm/associations/" + c.Version + "/"}
	}
	h.tokens = &crmsync.Tokens{Mint: h.mint}
	return h, nil
}

// statuses is what HubSpot calls our outcomes (hs_call_status).
var statuses = map[string]string{
	"answered": "COMPLETED", "voicemail": "COMPLETED", "self_service": "COMPLETED", "busy": "BUSY", "no_answer": "NO_ANSWER",
	"abandoned": "MISSED", "cancelled": "CANCELED", "failed": "FAILED",
}

// Capabilities implements crmsync.Connector.
func (h *Connector) Capabilities() crmsync.Capabilities {
	return crmsync.Capabilities{
		Batch: h.cfg.Batch, Upsert: true, AllText: true,
		Fields: map[string]string{
			"hs_timestamp": "{started_at|ended_at}", "hs_call_title": "{direction} call {number|from_name}: {disposition|outcome}",
			"hs_call_body": "{disposition_note}\n{notes}", "hs_call_direction": "{outgoing}", "hs_call_duration": "{talk_ms}",
			"hs_call_from_number": "{from}", "hs_call_to_number": "{to}", "hs_call_status": "{status}",
			dispositionField: "{disposition}", ownerField: "{owner}",
		},
		Merged: map[string]string{
			"hs_call_title": "Part of call {call}", "hs_call_body": "This call became part of another. What it came to stands there: {url|call}",
		},
		Values: map[string]map[string]string{
			"direction": {"inbound": "Inbound", "outbound": "Outbound", "internal": "Internal"},
			"outgoing":  {"true": "OUTBOUND", "false": "INBOUND"},
			"status":    statuses,
		},
		Types:  map[string]string{"hs_call_body": "html"},
		Limits: map[string]int{"hs_call_title": 250, "hs_call_body": 30_000},
		Time:   func(t time.Time) any { return t.UnixMilli() },
	}
}
