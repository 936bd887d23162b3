package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"patchcord/crm"
	"patchcord/sync/rest"
)

// CRMConfig is one CRM that calls are written to and contacts are read from.
type CRMConfig struct {
	Name   string `yaml:"name"`
	Kind   string `yaml:"kind"` // see crmKinds
	Tenant string `yaml:"tenant"`
	URL    string `yaml:"url"`
	// AllowPlain lets http be spoken to a CRM in the own network.
	AllowPlain bool       `yaml:"allow_plain"`
	CAFile     string     `yaml:"ca_file"`
	Proxy      string     `yaml:"proxy"` // of HTTP, that leads to the CRM; the environment's is not used
	ClientID   string     `yaml:"client_id"`
	Username   string     `yaml:"username"`
	SecretFile string     `yaml:"secret_file"` // private key, client secret, API key or password, as the kind has it
	Secret     crm.Secret `yaml:"-" env:"secret"`
	Region     string     `yaml:"region"` // of the CRM's numbers without a country code; "" means that of the first PBX

	Fields       map[string]string            `yaml:"fields"`
	Values       map[string]map[string]string `yaml:"values"`
	Owners       map[string]string            `yaml:"owners"`
	DefaultOwner string                       `yaml:"default_owner"`
	Directions   []crm.Direction              `yaml:"directions"`
	CallURL      string                       `yaml:"call_url"`
	Settings     map[string]string            `yaml:"settings"` // what only this kind has
	Rest         *rest.Spec                   `yaml:"rest"`     // of kind rest: its requests and answers

	Rate       int    `yaml:"rate"`        // activities a second in steady work; 0 means 5
	ReportOnly bool   `yaml:"report_only"` // reconciliation repairs nothing
	NoContacts bool   `yaml:"no_contacts"` // contacts are not read
	Reconcile  string `yaml:"reconcile"`   // "daily" (default) or "off"
}

// validateCRMs reports what is wrong without asking any CRM.
func (c *Config) validateCRMs(report reporter) {
	names := map[string]bool{}
	for _, w := range c.Webhooks {
		names[w.Name] = true
	}
	for i := range c.CRMs {
		m, key := &c.CRMs[i], fmt.Sprintf("crms.%d", i)
		m.validate(key, report)
		if names[m.Name] {
			report(key+".name", "%q is used twice; webhooks and CRMs need names of their own", m.Name)
		}
		names[m.Name] = true
	}
}

func (m *CRMConfig) validate(key string, report reporter) {
	kind, known := crmKinds[m.Kind]
	if !pbxName.MatchString(m.Name) {
		report(key+".name", "%q is no name; use small letters, digits, - and _, at most 32", m.Name)
	}
	if !known {
		report(key+".kind", "%q is none of %s", m.Kind, strings.Join(slices.Sorted(maps.Keys(crmKinds)), ", "))
		return
	}
	if m.URL != "" && !validURL(m.URL, "https") && (!m.AllowPlain || !validURL(m.URL, "http")) {
		report(key+".url", "%q is not an https:// address; http needs `allow_plain: true`", redactURL(m.URL))
	}
	if m.Proxy != "" && (!validURL(m.Proxy, "http", "https") || strings.Contains(m.Proxy, "@")) {
		report(key+".proxy", "%q is no address of a proxy such as http://proxy:3128, without a password", redactURL(m.Proxy))
	}
	if m.SecretFile == "" && m.Secret == "" {
		report(key+".secret_file", "is missing: name a file that holds %s", kind.secret)
	}
	reportFile(report, key+".secret_file", m.SecretFile)
	reportFile(report, key+".ca_file", m.CAFile)
	reportRegion(report, key+".region", m.Region)
	if (m.Kind == "rest") != (m.Rest != nil) {
		report(key+".rest", "says how a system of kind rest is spoken with; it goes with that kind, and that kind with it")
	}
	for setting := range m.Settings {
		if !slices.Contains(kind.settings, setting) {
			report(key+".settings."+setting, "unknown setting of %s; it has %s", m.Kind, strings.Join(kind.settings, ", "))
		}
	}
	for _, d := range m.Directions {
		if d != crm.Inbound && d != crm.Outbound && d != crm.Internal {
			report(key+".directions", "%q is none of inbound, outbound, internal", d)
		}
	}
	if m.Rate < 0 {
		report(key+".rate", "want activities a second, from 1; 0 means 5")
	}
	if m.Reconcile != "" && m.Reconcile != "daily" && m.Reconcile != "off" {
		report(key+".reconcile", "%q is neither daily nor off", m.Reconcile)
	}
}
