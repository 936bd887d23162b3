package dataverse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

type page struct {
	Value     []map[string]any `json:"value"`
	NextLink  string           `json:"@odata.nextLink"`
	DeltaLink string           `json:"@odata.deltaLink"`
}

func (d *Connector) read(ctx context.Context, at, prefer string) (page, error) {
	a, err := d.do(ctx, crmsync.Request{Method: http.MethodGet, URL: at, Reads: true, Header: http.Header{"Prefer": {prefer}}})
	if err != nil {
		return page{}, err
	}
	var p page
	if err := json.Unmarshal(a.Body, &p); err != nil {
		return page{}, &crmsync.PushError{Class: crmsync.Transient, Reason: "an answer cannot be read", Err: err}
	}
	return p, nil
}

// rows returns the phone calls with those keys.
func (d *Connector) rows(ctx context.Context, keys []string) ([]map[string]any, error) {
	var rows []map[string]any
	for some := range slices.Chunk(keys, 20) {
		tests := make([]string, len(some))
		for i, k := range some {
			tests[i] = d.cfg.KeyField + " eq '" + strings.ReplaceAll(k, "'", "''") + "'"
		}
		at := "phonecalls?$select=activityid,statecode," + d.cfg.KeyField + "&$filter=" + url.QueryEscape(strings.Join(tests, " or "))
		p, err := d.read(ctx, at, "odata.maxpagesize=500")
		if err != nil {
			return nil, err
		}
		rows = append(rows, p.Value...)
	}
	return rows, nil
}

// Find implements crmsync.Connector.
func (d *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	rows, err := d.rows(ctx, keys)
	found := map[string][]string{}
	for _, r := range rows {
		key := text(r[d.cfg.KeyField])
		found[key] = append(found[key], text(r["activityid"]))
	}
	return found, err
}

// standing returns the state by key: 0 open, 1 completed, 2 cancelled.
func (d *Connector) standing(ctx context.Context, keys []string) (map[string]int, error) {
	rows, err := d.rows(ctx, keys)
	states := map[string]int{}
	for _, r := range rows {
		if state, ok := r["statecode"].(float64); ok {
			states[text(r[d.cfg.KeyField])] = int(state)
		}
	}
	return states, err
}

// Activities implements crmsync.Audited.
func (d *Connector) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	const stamp = "2006-01-02T15:04:05Z"
	filter := fmt.Sprintf("startswith(%s,'pc') and actualstart ge %s and actualstart lt %s", d.cfg.KeyField, from.UTC().Format(stamp), until.UTC().Format(stamp))
	at := cmp.Or(cursor, "phonecalls?$select=activityid,category,phonenumber,"+d.cfg.KeyField+"&$filter="+url.QueryEscape(filter))
	p, err := d.read(ctx, at, "odata.maxpagesize=1000")
	if err != nil {
		return nil, "", err
	}
	list := make([]crmsync.Standing, len(p.Value))
	for i, r := range p.Value {
		list[i] = crmsync.Standing{Key: text(r[d.cfg.KeyField]), ID: text(r["activityid"]), Fields: map[string]string{"category": text(r["category"]), "phonenumber": text(r["phonenumber"])}}
	}
	return list, p.NextLink, nil
}

// formatted is the annotation with the name of what a lookup points at.
const formatted = "OData.Community.Display.V1.FormattedValue"

// master is what a deactivated record was merged into.
const master = "_masterid_value"

// table is a kind of contact.
type table struct {
	set, id, name string
	numbers       []string
	more          []string // further columns
}

var tables = map[string]table{
	"contact": {"contacts", "contactid", "fullname", []string{"telephone1", "telephone2", "telephone3", "mobilephone"}, []string{"emailaddress1", "_parentcustomerid_value", "statecode", master}},
	"account": {"accounts", "accountid", "name", []string{"telephone1", "telephone2", "telephone3"}, []string{"emailaddress1", "statecode", master}},
	"lead":    {"leads", "leadid", "fullname", []string{"telephone1", "telephone2", "mobilephone"}, []string{"emailaddress1", "companyname", "statecode", master}},
}

