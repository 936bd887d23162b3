package crmtest

import (
	"fmt"
	"testing"

	"patchcord/crm"
)

func person(id, name string, numbers ...crm.Number) crm.Contact {
	return crm.Contact{ID: id, Tenant: tenant, Name: name, Company: "Analytical Engines", Email: id + "@example.net",
		Numbers: numbers, Notes: "knows things", URL: "https://example.net/" + id, CreatedAt: at(0), UpdatedAt: at(1)}
}

// contactIDs returns the ids of all contacts that match, page by page.
func contactIDs(t *testing.T, s crm.Store, tenant, q string, limit int) []string {
	t.Helper()
	out := []string{}
	for p := (crm.Page{Limit: limit}); ; {
		found, next, err := s.Contacts(t.Context(), tenant, q, p)
		check(t, err)
		for _, c := range found {
			out = append(out, c.ID)
		}
		if next == "" {
			return out
		}
		p.Cursor = next
	}
}

func matchIDs(t *testing.T, s crm.Store, tenant string, number crm.Number) []string {
	t.Helper()
	found, err := s.MatchNumber(t.Context(), tenant, number)
	check(t, err)
	out := []string{}
	for _, c := range found {
		out = append(out, c.ID)
	}
	return out
}

var contactTests = []test{
	{"a contact is created, read, replaced and deleted", contactLife},
	{"an id is taken once", func(t *testing.T, s crm.Store) {
		_, err := s.CreateContact(t.Context(), tenant, person("c1", "Ada"))
		check(t, err)
		_, err = s.CreateContact(t.Context(), tenant, person("c1", "Bob"))
		wantErr(t, err, crm.ErrConflict)
		_, err = s.CreateContact(t.Context(), "other", person("c1", "Bob"))
		check(t, err)
	}},
	{"only the version that was read can be replaced", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		c, err := s.CreateContact(ctx, tenant, person("c1", "Ada"))
		check(t, err)
		c, err = s.UpdateContact(ctx, tenant, c)
		check(t, err)
		equal(t, "version", c.Version, 2)
		c.Version = 1
		_, err = s.UpdateContact(ctx, tenant, c)
		wantErr(t, err, crm.ErrConflict)
		c.Version = 0
		c, err = s.UpdateContact(ctx, tenant, c)
		check(t, err)
		equal(t, "version", c.Version, 3)
	}},
	{"what is not there is not found", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		_, err := s.Contact(ctx, tenant, "c1")
		wantErr(t, err, crm.ErrNotFound)
		_, err = s.UpdateContact(ctx, tenant, person("c1", "Ada"))
		wantErr(t, err, crm.ErrNotFound)
		wantErr(t, s.DeleteContact(ctx, tenant, "c1", 0), crm.ErrNotFound)
		wantErr(t, s.DeleteContact(ctx, tenant, "c1", 1), crm.ErrNotFound)
		equal(t, "match", matchIDs(t, s, tenant, "+442079460123"), []string{})
		equal(t, "list", contactIDs(t, s, tenant, "", 0), []string{})
	}},
	{"other tenants neither see nor change a contact", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		_, err := s.CreateContact(ctx, tenant, person("c1", "Ada", "+442079460123"))
		check(t, err)
		_, err = s.Contact(ctx, "other", "c1")
		wantErr(t, err, crm.ErrNotFound)
		_, err = s.UpdateContact(ctx, "other", person("c1", "Eve"))
		wantErr(t, err, crm.ErrNotFound)
		wantErr(t, s.DeleteContact(ctx, "other", "c1", 1), crm.ErrNotFound)
		equal(t, "match", matchIDs(t, s, "other", "+442079460123"), []string{})
		equal(t, "list", contactIDs(t, s, "other", "", 0), []string{})
	}},
	{"the list is by name, whatever its case, then by id", func(t *testing.T, s crm.Store) {
		for _, c := range []crm.Contact{
			person("c3", "bob"), person("c1", "Zoë"), person("c4", "Ada"), person("c2", "Bob"), person("c5", "Éva"),
		} {
			_, err := s.CreateContact(t.Context(), tenant, c)
			check(t, err)
		}
		for _, limit := range []int{1, 2, 5, 0} {
			equal(t, fmt.Sprintf("pages of %d", limit), contactIDs(t, s, tenant, "", limit), []string{"c4", "c2", "c3", "c5", "c1"})
		}
		_, _, err := s.Contacts(t.Context(), tenant, "", crm.Page{Limit: 201})
		wantInput(t, err, "limit")
	}},
	{"the list is searched by part of name, company or number", func(t *testing.T, s crm.Store) {
		ada, bob := person("c1", "Ada 100%_King", "+442079460123"), person("c2", "Bob", "+441614960999", "+442079460199")
		bob.Company = `Difference \ Engines`
		for _, c := range []crm.Contact{ada, bob} {
			_, err := s.CreateContact(t.Context(), tenant, c)
			check(t, err)
		}
		for q, want := range map[string][]string{
			"":          {"c1", "c2"},
			"KIN":       {"c1"},
			"engine":    {"c1", "c2"},
			"diff":      {"c2"},
			"0207":      {},
			"207 946":   {"c1", "c2"},
			"+44 161":   {"c2"},
			"%":         {"c1"},
			"_":         {"c1"},
			`\`:         {"c2"},
			"a_a":       {},
			"nobody":    {},
			"'; DROP--": {},
		} {
			equal(t, "search "+q, contactIDs(t, s, tenant, q, 0), want)
		}
	}},
	{"a number matches at most twenty contacts", func(t *testing.T, s crm.Store) {
		want := []string{}
		for i := range 25 {
			id := fmt.Sprintf("c%02d", i)
			_, err := s.CreateContact(t.Context(), tenant, person(id, "Shared "+id, "+442079460123"))
			check(t, err)
			if i < 20 {
				want = append(want, id)
			}
		}
		equal(t, "match", matchIDs(t, s, tenant, "+442079460123"), want)
		equal(t, "part of the number", matchIDs(t, s, tenant, "+44207946012"), []string{})
	}},
}

func contactLife(t *testing.T, s crm.Store) {
	ctx := t.Context()
	want := person("c1", "Ada", "+442079460123", "+442079460124", "+442079460123")
	got, err := s.CreateContact(ctx, tenant, want)
	check(t, err)
	want.Version = 1
	equal(t, "created", got, want)
	got, err = s.Contact(ctx, tenant, "c1")
	check(t, err)
	equal(t, "read", got, want)
	equal(t, "tenant", got.Tenant, tenant)
	equal(t, "match", matchIDs(t, s, tenant, "+442079460123"), []string{"c1"})

	change := crm.Contact{ID: "c1", Name: "Augusta", Numbers: []crm.Number{"+442079460125"}, CreatedAt: at(90), UpdatedAt: at(9), Version: 1}
	got, err = s.UpdateContact(ctx, tenant, change)
	check(t, err)
	change.CreatedAt, change.Version = want.CreatedAt, 2
	equal(t, "replaced", got, change)
	equal(t, "match by the old number", matchIDs(t, s, tenant, "+442079460124"), []string{})
	equal(t, "match by the new number", matchIDs(t, s, tenant, "+442079460125"), []string{"c1"})

	wantErr(t, s.DeleteContact(ctx, tenant, "c1", 1), crm.ErrConflict)
	equal(t, "match after a deletion that was refused", matchIDs(t, s, tenant, "+442079460125"), []string{"c1"})
	check(t, s.DeleteContact(ctx, tenant, "c1", 2))
	_, err = s.Contact(ctx, tenant, "c1")
	wantErr(t, err, crm.ErrNotFound)
	equal(t, "match after deletion", matchIDs(t, s, tenant, "+442079460125"), []string{})
}
