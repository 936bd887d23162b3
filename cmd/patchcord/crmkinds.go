package main

import (
	"strconv"
	"strings"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/bitrix24"
	"patchcord/sync/dataverse"
	"patchcord/sync/dolibarr"
	"patchcord/sync/espocrm"
	"patchcord/sync/hubspot"
	"patchcord/sync/odoo"
	"patchcord/sync/rest"
	"patchcord/sync/salesforce"
	"patchcord/sync/suitecrm"
	"patchcord/sync/vtiger"
)

// crmKind is how a kind of CRM is configured and made.
type crmKind struct {
	secret   string // what secret_file holds
	settings []string
	connect  func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error)
}

// crmParts is what a daemon gives a connector to work with.
type crmParts struct {
	client crmsync.Client
	quota  *crmsync.Quota
	vault  bitrix24.Vault
}

var crmKinds = map[string]crmKind{
	"salesforce": {
		secret:   "the RSA private key of the connected app in PEM form, or its client secret",
		settings: []string{"api_version", "object", "key_field", "date_field", "contacts"},
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			c := salesforce.Config{
				LoginURL: m.URL, ClientID: m.ClientID, Username: m.Username, Client: with.client, Quota: with.quota, Version: m.Settings["api_version"],
				Object: m.Settings["object"], KeyField: m.Settings["key_field"], DateField: m.Settings["date_field"], Contacts: words(m.Settings["contacts"]),
			}
			if strings.Contains(secret, "-----BEGIN") {
				c.Key = crm.Secret(secret)
			} else {
				c.ClientSecret = crm.Secret(secret)
			}
			return salesforce.New(c)
		},
	},
	"dataverse": {
		secret:   "the application's client secret",
		settings: []string{"tenant_id", "login_url", "key_field", "batch", "contacts", "app_id"},
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			return dataverse.New(dataverse.Config{
				URL: m.URL, LoginURL: m.Settings["login_url"], Tenant: m.Settings["tenant_id"], ClientID: m.ClientID, Secret: crm.Secret(secret),
				KeyField: m.Settings["key_field"], Batch: wholeNumber(m.Settings["batch"]), Contacts: words(m.Settings["contacts"]),
				App: m.Settings["app_id"], Client: with.client,
			})
		},
	},
	"hubspot": {
		secret:   "the access token of a private app, or with client_id two lines: the client secret and the refresh token of an OAuth app",
		settings: []string{"api_version", "key_field", "portal", "batch", "contacts"},
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			c := hubspot.Config{
				URL: m.URL, ClientID: m.ClientID, Version: m.Settings["api_version"], KeyField: m.Settings["key_field"],
				Portal: m.Settings["portal"], Batch: wholeNumber(m.Settings["batch"]), Contacts: words(m.Settings["contacts"]), Client: with.client, Quota: with.quota,
			}
			if m.ClientID == "" {
				c.Token = crm.Secret(secret)
			} else {
				c.ClientSecret, c.RefreshToken = twoLines(secret)
			}
			return hubspot.New(c)
		},
	},
	"odoo": {
		secret:   "an API key of the user, or with jsonrpc a password",
		settings: []string{"api", "database", "model", "date_field", "batch"},
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			return odoo.New(odoo.Config{
				URL: m.URL, API: m.Settings["api"], Database: m.Settings["database"], Username: m.Username, Secret: crm.Secret(secret),
				Model: m.Settings["model"], DateField: m.Settings["date_field"], Batch: wholeNumber(m.Settings["batch"]), Client: with.client,
			})
		},
	},
	"bitrix24": {
		secret:   "the code of an inbound webhook, of whose address /rest/NUMBER/CODE/ the number is username; or with client_id two lines: the client secret and a refresh token of an app",
		settings: []string{"unknown", "contacts", "oauth_url"},
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			c := bitrix24.Config{
				URL: m.URL, User: m.Username, ClientID: m.ClientID, OAuthURL: m.Settings["oauth_url"], Vault: with.vault,
				Unknown: m.Settings["unknown"], Contacts: words(m.Settings["contacts"]), Client: with.client,
			}
			if m.ClientID == "" {
				c.Secret = crm.Secret(secret)
			} else {
				c.ClientSecret, c.RefreshToken = twoLines(secret)
			}
			return bitrix24.New(c)
		},
	},
	"rest": {
		secret: "the token, key, password or client secret, as `rest.auth` has it",
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			c, err := rest.New(rest.Config{
				URL: m.URL, ClientID: m.ClientID, Username: m.Username, Secret: crm.Secret(secret), Fields: m.Fields, Spec: *m.Rest, Client: with.client,
			})
			if err == nil && c.Audits() {
				return rest.Auditing{Connector: c}, nil
			}
			return c, err
		},
	},
	"espocrm": {
		secret:   "the key of an API user, with client_id its secret key, or with username a user's password",
		settings: []string{"key_field", "contacts"},
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			return espocrm.New(espocrm.Config{
				URL: m.URL, APIKey: m.ClientID, Username: m.Username, Secret: crm.Secret(secret),
				KeyField: m.Settings["key_field"], Contacts: words(m.Settings["contacts"]), Client: with.client,
			})
		},
	},
	"dolibarr": {
		secret:   "the API key of a user",
		settings: []string{"contacts"},
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			return dolibarr.New(dolibarr.Config{URL: m.URL, Key: crm.Secret(secret), Contacts: words(m.Settings["contacts"]), Client: with.client})
		},
	},
	"suitecrm": {
		secret:   "the secret of the OAuth2 client; with username also, on a second line, the user's password",
		settings: []string{"contacts"},
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			return suitecrm.New(suitecrm.Config{
				URL: m.URL, ClientID: m.ClientID, Secret: crm.Secret(secret), Username: m.Username,
				Contacts: words(m.Settings["contacts"]), Client: with.client,
			})
		},
	},
	"vtiger": {
		secret:   "the access key of the user",
		settings: []string{"key_field", "timezone", "contacts"},
		connect: func(m *CRMConfig, secret string, with crmParts) (crmsync.Connector, error) {
			return vtiger.New(vtiger.Config{
				URL: m.URL, Username: m.Username, AccessKey: crm.Secret(secret), KeyField: m.Settings["key_field"],
				Zone: m.Settings["timezone"], Contacts: words(m.Settings["contacts"]), Client: with.client,
			})
		},
	},
}

// twoLines takes two secrets apart that are in one file.
func twoLines(secret string) (first, second crm.Secret) {
	one, two, _ := strings.Cut(secret, "\n")
	return crm.Secret(strings.TrimSpace(one)), crm.Secret(strings.TrimSpace(two))
}

// wholeNumber reads a setting; what is none is refused by the connector's own check.
func wholeNumber(s string) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// words splits a setting at commas.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
