package sqlite

import (
	"context"
	"fmt"
	"time"

	"patchcord/crm"
)

// Redrive implements crm.Outbox.
func (s *Store) Redrive(ctx context.Context, id int64, now time.Time) error {
	return s.changeParked(ctx, "redrive", id, `state = 'ready', due = $2, attempts = 0`, now.UnixMilli())
}

// RedriveAll implements crm.JobStore.
func (s *Store) RedriveAll(ctx context.Context, dest string, now time.Time) (n int, err error) {
	err = s.write(ctx, "redrive jobs of "+dest, func(t tx) error {
		changed, err := t.exec(ctx, `
			UPDATE jobs SET state = 'ready', due = $2, attempts = 0 WHERE dest = $1 AND state = 'parked'`, dest, now.UnixMilli())
		n = int(changed)
		if err == nil { // what had been postponed
			_, err = t.exec(ctx, `UPDATE jobs SET due = $2 WHERE dest = $1 AND state = 'ready' AND due IS NULL`, dest, now.UnixMilli())
		}
		return err
	})
	return n, err
}

// EditJob implements crm.JobStore.
func (s *Store) EditJob(ctx context.Context, id int64, payload []byte) error {
	return s.changeParked(ctx, "edit", id, `payload = $2`, notNil(payload))
}

// SkipJob implements crm.JobStore.
func (s *Store) SkipJob(ctx context.Context, id int64, reason string) error {
	return s.changeParked(ctx, "skip", id, `state = 'skipped', due = NULL, last_err = $2`, reason)
}

// changeParked sets columns of a parked job; $2 is the value. What had been postponed behind it is due.
func (s *Store) changeParked(ctx context.Context, doing string, id int64, set string, value any) error {
	return s.write(ctx, fmt.Sprintf("%s job %d", doing, id), func(t tx) error {
		n, err := t.exec(ctx, `UPDATE jobs SET `+set+` WHERE id = $1 AND state = 'parked'`, id, value)
		if err == nil && n == 1 {
			_, err = t.exec(ctx, `
				UPDATE jobs SET due = 0
				WHERE (dest, lane) = (SELECT dest, lane FROM jobs WHERE id = $1) AND state = 'ready' AND due IS NULL`, id)
			return err
		}
		if err != nil {
			return err
		}
		var state crm.JobState
		if err := t.one(ctx, `SELECT state FROM jobs WHERE id = $1`, []any{id}, &state); err != nil {
			return err
		}
		return fmt.Errorf("%w: the job is %s, not parked", crm.ErrConflict, state)
	})
}

// Job implements crm.JobStore.
func (s *Store) Job(ctx context.Context, dest string, id int64) (j crm.Job, err error) {
	err = s.read(ctx, fmt.Sprintf("read job %d", id), func(t tx) error {
		found, err := readJobs(ctx, t, `SELECT `+jobColumns+` FROM jobs WHERE dest = $1 AND id = $2`, dest, id)
		if err == nil && len(found) == 0 {
			err = crm.ErrNotFound
		}
		if err == nil {
			j = found[0]
		}
		return err
	})
	return j, err
}

// CountJobs implements crm.JobStore.
func (s *Store) CountJobs(ctx context.Context, dest string) (counts map[crm.JobState]int, err error) {
	err = s.readLong(ctx, "count jobs of "+dest, func(t tx) error {
		counts = map[crm.JobState]int{}
		return t.each(ctx, `
			SELECT state, count(*) FROM jobs
			WHERE dest = $1 AND state IN ('ready', 'leased', 'parked', 'skipped') GROUP BY state`, []any{dest}, func(scan scan) error {
			var state crm.JobState
			var n int
			err := scan(&state, &n)
			counts[state] = n
			return err
		})
	})
	return counts, err
}

// OldestJob implements crm.JobStore.
func (s *Store) OldestJob(ctx context.Context, dest string) (time.Time, error) {
	var queued crm.Time
	err := s.read(ctx, "find the oldest job of "+dest, func(t tx) error {
		return t.one(ctx, `
			SELECT min(queued) FROM jobs WHERE id IN (
				(SELECT min(id) FROM jobs WHERE dest = $1 AND state = 'ready'),
				(SELECT min(id) FROM jobs WHERE dest = $1 AND state = 'leased'))`, []any{dest}, timeAt{&queued})
	})
	return queued.Time, err
}
