package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// source is a Contacts that was looked at.
type source struct {
	of          Contacts
	list        *lister
	incremental bool
	page        crmsync.Template
	existing    *lister // nil: deletions are not asked for
}

func (r *Connector) lists(p *problems) {
	for i, c := range r.spec.Contacts {
		at := fmt.Sprintf("rest.contacts.%d", i)
		c.ID = cmp.Or(c.ID, "id")
		if c.Object == "" || strings.Contains(c.Object, ":") {
			p.add(at+".object", "want a name for this kind of contact, such as contact")
		}
		if len(c.Name) == 0 || len(c.Numbers) == 0 {
			p.add(at+".numbers", "say where the name and the numbers stand")
		}
		s := source{of: c, list: newLister(at+".list", c.List, []string{"since"}, p), incremental: strings.Contains(c.List.Path, "{since}")}
		var err error
		s.page, err = crmsync.ParseTemplate(c.Page, []string{"id"})
		p.check(at+".page", err)
		if e := c.Existing; e != nil {
			s.existing = newLister(at+".existing", List{Path: e.Path, Items: e.Items, Size: cmp.Or(e.Size, 50)}, []string{"ids"}, p)
		}
		r.contacts = append(r.contacts, s)
	}
	if a := r.spec.Activities; a != nil {
		r.activities = newLister("rest.activities.list", a.List, []string{"from", "until"}, p)
		if a.Key == "" {
			p.add("rest.activities.key", "say where the key stands")
		}
	}
}

const (
	// overlap is how much is read again: our clocks differ, and a transaction may be committed late.
	overlap = 5 * time.Minute
	// wholeEvery is how often everything is read where changes cannot be asked for.
	wholeEvery = 6 * time.Hour
)

// place is how far a pull has come.
type place struct {
	Object int                  `json:"object"` // number of the one that is being read
	Page   string               `json:"page,omitempty"`
	Began  time.Time            `json:"began,omitzero"` // when its first page was read
	Since  map[string]time.Time `json:"since"`          // by object: when the last whole reading of it began
}

// Pull implements crmsync.Contacts.
func (r *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	p := place{Since: map[string]time.Time{}}
	if token != "" {
		if err := json.Unmarshal([]byte(token), &p); err != nil || p.Since == nil || p.Object < 0 {
			return crmsync.Page{}, fmt.Errorf("place of the pull: %q is none: %w", crmsync.Clip(token, 40), err)
		}
	}
	if len(r.contacts) == 0 {
		return crmsync.Page{Token: token}, nil
	}
	s := &r.contacts[p.Object%len(r.contacts)]
	since := p.Since[s.of.Object]
	if !s.incremental && p.Page == "" && time.Since(since) < wholeEvery {
		return p.turn(crmsync.Page{}, len(r.contacts))
	}
	from := time.Unix(0, 0)
	if !since.IsZero() {
		from = since.Add(-overlap)
	}
	list, next, a, err := r.read(ctx, s.list, p.Page, map[string]any{"since": r.time(from)})
	if err != nil {
		return crmsync.Page{}, err
	}
	if p.Page == "" {
		p.Began = clock(a)
	}
	var page crmsync.Page
	for _, one := range list {
		if ref := (crmsync.Ref{Object: s.of.Object, ID: text(one, s.of.ID)}); s.gone(one) {
			page.Gone = append(page.Gone, ref)
		} else if ref.ID != "" {
			page.Changed = append(page.Changed, s.person(ref, one))
		}
	}
	if p.Page = next; next != "" {
		page.More = true
		page.Token = p.token()
		return page, nil
	}
	p.Since[s.of.Object] = p.Began
	return p.turn(page, len(r.contacts))
}

// turn goes on to the next object.
func (p place) turn(page crmsync.Page, objects int) (crmsync.Page, error) {
	p.Object = (p.Object + 1) % objects
	p.Began = time.Time{}
	page.More, page.Token = p.Object != 0, p.token()
	return page, nil
}

func (p place) token() string {
	b, _ := json.Marshal(p) // texts and times of this era: it cannot fail
	return string(b)
}

// clock is when an answer was given, by the clock of the system.
func clock(a crmsync.Answer) time.Time {
	if at, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		return at
	}
	return time.Now().UTC()
}

func (s *source) gone(one any) bool {
	if s.of.Gone == "" {
		return false
	}
	switch text(one, s.of.Gone) {
	case "", "0", "false", "False", "no":
		return false
	}
	return true
}

func (s *source) person(ref crmsync.Ref, one any) crmsync.Person {
	p := crmsync.Person{Ref: ref}
	if s.of.Company != "" {
		p.Company = text(one, s.of.Company)
	}
	if s.of.Email != "" {
		p.Email = text(one, s.of.Email)
	}
	var name []string
	for _, path := range s.of.Name {
		if part := text(one, path); part != "" {
			name = append(name, part)
		}
	}
	p.Name = strings.Join(name, " ")
	for _, path := range s.of.Numbers {
		for _, v := range all(one, path) {
			if n := text(v, ""); n != "" {
				p.Numbers = append(p.Numbers, n)
			}
		}
	}
	if s.of.Page != "" {
		p.URL = s.page.Expand(func(string) any { return ref.ID }, pathText)
	}
	return p
}

// Existing implements crmsync.Survivors. Where it cannot be asked, all are.
func (r *Connector) Existing(ctx context.Context, object string, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	for i := range r.contacts {
		s := &r.contacts[i]
		if s.of.Object != object {
			continue
		}
		if s.existing == nil {
			break
		}
		for some := range slices.Chunk(ids, s.existing.list.Size) {
			list, _, _, err := r.read(ctx, s.existing, "", map[string]any{"ids": strings.Join(some, ",")})
			if err != nil {
				return nil, err
			}
			for _, one := range list {
				there[text(one, cmp.Or(s.of.Existing.ID, s.of.ID))] = !s.gone(one)
			}
		}
		return there, nil
	}
	for _, id := range ids {
		there[id] = true
	}
	return there, nil
}

// Auditing is a Connector whose activities can be listed: a crmsync.Audited.
type Auditing struct{ *Connector }

// Activities implements crmsync.Audited.
func (r Auditing) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	of := r.spec.Activities
	rows, next, _, err := r.read(ctx, r.activities, cursor, map[string]any{"from": r.time(from), "until": r.time(until)})
	var list []crmsync.Standing
	for _, one := range rows {
		standing := crmsync.Standing{Key: text(one, of.Key), ID: text(one, cmp.Or(of.ID, "id")), Fields: map[string]string{}}
		for field, path := range of.Compare {
			standing.Fields[field] = text(one, path)
		}
		if standing.Key != "" {
			list = append(list, standing)
		}
	}
	return list, next, err
}
