package intake

import (
	"encoding/json"
	"slices"
	"strings"

	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
	"patchcord/crm/background"
)

// noting returns how a fold reads the PBX that also notes what it concludes from, and is in no hurry.
func noting(c calls.Config) calls.Config {
	c.Evidence, c.Pause = true, background.Pause
	return c
}

// ownerOf tells, to the calls that go on, that the PBX has an owner anew: a node that was
// started again, or another one.
func ownerOf(opened buffer.Entry, going []*crm.Call) []crm.CallEvidence {
	var m marker
	if err := json.Unmarshal(opened.Data, &m); err != nil {
		return nil // as whoever folds it says
	}
	e := crm.Evidence{At: crm.At(opened.At), Pos: opened.Pos, Kind: crm.EvidenceOwner, Name: m.Name, Text: "patchcord was started again"}
	switch {
	case m.Handed:
		e.Text = "node " + m.Name + " listens to the PBX from here on; it was handed over, and nothing was missed"
	case m.Name != "":
		e.Text = "node " + m.Name + " listens to the PBX from here on"
	}
	list := make([]crm.CallEvidence, len(going))
	for i, c := range going {
		list[i] = crm.CallEvidence{CallID: c.ID, Items: []crm.Evidence{e}}
	}
	return list
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
	phone := e.Call.PBX + "/" + o.Extension
	if o.Desk.LoggedIn != "" {
		phone += ", where " + o.Desk.LoggedIn + " is logged in,"
	}
	s := p.at(line{e.Call.Tenant, e.Call.PBX, o.Extension}, o.Desk, o.StartedAt.Time)
	if len(o.Users()) == 0 {
		base.Text = "no user is bound to " + strings.TrimSuffix(phone, ",")
		if o.Desk.LoggedIn != "" {
			base.Text += ", nor to " + e.Call.PBX + "/" + o.Desk.LoggedIn
		}
		return []crm.Evidence{base}
	}
	if s.by == byMember {
		base.Agent = o.Users()[0]
		base.Text = "no user is bound to " + phone + ", and " + base.Agent + " had logged into a queue there"
		if o.Queue != "" {
			base.Text = "no user is bound to " + phone + ", and queue " + o.Queue + " calls its member there " + base.Agent
		}
		return []crm.Evidence{base}
	}
	var items []crm.Evidence
	for _, b := range p.boundTo(s.line, o) {
		item := base
		item.Agent, item.Since = b.User, b.From
		item.Text = phone + " is " + b.User + "'s"
		items = append(items, item)
	}
	return items
}

// boundTo returns the bindings to the line by which the offer was its users', by name.
func (p *People) boundTo(l line, o *crm.Offer) []crm.Binding {
	p.mu.RLock()
	defer p.mu.RUnlock()
	at := o.StartedAt.Add(p.skew[l.pbx])
	var list []crm.Binding
	for _, b := range p.bound[l] {
		if slices.Contains(o.Users(), b.User) && (o.StartedAt.IsZero() && b.Until.IsZero() || b.Holds(at)) {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b crm.Binding) int { return strings.Compare(a.User, b.User) })
	return list
}
