package sqlite

import (
	"context"
	"fmt"
	"time"

	"patchcord/crm"
	"patchcord/crm/background"
	"patchcord/crm/internal/stored"
)

// AddEvidence implements crm.EvidenceStore.
func (s *Store) AddEvidence(ctx context.Context, tenant string, list []crm.CallEvidence) error {
	return s.write(ctx, "add evidence", func(t tx) error {
		return putEvidence(ctx, t, tenant, list, nil)
	})
}

// putEvidence appends evidence to the rows of its calls; those of the ended ones are compressed.
func putEvidence(ctx context.Context, t tx, tenant string, fresh []crm.CallEvidence, calls []*crm.Call) error {
	if len(fresh) == 0 {
		return nil
	}
	ids := make([]string, len(fresh))
	for i, e := range fresh {
		ids[i] = e.CallID
	}
	aliases, err := aliasesOf(ctx, t, tenant, ids)
	if err != nil {
		return err
	}
	ended := map[string]bool{}
	for _, c := range calls {
		ended[stored.Text(c.ID)] = !c.Open()
	}
	gathered := stored.Gather(fresh, aliases)
	ids = ids[:0]
	for _, e := range gathered {
		ids = append(ids, e.CallID)
	}
	rows, err := loadEvidence(ctx, t, tenant, ids...)
	if err != nil {
		return err
	}
	for _, e := range gathered {
		background.Pause()
		if rows[e.CallID], err = rows[e.CallID].Add(ended[e.CallID], e.Lists...); err != nil {
			return fmt.Errorf("evidence of call %s: %w", e.CallID, err)
		}
	}
	return saveEvidence(ctx, t, tenant, ids, rows)
}

// loadEvidence returns the rows with those very ids, by id; a call without one is left out.
func loadEvidence(ctx context.Context, t tx, tenant string, ids ...string) (map[string]stored.Evidence, error) {
	rows := make(map[string]stored.Evidence, len(ids))
	err := t.each(ctx, `SELECT id, body, more FROM call_evidence WHERE tenant = $1 AND id IN `+inList,
		[]any{tenant, list(ids)}, func(scan scan) error {
			var id string
			var row stored.Evidence
			err := scan(&id, &row.Body, &row.More)
			rows[id] = row
			return err
		})
	return rows, err
}

func saveEvidence(ctx context.Context, t tx, tenant string, ids []string, rows map[string]stored.Evidence) error {
	return t.rows(ctx, `call_evidence (tenant, id, body, more)`,
		`ON CONFLICT (tenant, id) DO UPDATE SET body = excluded.body, more = excluded.more`, len(ids), func(args []any, i int) []any {
			row := rows[ids[i]]
			return append(args, tenant, ids[i], notNil(row.Body), row.More)
		})
}

// mergeEvidence moves the evidence of an absorbed call to the survivor.
func mergeEvidence(ctx context.Context, t tx, tenant, from, into string) error {
	rows, err := loadEvidence(ctx, t, tenant, from, into)
	if err != nil || rows[from].Body == nil {
		return err
	}
	if rows[into], err = rows[into].Join(rows[from]); err != nil {
		return err
	}
	if err := saveEvidence(ctx, t, tenant, []string{into}, rows); err != nil {
		return err
	}
	_, err = t.exec(ctx, `DELETE FROM call_evidence WHERE tenant = $1 AND id = $2`, tenant, from)
	return err
}

// Evidence implements crm.EvidenceStore.
func (s *Store) Evidence(ctx context.Context, tenant, callID string) (items []crm.Evidence, more int, err error) {
	err = s.read(ctx, "read evidence", func(t tx) error {
		id, err := survivor(ctx, t, tenant, callID)
		if err != nil {
			return err
		}
		rows, err := loadEvidence(ctx, t, tenant, id)
		if err != nil {
			return err
		}
		more = rows[id].More
		items, err = rows[id].Items()
		return err
	})
	return items, more, err
}

// CallJobs implements crm.EvidenceStore.
func (s *Store) CallJobs(ctx context.Context, tenant, callID string, dests []string) (jobs []crm.Job, err error) {
	jobs = []crm.Job{}
	err = s.read(ctx, "list jobs of a call", func(t tx) error {
		id, err := survivor(ctx, t, tenant, callID)
		if err != nil {
			return err
		}
		for _, dest := range dests {
			list, err := readJobs(ctx, t, `
				SELECT `+jobColumns+` FROM jobs WHERE dest = $1 AND lane IN (
					SELECT $3 UNION ALL SELECT id FROM call_aliases WHERE tenant = $2 AND survivor = $3)
				ORDER BY id`, dest, tenant, id)
			if err != nil {
				return err
			}
			jobs = append(jobs, list...)
		}
		return nil
	})
	return jobs, err
}

// putSeen notes which extensions had part in a call.
func putSeen(ctx context.Context, t tx, tenant string, calls []*crm.Call) error {
	var lists [][]any
	for _, s := range t.news.Seen(tenant, calls) {
		lists = append(lists, []any{tenant, s.PBX, s.Extension, ms(s.At.Time)})
	}
	return t.many(ctx, `
		INSERT INTO extensions (tenant, pbx, extension, seen) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, pbx, extension) DO UPDATE SET seen = excluded.seen WHERE excluded.seen > seen`, lists)
}

// SeenExtensions implements crm.EvidenceStore.
func (s *Store) SeenExtensions(ctx context.Context, tenant string, since time.Time) ([]crm.SeenExtension, error) {
	found := []crm.SeenExtension{}
	err := s.readLong(ctx, "list extensions", func(t tx) error {
		return t.each(ctx, `
			SELECT pbx, extension, seen FROM extensions WHERE tenant = $1 AND seen >= $2 ORDER BY pbx, extension`,
			[]any{tenant, since.UnixMilli()}, func(scan scan) error {
				var e crm.SeenExtension
				err := scan(&e.PBX, &e.Extension, timeAt{&e.SeenAt})
				found = append(found, e)
				return err
			})
	})
	return found, err
}
