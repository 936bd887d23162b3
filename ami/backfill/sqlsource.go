package backfill

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Database is one that a PBX writes cdr and cel into. It is safe for concurrent use.
type Database struct {
	db      *sql.DB
	zone    *time.Location
	dialect dialect
	name    string // without secrets, for messages
}

// A dialect is how one kind of database is asked.
type dialect struct {
	mark  func(n int) string // placeholder of the n-th argument
	quote string
	// text makes a column's value a text in the form of layouts[0], whatever its type.
	text func(column string) string
	// leads is a statement that gives a row when an index of a table begins with a column.
	leads string
	// noTable reports whether the error says that there is no such table.
	noTable func(error) bool
}

// ErrNoTable: the PBX does not write that ledger into this database.
var ErrNoTable = errors.New("there is no such table")

// Close closes the connections.
func (d *Database) Close() error { return d.db.Close() }

// Ping reports whether the database answers.
func (d *Database) Ping(ctx context.Context) error {
	if err := d.db.PingContext(ctx); err != nil {
		return fmt.Errorf("reach %s: %w", d.name, err)
	}
	return nil
}

// columns returns the names of a table's columns, in lower case.
func (d *Database) columns(ctx context.Context, table string) ([]string, error) {
	rows, err := d.db.QueryContext(ctx, `SELECT * FROM `+d.id(table)+` WHERE 1 = 0`)
	if err != nil {
		if d.dialect.noTable(err) {
			err = ErrNoTable
		}
		return nil, fmt.Errorf("read the columns of %s in %s: %w", table, d.name, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s in %s: %w", table, d.name, err)
	}
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	return names, rows.Err()
}

func (d *Database) id(name string) string { return d.dialect.quote + name + d.dialect.quote }

// query is a statement over one table and range of time.
type query struct {
	table   string
	columns []string // wanted, of those that the table has
	time    string   // the column that is a time
	last    int      // newest rows wanted; 0: all between from and until
	only    string   // a further condition
	after   int64    // the lowest id wanted; 0 for all
	has     []string // the table's columns
}

// sql returns the statement. Rows of one second are in the order in which they were
// written, when the table has a number for it.
func (d *Database) sql(q query, from, until string) (string, []any) {
	var sel, cond []string
	var args []any
	for _, c := range q.columns {
		if c == q.time {
			sel = append(sel, d.dialect.text(d.id(c)))
			continue
		}
		sel = append(sel, d.id(c))
	}
	for _, b := range []struct{ op, value string }{{" >= ", from}, {" < ", until}} {
		if b.value != "" {
			args = append(args, b.value)
			cond = append(cond, d.id(q.time)+b.op+d.dialect.mark(len(args)))
		}
	}
	if q.after > 0 {
		cond = append(cond, d.id("id")+" >= "+strconv.FormatInt(q.after, 10))
	}
	if q.only != "" {
		cond = append(cond, q.only)
	}
	s := `SELECT ` + strings.Join(sel, ", ") + ` FROM ` + d.id(q.table)
	if len(cond) > 0 {
		s += ` WHERE ` + strings.Join(cond, " AND ")
	}
	order := []string{d.id(q.time)}
	for _, serial := range []string{"id", "sequence"} {
		if slices.Contains(q.has, serial) {
			order = append(order, d.id(serial))
		}
	}
	if q.last > 0 {
		return fmt.Sprintf(`%s ORDER BY %s DESC LIMIT %d`, s, order[len(order)-1], q.last), args
	}
	return s + ` ORDER BY ` + strings.Join(order, ", "), args
}

// each calls fn with the values of every row as texts.
func (d *Database) each(ctx context.Context, q query, from, until string, fn func([]string) error) error {
	statement, args := d.sql(q, from, until)
	rows, err := d.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("read %s in %s: %w", q.table, d.name, err)
	}
	defer rows.Close()
	cells := make([]sql.NullString, len(q.columns))
	dest := make([]any, len(cells))
	for i := range cells {
		dest[i] = &cells[i]
	}
	values := make([]string, len(cells))
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("read %s in %s: %w", q.table, d.name, err)
		}
		for i := range cells {
			values[i] = cells[i].String
		}
		if err := fn(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s in %s: %w", q.table, d.name, err)
	}
	return nil
}

// wall returns what a clock in the table shows at an instant, "" for the zero one:
// earliest or latest of the readings that are possible.
func (c *clock) wall(t time.Time, late bool) string {
	if t.IsZero() {
		return ""
	}
	zone := c.zone
	if zone == nil {
		zone = time.Local
	}
	shown := []string{t.UTC().Format(layouts[0])}
	if c.votes >= 0 {
		if c.votes > 0 {
			shown = shown[:0]
		}
		// An hour to each side: within it a clock may have been set.
		shown = append(shown, t.Add(-time.Hour).In(zone).Format(layouts[0]), t.Add(time.Hour).In(zone).Format(layouts[0]))
	}
	if late {
		return slices.Max(shown)
	}
	return slices.Min(shown)
}

// A table is a Source of one table.
type table[R any] struct {
	d      *Database
	name   string
	time   []string // names that the column of the time has; the first that exists
	wanted []string
	only   string        // rows whose time tells how clocks are set
	before time.Duration // how much earlier a row may begin that concerns an instant
	// disorder is how far rows stand from the order of their times when they are in that of their ids.
	disorder time.Duration
	row      func(columns, values []string, c *clock) (*R, error)
	span     func(*R) (from, until time.Time)
}

// learnFrom is how many of the newest rows tell how the clock is set.
const learnFrom = 50

// Rows implements Source.
func (t *table[R]) Rows(ctx context.Context, from, until time.Time, fn func(*R) error) (Report, error) {
	var rep Report
	q, err := t.query(ctx)
	if err != nil {
		return rep, err
	}
	c := clock{zone: t.d.zone}
	probe := q
	probe.last, probe.only = learnFrom, t.only
	err = t.d.each(ctx, probe, "", "", func(values []string) error {
		_, _ = t.row(q.columns, values, &c) // a bad row is told when it is scanned
		return nil
	})
	if err != nil {
		return rep, err
	}
	if !from.IsZero() {
		from = from.Add(-t.before)
		if q.after, err = t.d.firstID(ctx, q, c.wall(from.Add(-t.disorder), false)); err != nil {
			return rep, err
		}
	}
	n := 0
	err = t.d.each(ctx, q, c.wall(from, false), c.wall(until, true), func(values []string) error {
		n++
		r, err := t.row(q.columns, values, &c)
		if err != nil {
			rep.bad(t.name, n, err.Error())
			return nil
		}
		begin, end := t.span(r)
		if end.Before(from.Add(t.before)) && !from.IsZero() || !until.IsZero() && !begin.Before(until) {
			return nil
		}
		rep.Rows++
		return fn(r)
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	return rep, err
}

func (t *table[R]) query(ctx context.Context) (query, error) {
	has, err := t.d.columns(ctx, t.name)
	if err != nil {
		return query{}, err
	}
	q := query{table: t.name, has: has}
	for _, c := range t.time {
		if slices.Contains(has, c) {
			q.time = c
			break
		}
	}
	if q.time == "" || !slices.Contains(has, "uniqueid") {
		return q, fmt.Errorf("table %s in %s: %w", t.name, t.d.name, errNoColumns)
	}
	for _, c := range has {
		if c == q.time || slices.Contains(t.wanted, c) {
			q.columns = append(q.columns, c)
		}
	}
	return q, nil
}

var errNoColumns = errors.New("it has no column for the time, or no uniqueid")
