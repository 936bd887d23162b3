// Package postgres is the crm.Store for several daemons: PostgreSQL 13 or newer,
// through pgx. What a PBX says is written by a pool of its own, and what takes long
// has two others, to read and to write, so that neither people's reading nor slow work
// makes it wait, and no reading of months makes a page of calls wait. So have
// leases, which commits of many PBXs must not keep from being renewed.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// Config is how a store is opened; the zero value is right for a daemon. Whoever finds
// all connections of his kind busy waits, as long as his context lets him.
type Config struct {
	IngestConns int // connections that write what PBXs say; 0 means 2
	APIConns    int // connections for what people and workers wait for; 0 means 8
	ReportConns int // connections that read along the whole history instead of a page of it; 0 means 2
	SlowConns   int // connections for what nobody waits for: back-fill, imports, retention; 0 means 2
	LeaseConns  int // connections by which nodes say that they are alive and keep their PBXs; 0 means 2
}

// Store is a crm.Store in a PostgreSQL database.
type Store struct {
	in     *pgxpool.Pool // what PBXs say
	api    *pgxpool.Pool
	report *pgxpool.Pool
	slow   *pgxpool.Pool
	own    *pgxpool.Pool // leases: a node that waits for its own commits would lose its PBXs
	closed atomic.Bool
	memory stored.Memory
	budget stored.Budget // of lists of calls; tests lower it

	beforeCommit func() // for tests, which delay commits here; nil otherwise
}

var _ crm.Store = (*Store)(nil)

// Open connects to the database that url names (postgres://user@host/database),
// and brings its schema up to date. Whoever calls closes. It returns
// crm.ErrNewerSchema for a database that a newer patchcord wrote, and an error
// that wraps crm.ErrUnavailable when no server answers.
func Open(ctx context.Context, url string, cfg Config) (*Store, error) {
	s := &Store{}
	var err error
	if s.in, err = s.openPool(ctx, url, cmp.Or(cfg.IngestConns, 2)); err != nil {
		return nil, err
	}
	if s.api, err = s.openPool(ctx, url, cmp.Or(cfg.APIConns, 8)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.report, err = s.openPool(ctx, url, cmp.Or(cfg.ReportConns, 2)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.slow, err = s.openPool(ctx, url, cmp.Or(cfg.SlowConns, 2)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.own, err = s.openPool(ctx, url, cmp.Or(cfg.LeaseConns, 2)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(s.wrap(ctx, "open store", err), s.Close())
	}
	if err := s.reindex(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// readAhead has the server ask its disk for several pages at a time, where it can: calls that the inverted
// index gives lie in as many pages, and up to version 17 it reads them one after the other of its own accord.
const readAhead = `SELECT set_config(name, least(greatest(setting::int, 16), max_val::int)::text, false)
	FROM pg_settings WHERE name = 'effective_io_concurrency'`

func (s *Store) openPool(ctx context.Context, url string, conns int) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err) // pgx hides the password
	}
	c.MaxConns = int32(conns)
	for key, value := range map[string]string{
		"application_name": "patchcord",
		// A daemon that stopped in the middle must not hold locks, nor the event log's readers.
		"idle_in_transaction_session_timeout": "10s",
		"statement_timeout":                   "30s",
		"timezone":                            "UTC",
	} {
		c.ConnConfig.RuntimeParams[key] = cmp.Or(c.ConnConfig.RuntimeParams[key], value)
	}
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		s.memory.Forget() // after a failover the server may have lost the last of them
		_, err := conn.Exec(ctx, readAhead)
		return err
	}
	p, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return p, nil
}

// Ping implements crm.Store.
func (s *Store) Ping(ctx context.Context) error { return s.wrap(ctx, "ping", s.api.Ping(ctx)) }

// Close implements crm.Store.
func (s *Store) Close() error {
	s.closed.Store(true)
	for _, p := range []*pgxpool.Pool{s.in, s.api, s.report, s.slow, s.own} {
		if p != nil {
			p.Close()
		}
	}
	return nil
}
