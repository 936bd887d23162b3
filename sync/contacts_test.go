package crmsync_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// pages is a Contacts that gives one page after the other.
type pages struct {
	mu   sync.Mutex
	list []crmsync.Page // guarded by mu
	err  error          // guarded by mu
	asks []string       // guarded by mu
}

func (p *pages) set(err error, list ...crmsync.Page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list, p.err = list, err
}

func (p *pages) asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asks)
}

func (p *pages) Pull(_ context.Context, token string) (crmsync.Page, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asks = append(p.asks, token)
	if p.err != nil {
		return crmsync.Page{}, p.err
	}
	if len(p.list) == 0 {
		return crmsync.Page{Token: token}, nil
	}
	page := p.list[0]
	p.list = p.list[1:]
	return page, nil
}

func TestContactsComeIn(t *testing.T) {
	sim(t, func(t *testing.T) {
		h := newHouse()
		h.contacts["mine"] = crm.Contact{ID: "mine", Name: "Made here", Version: 3}
		ann := crmsync.Person{Ref: crmsync.Ref{Object: "Contact", ID: "1"}, Name: "Ann", Company: "Acme", Numbers: []string{"020 7946 0000", "+44 20 7946 0000", "x101"}}
		bob := crmsync.Person{Ref: crmsync.Ref{Object: "Contact", ID: "2"}, Name: "Bob", Numbers: []string{"+33 1 23 45 67 89"}}
		p := &pages{list: []crmsync.Page{{Changed: []crmsync.Person{ann}, Token: "a", More: true}, {Changed: []crmsync.Person{bob}, Token: "b"}}}
		pull := crmsync.NewPull(crmsync.PullConfig{Name: "desk", Tenant: "default", Contacts: p, Store: h, Region: "GB", Logger: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- pull.Run(ctx) }()
		synctest.Wait()
		got, err := h.Contact(t.Context(), "", "desk:Contact:1")
		if err != nil || len(h.book()) != 3 || got.Name != "Ann" || len(got.Numbers) != 1 || got.Numbers[0] != "+442079460000" {
			t.Fatalf("got %+v, %v", h.book(), err)
		}
		got.Notes, got.Name = "likes tea", "Anna, as we say"
		if _, err := h.UpdateContact(t.Context(), "", got); err != nil {
			t.Fatal(err)
		}
		ann.Company = "Acme Ltd"
		p.set(nil, crmsync.Page{Changed: []crmsync.Person{ann}, Gone: []crmsync.Ref{bob.Ref, {Object: "Contact", ID: "never"}}, Token: "c"})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		got = h.book()["desk:Contact:1"]
		if got.Company != "Acme Ltd" || got.Name != "Ann" || got.Notes != "likes tea" || len(h.book()) != 2 || h.book()["mine"].Version != 3 {
			t.Errorf("got %+v", h.book())
		}
		before := len(p.asked())
		p.set(errors.New("away"))
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if asks := len(p.asked()) - before; asks > 24*12+20 {
			t.Errorf("asked %d times in a day while it was away", asks)
		}
		cancel()
		<-ended
		if p.asks[0] != "" || p.asks[1] != "a" || p.asks[2] != "b" || p.asks[len(p.asks)-1] != "c" || pull.Status().Changed != 3 {
			t.Errorf("asked after %q", p.asks[:3])
		}
	})
}

func TestANameWithoutAnEndIsCut(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, long := newHouse(), strings.Repeat("naïve ", 2000)
		p := &pages{list: []crmsync.Page{{Changed: []crmsync.Person{{Ref: crmsync.Ref{Object: "Contact", ID: "1"}, Name: long, Company: long, Email: long}}, Token: "a"}}}
		pull := crmsync.NewPull(crmsync.PullConfig{Name: "desk", Tenant: "default", Contacts: p, Store: h, Logger: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = pull.Run(ctx)
		for _, s := range []string{h.book()["desk:Contact:1"].Name, h.book()["desk:Contact:1"].Company, h.book()["desk:Contact:1"].Email} {
			if len(s) < 490 || len(s) > 500 || !strings.HasPrefix(long, s) {
				t.Errorf("%d bytes are kept: %q", len(s), s)
			}
		}
	})
}

// onePage is a CRM that tells the same page again and again.
type onePage struct{ page crmsync.Page }

func (o onePage) Pull(context.Context, string) (crmsync.Page, error) { return o.page, nil }

func TestOurNotesFollowAMerge(t *testing.T) {
	sim(t, func(t *testing.T) {
		h := newHouse()
		h.contacts["desk:Contact:1"] = crm.Contact{ID: "desk:Contact:1", Name: "Ann", Notes: "prefers mornings"}
		h.contacts["desk:Contact:2"] = crm.Contact{ID: "desk:Contact:2", Name: "Ann B.", Notes: "is deaf in one ear"}
		one, two := crmsync.Ref{Object: "Contact", ID: "1"}, crmsync.Ref{Object: "Contact", ID: "2"}
		pull := crmsync.NewPull(crmsync.PullConfig{
			Name: "desk", Tenant: "default", Store: h, Logger: slog.New(slog.DiscardHandler),
			Contacts: onePage{crmsync.Page{Gone: []crmsync.Ref{one}, Into: map[crmsync.Ref]crmsync.Ref{one: two}, Token: "x"}},
		})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // it comes again, and changes nothing
		defer cancel()
		_ = pull.Run(ctx)
		if got := h.book(); len(got) != 1 || got["desk:Contact:2"].Notes != "is deaf in one ear\nprefers mornings" || got["desk:Contact:2"].Name != "Ann B." {
			t.Errorf("got %+v", got)
		}
	})
}

func TestReconciliationFindsAndRepairs(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(10)
		w, r := keeping(t, h, d, crmsync.Config{})
		for _, id := range []string{"hq:1", "hq:2", "hq:3", "hq:4"} {
			h.happens(crm.CallEnded, call(id, true, "resolved"), "")
		}
		h.happens(crm.CallUpdated, call("hq:open", false, ""), "")
		settle(w, 5*time.Second)
		delete(d.rows, crmsync.Key("default", "hq:2"))
		d.rows[crmsync.Key("default", "hq:3")]["code"] = "spam"
		d.rows[crmsync.Key("default", "hq:4")]["code"] = " resolved\n" // it is no other
		cfg := crmsync.ReconcileConfig{Tenant: "default", Records: r, Audited: d, Store: h, Logger: slog.New(slog.DiscardHandler), ReportOnly: true}
		check := func(missing, different, repaired int) {
			t.Helper()
			f, err := crmsync.NewReconcile(cfg).Once(t.Context())
			if err != nil || f.Compared != 4 || f.Missing != missing || f.Different != different || f.Repaired != repaired {
				t.Errorf("got %+v, %v; want 4 compared, %d missing, %d different, %d repaired", f, err, missing, different, repaired)
			}
			settle(w, 5*time.Second)
		}
		check(1, 1, 0)
		cfg.ReportOnly = false
		check(1, 1, 2)
		check(0, 0, 0)
		if d.row("hq:2") == nil || d.row("hq:3")["code"] != "resolved" {
			t.Errorf("not repaired: %v, %v", d.row("hq:2"), d.row("hq:3"))
		}
	})
}
