package postgres

import (
	"context"
	"fmt"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// Amend implements crm.BackfillStore. Numbers of the event log are taken for the most
// that can be told; those that are not needed are never used.
func (s *Store) Amend(ctx context.Context, a crm.Amendment) (sum crm.Amended, err error) {
	err = s.slowly(ctx, "amend calls of "+a.PBX, func(t tx) error {
		sum = crm.Amended{}
		most := 0
		if !a.Quiet {
			for _, f := range a.Found {
				most += 2 + len(f.Call.Linkedids) // it is told, merged, and matched with a contact
			}
		}
		n, err := reserve(ctx, t, most)
		if err != nil {
			return err
		}
		if err := lockFound(ctx, t, &a); err != nil {
			return err
		}
		var told []crm.Event
		for _, f := range a.Found {
			counts, events, err := amend(ctx, t, &a, f)
			if err != nil {
				return fmt.Errorf("call %s: %w", f.Call.ID, err)
			}
			sum.Add(counts)
			told = append(told, events...)
		}
		return putEvents(ctx, t, a.Tenant, n, told)
	})
	return sum, err
}

// lockFound locks every call that may be touched, in one order, as a commit does.
func lockFound(ctx context.Context, t tx, a *crm.Amendment) error {
	var ids []string
	var keys []int64
	for _, f := range a.Found {
		ids, keys = append(ids, stored.IDsOf(f.Call)...), append(keys, stored.LinkedKeys(a.Tenant, f.Call)...)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := t.exec(ctx, `
		SELECT FROM calls WHERE tenant = $1 AND id IN (
			SELECT unnest($2::text[]) UNION SELECT survivor FROM call_aliases WHERE tenant = $1 AND id = ANY($2)
			UNION SELECT id FROM call_keys WHERE key = ANY($3::bigint[]))
		ORDER BY id FOR UPDATE`, a.Tenant, ids, keys)
	return err
}

// amend does what crm.PlanAmend says with one call, and returns what is to be told of it.
func amend(ctx context.Context, t tx, a *crm.Amendment, f crm.Found) (crm.Amended, []crm.Event, error) {
	records, err := storedAs(ctx, t, a.Tenant, f.Call)
	if err != nil {
		return crm.Amended{}, nil, err
	}
	p := crm.PlanAmend(f, records)
	if p.Put == nil {
		return p.Counts, nil, nil
	}
	matched, err := putRecords(ctx, t, a.Tenant, []*crm.Call{p.Put})
	if err != nil {
		return p.Counts, nil, err
	}
	for _, m := range p.Merge {
		if err := merge(ctx, t, a.Tenant, m.ID, p.Put.ID); err != nil {
			return p.Counts, nil, err
		}
	}
	if err := putSeen(ctx, t, a.Tenant, []*crm.Call{p.Put}); err != nil || a.Quiet {
		return p.Counts, nil, err
	}
	now, err := loadOne(ctx, t, a.Tenant, p.Put.ID)
	if err != nil {
		return p.Counts, nil, err
	}
	whole, _, err := stored.Decode(now.record, now.added)
	return p.Counts, append(stored.Amended(a, &p, whole), matched...), err
}

// storedAs returns the records that have one of the call's Linkedids.
func storedAs(ctx context.Context, t tx, tenant string, c *crm.Call) ([]*crm.Call, error) {
	var found []*crm.Call
	err := t.each(ctx, `
		SELECT record, added FROM calls WHERE tenant = $1 AND id IN (
			SELECT unnest($2::text[]) UNION SELECT survivor FROM call_aliases WHERE tenant = $1 AND id = ANY($2)
			UNION SELECT id FROM call_keys WHERE key = ANY($3::bigint[]))
		ORDER BY id`, []any{tenant, stored.IDsOf(c), stored.LinkedKeys(tenant, c)}, func(scan scan) error {
		var record, added []byte
		if err := scan(&record, &added); err != nil {
			return err
		}
		call, _, err := stored.Decode(record, added)
		found = append(found, call)
		return err
	})
	return stored.SameLife(c, found), err
}

// CloseGap implements crm.BackfillStore.
func (s *Store) CloseGap(ctx context.Context, tenant, id string, c crm.GapClosing) error {
	return s.write(ctx, "close gap "+id, func(t tx) error {
		n, err := t.exec(ctx, `UPDATE gaps SET closed_by = $3, missed = $4, scans = $5 WHERE tenant = $1 AND id = $2`,
			tenant, id, c.By, c.Missed, c.Scans)
		if err == nil && n == 0 {
			return crm.ErrNotFound
		}
		return err
	})
}
