package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/auth"
)

func TestRefreshRotates(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		first := login(t, s, "anna")
		second, err := s.Refresh(t.Context(), first.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		if second.Refresh == first.Refresh || second.Access == first.Access {
			t.Error("the tokens did not change")
		}
		if second.Principal != first.Principal {
			t.Errorf("got %+v, want %+v", second.Principal, first.Principal)
		}
		if _, err := s.Verify(t.Context(), string(second.Access)); err != nil {
			t.Error(err)
		}
	})
}

func TestRefreshTwiceWithinGraceGivesTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		first := login(t, s, "anna")
		second, err := s.Refresh(t.Context(), first.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Second)
		again, err := newService(t, store, 1).Refresh(t.Context(), first.Refresh) // on another node
		if err != nil || again.Refresh != second.Refresh {
			t.Fatalf("another tab: the same %v, %v", again.Refresh == second.Refresh, err)
		}
		if _, err := s.Refresh(t.Context(), second.Refresh); err != nil {
			t.Errorf("the successor: %v", err)
		}
	})
}

func TestRefreshInManyTabsAtOnce(t *testing.T) {
	store := openStore(t)
	s := newService(t, store, 1)
	addUser(t, store, "anna", crm.RoleAgent)
	first := login(t, s, "anna")
	got := make([]crm.Secret, 100)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			tokens, err := s.Refresh(t.Context(), first.Refresh)
			if err != nil {
				t.Error(err)
			}
			got[i] = tokens.Refresh
		})
	}
	wg.Wait()
	for i := range got {
		if got[i] != got[0] {
			t.Fatalf("tab %d got another successor", i)
		}
	}
}

func TestRefreshReusedLaterEndsTheLogin(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		first, bystander := login(t, s, "anna"), login(t, s, "anna")
		second, err := s.Refresh(t.Context(), first.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		_, err = s.Refresh(t.Context(), first.Refresh)
		wantErr(t, "reuse", err, crm.ErrReused)
		if _, err = s.Refresh(t.Context(), second.Refresh); err == nil {
			t.Error("the successor outlived the reuse")
		}
		if _, err := s.Refresh(t.Context(), bystander.Refresh); err != nil {
			t.Errorf("another login of the same user: %v", err)
		}
	})
}

func TestRefreshExpires(t *testing.T) {
	for _, c := range []struct {
		name        string
		step, total time.Duration
		ok          bool
	}{
		{"used within twelve hours", 11 * time.Hour, 5 * 24 * time.Hour, true},
		{"idle for twelve hours", 12*time.Hour + time.Second, 13 * time.Hour, false},
		{"thirty days old", 11 * time.Hour, 31 * 24 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
				tokens := login(t, s, "anna")
				began := time.Now()
				var err error
				for time.Since(began) < c.total && err == nil {
					if left := time.Until(tokens.RefreshBy); left > 12*time.Hour || left <= 0 {
						t.Fatalf("the refresh token says it is good for %s", left)
					}
					time.Sleep(c.step)
					tokens, err = s.Refresh(t.Context(), tokens.Refresh)
				}
				if c.ok && err != nil {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
				if !c.ok {
					wantErr(t, fmt.Sprint("after ", time.Since(began)), err, crm.ErrUnauthenticated)
				}
			})
		})
	}
}

func TestRefreshRefusesForgeries(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		tokens := login(t, s, "anna")
		for name, token := range map[string]crm.Secret{
			"empty": "", "short": "x", "unknown": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "an access token": tokens.Access,
		} {
			_, err := s.Refresh(t.Context(), token)
			wantErr(t, name, err, crm.ErrUnauthenticated)
		}
	})
}

func TestLogoutEndsTheLogin(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		tokens := login(t, s, "anna")
		if err := s.Logout(t.Context(), tokens.Refresh); err != nil {
			t.Fatal(err)
		}
		_, err := s.Refresh(t.Context(), tokens.Refresh)
		wantErr(t, "after logout", err, crm.ErrUnauthenticated)
		if err := s.Logout(t.Context(), "never was one"); err != nil {
			t.Errorf("logout of nobody: %v", err)
		}
	})
}

