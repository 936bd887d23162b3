package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// kept is what is stored of a call already; the zero value of one that is not.
type kept struct {
	started int64 // ms
	keys    []string
	record  []byte
	added   []byte
}

// change is a call's row as it is and as it shall be.
type change struct {
	old kept
	row stored.Row
}

// load returns what is stored of the calls with those very ids, locked in order of id.
func load(ctx context.Context, t tx, tenant string, ids []string) (map[string]kept, error) {
	return loadAll(ctx, t, tenant, ids, "record")
}

// loadAll is load; record is where the records are read, an empty text where nobody needs them.
func loadAll(ctx context.Context, t tx, tenant string, ids []string, record string) (map[string]kept, error) {
	found := make(map[string]kept, len(ids))
	err := t.each(ctx, `
		SELECT id, started, CASE WHEN terms IS NULL THEN '[]' ELSE keys END, `+record+`, added FROM calls
		WHERE tenant = $1 AND id = ANY($2) ORDER BY id FOR UPDATE`, []any{tenant, ids}, func(scan scan) error {
		var k kept
		var id string
		var started time.Time
		var keys []byte
		if err := scan(&id, &started, &keys, &k.record, &k.added); err != nil {
			return err
		}
		k.started = started.UnixMilli()
		err := json.Unmarshal(keys, &k.keys)
		found[id] = k
		return err
	})
	return found, err
}

// loadOne is load for one call; crm.ErrNotFound when it is not stored.
func loadOne(ctx context.Context, t tx, tenant, id string) (kept, error) {
	found, err := load(ctx, t, tenant, []string{id})
	if err != nil {
		return kept{}, err
	}
	k, ok := found[stored.Text(id)]
	if !ok {
		return kept{}, crm.ErrNotFound
	}
	return k, nil
}

// putRecords stores records as the PBX told them, the last of each id; what people
// added stays. The record of an absorbed call is not stored again. The events are those of stored.Additions.
func putRecords(ctx context.Context, t tx, tenant string, calls []*crm.Call) ([]crm.Event, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	last := map[string]*crm.Call{}
	for _, c := range calls {
		last[stored.Text(c.ID)] = c
	}
	ids := slices.Sorted(maps.Keys(last))
	err := t.each(ctx, `SELECT id FROM call_aliases WHERE tenant = $1 AND id = ANY($2)`, []any{tenant, ids},
		func(scan scan) error {
			var id string
			err := scan(&id)
			delete(last, id)
			return err
		})
	if err != nil {
		return nil, err
	}
	found, err := loadAll(ctx, t, tenant, ids, `''`)
	if err != nil {
		return nil, err
	}
	calls = make([]*crm.Call, 0, len(last))
	for _, id := range ids {
		if c, ok := last[id]; ok {
			calls = append(calls, c)
		}
	}
	added, told, err := stored.Additions(tenant, calls, func(id string) []byte { return found[id].added },
		func(numbers []crm.Number) (map[crm.Number]crm.Match, error) {
			return soleContacts(ctx, t, tenant, numbers)
		})
	if err != nil {
		return nil, err
	}
	changes := make([]change, len(calls))
	for i, c := range calls {
		row, err := stored.NewRow(tenant, c, added[i])
		if err != nil {
			return nil, err
		}
		changes[i] = change{found[row.ID], row}
	}
	return told, put(ctx, t, tenant, changes)
}

// put stores rows and their index. $2 to $10 are columns of the same length; a
// call's terms come separated by spaces.
func put(ctx context.Context, t tx, tenant string, changes []change) error {
	slices.SortFunc(changes, func(a, b change) int { return strings.Compare(a.row.ID, b.row.ID) })
	n := len(changes)
	ids, numbers, keys, terms := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	records, added := make([]string, n), make([]string, n)
	started, talk, open := make([]time.Time, n), make([]int64, n), make([]bool, n)
	for i := range changes {
		r := &changes[i].row
		list, err := json.Marshal(r.Keys)
		if err != nil {
			return err
		}
		ids[i], numbers[i], keys[i], terms[i] = r.ID, r.Numbers, string(list), r.Terms
		records[i], added[i] = r.Record, r.Added
		started[i], talk[i], open[i] = time.UnixMilli(r.Started), r.TalkMS, r.Open
	}
	_, err := t.exec(ctx, `
		INSERT INTO calls (tenant, id, started, talk_ms, numbers, keys, terms, open, record, added)
		SELECT $1, id, started, talk_ms, numbers, keys,
			array_to_tsvector(string_to_array(terms, ' ')), open, record, added
		FROM unnest($2::text[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::text[], $10::text[])
			AS r (id, started, talk_ms, numbers, keys, terms, open, record, added)
		ON CONFLICT (tenant, id) DO UPDATE SET started = excluded.started, talk_ms = excluded.talk_ms,
			numbers = excluded.numbers, keys = excluded.keys, terms = excluded.terms, open = excluded.open,
			record = excluded.record, added = excluded.added`,
		tenant, ids, started, talk, numbers, keys, terms, open, records, added)
	if err != nil {
		return err
	}
	if err := putKinds(ctx, t, tenant, changes); err != nil {
		return err
	}
	return putKeys(ctx, t, tenant, changes)
}

