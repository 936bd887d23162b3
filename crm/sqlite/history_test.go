package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/crmtest"
	"patchcord/crm/internal/stored"
)

// TestHistoryFigures measures lists of calls in a long history, as large as
// PATCHCORD_CALLS says. PATCHCORD_BENCH_DIR keeps it for the next time.
func TestHistoryFigures(t *testing.T) {
	crmtest.OnDemand(t)
	h := crmtest.NewStored(t, "SQLite")
	h.Store = openHistory(t, h)
	h.CPU = func() time.Duration { return crmtest.OwnCPU(t) }
	h.Pages(t, 100)
	h.Searches(t, 50)
	crmtest.EventCost(t, h, func() crm.Store { return openTemp(t) }, h.CPU)
}

// openHistory opens a store that holds the history.
func openHistory(t *testing.T, h *crmtest.Stored) *Store {
	t.Helper()
	dir := os.Getenv("PATCHCORD_BENCH_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	path := filepath.Join(dir, fmt.Sprintf("history-%d.db", h.Total))
	_, err := os.Stat(path)
	if err != nil {
		loadHistory(t, path+".part", h)
		must(t, os.Rename(path+".part", path))
	}
	s, err := Open(t.Context(), path, Config{})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// loadHistory makes a store with the history: one month by statements, the others from it.
func loadHistory(t *testing.T, path string, h *crmtest.Stored) {
	t.Helper()
	start := time.Now()
	s, err := Open(t.Context(), path, Config{})
	must(t, err)
	defer s.Close()
	c, err := s.w.Conn(t.Context())
	must(t, err)
	defer c.Close()
	run := func(query string, args ...any) {
		t.Helper()
		if _, err := c.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	run(`PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; DROP INDEX calls_started; DROP INDEX calls_unindexed;
		CREATE TEMP TABLE month (sec, no, started, talk_ms, numbers, keys, terms, code, record, added);
		CREATE TEMP TABLE month_keys (key, started, sec, no);
		CREATE TEMP TABLE month_kinds (key, facets, PRIMARY KEY (key, facets))`)
	fillMonth(t, c, h)
	for i := range crmtest.HistoryMonths {
		month := h.Month.AddDate(0, i, 0)
		shift := month.Sub(h.Month).Milliseconds() / 1000
		run(`BEGIN`)
		run(`INSERT INTO calls (tenant, id, started, talk_ms, numbers, keys, terms, open, record, added)
			SELECT 'default', $1 || ':' || (sec + $2) || '.' || no, started + 1000 * $2, talk_ms, numbers, keys,
				terms || ' m:' || $3 || ':default y:' || substr($3, 1, 4) || ':default k:' || ((sec + $2) / 604800) || ':default' ||
				iif(code = '', '', ' sm:' || $3 || ':default:' || code || ' sk:' || ((sec + $2) / 604800) || ':default:' || code),
				0, replace(record, sec || '.', (sec + $2) || '.'), added FROM month`, crmtest.HistoryPBX, shift, month.Format("2006-01"))
		run(`INSERT INTO call_keys (key, started, id)
			SELECT key, started + 1000 * $2, $1 || ':' || (sec + $2) || '.' || no FROM month_keys ORDER BY 1, 2, 3`, crmtest.HistoryPBX, shift)
		run(`INSERT INTO call_terms (rowid, terms) SELECT no, terms FROM calls WHERE no > $1`, i*h.Calls)
		run(`INSERT INTO call_kinds (tenant, key, month, facets) SELECT 'default', key, $1, facets FROM month_kinds`,
			12*month.Year()+int(month.Month())-1)
		run(`COMMIT`)
		t.Logf("month %d: %s", i, time.Since(start).Round(time.Second))
	}
	run(`CREATE INDEX calls_started ON calls (tenant, started, id); CREATE INDEX calls_unindexed ON calls (no) WHERE terms = ''`)
	run(`PRAGMA wal_checkpoint(TRUNCATE)`)
	t.Logf("indexes: %s", time.Since(start).Round(time.Second))
}

// fillMonth stores the first month, without the terms that tell its time.
func fillMonth(t *testing.T, c *sql.Conn, h *crmtest.Stored) {
	t.Helper()
	ctx := context.Background()
	x, err := c.BeginTx(ctx, nil)
	must(t, err)
	call, err := x.PrepareContext(ctx, `INSERT INTO month VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
	must(t, err)
	key, err := x.PrepareContext(ctx, `INSERT INTO month_keys VALUES ($1, $2, $3, $4)`)
	must(t, err)
	kind, err := x.PrepareContext(ctx, `INSERT OR IGNORE INTO month_kinds VALUES ($1, $2)`)
	must(t, err)
	for n := range h.Calls {
		r, keys := monthRow(t, h, n)
		_, err := call.ExecContext(ctx, r.Started/1000, n, r.Started, r.TalkMS, r.Numbers, keys, r.Terms, codeOf(h.Call(n)), r.Record, r.Added)
		must(t, err)
		for _, k := range r.Keys {
			_, err := key.ExecContext(ctx, stored.Hash("default", k), r.Started, r.Started/1000, n)
			must(t, err)
		}
		for _, k := range r.Kinds {
			_, err := kind.ExecContext(ctx, k.Key, k.Facets)
			must(t, err)
		}
	}
	must(t, x.Commit())
}

// monthRow returns the row of a call, without the terms that tell its time, and its list of keys.
func monthRow(t *testing.T, h *crmtest.Stored, n int) (stored.Row, string) {
	t.Helper()
	c := h.Call(n)
	row, err := stored.NewRow("default", c, stored.Added{Disposition: c.Disposition, Notes: c.Notes})
	must(t, err)
	timeless := strings.Fields(row.Terms)
	timeless = slices.DeleteFunc(timeless, func(term string) bool {
		return slices.Contains([]string{"k:", "m:", "y:", "sk", "sm"}, term[:2])
	})
	row.Terms = strings.Join(timeless, " ")
	list, err := json.Marshal(row.Keys)
	must(t, err)
	return row, string(list)
}

func codeOf(c *crm.Call) string {
	if c.Disposition == nil {
		return ""
	}
	return c.Disposition.Code
}
