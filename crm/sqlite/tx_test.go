package sqlite

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// TestRows makes no row, fewer than one statement makes, as many, and more.
func TestRows(t *testing.T) {
	s := openTemp(t)
	for _, n := range []int{0, 1, rowsAtOnce - 1, rowsAtOnce, rowsAtOnce + 1, 3*rowsAtOnce - 1} {
		var got, want []string
		for i := range n {
			want = append(want, fmt.Sprintf("%03d is %d", i, i))
		}
		err := s.write(t.Context(), "make rows", func(t tx) error {
			ctx := context.Background()
			if _, err := t.exec(ctx, `DELETE FROM settings`); err != nil {
				return err
			}
			put := func(args []any, i int) []any { return append(args, fmt.Sprintf("%03d", i), fmt.Sprint(i)) }
			for range 2 { // the second time none is new
				if err := t.rows(ctx, `settings (key, value)`, `ON CONFLICT DO NOTHING`, n, put); err != nil {
					return err
				}
			}
			return t.each(ctx, `SELECT key || ' is ' || value FROM settings ORDER BY key`, nil, func(scan scan) error {
				var row string
				err := scan(&row)
				got = append(got, row)
				return err
			})
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d rows: got %q and error %v, want %q", n, got, err, want)
		}
	}
}
