package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"patchcord/crm"
)

const (
	refreshIdle     = 12 * time.Hour
	refreshAbsolute = 30 * 24 * time.Hour
	// refreshGrace is how long a refresh token gives its successor again: for two
	// tabs, or an answer that got lost.
	refreshGrace = 10 * time.Second
	refreshLen   = 43 // 256 bit in base64url
)

// startSession begins a login. Its id ends with the version of the user's
// sessions, so that raising the version ends refreshing too.
func (s *Service) startSession(ctx context.Context, u crm.User) (Tokens, error) {
	now := time.Now()
	refresh := randomID(32)
	t := crm.RefreshToken{
		Hash: hashOf(refresh), FamilyID: randomID(16) + "." + strconv.Itoa(u.Version), UserID: u.ID,
		IssuedAt: now, ExpiresAt: now.Add(refreshIdle), AbsoluteExpiry: now.Add(refreshAbsolute),
	}
	if err := s.store.StartFamily(ctx, t); err != nil {
		return Tokens{}, fmt.Errorf("start session: %w", err)
	}
	return s.tokens(ctx, u, t, refresh)
}

// Refresh exchanges a refresh token for new tokens. Using one a second time gives
// the same successor within ten seconds; later it ends the login (crm.ErrReused).
// Whatever else does not count gives crm.ErrUnauthenticated.
func (s *Service) Refresh(ctx context.Context, refresh crm.Secret) (Tokens, error) {
	if len(refresh) != refreshLen {
		return Tokens{}, fmt.Errorf("refresh: %w", crm.ErrUnauthenticated)
	}
	now := time.Now()
	next := s.successor(string(refresh))
	t, err := s.store.Rotate(ctx, hashOf(string(refresh)),
		crm.RefreshToken{Hash: hashOf(next), IssuedAt: now, ExpiresAt: now.Add(refreshIdle)}, now, refreshGrace)
	if errors.Is(err, crm.ErrReused) {
		s.log.Warn("a refresh token was used twice; its login is ended")
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("refresh: %w", err)
	}
	u, err := s.store.User(ctx, t.UserID)
	if err != nil && !errors.Is(err, crm.ErrNotFound) {
		return Tokens{}, fmt.Errorf("refresh: %w", err)
	}
	if err != nil || u.Disabled || !sessionCounts(t.FamilyID, u) {
		if err := s.store.EndFamily(ctx, hashOf(next), now); err != nil {
			return Tokens{}, fmt.Errorf("refresh: end revoked session: %w", err)
		}
		return Tokens{}, fmt.Errorf("refresh: session was revoked: %w", crm.ErrUnauthenticated)
	}
	t.ExpiresAt = now.Add(refreshIdle)
	return s.tokens(ctx, u, t, next)
}

// Logout ends the login that the refresh token belongs to, and within two seconds its
// access tokens and sockets. An unknown one is no error.
func (s *Service) Logout(ctx context.Context, refresh crm.Secret) error {
	if err := s.store.EndFamily(ctx, hashOf(string(refresh)), time.Now()); err != nil {
		return fmt.Errorf("logout: %w", err)
	}
	return nil
}

// EndSession ends the login that an access token of p belongs to, as Logout does.
func (s *Service) EndSession(ctx context.Context, p crm.Principal) error {
	if err := s.store.EndSession(ctx, p.Session, time.Now()); err != nil {
		return fmt.Errorf("logout: %w", err)
	}
	return nil
}

// successor derives what follows a refresh token, so that every node gives the
// same one and nobody has to keep it in clear.
func (s *Service) successor(refresh string) string {
	m := hmac.New(sha256.New, s.refreshKey)
	m.Write([]byte(refresh))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (s *Service) tokens(ctx context.Context, u crm.User, t crm.RefreshToken, refresh string) (Tokens, error) {
	k, err := s.keys.signer(ctx)
	if err != nil {
		return Tokens{}, err
	}
	access, err := s.issuer.sign(k, u, t.FamilyID, time.Now())
	if err != nil {
		return Tokens{}, err
	}
	by := t.ExpiresAt
	if t.AbsoluteExpiry.Before(by) {
		by = t.AbsoluteExpiry
	}
	return Tokens{
		Access: crm.Secret(access), ExpiresIn: accessTTL, Refresh: crm.Secret(refresh), RefreshBy: by,
		Principal: crm.Principal{Tenant: u.Tenant, UserID: u.ID, Name: u.Name, Role: u.Role, Session: t.FamilyID, Version: u.Version},
	}, nil
}

func sessionCounts(family string, u crm.User) bool {
	_, version, _ := strings.Cut(family, ".")
	return version == strconv.Itoa(u.Version)
}

func hashOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