func TestWhatALoginGaveEndsWithIt(t *testing.T) {
	for name, end := range map[string]func(context.Context, *auth.Service, auth.Tokens) error{
		"logged out": func(ctx context.Context, s *auth.Service, got auth.Tokens) error { return s.Logout(ctx, got.Refresh) },
		"logged out by access token": func(ctx context.Context, s *auth.Service, got auth.Tokens) error {
			return s.EndSession(ctx, got.Principal)
		},
		"a refresh token used twice": func(ctx context.Context, s *auth.Service, got auth.Tokens) error {
			_, err := s.Refresh(ctx, got.Refresh)
			time.Sleep(11 * time.Second)
			if _, twice := s.Refresh(ctx, got.Refresh); !errors.Is(twice, crm.ErrReused) {
				return fmt.Errorf("refreshed again: %w", twice)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
				ended, other := login(t, s, "anna"), login(t, s, "anna")
				node2 := newService(t, store, 1)
				ticket, err := s.PushTicket(t.Context(), ended.Principal, "")
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range []*auth.Service{s, node2} {
					if _, err := n.Verify(t.Context(), string(ended.Access)); err != nil {
						t.Fatalf("before: %v", err)
					}
				}
				if err := end(t.Context(), s, ended); err != nil {
					t.Fatal(err)
				}
				gone, err := node2.Revoked(t.Context(), []crm.Principal{ended.Principal, other.Principal})
				if err != nil || !slices.Equal(gone, []crm.Principal{ended.Principal}) {
					t.Errorf("sockets to close: got %v, %v, want that of the ended login alone", gone, err)
				}
				time.Sleep(2 * time.Second)
				for _, n := range []*auth.Service{s, node2} {
					_, err = n.Verify(t.Context(), string(ended.Access))
					wantErr(t, "access token", err, crm.ErrUnauthenticated)
					if _, err := n.Verify(t.Context(), string(other.Access)); err != nil {
						t.Errorf("the other login: %v", err)
					}
				}
				_, err = s.RedeemPushTicket(t.Context(), ticket, "")
				wantErr(t, "ticket", err, crm.ErrUnauthenticated)
				time.Sleep(7 * time.Minute)
				_, err = s.Verify(t.Context(), string(ended.Access))
				wantErr(t, "access token, minutes later", err, crm.ErrUnauthenticated)
			})
		})
	}
}

func TestKeyRotation(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		kids := func() (out []string) {
			set, err := s.JWKS(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range set.Keys {
				out = append(out, k.KeyID)
			}
			return out
		}
		node2 := newService(t, store, 1)
		before := login(t, s, "anna")
		first := kids()
		if len(first) != 1 {
			t.Fatalf("keys: %v, want one", first)
		}
		time.Sleep(time.Hour)
		before, err := s.Refresh(t.Context(), before.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.RotateKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		after := login(t, s, "anna")
		for name, token := range map[string]crm.Secret{"old": before.Access, "new": after.Access} {
			if _, err := node2.Verify(t.Context(), string(token)); err != nil {
				t.Errorf("%s token on another node: %v", name, err)
			}
		}
		if got := kids(); len(got) != 2 || got[1] != first[0] {
			t.Errorf("keys %v, want a new one before %v", got, first)
		}
		time.Sleep(16 * time.Minute)
		if got := kids(); len(got) != 1 || got[0] == first[0] {
			t.Errorf("keys %v, want the old one retired", got)
		}
	})
}

func TestRevokedKeySignsAndVerifiesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		tokens := login(t, s, "anna")
		set, err := s.JWKS(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		node2 := newService(t, store, 1)
		if _, err := node2.Verify(t.Context(), string(tokens.Access)); err != nil {
			t.Fatal(err)
		}
		if err := s.RevokeKey(t.Context(), set.Keys[0].KeyID); err != nil {
			t.Fatal(err)
		}
		_, err = s.Verify(t.Context(), string(tokens.Access))
		wantErr(t, "here", err, crm.ErrUnauthenticated)
		time.Sleep(2 * time.Second)
		_, err = node2.Verify(t.Context(), string(tokens.Access))
		wantErr(t, "on another node", err, crm.ErrUnauthenticated)
		if _, err := s.Verify(t.Context(), string(login(t, s, "anna").Access)); err != nil {
			t.Errorf("a new login: %v", err)
		}
		if err := s.RevokeKey(t.Context(), "../x"); err == nil {
			t.Error("a key id that is none was taken")
		}
	})
}

// A node with another deployment key can open no key of the others: it signs with
// its own, and each verifies the other's tokens.
func TestNodesWithDifferentDeploymentKeys(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		stranger := newService(t, store, 2)
		a := login(t, s, "anna")
		b := login(t, stranger, "anna")
		time.Sleep(time.Second / 4)
		if _, err := stranger.Verify(t.Context(), string(a.Access)); err != nil {
			t.Errorf("the stranger on ours: %v", err)
		}
		if _, err := s.Verify(t.Context(), string(b.Access)); err != nil {
			t.Errorf("we on the stranger's, of a key we have not read: %v", err)
		}
	})
}
