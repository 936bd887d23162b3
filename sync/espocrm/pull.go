package espocrm

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// contactFields is what is read of each kind of contact, beside id, name, modifiedAt and phoneNumber.
var contactFields = map[string][]string{
	"Contact": {"emailAddress", "accountId", "accountName"},
	"Lead":    {"emailAddress", "accountName", "status", "createdContactId"},
	"Account": {"emailAddress"},
}

const (
	perPull = 50 // each may cost a request more, for its other numbers
	// settling is how long a modification may take to become visible, for a stamp has only seconds.
	settling = 10 * time.Second
)

// Pull implements crmsync.Contacts, in order of modifiedAt. A converted lead has become a contact.
func (e *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	place, err := crmsync.ParsePlace(token)
	if err != nil {
		return crmsync.Page{}, err
	}
	entity, mark := place.Current(e.cfg.Contacts)
	fields := strings.Join(append([]string{"id", "name", "modifiedAt", "phoneNumber"}, contactFields[entity]...), ",")
	some, err := e.list(ctx, entity, fields, "modifiedAt", 0, perPull, after(mark)...)
	if err != nil {
		return crmsync.Page{}, err
	}
	page := crmsync.Page{Into: map[crmsync.Ref]crmsync.Ref{}}
	marks := make([]crmsync.Mark, len(some.rows))
	for i, r := range some.rows {
		marks[i] = crmsync.Mark{Stamp: r.text("modifiedAt"), ID: r.text("id")}
		ref := crmsync.Ref{Object: entity, ID: r.text("id")}
		numbers, there, err := e.numbers(ctx, entity, r)
		switch {
		case err != nil:
			return crmsync.Page{}, err
		case !there || r.text("status") == "Converted":
			page.Gone = append(page.Gone, ref)
			if contact := r.text("createdContactId"); contact != "" {
				page.Into[ref] = crmsync.Ref{Object: "Contact", ID: contact}
			}
		default:
			page.Changed = append(page.Changed, crmsync.Person{
				Ref: ref, Name: r.text("name"), Company: r.text("accountName"), Email: r.text("emailAddress"), Numbers: numbers,
				URL: e.cfg.URL + "/#" + entity + "/view/" + ref.ID,
			})
		}
	}
	page.More = place.Advance(e.cfg.Contacts, marks, some.full, some.at.Add(-settling).UTC().Format(stamp))
	page.Token = place.Token()
	return page, nil
}

// after is what comes behind the mark.
func after(m crmsync.Mark) []test {
	if m.Stamp == "" {
		return nil
	}
	return []test{{"or", "", []test{
		{"greaterThan", "modifiedAt", m.Stamp},
		{"and", "", []test{{"equals", "modifiedAt", m.Stamp}, {"greaterThan", "id", m.ID}}},
	}}}
}

// numbers returns all numbers of a record. A list has the primary one only, so a record with one is read by itself;
// false when it is not there any more.
func (e *Connector) numbers(ctx context.Context, entity string, r row) (list []string, there bool, err error) {
	if r.text("phoneNumber") == "" {
		return nil, true, nil
	}
	a, err := e.do(ctx, http.MethodGet, "/"+entity+"/"+url.PathEscape(r.text("id")), nil)
	if a.Status == http.StatusNotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var whole struct {
		Numbers []struct {
			Number string `json:"phoneNumber"`
		} `json:"phoneNumberData"`
	}
	if err := json.Unmarshal(a.Body, &whole); err != nil {
		return nil, false, &crmsync.PushError{Class: crmsync.Transient, Reason: "a contact cannot be read", Err: err}
	}
	list = []string{r.text("phoneNumber")}
	for _, n := range whole.Numbers {
		if !slices.Contains(list, n.Number) {
			list = append(list, n.Number)
		}
	}
	return list, true, nil
}

// Existing implements crmsync.Survivors: what is deleted, or merged into another, is in no list any more.
func (e *Connector) Existing(ctx context.Context, entity string, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	for len(ids) > 0 {
		n := min(len(ids), e.allowed(100)) // they are in the URL
		some, err := e.list(ctx, entity, "id", "id", 0, n, test{"in", "id", ids[:n]})
		switch {
		case err != nil:
			return nil, err
		case e.allowed(n) < n: // what is allowed was learned just now, so some may be left out
			continue
		}
		ids = ids[n:]
		for _, r := range some.rows {
			there[r.text("id")] = true
		}
	}
	return there, nil
}
