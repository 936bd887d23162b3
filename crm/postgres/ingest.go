package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// Resume implements crm.IngestStore.
func (s *Store) Resume(ctx context.Context, pbx string) (crm.Checkpoint, error) {
	cp := crm.Checkpoint{State: map[string][]byte{}}
	err := s.read(ctx, "resume PBX "+pbx, func(t tx) error {
		var tenant string
		var at int64
		err := t.one(ctx, `SELECT tenant, pos_epoch, pos_seq, pos_at FROM pbxs WHERE pbx = $1`,
			[]any{pbx}, &tenant, &cp.Pos.Epoch, &cp.Pos.Seq, &at)
		if errors.Is(err, crm.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if at != 0 {
			cp.At = time.UnixMicro(at).UTC()
		}
		return t.each(ctx, `SELECT key, value FROM fold_state WHERE tenant = $1 AND pbx = $2`,
			[]any{tenant, pbx}, func(scan scan) error {
				var key string
				var value []byte
				err := scan(&key, &value)
				cp.State[key] = notNil(value) // the driver gives nil for an empty value
				return err
			})
	})
	return cp, err
}

// Commit implements crm.IngestStore.
func (s *Store) Commit(ctx context.Context, b crm.Batch) error {
	return s.ingest(ctx, "commit "+b.PBX+" up to "+b.To.String(), func(t tx) error {
		n, err := reserve(ctx, t, len(b.Events)+ended(b.Calls)) // each of those may be matched with a contact
		if err != nil {
			return err
		}
		done, err := advance(ctx, t, &b)
		if done || err != nil {
			return err
		}
		matched, err := putBatch(ctx, t, &b)
		if err != nil {
			return err
		}
		if err := putState(ctx, t, &b); err != nil {
			return err
		}
		if err := putSeen(ctx, t, b.Tenant, b.Calls); err != nil {
			return err
		}
		if err := putEvidence(ctx, t, b.Tenant, b.Evidence, b.Calls); err != nil {
			return err
		}
		return putEvents(ctx, t, b.Tenant, n, slices.Concat(b.Events, matched))
	})
}

// advance moves the checkpoint from b.From to b.To; done is true when it is there already.
func advance(ctx context.Context, t tx, b *crm.Batch) (done bool, err error) {
	var tenant string
	var epoch uint64
	var at crm.Position
	err = t.one(ctx, `SELECT tenant, epoch, pos_epoch, pos_seq FROM pbxs WHERE pbx = $1 FOR UPDATE`,
		[]any{b.PBX}, &tenant, &epoch, &at.Epoch, &at.Seq)
	switch {
	case errors.Is(err, crm.ErrNotFound):
		return false, crm.ErrFenced
	case err != nil:
		return false, err
	case epoch != b.Epoch:
		return false, crm.ErrFenced
	case at == b.To:
		return true, nil
	case at != b.From || b.To.Compare(b.From) < 0:
		return false, fmt.Errorf("%w: the checkpoint is %s, not %s", crm.ErrConflict, at, b.From)
	case tenant != stored.Text(b.Tenant):
		return false, fmt.Errorf("%w: the PBX belongs to tenant %q", crm.ErrConflict, tenant)
	}
	var heard int64
	if !b.At.IsZero() {
		heard = b.At.UnixMicro()
	}
	_, err = t.exec(ctx, `UPDATE pbxs SET pos_epoch = $2, pos_seq = $3, pos_at = $4 WHERE pbx = $1`,
		b.PBX, b.To.Epoch, b.To.Seq, heard)
	return false, err
}

func ended(calls []*crm.Call) (n int) {
	for _, c := range calls {
		if !c.Open() {
			n++
		}
	}
	return n
}

// putBatch stores the records, then lets the merges act on them. The events are those of putRecords.
func putBatch(ctx context.Context, t tx, b *crm.Batch) ([]crm.Event, error) {
	merges := stored.Merges(b.Events)
	if err := lock(ctx, t, b, merges); err != nil {
		return nil, err
	}
	matched, err := putRecords(ctx, t, b.Tenant, b.Calls)
	if err != nil {
		return nil, fmt.Errorf("store calls: %w", err)
	}
	for from, into := range merges {
		if err := merge(ctx, t, b.Tenant, from, into); err != nil {
			return nil, fmt.Errorf("merge call %s into %s: %w", from, into, err)
		}
	}
	return matched, putGaps(ctx, t, b)
}

// lock locks every call the batch may touch, in one order, so that two
// transactions never wait for each other. Storing records does so for theirs.
func lock(ctx context.Context, t tx, b *crm.Batch, merges map[string]string) error {
	if len(merges) == 0 {
		return nil
	}
	var ids []string
	for _, c := range b.Calls {
		ids = append(ids, c.ID)
	}
	for from, into := range merges {
		ids = append(ids, from, into)
	}
	_, err := t.exec(ctx, `
		SELECT FROM calls WHERE tenant = $1 AND id = ANY($2) ORDER BY id FOR UPDATE`, b.Tenant, ids)
	return err
}

func putGaps(ctx context.Context, t tx, b *crm.Batch) error {
	for _, g := range b.Gaps { // rare, and seldom two
		_, err := t.exec(ctx, `
			INSERT INTO gaps (tenant, id, pbx, started, ended, cause, detail, missed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (tenant, id) DO UPDATE SET pbx = excluded.pbx, started = excluded.started,
				ended = excluded.ended, cause = excluded.cause, detail = excluded.detail,
				missed = CASE WHEN gaps.closed_by IN ('cel', 'cdr') THEN gaps.missed ELSE coalesce(excluded.missed, gaps.missed) END,
				closed_by = CASE WHEN gaps.closed_by = 'resync' AND excluded.missed > 0 THEN 'counters' ELSE gaps.closed_by END`,
			b.Tenant, g.ID, g.PBX, ts(g.StartedAt.Time), ts(g.EndedAt.Time), string(g.Cause), g.Detail, g.MissedEstimate)
		if err != nil {
			return err
		}
	}
	return nil
}

func putState(ctx context.Context, t tx, b *crm.Batch) error {
	var gone, keys []string
	var values [][]byte
	for key, value := range b.State {
		if value == nil {
			gone = append(gone, key)
		} else {
			keys, values = append(keys, key), append(values, value)
		}
	}
	if len(gone) > 0 {
		_, err := t.exec(ctx, `DELETE FROM fold_state WHERE tenant = $1 AND pbx = $2 AND key = ANY($3)`,
			b.Tenant, b.PBX, gone)
		if err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		return nil
	}
	_, err := t.exec(ctx, `
		INSERT INTO fold_state (tenant, pbx, key, value)
		SELECT $1, $2, s.key, s.value FROM unnest($3::text[], $4::bytea[]) AS s (key, value)
		ON CONFLICT (tenant, pbx, key) DO UPDATE SET value = excluded.value`, b.Tenant, b.PBX, keys, values)
	return err
}

// Gaps implements crm.IngestStore.
func (s *Store) Gaps(ctx context.Context, tenant string, from, until time.Time) ([]crm.Gap, error) {
	gaps := []crm.Gap{}
	err := s.readLong(ctx, "list gaps", func(t tx) error {
		return t.each(ctx, `
			SELECT id, pbx, started, ended, cause, detail, closed_by, missed, scans FROM gaps
			WHERE tenant = $1 AND ($2::timestamptz IS NULL OR ended IS NULL OR ended > $2 OR started >= $2)
				AND ($3::timestamptz IS NULL OR started IS NULL OR started < $3)
			ORDER BY coalesce(started, '-infinity'), id`, []any{tenant, ts(from), ts(until)},
			func(scan scan) error {
				var g crm.Gap
				err := scan(&g.ID, &g.PBX, timeAt{&g.StartedAt}, timeAt{&g.EndedAt}, &g.Cause, &g.Detail,
					&g.ClosedBy, &g.MissedEstimate, &g.Scans)
				gaps = append(gaps, g)
				return err
			})
	})
	return gaps, err
}
