package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"patchcord/buffer"
	"patchcord/crm"
)

// One transaction of a trim takes at most so much, so that appends between two wait for milliseconds.
const (
	trimRows    = 1000
	vacuumPages = 256
)

type trimRequest struct {
	pbx   string
	below crm.Position
	more  bool
	err   error
	done  chan struct{} // closed when more and err are set
}

// Trim implements buffer.Log. It removes all entries below the position, in
// many small transactions.
func (l *Log) Trim(ctx context.Context, pbx string, below crm.Position) error {
	below.Epoch, below.Seq = min(below.Epoch, math.MaxInt64), min(below.Seq, math.MaxInt64)
	for more := true; more; {
		r := &trimRequest{pbx: pbx, below: below, done: make(chan struct{})}
		select {
		case l.trims <- r:
		case <-l.closing:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
		<-r.done // milliseconds away
		if r.err != nil {
			return fmt.Errorf("trim log of %s: %w: %w", pbx, buffer.ErrUnavailable, r.err)
		}
		more = r.more
	}
	return nil
}

// trim removes the first entries below the position and says whether there is more to do.
func (w *writer) trim(pbx string, below crm.Position, keepPages int) (more bool, err error) {
	ctx := context.Background()
	err = w.inTx(func() error {
		bound := below
		err := w.conn.QueryRowContext(ctx, `SELECT epoch, seq FROM entry
			WHERE pbx = (SELECT id FROM pbx WHERE name = ?) AND (epoch, seq) < (?, ?)
			ORDER BY epoch, seq LIMIT 1 OFFSET ?`, pbx, below.Epoch, below.Seq, trimRows).Scan(&bound.Epoch, &bound.Seq)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		more = err == nil
		_, err = w.conn.ExecContext(ctx, `DELETE FROM entry WHERE pbx = (SELECT id FROM pbx WHERE name = ?) AND (epoch, seq) < (?, ?)`,
			pbx, bound.Epoch, bound.Seq)
		return err
	})
	if err != nil || more {
		return more, err
	}
	return w.giveBack(keepPages)
}

// giveBack returns unused pages beyond keep to the file system, some at a time.
func (w *writer) giveBack(keep int) (more bool, err error) {
	ctx := context.Background()
	var free int
	if err := w.conn.QueryRowContext(ctx, `PRAGMA freelist_count`).Scan(&free); err != nil || free <= keep {
		return false, err
	}
	_, err = w.conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, min(free-keep, vacuumPages)))
	return free-keep > vacuumPages, err
}
