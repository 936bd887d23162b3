package sqlite

import (
	"bytes"
	"context"
	"errors"
	"time"

	"patchcord/crm"
)

// SigningKeys implements crm.SessionStore.
func (s *Store) SigningKeys(ctx context.Context) ([]crm.SigningKey, error) {
	keys := []crm.SigningKey{}
	err := s.read(ctx, "list signing keys", func(t tx) error {
		return t.each(ctx, `SELECT id, public, sealed, created FROM signing_keys ORDER BY created DESC, id`, nil,
			func(scan scan) error {
				var k crm.SigningKey
				err := scan(&k.ID, &k.Public, &k.Sealed, timeAt{&k.CreatedAt})
				keys = append(keys, k)
				return err
			})
	})
	return keys, err
}

// AddSigningKey implements crm.SessionStore.
func (s *Store) AddSigningKey(ctx context.Context, k crm.SigningKey) error {
	return s.write(ctx, "add signing key", func(t tx) error {
		_, err := t.exec(ctx, `INSERT INTO signing_keys (id, public, sealed, created) VALUES ($1, $2, $3, $4)`,
			k.ID, k.Public, k.Sealed, ms(k.CreatedAt.Time))
		return err
	})
}

// StartFamily implements crm.SessionStore.
func (s *Store) StartFamily(ctx context.Context, r crm.RefreshToken) error {
	return s.write(ctx, "start session", func(t tx) error {
		_, err := t.exec(ctx, `INSERT INTO families (id, user_id, absolute) VALUES ($1, $2, $3)`,
			r.FamilyID, r.UserID, r.AbsoluteExpiry.UnixMilli())
		if err != nil {
			return err
		}
		return putToken(ctx, t, &r)
	})
}

func putToken(ctx context.Context, t tx, r *crm.RefreshToken) error {
	if err := sweepLogins(ctx, t, r.IssuedAt.Add(-time.Hour)); err != nil {
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO refresh_tokens (hash, family, issued, expires) VALUES ($1, $2, $3, $4)`,
		r.Hash, r.FamilyID, ms(r.IssuedAt), r.ExpiresAt.UnixMilli())
	return err
}

// sweepLogins removes some of what is left of logins that ended for good before then.
func sweepLogins(ctx context.Context, t tx, then time.Time) error {
	_, err := t.exec(ctx, `
		DELETE FROM refresh_tokens WHERE hash IN (
			SELECT r.hash FROM families AS f JOIN refresh_tokens AS r ON r.family = f.id
			WHERE f.absolute < $1 LIMIT $2)`, ms(then), sweep)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `
		DELETE FROM families WHERE id IN (
			SELECT f.id FROM families AS f
			WHERE f.absolute < $1 AND NOT EXISTS (SELECT 1 FROM refresh_tokens AS r WHERE r.family = f.id) LIMIT $2)`,
		ms(then), sweep)
	return err
}

// token is a refresh token as stored.
type token struct {
	crm.RefreshToken
	revoked   bool
	successor []byte
	used      crm.Time
}

func loadToken(ctx context.Context, t tx, hash []byte) (token, error) {
	k := token{RefreshToken: crm.RefreshToken{Hash: hash}}
	var issued, expires, absolute crm.Time
	err := t.one(ctx, `
		SELECT r.family, f.user_id, r.issued, r.expires, f.absolute, f.revoked, r.successor, r.used
		FROM refresh_tokens AS r JOIN families AS f ON f.id = r.family WHERE r.hash = $1`, []any{hash},
		&k.FamilyID, &k.UserID, timeAt{&issued}, timeAt{&expires}, timeAt{&absolute}, &k.revoked, &k.successor, timeAt{&k.used})
	k.IssuedAt, k.ExpiresAt, k.AbsoluteExpiry = issued.Time, expires.Time, absolute.Time
	if errors.Is(err, crm.ErrNotFound) {
		err = crm.ErrUnauthenticated
	}
	return k, err
}

// Rotate implements crm.SessionStore.
func (s *Store) Rotate(
	ctx context.Context, old []byte, next crm.RefreshToken, now time.Time, grace time.Duration,
) (out crm.RefreshToken, err error) {
	reused := false
	err = s.write(ctx, "rotate session", func(t tx) error {
		k, err := loadToken(ctx, t, old)
		if err != nil {
			return err
		}
		if k.revoked || !now.Before(k.AbsoluteExpiry) {
			return crm.ErrUnauthenticated
		}
		if k.successor != nil {
			if bytes.Equal(k.successor, next.Hash) && now.Sub(k.used.Time) <= grace {
				again, err := loadToken(ctx, t, next.Hash)
				out = again.RefreshToken
				return err
			}
			reused = true // told after the commit: the family must stay revoked
			return revoke(ctx, t, k.FamilyID, now)
		}
		if !now.Before(k.ExpiresAt) {
			return crm.ErrUnauthenticated
		}
		out, err = exchange(ctx, t, &k, next, now)
		return err
	})
	if err == nil && reused {
		err = s.wrap(ctx, "rotate session", crm.ErrReused)
	}
	return out, err
}

// exchange stores next as the successor of k.
func exchange(ctx context.Context, t tx, k *token, next crm.RefreshToken, now time.Time) (crm.RefreshToken, error) {
	next.FamilyID, next.UserID = k.FamilyID, k.UserID
	if err := putToken(ctx, t, &next); err != nil {
		return crm.RefreshToken{}, err
	}
	_, err := t.exec(ctx, `UPDATE refresh_tokens SET successor = $2, used = $3 WHERE hash = $1`,
		k.Hash, next.Hash, now.UnixMilli())
	if err != nil {
		return crm.RefreshToken{}, err
	}
	again, err := loadToken(ctx, t, next.Hash)
	return again.RefreshToken, err
}

func revoke(ctx context.Context, t tx, family string, now time.Time) error {
	_, err := t.exec(ctx, `UPDATE families SET revoked = 1, ended = coalesce(ended, $2) WHERE id = $1`, family, ms(now))
	return err
}

// EndFamily implements crm.SessionStore.
func (s *Store) EndFamily(ctx context.Context, hash []byte, now time.Time) error {
	return s.write(ctx, "end session", func(t tx) error {
		k, err := loadToken(ctx, t, hash)
		if errors.Is(err, crm.ErrUnauthenticated) {
			return nil
		}
		if err != nil {
			return err
		}
		return revoke(ctx, t, k.FamilyID, now)
	})
}

// EndSession implements crm.SessionStore.
func (s *Store) EndSession(ctx context.Context, familyID string, now time.Time) error {
	return s.write(ctx, "end session", func(t tx) error { return revoke(ctx, t, familyID, now) })
}

// EndedSince implements crm.SessionStore.
func (s *Store) EndedSince(ctx context.Context, since time.Time) ([]string, error) {
	ids := []string{}
	err := s.read(ctx, "list ended sessions", func(t tx) error {
		return t.each(ctx, `SELECT id FROM families WHERE ended >= $1`, []any{ms(since)}, func(scan scan) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}
