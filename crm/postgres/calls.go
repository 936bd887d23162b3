package postgres

import (
	"context"
	"fmt"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// Call implements crm.CallStore.
func (s *Store) Call(ctx context.Context, tenant, id string) (*crm.Call, error) {
	var call *crm.Call
	err := s.read(ctx, "read call", func(t tx) error {
		id, err := survivor(ctx, t, tenant, id)
		if err != nil {
			return err
		}
		var record, added []byte
		err = t.one(ctx, `SELECT record, added FROM calls WHERE tenant = $1 AND id = $2`,
			[]any{tenant, id}, &record, &added)
		if err != nil {
			return err
		}
		call, _, err = stored.Decode(record, added)
		return err
	})
	return call, err
}

// SetDisposition implements crm.CallStore.
func (s *Store) SetDisposition(ctx context.Context, tenant, callID string, d crm.Disposition, seen string) (*crm.Call, error) {
	changed := false
	call, err := s.add(ctx, "set disposition", tenant, callID, func(a *stored.Added) *crm.Event {
		if changed = seen != "" && seen != crm.SaidTag(a.Disposition, a.Notes); changed {
			return nil
		}
		a.Disposition = &d
		return &crm.Event{Type: crm.CallUpdated, At: d.At}
	})
	if changed && err == nil {
		return nil, fmt.Errorf("set disposition of %s: %w", callID, crm.ErrConflict)
	}
	return call, err
}

// AddNote implements crm.CallStore.
func (s *Store) AddNote(ctx context.Context, tenant, callID string, n crm.Note) (*crm.Call, error) {
	return s.add(ctx, "add note", tenant, callID, func(a *stored.Added) *crm.Event {
		with, ok := a.WithNote(n)
		if !ok {
			return nil
		}
		*a = with
		return &crm.Event{Type: crm.CallUpdated, At: n.At}
	})
}

// SetContact implements crm.CallStore.
func (s *Store) SetContact(ctx context.Context, tenant, callID string, m *crm.Match) (*crm.Call, error) {
	return s.add(ctx, "set contact", tenant, callID, func(a *stored.Added) *crm.Event {
		return a.SetContact(m)
	})
}

// add changes what people added to a call by fn and appends the event fn returns;
// nil means that nothing changed.
func (s *Store) add(
	ctx context.Context, doing, tenant, id string, fn func(*stored.Added) *crm.Event,
) (call *crm.Call, err error) {
	err = s.write(ctx, doing, func(t tx) error {
		n, err := reserve(ctx, t, 1)
		if err != nil {
			return err
		}
		id, err := survivor(ctx, t, tenant, id)
		if err != nil {
			return err
		}
		old, err := loadOne(ctx, t, tenant, id)
		if err != nil {
			return err
		}
		var added stored.Added
		if call, added, err = stored.Decode(old.record, old.added); err != nil {
			return err
		}
		e := fn(&added)
		if e == nil {
			return nil
		}
		row, err := stored.NewRow(tenant, call, added)
		if err != nil {
			return err
		}
		if err := put(ctx, t, tenant, []change{{old, row}}); err != nil {
			return err
		}
		if call, _, err = stored.Decode(row.Record, row.Added); err != nil {
			return err
		}
		e.Call, e.Tenant = call, tenant
		return putEvents(ctx, t, tenant, n, []crm.Event{*e})
	})
	if err != nil {
		return nil, err
	}
	return call, nil
}

// Dispositions implements crm.CallStore.
func (s *Store) Dispositions(ctx context.Context, tenant string) ([]crm.DispositionCode, error) {
	var codes []crm.DispositionCode
	err := s.read(ctx, "list dispositions", func(t tx) error {
		return t.each(ctx, `SELECT code, label FROM dispositions WHERE tenant = $1 ORDER BY place, code`,
			[]any{tenant}, func(scan scan) error {
				var c crm.DispositionCode
				err := scan(&c.Code, &c.Label)
				codes = append(codes, c)
				return err
			})
	})
	if err == nil && len(codes) == 0 {
		codes = crm.DefaultDispositions()
	}
	return codes, err
}
