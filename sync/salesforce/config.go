// Package salesforce writes calls to Salesforce as Tasks, or as VoiceCalls or records of another object where an organisation has
// them, upserted in sObject Collections by an external id, and reads its contacts, leads and accounts.
//
// The wire is REST API as of version 59.0 ("REST API Developer Guide": composite/sobjects, query, errors; "OAuth 2.0
// JWT Bearer Flow"). In the CRM an administrator makes a text field on Activity, External ID and, where
// the edition allows it, Unique, and a connected app that the user is approved for.
package salesforce

import (
	"cmp"
	"crypto/rsa"
	"errors"
	"regexp"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one organisation. ClientID is required, and either Username and Key (JWT bearer flow) or
// ClientSecret (client credentials flow, with LoginURL at the organisation's own domain).
type Config struct {
	LoginURL     string // "" means https://login.salesforce.com
	ClientID     string // the connected app's consumer key
	Username     string
	Key          crm.Secret // RSA private key, PEM
	ClientSecret crm.Secret

	Version   string   // of the API; "" means "59.0"
	Object    string   // that calls become; "" means "Task"
	KeyField  string   // the external id; "" means "PBX_Call_Id__c"
	DateField string   // of an object that is neither Task nor VoiceCall: when a call began, a date and time
	Contacts  []string // objects that are pulled; empty means Contact, Lead and Account

	Client crmsync.Client
	Quota  *crmsync.Quota // told what Sforce-Limit-Info says; may be nil
}

// name is what an identifier in SOQL and in a URL looks like.
var name = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.LoginURL = strings.TrimSuffix(cmp.Or(c.LoginURL, "https://login.salesforce.com"), "/")
	c.Version, c.Object = cmp.Or(c.Version, "59.0"), cmp.Or(c.Object, "Task")
	c.KeyField = cmp.Or(c.KeyField, "PBX_Call_Id__c")
	if len(c.Contacts) == 0 {
		c.Contacts = []string{"Contact", "Lead", "Account"}
	}
	var errs []error
	bad := func(field, msg string) { errs = append(errs, &crm.InputError{Field: field, Msg: msg}) }
	if c.ClientID == "" {
		bad("client_id", "give the connected app's consumer key")
	}
	if c.ClientSecret == "" && c.Username == "" {
		bad("username", "give the user that the connected app acts as")
	}
	kind, known := objects[c.Object]
	if !known {
		kind = object{began: c.DateField}
	}
	for field, s := range map[string]string{"object": c.Object, "key_field": c.KeyField, "date_field": kind.began} {
		if !name.MatchString(s) {
			bad(field, "want an API name such as PBX_Call_Id__c")
		}
	}
	if known && c.DateField != "" {
		bad("date_field", "is known of "+c.Object)
	}
	for _, s := range c.Contacts {
		if contactFields[s] == nil {
			bad("contacts", s+" is none of Contact, Lead, Account")
		}
	}
	var key *rsa.PrivateKey
	if c.ClientSecret == "" {
		var err error
		if key, err = jwt.ParseRSAPrivateKeyFromPEM([]byte(c.Key)); err != nil {
			bad("key_file", "want an RSA private key in PEM form")
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s := &Connector{cfg: c, key: key, kind: kind}
	s.tokens = &crmsync.Tokens{Mint: s.mint}
	return s, nil
}

// Capabilities implements crmsync.Connector.
func (s *Connector) Capabilities() crmsync.Capabilities {
	return crmsync.Capabilities{
		Batch: 200, Upsert: true, Fields: s.kind.fields, Merged: s.kind.merged, Links: s.kind.links, CreateOnly: s.kind.createOnly,
		Values: map[string]map[string]string{"direction": {"inbound": "Inbound", "outbound": "Outbound", "internal": "Internal"}},
		Limits: s.kind.limits, Defaults: s.kind.defaults,
	}
}
