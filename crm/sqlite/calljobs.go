package sqlite

import (
	"context"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// CallsWithJobs implements crm.JobStore.
func (s *Store) CallsWithJobs(ctx context.Context, tenant, dest string, ids []string) (found []crm.CallWithJobs, err error) {
	var calls map[string]*crm.Call
	var jobs []crm.Job
	err = s.read(ctx, "read calls and their jobs", func(t tx) error {
		if calls, err = callsOf(ctx, t, tenant, ids); err != nil {
			return err
		}
		jobs, err = readJobs(ctx, t, `SELECT `+jobColumns+` FROM jobs WHERE dest = $1 AND lane IN `+inList+` ORDER BY id`, dest, list(ids))
		return err
	})
	if err != nil {
		return nil, err
	}
	return stored.WithJobs(ids, calls, jobs), nil
}

// callsOf returns the records of those calls that are there, by the id that was asked for.
func callsOf(ctx context.Context, t tx, tenant string, ids []string) (map[string]*crm.Call, error) {
	calls := make(map[string]*crm.Call, len(ids))
	err := t.each(ctx, `
		SELECT w.value, c.record, c.added FROM json_each($2) AS w
		LEFT JOIN call_aliases AS a ON a.tenant = $1 AND a.id = w.value
		JOIN calls AS c ON c.tenant = $1 AND c.id = coalesce(a.survivor, w.value)`,
		[]any{tenant, list(ids)}, func(scan scan) error {
			var id string
			var record, added []byte
			err := scan(&id, &record, &added)
			if err == nil {
				calls[id], _, err = stored.Decode(record, added)
			}
			return err
		})
	return calls, err
}
