package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"patchcord/crm"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// concurrently ends the name of a migration that is one CREATE INDEX CONCURRENTLY:
	// it runs outside a transaction, for as long as it takes, and stops nobody's writing.
	concurrently = ".concurrently.sql"
	// lockWait is how long a migration waits for a lock: whoever comes after it waits as long.
	lockWait = "500ms"
	// lockTries is how often it tries, with a pause between in which everybody else goes on.
	lockTries = 120
	lockPause = 500 * time.Millisecond
)

// migrator brings one database to this version's schema.
type migrator struct {
	names []string // sorted: 0001 first
	conn  *pgxpool.Conn
	pause time.Duration
}

// migrate applies the migrations that the database lacks. Each is one transaction,
// or one index that is built beside the writing, so a daemon that is killed leaves
// the schema of the last that was complete, and the next one goes on from there. One
// daemon migrates at a time; the others wait and then find it done.
func (s *Store) migrate(ctx context.Context) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	conn, err := s.api.Acquire(ctx)
	if err != nil {
		return err
	}
	m := migrator{names: names, conn: conn, pause: lockPause}
	defer m.release()
	for {
		at, err := m.version(ctx)
		if err != nil || at == len(names) {
			return err
		}
		if err := m.lock(ctx); err != nil {
			return err
		}
		if at, err = m.version(ctx); err != nil || at == len(names) {
			return err
		}
		if err := m.apply(ctx, at); err != nil {
			return fmt.Errorf("%s: %w", names[at], err)
		}
	}
}

// lock waits for its turn. It asks again and again instead of waiting in the server:
// an index that is built by another daemon waits for every statement that runs, and
// so for one that waits for this lock.
func (m *migrator) lock(ctx context.Context) error {
	for {
		var got bool
		err := m.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtext('patchcord'), hashtext('migrate'))`).Scan(&got)
		if err != nil || got {
			return err
		}
		if err := sleep(ctx, m.pause); err != nil {
			return err
		}
	}
}

// release gives the connection back, and with it every lock and setting.
func (m *migrator) release() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := m.conn.Exec(ctx, `RESET ALL; SELECT pg_advisory_unlock_all(); `+readAhead); err != nil {
		m.conn.Conn().Close(ctx) // then the server lets go
	}
	m.conn.Release()
}

// version returns how many migrations the database has. It writes nothing, so a
// daemon can start on a database that is read-only for a while.
func (m *migrator) version(ctx context.Context) (at int, err error) {
	var known bool
	err = m.conn.QueryRow(ctx, `SELECT to_regclass('patchcord_schema') IS NOT NULL`).Scan(&known)
	if err != nil || !known {
		return 0, err
	}
	err = m.conn.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM patchcord_schema`).Scan(&at)
	if err == nil && at > len(m.names) {
		err = fmt.Errorf("%w: it has %d, this one knows %d", crm.ErrNewerSchema, at, len(m.names))
	}
	return at, err
}

// apply applies the migration after at.
func (m *migrator) apply(ctx context.Context, at int) error {
	text, err := migrations.ReadFile(m.names[at])
	if err != nil {
		return err
	}
	if strings.HasSuffix(m.names[at], concurrently) {
		return m.index(ctx, string(text), at+1)
	}
	return m.insist(ctx, string(text), at+1)
}

// insist applies a migration as soon as it gets its locks without making anybody wait
// long; the error after all tries is that of the lock.
func (m *migrator) insist(ctx context.Context, text string, version int) error {
	for try := 1; ; try++ {
		err := m.transact(ctx, text, version)
		if code(err) != "55P03" || try == lockTries { // lock_not_available
			return err
		}
		if err := sleep(ctx, m.pause); err != nil {
			return err
		}
	}
}

// transact applies a migration in one transaction, or gives up at the first lock that is not free soon.
func (m *migrator) transact(ctx context.Context, text string, version int) error {
	return pgx.BeginFunc(ctx, m.conn, func(t pgx.Tx) error {
		_, err := t.Exec(ctx, `SET LOCAL lock_timeout = '`+lockWait+`'; CREATE TABLE IF NOT EXISTS patchcord_schema (version bigint NOT NULL)`)
		if err != nil {
			return err
		}
		if _, err := t.Exec(ctx, text); err != nil { // many statements: without arguments pgx sends them as they are
			return err
		}
		_, err = t.Exec(ctx, `INSERT INTO patchcord_schema (version) VALUES ($1)`, version)
		return err
	})
}

var indexName = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (\w+) ON `)

// index builds an index beside the writing. What an earlier daemon left that was
// killed while it built is removed first: such an index is never used.
func (m *migrator) index(ctx context.Context, text string, version int) error {
	name := indexName.FindStringSubmatch(text)
	if name == nil {
		return errors.New("want one CREATE INDEX CONCURRENTLY IF NOT EXISTS")
	}
	if _, err := m.conn.Exec(ctx, `SET statement_timeout = 0`); err != nil {
		return err
	}
	var left bool
	err := m.conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid)`, name[1]).Scan(&left)
	if err != nil {
		return err
	}
	if left {
		if _, err := m.conn.Exec(ctx, `DROP INDEX CONCURRENTLY IF EXISTS `+name[1]); err != nil {
			return err
		}
	}
	if _, err := m.conn.Exec(ctx, text); err != nil {
		return err
	}
	_, err = m.conn.Exec(ctx, `INSERT INTO patchcord_schema (version) VALUES ($1)`, version)
	return err
}

// sleep waits, or ends with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
