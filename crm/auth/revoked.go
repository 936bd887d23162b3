package auth

import (
	"context"
	"fmt"

	"patchcord/crm"
)

// Revoked returns those of ps whose login counts no longer, or who have another
// role than when they were verified. It reads the users of a tenant at once,
// however many ask, so it suits whoever watches thousands of sockets.
func (s *Service) Revoked(ctx context.Context, ps []crm.Principal) ([]crm.Principal, error) {
	byTenant := make(map[string]map[string]crm.User)
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
		if !ok || u.Disabled || u.Version != p.Version || u.Role != p.Role {
			gone = append(gone, p)
		}
	}
	return gone, nil
}

func (s *Service) usersOf(ctx context.Context, tenant string) (map[string]crm.User, error) {
	all, err := s.store.Users(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	byID := make(map[string]crm.User, len(all))
	for _, u := range all {
		byID[u.ID] = u
	}
	return byID, nil
}
