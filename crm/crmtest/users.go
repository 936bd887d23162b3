package crmtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

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
		wantErr(t, s.Bind(ctx, binding("u2", "hq", "101", base), false), crm.ErrNotFound)
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
	{"a revision tells of every change", usersRevision},
	{"bindings have a history", bindingHistory},
	{"an extension may have several users, and each goes by himself", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		newUser(t, s, "u1", tenant, "ann")
		newUser(t, s, "u2", tenant, "bob")
		check(t, s.Bind(ctx, binding("u1", "hq", "101", at(0).Time), false))
		check(t, s.Bind(ctx, binding("u2", "hq", "101", at(5).Time), false))
		check(t, s.Bind(ctx, binding("u2", "hq", "101", at(6).Time), false)) // bound already
		check(t, s.Unbind(ctx, "u1", "hq", "101", at(7).Time))
		wantErr(t, s.Unbind(ctx, "u1", "hq", "101", at(8).Time), crm.ErrNotFound)
		wantBindings(t, s, tenant, []crm.Binding{
			{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(0), Until: at(7)},
			{UserID: "u2", User: "bob", PBX: "hq", Extension: "101", From: at(5)},
		})
	}},
	{"a binding may have an end, and begin later", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		newUser(t, s, "u1", tenant, "ann")
		shift := binding("u1", "hq", "101", at(5).Time)
		shift.Until = at(9)
		check(t, s.Bind(ctx, shift, false))
		shift.From, shift.Until = at(20), at(24)
		check(t, s.Bind(ctx, shift, false))
		wantBindings(t, s, tenant, []crm.Binding{
			{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(5), Until: at(9)},
			{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(20), Until: at(24)},
		})
		shift.From, shift.Until = at(8), at(21) // the two become one
		check(t, s.Bind(ctx, shift, false))
		wantBindings(t, s, tenant, []crm.Binding{{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(5), Until: at(24)}})
		check(t, s.Bind(ctx, binding("u1", "hq", "101", at(24).Time), false)) // and it goes on for good
		wantBindings(t, s, tenant, []crm.Binding{{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(5)}})
	}},
	{"what is taken away is taken away later too", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		newUser(t, s, "u1", tenant, "ann")
		shift := binding("u1", "hq", "101", at(5).Time)
		shift.Until = at(9)
		check(t, s.Bind(ctx, shift, false))
		shift.From, shift.Until = at(20), at(24)
		check(t, s.Bind(ctx, shift, false))
		check(t, s.Unbind(ctx, "u1", "hq", "101", at(7).Time))
		list, err := s.Bindings(ctx, tenant)
		check(t, err)
		for when, want := range map[int]bool{4: false, 5: true, 7: false, 8: false, 20: false, 22: false} {
			holds := slices.ContainsFunc(list, func(b crm.Binding) bool { return b.Holds(at(when).Time) })
			equal(t, fmt.Sprintf("held at %d", when), holds, want)
		}
		wantErr(t, s.Unbind(ctx, "u1", "hq", "101", at(8).Time), crm.ErrNotFound)
	}},
	{"who has an extension alone takes it from everybody else for that time", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		newUser(t, s, "u1", tenant, "ann")
		newUser(t, s, "u2", tenant, "bob")
		newUser(t, s, "u3", tenant, "cat")
		check(t, s.Bind(ctx, binding("u1", "hq", "101", at(0).Time), false)) // for good
		part := binding("u2", "hq", "101", at(6).Time)
		part.Until = at(12)
		check(t, s.Bind(ctx, part, false))
		check(t, s.Bind(ctx, binding("u1", "hq", "102", at(0).Time), false)) // another extension
		shift := binding("u3", "hq", "101", at(5).Time)
		shift.Until = at(9)
		check(t, s.Bind(ctx, shift, true))
		wantBindings(t, s, tenant, []crm.Binding{
			{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(0), Until: at(5)},
			{UserID: "u1", User: "ann", PBX: "hq", Extension: "102", From: at(0)},
			{UserID: "u3", User: "cat", PBX: "hq", Extension: "101", From: at(5), Until: at(9)},
			{UserID: "u2", User: "bob", PBX: "hq", Extension: "101", From: at(9), Until: at(12)},
			{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(9)},
		})
		check(t, s.Bind(ctx, binding("u3", "hq", "101", at(8).Time), true)) // for good, alone
		list, err := s.Bindings(ctx, tenant)
		check(t, err)
		for when, want := range map[int]string{4: "ann", 5: "cat", 9: "cat", 30: "cat"} {
			var got []string
			for _, b := range list {
				if b.Extension == "101" && b.Holds(at(when).Time) {
					got = append(got, b.User)
				}
			}
			equal(t, fmt.Sprintf("who has it at %d", when), got, []string{want})
		}
	}},
	{"two who take an extension for themselves do not both have it", func(t *testing.T, s crm.Store) {
		newUser(t, s, "u1", tenant, "ann")
		newUser(t, s, "u2", tenant, "bob")
		errs := make(chan error, 16)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() { errs <- s.Bind(t.Context(), binding([]string{"u1", "u2"}[i%2], "hq", "101", at(i).Time), true) })
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			check(t, err)
		}
		list, err := s.Bindings(t.Context(), tenant)
		check(t, err)
		n := 0
		for _, b := range list {
			if b.Holds(at(100).Time) {
				n++
			}
		}
		equal(t, "how many have it", n, 1)
	}},
	{"sixteen bind at once, and one binding comes of it", func(t *testing.T, s crm.Store) {
		newUser(t, s, "u1", tenant, "ann")
		errs := make(chan error, 16)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() { errs <- s.Bind(t.Context(), binding("u1", "hq", "101", at(0).Time), false) })
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			check(t, err)
		}
		wantBindings(t, s, tenant, []crm.Binding{{UserID: "u1", User: "ann", PBX: "hq", Extension: "101", From: at(0)}})
	}},
}

