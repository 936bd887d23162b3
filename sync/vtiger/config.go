// Package vtiger writes calls to Vtiger CRM as events of type Call and reads its contacts, leads and accounts.
//
// The wire is webservice.php as it is in Vtiger 7 and 8 and in F-RevoCRM 8 (include/Webservices of their sources). It
// answers every request with status 200, and what went wrong with "success": false. A stock installation has no field for a
// foreign id, so the key of a call stands in brackets at the end of the description and is looked up there, which reads the
// whole table of activities; an administrator of a large installation makes a text field on events and names it in KeyField.
// A change takes away the users that people invited to an event, whatever the change is (modules/Calendar/Activity.php, insertIntoInviteeTable,
// of Vtiger 7.2 to 8.3.0): the web service does not tell who they are. F-RevoCRM 8 leaves them.
package vtiger

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one installation. URL, Username and AccessKey are required.
type Config struct {
	URL       string // of the installation, without webservice.php
	Username  string
	AccessKey crm.Secret // under My Preferences; a user who is no administrator gets what its role and profile show

	KeyField string // field of an event for the key, such as cf_853; "" means the end of the description
	// Zone is what $default_timezone says in its config.inc.php, such as Asia/Tokyo: events carry wall-clock times of it. ""
	// learns the offset from what it answers, which is right but for calls of the other side of a change to summer time.
	Zone     string
	Contacts []string // modules that are pulled; empty means Contacts, Leads and Accounts

	Client crmsync.Client
}

// fieldName is what a field's name looks like in a query.
var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.URL = strings.TrimSuffix(strings.TrimSuffix(c.URL, "/webservice.php"), "/")
	c.KeyField = cmp.Or(c.KeyField, description)
	if len(c.Contacts) == 0 {
		c.Contacts = []string{"Contacts", "Leads", "Accounts"}
	}
	var errs []error
	bad := func(field, msg string) { errs = append(errs, &crm.InputError{Field: field, Msg: msg}) }
	for field, v := range map[string]string{"url": c.URL, "username": c.Username, "secret_file": string(c.AccessKey)} {
		if v == "" {
			bad(field, "is missing")
		}
	}
	if !fieldName.MatchString(c.KeyField) {
		bad("key_field", "want the name of a field such as cf_853")
	}
	v := &Connector{cfg: c}
	if c.Zone != "" {
		zone, err := time.LoadLocation(c.Zone)
		if err != nil {
			bad("timezone", "want a name such as Asia/Tokyo")
		}
		v.clock.zone = zone
	}
	for _, m := range c.Contacts {
		if modules[m].fields == nil {
			bad("contacts", m+" is none of Contacts, Leads, Accounts")
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	v.tokens = &crmsync.Tokens{Mint: v.login}
	return v, nil
}

const description = "description"

// Capabilities implements crmsync.Connector. The times become a date and a time each when they are written.
func (v *Connector) Capabilities() crmsync.Capabilities {
	parent := map[string]string{"parent_id": "{contact}"}
	return crmsync.Capabilities{
		Fields: map[string]string{
			"subject": "{direction} call {number|from_name}: {disposition|outcome}", "activitytype": "Call", "eventstatus": "{answered}",
			"date_start": "{started_at}", "due_date": "{ended_at|answered_at|started_at}", "visibility": "Public",
			description: "{disposition_note}\n{notes}", ownerField: "{owner}",
		},
		Merged: map[string]string{
			"subject": "Part of call {call}", "eventstatus": "Not Held",
			description: "This call became part of another. What it came to stands there: {url|call}",
		},
		Links:      map[string]map[string]string{"Contacts": {"contact_id": "{contact}"}, "Leads": parent, "Accounts": parent},
		CreateOnly: []string{"activitytype", "visibility"},
		Values: map[string]map[string]string{
			"direction": {"inbound": "Inbound", "outbound": "Outbound", "internal": "Internal"},
			"answered":  {"true": "Held", "false": "Not Held"},
		},
		Limits:  map[string]int{"subject": 100, description: 30_000},
		AllText: true,
	}
}
