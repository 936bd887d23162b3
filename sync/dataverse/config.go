// Package dataverse writes calls to Microsoft Dataverse (Dynamics 365) as phone calls, upserted by an alternate key
// in $batch requests, and follows its contacts, accounts and leads by change tracking.
//
// The wire is the Web API v9.2 ("Execute batch operations using the Web API", "Use Upsert to Create or Update
// a record", "Service protection API limits", "Use change tracking to synchronize data"). An administrator makes a text column on
// Phone Call, an alternate key of that column, and an application user with a security role.
package dataverse

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one environment. URL, Tenant, ClientID and Secret are required.
type Config struct {
	URL      string // https://org.crm.dynamics.com
	LoginURL string // "" means https://login.microsoftonline.com
	Tenant   string // of Entra: its id or domain
	ClientID string
	Secret   crm.Secret

	KeyField string   // column of the alternate key; "" means "new_pbxcallid"
	Batch    int      // phone calls in one request, at most 300: each takes up to three of a thousand parts; 0 means 300
	Contacts []string // tables that are followed; empty means contact, account and lead
	App      string   // id of the model-driven app that a contact's page opens in; "" leaves that to the environment

	Client crmsync.Client
}

// maxBatch keeps a $batch below its thousand requests.
const maxBatch = 300

var (
	column = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	guid   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.URL = strings.ToLower(strings.TrimSuffix(c.URL, "/")) // it has no path, and links that the API gives are compared with it
	c.LoginURL = strings.TrimSuffix(cmp.Or(c.LoginURL, "https://login.microsoftonline.com"), "/")
	c.KeyField, c.Batch = cmp.Or(c.KeyField, "new_pbxcallid"), cmp.Or(c.Batch, maxBatch)
	if len(c.Contacts) == 0 {
		c.Contacts = []string{"contact", "account", "lead"}
	}
	var errs []error
	bad := func(field, msg string) { errs = append(errs, &crm.InputError{Field: field, Msg: msg}) }
	for field, v := range map[string]string{"url": c.URL, "tenant_id": c.Tenant, "client_id": c.ClientID, "secret_file": string(c.Secret)} {
		if v == "" {
			bad(field, "is missing")
		}
	}
	if !column.MatchString(c.KeyField) {
		bad("key_field", "want the logical name of a column such as new_pbxcallid")
	}
	if c.Batch < 1 || c.Batch > maxBatch {
		bad("batch", "want 1 to 300")
	}
	if c.App != "" && !guid.MatchString(c.App) {
		bad("app_id", "want the id of a model-driven app, as its address has it after appid=")
	}
	for _, t := range c.Contacts {
		if tables[t].set == "" {
			bad("contacts", t+" is none of contact, account, lead")
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	d := &Connector{cfg: c}
	d.tokens = &crmsync.Tokens{Mint: d.mint}
	return d, nil
}

// Capabilities implements crmsync.Connector.
func (d *Connector) Capabilities() crmsync.Capabilities {
	links := map[string]map[string]string{}
	for name, t := range tables {
		links[name] = map[string]string{regarding + name + "_phonecall" + bind: "/" + t.set + "({contact})"}
	}
	return crmsync.Capabilities{
		Batch: d.cfg.Batch, Upsert: true,
		Fields: map[string]string{
			"subject": "{direction|outcome} call {number|from_name}", "description": "{disposition_note}\n{notes}", "phonenumber": "{number}",
			"directioncode": "{outgoing}", "actualstart": "{started_at}", "actualend": "{ended_at}", "actualdurationminutes": "{talk_minutes}",
			"category": "{disposition|outcome}", "ownerid" + bind: "/systemusers({owner})",
		},
		Merged: map[string]string{
			"subject": "Part of call {call}", "description": "This call became part of another. What it came to stands there: {url|call}",
		},
		Links:  links,
		Types:  map[string]string{"directioncode": "bool"},
		Values: map[string]map[string]string{"direction": {"inbound": "Inbound", "outbound": "Outbound", "internal": "Internal"}},
		Limits: map[string]int{"subject": 200, "description": 2000, "phonenumber": 200, "category": 250},
		Time:   func(t time.Time) any { return t.UTC().Format("2006-01-02T15:04:05Z") },
	}
}
