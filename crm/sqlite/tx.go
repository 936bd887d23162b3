package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"patchcord/crm"
	"patchcord/crm/background"
	"patchcord/crm/internal/stored"
)

// tx is a running transaction, or one connection that only reads. Every string it
// is given is cleaned first. What runs for every call numbers no arguments ($1): the
// driver reads the name of each that has one, every time.
type tx struct {
	*sql.Tx
	statements map[string]*sql.Stmt // prepared in it, by text
	news       *stored.News         // what it stores that was not known; nil when it only reads
	index      *indexChanges        // to be made at its end
	whole      bool                 // a statement that has begun is not interrupted
}

// write runs fn in a transaction that has the write lock from its beginning.
// What it does is undone when fn returns an error. It can be given up between two
// statements: each takes microseconds, and to be able to interrupt one the driver
// starts a goroutine for it, which costs more than many of them.
func (s *Store) write(ctx context.Context, doing string, fn func(tx) error) error {
	news := s.memory.Begin()
	err := run(ctx, s.w, news, fn)
	if err == nil {
		news.Committed()
	}
	return s.wrap(ctx, doing, err)
}

// read runs fn on one unchanging view of the data.
func (s *Store) read(ctx context.Context, doing string, fn func(tx) error) error {
	return s.wrap(ctx, doing, run(ctx, s.r, nil, fn))
}

// readLong is read for what goes along the whole history: the event log, all gaps, all jobs.
func (s *Store) readLong(ctx context.Context, doing string, fn func(tx) error) error {
	return s.wrap(ctx, doing, run(ctx, s.report, nil, fn))
}

func run(ctx context.Context, db *sql.DB, news *stored.News, fn func(tx) error) error {
	began, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	t := tx{began, map[string]*sql.Stmt{}, news, &indexChanges{keys: map[keyRow]bool{}}, news != nil}
	if err = fn(t); err == nil {
		err = changeKeys(ctx, t)
	}
	if err == nil {
		err = changeTerms(ctx, t)
	}
	err = errors.Join(err, t.closeAll())
	if err != nil {
		if undo := t.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			return errors.Join(err, undo)
		}
		return err
	}
	return t.Commit()
}

// prepared returns the statement, prepared once for the transaction: a commit
// stores many calls by the same few statements, and preparing costs more than running.
func (t tx) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := t.statements[query]; st != nil {
		return st, nil
	}
	st, err := t.PrepareContext(t.within(ctx), query)
	if err == nil {
		t.statements[query] = st
	}
	return st, err
}

// within returns the context that a statement runs under. The transaction has the
// caller's: it refuses the next statement once that has ended.
func (t tx) within(ctx context.Context) context.Context {
	if t.whole {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (t tx) closeAll() error {
	var errs []error
	for _, st := range t.statements {
		errs = append(errs, st.Close())
	}
	return errors.Join(errs...)
}

// do runs a statement that changes something, once whoever waits for the processor has had it:
// a commit of many calls is long, and what rings now does not wait for it.
func (t tx) do(ctx context.Context, st *sql.Stmt, args []any) (sql.Result, error) {
	background.Pause()
	return st.ExecContext(t.within(ctx), stored.Args(args)...)
}

// exec runs a statement and returns how many rows it touched.
func (t tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	st, err := t.prepared(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := t.do(ctx, st, args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// insert runs a statement that makes one row, and returns its number.
func (t tx) insert(ctx context.Context, query string, args ...any) (int64, error) {
	st, err := t.prepared(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := t.do(ctx, st, args)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// inList stands for a list of texts in a statement; its argument is made by list.
const inList = `(SELECT value FROM json_each($2))`

func list[T ~string](texts []T) string {
	clean := make([]string, len(texts))
	for i, s := range texts {
		clean[i] = stored.Text(string(s))
	}
	b, err := json.Marshal(clean)
	if err != nil {
		return "[]" // unreachable: texts always encode
	}
	return string(b)
}

// one reads one row into dest; crm.ErrNotFound when there is none.
func (t tx) one(ctx context.Context, query string, args []any, dest ...any) error {
	st, err := t.prepared(ctx, query) //nolint:sqlclosecheck // closed with the transaction
	if err != nil {
		return err
	}
	err = st.QueryRowContext(t.within(ctx), stored.Args(args)...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return crm.ErrNotFound
	}
	return err
}

// each calls fn for every row; fn scans it.
func (t tx) each(ctx context.Context, query string, args []any, fn func(scan) error) error {
	st, err := t.prepared(ctx, query) //nolint:sqlclosecheck // closed with the transaction
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(t.within(ctx), stored.Args(args)...)
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

// many runs the statement once for every list of arguments.
func (t tx) many(ctx context.Context, query string, lists [][]any) error {
	if len(lists) == 0 {
		return nil
	}
	st, err := t.prepared(ctx, query)
	if err != nil {
		return err
	}
	for _, args := range lists {
		if _, err := t.do(ctx, st, args); err != nil {
			return err
		}
	}
	return nil
}

// rowsAtOnce is how many rows a statement of rows makes: running one costs more than a row.
const rowsAtOnce = 16

// rows makes n rows in the table and columns of into, by statements that end with rest. row appends the values of the i-th.
// One that fails leaves its first rows (OR FAIL), for the transaction to undo: to undo them by itself, every page that it
// changes would be copied first.
func (t tx) rows(ctx context.Context, into, rest string, n int, row func(args []any, i int) []any) error {
	var st *sql.Stmt
	var args []any
	for from, last := 0, 0; from < n; from += last {
		k := min(rowsAtOnce, n-from)
		args = args[:0]
		for i := range k {
			args = row(args, from+i)
		}
		if k != last {
			one := ", (" + strings.Repeat(", ?", len(args)/k)[2:] + ")"
			var err error
			if st, err = t.prepared(ctx, "INSERT OR FAIL INTO "+into+" VALUES "+strings.Repeat(one, k)[2:]+" "+rest); err != nil {
				return err
			}
			last = k
		}
		if _, err := t.do(ctx, st, args); err != nil {
			return err
		}
	}
	return nil
}

// wrap says what was being done, and marks the errors that pass by themselves.
func (s *Store) wrap(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // the driver says "interrupted"
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	case s.closed.Load() || isUnavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, crm.ErrUnavailable, err)
	case isDuplicate(err):
		return fmt.Errorf("%s: %w: %w", doing, crm.ErrConflict, err)
	case isRefusal(err):
		return fmt.Errorf("%s: %w: %w", doing, crm.ErrRefused, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// isRefusal reports whether SQLite took offence at a value. Another time it does so again.
func isRefusal(err error) bool {
	var e *driver.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_CONSTRAINT, lib.SQLITE_TOOBIG, lib.SQLITE_MISMATCH:
		return true
	}
	return false
}

// isUnavailable reports whether the file cannot be used now: locked by another
// process for longer than the busy timeout, the disk full or failing.
func isUnavailable(err error) bool {
	var e *driver.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff { // the primary result code, sqlite.org/rescode.html
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN:
		return true
	}
	return false
}

func isDuplicate(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) &&
		(e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// ms returns t as it is stored: ms since 1970, nil when unknown.
func ms(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// timeAt scans a stored time into the crm.Time it points to.
type timeAt struct{ *crm.Time }

// Scan implements sql.Scanner.
func (t timeAt) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t.Time = crm.Time{}
	case int64:
		*t.Time = crm.At(time.UnixMilli(v))
	default:
		return fmt.Errorf("scan a time: want ms, got %T", v)
	}
	return nil
}
