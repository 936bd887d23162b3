package postgres

import (
	"context"
	"fmt"
	"time"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// AddEvidence implements crm.EvidenceStore.
func (s *Store) AddEvidence(ctx context.Context, tenant string, list []crm.CallEvidence) error {
	return s.write(ctx, "add evidence", func(t tx) error {
		return putEvidence(ctx, t, tenant, list, nil)
	})
}

// putEvidence appends evidence to the rows of its calls; those of the ended ones are compressed.
func putEvidence(ctx context.Context, t tx, tenant string, list []crm.CallEvidence, calls []*crm.Call) error {
	if len(list) == 0 {
		return nil
	}
	aliases, err := aliasesOf(ctx, t, tenant, list)
	if err != nil {
		return err
	}
	ended := map[string]bool{}
	for _, c := range calls {
		ended[stored.Text(c.ID)] = !c.Open()
	}
	gathered := stored.Gather(list, aliases)
	ids := make([]string, len(gathered))
	for i, e := range gathered {
		ids[i] = e.CallID
	}
	rows, err := loadEvidence(ctx, t, tenant, ids)
	if err != nil {
		return err
	}
	for _, e := range gathered {
		if rows[e.CallID], err = rows[e.CallID].Add(ended[e.CallID], e.Lists...); err != nil {
			return fmt.Errorf("evidence of call %s: %w", e.CallID, err)
		}
	}
	return saveEvidence(ctx, t, tenant, ids, rows)
}

// aliasesOf returns the survivors of those calls that were absorbed.
func aliasesOf(ctx context.Context, t tx, tenant string, list []crm.CallEvidence) (map[string]string, error) {
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = e.CallID
	}
	aliases := map[string]string{}
	err := t.each(ctx, `SELECT id, survivor FROM call_aliases WHERE tenant = $1 AND id = ANY($2)`,
		[]any{tenant, ids}, func(scan scan) error {
			var id, into string
			err := scan(&id, &into)
			aliases[id] = into
			return err
		})
	return aliases, err
}

// loadEvidence returns the rows with those very ids, locked in order of id; a call
// that has none yet gets an empty one, so that two writers never replace each other's.
func loadEvidence(ctx context.Context, t tx, tenant string, ids []string) (map[string]stored.Evidence, error) {
	_, err := t.exec(ctx, `
		INSERT INTO call_evidence (tenant, id, body, more)
		SELECT $1, id, '', 0 FROM unnest($2::text[]) AS r (id) ORDER BY id COLLATE "C"
		ON CONFLICT DO NOTHING`, tenant, ids)
	if err != nil {
		return nil, err
	}
	rows := map[string]stored.Evidence{}
	err = t.each(ctx, `
		SELECT id, body, more FROM call_evidence WHERE tenant = $1 AND id = ANY($2) ORDER BY id FOR UPDATE`,
		[]any{tenant, ids}, func(scan scan) error {
			var id string
			var row stored.Evidence
			err := scan(&id, &row.Body, &row.More)
			rows[id] = row
			return err
		})
	return rows, err
}

func saveEvidence(ctx context.Context, t tx, tenant string, ids []string, rows map[string]stored.Evidence) error {
	bodies, more := make([][]byte, len(ids)), make([]int64, len(ids))
	for i, id := range ids {
		bodies[i], more[i] = notNil(rows[id].Body), int64(rows[id].More)
	}
	_, err := t.exec(ctx, `
		UPDATE call_evidence AS e SET body = r.body, more = r.more
		FROM unnest($2::text[], $3::bytea[], $4::bigint[]) AS r (id, body, more)
		WHERE e.tenant = $1 AND e.id = r.id`, tenant, ids, bodies, more)
	return err
}

// mergeEvidence moves the evidence of an absorbed call to the survivor.
func mergeEvidence(ctx context.Context, t tx, tenant, from, into string) error {
	rows, err := loadEvidence(ctx, t, tenant, []string{from, into})
	if err != nil {
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
		var row stored.Evidence
		err = t.one(ctx, `SELECT body, more FROM call_evidence WHERE tenant = $1 AND id = $2`,
			[]any{tenant, id}, &row.Body, &row.More)
		if err = ignore(err, crm.ErrNotFound); err != nil {
			return err
		}
		more = row.More
		items, err = row.Items()
		return err
	})
	return items, more, err
}

// CallJobs implements crm.EvidenceStore.
func (s *Store) CallJobs(ctx context.Context, tenant, callID string, dests []string) (jobs []crm.Job, err error) {
	err = s.read(ctx, "list jobs of a call", func(t tx) error {
		id, err := survivor(ctx, t, tenant, callID)
		if err != nil {
			return err
		}
		jobs, err = readJobs(ctx, t, `
			SELECT `+jobColumns+` FROM jobs WHERE dest = ANY($1) AND lane IN (
				SELECT $3 UNION ALL SELECT id FROM call_aliases WHERE tenant = $2 AND survivor = $3)
			ORDER BY array_position($1, dest), id`, dests, tenant, id)
		return err
	})
	return jobs, err
}

// putSeen notes which extensions had part in a call.
func putSeen(ctx context.Context, t tx, tenant string, calls []*crm.Call) error {
	seen := t.news.Seen(tenant, calls)
	if len(seen) == 0 {
		return nil
	}
	pbxs, exts, at := make([]string, len(seen)), make([]string, len(seen)), make([]time.Time, len(seen))
	for i, s := range seen {
		pbxs[i], exts[i], at[i] = s.PBX, s.Extension, s.At.Time
	}
	_, err := t.exec(ctx, `
		INSERT INTO extensions (tenant, pbx, extension, seen)
		SELECT $1, r.pbx, r.extension, r.seen FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS r (pbx, extension, seen)
		LEFT JOIN extensions AS e ON e.tenant = $1 AND e.pbx = r.pbx AND e.extension = r.extension
		WHERE e.seen IS NULL OR r.seen > e.seen
		ON CONFLICT (tenant, pbx, extension) DO UPDATE SET seen = greatest(extensions.seen, excluded.seen)`, tenant, pbxs, exts, at)
	return err
}

// SeenExtensions implements crm.EvidenceStore.
func (s *Store) SeenExtensions(ctx context.Context, tenant string, since time.Time) ([]crm.SeenExtension, error) {
	found := []crm.SeenExtension{}
	err := s.readLong(ctx, "list extensions", func(t tx) error {
		return t.each(ctx, `
			SELECT pbx, extension, seen FROM extensions WHERE tenant = $1 AND seen >= $2 ORDER BY pbx, extension`,
			[]any{tenant, since}, func(scan scan) error {
				var e crm.SeenExtension
				err := scan(&e.PBX, &e.Extension, timeAt{&e.SeenAt})
				found = append(found, e)
				return err
			})
	})
	return found, err
}
