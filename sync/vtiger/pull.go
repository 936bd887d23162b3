package vtiger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// module is a kind of contact.
type module struct {
	fields               []string // with numbers
	name, email, company string   // fields, several joined by a space
}

var modules = map[string]module{
	"Contacts": {[]string{"phone", "mobile", "homephone", "otherphone", "assistantphone"}, "firstname lastname", "email", ""},
	"Leads":    {[]string{"phone", "mobile"}, "firstname lastname", "email", "company"},
	"Accounts": {[]string{"phone", "otherphone"}, "accountname", "email1", ""},
}

// place is how far a pull has come: the module that is being read, and of each the time up to which it was.
type place struct {
	Module int              `json:"module"`
	Since  map[string]int64 `json:"since"` // seconds since 1970
}

// settling is how long a modification may take to become visible, for a stamp has only seconds.
const settling = 10 * time.Second

// Pull implements crmsync.Contacts, by the operation sync, which tells deletions too. It is for administrators only (GetUpdates.php), and
// on PHP 8 it breaks off: OperationManager.php hands over parameters by their names, and vtws_sync calls its first one otherwise. Then it is
// by queries. A merged record is deleted, and a converted lead.
func (v *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	if v.asks.Load() {
		return v.queried(ctx, token)
	}
	p := place{}
	if token != "" {
		if err := json.Unmarshal([]byte(token), &p); err != nil {
			return crmsync.Page{}, fmt.Errorf("place of the pull: %w", err)
		}
	}
	if p.Since == nil { // also where a query stood: what was amiss with the operation is mended
		p = place{Since: map[string]int64{}}
	}
	name := v.cfg.Contacts[p.Module%len(v.cfg.Contacts)]
	since := max(1, p.Since[name]) // 0 is taken for absent, and absent for now (vtws_getParameter)
	r, err := v.do(ctx, "sync", url.Values{"modifiedTime": {strconv.FormatInt(since, 10)}, "elementType": {name}, "syncType": {"application"}})
	if r.Broken || r.Fault != nil && strings.Contains(r.Fault.Message, "Only admin users") {
		page, err := v.queried(ctx, token)
		v.asks.Store(err == nil) // else it is down altogether
		return page, err
	}
	if err != nil {
		return crmsync.Page{}, err
	}
	var got struct {
		Updated []row    `json:"updated"`
		Deleted []string `json:"deleted"`
		Last    int64    `json:"lastModifiedTime"`
		More    bool     `json:"more"`
	}
	if err := json.Unmarshal(r.Result, &got); err != nil {
		return crmsync.Page{}, &crmsync.PushError{Class: crmsync.Transient, Reason: "changes cannot be read", Err: err}
	}
	page := crmsync.Page{More: got.More && got.Last > since}
	if page.Changed, err = v.people(ctx, name, got.Updated); err != nil {
		return crmsync.Page{}, err
	}
	for _, id := range got.Deleted {
		page.Gone = append(page.Gone, crmsync.Ref{Object: name, ID: id})
	}
	p.Since[name] = got.Last
	if !page.More { // the last seconds are read again: a change of them may not be visible yet
		p.Since[name] = max(since, min(got.Last, r.At.Add(-settling).Unix()))
		p.Module = (p.Module + 1) % len(v.cfg.Contacts)
		page.More = p.Module != 0
	}
	b, err := json.Marshal(p)
	page.Token = string(b)
	return page, err
}

func (v *Connector) people(ctx context.Context, name string, rows []row) ([]crmsync.Person, error) {
	companies, err := v.companies(ctx, rows)
	if err != nil {
		return nil, err
	}
	m := modules[name]
	list := make([]crmsync.Person, len(rows))
	for i, r := range rows {
		id := r.text("id")
		_, number, _ := strings.Cut(id, "x")
		list[i] = crmsync.Person{
			Ref: crmsync.Ref{Object: name, ID: id}, Email: r.text(m.email), Company: cmp.Or(r.text(m.company), companies[r.text("account_id")]),
			URL: v.cfg.URL + "/index.php?module=" + name + "&view=Detail&record=" + url.QueryEscape(number),
		}
		var names []string
		for _, field := range strings.Fields(m.name) {
			names = append(names, r.text(field))
		}
		list[i].Name = strings.TrimSpace(strings.Join(names, " "))
		for _, field := range m.fields {
			if n := r.text(field); n != "" {
				list[i].Numbers = append(list[i].Numbers, n)
			}
		}
	}
	return list, nil
}

var idForm = regexp.MustCompile(`^[0-9]+x[0-9]+$`)

// companies returns the names of the accounts that the rows point at.
func (v *Connector) companies(ctx context.Context, rows []row) (map[string]string, error) {
	ids := map[string]bool{}
	for _, r := range rows {
		if id := r.text("account_id"); idForm.MatchString(id) {
			ids[id] = true
		}
	}
	names := map[string]string{}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(ids)), most) {
		found, _, err := v.query(ctx, "SELECT id, accountname FROM Accounts WHERE "+among(some)+" LIMIT 0, "+strconv.Itoa(most))
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			names[r.text("id")] = r.text("accountname")
		}
	}
	return names, nil
}