// binding is one of a user from that time on.
func binding(userID, pbx, extension string, from time.Time) crm.Binding {
	return crm.Binding{UserID: userID, PBX: pbx, Extension: extension, From: crm.At(from)}
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
	check(t, s.Bind(ctx, binding("u1", "hq", "101", at(0).Time), false))
	check(t, s.Bind(ctx, binding("u1", "hq", "101", at(3).Time), false)) // bound already
	check(t, s.Bind(ctx, binding("u1", "branch", "101", at(1).Time), false))
	check(t, s.Unbind(ctx, "u1", "hq", "101", at(5).Time))
	check(t, s.Bind(ctx, binding("u1", "hq", "101", at(9).Time), false))
	check(t, s.Bind(ctx, binding("u9", "hq", "101", at(2).Time), false)) // another tenant's is another extension
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

func usersRevision(t *testing.T, s crm.Store) {
	ctx := t.Context()
	last := int64(-1)
	changed := func(what string, want bool) {
		t.Helper()
		n, err := s.UsersRevision(ctx, tenant)
		check(t, err)
		if (n != last) != want {
			t.Errorf("%s: revision %d after %d", what, n, last)
		}
		last = n
	}
	changed("the first look", true)
	u := newUser(t, s, "u1", tenant, "ann")
	changed("a new user", true)
	u.Disabled = true
	check(t, s.UpdateUser(ctx, u))
	changed("a user disabled", true)
	check(t, s.Bind(ctx, binding("u1", "hq", "101", base), false))
	changed("an extension bound", true)
	check(t, s.Unbind(ctx, "u1", "hq", "101", at(3).Time))
	changed("an extension taken away", true)
	newUser(t, s, "u2", "other", "bob")
	wantErr(t, s.CreateUser(ctx, crm.User{ID: "u3", Tenant: tenant, Name: "ANN"}), crm.ErrConflict)
	_, err := s.Users(ctx, tenant)
	check(t, err)
	changed("another tenant's user, a refused one, and a look", false)
}
