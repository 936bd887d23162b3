package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"patchcord/crm"
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

// TestCommitMakesNoFiles has a statement change more pages than SQLite of its own accord keeps in memory
// to undo it.
func TestCommitMakesNoFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	s := openTemp(t)
	epoch, err := s.TakePBX(t.Context(), "hq", "a", "n")
	if err != nil {
		t.Fatal(err)
	}
	err = s.write(t.Context(), "put state", func(t tx) error {
		for size := 300; size <= 900; size += 300 {
			b := crm.Batch{PBX: "hq", Tenant: "a", Epoch: epoch, State: map[string][]byte{}}
			for i := range 64 * rowsAtOnce {
				b.State[fmt.Sprint(i)] = bytes.Repeat([]byte{'x'}, size)
			}
			if err := putState(context.Background(), t, &b); err != nil {
				return err
			}
		}
		files, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			return err
		}
		for _, f := range files {
			if name, err := os.Readlink(f); err == nil && strings.Contains(name, "etilqs_") {
				return fmt.Errorf("SQLite has made %s", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
