package embedded

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"patchcord/buffer"
	"patchcord/crm"
	"patchcord/crm/background"
)

// A commit takes what waits, up to these limits.
const (
	maxGroup      = 256     // requests
	maxGroupBytes = 8 << 20 // of data, reached by the last request
	rowsPerInsert = 16
)

type appendRequest struct {
	pbx     string
	entries []buffer.Entry
	stored  int
	err     error
	done    chan struct{} // closed when stored and err are set
}

// Append implements buffer.Log.
func (l *Log) Append(ctx context.Context, pbx string, entries []buffer.Entry) (int, error) {
	if err := buffer.CheckOrder(entries); err != nil || len(entries) == 0 {
		return 0, err
	}
	r := &appendRequest{pbx: pbx, entries: entries, done: make(chan struct{})}
	select {
	case l.appends <- r:
	case <-l.closing:
		return 0, errClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case <-r.done:
		return r.stored, r.err
	case <-l.stopped:
		return 0, errClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// write is the writer goroutine. It takes no context: a commit that has begun
// is waited for, whoever gave up.
func (l *Log) write() {
	defer close(l.stopped)
	_ = background.Enter() // else it is as urgent as pops
	w := &writer{conn: l.conn}
	defer w.close()
	for {
		select {
		case r := <-l.appends:
			w.appendGroup(l.gather(r))
		case r := <-l.trims:
			r.more, r.err = w.trim(r.pbx, r.below, l.cfg.FreePages)
			close(r.done)
		case <-l.closing:
			return
		}
	}
}

func (l *Log) gather(r *appendRequest) []*appendRequest {
	group, size := []*appendRequest{r}, r.size()
	for len(group) < maxGroup && size < maxGroupBytes {
		select {
		case r := <-l.appends:
			group, size = append(group, r), size+r.size()
		default:
			return group
		}
	}
	return group
}

func (r *appendRequest) size() (n int) {
	for _, e := range r.entries {
		n += len(e.Data)
	}
	return n
}

// appendGroup stores the requests in one transaction. A request that is fenced or
// out of step fails alone; a database that fails, fails all.
func (w *writer) appendGroup(group []*appendRequest) {
	err := w.inTx(func() error {
		for _, r := range group {
			var err error
			if r.stored, r.err, err = w.put(r); err != nil {
				return err
			}
		}
		return nil
	})
	for _, r := range group {
		if err != nil {
			r.stored, r.err = 0, fmt.Errorf("append to log of %s: %w: %w", r.pbx, buffer.ErrUnavailable, err)
		}
		close(r.done)
	}
}

// put stores one request. refused is for the request alone, err is the database's.
func (w *writer) put(r *appendRequest) (stored int, refused, err error) {
	id, top, err := w.topOf(r.pbx)
	if err != nil {
		return 0, nil, err
	}
	if top.Epoch > r.entries[0].Pos.Epoch {
		return 0, fmt.Errorf("append %s to log of %s with top %s: %w", r.entries[0].Pos, r.pbx, top, buffer.ErrFenced), nil
	}
	for _, e := range r.entries {
		if e.Pos.Compare(top) > 0 {
			break
		}
		same, err := w.holds(id, e)
		if err != nil {
			return 0, nil, err
		}
		if !same {
			return stored, fmt.Errorf("append %s to log of %s with top %s: %w", e.Pos, r.pbx, top, buffer.ErrConflict), nil
		}
		stored++
	}
	return len(r.entries), nil, w.insert(id, r.entries[stored:])
}

// topOf returns the row of the PBX, which it makes when it is new.
func (w *writer) topOf(pbx string) (id int64, top crm.Position, err error) {
	err = w.top.QueryRow(pbx).Scan(&id, &top.Epoch, &top.Seq)
	if errors.Is(err, sql.ErrNoRows) {
		err = w.conn.QueryRowContext(context.Background(), `INSERT INTO pbx (name) VALUES (?) RETURNING id`, pbx).Scan(&id)
	}
	return id, top, err
}

func (w *writer) holds(id int64, e buffer.Entry) (bool, error) {
	var rec []byte
	err := w.get.QueryRow(id, e.Pos.Epoch, e.Pos.Seq).Scan(&rec)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	w.rec = buffer.AppendRecord(w.rec[:0], e)
	return bytes.Equal(rec, w.rec), err
}

func (w *writer) insert(id int64, entries []buffer.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	last := entries[len(entries)-1].Pos
	for len(entries) >= rowsPerInsert {
		if err := w.insertRows(w.many, id, entries[:rowsPerInsert]); err != nil {
			return err
		}
		entries = entries[rowsPerInsert:]
	}
	for i := range entries {
		if err := w.insertRows(w.one, id, entries[i:i+1]); err != nil {
			return err
		}
	}
	_, err := w.setTop.Exec(last.Epoch, last.Seq, id)
	return err
}

func (w *writer) insertRows(stmt *sql.Stmt, id int64, entries []buffer.Entry) error {
	background.Pause()
	w.rec, w.args = w.rec[:0], w.args[:0]
	for _, e := range entries {
		start := len(w.rec)
		w.rec = buffer.AppendRecord(w.rec, e)
		w.args = append(w.args, id, e.Pos.Epoch, e.Pos.Seq, w.rec[start:len(w.rec):len(w.rec)])
	}
	_, err := stmt.Exec(w.args...)
	return err
}
