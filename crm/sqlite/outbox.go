package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"patchcord/crm"
)

const jobColumns = `id, dest, lane, key, kind, payload, state, due, attempts, gen, unsure, last_err`

// OutboxCursor implements crm.Outbox.
func (s *Store) OutboxCursor(ctx context.Context, dest string) (n int64, err error) {
	err = s.read(ctx, "read outbox cursor of "+dest, func(t tx) error {
		n, err = outboxCursor(ctx, t, dest)
		return err
	})
	return n, err
}

func outboxCursor(ctx context.Context, t tx, dest string) (n int64, err error) {
	err = t.one(ctx, `SELECT n FROM outbox_cursors WHERE dest = $1`, []any{dest}, &n)
	return n, ignore(err, crm.ErrNotFound)
}

// Enqueue implements crm.Outbox.
func (s *Store) Enqueue(ctx context.Context, dest string, from, to int64, jobs []crm.Job) error {
	return s.write(ctx, "enqueue jobs of "+dest, func(t tx) error {
		at, err := outboxCursor(ctx, t, dest)
		if err != nil {
			return err
		}
		if at != from {
			return fmt.Errorf("%w: the cursor is %d, not %d", crm.ErrConflict, at, from)
		}
		_, err = t.exec(ctx, `
			INSERT INTO outbox_cursors (dest, n) VALUES ($1, $2)
			ON CONFLICT (dest) DO UPDATE SET n = excluded.n`, dest, to)
		if err != nil {
			return err
		}
		lists := make([][]any, len(jobs))
		for i, j := range jobs {
			lists[i] = []any{dest, j.Lane, j.Key, j.Kind, notNil(j.Payload), string(crm.JobReady), unixMS(j.RunAt)}
		}
		return t.many(ctx, `
			INSERT INTO jobs (dest, lane, key, kind, payload, state, due, queued)
			VALUES ($1, $2, $3, $4, $5, $6, $7, CAST(strftime('%s', 'now') AS INTEGER) * 1000)
			ON CONFLICT (dest, key) DO NOTHING`, lists)
	})
}

// claimable are the first jobs of their lanes that are due.
const claimable = `
	SELECT id FROM jobs AS j
	WHERE dest = $1 AND state IN ('ready', 'leased') AND due <= $2 AND NOT EXISTS (
		SELECT 1 FROM jobs AS e WHERE e.dest = j.dest AND e.lane = j.lane AND e.id < j.id AND e.state <> 'done' AND e.state <> 'skipped')
	ORDER BY due, id LIMIT $3`

// Claim implements crm.Outbox.
func (s *Store) Claim(
	ctx context.Context, dest string, now time.Time, lease time.Duration, limit int,
) (jobs []crm.Job, err error) {
	err = s.write(ctx, "claim jobs of "+dest, func(t tx) error {
		var ids []int64
		err := t.each(ctx, claimable, []any{dest, now.UnixMilli(), limit}, func(scan scan) error {
			var id int64
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
		if err != nil {
			return err
		}
		slices.Sort(ids)
		jobs, err = leaseJobs(ctx, t, ids, now.Add(lease))
		return err
	})
	return jobs, err
}

func leaseJobs(ctx context.Context, t tx, ids []int64, until time.Time) ([]crm.Job, error) {
	jobs := []crm.Job{}
	for _, id := range ids {
		more, err := readJobs(ctx, t, `
			UPDATE jobs SET unsure = unsure OR state = 'leased', state = 'leased', due = $2,
				attempts = attempts + 1, gen = gen + 1
			WHERE id = $1 RETURNING `+jobColumns, id, until.UnixMilli())
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, more...)
	}
	return jobs, nil
}

// Finish implements crm.Outbox.
func (s *Store) Finish(ctx context.Context, ends ...crm.JobEnd) error {
	var refused []error
	err := s.write(ctx, "finish jobs", func(t tx) error {
		refused = nil
		for _, e := range ends {
			err := finish(ctx, t, e)
			if errors.Is(err, crm.ErrFenced) || errors.Is(err, crm.ErrNotFound) {
				refused, err = append(refused, fmt.Errorf("finish job %d: %w", e.ID, err)), nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(append(refused, err)...)
}

func finish(ctx context.Context, t tx, e crm.JobEnd) error {
	var due any
	switch e.State {
	case crm.JobReady:
		due = unixMS(e.RunAt)
	case crm.JobDone, crm.JobParked:
		if !e.RunAt.IsZero() {
			due = unixMS(e.RunAt)
		}
	default:
		return fmt.Errorf("a job cannot end as %q", e.State)
	}
	free := 0
	if e.Free {
		free = 1
	}
	n, err := t.exec(ctx, `
		UPDATE jobs SET state = $3, due = $4, last_err = $5, attempts = attempts - $6
		WHERE id = $1 AND gen = $2 AND state = 'leased'`, e.ID, e.Gen, string(e.State), due, e.Err, free)
	switch {
	case err == nil && n == 0:
		return finished(ctx, t, e.ID, e.Gen, e.State)
	case err == nil && e.State != crm.JobDone:
		return postpone(ctx, t, e.ID)
	}
	return err
}

// postpone lets the jobs behind one wait as long as it does, and without end behind a parked one: each
// that is due is looked at by every Claim, however long its lane is held.
func postpone(ctx context.Context, t tx, id int64) error {
	_, err := t.exec(ctx, `
		UPDATE jobs SET due = CASE h.state WHEN 'ready' THEN max(due, until) END
		FROM (SELECT id AS head, dest AS d, lane AS l, state, due AS until FROM jobs WHERE id = $1) AS h
		WHERE dest = d AND lane = l AND id > head AND jobs.state = 'ready'`, id)
	return err
}

// finished tells why a job could not be ended: nil when it has ended just so before.
func finished(ctx context.Context, t tx, id int64, gen int, state crm.JobState) error {
	var g int
	var is crm.JobState
	if err := t.one(ctx, `SELECT gen, state FROM jobs WHERE id = $1`, []any{id}, &g, &is); err != nil {
		return err
	}
	if g == gen && is == state {
		return nil
	}
	return fmt.Errorf("%w: lease %d of the job is over", crm.ErrFenced, gen)
}

// Jobs implements crm.Outbox.
func (s *Store) Jobs(ctx context.Context, dest string, state crm.JobState, limit int) (jobs []crm.Job, err error) {
	err = s.readLong(ctx, "list jobs of "+dest, func(t tx) error {
		jobs, err = readJobs(ctx, t, `SELECT `+jobColumns+` FROM jobs WHERE dest = $1 AND state = $2 ORDER BY id LIMIT $3`,
			dest, string(state), limit)
		return err
	})
	return jobs, err
}

func readJobs(ctx context.Context, t tx, query string, args ...any) ([]crm.Job, error) {
	jobs := []crm.Job{}
	err := t.each(ctx, query, args, func(scan scan) error {
		var j crm.Job
		var due crm.Time
		err := scan(&j.ID, &j.Dest, &j.Lane, &j.Key, &j.Kind, &j.Payload, &j.State, timeAt{&due},
			&j.Attempts, &j.Gen, &j.Unsure, &j.LastErr)
		j.RunAt = due.Time
		jobs = append(jobs, j)
		return err
	})
	return jobs, err
}

// unixMS returns t in ms; a zero time is due at once.
func unixMS(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
