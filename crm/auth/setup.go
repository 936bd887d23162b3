package auth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"patchcord/crm"
)

// setupTTL is how long a set-up link is good; a restart makes a new one.
const setupTTL = 24 * time.Hour

const setupTicket = "setup"

// SetupToken returns a one-time token with which the owner of the tenant can be
// made, for the link that the first start prints. When there is an owner it
// returns crm.ErrConflict.
func (s *Service) SetupToken(ctx context.Context, tenant string) (string, error) {
	if err := s.noOwner(ctx, tenant); err != nil {
		return "", fmt.Errorf("set-up link: %w", err)
	}
	token := randomID(32)
	err := s.store.PutTicket(ctx, crm.Ticket{Kind: setupTicket, Hash: hashOf(token), Data: []byte(tenant), ExpiresAt: time.Now().Add(setupTTL)})
	if err != nil {
		return "", fmt.Errorf("set-up link: %w", err)
	}
	return token, nil
}

// Setup makes the owner. The token is used up only once name and password are
// acceptable (*crm.InputError otherwise).
func (s *Service) Setup(ctx context.Context, token, name string, password crm.Secret) (crm.User, error) {
	if err := checkNewUser(name, crm.RoleOwner, password); err != nil {
		return crm.User{}, err
	}
	t, err := s.store.TakeTicket(ctx, setupTicket, hashOf(token), time.Now())
	if err != nil {
		return crm.User{}, fmt.Errorf("set up: %w", err)
	}
	tenant := string(t.Data)
	if err := s.noOwner(ctx, tenant); err != nil {
		return crm.User{}, fmt.Errorf("set up: %w", err)
	}
	u, err := NewUser(tenant, name, crm.RoleOwner, password)
	if err != nil {
		return crm.User{}, fmt.Errorf("set up: %w", err)
	}
	if err := s.store.CreateUser(ctx, u); err != nil {
		return crm.User{}, fmt.Errorf("set up: %w", err)
	}
	s.log.Info("the owner was created")
	return u, nil
}

func (s *Service) noOwner(ctx context.Context, tenant string) error {
	all, err := s.store.Users(ctx, tenant)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(u crm.User) bool { return u.Role == crm.RoleOwner }) {
		return fmt.Errorf("there is an owner already: %w", crm.ErrConflict)
	}
	return nil
}
