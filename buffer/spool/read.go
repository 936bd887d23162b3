package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// Read implements buffer.Log: what is in the log comes from there, the rest from the spool. A reader that
// has come as far as the spool needs the log no more. Damage in the spool is skipped and told as a Loss.
func (l *Log) Read(ctx context.Context, pbx string, after crm.Position, limit int) ([]buffer.Entry, error) {
	if limit <= 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	q := l.queue(pbx)
	for range 3 { // a segment may be drained and removed meanwhile
		entries, err := q.readBoth(ctx, after, limit)
		if !errors.Is(err, fs.ErrNotExist) {
			return entries, err
		}
	}
	return nil, fmt.Errorf("read spool of %s: %w", pbx, buffer.ErrUnavailable)
}

func (q *queue) readBoth(ctx context.Context, after crm.Position, limit int) ([]buffer.Entry, error) {
	v := q.view()
	switch {
	case !v.holds():
		return q.l.log.Read(ctx, q.pbx, after, limit)
	case after.Compare(v.segs[0].prev) < 0:
		entries, err := q.l.log.Read(ctx, q.pbx, after, limit)
		if err != nil || len(entries) > 0 {
			return entries, err
		}
	case after == v.top() && v.refused == nil:
		return nil, nil // nothing comes after it, and the log may be away
	case after.Compare(v.top()) >= 0:
		return q.l.log.Read(ctx, q.pbx, after, limit)
	}
	return q.read(v, after, limit)
}

// read returns up to limit entries of the spool after the position, fs.ErrNotExist when a part of v is gone by now.
func (q *queue) read(v view, after crm.Position, limit int) ([]buffer.Entry, error) {
	r := &reading{q: q, after: after, limit: limit}
	for _, s := range v.segs {
		if s.last.Compare(after) <= 0 {
			continue
		}
		if err := r.segment(&s); err != nil {
			return nil, fmt.Errorf("read spool of %s: %w", q.pbx, err)
		}
		if len(r.entries) >= limit {
			break
		}
	}
	return r.entries, nil
}

// reading is one walk over segments.
type reading struct {
	q       *queue
	after   crm.Position // the position reached
	at      time.Time    // receipt of the entry there, zero when it was not read
	limit   int
	entries []buffer.Entry
	bad     *stretch // damage since the last entry
}

// stretch is a part of a segment that does not read as it was written.
type stretch struct {
	seg         *segment
	from, until int64
	perhaps     bool // it may never have been acknowledged
}

func (r *reading) segment(s *segment) error {
	f, err := r.q.l.cfg.FS.Open(s.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	for i, m := range s.marks {
		end := s.size
		if i+1 < len(s.marks) {
			if s.marks[i+1].pos.Compare(r.after) <= 0 {
				continue
			}
			end = s.marks[i+1].at
		}
		if err := r.block(f, s, m.at, end); err != nil {
			return err
		}
		if len(r.entries) >= r.limit {
			return nil
		}
	}
	if r.bad != nil && r.after.Compare(s.last) < 0 { // up to the end of the segment
		r.lost(s.to)
	}
	r.bad = nil
	return nil
}

func (r *reading) block(f File, s *segment, from, until int64) error {
	b := make([]byte, until-from)
	if n, err := f.ReadAt(b, from); err != nil && !errors.Is(err, io.EOF) {
		return err
	} else if n < len(b) {
		b = b[:n]
	}
	end := walk(b, from, s.salt, r.entry, func(from, until int64) { r.bad = &stretch{seg: s, from: from, until: until} })
	if rest := b[end-from:]; int64(len(b)) < until-from || !allZero(rest) || len(rest) >= sector {
		r.bad = &stretch{seg: s, from: end, until: until}
	}
	return nil
}

func (r *reading) entry(_ int64, e buffer.Entry) {
	if e.Pos.Compare(r.after) <= 0 {
		r.bad = nil // it lay before what is asked for, or is told by who reads from there
		r.at = e.At
		return
	}
	if len(r.entries) >= r.limit {
		return
	}
	if r.bad != nil {
		if !follows(e.Pos, r.after) {
			r.lost(e.At)
		}
		r.bad = nil
	}
	r.entries, r.after, r.at = append(r.entries, e), e.Pos, e.At
}

func follows(p, last crm.Position) bool { return p.Epoch == last.Epoch && p.Seq == last.Seq+1 }

// lost tells that entries after r.after are damaged; the next good one was received at to.
func (r *reading) lost(to time.Time) {
	from := r.at
	if from.IsZero() {
		from = to
	}
	r.q.damaged(r.bad, from, to)
	r.bad = nil
}
