// Package espocrm writes calls to EspoCRM as Calls and reads its contacts, leads and accounts.
//
// The wire is the REST API of EspoCRM 7 to 9 (its documentation, "API Overview" and "API Search Parameters", and the
// source below application/Espo). A stock installation has no field for a foreign id that may be written and searched by:
// uid is read-only, and an id that a client sends is ignored. So the key of a call stands in brackets at the end of the
// description and is looked up there, which reads the whole table of calls; an administrator of a large installation makes a
// field of type varchar with an index and names it in KeyField.
package espocrm

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one installation. URL and Secret are required. Secret is the key of an API user; with APIKey the secret
// key of one that signs its requests (HMAC); with Username the password of a regular user.
type Config struct {
	URL      string // of the installation, without api/v1
	APIKey   string
	Username string
	Secret   crm.Secret

	KeyField string   // attribute of a Call for the key, such as cPbxKey; "" means the end of the description
	Contacts []string // entity types that are pulled; empty means Contact, Lead and Account

	Client crmsync.Client
}

// attribute is what a field's name looks like.
var attribute = regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,99}$`)

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.URL = strings.TrimSuffix(strings.TrimSuffix(c.URL, "/"), "/api/v1")
	c.KeyField = cmp.Or(c.KeyField, description)
	if len(c.Contacts) == 0 {
		c.Contacts = []string{"Contact", "Lead", "Account"}
	}
	var errs []error
	bad := func(field, msg string) { errs = append(errs, &crm.InputError{Field: field, Msg: msg}) }
	if c.URL == "" {
		bad("url", "give the address of the installation")
	}
	if c.Secret == "" {
		bad("secret_file", "give the API key, the secret key or the password")
	}
	if c.APIKey != "" && c.Username != "" {
		bad("username", "goes with a password, client_id with a secret key: give one of them")
	}
	if !attribute.MatchString(c.KeyField) {
		bad("key_field", "want an attribute such as cPbxKey")
	}
	for _, s := range c.Contacts {
		if contactFields[s] == nil {
			bad("contacts", s+" is none of Contact, Lead, Account")
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	e := &Connector{cfg: c}
	if c.Username != "" {
		e.tokens = &crmsync.Tokens{Mint: e.login}
	}
	return e, nil
}

const (
	description = "description"
	// stamp is how EspoCRM writes times, in UTC (Espo\Core\Utils\DateTime).
	stamp = "2006-01-02 15:04:05"
)

// Capabilities implements crmsync.Connector.
func (e *Connector) Capabilities() crmsync.Capabilities {
	return crmsync.Capabilities{
		Fields: map[string]string{
			"name": "{direction} call {number|from_name}: {disposition|outcome}", "status": "{answered}", "direction": "{outgoing}",
			"dateStart": "{started_at}", "dateEnd": "{ended_at|answered_at|started_at}", description: "{disposition_note}\n{notes}",
			"assignedUserId": "{owner}",
		},
		Merged: map[string]string{
			"name": "Part of call {call}", "status": "Not Held",
			description: "This call became part of another. What it came to stands there: {url|call}",
		},
		Links: map[string]map[string]string{
			"Contact": {"parentType": "Contact", "parentId": "{contact}", "contactsIds": "{contact}"},
			"Lead":    {"parentType": "Lead", "parentId": "{contact}", "leadsIds": "{contact}"},
			"Account": {"parentType": "Account", "parentId": "{contact}"},
		},
		Values: map[string]map[string]string{
			"direction": {"inbound": "Inbound", "outbound": "Outbound", "internal": "Internal"},
			"outgoing":  {"true": "Outbound", "false": "Inbound"},
			"answered":  {"true": "Held", "false": "Not Held"},
		},
		// A list shows the first 10,000 characters of a text only, and the key must be among them.
		Limits: map[string]int{"name": 240, description: 9000},
		Bans:   map[string]string{"name": "<>="}, // regExpPatterns.json, noBadCharacters
		Time:   func(t time.Time) any { return t.UTC().Format(stamp) },
	}
}
