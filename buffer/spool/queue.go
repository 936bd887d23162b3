package spool

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// queue is the spool of one PBX.
type queue struct {
	l    *Log
	pbx  string
	dir  string
	log  *slog.Logger
	turn chan struct{} // holds a token while somebody appends, to the log or to the spool; outside of mu

	created  uint16     // in the turn; segments made so far, modulo 2¹⁶
	removing sync.Mutex // held while files are removed
	doomed   []string   // guarded by removing; files to remove, in order

	mu      sync.Mutex
	segs    []*segment      // guarded by mu; in order; the last may be written to
	cursor  crm.Position    // guarded by mu; entries up to it are in the log
	short   bool            // guarded by mu; the log ended before the spool began, at end, when it was asked
	end     crm.Position    // guarded by mu
	known   crm.Position    // guarded by mu; the log's top as this process last knew it, zero when it does not
	refused error           // guarded by mu; why the log takes no more of this, nil when it does
	changed chan struct{}   // guarded by mu; closed and replaced when nothing waits any more, or it is refused
	losses  []buffer.Loss   // guarded by mu; not forgotten yet
	told    map[string]bool // guarded by mu; ids of all losses of this life
	copies  int             // guarded by mu; damaged stretches kept aside
}

// segment is a file of the spool. Its fields change under the queue's mu, in the turn.
type segment struct {
	path        string
	salt        uint64
	prev        crm.Position // of the entry before the first
	first, last crm.Position
	to          time.Time // receipt of the last entry
	count       int
	size        int64  // up to here it is durable
	room        int64  // of bytes that the file takes
	marks       []mark // where reading can begin, in order
	file        File   // nil once nothing more is added
}

type mark struct {
	pos crm.Position
	at  int64
}

const markEvery = 64 << 10

func (q *queue) lock(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case q.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) unlock() { <-q.turn }

// know notes what the log ends with.
func (q *queue) know(top crm.Position) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if top.Compare(q.known) > 0 {
		q.known = top
	}
}

func (q *queue) holds() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.segs) > 0
}

// state says whether anything waits, why the log refuses it, and returns what is closed when that changes.
func (q *queue) state() (holds bool, changed <-chan struct{}, refused error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.segs) > 0, q.changed, q.refused
}

// change wakes up who waits for a change. mu is held.
func (q *queue) change() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// view is a moment of a queue.
type view struct {
	segs    []segment
	cursor  crm.Position
	short   bool
	end     crm.Position
	refused error
}

func (q *queue) view() view {
	q.mu.Lock()
	defer q.mu.Unlock()
	v := view{cursor: q.cursor, short: q.short, end: q.end, refused: q.refused}
	for _, s := range q.segs {
		v.segs = append(v.segs, *s)
	}
	return v
}

func (v view) holds() bool { return len(v.segs) > 0 }

func (v view) top() crm.Position { return v.segs[len(v.segs)-1].last }

// add stores the entries in the spool, by the rules of buffer.Log. The turn is held.
func (q *queue) add(ctx context.Context, entries []buffer.Entry) (stored int, err error) {
	v, top := q.view(), q.knownTop()
	if v.holds() {
		top = v.top()
	}
	if v.refused != nil {
		return 0, fmt.Errorf("append to spool of %s: %w", q.pbx, v.refused)
	}
	if top.Epoch > entries[0].Pos.Epoch {
		return 0, fmt.Errorf("append %s to spool of %s with top %s: %w", entries[0].Pos, q.pbx, top, buffer.ErrFenced)
	}
	for stored < len(entries) && entries[stored].Pos.Compare(top) <= 0 {
		if err := q.same(ctx, entries[stored]); err != nil {
			return stored, err
		}
		stored++
	}
	if stored == len(entries) {
		return stored, nil
	}
	if err := q.store(entries[stored:]); err != nil {
		return stored, fmt.Errorf("append to spool of %s: %w: %w", q.pbx, buffer.ErrUnavailable, err)
	}
	return len(entries), nil
}

func (q *queue) knownTop() crm.Position {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.known
}

