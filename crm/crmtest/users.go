package crmtest

import (
	"sync"
	"testing"

	"patchcord/crm"
)

func newUser(t *testing.T, s crm.Store, id, tenant, name string) crm.User {
	t.Helper()
	u := crm.User{ID: id, Tenant: tenant, Name: name, Role: crm.RoleAgent, PasswordHash: "$argon2id$x", Version: 1, CreatedAt: at(0)}
	check(t, s.CreateUser(t.Context(), u))
	return u
}

var userTests = []test{
	{"a user is created, read by name and id, and changed", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		want := newUser(t, s, "u1", tenant, "Ann")
		for _, name := range []string{"Ann", "ann", "ANN"} {
			got, err := s.UserByName(ctx, tenant, name)
			check(t, err)
			equal(t, "by name", got, want)
		}
		want.Role, want.PasswordHash, want.Disabled, want.Version = crm.RoleAdmin, "$argon2id$y", true, 7
		check(t, s.UpdateUser(ctx, want))
		got, err := s.User(ctx, "u1")
		check(t, err)
		equal(t, "by id", got, want)
	}},
	{"a name is taken once in a tenant, whatever its case", func(t *testing.T, s crm.Store) {
		newUser(t, s, "u1", tenant, "ann")
		wantErr(t, s.CreateUser(t.Context(), crm.User{ID: "u2", Tenant: tenant, Name: "ANN"}), crm.ErrConflict)
		wantErr(t, s.CreateUser(t.Context(), crm.User{ID: "u1", Tenant: tenant, Name: "bob"}), crm.ErrConflict)
		newUser(t, s, "u3", "other", "ann")
		users, err := s.Users(t.Context(), tenant)
		check(t, err)
		equal(t, "users", len(users), 1)
	}},
	{"what is not there is not found", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		newUser(t, s, "u1", tenant, "ann")
		_, err := s.UserByName(ctx, "other", "ann")
		wantErr(t, err, crm.ErrNotFound)
		_, err = s.User(ctx, "u2")
		wantErr(t, err, crm.ErrNotFound)
		wantErr(t, s.UpdateUser(ctx, crm.User{ID: "u2"}), crm.ErrNotFound)
		wantErr(t, s.Bind(ctx, "u2", "hq", "101", base), crm.ErrNotFound)
		wantErr(t, s.Unbind(ctx, "u1", "hq", "101", base), crm.ErrNotFound)
		users, err := s.Users(ctx, "nobody's")
		check(t, err)
		equal(t, "users", len(users), 0)
	}},
	{"users are listed by name", func(t *testing.T, s crm.Store) {
		newUser(t, s, "u1", tenant, "carl")
		newUser(t, s, "u2", tenant, "Bob")
		newUser(t, s, "u3", tenant, "ann")
		users, err := s.Users(t.Context(), tenant)
		check(t, err)
		got := []string{}
		for _, u := range users {
			got = append(got, u.Name)
		}
		equal(t, "names", got, []string{"ann", "Bob", "carl"})
	}},
	{"bindings have a history", bindingHistory},
	{"an extension may have several users, and each goes by himself", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		newUser(t, s, "u1", tenant, "ann")
		newUser(t, s, "u2", tenant, "bob")
		check(t, s.Bind(ctx, "u1", "hq", "101", at(0).Time))
		check(t, s.Bind(ctx, "u2", "hq", "101", at(5).Time))
		check(t, s.Bind(ctx, "u2", "hq", "101", at(6).Time)) // bound already
		check(t, s.Unbind(ctx, "u1", "hq", "101", at(7).Time))
		wantErr(t, s.Unbind(ctx, "u1", "hq", "101", at(8).Time), crm.ErrNotFound)
		wantBindings(t, s, tenant, []crm.Binding{
			{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(0), Until: at(7)},
			{UserID: "u2", User: "bob", PBX: "hq", Extension: "101", From: at(5)},
		})
	}},
	{"sixteen bind at once, and one binding comes of it", func(t *testing.T, s crm.Store) {
		newUser(t, s, "u1", tenant, "ann")
		errs := make(chan error, 16)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() { errs <- s.Bind(t.Context(), "u1", "hq", "101", at(0).Time) })
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			check(t, err)
		}
		wantBindings(t, s, tenant, []crm.Binding{{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(0)}})
	}},
}

// wantBindings compares with the user's id, which JSON leaves out.
func wantBindings(t *testing.T, s crm.Store, tenant string, want []crm.Binding) {
	t.Helper()
	got, err := s.Bindings(t.Context(), tenant)
	check(t, err)
	equal(t, "bindings", got, want)
	for i := range got {
		equal(t, "user's id", got[i].UserID, want[i].UserID)
	}
}

func bindingHistory(t *testing.T, s crm.Store) {
	ctx := t.Context()
	newUser(t, s, "u1", tenant, "ann")
	newUser(t, s, "u9", "other", "ann")
	check(t, s.Bind(ctx, "u1", "hq", "101", at(0).Time))
	check(t, s.Bind(ctx, "u1", "hq", "101", at(3).Time)) // bound already
	check(t, s.Bind(ctx, "u1", "branch", "101", at(1).Time))
	check(t, s.Unbind(ctx, "u1", "hq", "101", at(5).Time))
	check(t, s.Bind(ctx, "u1", "hq", "101", at(9).Time))
	check(t, s.Bind(ctx, "u9", "hq", "101", at(2).Time)) // another tenant's is another extension
	wantBindings(t, s, tenant, []crm.Binding{
		{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(0), Until: at(5)},
		{UserID: "u1", User: "ann", PBX: "branch", Extension: "101", From: at(1)},
		{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(9)},
	})
	check(t, s.Unbind(ctx, "u1", "hq", "101", at(8).Time)) // before it began: it never held
	got, err := s.Bindings(ctx, tenant)
	check(t, err)
	last := got[len(got)-1]
	if last.Holds(at(9).Time) || last.Until.Before(last.From.Time) {
		t.Errorf("got %+v, want a binding that never held", last)
	}
}
