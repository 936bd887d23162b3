package auth

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"patchcord/crm"
)

const (
	// freshFor is how old anything that was read from the store may be.
	freshFor = 2 * time.Second
	// maxCachedUsers bounds the user states kept; see bounded for what happens above.
	maxCachedUsers = 20_000
	loadTimeout    = 5 * time.Second
)

// users reads users, each at most once in freshFor. It is safe for concurrent use.
type users struct {
	store  crm.UserStore
	flight singleflight.Group

	mu sync.Mutex
	m  *bounded[string, crm.User] // guarded by mu
}

// user returns the user as of at most freshFor ago.
func (u *users) user(ctx context.Context, id string) (crm.User, error) {
	now := time.Now()
	u.mu.Lock()
	got, ok := u.m.get(id, now)
	u.mu.Unlock()
	if ok {
		return got, nil
	}
	v, err, _ := u.flight.Do(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		return u.store.User(ctx, id)
	})
	if err != nil {
		return crm.User{}, err
	}
	got = v.(crm.User)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.m.put(id, got, now, now.Add(freshFor))
	return got, nil
}

// principal returns who the user is now, if the login that the arguments
// describe still counts.
func (u *users) principal(ctx context.Context, id, tenant, session string, version int) (crm.Principal, error) {
	got, err := u.user(ctx, id)
	if errors.Is(err, crm.ErrNotFound) {
		return crm.Principal{}, fmt.Errorf("user is gone: %w", crm.ErrUnauthenticated)
	}
	if err != nil {
		return crm.Principal{}, fmt.Errorf("read user: %w", err)
	}
	if got.Disabled || got.Version != version || got.Tenant != tenant || !got.Role.Valid() {
		return crm.Principal{}, fmt.Errorf("login was revoked: %w", crm.ErrUnauthenticated)
	}
	return crm.Principal{Tenant: got.Tenant, UserID: got.ID, Name: got.Name, Role: got.Role, Session: session, Version: version}, nil
}

var userName = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,63}$`)

// NewUser returns a user with a fresh id and a hashed password, not yet stored.
// What is wrong with its arguments is a *crm.InputError.
func NewUser(tenant, name string, role crm.Role, password crm.Secret) (crm.User, error) {
	if err := checkNewUser(name, role, password); err != nil {
		return crm.User{}, err
	}
	hash, err := HashPassword(password)
	if err != nil {
		return crm.User{}, err
	}
	return crm.User{ID: "u_" + randomID(12), Tenant: tenant, Name: name, Role: role, PasswordHash: hash, Version: 1, CreatedAt: crm.At(time.Now())}, nil
}

func checkNewUser(name string, role crm.Role, password crm.Secret) error {
	if !userName.MatchString(name) {
		return &crm.InputError{Field: "username", Msg: "must be 1 to 64 letters, digits or . _ @ + -, and begin with a letter or digit"}
	}
	if !role.Valid() {
		return &crm.InputError{Field: "role", Msg: fmt.Sprintf("must be one of %v", crm.Roles)}
	}
	return checkLength(password)
}
