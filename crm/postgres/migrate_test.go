package postgres

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"patchcord/crm"
	"patchcord/crm/crmtest"
	"patchcord/crm/postgres/pgtest"
)

func TestSeveralDaemonsMayStartAtOnce(t *testing.T) {
	url := pgtest.Start(t)
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			s, err := Open(t.Context(), url, Config{})
			if err != nil {
				return err
			}
			return s.Close()
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var applied []int
	s := openAt(t, url)
	err = s.read(t.Context(), "list versions", func(x tx) error {
		return x.each(t.Context(), `SELECT version FROM patchcord_schema ORDER BY version`, nil, func(scan scan) error {
			var v int
			err := scan(&v)
			applied = append(applied, v)
			return err
		})
	})
	if err != nil || len(applied) != len(names) || len(slices.Compact(applied)) != len(names) {
		t.Errorf("applied %v of %d, error %v; want each once", applied, len(names), err)
	}
}

// migratorOf returns a migrator that the test drives.
func migratorOf(t *testing.T, s *Store) *migrator {
	t.Helper()
	conn, err := s.api.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &migrator{conn: conn, pause: time.Millisecond}
	t.Cleanup(m.release)
	return m
}

// TestAMigrationLetsOthersPass lets somebody read for long, and a migration wait for
// him: who comes behind it must not wait for both.
func TestAMigrationLetsOthersPass(t *testing.T) {
	s := openTemp(t)
	long, err := s.api.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer long.Rollback(t.Context())
	if _, err := long.Exec(t.Context(), `LOCK TABLE calls IN ACCESS SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	m := migratorOf(t, s)
	done := make(chan error, 1)
	go func() { done <- m.insist(t.Context(), `ALTER TABLE calls ADD COLUMN more integer`, 1000) }()
	waitBlocked(t, s)
	for range 5 { // each waits behind the migration until that gives up, at most
		if _, _, err := s.Calls(t.Context(), "default", crm.CallFilter{}, crm.Page{}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-done:
		t.Fatalf("the migration ended while the table was in use: %v", err)
	default:
	}
	if err := long.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// waitBlocked returns once somebody waits for a lock on calls.
func waitBlocked(t *testing.T, s *Store) {
	t.Helper()
	for n := 0; n == 0; {
		err := s.in.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'calls'::regclass`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnIndexThatWasLeftHalfBuiltIsBuiltAgain(t *testing.T) {
	s := openTemp(t)
	fill(t, s, 100)
	text, err := migrations.ReadFile("migrations/0042_terms_index.concurrently.sql")
	if err != nil {
		t.Fatal(err)
	}
	m := migratorOf(t, s)
	// What is left of CREATE INDEX CONCURRENTLY when its daemon is killed.
	if _, err := m.conn.Exec(t.Context(), `UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'calls_terms'::regclass`); err != nil {
		t.Fatal(err)
	}
	if err := m.index(t.Context(), string(text), 1000); err != nil {
		t.Fatal(err)
	}
	var valid bool
	if err := m.conn.QueryRow(t.Context(), `SELECT indisvalid FROM pg_index WHERE indexrelid = 'calls_terms'::regclass`).Scan(&valid); err != nil || !valid {
		t.Errorf("valid %t, error %v", valid, err)
	}
	if err := m.index(t.Context(), "CREATE INDEX calls_x ON calls (id)", 1001); err == nil {
		t.Error("an index that would stop writing was taken")
	}
}

// TestCallsOfOlderSchemasAreIndexedAnew also leaves the first part to a daemon that
// ended in between: what it did is not done again.
func TestCallsOfOlderSchemasAreIndexedAnew(t *testing.T) {
	url := pgtest.Start(t)
	s := openAt(t, url)
	fill(t, s, reindexBatch+100)
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	want := find(t, s)
	if _, err := c.Exec(t.Context(), `UPDATE calls SET terms = NULL; TRUNCATE call_keys`); err != nil {
		t.Fatal(err)
	}
	if err := s.write(t.Context(), "index some", func(x tx) error { _, err := reindexSome(t.Context(), x); return err }); err != nil {
		t.Fatal(err)
	}
	if got := find(t, openAt(t, url)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// find returns what searches by key, by word and by number find.
func find(t *testing.T, s *Store) string {
	t.Helper()
	h := crmtest.History{}
	var out []string
	for _, f := range []crm.CallFilter{{Agent: h.Agent(3)}, {Queue: h.Queue(4), Outcome: crm.Answered}, {Q: "grace"}, {Extension: "1007"}} {
		calls, _, err := s.Calls(t.Context(), "default", f, crm.Page{Limit: 200})
		if err != nil || len(calls) == 0 {
			t.Fatalf("%+v: %d calls, error %v", f, len(calls), err)
		}
		for _, c := range calls {
			out = append(out, c.ID)
		}
	}
	return strings.Join(out, " ")
}
