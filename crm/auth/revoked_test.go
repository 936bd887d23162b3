package auth_test

import (
	"slices"
	"testing"

	"patchcord/crm"
)

func TestRevokedTellsWhoIsGone(t *testing.T) {
	store := openStore(t)
	s := newService(t, store, 1)
	change := map[string]func(*crm.User){
		"stays":    func(*crm.User) {},
		"disabled": func(u *crm.User) { u.Disabled = true },
		"revoked":  func(u *crm.User) { u.Version++ },
		"promoted": func(u *crm.User) { u.Role = crm.RoleSupervisor },
	}
	ps := []crm.Principal{{Tenant: "default", UserID: "removed", Name: "removed", Version: 1}}
	for name, f := range change {
		u := addUser(t, store, name, crm.RoleAgent)
		ps = append(ps, login(t, s, name).Principal)
		f(&u)
		if err := store.UpdateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	gone, err := s.Revoked(t.Context(), ps)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range gone {
		got = append(got, p.Name)
	}
	slices.Sort(got)
	if want := []string{"disabled", "promoted", "removed", "revoked"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if gone, err := s.Revoked(t.Context(), ps); err == nil || gone != nil {
		t.Errorf("without a store: got %v, %v, want an error and nobody gone", gone, err)
	}
}
