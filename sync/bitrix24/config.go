// Package bitrix24 writes calls to Bitrix24 as CRM activities, fifty in a batch, and follows its contacts, companies and leads by
// their modification dates.
//
// The wire is the REST API by an inbound webhook, or as a local app by OAuth 2.0 ("crm.activity.*", "batch", "REST API limits",
// "Automatic renewal of OAuth 2.0 tokens", and the vendor's b24phpsdk). An activity cannot be put under a
// key: ORIGIN_ID holds it and is looked up before every write. Nor can one be without an owner, so calls of people whom the
// CRM does not know stand at a record that an administrator names. The telephony methods are not used: what they register
// cannot be changed when an agent concludes later.
package bitrix24

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"strings"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one account. URL and Unknown are required, and User and Secret of an inbound webhook or the four of an app.
type Config struct {
	URL      string     // of the portal: https://example.bitrix24.com
	User     string     // number of the user that made the webhook
	Secret   crm.Secret // the webhook's code, what follows the number in its address
	Unknown  string     // where calls of unknown people stand: lead:12, contact:12 or company:12
	Contacts []string   // that are followed; empty means contact, company and lead

	ClientID     string     // of an app
	ClientSecret crm.Secret // the app's
	RefreshToken crm.Secret // that a person got for the app; what follows it is in Vault
	Vault        Vault
	OAuthURL     string // "" means https://oauth.bitrix.info

	Client crmsync.Client
}

// Vault keeps a secret that must survive us: a refresh token counts once, and its answer brings the next. Nodes share it.
type Vault interface {
	// Load returns what was saved last, nil before the first time.
	Load(ctx context.Context) ([]byte, error)
	Save(ctx context.Context, secret []byte) error
}

// kind is a kind of record.
type kind struct {
	owner  string // number of the type
	fields []string
}

var kinds = map[string]kind{
	"lead":    {"1", []string{"NAME", "LAST_NAME", "TITLE", "COMPANY_TITLE", "PHONE", "EMAIL", "STATUS_SEMANTIC_ID"}},
	"contact": {"3", []string{"NAME", "LAST_NAME", "PHONE", "EMAIL"}},
	"company": {"4", []string{"TITLE", "PHONE", "EMAIL"}},
}

var (
	digits = regexp.MustCompile(`^\d+$`)
	code   = regexp.MustCompile(`^[0-9A-Za-z]+$`)
	record = regexp.MustCompile(`^(lead|contact|company):(\d+)$`)
)

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.URL = strings.TrimSuffix(c.URL, "/")
	if len(c.Contacts) == 0 {
		c.Contacts = []string{"contact", "company", "lead"}
	}
	var errs []error
	bad := func(field, msg string) { errs = append(errs, &crm.InputError{Field: field, Msg: msg}) }
	if c.URL == "" {
		bad("url", "give the address of the portal")
	}
	c.credentials(bad)
	unknown := record.FindStringSubmatch(c.Unknown)
	if unknown == nil {
		bad("unknown", "name a record that calls of unknown people stand at, such as lead:12")
	}
	for _, s := range c.Contacts {
		if kinds[s].owner == "" {
			bad("contacts", s+" is none of contact, company, lead")
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	b := &Connector{cfg: c, unknown: crmsync.Ref{Object: unknown[1], ID: unknown[2]}}
	if c.ClientID != "" {
		b.tokens = &crmsync.Tokens{Mint: b.renew}
	}
	return b, nil
}

// credentials reports what is wrong with those of a webhook, or of an app.
func (c *Config) credentials(bad func(field, msg string)) {
	c.OAuthURL = strings.TrimSuffix(cmp.Or(c.OAuthURL, "https://oauth.bitrix.info"), "/")
	if c.ClientID == "" {
		if !digits.MatchString(c.User) {
			bad("username", "give the number of the user in the webhook's address: /rest/NUMBER/CODE/; or the client_id of an app")
		}
		if !code.MatchString(string(c.Secret)) {
			bad("secret_file", "give the webhook's code alone: /rest/NUMBER/CODE/")
		}
		return
	}
	if c.User != "" {
		bad("username", "goes with an inbound webhook, client_id with an app: give one of them")
	}
	if c.ClientSecret == "" || c.RefreshToken == "" {
		bad("secret_file", "give the app's client secret on the first line, a refresh token on the second")
	}
	if c.Vault == nil {
		bad("client_id", "there is nowhere to keep the refresh token")
	}
}

// Capabilities implements crmsync.Connector.
func (b *Connector) Capabilities() crmsync.Capabilities {
	return crmsync.Capabilities{
		Batch: maxBatch, AllText: true,
		Fields: map[string]string{
			"SUBJECT": "{direction} call {number|from_name}: {disposition|outcome}", "DESCRIPTION": "{disposition_note}\n{notes}", "DESCRIPTION_TYPE": "1",
			"START_TIME": "{started_at}", "END_TIME": "{ended_at|started_at}", "COMPLETED": "Y", "DIRECTION": "{outgoing}", responsible: "{owner}", phone: "{number}",
		},
		Merged: map[string]string{
			"SUBJECT": "Part of call {call}", "DESCRIPTION": "This call became part of another. What it came to stands there: {url|call}",
		},
		CreateOnly: []string{phone},
		Defaults:   map[string]string{phone: "anonymous"}, // a communication without a value is none, and without one there is no call
		Values: map[string]map[string]string{
			"direction": {"inbound": "Inbound", "outbound": "Outbound", "internal": "Internal"},
			"outgoing":  {"true": "2", "false": "1"},
		},
		Limits: map[string]int{"SUBJECT": 500},
	}
}