// same returns nil when e is in the spool, or before it in the log.
func (q *queue) same(ctx context.Context, e buffer.Entry) error {
	got, err := q.l.Read(ctx, q.pbx, before(e.Pos), 1)
	if err != nil {
		return err
	}
	if len(got) == 0 || !bytes.Equal(buffer.AppendRecord(nil, got[0]), buffer.AppendRecord(nil, e)) || got[0].Pos != e.Pos {
		return fmt.Errorf("append %s to spool of %s: %w", e.Pos, q.pbx, buffer.ErrConflict)
	}
	return nil
}

// before returns the highest position below p.
func before(p crm.Position) crm.Position {
	if p.Seq > 0 {
		return crm.Position{Epoch: p.Epoch, Seq: p.Seq - 1}
	}
	return crm.Position{Epoch: p.Epoch - 1, Seq: math.MaxInt64}
}

// store writes the entries behind the others and returns when they are on the disk. A disk
// that fails to sync is not believed again: the entries are written anew, to another segment (fsyncgate:
// what a failed fsync covered is gone, and the next one succeeds).
func (q *queue) store(entries []buffer.Entry) error {
	err := q.storeOnce(entries)
	if errors.Is(err, errSuspect) {
		q.log.Error("the disk did not sync the spool; what is not acknowledged is written anew", "err", err)
		err = q.storeOnce(entries)
	}
	return err
}

var errSuspect = errors.New("sync spool")

func (q *queue) storeOnce(entries []buffer.Entry) error {
	size := int64(sector)
	for _, e := range entries {
		size += int64(len(e.Data)) + headSize + recordOverhead
	}
	s, err := q.segmentFor(entries[0].Pos, size)
	if err != nil {
		return err
	}
	b := make([]byte, 0, size)
	marks := s.marks
	for _, e := range entries {
		at := s.size + int64(len(b))
		if len(marks) == 0 || at-marks[len(marks)-1].at >= markEvery {
			marks = append(marks, mark{e.Pos, at})
		}
		b = appendFrame(b, e, s.salt)
	}
	b = pad(b)
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		q.abandon(s)
		return err
	}
	if err := s.file.Sync(); err != nil {
		q.abandon(s)
		return fmt.Errorf("%w: %w", errSuspect, err)
	}
	q.durable(s, entries, int64(len(b)), marks)
	return nil
}

// recordOverhead is what buffer.AppendRecord adds to the data.
const recordOverhead = 14

func (q *queue) durable(s *segment, entries []buffer.Entry, n int64, marks []mark) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.count == 0 {
		s.first = entries[0].Pos
		q.segs = append(q.segs, s)
	}
	last := entries[len(entries)-1]
	s.last, s.to, s.count = last.Pos, last.At, s.count+len(entries)
	s.size, s.marks = s.size+n, marks
}

// segmentFor returns a segment with room for size bytes and the end.
func (q *queue) segmentFor(first crm.Position, size int64) (*segment, error) {
	q.mu.Lock()
	var last *segment
	if len(q.segs) > 0 {
		last = q.segs[len(q.segs)-1]
	}
	q.mu.Unlock()
	if last != nil && last.file != nil {
		if last.first.Epoch == first.Epoch && last.size+size+sector <= last.room {
			return last, nil
		}
		q.seal(last)
	}
	if last == nil { // nothing of an earlier outage may stand before this one
		if err := q.sweep(); err != nil {
			return nil, err
		}
	}
	prev := before(first)
	switch known := q.knownTop(); {
	case last != nil:
		prev = last.last
	case !known.IsZero():
		prev = known
	}
	return q.create(first, prev, max(q.l.cfg.SegmentBytes, size+2*sector))
}

