package embedded

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// OR FAIL: the transaction undoes what an insert did that failed. To undo it by itself, SQLite would copy every page first.
const insertRow = `INSERT OR FAIL INTO entry (pbx, epoch, seq, rec) VALUES (?,?,?,?)`

// writer is what the writer goroutine keeps between transactions.
type writer struct {
	conn             *sql.Conn
	top, setTop, get *sql.Stmt
	one, many        *sql.Stmt // insert one row, insert rowsPerInsert
	rec              []byte    // scratch
	args             []any     // scratch
}

// inTx runs f in a transaction. It does without sql.Tx, which would prepare every statement anew.
func (w *writer) inTx(f func() error) error {
	ctx := context.Background()
	if err := w.prepare(ctx); err != nil {
		return err
	}
	if _, err := w.conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = w.conn.ExecContext(ctx, `COMMIT`)
	}
	if err != nil {
		_, rollback := w.conn.ExecContext(ctx, `ROLLBACK`)
		if rollback != nil && strings.Contains(rollback.Error(), "no transaction is active") {
			rollback = nil // some errors end it by themselves
		}
		return errors.Join(err, rollback)
	}
	return nil
}

func (w *writer) prepare(ctx context.Context) error {
	for query, stmt := range map[string]**sql.Stmt{
		`SELECT id, epoch, seq FROM pbx WHERE name = ?`:                 &w.top,
		`UPDATE pbx SET epoch = ?, seq = ? WHERE id = ?`:                &w.setTop,
		`SELECT rec FROM entry WHERE pbx = ? AND epoch = ? AND seq = ?`: &w.get,
		insertRow: &w.one,
		insertRow + strings.Repeat(`,(?,?,?,?)`, rowsPerInsert-1): &w.many,
	} {
		if *stmt != nil {
			continue
		}
		var err error
		if *stmt, err = w.conn.PrepareContext(ctx, query); err != nil { //nolint:sqlclosecheck // kept, and closed by close
			return err
		}
	}
	return nil
}

func (w *writer) close() {
	for _, s := range []*sql.Stmt{w.top, w.setTop, w.get, w.one, w.many} {
		if s != nil {
			_ = s.Close()
		}
	}
}
