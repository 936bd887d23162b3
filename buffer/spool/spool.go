// Package spool stands before a buffer.Log and takes over on the local disk while that is
// away: entries go into segment files with the same positions, are
// fsynced before they are acknowledged, and are drained into the log in order on its return.
// Whoever reads sees one log, the spool behind it, so records go on meanwhile.
//
// It refuses to reorder: as long as anything waits in the spool, newer
// entries go behind it. It refuses to hide: what cannot be read back, or may not be
// drained because another daemon owns the PBX by now, is kept aside and told as a buffer.Loss.
package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// Config is how the spool is kept; the zero value is ready to use.
type Config struct {
	// MaxBytes bounds the files of all PBXs together; 0 means 1 GiB. When they are full, Append
	// returns buffer.ErrUnavailable: entries then wait in the caller's bounded memory.
	MaxBytes     int64
	SegmentBytes int64         // reserved at once for a segment; 0 means 16 MiB
	Patience     time.Duration // with the log, for each attempt; 0 means 2 s
	// Rate bounds how many entries a second are drained; 0 means 20,000. Draining never takes more than half of the
	// time either, so that other PBXs get at the log.
	Rate   int
	FS     FS           // nil means OS{}
	Logger *slog.Logger // nil means slog.Default()
}

// Log is a buffer.Log with a spool. It is safe for concurrent use.
type Log struct {
	cfg  Config
	log  buffer.Log
	dir  string
	ctx  context.Context // of the drains; ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup // of the drains

	mu     sync.Mutex
	queues map[string]*queue // guarded by mu; by PBX
	used   int64             // guarded by mu; bytes of all segments
	closed bool              // guarded by mu
}

var (
	errFull   = errors.New("the spool is full")
	errClosed = fmt.Errorf("%w: closed", buffer.ErrUnavailable)
)

// Open returns log with a spool in the folder dir, which is made when it is missing. What an
// earlier life left there is checked and drained first. The Log closes log.
func Open(dir string, log buffer.Log, cfg Config) (*Log, error) {
	cfg.MaxBytes, cfg.SegmentBytes = cmp.Or(cfg.MaxBytes, 1<<30), cmp.Or(cfg.SegmentBytes, 16<<20)
	cfg.Patience, cfg.Rate = cmp.Or(cfg.Patience, 2*time.Second), cmp.Or(cfg.Rate, 20_000)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.FS == nil {
		cfg.FS = OS{}
	}
	l := &Log{cfg: cfg, log: log, dir: dir, queues: map[string]*queue{}}
	l.ctx, l.stop = context.WithCancel(context.Background())
	if err := l.recover(); err != nil {
		l.stop()
		return nil, fmt.Errorf("open spool %s: %w", dir, err)
	}
	for _, q := range l.queues {
		if q.holds() {
			q.startDrain()
		}
	}
	return l, nil
}

func (l *Log) recover() error {
	if err := l.cfg.FS.MkdirAll(l.dir); err != nil {
		return err
	}
	_, dirs, err := l.cfg.FS.List(l.dir)
	if err != nil {
		return err
	}
	for _, name := range dirs {
		pbx, err := url.PathUnescape(name)
		if err != nil {
			continue // not ours
		}
		if err := l.queue(pbx).recover(); err != nil {
			return err
		}
	}
	return nil
}

// queue returns the spool of the PBX.
func (l *Log) queue(pbx string) *queue {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[pbx]
	if q == nil {
		q = newQueue(l, pbx)
		l.queues[pbx] = q
	}
	return q
}

func newQueue(l *Log, pbx string) *queue {
	return &queue{
		l: l, pbx: pbx, dir: filepath.Join(l.dir, folder(pbx)), log: l.cfg.Logger.With("pbx", pbx),
		turn: make(chan struct{}, 1), changed: make(chan struct{}), told: map[string]bool{},
	}
}

// folder is the name of the PBX's folder: never one that means another, or none.
func folder(pbx string) string {
	if strings.Trim(pbx, ".") == "" {
		return strings.ReplaceAll(pbx, ".", "%2E")
	}
	return url.PathEscape(pbx)
}

