package postgres

import (
	"context"

	"patchcord/crm/internal/stored"
)

// reindexBatch is how many calls one transaction indexes.
const reindexBatch = 500

// reindex gives the calls their terms and keys that were stored before there were
// any. It goes on where a daemon that was killed left off, and several daemons share
// the work.
func (s *Store) reindex(ctx context.Context) error {
	var due bool
	err := s.read(ctx, "look for calls to index", func(t tx) error {
		return t.one(ctx, `SELECT EXISTS (SELECT FROM calls WHERE terms IS NULL)`, nil, &due)
	})
	if err != nil || !due {
		return err
	}
	for {
		var n int
		err := s.write(ctx, "index calls", func(t tx) (err error) {
			n, err = reindexSome(ctx, t)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

func reindexSome(ctx context.Context, t tx) (n int, err error) {
	changes := map[string][]change{} // by tenant
	err = t.each(ctx, `
		SELECT tenant, id, record, added FROM calls WHERE terms IS NULL
		ORDER BY tenant, id LIMIT $1 FOR UPDATE SKIP LOCKED`, []any{reindexBatch}, func(scan scan) error {
		var tenant, id string
		var old kept // no keys: the key index has none of it
		if err := scan(&tenant, &id, &old.record, &old.added); err != nil {
			return err
		}
		call, added, err := stored.Decode(old.record, old.added)
		if err != nil {
			return err
		}
		row, err := stored.NewRow(tenant, call, added)
		changes[tenant] = append(changes[tenant], change{old, row})
		n++
		return err
	})
	for tenant, list := range changes {
		if err == nil {
			err = put(ctx, t, tenant, list)
		}
	}
	return n, err
}
