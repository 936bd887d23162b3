// Package suitecrm writes calls to SuiteCRM as Calls and reads its contacts, leads and accounts.
//
// The wire is the V8 JSON API of SuiteCRM 7.10 to 8 (Api/V8 of its source). The id of a Call is made of its key, so a second one
// cannot come to be: creating it again is refused, and it is changed instead. The key stands in brackets at the end of the
// description as well, so that a list of Calls tells whose they are. An administrator makes an OAuth2 client.
package suitecrm

import (
	"errors"
	"strings"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one installation. URL, ClientID and Secret are required.
type Config struct {
	URL      string // of the installation; its API is looked for there and below legacy, as SuiteCRM 8 has it
	ClientID string
	Secret   crm.Secret // of the client; with Username on a second line the user's password
	Username string     // of a client of the grant "password"; "" means client credentials
	Contacts []string   // modules that are pulled; empty means Contacts, Leads and Accounts

	Client crmsync.Client
}

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.URL = strings.TrimSuffix(strings.TrimSuffix(c.URL, "/"), legacy)
	if len(c.Contacts) == 0 {
		c.Contacts = []string{"Contacts", "Leads", "Accounts"}
	}
	var errs []error
	bad := func(field, msg string) { errs = append(errs, &crm.InputError{Field: field, Msg: msg}) }
	for field, v := range map[string]string{"url": c.URL, "client_id": c.ClientID, "secret_file": string(c.Secret)} {
		if v == "" {
			bad(field, "is missing")
		}
	}
	if c.Username != "" && !strings.Contains(string(c.Secret), "\n") {
		bad("secret_file", "with a username it holds the client's secret and, on a second line, the user's password")
	}
	for _, m := range c.Contacts {
		if modules[m].numbers == nil {
			bad("contacts", m+" is none of Contacts, Leads, Accounts")
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s := &Connector{cfg: c}
	s.tokens = &crmsync.Tokens{Mint: s.mint}
	return s, nil
}

const (
	description = "description"
	// stamp is how the database has times, in UTC: what Call.php computes the end of a call from.
	stamp = "2006-01-02 15:04:05"
)

// Capabilities implements crmsync.Connector. The length of a call is added when it is written.
func (s *Connector) Capabilities() crmsync.Capabilities {
	return crmsync.Capabilities{
		Upsert: true,
		Fields: map[string]string{
			"name": "{direction} call {number|from_name}: {disposition|outcome}", "status": "{answered}", "direction": "{outgoing}",
			"date_start": "{started_at}", description: "{disposition_note}\n{notes}", "assigned_user_id": "{owner}",
		},
		Merged: map[string]string{
			"name": "Part of call {call}", "status": "Not Held",
			description: "This call became part of another. What it came to stands there: {url|call}",
		},
		Links: map[string]map[string]string{
			"Contacts": {"parent_type": "Contacts", "parent_id": "{contact}", "contact_id": "{contact}"},
			"Leads":    {"parent_type": "Leads", "parent_id": "{contact}"},
			"Accounts": {"parent_type": "Accounts", "parent_id": "{contact}"},
		},
		Values: map[string]map[string]string{
			"direction": {"inbound": "Inbound", "outbound": "Outbound", "internal": "Internal"},
			"outgoing":  {"true": "Outbound", "false": "Inbound"},
			"answered":  {"true": "Held", "false": "Not Held"},
		},
		Limits: map[string]int{"name": 50, description: 30_000}, // modules/Calls/vardefs.php
		Time:   func(t time.Time) any { return t.UTC().Format(stamp) },
	}
}
