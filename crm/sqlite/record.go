package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// kept is what is stored of a call already.
type kept struct {
	no      int64
	started int64
	keys    []string
	terms   string // as they are in the inverted index; "" when the call is not in it
	record  []byte
	added   []byte
}

// load returns what is stored of the call with that very id; crm.ErrNotFound when nothing is.
func load(ctx context.Context, t tx, tenant, id string) (kept, error) {
	found, err := loadAll(ctx, t, tenant, []string{id}, "record")
	if err != nil {
		return kept{}, err
	}
	k, ok := found[stored.Text(id)]
	if !ok {
		return kept{}, crm.ErrNotFound
	}
	return k, nil
}

// loadAll returns what is stored of the calls with those very ids, by id; record is where
// their records are read, an empty text where nobody needs them.
func loadAll(ctx context.Context, t tx, tenant string, ids []string, record string) (map[string]kept, error) {
	found := make(map[string]kept, len(ids))
	err := t.each(ctx, `
		SELECT id, no, started, iif(terms = '', '[]', keys), iif(open, '', terms), `+record+`, added FROM calls
		WHERE tenant = $1 AND id IN `+inList,
		[]any{tenant, list(ids)}, func(scan scan) error {
			var k kept
			var id string
			var keys []byte
			if err := scan(&id, &k.no, &k.started, &keys, &k.terms, &k.record, &k.added); err != nil {
				return err
			}
			err := json.Unmarshal(keys, &k.keys)
			found[id] = k
			return err
		})
	return found, err
}

// putRecords stores records as the PBX told them, the last of each id; what people
// added stays. The record of an absorbed call is not stored again. The events are those of stored.Additions.
func putRecords(ctx context.Context, t tx, tenant string, calls []*crm.Call) ([]crm.Event, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	last, ids := map[string]*crm.Call{}, []string(nil)
	for _, c := range calls {
		id := stored.Text(c.ID)
		if last[id] == nil {
			ids = append(ids, id)
		}
		last[id] = c
	}
	gone, err := aliasesOf(ctx, t, tenant, ids)
	if err != nil {
		return nil, err
	}
	found, err := loadAll(ctx, t, tenant, ids, `''`)
	if err != nil {
		return nil, err
	}
	calls = nil
	for _, id := range ids {
		if gone[id] == "" {
			calls = append(calls, last[id])
		}
	}
	added, told, err := stored.Additions(tenant, calls, func(id string) []byte { return found[id].added },
		func(numbers []crm.Number) (map[crm.Number]crm.Match, error) {
			return soleContacts(ctx, t, tenant, numbers)
		})
	if err != nil {
		return nil, err
	}
	for i, c := range calls {
		if _, err := put(ctx, t, tenant, found[stored.Text(c.ID)], c, added[i]); err != nil {
			return nil, fmt.Errorf("store call %s: %w", c.ID, err)
		}
	}
	return told, nil
}

// put stores a call whose stored form is old, and its index, and returns what it stored.
func put(ctx context.Context, t tx, tenant string, old kept, c *crm.Call, a stored.Added) (stored.Row, error) {
	row, err := stored.NewRow(tenant, c, a)
	if err != nil {
		return row, err
	}
	keys, err := json.Marshal(row.Keys)
	if err != nil {
		return row, err
	}
	no := old.no
	values := []any{row.TalkMS, row.Numbers, string(keys), row.Terms, row.Open, row.Record, row.Added, row.Started}
	switch {
	case no == 0:
		no, err = t.insert(ctx, `
			INSERT INTO calls (talk_ms, numbers, keys, terms, open, record, added, started, tenant, id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(values, tenant, row.ID)...)
	case old.started == row.Started: // it leaves the index of that column alone
		_, err = t.exec(ctx, `
			UPDATE calls SET talk_ms = ?, numbers = ?, keys = ?, terms = ?, open = ?, record = ?, added = ?
			WHERE no = ?`, append(values[:7], no)...)
	default:
		_, err = t.exec(ctx, `
			UPDATE calls SET talk_ms = ?, numbers = ?, keys = ?, terms = ?, open = ?, record = ?, added = ?, started = ?
			WHERE no = ?`, append(values, no)...)
	}
	if err != nil {
		return row, err
	}
	putKeys(t, tenant, old, &row)
	if err := putKinds(ctx, t, tenant, &row); err != nil {
		return row, err
	}
	putTerms(t, no, old.terms, &row)
	return row, nil
}

// putKeys brings the key index from what old has to what row has.
func putKeys(t tx, tenant string, old kept, row *stored.Row) {
	less, more := stored.KeyChanges(tenant, old.keys, row.Keys, old.started != row.Started)
	for _, k := range less {
		t.index.keys[keyRow{k, old.started, row.ID}] = false
	}
	for _, k := range more {
		t.index.keys[keyRow{k, row.Started, row.ID}] = true
	}
}

// putKinds stores what kinds of calls there are from now on.
func putKinds(ctx context.Context, t tx, tenant string, row *stored.Row) error {
	var rows [][]any
	for _, k := range t.news.Kinds(tenant, row) {
		rows = append(rows, []any{tenant, k.Key, k.Month, k.Facets})
	}
	return t.many(ctx, `INSERT INTO call_kinds (tenant, key, month, facets) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, rows)
}

// indexChanges are what a transaction does to the indexes of its calls, at its end: in the
// order of an index rows cost less, as do many at once.
type indexChanges struct {
	keys  map[keyRow]bool // whether they shall be there
	terms []termChange
}

// keyRow is a row of the key index.
type keyRow struct {
	key, started int64
	id           string
}

// termChange is what a call has in the inverted index, and what it shall have.
type termChange struct {
	no       int64
	old, now string // "": it is not in it
}

// putTerms brings the inverted index from the terms old to those of the row. Open
// calls are not in it: they are few, and change often.
func putTerms(t tx, no int64, old string, row *stored.Row) {
	now := row.Terms
	if row.Open {
		now = ""
	}
	if now != old {
		t.index.terms = append(t.index.terms, termChange{no, old, now})
	}
}

// changeKeys makes the changes so far of a transaction to the key index.
func changeKeys(ctx context.Context, t tx) error {
	var gone [][]any
	var put []keyRow
	for r, there := range t.index.keys {
		if there {
			put = append(put, r)
		} else {
			gone = append(gone, []any{r.key, r.started, r.id})
		}
	}
	clear(t.index.keys)
	if err := t.many(ctx, `DELETE FROM call_keys WHERE key = ? AND started = ? AND id = ?`, gone); err != nil {
		return err
	}
	slices.SortFunc(put, func(a, b keyRow) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.started, b.started), strings.Compare(a.id, b.id))
	})
	// A row that was to go and then to stay is still there.
	return t.rows(ctx, `call_keys (key, started, id)`, `ON CONFLICT DO NOTHING`, len(put), func(args []any, i int) []any {
		return append(args, put[i].key, put[i].started, put[i].id)
	})
}

