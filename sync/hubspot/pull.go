package hubspot

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	crmsync "patchcord/sync"
)

// object is a kind of contact.
type object struct {
	kind, stamp string // number of its type in addresses; property with its last modification
	properties  []string
}

// merged lists the records that became part of one, separated by semicolons; they are told nowhere else.
const merged = "hs_merged_object_ids"

var objects = map[string]object{
	"contacts":  {"0-1", "lastmodifieddate", []string{"firstname", "lastname", "company", "email", "phone", "mobilephone", merged}},
	"companies": {"0-2", "hs_lastmodifieddate", []string{"name", "phone", merged}},
}

// settling is how far the search index may be behind: so much is read again.
const settling = 2 * time.Minute

// place is how far a pull has come.
type place struct {
	Object  int               `json:"object"` // number of the one that is being read
	Windows map[string]window `json:"windows"`
}

// Pull implements crmsync.Contacts, in order of modification. Deletions are told by nobody: see Existing.
func (h *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	p := place{Windows: map[string]window{}}
	if token != "" {
		if err := json.Unmarshal([]byte(token), &p); err != nil || p.Windows == nil || p.Object < 0 {
			return crmsync.Page{}, fmt.Errorf("place of the pull: %q is none: %w", crmsync.Clip(token, 40), err)
		}
	}
	name := h.cfg.Contacts[p.Object%len(h.cfg.Contacts)]
	of, w := objects[name], p.Windows[name]
	began := time.Now()
	rows, err := h.search(ctx, name, of.stamp, w.After, append([]string{of.stamp}, of.properties...),
		filter{Property: of.stamp, Operator: "GTE", Value: cmp.Or(w.Stamp, "0")})
	if err != nil {
		return crmsync.Page{}, err
	}
	page := crmsync.Page{Into: map[crmsync.Ref]crmsync.Ref{}}
	home := h.home(ctx)
	for _, r := range rows {
		page.Changed = append(page.Changed, person(name, r, home))
		for _, id := range strings.FieldsFunc(r.text(merged), func(c rune) bool { return c == ';' }) {
			loser := crmsync.Ref{Object: name, ID: id}
			page.Gone = append(page.Gone, loser)
			page.Into[loser] = crmsync.Ref{Object: name, ID: r.ID}
		}
	}
	w = w.advance(rows, of.stamp)
	page.More = true
	if len(rows) < perSearch {
		w = w.before(began.Add(-settling))
		p.Object = (p.Object + 1) % len(h.cfg.Contacts)
		page.More = p.Object != 0
	}
	p.Windows[name] = w
	b, err := json.Marshal(p)
	page.Token = string(b)
	return page, err
}

// before returns the place, or an earlier one that is not after t.
func (w window) before(t time.Time) window {
	n, err := strconv.ParseInt(w.Stamp, 10, 64)
	if err != nil { // nothing was ever there
		return window{}
	}
	return window{Stamp: strconv.FormatInt(min(n, t.UnixMilli()), 10)}
}

func person(name string, r row, home string) crmsync.Person {
	p := crmsync.Person{
		Ref: crmsync.Ref{Object: name, ID: r.ID}, Email: r.text("email"), Company: r.text("company"),
		Name: cmp.Or(r.text("name"), strings.TrimSpace(r.text("firstname")+" "+r.text("lastname"))),
	}
	for _, property := range []string{"phone", "mobilephone"} {
		if n := r.text(property); n != "" {
			p.Numbers = append(p.Numbers, n)
		}
	}
	if home != "" {
		p.URL = home + "/record/" + objects[name].kind + "/" + url.PathEscape(r.ID)
	}
	return p
}

// portal is where the account's pages are.
type portal struct {
	mu   sync.Mutex
	home string // guarded by mu; "" is not known
}

// home returns the address before a record's page. The account's number and its domain are asked for once; "" when we
// may not know them.
func (h *Connector) home(ctx context.Context) string {
	h.portal.mu.Lock()
	defer h.portal.mu.Unlock()
	if h.portal.home != "" {
		return h.portal.home
	}
	var got struct {
		Portal json.Number `json:"portalId"`
		Domain string      `json:"uiDomain"`
	}
	if h.cfg.Portal != "" {
		got.Portal = json.Number(h.cfg.Portal)
	} else if _, err := h.do(ctx, crmsync.Request{Method: http.MethodGet, URL: "/account-info/v3/details", Reads: true}, &got); err != nil {
		return ""
	}
	if got.Portal != "" {
		h.portal.home = "https://" + cmp.Or(got.Domain, "app.hubspot.com") + "/contacts/" + got.Portal.String()
	}
	return h.portal.home
}
