package bitrix24

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// person is a contact, company or lead of a list.
type person struct {
	ID       string                   `json:"ID"`
	Name     string                   `json:"NAME"`
	LastName string                   `json:"LAST_NAME"`
	Title    string                   `json:"TITLE"`
	Company  string                   `json:"COMPANY_TITLE"`
	Modified time.Time                `json:"DATE_MODIFY"`
	Outcome  string                   `json:"STATUS_SEMANTIC_ID"` // of a lead: "S" was converted
	Phones   []struct{ Value string } `json:"PHONE"`
	Emails   []struct{ Value string } `json:"EMAIL"`
}

// place is how far a pull has come. All of a kind is read by number first; then what was modified since that began, again by
// number, so that nothing is left out while records move.
type place struct {
	Kind  int                  `json:"kind"`
	Above string               `json:"above,omitempty"` // the last number that was read
	Began time.Time            `json:"began,omitzero"`  // when this reading of the kind began
	Since map[string]time.Time `json:"since"`
}

// overlap is how much is read again: our clocks differ, and a change may be committed late.
const overlap = 5 * time.Minute

// perPage is how many records a list has.
const perPage = 50

// pullEvery keeps pulls to what leaks out of the bucket of requests, so that it has room for writes.
const pullEvery = 600 * time.Millisecond

// Pull implements crmsync.Contacts. A converted lead is gone; deleted and merged records are told by nobody: see Existing.
func (b *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	p := place{Since: map[string]time.Time{}}
	if token != "" {
		if err := json.Unmarshal([]byte(token), &p); err != nil || p.Since == nil || p.Kind < 0 {
			return crmsync.Page{}, fmt.Errorf("place of the pull: %q is none: %w", crmsync.Clip(token, 40), err)
		}
	}
	name := b.cfg.Contacts[p.Kind%len(b.cfg.Contacts)]
	if p.Above == "" {
		p.Began = time.Now().UTC()
	}
	v := url.Values{
		"order[ID]": {"ASC"}, "filter[>ID]": {cmp.Or(p.Above, "0")}, "start": {"-1"}, // without counting, which costs the most
		"select[]": append([]string{"ID", "DATE_MODIFY"}, kinds[name].fields...),
	}
	if since := p.Since[name]; !since.IsZero() {
		v.Set("filter[>=DATE_MODIFY]", since.Add(-overlap).Format(time.RFC3339))
	}
	if err := b.pulls.Wait(ctx, pullEvery); err != nil {
		return crmsync.Page{}, err
	}
	list, err := rows[person](b.batch(ctx, []command{{"crm." + name + ".list", v}}, true)[0])
	if err != nil {
		return crmsync.Page{}, err
	}
	var page crmsync.Page
	for _, r := range list {
		if p.Above = r.ID; r.Outcome == "S" {
			page.Gone = append(page.Gone, crmsync.Ref{Object: name, ID: r.ID})
		} else {
			page.Changed = append(page.Changed, b.person(name, r))
		}
	}
	page.More = true
	if len(list) < perPage {
		p.Since[name] = p.Began
		p.Above, p.Kind = "", (p.Kind+1)%len(b.cfg.Contacts)
		page.More = p.Kind != 0
	}
	t, err := json.Marshal(p)
	page.Token = string(t)
	return page, err
}

func (b *Connector) person(name string, r person) crmsync.Person {
	p := crmsync.Person{
		Ref: crmsync.Ref{Object: name, ID: r.ID}, Name: cmp.Or(strings.TrimSpace(r.Name+" "+r.LastName), r.Title), Company: r.Company,
		URL: b.cfg.URL + "/crm/" + name + "/details/" + url.PathEscape(r.ID) + "/",
	}
	for _, n := range r.Phones {
		p.Numbers = append(p.Numbers, n.Value)
	}
	if len(r.Emails) > 0 {
		p.Email = r.Emails[0].Value
	}
	return p
}

// Existing implements crmsync.Survivors.
func (b *Connector) Existing(ctx context.Context, name string, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	if kinds[name].owner == "" {
		return there, nil
	}
	var commands []command
	for i := 0; i < len(ids); i += perPage {
		v := url.Values{"order[ID]": {"ASC"}, "start": {"-1"}, "select[]": {"ID"}}
		for n, id := range ids[i:min(i+perPage, len(ids))] {
			v.Set("filter[@ID]["+strconv.Itoa(n)+"]", id)
		}
		commands = append(commands, command{"crm." + name + ".list", v})
	}
	for _, a := range b.batch(ctx, commands, true) {
		list, err := rows[row](a)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			there[r.ID] = true
		}
	}
	return there, nil
}
