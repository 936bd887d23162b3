package backfill

import (
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// OpenPostgres prepares to read the database of that address, as
// postgres://user:password@host/asterisk; nothing is connected yet. zone nil means this
// machine's. Whoever calls closes.
func OpenPostgres(dsn string, zone *time.Location) (*Database, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errDSN("postgres", "postgres://user:password@host/asterisk")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = dialTimeout
	}
	// A column with a zone is told as UTC.
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["default_transaction_read_only"] = "on"
	cfg.RuntimeParams["datestyle"] = "ISO"
	return &Database{db: limited(stdlib.OpenDB(*cfg)), zone: zone, name: secretless("PostgreSQL", cfg.Host, cfg.Database), dialect: dialect{
		mark:  func(n int) string { return "$" + strconv.Itoa(n) + "::text::timestamp" },
		quote: `"`,
		text:  func(column string) string { return column + "::text" },
		leads: `SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			WHERE i.indrelid = to_regclass($1::text) AND a.attname = $2::text LIMIT 1`,
		noTable: func(err error) bool {
			var e *pgconn.PgError
			return errors.As(err, &e) && e.Code == "42P01" // undefined_table
		},
	}}, nil
}
