package dolibarr

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// kind is what a kind of contact has.
type kind struct {
	numbers []string
	page    string // address of a record's page, before its id
}

var kinds = map[string]kind{
	"contacts":     {[]string{"phone_pro", "phone_mobile", "phone_perso"}, "/contact/card.php?id="},
	"thirdparties": {[]string{"phone", "phone_mobile"}, "/societe/card.php?socid="},
}

// place is how far a pull has come. At first every record of a kind is read in order of its number. Then the kind is read from
// its latest change back to what was known before: a filter by time is no use, as it would be in a time zone of the server's
// that nothing says.
type place struct {
	Kind  int              `json:"kind"`
	Known map[string]int64 `json:"known"` // by kind: the stamp up to which it was read; none while it is read for the first time
	Row   int64            `json:"row"`   // the first time: number of the last record
	Page  int              `json:"page"`  // afterwards: the page to read; 0 is the latest changes
	Next  int64            `json:"next"`  // what Known becomes when the kind is read
}

// settling is how young a stamp may be to be read again: it has whole seconds, and a change may be committed after a later one.
const settling = 10 * time.Second

// saw takes over that a stamp was read at a time.
func (p *place) saw(stamp int64, at time.Time) {
	p.Next = max(p.Next, min(stamp, at.Add(-settling).Unix()))
}

// Pull implements crmsync.Contacts. Records that are closed are gone; deleted ones are found by Existing.
func (d *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	p := place{Known: map[string]int64{}}
	if token != "" {
		if err := json.Unmarshal([]byte(token), &p); err != nil || p.Known == nil {
			return crmsync.Page{}, fmt.Errorf("place of the pull: %w", err)
		}
	}
	name := d.cfg.Contacts[p.Kind%len(d.cfg.Contacts)]
	read := d.all
	if _, known := p.Known[name]; known {
		read = d.changed
	}
	rows, end, err := read(ctx, name, &p)
	if err != nil {
		return crmsync.Page{}, err
	}
	page := crmsync.Page{More: true}
	for _, r := range rows {
		if ref := (crmsync.Ref{Object: name, ID: r.text("id")}); closed(r) {
			page.Gone = append(page.Gone, ref)
		} else {
			page.Changed = append(page.Changed, d.person(ref, r))
		}
	}
	if end {
		p.Known[name] = max(p.Known[name], p.Next)
		p.Row, p.Page, p.Next, p.Kind = 0, 0, 0, (p.Kind+1)%len(d.cfg.Contacts)
		page.More = p.Kind != 0
	}
	b, err := json.Marshal(p)
	page.Token = string(b)
	return page, err
}

const latest = "t.tms,t.rowid"

// all reads some records for the first time. The latest change before them is where later pulls go back to.
func (d *Connector) all(ctx context.Context, name string, p *place) (rows []row, end bool, err error) {
	if p.Row == 0 {
		last, at, err := d.list(ctx, name, "", latest, "DESC,DESC", 0, 1)
		if err != nil {
			return nil, false, err
		}
		for _, r := range last {
			p.saw(r.number("date_modification"), at)
		}
	}
	rows, _, err = d.list(ctx, name, "(t.rowid:>:"+strconv.FormatInt(p.Row, 10)+")", "t.rowid", "ASC", 0, most)
	for _, r := range rows {
		p.Row = r.number("id")
	}
	return rows, len(rows) == 0, err
}

// changed reads some records that changed since the last time, the latest first.
func (d *Connector) changed(ctx context.Context, name string, p *place) (rows []row, end bool, err error) {
	found, at, err := d.list(ctx, name, "", latest, "DESC,DESC", p.Page, most)
	for _, r := range found {
		stamp := r.number("date_modification")
		if stamp > 0 && stamp <= p.Known[name] {
			return rows, true, nil
		}
		p.saw(stamp, at)
		rows = append(rows, r)
	}
	p.Page++
	return rows, len(found) == 0, err
}

// closed reports whether a contact or a third party was put out of use: its status is 0.
func closed(r row) bool {
	return cmp.Or(r.text("status"), r.text("statut"), "1") == "0"
}

func (d *Connector) person(ref crmsync.Ref, r row) crmsync.Person {
	p := crmsync.Person{
		Ref: ref, Company: r.text("socname"), Email: cmp.Or(r.text("email"), r.text("mail")),
		Name: cmp.Or(strings.TrimSpace(r.text("firstname")+" "+r.text("lastname")), r.text("name"), r.text("nom")),
		URL:  d.cfg.URL + kinds[ref.Object].page + ref.ID,
	}
	for _, field := range kinds[ref.Object].numbers {
		if n := r.text(field); n != "" && !slices.Contains(p.Numbers, n) {
			p.Numbers = append(p.Numbers, n)
		}
	}
	return p
}
