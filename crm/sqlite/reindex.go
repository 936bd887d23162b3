package sqlite

import (
	"context"

	"patchcord/crm/internal/stored"
)

// reindexBatch is how many calls one transaction indexes.
const reindexBatch = 500

// reindex gives the calls their terms and keys that were stored before there were
// any. It goes on where a daemon that was killed left off.
func (s *Store) reindex(ctx context.Context) error {
	for {
		var due []where
		err := s.read(ctx, "look for calls to index", func(t tx) (err error) {
			due, err = unindexed(ctx, t)
			return err
		})
		if err != nil || len(due) == 0 {
			return err
		}
		err = s.write(ctx, "index calls", func(t tx) error { return indexAll(ctx, t, due) })
		if err != nil {
			return err
		}
	}
}

// where names a call.
type where struct{ tenant, id string }

func unindexed(ctx context.Context, t tx) (due []where, err error) {
	err = t.each(ctx, `SELECT tenant, id FROM calls WHERE terms = '' LIMIT $1`, []any{reindexBatch}, func(scan scan) error {
		var w where
		err := scan(&w.tenant, &w.id)
		due = append(due, w)
		return err
	})
	return due, err
}

func indexAll(ctx context.Context, t tx, list []where) error {
	for _, w := range list {
		old, err := load(ctx, t, w.tenant, w.id)
		if err != nil {
			return err
		}
		call, added, err := stored.Decode(old.record, old.added)
		if err != nil {
			return err
		}
		if _, err := put(ctx, t, w.tenant, old, call, added); err != nil {
			return err
		}
	}
	return nil
}
