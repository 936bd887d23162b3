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
	"time"

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
// that wraps crm.ErrUnavailable when no server answers. Errors say what to do.
func Open(ctx context.Context, url string, cfg Config) (*Store, error) {
	s, err := open(ctx, url, cfg)
	if text := hint(err); text != "" {
		err = fmt.Errorf("%w; %s", err, text)
	}
	return s, err
}

func open(ctx context.Context, url string, cfg Config) (*Store, error) {
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
	if err := s.checkEncoding(ctx); err != nil {
		return nil, errors.Join(s.wrap(ctx, "open store", err), s.Close())
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(s.wrap(ctx, "open store", err), s.Close())
	}
	if err := s.reindex(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// errEncoding: what people are called can be written in no other.
var errEncoding = errors.New("the database is not encoded in UTF8")

func (s *Store) checkEncoding(ctx context.Context) error {
	var encoding string
	if err := s.api.QueryRow(ctx, `SELECT current_setting('server_encoding')`).Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("%w but in %s", errEncoding, encoding)
	}
	return nil
}

// hint says what an administrator can do about a database that cannot be opened; "" when nobody knows.
func hint(err error) string {
	switch c := code(err); {
	case err == nil:
	case errors.Is(err, errEncoding):
		return "make one: createdb --encoding UTF8 --template template0 NAME"
	case c == "42501", c == "3F000": // insufficient_privilege, invalid_schema_name: none that he may use
		return "let its user make tables there: ALTER DATABASE name OWNER TO user"
	case c == "28P01", c == "28000": // invalid_password, invalid_authorization_specification
		return "the password stands in the address (postgres://user:password@host/database) or in the file that PGPASSFILE names; pg_hba.conf says who may come from where"
	case c == "3D000": // invalid_catalog_name
		return "make it: createdb --encoding UTF8 --owner user NAME"
	case isUnavailable(err):
		return "see that PostgreSQL runs there, and that host and port are right"
	}
	return ""
}

// connectWithin is how long a server may take to let us in, unless the address says otherwise (connect_timeout). What
// is no PostgreSQL may take the connection and say nothing for ever.
const connectWithin = 10 * time.Second

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
	c.ConnConfig.ConnectTimeout = cmp.Or(c.ConnConfig.ConnectTimeout, connectWithin)
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
