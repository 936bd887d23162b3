// Package sqlite is the embedded crm.Store: one SQLite file, for one daemon on
// one machine. It is written by one connection at a time and read by several
// beside it (WAL); a commit is on disk when it returns (synchronous=FULL). Do not
// put the file on a network file system: its locks do not hold there.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// Config is how a store is opened; the zero value is right for a daemon.
type Config struct {
	Readers int // connections that read at the same time; 0 means 4
	Reports int // beside them, connections that read along the whole history instead of a page of it; 0 means 2
}

// Store is a crm.Store in one SQLite file.
type Store struct {
	w      *sql.DB // one connection; whoever comes second waits for it, as long as his context lets him
	r      *sql.DB // cannot write
	report *sql.DB // nor can it
	closed atomic.Bool
	memory stored.Memory
	budget stored.Budget // of lists of calls; tests lower it
}

var _ crm.Store = (*Store)(nil)

// Open opens the file at path, makes it and its folder when they are missing
// (readable by their owner only), and brings its schema up to date. Whoever calls
// closes. It returns crm.ErrNewerSchema for a file that a newer patchcord wrote.
func Open(ctx context.Context, path string, cfg Config) (*Store, error) {
	if err := prepare(path); err != nil {
		return nil, err
	}
	w, err := openPool(path, 1, url.Values{"_txlock": {"immediate"}, "_pragma": {
		"cache_size(-32768)",       // KiB, when needed: a commit under load touches so much, and would write half of it twice
		"wal_autocheckpoint(4096)", // pages: what changes often is copied into the file once for several commits
		"cache_spill(400)",         // pages: the others are written while the transaction goes on, so that its end is short, in which nobody else gets the processor
		"temp_store(MEMORY)",       // what would undo a statement by itself: a file of it takes two system calls a page
	}})
	if err != nil {
		return nil, err
	}
	r, err := openPool(path, cmp.Or(cfg.Readers, 4), url.Values{"_pragma": {"query_only(1)"}})
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	report, err := openPool(path, cmp.Or(cfg.Reports, 2), url.Values{"_pragma": {"query_only(1)"}})
	if err != nil {
		return nil, errors.Join(err, w.Close(), r.Close())
	}
	s := &Store{w: w, r: r, report: report}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	if err := s.reindex(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	return s, nil
}

func openPool(path string, conns int, q url.Values) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	for _, p := range []string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"journal_size_limit(67108864)",
	} {
		q.Add("_pragma", p)
	}
	u.RawQuery = q.Encode()
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// prepare makes the folder and the file, and tells an administrator what to do
// when it cannot: SQLite itself only says that it is unable to open the file.
func prepare(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the store's folder: choose another data_dir, or let this user write there: %w", err)
	}
	probe, err := os.CreateTemp(dir, ".write-*")
	if err != nil {
		return fmt.Errorf("write in the store's folder: chown it to this user or choose another data_dir: %w", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("write in the store's folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the store's file: make it readable and writable for this user: %w", err)
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// Ping implements crm.Store.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.wrap(ctx, "ping", s.r.QueryRowContext(ctx, `SELECT 1`).Scan(&one))
}

// Close implements crm.Store.
func (s *Store) Close() error {
	s.closed.Store(true)
	return errors.Join(s.report.Close(), s.r.Close(), s.w.Close())
}
