package backfill

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// searchBelow is how many ids are read rather than searched.
const searchBelow = 1000

// firstID returns an id below which no row is of from or later, 0 when that is not to be
// searched for. Rows are numbered in about the order of their times, so the id of a time
// is found by halves. FreePBX has an index of the ids of cel and none of its times:
// without this every scan would read the whole table.
func (d *Database) firstID(ctx context.Context, q query, from string) (int64, error) {
	if !slices.Contains(q.has, "id") {
		return 0, nil
	}
	if times, err := d.indexed(ctx, q.table, q.time); err != nil || times {
		return 0, err
	}
	if ids, err := d.indexed(ctx, q.table, "id"); err != nil || !ids {
		return 0, err
	}
	id, table := d.id("id"), d.id(q.table)
	var lo, hi sql.NullInt64
	if err := d.db.QueryRowContext(ctx, `SELECT MIN(`+id+`), MAX(`+id+`) FROM `+table).Scan(&lo, &hi); err != nil {
		return 0, fmt.Errorf("search %s in %s: %w", q.table, d.name, err)
	}
	next := `SELECT ` + id + `, CASE WHEN ` + d.id(q.time) + ` < ` + d.dialect.mark(1) + ` THEN 1 ELSE 0 END FROM ` + table
	for hi.Int64-lo.Int64 > searchBelow {
		mid, early := lo.Int64+(hi.Int64-lo.Int64)/2, 0
		var at int64
		err := d.db.QueryRowContext(ctx, fmt.Sprintf("%s WHERE %s >= %d ORDER BY %s LIMIT 1", next, id, mid, id), from).Scan(&at, &early)
		if err != nil {
			return 0, fmt.Errorf("search %s in %s: %w", q.table, d.name, err)
		}
		if early == 0 {
			hi.Int64 = mid
			continue
		}
		lo.Int64 = at
	}
	return max(0, lo.Int64), nil
}

// indexed reports whether an index of the table begins with the column.
func (d *Database) indexed(ctx context.Context, table, column string) (bool, error) {
	var one int
	err := d.db.QueryRowContext(ctx, d.dialect.leads, table, column).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for indexes of %s in %s: %w", table, d.name, err)
	}
	return true, nil
}