// place is how far a pull has come: the link that each table's changes continue with.
type place struct {
	Table int               `json:"table"`
	Links map[string]string `json:"links"`
}

// Pull implements crmsync.Contacts, by change tracking. Merged and deactivated records are told as gone. A delta link that has
// expired is followed by everything that there is; what was deleted meanwhile is found by Existing.
func (d *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	p := place{Links: map[string]string{}}
	if token != "" {
		if err := json.Unmarshal([]byte(token), &p); err != nil {
			return crmsync.Page{}, fmt.Errorf("place of the pull: %w", err)
		}
	}
	name := d.cfg.Contacts[p.Table%len(d.cfg.Contacts)]
	t := tables[name]
	columns := slices.Concat([]string{t.id, t.name}, t.numbers, t.more)
	got, err := d.read(ctx, cmp.Or(p.Links[name], t.set+"?$select="+strings.Join(columns, ",")), `odata.track-changes,odata.maxpagesize=500,odata.include-annotations="`+formatted+`"`)
	if p.Links[name] != "" && errors.Is(err, errExpired) {
		delete(p.Links, name)
		return p.page(crmsync.Page{More: true})
	}
	if err != nil {
		return crmsync.Page{}, err
	}
	out := crmsync.Page{Into: map[crmsync.Ref]crmsync.Ref{}}
	for _, r := range got.Value {
		if id := text(r["id"]); strings.Contains(text(r["@odata.context"]), "$deletedEntity") {
			out.Gone = append(out.Gone, crmsync.Ref{Object: name, ID: id})
		} else if state, ok := r["statecode"].(float64); ok && state != 0 {
			ref := crmsync.Ref{Object: name, ID: text(r[t.id])}
			out.Gone = append(out.Gone, ref)
			if into := text(r[master]); into != "" {
				out.Into[ref] = crmsync.Ref{Object: name, ID: into}
			}
		} else {
			out.Changed = append(out.Changed, d.person(name, t, r))
		}
	}
	p.Links[name], out.More = got.NextLink, true
	if got.NextLink == "" {
		p.Links[name] = got.DeltaLink
		p.Table = (p.Table + 1) % len(d.cfg.Contacts)
		out.More = p.Table != 0
	}
	return p.page(out)
}

// page is the page that leads on to the place.
func (p place) page(out crmsync.Page) (crmsync.Page, error) {
	b, err := json.Marshal(p)
	out.Token = string(b)
	return out, err
}

// Existing implements crmsync.Survivors.
func (d *Connector) Existing(ctx context.Context, name string, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	t, ok := tables[name]
	if !ok || len(ids) == 0 {
		return there, nil
	}
	tests := make([]string, len(ids))
	for i, id := range ids {
		tests[i] = t.id + " eq " + id
	}
	filter := "statecode eq 0 and (" + strings.Join(tests, " or ") + ")"
	p, err := d.read(ctx, t.set+"?$select="+t.id+"&$filter="+url.QueryEscape(filter), "odata.maxpagesize=500")
	for _, r := range p.Value {
		there[text(r[t.id])] = true
	}
	return there, err
}

func (d *Connector) person(name string, t table, r map[string]any) crmsync.Person {
	id := text(r[t.id])
	p := crmsync.Person{
		Ref: crmsync.Ref{Object: name, ID: id}, Name: text(r[t.name]), Email: text(r["emailaddress1"]),
		Company: cmp.Or(text(r["companyname"]), text(r["_parentcustomerid_value@"+formatted])),
		URL:     d.cfg.URL + "/main.aspx?etn=" + name + "&pagetype=entityrecord&id=%7B" + id + "%7D",
	}
	if d.cfg.App != "" {
		p.URL += "&appid=" + d.cfg.App
	}
	for _, c := range t.numbers {
		if n := text(r[c]); n != "" {
			p.Numbers = append(p.Numbers, n)
		}
	}
	return p
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
