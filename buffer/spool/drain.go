package spool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

const (
	drainBatch = 500
	firstDelay = 50 * time.Millisecond
	maxDelay   = time.Second
)

// startDrain begins to drain, unless the Log is closed.
func (q *queue) startDrain() {
	q.l.mu.Lock()
	defer q.l.mu.Unlock()
	if !q.l.closed {
		q.l.wg.Go(func() { q.drain(q.l.ctx) })
	}
}

// drain moves the spool into the log, in order, until it is empty, the log
// refuses it for good, or ctx ends. While the log is away it tries again: doubled delays, jitter, a cap.
func (q *queue) drain(ctx context.Context) {
	began, delay, moved := time.Now(), firstDelay, 0
	for ctx.Err() == nil {
		start := time.Now()
		n, empty, err := q.step(ctx)
		moved += n
		switch {
		case empty:
			q.log.Info("the log is back; the spool is drained", "entries", moved, "after", time.Since(began))
			return
		case err != nil && final(err):
			q.refuse(err)
			return
		case err != nil:
			rest(ctx, delay/2+rand.N(delay/2))
			delay = min(2*delay, maxDelay)
		default:
			delay = firstDelay
			rest(ctx, max(time.Since(start), time.Duration(n)*time.Second/time.Duration(q.l.cfg.Rate)))
		}
	}
}

func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// step drains one batch. The last one is taken in the turn, so that nothing is added behind
// it and the next append goes to the log itself.
func (q *queue) step(ctx context.Context) (n int, empty bool, err error) {
	entries, err := q.next(ctx)
	if err != nil {
		return 0, false, err
	}
	if len(entries) >= drainBatch {
		n, err = q.move(ctx, entries)
		return n, false, err
	}
	if err := q.lock(ctx); err != nil {
		return 0, false, err
	}
	defer q.unlock()
	for {
		if entries, err = q.next(ctx); err != nil {
			return n, false, err
		}
		if len(entries) == 0 {
			q.finish()
			return n, true, nil
		}
		m, err := q.move(ctx, entries)
		if n += m; err != nil {
			return n, false, err
		}
	}
}

// next returns what is to be drained next. What the log has already is skipped, but for the last entry: an
// append whose outcome was unknown may be there and not be durable, and only a successful append says that it is.
func (q *queue) next(ctx context.Context) ([]buffer.Entry, error) {
	v := q.view()
	if !v.holds() {
		return nil, nil
	}
	if v.cursor.Compare(v.segs[0].prev) < 0 || v.cursor.IsZero() {
		patient, cancel := context.WithTimeout(ctx, q.l.cfg.Patience)
		defer cancel()
		top, err := q.l.log.Top(patient, q.pbx)
		if err != nil {
			return nil, err
		}
		v.cursor = v.begin(top)
		q.mu.Lock()
		q.cursor, q.short, q.end = v.cursor, v.lacks(top), top
		q.mu.Unlock()
	}
	return q.read(v, v.cursor, drainBatch)
}

// begin returns after which position to begin when the log ends with top.
func (v view) begin(top crm.Position) crm.Position {
	cursor := v.segs[0].prev
	switch {
	case top.IsZero(), top.Epoch > v.top().Epoch: // in the second case the log will refuse
	case top.Compare(v.top()) > 0: // what came after it is durable: so is all of it
		return v.top()
	case before(top).Compare(cursor) > 0:
		return before(top)
	}
	return cursor
}

// lacks reports whether a log that ends with top lacks what it had when the spool began.
func (v view) lacks(top crm.Position) bool {
	first := v.segs[0]
	unknown := first.prev == before(first.first) && first.first.Seq == 0
	return !unknown && top.Compare(first.prev) < 0
}

// unsure is how far back a log that came back empty may have had what is in no record yet.
const unsure = 10 * time.Minute

// missing tells what a log that was too short still lacks once it has taken an entry of the
// spool: a failover took its end, and who could have appended that again is no more.
func (q *queue) missing(ctx context.Context, v view) error {
	prev := v.segs[0].prev
	patient, cancel := context.WithTimeout(ctx, q.l.cfg.Patience)
	defer cancel()
	next, err := q.l.log.Read(patient, q.pbx, before(prev), 1)
	if err != nil {
		return err
	}
	if len(next) > 0 && next[0].Pos.Compare(prev) > 0 {
		to := next[0].At
		from := to.Add(-unsure)
		if !v.end.IsZero() {
			end, err := q.l.log.Read(patient, q.pbx, before(v.end), 1)
			if err != nil {
				return err
			}
			from = end[0].At
		}
		q.lose(fmt.Sprintf("%016x-before", v.segs[0].salt), from, to, "the log lost its end, up to "+prev.String())
	}
	q.mu.Lock()
	q.short = false
	q.mu.Unlock()
	return nil
}

func (q *queue) move(ctx context.Context, entries []buffer.Entry) (int, error) {
	v := q.view()
	n, err := q.l.direct(ctx, q.pbx, entries)
	if n > 0 && v.short {
		if err := q.missing(ctx, v); err != nil {
			return 0, err // the same entries are moved again
		}
	}
	if n > 0 {
		q.mu.Lock()
		q.cursor = entries[n-1].Pos
		cursor := q.cursor
		q.mu.Unlock()
		q.know(cursor)
		q.drop(func(s *segment) bool { return s.last.Compare(cursor) <= 0 })
	}
	if err == nil && n == 0 {
		err = fmt.Errorf("drain spool of %s: %w", q.pbx, buffer.ErrUnavailable)
	}
	return n, err
}

// finish removes everything: it is in the log. The turn is held.
func (q *queue) finish() {
	q.retire()
	q.drop(func(*segment) bool { return true })
}

// retire lets nothing more be added to the last segment. The turn is held.
func (q *queue) retire() {
	q.mu.Lock()
	var last *segment
	if len(q.segs) > 0 {
		last = q.segs[len(q.segs)-1]
	}
	q.mu.Unlock()
	if last != nil && last.file != nil {
		q.seal(last)
	}
}

func (q *queue) refuse(err error) {
	q.log.Error("the log refuses the spool for good; it is kept until a new owner puts it aside", "err", err)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refused = err
	q.change()
}
