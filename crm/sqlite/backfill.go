package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// Amend implements crm.BackfillStore.
func (s *Store) Amend(ctx context.Context, a crm.Amendment) (sum crm.Amended, err error) {
	err = s.write(ctx, "amend calls of "+a.PBX, func(t tx) error {
		sum = crm.Amended{}
		var told []crm.Event
		for _, f := range a.Found {
			n, events, err := amend(ctx, t, &a, f)
			if err != nil {
				return fmt.Errorf("call %s: %w", f.Call.ID, err)
			}
			sum.Add(n)
			told = append(told, events...)
		}
		return putEvents(ctx, t, a.Tenant, told)
	})
	return sum, err
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
	now, err := load(ctx, t, a.Tenant, p.Put.ID)
	if err != nil {
		return p.Counts, nil, err
	}
	whole, _, err := stored.Decode(now.record, now.added)
	return p.Counts, append(stored.Amended(a, &p, whole), matched...), err
}

// storedAs returns the records that have one of the call's Linkedids.
func storedAs(ctx context.Context, t tx, tenant string, c *crm.Call) ([]*crm.Call, error) {
	if err := changeKeys(ctx, t); err != nil { // an earlier call of the transaction may have the Linkedid
		return nil, err
	}
	var found []*crm.Call
	ids := stored.IDsOf(c)
	for _, key := range stored.LinkedKeys(tenant, c) {
		err := t.each(ctx, `SELECT id FROM call_keys WHERE key = $1`, []any{key}, func(scan scan) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		id, err := survivor(ctx, t, tenant, id)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(found, func(o *crm.Call) bool { return o.ID == id }) {
			continue
		}
		k, err := load(ctx, t, tenant, id)
		if errors.Is(err, crm.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		call, _, err := stored.Decode(k.record, k.added)
		if err != nil {
			return nil, err
		}
		found = append(found, call)
	}
	return stored.SameLife(c, found), nil
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
