package auth

import (
	"context"
	"fmt"

	"patchcord/crm"
)

// Revoked returns those of ps whose login was ended or counts no longer, or who have
// another role than when they were verified. It reads the users of a tenant at once,
// however many ask, and again only when one of them changed, so it suits whoever
// watches thousands of sockets. A login that was ended longer than ten minutes ago it
// takes for one that counts: ask every few seconds.
func (s *Service) Revoked(ctx context.Context, ps []crm.Principal) ([]crm.Principal, error) {
	over, err := s.ended.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read ended logins: %w", err)
	}
	byTenant := make(map[string]map[string]standing)
	var gone []crm.Principal
	for _, p := range ps {
		users, ok := byTenant[p.Tenant]
		if !ok {
			var err error
			if users, err = s.usersOf(ctx, p.Tenant); err != nil {
				return nil, err
			}
			byTenant[p.Tenant] = users
		}
		u, ok := users[p.UserID]
		if !ok || over[p.Session] || u.disabled || u.version != p.Version || u.role != p.Role {
			gone = append(gone, p)
		}
	}
	return gone, nil
}

// standing is what of a user decides whether his logins count.
type standing struct {
	role     crm.Role
	disabled bool
	version  int
}

// roll holds the standing of a tenant's users as of a revision. It is not changed.
type roll struct {
	revision int64
	users    map[string]standing
}

// usersOf returns the standing of the tenant's users by their ids.
func (s *Service) usersOf(ctx context.Context, tenant string) (map[string]standing, error) {
	revision, err := s.store.UsersRevision(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("ask whether users changed: %w", err)
	}
	if kept, ok := s.rolls.Load(tenant); ok && kept.(roll).revision == revision {
		return kept.(roll).users, nil
	}
	all, err := s.store.Users(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	byID := make(map[string]standing, len(all))
	for _, u := range all {
		byID[u.ID] = standing{u.Role, u.Disabled, u.Version}
	}
	s.rolls.Store(tenant, roll{revision, byID})
	return byID, nil
}