// changeTerms makes the changes of a transaction to the inverted index, one after the other: before a statement that may have to
// be undone by itself, as one that makes several rows, FTS5 writes what it has gathered as a segment of its own.
func changeTerms(ctx context.Context, t tx) error {
	for _, c := range t.index.terms {
		if c.old != "" {
			if _, err := t.exec(ctx, `DELETE FROM call_terms WHERE rowid = ?`, c.no); err != nil {
				return err
			}
		}
		if c.now != "" {
			if _, err := t.exec(ctx, `INSERT INTO call_terms (rowid, terms) VALUES (?, ?)`, c.no, c.now); err != nil {
				return err
			}
		}
	}
	return nil
}

// merge moves what people added to the absorbed call to the survivor, removes its
// record and leaves its id as an alias. A survivor that is not stored cannot take
// anything: then the absorbed record stays, so that nothing is lost.
func merge(ctx context.Context, t tx, tenant, from, into string) error {
	into, err := survivor(ctx, t, tenant, into)
	if err != nil {
		return err
	}
	to, err := load(ctx, t, tenant, into)
	if errors.Is(err, crm.ErrNotFound) || into == from {
		return nil
	}
	if err != nil {
		return err
	}
	if err := absorb(ctx, t, tenant, from, to); err != nil {
		return err
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

// absorb moves what the call from has to the call stored as to, and removes from.
func absorb(ctx context.Context, t tx, tenant, from string, to kept) error {
	gone, err := load(ctx, t, tenant, from)
	if errors.Is(err, crm.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, less, err := stored.Decode(gone.record, gone.added)
	if err != nil {
		return err
	}
	call, more, err := stored.Decode(to.record, to.added)
	if err != nil {
		return err
	}
	if _, err := put(ctx, t, tenant, to, call, more.Join(less)); err != nil {
		return err
	}
	putKeys(t, tenant, gone, &stored.Row{ID: from, Started: gone.started})
	putTerms(t, gone.no, gone.terms, &stored.Row{})
	_, err = t.exec(ctx, `DELETE FROM calls WHERE no = $1`, gone.no)
	return err
}

// survivor returns the id under which the call is stored: its own, or that of the
// call that absorbed it.
func survivor(ctx context.Context, t tx, tenant, id string) (string, error) {
	aliases, err := aliasesOf(ctx, t, tenant, []string{id})
	id = stored.Text(id)
	return cmp.Or(aliases[id], id), err
}

// aliasesOf returns the survivors of those calls that were absorbed, by id.
func aliasesOf(ctx context.Context, t tx, tenant string, ids []string) (map[string]string, error) {
	aliases := map[string]string{}
	err := t.each(ctx, `SELECT id, survivor FROM call_aliases WHERE tenant = $1 AND id IN `+inList,
		[]any{tenant, list(ids)}, func(scan scan) error {
			var id, into string
			err := scan(&id, &into)
			aliases[id] = into
			return err
		})
	return aliases, err
}
