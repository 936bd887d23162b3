// Package dolibarr writes calls to Dolibarr as agenda events of type AC_TEL and reads its contacts and third parties.
//
// The wire is the REST API of Dolibarr 14 to 24 (htdocs/api, comm/action and societe of its source). The key of a call is the
// event's ref_ext, which is indexed but neither unique nor, in most versions, shown: it is looked up before every write, and
// stands in brackets at the end of the note as well, so that a list of events tells whose they are. In Dolibarr an administrator
// enables the modules "API / Web services (REST server)" and "Agenda" and makes a user's API key. The user needs the rights to read and
// to create all events of the agenda, to read third parties and contacts of all, and to read its own card or a default_owner.
package dolibarr

import (
	"errors"
	"strings"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one installation. URL and Key are required.
type Config struct {
	URL      string // of the installation, without api/index.php
	Key      crm.Secret
	Contacts []string // that are pulled; empty means contacts and thirdparties

	Client crmsync.Client
}

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.URL = strings.TrimSuffix(strings.TrimSuffix(c.URL, "/"), root)
	if len(c.Contacts) == 0 {
		c.Contacts = []string{"contacts", "thirdparties"}
	}
	var errs []error
	bad := func(field, msg string) { errs = append(errs, &crm.InputError{Field: field, Msg: msg}) }
	if c.URL == "" {
		bad("url", "give the address of the installation")
	}
	if c.Key == "" {
		bad("secret_file", "give the API key of a user")
	}
	for _, s := range c.Contacts {
		if kinds[s].numbers == nil {
			bad("contacts", s+" is none of contacts, thirdparties")
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Connector{cfg: c}, nil
}

const root = "/api/index.php"

// The fields of an event that are more than values.
const (
	ownerField   = "userownerid"
	contactField = "contact_id"
	partyField   = "socid"
	noteField    = "note_private"
	labelField   = "label"
)

// Capabilities implements crmsync.Connector.
func (d *Connector) Capabilities() crmsync.Capabilities {
	return crmsync.Capabilities{
		Fields: map[string]string{
			"type_code": "AC_TEL", labelField: "{direction} call {number|from_name}: {disposition|outcome}", "datep": "{started_at}",
			"datef": "{ended_at|answered_at|started_at}", "percentage": "100", noteField: "{disposition_note}\n{notes}", ownerField: "{owner}",
		},
		Merged: map[string]string{
			labelField: "Part of call {call}", noteField: "This call became part of another. What it came to stands there: {url|call}",
		},
		Links:      map[string]map[string]string{"contacts": {contactField: "{contact}"}, "thirdparties": {partyField: "{contact}"}},
		CreateOnly: []string{"type_code"},
		Values:     map[string]map[string]string{"direction": {"inbound": "Inbound", "outbound": "Outbound", "internal": "Internal"}},
		Limits:     map[string]int{labelField: 120, noteField: 30_000},
		Bans:       map[string]string{labelField: `<>"`}, // DolibarrApi::_checkValForAPI takes them out, and tags whole
		Types:      map[string]string{"percentage": "int", ownerField: "int", contactField: "int", partyField: "int"},
		Time:       func(t time.Time) any { return t.Unix() },
	}
}
