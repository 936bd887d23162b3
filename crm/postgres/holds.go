package postgres

import (
	"context"

	"patchcord/crm"
)

// Hold implements crm.RetentionStore. The call is locked, so that it does not expire meanwhile.
func (s *Store) Hold(ctx context.Context, tenant string, h crm.Hold) error {
	return s.write(ctx, "hold call", func(t tx) error {
		id, err := survivor(ctx, t, tenant, h.CallID)
		if err != nil {
			return err
		}
		if _, err := loadOne(ctx, t, tenant, id); err != nil {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO holds (tenant, id, reason, by, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			tenant, id, h.Reason, h.By, ts(h.At.Time))
		return err
	})
}

// Release implements crm.RetentionStore.
func (s *Store) Release(ctx context.Context, tenant, callID string) error {
	return s.write(ctx, "release call", func(t tx) error {
		id, err := survivor(ctx, t, tenant, callID)
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, `DELETE FROM holds WHERE tenant = $1 AND id = $2`, tenant, id)
		if err == nil && n == 0 {
			return crm.ErrNotFound
		}
		return err
	})
}

// Holds implements crm.RetentionStore.
func (s *Store) Holds(ctx context.Context, tenant string) ([]crm.Hold, error) {
	holds := []crm.Hold{}
	err := s.readLong(ctx, "list holds", func(t tx) error {
		return t.each(ctx, `SELECT id, reason, by, at FROM holds WHERE tenant = $1 ORDER BY at, id`, []any{tenant}, func(scan scan) error {
			var h crm.Hold
			err := scan(&h.CallID, &h.Reason, &h.By, timeAt{&h.At})
			holds = append(holds, h)
			return err
		})
	})
	return holds, err
}

// mergeHold moves the hold of an absorbed call to the survivor.
func mergeHold(ctx context.Context, t tx, tenant, from, into string) error {
	_, err := t.exec(ctx, `
		WITH gone AS (DELETE FROM holds WHERE tenant = $1 AND id = $2 RETURNING reason, by, at)
		INSERT INTO holds (tenant, id, reason, by, at) SELECT $1, $3, reason, by, at FROM gone
		ON CONFLICT DO NOTHING`, tenant, from, into)
	return err
}
