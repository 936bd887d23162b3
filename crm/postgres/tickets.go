package postgres

import (
	"context"
	"errors"
	"time"

	"patchcord/crm"
)

// answerTTL is how long an Idempotency-Key is remembered.
const answerTTL = 24 * time.Hour

// sweep is how many rows that ran out every write of such a row removes.
const sweep = 100

// PutTicket implements crm.SessionStore. It also removes tickets that nobody took
// within an hour after they ran out.
func (s *Store) PutTicket(ctx context.Context, k crm.Ticket) error {
	return s.write(ctx, "store ticket", func(t tx) error {
		_, err := t.exec(ctx, `
			DELETE FROM tickets WHERE (kind, hash) IN (SELECT kind, hash FROM tickets WHERE expires < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
			ts(time.Now().Add(-time.Hour)), sweep)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO tickets (kind, hash, data, expires) VALUES ($1, $2, $3, $4)`,
			k.Kind, k.Hash, notNil(k.Data), ts(k.ExpiresAt))
		return err
	})
}

// TakeTicket implements crm.SessionStore.
func (s *Store) TakeTicket(ctx context.Context, kind string, hash []byte, now time.Time) (crm.Ticket, error) {
	k := crm.Ticket{Kind: kind, Hash: hash}
	var expires crm.Time
	err := s.write(ctx, "take ticket", func(t tx) error {
		return t.one(ctx, `DELETE FROM tickets WHERE kind = $1 AND hash = $2 RETURNING data, expires`,
			[]any{kind, hash}, &k.Data, timeAt{&expires})
	})
	k.ExpiresAt = expires.Time
	if errors.Is(err, crm.ErrNotFound) || err == nil && !now.Before(k.ExpiresAt) {
		err = s.wrap(ctx, "take ticket", crm.ErrUnauthenticated)
	}
	if err != nil {
		return crm.Ticket{}, err
	}
	return k, nil
}

// Idempotent implements crm.SessionStore.
func (s *Store) Idempotent(
	ctx context.Context, tenant, userID, key string, a *crm.Answer, now time.Time,
) (prior *crm.Answer, err error) {
	err = s.write(ctx, "remember answer", func(t tx) error {
		dead := ts(now.Add(-answerTTL))
		if a != nil {
			stored, err := putAnswer(ctx, t, tenant, userID, key, a, now)
			if stored || err != nil {
				return err
			}
		}
		var p crm.Answer
		err := t.one(ctx, `
			SELECT request, status, body FROM answers
			WHERE tenant = $1 AND user_id = $2 AND key = $3 AND stored > $4`,
			[]any{tenant, userID, key, dead}, &p.Request, &p.Status, &p.Body)
		if err == nil {
			prior = &p
		}
		return ignore(err, crm.ErrNotFound)
	})
	return prior, err
}

// putAnswer stores an answer unless a living one is there; stored says whether it did.
func putAnswer(
	ctx context.Context, t tx, tenant, userID, key string, a *crm.Answer, now time.Time,
) (stored bool, err error) {
	dead := ts(now.Add(-answerTTL))
	_, err = t.exec(ctx, `
		DELETE FROM answers WHERE (tenant, user_id, key) IN
			(SELECT tenant, user_id, key FROM answers WHERE stored <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`, dead, sweep)
	if err != nil {
		return false, err
	}
	n, err := t.exec(ctx, `
		INSERT INTO answers (tenant, user_id, key, request, status, body, stored)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, user_id, key) DO UPDATE SET request = excluded.request,
			status = excluded.status, body = excluded.body, stored = excluded.stored
		WHERE answers.stored <= $8`,
		tenant, userID, key, notNil(a.Request), a.Status, notNil(a.Body), ts(now), dead)
	return n == 1, err
}

// Setting implements crm.SessionStore.
func (s *Store) Setting(ctx context.Context, key string) (value []byte, err error) {
	err = s.read(ctx, "read setting "+key, func(t tx) error {
		return t.one(ctx, `SELECT value FROM settings WHERE key = $1`, []any{key}, &value)
	})
	return value, err
}

// SetSetting implements crm.SessionStore.
func (s *Store) SetSetting(ctx context.Context, key string, value []byte, onlyNew bool) error {
	query := `INSERT INTO settings (key, value) VALUES ($1, $2)`
	if !onlyNew {
		query += ` ON CONFLICT (key) DO UPDATE SET value = excluded.value`
	}
	return s.write(ctx, "store setting "+key, func(t tx) error {
		_, err := t.exec(ctx, query, key, notNil(value))
		return err
	})
}

// notNil returns b, or no bytes for nil: the columns are NOT NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}
