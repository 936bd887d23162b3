package odoo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	crmsync "patchcord/sync"
)

// place is how far a pull has come. An answer cuts the second of a write date short, and an import gives thousands of records the same, so
// records are read from a second on, or, when one fills a page, those of that second by their numbers.
type place struct {
	Stamp string  `json:"stamp"`
	Above float64 `json:"above,omitempty"` // of the records of that second, those with a higher number; 0: all from it on
}

const (
	perPull = 500
	// settling is how long a transaction may last: its records have the time of its beginning.
	settling = 2 * time.Minute
)

// telephones is the fields with numbers; versions of Odoo differ in which there are.
var telephones = []string{"phone", "mobile"}

// Pull implements crmsync.Contacts. An archived partner is gone; deleted and merged ones are told by nobody: see Existing.
func (o *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	var p place
	if token != "" {
		if err := json.Unmarshal([]byte(token), &p); err != nil {
			return crmsync.Page{}, fmt.Errorf("place of the pull: %w", err)
		}
	}
	has, err := o.describe(ctx, partners)
	if err != nil {
		return crmsync.Page{}, err
	}
	fields := []string{"name", "email", "active", "write_date", "commercial_company_name"}
	for _, f := range telephones {
		if _, ok := has[f]; ok {
			fields = append(fields, f)
		}
	}
	domain, order := []any{}, "write_date, id"
	if p.Stamp != "" {
		domain = append(domain, is("write_date", ">=", p.Stamp))
	}
	if p.Above > 0 {
		domain, order = append(domain, is("write_date", "<", next(p.Stamp)), is("id", ">", p.Above)), "id"
	}
	began := time.Now()
	rows, err := o.search(ctx, partners, fields, order, 0, perPull, domain...)
	if err != nil {
		return crmsync.Page{}, err
	}
	var page crmsync.Page
	for _, r := range rows {
		person := o.person(r)
		if r["active"] == true {
			page.Changed = append(page.Changed, person)
		} else {
			page.Gone = append(page.Gone, person.Ref)
		}
	}
	p, page.More = p.advance(rows, began.Add(-settling).UTC().Format(stamp))
	b, err := json.Marshal(p)
	page.Token = string(b)
	return page, err
}

// advance returns the place behind the rows, and whether there is more now. No place is after settled when all was read.
func (p place) advance(rows []record, settled string) (place, bool) {
	full := len(rows) == perPull
	switch {
	case full && (p.Above > 0 || rows[0].text("write_date") == rows[perPull-1].text("write_date")):
		last := rows[perPull-1]
		above, _ := last["id"].(float64)
		if p.Above == 0 { // they came by the fraction of the second, which we do not see
			above = 0.5
		}
		return place{last.text("write_date"), above}, true
	case p.Above > 0: // that second is done
		return place{Stamp: next(p.Stamp)}, true
	case full:
		return place{Stamp: rows[perPull-1].text("write_date")}, true
	case len(rows) > 0:
		return place{Stamp: min(settled, rows[len(rows)-1].text("write_date"))}, false
	}
	return place{Stamp: min(settled, p.Stamp)}, false
}

// next returns the second after a stamp.
func next(s string) string {
	at, err := time.Parse(stamp, s)
	if err != nil {
		return s
	}
	return at.Add(time.Second).Format(stamp)
}

func (o *Connector) person(r record) crmsync.Person {
	id := r.text("id")
	p := crmsync.Person{
		Ref: crmsync.Ref{Object: partners, ID: id}, Name: r.text("name"), Email: r.text("email"), Company: r.text("commercial_company_name"),
		URL: o.cfg.URL + "/web#id=" + id + "&model=" + partners + "&view_type=form", // newer versions lead on from it
	}
	for _, f := range telephones {
		if n := r.text(f); n != "" {
			p.Numbers = append(p.Numbers, n)
		}
	}
	return p
}

// Existing implements crmsync.Survivors.
func (o *Connector) Existing(ctx context.Context, object string, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	if object != partners {
		return there, nil
	}
	numbers := make([]json.Number, len(ids))
	for i, id := range ids {
		numbers[i] = json.Number(id)
	}
	rows, err := o.search(ctx, partners, []string{"active"}, "id", 0, len(ids), is("id", "in", numbers))
	for _, r := range rows {
		there[r.text("id")] = r["active"] == true
	}
	return there, err
}
