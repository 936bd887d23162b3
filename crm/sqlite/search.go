package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// Calls implements crm.CallStore.
func (s *Store) Calls(
	ctx context.Context, tenant string, f crm.CallFilter, p crm.Page,
) (calls []*crm.Call, next string, err error) {
	q, err := stored.NewQuery(f, p)
	if err != nil {
		return nil, "", err
	}
	if q.Nothing {
		return []*crm.Call{}, "", nil
	}
	var hits []stored.Hit
	err = s.read(ctx, "list calls", func(t tx) error {
		hits, err = stored.Find(ctx, tenant, &q, &finder{t: t, tenant: tenant, q: &q}, s.budget)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return stored.PageOf(hits, q.Limit)
}

// finder is the stored.Source of one query in one transaction.
type finder struct {
	t      tx
	tenant string
	q      *stored.Query
	chosen bool
	key    string // of the key index, that is walked; "" walks the calls themselves
}

// Walk implements stored.Source.
func (f *finder) Walk(ctx context.Context, below *stored.Place, want, budget int) ([]stored.Hit, *stored.Place, error) {
	if err := f.choose(ctx); err != nil {
		return nil, nil, err
	}
	b := f.walk(below, want, budget)
	hits, err := f.hits(ctx, b, nil)
	if err != nil || len(hits) >= want || budget == 0 {
		return hits, nil, err
	}
	end, err := f.place(ctx, below, budget)
	return hits, end, err
}

// walk writes the statement of Walk. The order of the joins is as it is written
// (CROSS JOIN), and so is that of the calls.
func (f *finder) walk(below *stored.Place, want, budget int) *builder {
	b := &builder{}
	b.add(`SELECT k.started, k.id, c.record, c.added FROM (`)
	f.stretch(b, below)
	if budget > 0 {
		b.add(` LIMIT %s`, budget)
	}
	if f.key == "" {
		b.add(`) AS k CROSS JOIN calls AS c ON c.no = k.no WHERE true`)
	} else {
		b.add(`) AS k CROSS JOIN calls AS c ON c.tenant = %s AND c.id = k.id WHERE true`, f.tenant)
	}
	b.conditions(f.q)
	b.add(` ORDER BY k.started DESC, k.id DESC LIMIT %s`, want)
	return b
}

// stretch writes the range of the index that is walked.
func (f *finder) stretch(b *builder, below *stored.Place) {
	if f.key == "" {
		b.add(`SELECT started, id, no FROM calls WHERE tenant = %s`, f.tenant)
	} else {
		b.add(`SELECT started, id, 0 FROM call_keys WHERE key = %s`, stored.Hash(f.tenant, f.key))
	}
	b.bounds("started", "id", f.q, below)
	b.add(` ORDER BY started DESC, id DESC`)
}

// place returns the n-th place of the stretch, nil when it has fewer.
func (f *finder) place(ctx context.Context, below *stored.Place, n int) (*stored.Place, error) {
	var b builder
	f.stretch(&b, below)
	b.add(` LIMIT 1 OFFSET %s`, n-1)
	var p stored.Place
	var no int64
	err := f.t.one(ctx, b.sql, b.args, &p.Started, &p.ID, &no)
	if errors.Is(err, crm.ErrNotFound) {
		return nil, nil
	}
	return &p, err
}

// choose decides which range is walked: that of the key with the fewest calls, as far
// as a bounded look tells.
func (f *finder) choose(ctx context.Context) error {
	if f.chosen || len(f.q.Keys) == 0 {
		return nil
	}
	f.chosen, f.key = true, f.q.Keys[0]
	if len(f.q.Keys) == 1 {
		return nil
	}
	least := stored.RareKey
	for _, key := range f.q.Keys {
		var b builder
		b.add(`SELECT count(*) FROM (SELECT 1 FROM call_keys WHERE key = %s`, stored.Hash(f.tenant, key))
		b.bounds("started", "id", f.q, f.q.Before)
		b.add(` LIMIT %s)`, least)
		var n int
		if err := f.t.one(ctx, b.sql, b.args, &n); err != nil {
			return err
		}
		if n < least {
			least, f.key = n, key
		}
	}
	return nil
}

// Ask implements stored.Source.
func (f *finder) Ask(
	ctx context.Context, term string, lo int64, below *stored.Place, want, budget int,
) (hits []stored.Hit, full bool, err error) {
	var found int
	hits, err = f.hits(ctx, f.ask(term, lo, below, want, budget), &found)
	return hits, found > budget, err
}

// ask writes the statement of Ask. Open calls are not in the inverted index. What the
// index has is counted before any call is looked at. A condition that is only checked
// (+) is kept away from indexes.
func (f *finder) ask(term string, lo int64, below *stored.Place, want, budget int) *builder {
	b := &builder{}
	b.add(`WITH found AS MATERIALIZED (SELECT w.rowid AS no FROM call_terms AS w WHERE w.call_terms MATCH %s LIMIT %s),
		page AS MATERIALIZED (SELECT * FROM (SELECT c.started, c.id FROM found CROSS JOIN calls AS c ON c.no = found.no
		WHERE (SELECT count(*) FROM found) <= %s AND +c.tenant = %s`, match(f.q, term), budget+1, budget, f.tenant)
	b.bounds("+c.started", "+c.id", f.q, below)
	b.conditions(f.q)
	b.add(` UNION ALL SELECT k.started, k.id FROM call_keys AS k CROSS JOIN calls AS c ON c.tenant = %s AND c.id = k.id
		WHERE k.key = %s`, f.tenant, stored.Hash(f.tenant, stored.KeyOpen))
	b.bounds("k.started", "k.id", f.q, below)
	b.add(` AND k.started >= %s`, lo)
	b.conditions(f.q)
	b.add(`) ORDER BY started DESC, id DESC LIMIT %s)
		SELECT coalesce(p.started, 0), coalesce(p.id, ''), coalesce(c.record, ''), coalesce(c.added, ''), n.found
		FROM (SELECT count(*) AS found FROM found) AS n LEFT JOIN page AS p LEFT JOIN calls AS c ON c.tenant = %s AND c.id = p.id
		ORDER BY p.started DESC, p.id DESC`, want, f.tenant)
	return b
}

// Newest implements stored.Source.
func (f *finder) Newest(ctx context.Context, below *stored.Place) (started int64, ok bool, err error) {
	var b builder
	b.add(`SELECT started FROM calls WHERE tenant = %s`, f.tenant)
	b.bounds("started", "id", f.q, below)
	b.add(` ORDER BY started DESC, id DESC LIMIT 1`)
	err = f.t.one(ctx, b.sql, b.args, &started)
	if errors.Is(err, crm.ErrNotFound) {
		return 0, false, nil
	}
	return started, err == nil, err
}

// Months implements stored.Source.
func (f *finder) Months(ctx context.Context) (m stored.Months, err error) {
	var b builder
	b.add(`SELECT month, 1 AS known FROM call_kinds_known UNION ALL
		SELECT DISTINCT month, 0 FROM call_kinds WHERE tenant = %s AND key = %s`, f.tenant, f.q.FacetsOf)
	for _, facet := range f.q.Facets {
		b.add(` AND instr(facets, %s) > 0`, facet)
	}
	b.add(` ORDER BY month DESC`)
	err = f.t.each(ctx, b.sql, b.args, func(scan scan) error { return m.Scan(scan) })
	return m, err
}

// Coded implements stored.Source.
func (f *finder) Coded(ctx context.Context) (month int, err error) {
	err = f.t.one(ctx, `SELECT month FROM call_codes_known`, nil, &month)
	return month, err
}

// hits runs a statement that gives calls; count, if any, takes a fifth column, which
// comes with a call that is none where there are no others.
func (f *finder) hits(ctx context.Context, b *builder, count *int) (hits []stored.Hit, err error) {
	err = f.t.each(ctx, b.sql, b.args, func(scan scan) error {
		var h stored.Hit
		dest := []any{&h.Started, &h.ID, &h.Record, &h.Added}
		if count != nil {
			dest = append(dest, count)
		}
		err := scan(dest...)
		if h.ID != "" {
			hits = append(hits, h)
		}
		return err
	})
	return hits, err
}

// builder writes a statement with its arguments numbered.
type builder struct {
	sql  string
	args []any
}

// add appends text, in which every %s stands for one argument.
func (b *builder) add(text string, args ...any) {
	names := make([]any, len(args))
	for i, a := range args {
		b.args = append(b.args, a)
		names[i] = fmt.Sprintf("$%d", len(b.args))
	}
	b.sql += fmt.Sprintf(text, names...)
}

// bounds keeps what is in the query's time and below the place.
func (b *builder) bounds(started, id string, q *stored.Query, below *stored.Place) {
	if q.From != 0 {
		b.add(` AND `+started+` >= %s`, q.From)
	}
	if q.Until != 0 {
		b.add(` AND `+started+` < %s`, q.Until)
	}
	if below != nil {
		b.add(` AND (`+started+`, `+id+`) < (%s, %s)`, below.Started, below.ID)
	}
}

// conditions keeps the calls that match. The row is at hand: no need to ask an index.
func (b *builder) conditions(q *stored.Query) {
	for _, t := range q.Terms {
		b.add(` AND instr(' ' || c.terms || ' ', %s) > 0`, " "+t+" ")
	}
	if q.Ending != "" {
		b.add(` AND instr(c.numbers, %s) > 0`, "|"+q.Ending)
	}
	if q.MinTalkMS > 0 {
		b.add(` AND c.talk_ms >= %s`, q.MinTalkMS)
	}
}

// match writes an FTS5 query for the terms of the query, and one more if any.
func match(q *stored.Query, more string) string {
	var all []string
	for _, t := range q.Terms {
		all = append(all, `"`+t+`"`)
	}
	if more != "" {
		all = append(all, `"`+more+`"`)
	}
	return strings.Join(all, " AND ")
}
