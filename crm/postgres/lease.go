package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// TakePBX implements crm.LeaseStore.
func (s *Store) TakePBX(ctx context.Context, pbx, tenant, node string) (epoch uint64, err error) {
	err = s.lease(ctx, "take PBX "+pbx, func(t tx) error {
		var owner string
		// Not an upsert: the table has two keys, and it minds only one of them when several come at once.
		_, err := t.exec(ctx, `INSERT INTO pbxs (pbx, tenant, node, epoch) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING`, pbx, tenant, node)
		if err != nil {
			return err
		}
		err = t.one(ctx, `UPDATE pbxs SET epoch = epoch + 1, node = $2 WHERE pbx = $1 RETURNING epoch, tenant`,
			[]any{pbx, node}, &epoch, &owner)
		if err != nil {
			return err
		}
		if owner != stored.Text(tenant) {
			return fmt.Errorf("%w: its records belong to tenant %q", crm.ErrConflict, owner)
		}
		return lease(ctx, t, pbx, node, epoch)
	})
	return epoch, err
}

// lease gives the PBX to the node unless another has it. The row of pbxs is locked.
func lease(ctx context.Context, t tx, pbx, node string, epoch uint64) error {
	n, err := t.exec(ctx, `
		INSERT INTO leases (pbx, node, epoch, expires) VALUES ($1, $2, $3, clock_timestamp() + $4)
		ON CONFLICT (pbx) DO UPDATE SET node = excluded.node, epoch = excluded.epoch, expires = excluded.expires,
			up = false, successor = '', ready = false, handed = false
		WHERE leases.node IN ('', excluded.node) OR leases.expires <= clock_timestamp()`,
		pbx, node, epoch, crm.LeaseTTL)
	if err != nil || n > 0 {
		return err
	}
	held := &crm.HeldError{PBX: pbx}
	err = t.one(ctx, `SELECT node, expires - clock_timestamp() FROM leases WHERE pbx = $1`,
		[]any{pbx}, &held.Node, &held.Left)
	return errors.Join(err, held)
}

// RenewPBX implements crm.LeaseStore.
func (s *Store) RenewPBX(ctx context.Context, pbx, node string, epoch uint64, up bool) error {
	return s.owner(ctx, "renew the lease of "+pbx, `
		UPDATE leases SET expires = clock_timestamp() + $4, up = $5 WHERE pbx = $1 AND node = $2 AND epoch = $3`,
		pbx, node, epoch, crm.LeaseTTL, up)
}

// OfferPBX implements crm.LeaseStore.
func (s *Store) OfferPBX(ctx context.Context, pbx, node string, epoch uint64, successor string) error {
	return s.owner(ctx, "offer PBX "+pbx, `
		UPDATE leases SET successor = $4, ready = false WHERE pbx = $1 AND node = $2 AND epoch = $3`,
		pbx, node, epoch, successor)
}

// ReadyPBX implements crm.LeaseStore.
func (s *Store) ReadyPBX(ctx context.Context, pbx, successor string, epoch uint64, ready bool) error {
	return s.owner(ctx, "be ready for PBX "+pbx, `
		UPDATE leases SET ready = $4 WHERE pbx = $1 AND successor = $2 AND epoch = $3`,
		pbx, successor, epoch, ready)
}

// ReleasePBX implements crm.LeaseStore.
func (s *Store) ReleasePBX(ctx context.Context, pbx, node string, epoch uint64, successor string) error {
	return s.owner(ctx, "release PBX "+pbx, `
		UPDATE leases SET node = $4, handed = $4 <> '', expires = clock_timestamp() + $5
		WHERE pbx = $1 AND node = $2 AND epoch = $3`,
		pbx, node, epoch, successor, crm.LeaseHold)
}

// owner runs a statement that touches the lease of whoever may; ErrFenced when that is nobody.
func (s *Store) owner(ctx context.Context, doing, statement string, args ...any) error {
	return s.lease(ctx, doing, func(t tx) error {
		n, err := t.exec(ctx, statement, args...)
		if err == nil && n == 0 {
			return crm.ErrFenced
		}
		return err
	})
}

// keepNodes is how long a node that is gone stays in the table.
const keepNodes = 24 * time.Hour

// Beat implements crm.LeaseStore.
func (s *Store) Beat(ctx context.Context, n crm.Node) error {
	self, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("beat: %w", err)
	}
	return s.lease(ctx, "beat", func(t tx) error {
		_, err := t.exec(ctx, `
			INSERT INTO nodes (id, beat, self) VALUES ($1, clock_timestamp(), $2)
			ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, self = excluded.self`, n.ID, string(self))
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `DELETE FROM nodes WHERE beat < clock_timestamp() - $1::interval`, keepNodes)
		return err
	})
}

// Cluster implements crm.LeaseStore.
func (s *Store) Cluster(ctx context.Context) (crm.Cluster, error) {
	var c crm.Cluster
	err := s.wrap(ctx, "look at the nodes", s.run(ctx, s.own, oneView(), func(t tx) error {
		c = crm.Cluster{}
		err := t.each(ctx, `SELECT self FROM nodes WHERE beat > clock_timestamp() - $1::interval ORDER BY id`,
			[]any{crm.NodeTTL}, func(scan scan) error {
				var self string
				if err := scan(&self); err != nil {
					return err
				}
				var n crm.Node
				err := json.Unmarshal([]byte(self), &n)
				c.Nodes = append(c.Nodes, n)
				return err
			})
		if err != nil {
			return err
		}
		return t.each(ctx, `
			SELECT pbx, l.node, l.epoch, expires - clock_timestamp(), up, successor, ready, handed, pos_epoch, pos_seq
			FROM leases l JOIN pbxs USING (pbx) ORDER BY pbx`, nil,
			func(scan scan) error {
				var l crm.Lease
				err := scan(&l.PBX, &l.Node, &l.Epoch, &l.Left, &l.Up, &l.Successor, &l.Ready, &l.Handed,
					&l.Pos.Epoch, &l.Pos.Seq)
				c.Leases = append(c.Leases, l)
				return err
			})
	}))
	return c, err
}
