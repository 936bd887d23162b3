package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"patchcord/push/desk"
)

// EmbedConfig is the desk in the frame of a CRM, at /embed.
type EmbedConfig struct {
	Ancestors []string `yaml:"ancestors"` // who may frame it
	Script    string   `yaml:"script"`    // address of Salesforce's opencti_min.js; "": no records are shown there
	CRM       string   `yaml:"crm"`       // name of the CRM whose records are shown
}

var (
	ancestor   = regexp.MustCompile(`^https://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?$`)
	scriptForm = regexp.MustCompile(`^https://[A-Za-z0-9.:-]+/[A-Za-z0-9./_-]+\.js$`) // it stands in a policy, which ; and spaces divide
)

func (c *Config) validateEmbed(report reporter) {
	e := c.Embed
	if e == nil {
		return
	}
	if len(e.Ancestors) == 0 {
		report("embed.ancestors", "is missing: list who may frame the page, such as https://acme.lightning.force.com")
	}
	for i, a := range e.Ancestors {
		if !ancestor.MatchString(a) {
			report(fmt.Sprintf("embed.ancestors.%d", i), "%q is not an origin such as https://acme.lightning.force.com", a)
		}
	}
	if e.Script != "" && !scriptForm.MatchString(e.Script) {
		report("embed.script", "%q is not an address such as https://acme.my.salesforce.com/support/api/66.0/lightning/opencti_min.js", e.Script)
	}
	if (e.Script == "") != (e.CRM == "") {
		report("embed.crm", "and `script` go together: the script shows the records of that CRM")
	}
	if e.CRM != "" && !slices.ContainsFunc(c.CRMs, func(m CRMConfig) bool { return m.Name == e.CRM && m.Kind == "salesforce" }) {
		report("embed.crm", "%q is no CRM of kind salesforce under `crms`", e.CRM)
	}
	if c.PublicURL != "" && !strings.HasPrefix(c.PublicURL, "https://") {
		report("embed", "needs a `public_url` of https: a page of https frames no other")
	}
}

// page is what the desk needs to know; nil without one.
func (e *EmbedConfig) page() *desk.Embed {
	if e == nil {
		return nil
	}
	return &desk.Embed{Ancestors: e.Ancestors, Script: e.Script, CRM: e.CRM}
}
