package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// tx is a running transaction. Every string it is given is cleaned first.
type tx struct {
	pgx.Tx
	news *stored.News // what it stores that was not known
}

// maxTries is how often a transaction is begun that the server undid because it
// met another one.
const maxTries = 5

// ingest runs fn in a transaction of the pool for what PBXs say. What it does is
// undone when fn returns an error. fn may run more than once.
func (s *Store) ingest(ctx context.Context, doing string, fn func(tx) error) error {
	return s.wrap(ctx, doing, s.run(ctx, s.in, pgx.TxOptions{}, fn))
}

// lease is ingest for leases.
func (s *Store) lease(ctx context.Context, doing string, fn func(tx) error) error {
	return s.wrap(ctx, doing, s.run(ctx, s.own, pgx.TxOptions{}, fn))
}

// write is ingest for what people and workers do.
func (s *Store) write(ctx context.Context, doing string, fn func(tx) error) error {
	return s.wrap(ctx, doing, s.run(ctx, s.api, pgx.TxOptions{}, fn))
}

// slowly is write for what nobody waits for.
func (s *Store) slowly(ctx context.Context, doing string, fn func(tx) error) error {
	return s.wrap(ctx, doing, s.run(ctx, s.slow, pgx.TxOptions{}, fn))
}

// read runs fn on one unchanging view of the data.
func (s *Store) read(ctx context.Context, doing string, fn func(tx) error) error {
	return s.wrap(ctx, doing, s.run(ctx, s.api, oneView(), fn))
}

// readLong is read for what goes along the whole history: the event log, all gaps, all jobs.
func (s *Store) readLong(ctx context.Context, doing string, fn func(tx) error) error {
	return s.wrap(ctx, doing, s.run(ctx, s.report, oneView(), fn))
}

func oneView() pgx.TxOptions {
	return pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
}

func (s *Store) run(ctx context.Context, p *pgxpool.Pool, o pgx.TxOptions, fn func(tx) error) error {
	for try := 1; ; try++ {
		err := s.attempt(ctx, p, o, fn)
		if !isCollision(err) || try == maxTries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try) * rand.N(20*time.Millisecond)):
		}
	}
}

func (s *Store) attempt(ctx context.Context, p *pgxpool.Pool, o pgx.TxOptions, fn func(tx) error) error {
	var news *stored.News
	err := pgx.BeginTxFunc(ctx, p, o, func(t pgx.Tx) error {
		news = s.memory.Begin() // now that there is a connection, which forgets all when it is new
		if err := fn(tx{t, news}); err != nil {
			return err
		}
		if s.beforeCommit != nil {
			s.beforeCommit()
		}
		return nil
	})
	if err == nil {
		news.Committed()
	}
	return err
}

// exec runs a statement and returns how many rows it touched.
func (t tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.Exec(ctx, query, stored.Args(args)...)
	return tag.RowsAffected(), err
}

// one reads one row into dest; crm.ErrNotFound when there is none.
func (t tx) one(ctx context.Context, query string, args []any, dest ...any) error {
	err := t.QueryRow(ctx, query, stored.Args(args)...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return crm.ErrNotFound
	}
	return err
}

// each calls fn for every row; fn scans it.
func (t tx) each(ctx context.Context, query string, args []any, fn func(scan) error) error {
	rows, err := t.Query(ctx, query, stored.Args(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

type scan func(dest ...any) error

// wrap says what was being done, and marks the errors that pass by themselves.
func (s *Store) wrap(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	case s.closed.Load() || isUnavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, crm.ErrUnavailable, err)
	case code(err) == "23505": // unique_violation
		return fmt.Errorf("%s: %w: %w", doing, crm.ErrConflict, err)
	case isRefusal(code(err)):
		return fmt.Errorf("%s: %w: %w", doing, crm.ErrRefused, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// isRefusal reports whether the server took offence at a value: data exception, integrity
// constraint violation, program limit exceeded. Another time it does so again.
func isRefusal(code string) bool {
	return strings.HasPrefix(code, "22") || strings.HasPrefix(code, "23") || strings.HasPrefix(code, "54")
}

// code returns the SQLSTATE of what the server answered, "" when it is none of its.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// isCollision reports whether the server undid the transaction because of another:
// serialization_failure, deadlock_detected.
func isCollision(err error) bool { return code(err) == "40001" || code(err) == "40P01" }

// isUnavailable reports whether the database cannot be reached or written now. The
// codes are of appendix A of PostgreSQL's manual.
func isUnavailable(err error) bool {
	if c := code(err); c != "" {
		return isOutage(c)
	}
	var dial *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &dial) || errors.As(err, &network) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func isOutage(code string) bool {
	switch code {
	case "25006", // read_only_sql_transaction: a standby, or a guard
		"25P03", // idle_in_transaction_session_timeout
		"55P03", // lock_not_available
		"57014": // query_canceled, here by statement_timeout
		return true
	}
	switch code[:2] {
	case "08", // connection exception
		"53", // insufficient resources
		"58": // system error
		return true
	}
	return code[:3] == "57P" // shutting down, starting up
}

// ts returns t as it is stored: cut to ms, nil when unknown.
func ts(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return crm.At(t).Time
}

// timeAt scans a stored time into the crm.Time it points to.
type timeAt struct{ *crm.Time }

// Scan implements sql.Scanner.
func (t timeAt) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t.Time = crm.Time{}
	case time.Time:
		*t.Time = crm.At(v)
	default:
		return fmt.Errorf("scan a time: got %T", v)
	}
	return nil
}
