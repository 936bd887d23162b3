package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"patchcord/crm"
)

// PushTicketTTL is how long a ticket for the WebSocket is good.
const PushTicketTTL = 15 * time.Second

const pushTicket = "push"

// pushGrant is what a push ticket stands for.
type pushGrant struct {
	User    string `json:"user"`
	Tenant  string `json:"tenant"`
	Session string `json:"session"`
	Version int    `json:"version"`
	Origin  string `json:"origin,omitempty"`
}

// PushTicket returns a single-use credential of 128 bit with which p may open a
// socket within PushTicketTTL, from a page of that origin ("" when it was not a
// browser that asked).
func (s *Service) PushTicket(ctx context.Context, p crm.Principal, origin string) (string, error) {
	data, err := json.Marshal(pushGrant{p.UserID, p.Tenant, p.Session, p.Version, origin})
	if err != nil {
		return "", fmt.Errorf("push ticket: %w", err)
	}
	ticket := randomID(16)
	err = s.store.PutTicket(ctx, crm.Ticket{Kind: pushTicket, Hash: hashOf(ticket), Data: data, ExpiresAt: time.Now().Add(PushTicketTTL)})
	if err != nil {
		return "", fmt.Errorf("push ticket: %w", err)
	}
	return ticket, nil
}

// RedeemPushTicket says who a ticket was given to and uses it up. A ticket that
// was asked for by a page is good for that page's origin only.
func (s *Service) RedeemPushTicket(ctx context.Context, ticket, origin string) (crm.Principal, error) {
	t, err := s.store.TakeTicket(ctx, pushTicket, hashOf(ticket), time.Now())
	if err != nil {
		return crm.Principal{}, fmt.Errorf("push ticket: %w", err)
	}
	var g pushGrant
	if err := json.Unmarshal(t.Data, &g); err != nil {
		return crm.Principal{}, fmt.Errorf("push ticket: %w", err)
	}
	if g.Origin != "" && g.Origin != origin {
		return crm.Principal{}, fmt.Errorf("push ticket of another origin: %w", crm.ErrUnauthenticated)
	}
	return s.principal(ctx, verified{userID: g.User, tenant: g.Tenant, session: g.Session, version: g.Version})
}
