package spool

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"patchcord/buffer"
)

const (
	damagedFolder = "damaged" // stretches of segments, as they read
	parkedFolder  = "parked"  // whole segments that the log refused
	maxDamaged    = 64        // files kept aside; what is damaged beyond is told and not kept
	lossSuffix    = ".loss"
)

// Losses returns what was lost from the spool of the PBX and not forgotten yet. It is kept on the disk, and so told
// again after a restart, until Forget.
func (l *Log) Losses(pbx string) []buffer.Loss {
	q := l.queue(pbx)
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.losses)
}

// Forget says that a gap was recorded for the losses.
func (l *Log) Forget(pbx string, losses []buffer.Loss) {
	q := l.queue(pbx)
	q.mu.Lock()
	q.losses = slices.DeleteFunc(q.losses, func(have buffer.Loss) bool {
		return slices.ContainsFunc(losses, func(x buffer.Loss) bool { return x.ID == have.ID })
	})
	q.mu.Unlock()
	for _, x := range losses {
		if err := l.cfg.FS.Remove(filepath.Join(q.dir, x.ID+lossSuffix)); err != nil {
			q.log.Warn("note of a loss not removed; it is told again after a restart", "err", err)
		}
	}
}

// lose notes a loss, once.
func (q *queue) lose(id string, from, to time.Time, detail string) {
	x := buffer.Loss{ID: id, From: from, To: to, Detail: detail}
	q.mu.Lock()
	known := q.told[id]
	if !known {
		q.told[id] = true
		q.losses = append(q.losses, x)
	}
	q.mu.Unlock()
	if known {
		return
	}
	q.log.Error("entries were lost from the spool; a gap is recorded", "from", from, "to", to, "detail", detail)
	if err := q.note(x); err != nil {
		q.log.Warn("note of a loss not written; a restart before the gap is recorded forgets it", "err", err)
	}
}

func (q *queue) note(x buffer.Loss) error {
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return q.writeFile(filepath.Join(q.dir, x.ID+lossSuffix), b)
}

func (q *queue) writeFile(path string, b []byte) (err error) {
	fs := q.l.cfg.FS
	if err := fs.MkdirAll(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := fs.Create(path)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(b, 0); err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		return fs.SyncDir(filepath.Dir(path))
	}
	_ = fs.Remove(path) // it is of no use
	return err
}

// damaged keeps a stretch of a segment aside and notes the loss.
func (q *queue) damaged(x *stretch, from, to time.Time) {
	id := fmt.Sprintf("%016x-%d", x.seg.salt, x.from)
	q.keep(x, id)
	q.lose(id, from, to, "the spool on the disk is damaged")
}

// keep copies a stretch of a segment to the folder of damaged ones.
func (q *queue) keep(x *stretch, id string) {
	q.mu.Lock()
	again := q.told[id] || q.copies >= maxDamaged
	if !again {
		q.copies++
	}
	q.mu.Unlock()
	if again {
		return
	}
	f, err := q.l.cfg.FS.Open(x.seg.path)
	if err != nil {
		q.log.Warn("damaged bytes not kept aside", "err", err)
		return
	}
	defer func() { _ = f.Close() }() // only read
	b := make([]byte, max(0, x.until-x.from))
	n, _ := f.ReadAt(b, x.from) // what can be read is kept
	if err := q.writeFile(filepath.Join(q.dir, damagedFolder, id), b[:n]); err != nil {
		q.log.Warn("damaged bytes not kept aside", "err", err)
	}
}

// park puts aside what the log has refused for good.
func (q *queue) park(ctx context.Context, reason error) error {
	if err := q.lock(ctx); err != nil {
		return err
	}
	defer q.unlock()
	q.retire()
	v, fs := q.view(), q.l.cfg.FS
	if !v.holds() {
		return nil
	}
	last := v.segs[len(v.segs)-1]
	from := last.to
	if entries, err := q.read(v, v.cursor, 1); err == nil && len(entries) > 0 {
		from = entries[0].At
	}
	q.lose(fmt.Sprintf("%016x-parked", last.salt), from, last.to, reason.Error())
	aside := filepath.Join(q.dir, parkedFolder)
	if err := fs.MkdirAll(aside); err != nil {
		return fmt.Errorf("put spool of %s aside: %w", q.pbx, err)
	}
	q.makeRoomAside(aside)
	for _, s := range v.segs {
		if err := fs.Rename(s.path, filepath.Join(aside, filepath.Base(s.path))); err != nil {
			return fmt.Errorf("put spool of %s aside: %w", q.pbx, err)
		}
		q.l.release(s.room)
	}
	q.mu.Lock()
	q.segs, q.refused = nil, nil
	q.cursor = last.last
	q.change()
	q.mu.Unlock()
	return fs.SyncDir(q.dir)
}

// makeRoomAside keeps at most one refused spool: the one before it makes room.
func (q *queue) makeRoomAside(aside string) {
	files, _, err := q.l.cfg.FS.List(aside)
	for _, name := range files {
		if strings.HasSuffix(name, segmentSuffix) {
			if e := q.l.cfg.FS.Remove(filepath.Join(aside, name)); err == nil {
				err = e
			}
		}
	}
	if err != nil {
		q.log.Warn("older refused spool not removed", "err", err)
	}
}
