package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// The planner does not know which of these two is asked of it, and guesses badly
// for rare and absent things. So it is told: a walk follows an index in its order;
// a question goes to the inverted index. Neither is worth starting processes for, which
// costs more than all the rest.
const (
	beginWalk = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off;
		SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off;
		SET LOCAL max_parallel_workers_per_gather = 0; ` + walkIndexes
	walkIndexes = `SET LOCAL enable_bitmapscan = off`
	askTerms    = `SET LOCAL enable_bitmapscan = on`
)

// fresh makes a statement be planned for its arguments each time: a plan that fits
// all arguments fits no search. What reads a range of an index and no more, as most
// pages, has one plan, and is prepared: planning it takes as long as reading it.
const fresh = pgx.QueryExecModeCacheDescribe

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
	err = s.search(ctx, &q, tenant, func(f *finder) error {
		hits, err = stored.Find(ctx, tenant, &q, f, s.budget)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return stored.PageOf(hits, q.Limit)
}

// search runs fn on one unchanging view of the data, the planner told to walk.
func (s *Store) search(ctx context.Context, q *stored.Query, tenant string, fn func(*finder) error) error {
	err := s.run(ctx, s.api, pgx.TxOptions{BeginQuery: beginWalk}, func(t tx) error {
		return fn(&finder{t: t, tenant: tenant, q: q, mode: walkIndexes})
	})
	return s.wrap(ctx, "list calls", err)
}

// finder is the stored.Source of one query in one transaction.
type finder struct {
	t      tx
	tenant string
	q      *stored.Query
	chosen bool
	key    string // of the key index, that is walked; "" walks the calls themselves
	mode   string // of the planner, as it was set last
}

// tell tells the planner what is asked of it.
func (f *finder) tell(ctx context.Context, mode string) error {
	if f.mode == mode {
		return nil
	}
	f.mode = mode
	_, err := f.t.exec(ctx, mode)
	return err
}

// Walk implements stored.Source.
func (f *finder) Walk(ctx context.Context, below *stored.Place, want, budget int) ([]stored.Hit, *stored.Place, error) {
	if err := f.tell(ctx, walkIndexes); err != nil {
		return nil, nil, err
	}
	if err := f.choose(ctx); err != nil {
		return nil, nil, err
	}
	b := f.walk(below, want, budget)
	args := b.args
	if budget > 0 {
		args = b.planned()
	}
	hits, err := f.hits(ctx, b.sql, args, nil)
	if err != nil || len(hits) >= want || budget == 0 {
		return hits, nil, err
	}
	end, err := f.place(ctx, below, budget)
	return hits, end, err
}

// walk writes the statement of Walk.
func (f *finder) walk(below *stored.Place, want, budget int) *builder {
	b := &builder{}
	b.add(`SELECT c.started, c.id, c.record, c.added FROM (`)
	f.stretch(b, below, `*`)
	if budget > 0 {
		b.limit(budget)
	}
	if f.key == "" {
		b.add(`) AS c WHERE true`)
	} else {
		b.add(`) AS k JOIN calls AS c ON c.tenant = %s AND c.id = k.id WHERE true`, f.tenant)
	}
	b.conditions(f.q)
	if f.key == "" {
		b.add(` ORDER BY c.started DESC, c.id DESC`)
	} else {
		b.add(` ORDER BY k.started DESC, k.id DESC`)
	}
	b.limit(want)
	return b
}

// stretch writes the range of the index that is walked.
func (f *finder) stretch(b *builder, below *stored.Place, columns string) {
	if f.key == "" {
		b.add(`SELECT `+columns+` FROM calls WHERE tenant = %s`, f.tenant)
	} else {
		b.add(`SELECT `+columns+` FROM call_keys WHERE key = %s`, stored.Hash(f.tenant, f.key))
	}
	b.bounds("started", "id", f.q, below)
	b.add(` ORDER BY started DESC, id DESC`)
}

// place returns the n-th place of the stretch, nil when it has fewer.
func (f *finder) place(ctx context.Context, below *stored.Place, n int) (*stored.Place, error) {
	var b builder
	f.stretch(&b, below, `started, id`)
	b.limit(1)
	b.add(` OFFSET %s`, n-1)
	var p stored.Place
	var started time.Time
	err := f.t.one(ctx, b.sql, b.args, &started, &p.ID)
	if err != nil {
		return nil, ignore(err, crm.ErrNotFound)
	}
	p.Started = started.UnixMilli()
	return &p, nil
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
		b.add(`SELECT count(*) FROM (SELECT FROM call_keys WHERE key = %s`, stored.Hash(f.tenant, key))
		b.bounds("started", "id", f.q, f.q.Before)
		b.limit(stored.RareKey)
		b.add(`) AS few`)
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
	if err := f.tell(ctx, askTerms); err != nil {
		return nil, false, err
	}
	var found int
	b := f.ask(term, lo, below, want, budget)
	hits, err = f.hits(ctx, b.sql, b.planned(), &found)
	return hits, found > budget, err
}

// ask writes the statement of Ask. Open calls are not in the inverted index: they are
// few, and change often. What the index has is counted before anything else is looked
// at, so that calls of another time or tenant are not gone through either.
func (f *finder) ask(term string, lo int64, below *stored.Place, want, budget int) *builder {
	b := &builder{}
	b.add(`WITH found AS MATERIALIZED (SELECT tenant, started, id, numbers, talk_ms FROM calls
		WHERE terms @@ %s::tsquery AND NOT open`, match(f.q, term))
	b.limit(budget + 1)
	b.add(`), page AS MATERIALIZED (SELECT * FROM (SELECT c.started, c.id FROM found AS c WHERE c.tenant = %s`, f.tenant)
	b.bounds("c.started", "c.id", f.q, below)
	b.rest(f.q)
	b.add(` UNION ALL SELECT k.started, k.id FROM call_keys AS k JOIN calls AS c ON c.tenant = %s AND c.id = k.id
		WHERE k.key = %s`, f.tenant, stored.Hash(f.tenant, stored.KeyOpen))
	b.bounds("k.started", "k.id", f.q, below)
	b.add(` AND k.started >= %s`, time.UnixMilli(lo))
	b.conditions(f.q)
	b.add(`) AS any_of ORDER BY started DESC, id DESC`)
	b.limit(want)
	b.add(`) SELECT coalesce(p.started, 'epoch'), coalesce(p.id, ''), coalesce(c.record, ''), coalesce(c.added, ''), n.found
		FROM (SELECT count(*) AS found FROM found) AS n LEFT JOIN (page AS p JOIN calls AS c ON c.tenant = %s AND c.id = p.id) ON true
		ORDER BY p.started DESC, p.id DESC`, f.tenant)
	return b
}

// Newest implements stored.Source. One row of an index in order needs no telling.
func (f *finder) Newest(ctx context.Context, below *stored.Place) (int64, bool, error) {
	var b builder
	b.add(`SELECT started FROM calls WHERE tenant = %s`, f.tenant)
	b.bounds("started", "id", f.q, below)
	b.add(` ORDER BY started DESC, id DESC LIMIT 1`)
	var started time.Time
	err := f.t.one(ctx, b.sql, b.args, &started)
	return started.UnixMilli(), err == nil, ignore(err, crm.ErrNotFound)
}

// Months implements stored.Source.
func (f *finder) Months(ctx context.Context) (m stored.Months, err error) {
	var b builder
	b.add(`SELECT month, true AS known FROM call_kinds_known UNION ALL
		SELECT DISTINCT month, false FROM call_kinds WHERE tenant = %s AND key = %s`, f.tenant, f.q.FacetsOf)
	for _, facet := range f.q.Facets {
		b.add(` AND strpos(facets, %s) > 0`, facet)
	}
	b.add(` ORDER BY month DESC`)
	err = f.t.each(ctx, b.sql, b.planned(), func(scan scan) error { return m.Scan(scan) })
	return m, err
}

// Coded implements stored.Source.
func (f *finder) Coded(ctx context.Context) (month int, err error) {
	err = f.t.one(ctx, `SELECT month FROM call_codes_known`, nil, &month)
	return month, err
}

// hits runs a statement that gives calls; count, if any, takes a fifth column, which
// comes with a call that is none where there are no others.
func (f *finder) hits(ctx context.Context, sql string, args []any, count *int) (hits []stored.Hit, err error) {
	err = f.t.each(ctx, sql, args, func(scan scan) error {
		var h stored.Hit
		var started time.Time
		dest := []any{&started, &h.ID, &h.Record, &h.Added}
		if count != nil {
			dest = append(dest, count)
		}
		err := scan(dest...)
		if h.Started = started.UnixMilli(); h.ID != "" {
			hits = append(hits, h)
		}
		return err
	})
	return hits, err
}
