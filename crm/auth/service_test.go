package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"

	"patchcord/crm"
	"patchcord/crm/auth"
	"patchcord/crm/sqlite"
	"patchcord/crm/sqlite/sqlitetest"
)

const password = crm.Secret("a long enough one")

func openStore(t *testing.T) crm.Store {
	return sqlitetest.Open(t, filepath.Join(t.TempDir(), "store.db"), sqlite.Open)
}

func newService(t *testing.T, store crm.Store, keyByte byte) *auth.Service {
	s, err := auth.New(auth.Config{Store: store, Key: bytes.Repeat([]byte{keyByte}, auth.KeyLen), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func addUser(t *testing.T, store crm.Store, name string, role crm.Role) crm.User {
	u := crm.User{ID: "id-" + name, Tenant: auth.DefaultTenant, Name: name, Role: role, PasswordHash: cheapHash(), Version: 1}
	if err := store.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

// cheapHash is the hash of password at the least cost.
func cheapHash() string {
	salt, b64 := []byte("0123456789abcdef"), base64.RawStdEncoding
	return "$argon2id$v=19$m=8,t=1,p=1$" + b64.EncodeToString(salt) + "$" + b64.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32))
}

func login(t *testing.T, s *auth.Service, name string) auth.Tokens {
	tokens, err := s.Login(t.Context(), auth.Credentials{Name: name, Password: password, IP: netip.MustParseAddr("192.0.2.1")})
	if err != nil {
		t.Fatalf("login %s: %v", name, err)
	}
	return tokens
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// inBubble runs f on a store with one user, anna, in fake time.
func inBubble(t *testing.T, f func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User)) {
	synctest.Test(t, func(t *testing.T) {
		store := openStore(t)
		f(t, store, newService(t, store, 1), addUser(t, store, "anna", crm.RoleAgent))
	})
}

func TestLoginGivesAPrincipal(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		tokens := login(t, s, "ANNA") // without regard to case
		got, err := s.Verify(t.Context(), string(tokens.Access))
		if err != nil {
			t.Fatal(err)
		}
		want := crm.Principal{Tenant: "default", UserID: anna.ID, Name: "anna", Role: crm.RoleAgent, Session: tokens.Principal.Session, Version: 1}
		if got != want || tokens.Principal != want {
			t.Errorf("got %+v and %+v, want %+v", got, tokens.Principal, want)
		}
		if tokens.ExpiresIn != 10*time.Minute {
			t.Errorf("expires in %s", tokens.ExpiresIn)
		}
		other := newService(t, store, 1) // another node on the same store
		if p, err := other.Verify(t.Context(), string(tokens.Access)); err != nil || p != want {
			t.Errorf("another node: %+v, %v", p, err)
		}
		_, err = s.Verify(t.Context(), string(tokens.Refresh))
		wantErr(t, "a refresh token as access token", err, crm.ErrUnauthenticated)
		time.Sleep(tokens.ExpiresIn + time.Minute)
		_, err = s.Verify(t.Context(), string(tokens.Access))
		wantErr(t, "expired", err, crm.ErrUnauthenticated)
	})
}

func TestLoginRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		off := addUser(t, store, "off", crm.RoleAgent)
		off.Disabled = true
		if err := store.UpdateUser(t.Context(), off); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]auth.Credentials{
			"a wrong password":  {Name: "anna", Password: password + "x"},
			"no password":       {Name: "anna"},
			"an unknown user":   {Name: "nobody", Password: password},
			"a disabled user":   {Name: "off", Password: password},
			"another tenant":    {Tenant: "acme", Name: "anna", Password: password},
			"a huge password":   {Name: "nobody", Password: crm.Secret(strings.Repeat("x", 1<<20))},
			"a name like a NUL": {Name: "anna\x00", Password: password},
		} {
			_, err := s.Login(t.Context(), c)
			wantErr(t, name, err, crm.ErrUnauthenticated)
		}
	})
}