// Append implements buffer.Log. It returns when the entries are in the log, or on the local disk.
func (l *Log) Append(ctx context.Context, pbx string, entries []buffer.Entry) (int, error) {
	if err := buffer.CheckOrder(entries); err != nil || len(entries) == 0 {
		return 0, err
	}
	q := l.queue(pbx)
	if err := q.lock(ctx); err != nil {
		return 0, err
	}
	defer q.unlock()
	if l.isClosed() {
		return 0, errClosed
	}
	if q.holds() {
		return q.add(ctx, entries)
	}
	stored, err := l.direct(ctx, pbx, entries)
	if stored > 0 {
		q.know(entries[stored-1].Pos)
	}
	if !errors.Is(err, buffer.ErrUnavailable) || ctx.Err() != nil {
		return stored, err
	}
	more, spoolErr := q.add(ctx, entries[stored:])
	if more == 0 {
		return stored, errors.Join(err, spoolErr)
	}
	if q.holds() {
		q.log.Warn("the log is away; entries go to the spool", "err", err)
		q.startDrain()
	}
	return stored + more, spoolErr
}

// direct appends to the log itself, for as long as the patience lasts.
func (l *Log) direct(ctx context.Context, pbx string, entries []buffer.Entry) (int, error) {
	patient, cancel := context.WithTimeout(ctx, l.cfg.Patience)
	defer cancel()
	stored, err := l.log.Append(patient, pbx, entries)
	if err != nil && ctx.Err() == nil && patient.Err() != nil && !final(err) {
		err = fmt.Errorf("%w: %w", buffer.ErrUnavailable, err)
	}
	return stored, err
}

// final reports whether the log refuses for good.
func final(err error) bool {
	return slices.ContainsFunc([]error{buffer.ErrFenced, buffer.ErrRegressed, buffer.ErrConflict, buffer.ErrOrder},
		func(e error) bool { return errors.Is(err, e) })
}

// Top implements buffer.Log. While the log is away it is the spool's.
func (l *Log) Top(ctx context.Context, pbx string) (crm.Position, error) {
	q := l.queue(pbx)
	v := q.view()
	if !v.holds() {
		top, err := l.log.Top(ctx, pbx)
		if err == nil {
			q.know(top)
		}
		return top, err
	}
	patient, cancel := context.WithTimeout(ctx, l.cfg.Patience)
	defer cancel()
	top, err := l.log.Top(patient, pbx)
	if ctx.Err() != nil {
		return top, ctx.Err()
	}
	if err != nil || top.Compare(v.top()) < 0 {
		return v.top(), nil
	}
	return top, nil
}

// Trim implements buffer.Log. Of the spool it removes whole segments.
func (l *Log) Trim(ctx context.Context, pbx string, below crm.Position) error {
	return l.log.Trim(ctx, pbx, l.queue(pbx).trim(below))
}

// Settle returns once nothing of an earlier owner waits in the spool: drained, or, when
// the log has refused it for good, put aside and told as a Loss. A new owner calls it before he reads.
func (l *Log) Settle(ctx context.Context, pbx string) error {
	q := l.queue(pbx)
	for {
		holds, changed, refused := q.state()
		switch {
		case !holds:
			return ctx.Err()
		case refused != nil:
			if err := q.park(ctx, refused); err != nil {
				return err
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Stats is a moment of the spool of a PBX.
type Stats struct {
	Bytes   int64 // of its files
	Entries int   // that wait to be drained, about
	Refused bool  // the log takes them no more
}

// Stats returns a snapshot.
func (l *Log) Stats(pbx string) Stats {
	v := l.queue(pbx).view()
	s := Stats{Refused: v.refused != nil}
	for _, seg := range v.segs {
		s.Bytes += seg.room
		if seg.last.Compare(v.cursor) > 0 {
			s.Entries += seg.count
		}
	}
	return s
}

func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// reserve takes n bytes of what the spool may use.
func (l *Log) reserve(n int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used+n > l.cfg.MaxBytes {
		return fmt.Errorf("%w: %d of %d bytes are used", errFull, l.used, l.cfg.MaxBytes)
	}
	l.used += n
	return nil
}

func (l *Log) release(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used -= n
}

// Close ends draining, and closes the log. What waits in the spool is drained by the next Open.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	queues := make([]*queue, 0, len(l.queues))
	for _, q := range l.queues {
		queues = append(queues, q)
	}
	l.mu.Unlock()
	l.stop()
	l.wg.Wait()
	var errs []error
	for _, q := range queues {
		errs = append(errs, q.close())
	}
	return errors.Join(append(errs, l.log.Close())...)
}
