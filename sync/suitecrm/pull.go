package suitecrm

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// module is a kind of contact.
type module struct {
	name, company string // fields, several of them joined by a space
	numbers       []string
	more          []string // further fields
}

var modules = map[string]module{
	"Contacts": {"first_name last_name", "account_name", []string{"phone_work", "phone_mobile", "phone_home", "phone_other"}, nil},
	"Leads":    {"first_name last_name", "account_name", []string{"phone_work", "phone_mobile", "phone_home", "phone_other"}, []string{"status", "contact_id"}},
	"Accounts": {"name", "", []string{"phone_office", "phone_alternate"}, nil},
}

// place is how far a pull has come. At first every record of a module is read in order of its id, which no two have; then what was
// modified since.
type place struct {
	Module int               `json:"module"`
	Since  map[string]string `json:"since"` // by module, as the database has times; none while it is read for the first time
	ID     string            `json:"id"`    // the first time: of the last record
	Page   int               `json:"page"`  // afterwards: of the records modified since then
	Next   string            `json:"next"`  // what Since becomes when the module is read
}

// settling is how long a modification may take to become visible, for a stamp has only seconds.
const settling = 10 * time.Second

// Pull implements crmsync.Contacts. A converted lead has become a contact; deleted records are found by Existing.
func (s *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	p := place{Since: map[string]string{}}
	if token != "" {
		if err := json.Unmarshal([]byte(token), &p); err != nil || p.Since == nil {
			return crmsync.Page{}, fmt.Errorf("place of the pull: %w", err)
		}
	}
	name := s.cfg.Contacts[p.Module%len(s.cfg.Contacts)]
	m := modules[name]
	fields := strings.Join(slices.Concat(strings.Fields(m.name), strings.Fields(m.company), m.numbers, m.more, []string{"email1", "date_modified"}), ",")
	since, later := p.Since[name]
	sort, page, f := "id", 1, filter{}
	switch {
	case later:
		sort, page, f = "date_modified", max(1, p.Page), filter{{"date_modified", "gte"}: since}
	case p.ID != "":
		f = filter{{"id", "gt"}: p.ID}
	}
	rows, answer, err := s.list(ctx, name, fields, sort, page, f)
	if err != nil {
		return crmsync.Page{}, err
	}
	out, last, err := s.people(ctx, name, rows)
	if err != nil {
		return crmsync.Page{}, err
	}
	settled := answer.at.Add(-settling).UTC().Format(stamp)
	switch {
	case later:
		p.Next = max(p.Next, min(last.stamp("date_modified"), settled))
	case p.ID == "":
		p.Next = settled // what is modified while the rest is read comes afterwards
	}
	p.ID, p.Page, out.More = last.ID, page+1, true
	if len(rows) < most {
		p.Since[name] = max(since, p.Next)
		p.ID, p.Next, p.Page, p.Module = "", "", 0, (p.Module+1)%len(s.cfg.Contacts)
		out.More = p.Module != 0
	}
	b, err := json.Marshal(p)
	out.Token = string(b)
	return out, err
}

// people returns the records as a page, and the last of them.
func (s *Connector) people(ctx context.Context, name string, rows []resource) (page crmsync.Page, last resource, err error) {
	token, err := s.tokens.Token(ctx)
	if err != nil {
		return page, last, err
	}
	m := modules[name]
	page.Into = map[crmsync.Ref]crmsync.Ref{}
	joined := func(fields string) string {
		var parts []string
		for _, field := range strings.Fields(fields) {
			parts = append(parts, last.text(field))
		}
		return strings.TrimSpace(strings.Join(parts, " "))
	}
	for _, last = range rows {
		ref := crmsync.Ref{Object: name, ID: last.ID}
		if last.text("status") == "Converted" {
			page.Gone = append(page.Gone, ref)
			if contact := last.text("contact_id"); contact != "" {
				page.Into[ref] = crmsync.Ref{Object: "Contacts", ID: contact}
			}
			continue
		}
		p := crmsync.Person{Ref: ref, Name: joined(m.name), Company: joined(m.company), Email: last.text("email1"), URL: s.page(token.Base, ref)}
		for _, field := range m.numbers {
			if n := last.text(field); n != "" && !slices.Contains(p.Numbers, n) {
				p.Numbers = append(p.Numbers, n)
			}
		}
		page.Changed = append(page.Changed, p)
	}
	return page, last, nil
}

// page returns the address of a record's page, which is another in SuiteCRM 8.
func (s *Connector) page(base string, ref crmsync.Ref) string {
	if strings.HasSuffix(base, legacy) {
		return s.cfg.URL + "/#/" + strings.ToLower(ref.Object) + "/record/" + ref.ID
	}
	return s.cfg.URL + "/index.php?module=" + ref.Object + "&action=DetailView&record=" + ref.ID
}

// few is how many ids of a sweep are asked about one by one, where the filter knows no lists.
const few = 20

// Existing implements crmsync.Survivors. A list of what is deleted fails in current versions, as each record of it is read again
// and is not found. Versions up to 7.14 know no "in": there a few of the ids are asked about, others the next time.
func (s *Connector) Existing(ctx context.Context, name string, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	for some := range slices.Chunk(ids, most) {
		var rows []resource
		detail, err := s.listed(ctx, name, some, &rows)
		if strings.Contains(detail, "Filter operator in is invalid") {
			return s.sample(ctx, name, ids)
		}
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			there[r.ID] = true
		}
	}
	return there, nil
}

// sample asks about some ids, chosen at random, and takes the others for there.
func (s *Connector) sample(ctx context.Context, name string, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	for _, id := range ids {
		there[id] = true
	}
	for _, n := range rand.Perm(len(ids))[:min(few, len(ids))] {
		id := ids[n]
		found, err := s.there(ctx, name, id)
		if err != nil {
			return nil, err
		}
		there[id] = found
	}
	return there, nil
}
