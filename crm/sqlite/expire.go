package sqlite

import (
	"context"
	"errors"
	"fmt"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// Expire implements crm.RetentionStore.
func (s *Store) Expire(ctx context.Context, e crm.Expiry) (removed int, next string, err error) {
	run := expireCalls
	switch e.Class {
	case crm.KeepCalls, crm.KeepNotes, crm.KeepRecordings, crm.KeepEvidence:
	case crm.KeepEvents:
		run = expireEvents
	case crm.KeepJobs:
		run = expireJobs
	default:
		return 0, "", fmt.Errorf("expire: there is no class %q", e.Class)
	}
	err = s.write(ctx, "expire "+string(e.Class), func(t tx) error {
		removed, next, err = run(ctx, t, &e)
		return err
	})
	return removed, next, err
}

// expireCalls looks at a stretch of calls in the order of their start.
func expireCalls(ctx context.Context, t tx, e *crm.Expiry) (removed int, next string, err error) {
	ids, next, err := oldCalls(ctx, t, e)
	if err != nil {
		return 0, "", err
	}
	for _, id := range ids {
		n, err := expireCall(ctx, t, e, id)
		if err != nil {
			return 0, "", err
		}
		removed += n
	}
	if e.Class == crm.KeepCalls && e.Mark == "" {
		_, err = t.exec(ctx, `DELETE FROM gaps WHERE tenant = $1 AND ended < $2`, e.Tenant, ms(e.Before))
	}
	return removed, next, err
}

// stays is what a call has by class, beside what is open or held, that has nothing to remove.
var stays = map[crm.RetentionClass]string{
	crm.KeepNotes:      ` OR c.added NOT LIKE '%"note%'`,
	crm.KeepRecordings: ` OR instr(' ' || c.terms || ' ', ' r:1 ') = 0`,
}

// oldCalls returns which calls of the next stretch of old ones have something to
// remove, but for those that are open or held, and the mark after the stretch.
func oldCalls(ctx context.Context, t tx, e *crm.Expiry) (ids []string, next string, err error) {
	last := &stored.Place{}
	if e.Mark != "" {
		if last, err = stored.ParsePlace(e.Mark); err != nil {
			return nil, "", err
		}
	}
	n := 0
	err = t.each(ctx, `
		SELECT c.started, c.id, c.open OR EXISTS (SELECT 1 FROM holds AS h WHERE h.tenant = c.tenant AND h.id = c.id)`+stays[e.Class]+`
		FROM calls AS c WHERE c.tenant = $1 AND (c.started, c.id) > ($2, $3) AND c.started > 0 AND c.started < $4
		ORDER BY c.started, c.id LIMIT $5`,
		[]any{e.Tenant, last.Started, last.ID, ms(e.Before), e.Limit}, func(scan scan) error {
			var stays bool
			err := scan(&last.Started, &last.ID, &stays)
			if n++; !stays {
				ids = append(ids, last.ID)
			}
			return err
		})
	if n == e.Limit {
		next = last.Cursor()
	}
	return ids, next, err
}

// expireCall removes what the class names, and returns how many things that were.
func expireCall(ctx context.Context, t tx, e *crm.Expiry, id string) (int, error) {
	if e.Class == crm.KeepEvidence {
		n, err := t.exec(ctx, `DELETE FROM call_evidence WHERE tenant = $1 AND id = $2`, e.Tenant, id)
		return int(n), err
	}
	old, err := load(ctx, t, e.Tenant, id)
	if err != nil {
		return 0, err
	}
	if e.Class == crm.KeepCalls {
		return 1, removeCall(ctx, t, e.Tenant, id, old)
	}
	row, ok, err := stored.Expired(e.Tenant, e.Class, old.record, old.added)
	if err != nil || !ok {
		return 0, err
	}
	call, added, err := stored.Decode(row.Record, row.Added)
	if err != nil {
		return 0, err
	}
	_, err = put(ctx, t, e.Tenant, old, call, added)
	return 1, err
}

// removeCall removes a call and all that belongs to it.
func removeCall(ctx context.Context, t tx, tenant, id string, old kept) error {
	putTerms(t, old.no, old.terms, &stored.Row{})
	putKeys(t, tenant, old, &stored.Row{ID: id, Started: old.started})
	var errs []error
	for _, query := range []string{
		`DELETE FROM call_evidence WHERE tenant = $1 AND id = $2`,
		`DELETE FROM call_aliases WHERE tenant = $1 AND survivor = $2`,
		`DELETE FROM calls WHERE tenant = $1 AND id = $2`,
	} {
		_, err := t.exec(ctx, query, tenant, id)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// old is an event or a job that Expire looks at.
type old struct {
	n     int64
	stays bool
}

// expireEvents removes events from the beginning of the log. The newest of people's
// stays, for it tells how far their log came.
func expireEvents(ctx context.Context, t tx, e *crm.Expiry) (removed int, next string, err error) {
	var top int64
	if err := t.one(ctx, `SELECT coalesce(max(n), 0) FROM events WHERE pbx = ''`, nil, &top); err != nil {
		return 0, "", err
	}
	young := false
	removed, next, err = sweepRows(ctx, t, e, `DELETE FROM events WHERE n = $1`, `
		SELECT n, at, EXISTS (SELECT 1 FROM holds AS h WHERE h.tenant = $1 AND h.id = coalesce(
			(SELECT survivor FROM call_aliases AS a WHERE a.tenant = $1 AND a.id = call_id), call_id))
		FROM events WHERE tenant = $1 AND n > $2 AND n < $3 ORDER BY n LIMIT $4`,
		func(after int64) []any { return []any{e.Tenant, after, e.Keep, e.Limit} },
		func(scan scan) (o old, err error) {
			var at crm.Time
			err = scan(&o.n, timeAt{&at}, &o.stays)
			young = young || !at.IsZero() && !at.Before(e.Before)
			o.stays = o.stays || young || o.n == top
			return o, err
		})
	if young {
		next = ""
	}
	return removed, next, err
}

// expireJobs removes deliveries that nobody has to do any more.
func expireJobs(ctx context.Context, t tx, e *crm.Expiry) (removed int, next string, err error) {
	return sweepRows(ctx, t, e, `DELETE FROM jobs WHERE id = $1`,
		`SELECT id, state NOT IN ('done', 'skipped') OR queued >= $1 FROM jobs WHERE id > $2 ORDER BY id LIMIT $3`,
		func(after int64) []any { return []any{ms(e.Before), after, e.Limit} },
		func(scan scan) (o old, err error) {
			err = scan(&o.n, &o.stays)
			return o, err
		})
}

// sweepRows looks at rows after the mark and removes those that do not stay.
func sweepRows(
	ctx context.Context, t tx, e *crm.Expiry, remove, look string, args func(after int64) []any, row func(scan) (old, error),
) (removed int, next string, err error) {
	after, err := stored.ParseMark(e.Mark)
	if err != nil {
		return 0, "", err
	}
	var gone [][]any
	looked := 0
	err = t.each(ctx, look, args(after), func(scan scan) error {
		o, err := row(scan)
		if looked++; !o.stays {
			gone = append(gone, []any{o.n})
		}
		after = o.n
		return err
	})
	if err != nil {
		return 0, "", err
	}
	return len(gone), stored.NextMark(after, looked, e.Limit), t.many(ctx, remove, gone)
}
