package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patchcord/crm"
	"patchcord/crm/crmtest"
	"patchcord/crm/internal/stored"
	"patchcord/crm/postgres/pgtest"
)

// TestHistoryFigures measures lists of calls in a long history, as large as
// PATCHCORD_CALLS says. PATCHCORD_BENCH_DIR keeps it for the next time.
func TestHistoryFigures(t *testing.T) {
	crmtest.OnDemand(t)
	h := crmtest.NewStored(t, "PostgreSQL")
	url, postmaster := openHistory(t, h)
	h.Store = openAt(t, url)
	h.CPU = func() time.Duration { return crmtest.OwnCPU(t) + crmtest.CPUOf(t, postmaster) }
	h.Pages(t, 100)
	h.Searches(t, 50)
	n := 0
	crmtest.EventCost(t, h, func() crm.Store { // another schema of the same server
		n++
		admin, err := pgx.Connect(t.Context(), url)
		must(t, err)
		defer admin.Close(t.Context())
		_, err = admin.Exec(t.Context(), fmt.Sprintf(`DROP SCHEMA IF EXISTS empty%d CASCADE`, n))
		must(t, err)
		_, err = admin.Exec(t.Context(), fmt.Sprintf(`CREATE SCHEMA empty%d`, n))
		must(t, err)
		return openAt(t, strings.Replace(url, "search_path=public", fmt.Sprintf("search_path=empty%d", n), 1))
	}, h.CPU)
}

// openHistory starts a server of its own with a store that holds the history.
func openHistory(t *testing.T, h *crmtest.Stored) (url string, postmaster int) {
	t.Helper()
	dir := os.Getenv("PATCHCORD_BENCH_DIR")
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "history-"); err != nil { // t.TempDir is not open to the server's account
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	dir = filepath.Join(dir, fmt.Sprintf("postgres-%d", h.Total))
	url, postmaster = pgtest.Serve(t, dir, "shared_buffers=2GB", "maintenance_work_mem=512MB", "max_wal_size=8GB", "checkpoint_timeout=30min")
	openAt(t, url) // for its schema
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	var done bool
	must(t, c.QueryRow(t.Context(), `SELECT to_regclass('history_done') IS NOT NULL`).Scan(&done))
	if !done {
		loadHistory(t, c, h)
	}
	return url, postmaster
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// loadHistory fills the store: one month by COPY, the others from it, and then the indexes.
func loadHistory(t *testing.T, c *pgx.Conn, h *crmtest.Stored) {
	t.Helper()
	start := time.Now()
	run := func(sql string, args ...any) {
		t.Helper()
		if _, err := c.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	run(`SET synchronous_commit = off; SET statement_timeout = 0;
		TRUNCATE calls, call_keys; DROP INDEX calls_started, calls_terms, calls_unindexed;
		ALTER TABLE calls DROP CONSTRAINT calls_pkey; ALTER TABLE call_keys DROP CONSTRAINT call_keys_pkey;
		CREATE TEMP TABLE month (sec bigint, no int, started timestamptz, talk_ms bigint, numbers text, keys text, terms text, code text, record text, added text);
		CREATE TEMP TABLE month_keys (key bigint, started timestamptz, sec bigint, no int)`)
	run(`CREATE TEMP TABLE month_kinds (key text, facets text)`)
	copyMonth(t, c, h)
	for i := range crmtest.HistoryMonths {
		month := h.Month.AddDate(0, i, 0)
		shift := int64(month.Sub(h.Month) / time.Second)
		run(`INSERT INTO calls (tenant, id, started, talk_ms, numbers, keys, terms, open, record, added)
			SELECT 'default', $1 || ':' || sec + $2 || '.' || no, started + make_interval(secs => $2), talk_ms, numbers, keys,
				array_to_tsvector(string_to_array(terms || ' m:' || $3 || ':default y:' || substr($3, 1, 4) || ':default k:' ||
					(extract(epoch FROM started)::bigint + $2) / 604800 || ':default' ||
					CASE WHEN code = '' THEN '' ELSE ' sm:' || $3 || ':default:' || code || ' sk:' ||
					(extract(epoch FROM started)::bigint + $2) / 604800 || ':default:' || code END, ' ')),
				false, replace(record, sec || '.', sec + $2 || '.'), added FROM month`, crmtest.HistoryPBX, shift, month.Format("2006-01"))
		run(`INSERT INTO call_keys (key, started, id)
			SELECT key, started + make_interval(secs => $2), $1 || ':' || sec + $2 || '.' || no FROM month_keys`, crmtest.HistoryPBX, shift)
		run(`INSERT INTO call_kinds (tenant, key, month, facets) SELECT 'default', key, $1, facets FROM month_kinds`,
			12*month.Year()+int(month.Month())-1)
		t.Logf("month %d: %s", i, time.Since(start).Round(time.Second))
	}
	for _, sql := range []string{
		`ALTER TABLE calls ADD PRIMARY KEY (tenant, id)`, `ALTER TABLE call_keys ADD PRIMARY KEY (key, started, id)`,
		`CREATE INDEX calls_started ON calls (tenant, started, id)`,
		`CREATE INDEX calls_unindexed ON calls (tenant, id) WHERE terms IS NULL`,
		`CREATE INDEX calls_terms ON calls USING gin (terms) WITH (gin_pending_list_limit = 512) WHERE NOT open`,
		`VACUUM ANALYZE calls`, `VACUUM ANALYZE call_keys`, `CREATE TABLE history_done ()`, `CHECKPOINT`,
	} {
		run(sql)
		t.Logf("%.40s: %s", sql, time.Since(start).Round(time.Second))
	}
}

// copyMonth copies the first month, without the terms that tell its time.
func copyMonth(t *testing.T, c *pgx.Conn, h *crmtest.Stored) {
	t.Helper()
	var keys, kinds [][]any
	known := map[[2]string]bool{}
	n := 0
	columns := []string{"sec", "no", "started", "talk_ms", "numbers", "keys", "terms", "code", "record", "added"}
	_, err := c.CopyFrom(t.Context(), pgx.Identifier{"month"}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		if n == h.Calls {
			return nil, nil
		}
		row, list := monthRow(t, h, n)
		started := time.UnixMilli(row.Started)
		for _, k := range row.Keys {
			keys = append(keys, []any{stored.Hash("default", k), started, started.Unix(), n})
		}
		for _, k := range row.Kinds {
			if kind := [2]string{k.Key, k.Facets}; !known[kind] {
				known[kind], kinds = true, append(kinds, []any{k.Key, k.Facets})
			}
		}
		code := codeOf(h.Call(n))
		n++
		return []any{started.Unix(), n - 1, started, row.TalkMS, row.Numbers, list, row.Terms, code, row.Record, row.Added}, nil
	}))
	must(t, err)
	_, err = c.CopyFrom(t.Context(), pgx.Identifier{"month_keys"}, []string{"key", "started", "sec", "no"}, pgx.CopyFromRows(keys))
	must(t, err)
	_, err = c.CopyFrom(t.Context(), pgx.Identifier{"month_kinds"}, []string{"key", "facets"}, pgx.CopyFromRows(kinds))
	must(t, err)
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
