package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// recover reads what an earlier life left. A tail that was being written is cut
// off: nobody was told that it is durable. Damage before it is kept aside and told.
func (q *queue) recover() error {
	files, _, err := q.l.cfg.FS.List(q.dir)
	if err != nil {
		return err
	}
	slices.Sort(files)
	r := &recovery{q: q}
	var segs []*segment
	for _, name := range files {
		path := filepath.Join(q.dir, name)
		if strings.HasSuffix(name, lossSuffix) {
			q.recall(path)
		}
		if first, salt, ok := parseSegmentName(name); ok {
			segs = append(segs, &segment{path: path, salt: salt, first: first, prev: before(first)})
		}
	}
	for i, s := range segs {
		if r.until = (crm.Position{}); i+1 < len(segs) {
			r.until = segs[i+1].first
		}
		q.created = uint16(s.salt >> 48)
		if err := r.segment(s); err != nil {
			return err
		}
	}
	if r.doubt != nil && !r.doubt.perhaps { // damage that no entry follows
		if r.at.IsZero() {
			r.at = time.Now()
		}
		q.damaged(r.doubt, r.at, r.at)
	}
	if len(q.segs) > 0 {
		q.log.Info("the spool of an earlier life waits for the log", "segments", len(q.segs), "to", r.pos.String())
	}
	return nil
}

// recall reads the note of a loss.
func (q *queue) recall(path string) {
	b, err := readFile(q.l.cfg.FS, path)
	var x buffer.Loss
	if err == nil {
		err = json.Unmarshal(b, &x)
	}
	if err != nil {
		q.log.Warn("note of a loss not understood", "err", err)
		return
	}
	q.losses = append(q.losses, x)
	q.told[x.ID] = true
}

func readFile(fs FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}

// recovery goes over the segments of a PBX, in order.
type recovery struct {
	q     *queue
	pos   crm.Position // of the newest entry
	at    time.Time    // its receipt
	doubt *stretch     // damage since
	until crm.Position // of the next segment's first entry, zero for none
}

func (r *recovery) segment(s *segment) error {
	b, err := readFile(r.q.l.cfg.FS, s.path)
	if err != nil {
		return err
	}
	whole := false
	if h, ok := parseHead(b, magicBeginning, s.salt); ok {
		s.prev, whole = h.pos, true
	}
	if whole && !r.pos.IsZero() && r.pos.Compare(s.prev) < 0 && r.doubt == nil {
		r.doubt = &stretch{seg: s} // what lay between is gone without a trace
	}
	body := b[min(sector, len(b)):]
	s.size = sector
	walk(body, sector, s.salt, func(at int64, e buffer.Entry) { r.entry(s, at, e) },
		func(from, until int64) { r.doubt = &stretch{seg: s, from: from, until: until} })
	s.room = int64(len(b))
	r.tail(s, b)
	if s.count == 0 {
		return r.nothing(s, b, whole)
	}
	s.size += (sector - s.size%sector) % sector
	r.q.segs = append(r.q.segs, s)
	r.q.l.used += s.room // nobody else has the Log yet
	r.end(s, b)
	return nil
}

func (r *recovery) entry(s *segment, at int64, e buffer.Entry) {
	if !r.until.IsZero() && e.Pos.Compare(r.until) >= 0 {
		return // written anew after the disk had failed
	}
	if r.doubt != nil {
		if !follows(e.Pos, r.pos) && e.Pos.Compare(r.pos) > 0 {
			from := r.at
			if from.IsZero() {
				from = e.At
			}
			r.q.damaged(r.doubt, from, e.At)
		}
		r.doubt = nil
	}
	if e.Pos.Compare(r.pos) <= 0 {
		return // the segment before has it
	}
	if s.count == 0 {
		s.first = e.Pos
		if r.pos.Compare(s.prev) > 0 { // it begins with what the segment before has as well
			s.prev = r.pos
		}
	}
	if len(s.marks) == 0 || at-s.marks[len(s.marks)-1].at >= markEvery {
		s.marks = append(s.marks, mark{e.Pos, at})
	}
	s.last, s.to, s.count = e.Pos, e.At, s.count+1
	s.size = at + headSize + recordOverhead + int64(len(e.Data))
	r.pos, r.at = e.Pos, e.At
}

// tail looks at what follows the last good entry: nothing, the segment's end, or what is no longer readable.
func (r *recovery) tail(s *segment, b []byte) {
	rest := b[min(s.size, int64(len(b))):]
	for at := 0; ; at++ {
		i := bytes.Index(rest[min(at, len(rest)):], []byte(magicEnd))
		if i < 0 {
			break
		}
		at += i
		if h, ok := parseHead(rest[at:], magicEnd, s.salt); ok {
			if h.pos.Compare(r.pos) > 0 { // it was longer once
				r.doubt = &stretch{seg: s, from: s.size, until: s.size + int64(at)}
			}
			return
		}
	}
	if torn := len(bytes.TrimRight(rest, "\x00")); torn > 0 {
		r.q.log.Warn("torn tail of the spool cut off; it was not acknowledged", "segment", filepath.Base(s.path), "bytes", torn)
	}
}

// nothing handles a segment without a single good entry.
func (r *recovery) nothing(s *segment, b []byte, whole bool) error {
	used := b[min(sector, len(b)):]
	if !whole {
		used = b
	}
	if r.doubt == nil && !allZero(used) {
		r.doubt = &stretch{seg: s, until: int64(len(bytes.TrimRight(b, "\x00"))), perhaps: true}
	}
	fs := r.q.l.cfg.FS
	if r.doubt == nil || r.doubt.seg != s {
		return fs.Remove(s.path)
	}
	aside := filepath.Join(r.q.dir, damagedFolder)
	if err := fs.MkdirAll(aside); err != nil {
		return err
	}
	to := filepath.Join(aside, filepath.Base(s.path))
	if err := fs.Rename(s.path, to); err != nil {
		return err
	}
	s.path = to
	return fs.SyncDir(r.q.dir)
}

// end closes a segment that has no end yet: it is never written to again.
func (r *recovery) end(s *segment, b []byte) {
	if h, ok := parseHead(b[min(s.size, int64(len(b))):], magicEnd, s.salt); ok && h.pos == s.last {
		return
	}
	f, err := r.q.l.cfg.FS.Open(s.path)
	if err == nil {
		s.file = f
		if err = writeEnd(s); err == nil {
			r.q.l.used -= s.room - s.size - sector
			s.room = s.size + sector
		}
		s.file = nil
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		r.q.log.Warn("a segment of the spool was not closed; what it holds is read all the same", "err", err)
	}
}
