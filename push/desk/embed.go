package desk

import "strings"

// Embed is the desk as a page in the frame of a CRM: Salesforce's Open CTI (its call center definition names
// the address of /embed). No cookie of ours is sent there, so such a page asks for the password after each load and
// keeps its tokens in the script's memory. With Script it shows the caller's record in the CRM while the phone rings.
type Embed struct {
	Ancestors []string // sources of frame-ancestors: who may frame the page, as https://acme.lightning.force.com
	Script    string   // address of the CRM's opencti_min.js; "" shows no records
	CRM       string   // name of the CRM in the configuration, whose contacts are shown
}

// policy is that of the page, but for who may frame it and the CRM's script. That script is not ours, and whether
// it never makes markup of a string is not known, so it could not work under require-trusted-types-for.
func (e *Embed) policy() string {
	p := strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors "+strings.Join(e.Ancestors, " "), 1)
	if e.Script != "" {
		p = strings.Replace(p, "script-src 'self'", "script-src 'self' "+e.Script, 1)
		p = strings.Replace(p, "; require-trusted-types-for 'script'", "", 1)
	}
	return p
}
