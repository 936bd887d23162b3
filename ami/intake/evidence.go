package intake

import (
	"slices"
	"strings"

	"patchcord/ami/calls"
	"patchcord/crm"
)

// noting returns how a fold reads the PBX that also notes what it concludes from.
func noting(c calls.Config) calls.Config {
	c.Evidence = true
	return c
}

// withBindings adds, to what the fold noted, whose extension each ring was.
func (p *People) withBindings(noted []crm.CallEvidence, events []crm.Event) []crm.CallEvidence {
	for i := range events {
		e := &events[i]
		if e.Type != crm.OfferCreated || e.Call == nil {
			continue
		}
		if o := e.Call.Offer(e.OfferID); o != nil {
			noted = append(noted, crm.CallEvidence{CallID: e.Call.ID, Items: p.binding(e, o)})
		}
	}
	return noted
}

// binding tells whose extension rings, and since when it is theirs.
func (p *People) binding(e *crm.Event, o *crm.Offer) []crm.Evidence {
	base := crm.Evidence{
		At: e.At, Pos: e.Pos, Kind: crm.EvidenceIdentity, Name: "binding", Extension: o.Extension, Offer: o.ID,
	}
	if !e.Heard.IsZero() {
		base.At = crm.At(e.Heard)
	}
	if len(o.Users()) == 0 {
		base.Text = "no user is bound to " + e.Call.PBX + "/" + o.Extension
		return []crm.Evidence{base}
	}
	var items []crm.Evidence
	for _, b := range p.boundTo(e.Call, o) {
		item := base
		item.Agent, item.Since = b.User, b.From
		item.Text = b.PBX + "/" + b.Extension + " is " + b.User + "'s"
		items = append(items, item)
	}
	return items
}

// boundTo returns the bindings by which the offer was its users', by name.
func (p *People) boundTo(c *crm.Call, o *crm.Offer) []crm.Binding {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var list []crm.Binding
	for _, b := range p.bound[line{c.Tenant, c.PBX, o.Extension}] {
		if slices.Contains(o.Users(), b.User) && (o.StartedAt.IsZero() && b.Until.IsZero() || b.Holds(o.StartedAt.Time)) {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b crm.Binding) int { return strings.Compare(a.User, b.User) })
	return list
}
