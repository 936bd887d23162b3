package auth_test

import (
	"errors"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/auth"
)

func TestPushTicketIsGoodOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		p := login(t, s, "anna").Principal
		issue := func(origin string) string {
			ticket, err := s.PushTicket(t.Context(), p, origin)
			if err != nil {
				t.Fatal(err)
			}
			return ticket
		}
		ticket := issue("https://calls.example")
		if got, err := newService(t, store, 1).RedeemPushTicket(t.Context(), ticket, "https://calls.example"); err != nil || got != p {
			t.Errorf("got %+v, %v, want %+v", got, err, p)
		}
		_, err := s.RedeemPushTicket(t.Context(), ticket, "https://calls.example")
		wantErr(t, "again", err, crm.ErrUnauthenticated)
		_, err = s.RedeemPushTicket(t.Context(), issue("https://calls.example"), "https://evil.example")
		wantErr(t, "another origin", err, crm.ErrUnauthenticated)
		_, err = s.RedeemPushTicket(t.Context(), issue("https://calls.example"), "")
		wantErr(t, "without the origin", err, crm.ErrUnauthenticated)
		if _, err = s.RedeemPushTicket(t.Context(), issue(""), ""); err != nil {
			t.Errorf("from no browser: %v", err)
		}
		late := issue("")
		time.Sleep(auth.PushTicketTTL + time.Second)
		_, err = s.RedeemPushTicket(t.Context(), late, "")
		wantErr(t, "after 15 seconds", err, crm.ErrUnauthenticated)
		_, err = s.RedeemPushTicket(t.Context(), "", "")
		wantErr(t, "empty", err, crm.ErrUnauthenticated)
	})
}

func TestPushTicketOfARevokedUser(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		ticket, err := s.PushTicket(t.Context(), login(t, s, "anna").Principal, "")
		if err != nil {
			t.Fatal(err)
		}
		anna.Version++
		if err := store.UpdateUser(t.Context(), anna); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		_, err = s.RedeemPushTicket(t.Context(), ticket, "")
		wantErr(t, "redeem", err, crm.ErrUnauthenticated)
	})
}

func TestSetupMakesOneOwner(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		token, err := s.SetupToken(t.Context(), auth.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		spare, err := s.SetupToken(t.Context(), auth.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		var in *crm.InputError
		if _, err := s.Setup(t.Context(), token, "boss", "short"); !errors.As(err, &in) || in.Field != "password" {
			t.Errorf("a short password: got %v", err)
		}
		if _, err := s.Setup(t.Context(), token, "the boss!", password); !errors.As(err, &in) || in.Field != "username" {
			t.Errorf("a bad name: got %v", err)
		}
		_, err = s.Setup(t.Context(), "guess", "boss", password)
		wantErr(t, "a guessed token", err, crm.ErrUnauthenticated)
		u, err := s.Setup(t.Context(), token, "boss", password)
		if err != nil || u.Role != crm.RoleOwner || u.Tenant != auth.DefaultTenant {
			t.Fatalf("got %+v, %v", u, err)
		}
		login(t, s, "boss")
		_, err = s.Setup(t.Context(), token, "boss2", password)
		wantErr(t, "the token again", err, crm.ErrUnauthenticated)
		_, err = s.Setup(t.Context(), spare, "boss2", password)
		wantErr(t, "a second link", err, crm.ErrConflict)
		_, err = s.SetupToken(t.Context(), auth.DefaultTenant)
		wantErr(t, "another link", err, crm.ErrConflict)
	})
}

func TestSetupTokenExpires(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		token, err := s.SetupToken(t.Context(), auth.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		_, err = s.Setup(t.Context(), token, "boss", password)
		wantErr(t, "a day later", err, crm.ErrUnauthenticated)
	})
}
