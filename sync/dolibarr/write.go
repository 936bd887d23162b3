package dolibarr

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	crmsync "patchcord/sync"
)

// Write implements crmsync.Connector, one request for each, and a look at the contact.
func (d *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	return crmsync.Each(ctx, list, d.write)
}

// write creates the event or changes it. What is refused for its owner is written as ours.
func (d *Connector) write(ctx context.Context, a crmsync.Activity) error {
	body, err := d.links(ctx, a)
	if err != nil {
		return err
	}
	maps.Copy(body, a.Fields) // what the administrator maps counts
	note, _ := body[noteField].(string)
	body[noteField] = crmsync.WithKey(opening.ReplaceAllString(note, "< $1"), a.Key)
	if a.ID == "" {
		body["ref_ext"] = a.Key
	}
	unowned := d.assign(ctx, a, body)
	if unowned != nil && !refusedToTell(unowned) {
		return unowned
	}
	answer, err := d.save(ctx, a.ID, body)
	if narrow(answer, body) {
		answer, err = d.save(ctx, a.ID, body)
	}
	switch self := selfIn(answer); {
	case err == nil:
		return nil
	case self > 0: // our user may not make events of others, and so learns who it is
		d.know(self)
		body[ownerField] = self
		_, err = d.save(ctx, a.ID, body)
		return err
	case unowned != nil:
		return unowned
	}
	return err
}

// opening is what a note may not hold: what stands behind it is taken out as a tag, to the end of the note if none ends it
// (DolibarrApi::_checkValForAPI, dol_string_onlythesehtmltags, strip_tags of PHP). A space makes it no tag.
var opening = regexp.MustCompile(`<(\S)`)

// narrow replaces characters beyond U+FFFF where the tables have no place for them, and reports whether it did: installations
// of older versions have a character set without them.
func narrow(a crmsync.Answer, body map[string]any) (changed bool) {
	if _, code := fault(a); a.Status != http.StatusInternalServerError || !strings.Contains(code, "Incorrect string value") {
		return false
	}
	for field, v := range body {
		if text, ok := v.(string); ok {
			body[field] = strings.Map(func(r rune) rune {
				if r > 0xFFFF {
					changed = true
					return '\uFFFD'
				}
				return r
			}, text)
		}
	}
	return changed
}

// assign gives a new event that is nobody's to our own user.
func (d *Connector) assign(ctx context.Context, a crmsync.Activity, body map[string]any) error {
	if _, ok := body[ownerField]; ok || a.ID != "" {
		return nil
	}
	self, err := d.me(ctx)
	if err != nil {
		return err
	}
	body[ownerField] = self
	return nil
}

// save creates, which answers with a bare number, or changes, which answers with the event, or false.
func (d *Connector) save(ctx context.Context, id string, body map[string]any) (crmsync.Answer, error) {
	method, path := http.MethodPost, "/agendaevents"
	if id != "" {
		method, path = http.MethodPut, path+"/"+url.PathEscape(id)
	}
	var said any
	a, err := d.do(ctx, method, path, body, &said)
	if err != nil {
		return a, err
	}
	switch said := said.(type) {
	case json.Number, string, map[string]any:
	case bool:
		if !said {
			return a, &crmsync.PushError{Class: crmsync.Transient, Reason: "the event was not changed, and why is not said"}
		}
	default:
		return a, &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "the answer to a write is none"}
	}
	return a, nil
}

// links returns what links the contact, nothing when it is gone: an event takes any number for one. An event of a contact
// is of its third party as well. Only a new one gets the list of its contacts: people may have added to it since.
func (d *Connector) links(ctx context.Context, a crmsync.Activity) (map[string]any, error) {
	links := map[string]any{}
	if len(a.Links) == 0 || kinds[a.Contact.Object].numbers == nil {
		return links, nil
	}
	var record row
	answer, err := d.do(ctx, http.MethodGet, "/"+a.Contact.Object+"/"+url.PathEscape(a.Contact.ID), nil, &record)
	if nothing(answer) {
		return links, nil
	}
	if err != nil {
		return nil, err
	}
	maps.Copy(links, a.Links)
	if id, ok := links[contactField]; ok {
		if party := record.number("socid"); party > 0 {
			links[partyField] = party
		}
		if a.ID == "" {
			links["socpeopleassigned"] = map[string]any{crmsync.Text(id): map[string]any{"id": id}}
		}
	}
	return links, nil
}