// create makes a segment, durable but for its content.
func (q *queue) create(first, prev crm.Position, room int64) (_ *segment, err error) {
	if err := q.l.reserve(room); err != nil {
		return nil, err
	}
	var salt [8]byte
	if _, err := rand.Read(salt[:]); err != nil {
		q.l.release(room)
		return nil, err
	}
	q.created++
	binary.BigEndian.PutUint16(salt[:], q.created) // of two with the same first position the newer sorts last
	s := &segment{salt: binary.BigEndian.Uint64(salt[:]), prev: prev, size: sector, room: room}
	s.path = filepath.Join(q.dir, segmentName(first, s.salt))
	if err = q.l.cfg.FS.MkdirAll(q.dir); err == nil {
		s.file, err = q.l.cfg.FS.Create(s.path)
	}
	if err != nil {
		q.l.release(room)
		return nil, err
	}
	if err = s.file.Allocate(room); err == nil {
		_, err = s.file.WriteAt(pad(head{magicBeginning, formatVersion, prev}.append(nil, s.salt)), 0)
	}
	if err == nil {
		err = q.l.cfg.FS.SyncDir(q.dir)
	}
	if err != nil {
		q.abandon(s)
		return nil, err
	}
	return s, nil
}

// abandon gives up writing to a segment that failed. What it has acknowledged stays.
func (q *queue) abandon(s *segment) {
	_ = s.file.Close() // nothing in it is believed but what was synced
	q.mu.Lock()
	s.file = nil
	q.mu.Unlock()
	if s.count == 0 {
		q.remove(s)
	}
}

// seal ends a segment and gives back the room that it did not need.
func (q *queue) seal(s *segment) {
	if err := writeEnd(s); err != nil {
		q.log.Warn("a segment of the spool has no end; what it holds is durable all the same", "err", err)
	}
	if err := s.file.Close(); err != nil {
		q.log.Warn("close segment of the spool", "err", err)
	}
	q.mu.Lock()
	spare := max(0, s.room-s.size-sector)
	s.file, s.room = nil, s.room-spare
	q.mu.Unlock()
	q.l.release(spare)
}

func writeEnd(s *segment) error {
	if _, err := s.file.WriteAt(pad(head{magicEnd, uint32(s.count), s.last}.append(nil, s.salt)), s.size); err != nil {
		return err
	}
	return errors.Join(s.file.Truncate(s.size+sector), s.file.Sync())
}

// remove removes the segment's file. One is gone for sure before the next goes: neither a power loss nor a disk that
// refuses may leave an older one without those after it. What stays is drained once more by the next life, which
// does no harm.
func (q *queue) remove(s *segment) {
	q.l.release(s.room)
	if err := q.sweep(s.path); err != nil {
		q.log.Warn("segment of the spool not removed; it is tried again before the next", "err", err)
	}
}

// sweep removes the files, and before them those that could not be removed earlier.
func (q *queue) sweep(paths ...string) error {
	q.removing.Lock()
	defer q.removing.Unlock()
	for q.doomed = append(q.doomed, paths...); len(q.doomed) > 0; q.doomed = q.doomed[1:] {
		err := q.l.cfg.FS.Remove(q.doomed[0])
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = q.l.cfg.FS.SyncDir(q.dir)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// drop forgets every segment for which done is true, the oldest first, and removes its file.
func (q *queue) drop(done func(*segment) bool) {
	q.mu.Lock()
	var gone []*segment
	for len(q.segs) > 0 && q.segs[0].file == nil && done(q.segs[0]) {
		gone, q.segs = append(gone, q.segs[0]), slices.Delete(q.segs, 0, 1)
	}
	if len(gone) > 0 && len(q.segs) == 0 {
		q.change()
	}
	q.mu.Unlock()
	for _, s := range gone {
		q.remove(s)
	}
}

// trim removes segments of which everything is below the position, but never the last: it has the top. It returns
// up to where the log may be trimmed: what was drained last must stay there, as it may be appended again.
func (q *queue) trim(below crm.Position) crm.Position {
	v := q.view()
	if !v.holds() {
		return below
	}
	q.drop(func(s *segment) bool { return s.last.Compare(below) < 0 && s.last != v.top() })
	drained := v.segs[0].prev
	if v.cursor.Compare(drained) > 0 {
		drained = v.cursor
	}
	if drained.Compare(below) < 0 {
		return drained
	}
	return below
}

func (q *queue) close() error {
	q.turn <- struct{}{}
	defer q.unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	var errs []error
	for _, s := range q.segs {
		if s.file != nil {
			errs, s.file = append(errs, s.file.Close()), nil
		}
	}
	return errors.Join(errs...)
}