func TestLoginIsThrottled(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		at := func(ip string, pw crm.Secret) error {
			_, err := s.Login(t.Context(), auth.Credentials{Name: "anna", Password: pw, IP: netip.MustParseAddr(ip)})
			return err
		}
		for range 5 {
			wantErr(t, "a wrong password", at("192.0.2.1", "wrong"), crm.ErrUnauthenticated)
		}
		var throttled *auth.ThrottledError
		if err := at("192.0.2.1", password); !errors.As(err, &throttled) || throttled.RetryAfter != time.Minute {
			t.Fatalf("the sixth attempt: got %v, want throttled for a minute", err)
		}
		if err := at("192.0.2.2", password); err != nil {
			t.Errorf("from elsewhere: %v", err)
		}
		time.Sleep(throttled.RetryAfter)
		if err := at("192.0.2.1", password); err != nil {
			t.Errorf("after the delay: %v", err)
		}
	})
}

// Guesses made at the same time must not slip through before the first is counted.
func TestParallelGuessesAreCounted(t *testing.T) {
	store := openStore(t)
	s := newService(t, store, 1)
	addUser(t, store, "anna", crm.RoleAgent)
	var wg sync.WaitGroup
	var mu sync.Mutex
	guessed := 0
	for range 40 {
		wg.Go(func() {
			_, err := s.Login(t.Context(), auth.Credentials{Name: "anna", Password: "wrong", IP: netip.MustParseAddr("192.0.2.1")})
			if errors.Is(err, crm.ErrUnauthenticated) {
				mu.Lock()
				defer mu.Unlock()
				guessed++
			}
		})
	}
	wg.Wait()
	if guessed > 8 { // five, and what the other slots had begun
		t.Errorf("%d of 40 parallel guesses were compared", guessed)
	}
}

func TestManyRightLoginsAreNotThrottled(t *testing.T) {
	store := openStore(t)
	s := newService(t, store, 1)
	addUser(t, store, "anna", crm.RoleAgent)
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if _, err := s.Login(t.Context(), auth.Credentials{Name: "anna", Password: password}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestRevocationWithinTwoSeconds(t *testing.T) {
	for name, change := range map[string]func(*crm.User){
		"disabled":         func(u *crm.User) { u.Disabled = true },
		"sessions revoked": func(u *crm.User) { u.Version++ },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
				tokens := login(t, s, "anna")
				p, err := s.Verify(t.Context(), string(tokens.Access))
				if err != nil {
					t.Fatal(err)
				}
				change(&anna)
				if err := store.UpdateUser(t.Context(), anna); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				_, err = s.Verify(t.Context(), string(tokens.Access))
				wantErr(t, "access token", err, crm.ErrUnauthenticated)
				_, err = s.Check(t.Context(), p)
				wantErr(t, "open socket", err, crm.ErrUnauthenticated)
				_, err = s.Refresh(t.Context(), tokens.Refresh)
				wantErr(t, "refresh token", err, crm.ErrUnauthenticated)
			})
		})
	}
}

func TestRoleIsTheOneHeHasNow(t *testing.T) {
	inBubble(t, func(t *testing.T, store crm.Store, s *auth.Service, anna crm.User) {
		tokens := login(t, s, "anna")
		anna.Role = crm.RoleAuditor
		if err := store.UpdateUser(t.Context(), anna); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if p, err := s.Verify(t.Context(), string(tokens.Access)); err != nil || p.Role != crm.RoleAuditor {
			t.Errorf("got role %q, %v, want auditor", p.Role, err)
		}
	})
}

func TestStoreThatIsAwayIsNotARefusal(t *testing.T) {
	store := openStore(t)
	s := newService(t, store, 1)
	addUser(t, store, "anna", crm.RoleAgent)
	tokens := login(t, s, "anna")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Verify(context.WithoutCancel(t.Context()), string(tokens.Access))
	if err == nil || errors.Is(err, crm.ErrUnauthenticated) {
		t.Errorf("got %v, want the store's error", err)
	}
}
