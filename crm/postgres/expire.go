package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// Expire implements crm.RetentionStore. It uses the connections of slow work.
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
	err = s.slowly(ctx, "expire "+string(e.Class), func(t tx) error {
		removed, next, err = run(ctx, t, &e)
		return err
	})
	return removed, next, err
}

// expireCalls looks at a stretch of calls in the order of their start.
func expireCalls(ctx context.Context, t tx, e *crm.Expiry) (removed int, next string, err error) {
	ids, next, err := oldCalls(ctx, t, e)
	if err != nil || len(ids) == 0 {
		return 0, next, err
	}
	switch e.Class {
	case crm.KeepCalls:
		removed, err = removeCalls(ctx, t, e, ids)
	case crm.KeepEvidence:
		var n int64
		n, err = t.exec(ctx, `DELETE FROM call_evidence WHERE tenant = $1 AND id = ANY($2)`, e.Tenant, ids)
		removed = int(n)
	default:
		removed, err = stripCalls(ctx, t, e, ids)
	}
	return removed, next, err
}

// stays is what a call has by class, beside what is open or held, that has nothing to remove.
var stays = map[crm.RetentionClass]string{
	crm.KeepNotes:      ` OR c.added NOT LIKE '%"note%'`,
	crm.KeepRecordings: ` OR NOT c.terms @@ '''r:1'''::tsquery`,
}

// oldCalls returns which calls of the next stretch of old ones have something to
// remove, but for those that are open or held, and the mark after the stretch.
func oldCalls(ctx context.Context, t tx, e *crm.Expiry) (ids []string, next string, err error) {
	after := &stored.Place{}
	if e.Mark != "" {
		if after, err = stored.ParsePlace(e.Mark); err != nil {
			return nil, "", err
		}
	}
	if _, err := t.exec(ctx, walkIndexes); err != nil {
		return nil, "", err
	}
	var last stored.Place
	n := 0
	err = t.each(ctx, `
		SELECT c.started, c.id, c.open OR EXISTS (SELECT FROM holds AS h WHERE h.tenant = c.tenant AND h.id = c.id)`+stays[e.Class]+`
		FROM calls AS c WHERE c.tenant = $1 AND (c.started, c.id) > ($2, $3) AND c.started > 'epoch' AND c.started < $4
		ORDER BY c.started, c.id LIMIT $5`,
		[]any{fresh, e.Tenant, time.UnixMilli(after.Started), after.ID, ts(e.Before), e.Limit}, func(scan scan) error {
			var started time.Time
			var stays bool
			err := scan(&started, &last.ID, &stays)
			last.Started = started.UnixMilli()
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

// removeCalls removes calls and all that belongs to them; gaps go with them, once a
// walk. Whether one is held is asked again once it is locked: from then on it cannot be.
func removeCalls(ctx context.Context, t tx, e *crm.Expiry, ids []string) (int, error) {
	found, err := load(ctx, t, e.Tenant, ids)
	if err != nil {
		return 0, err
	}
	err = t.each(ctx, `SELECT id FROM holds WHERE tenant = $1 AND id = ANY($2)`, []any{e.Tenant, ids}, func(scan scan) error {
		var id string
		err := scan(&id)
		delete(found, id)
		return err
	})
	if err != nil {
		return 0, err
	}
	ids = slices.Collect(maps.Keys(found))
	var changes []change
	for id, old := range found {
		changes = append(changes, change{old, stored.Row{ID: id, Started: old.started}})
	}
	if err := putKeys(ctx, t, e.Tenant, changes); err != nil {
		return 0, err
	}
	for _, query := range []string{
		`DELETE FROM call_evidence WHERE tenant = $1 AND id = ANY($2)`,
		`DELETE FROM call_aliases WHERE tenant = $1 AND survivor = ANY($2)`,
		`DELETE FROM calls WHERE tenant = $1 AND id = ANY($2)`,
	} {
		if _, err := t.exec(ctx, query, e.Tenant, ids); err != nil {
			return 0, err
		}
	}
	if e.Mark == "" {
		_, err = t.exec(ctx, `DELETE FROM gaps WHERE tenant = $1 AND ended < $2`, e.Tenant, ts(e.Before))
	}
	return len(found), err
}

// stripCalls takes out of the calls what the class names.
func stripCalls(ctx context.Context, t tx, e *crm.Expiry, ids []string) (int, error) {
	found, err := load(ctx, t, e.Tenant, ids)
	if err != nil {
		return 0, err
	}
	var changes []change
	for _, old := range found {
		row, ok, err := stored.Expired(e.Tenant, e.Class, old.record, old.added)
		if err != nil {
			return 0, err
		}
		if ok {
			changes = append(changes, change{old, row})
		}
	}
	if len(changes) == 0 {
		return 0, nil
	}
	return len(changes), put(ctx, t, e.Tenant, changes)
}

// expireEvents removes events from the beginning of the log. The newest of people's
// stays, for it tells how far their log came.
func expireEvents(ctx context.Context, t tx, e *crm.Expiry) (removed int, next string, err error) {
	after, err := stored.ParseMark(e.Mark)
	if err != nil {
		return 0, "", err
	}
	var last int64
	var looked int
	var young bool
	err = t.one(ctx, `
		WITH old AS MATERIALIZED (
			SELECT n, at, call_id FROM events WHERE tenant = $1 AND n > $2 AND n < $3 ORDER BY n LIMIT $4),
		gone AS (
			DELETE FROM events AS e USING old AS o
			WHERE e.tenant = $1 AND e.n = o.n AND (o.at < $5 OR o.at IS NULL)
				AND o.n < coalesce((SELECT min(n) FROM old WHERE at >= $5), $3)
				AND o.n <> coalesce((SELECT max(n) FROM events WHERE pbx = ''), 0)
				AND NOT EXISTS (SELECT FROM holds AS h WHERE h.tenant = $1 AND h.id = coalesce(
					(SELECT survivor FROM call_aliases AS a WHERE a.tenant = $1 AND a.id = o.call_id), o.call_id))
			RETURNING 1)
		SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM old), coalesce((SELECT max(n) FROM old), 0),
			EXISTS (SELECT FROM old WHERE at >= $5)`,
		[]any{fresh, e.Tenant, after, e.Keep, e.Limit, ts(e.Before)}, &removed, &looked, &last, &young)
	if err != nil || young {
		return removed, "", err
	}
	return removed, stored.NextMark(last, looked, e.Limit), nil
}

// expireJobs removes deliveries that nobody has to do any more.
func expireJobs(ctx context.Context, t tx, e *crm.Expiry) (removed int, next string, err error) {
	after, err := stored.ParseMark(e.Mark)
	if err != nil {
		return 0, "", err
	}
	var last int64
	looked := 0
	err = t.one(ctx, `
		WITH old AS MATERIALIZED (SELECT id, state, queued FROM jobs WHERE id > $1 ORDER BY id LIMIT $2),
		gone AS (
			DELETE FROM jobs USING old AS o WHERE jobs.id = o.id AND o.state IN ('done', 'skipped') AND o.queued < $3
				AND jobs.state = o.state RETURNING 1)
		SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM old), coalesce((SELECT max(id) FROM old), 0)`,
		[]any{fresh, after, e.Limit, ts(e.Before)}, &removed, &looked, &last)
	return removed, stored.NextMark(last, looked, e.Limit), err
}