// putKinds stores what kinds of calls there are from now on.
func putKinds(ctx context.Context, t tx, tenant string, changes []change) error {
	rows := make([]*stored.Row, len(changes))
	for i := range changes {
		rows[i] = &changes[i].row
	}
	kinds := t.news.Kinds(tenant, rows...)
	if len(kinds) == 0 {
		return nil
	}
	keys, months, facets := make([]string, len(kinds)), make([]int, len(kinds)), make([]string, len(kinds))
	for i, k := range kinds {
		keys[i], months[i], facets[i] = k.Key, k.Month, k.Facets
	}
	_, err := t.exec(ctx, `
		INSERT INTO call_kinds (tenant, key, month, facets)
		SELECT $1, k.* FROM unnest($2::text[], $3::integer[], $4::text[]) AS k (key, month, facets)
		ON CONFLICT DO NOTHING`, tenant, keys, months, facets)
	return err
}

// index is rows of call_keys, column by column.
type index struct {
	keys    []int64
	started []time.Time
	ids     []string
}

func (x *index) add(key, started int64, id string) {
	x.keys, x.started, x.ids = append(x.keys, key), append(x.started, time.UnixMilli(started)), append(x.ids, id)
}

// putKeys brings the key index from what the calls had to what they have.
func putKeys(ctx context.Context, t tx, tenant string, changes []change) error {
	var gone, fresh index
	for i := range changes {
		old, row := &changes[i].old, &changes[i].row
		less, more := stored.KeyChanges(tenant, old.keys, row.Keys, old.started != row.Started)
		for _, k := range less {
			gone.add(k, old.started, row.ID)
		}
		for _, k := range more {
			fresh.add(k, row.Started, row.ID)
		}
	}
	if len(gone.keys) > 0 {
		_, err := t.exec(ctx, `
			DELETE FROM call_keys AS k USING unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS g (key, started, id)
			WHERE k.key = g.key AND k.started = g.started AND k.id = g.id`, gone.keys, gone.started, gone.ids)
		if err != nil {
			return err
		}
	}
	if len(fresh.keys) == 0 {
		return nil
	}
	_, err := t.exec(ctx, `
		INSERT INTO call_keys (key, started, id)
		SELECT f.key, f.started, f.id FROM unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS f (key, started, id)`,
		fresh.keys, fresh.started, fresh.ids)
	return err
}

// merge moves what people added to the absorbed call to the survivor, removes its
// record and leaves its id as an alias. A survivor that is not stored cannot take
// anything: then the absorbed record stays, so that nothing is lost.
func merge(ctx context.Context, t tx, tenant, from, into string) error {
	into, err := survivor(ctx, t, tenant, into)
	if err != nil || into == from {
		return err
	}
	found, err := load(ctx, t, tenant, []string{from, into})
	if err != nil {
		return err
	}
	to, ok := found[into]
	if !ok {
		return nil
	}
	if gone, ok := found[from]; ok {
		if err := absorb(ctx, t, tenant, from, gone, to); err != nil {
			return err
		}
	}
	if err := mergeEvidence(ctx, t, tenant, from, into); err != nil {
		return err
	}
	if err := mergeHold(ctx, t, tenant, from, into); err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE call_aliases SET survivor = $3 WHERE tenant = $1 AND survivor = $2`, tenant, from, into)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `
		INSERT INTO call_aliases (tenant, id, survivor) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, id) DO UPDATE SET survivor = excluded.survivor`, tenant, from, into)
	return err
}

// absorb moves what the call gone has to the call to, and removes it.
func absorb(ctx context.Context, t tx, tenant, from string, gone, to kept) error {
	_, less, err := stored.Decode(gone.record, gone.added)
	if err != nil {
		return err
	}
	call, more, err := stored.Decode(to.record, to.added)
	if err != nil {
		return err
	}
	row, err := stored.NewRow(tenant, call, more.Join(less))
	if err != nil {
		return err
	}
	if err := put(ctx, t, tenant, []change{{to, row}}); err != nil {
		return err
	}
	if err := putKeys(ctx, t, tenant, []change{{gone, stored.Row{ID: from, Started: gone.started}}}); err != nil {
		return err
	}
	_, err = t.exec(ctx, `DELETE FROM calls WHERE tenant = $1 AND id = $2`, tenant, from)
	return err
}

// survivor returns the id under which the call is stored: its own, or that of the
// call that absorbed it.
func survivor(ctx context.Context, t tx, tenant, id string) (string, error) {
	into := stored.Text(id)
	err := t.one(ctx, `SELECT survivor FROM call_aliases WHERE tenant = $1 AND id = $2`, []any{tenant, id}, &into)
	if errors.Is(err, crm.ErrNotFound) {
		return into, nil
	}
	return into, err
}
