package spool

import (
	"errors"
	"io"
	iofs "io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// disk is a file system in memory that can lose its power. What was written and not synced may then
// be there, in any order, in parts, or not at all; the sector that was being written holds garbage.
type disk struct {
	mu    sync.Mutex
	files map[string]*node // guarded by mu; as the process sees them
	saved map[string]*node // guarded by mu; names that are durable
	dirs  map[string]bool  // guarded by mu
	room  int64            // guarded by mu; bytes that may still be allocated or written beyond a file's end

	ops  int             // guarded by mu; writes, syncs, and changes of names so far
	fail func(int) error // guarded by mu; asked before each of them; the operation is not done on an error
}

type node struct {
	data   []byte  // as the process sees it
	synced []byte  // what is on the disk for sure
	after  []write // since then
}

type write struct {
	at   int64
	data []byte // nil: a change of length to at
}

var errPower = errors.New("the power is gone")

func newDisk() *disk {
	return &disk{files: map[string]*node{}, saved: map[string]*node{}, dirs: map[string]bool{}, room: 1 << 40}
}

// op counts an operation and says whether it fails. mu is held.
func (d *disk) op() error {
	d.ops++
	if d.fail == nil {
		return nil
	}
	return d.fail(d.ops)
}

func (d *disk) setFail(f func(int) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = f
}

func (d *disk) setRoom(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = n
}

// crash returns the disk as the next boot finds it.
func (d *disk) crash(r *rand.Rand) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := newDisk()
	for dir := range d.dirs {
		next.dirs[dir] = true
	}
	survivors := map[string]*node{}
	for path, n := range d.saved {
		survivors[path] = n
	}
	for _, path := range slices.Sorted(maps.Keys(d.files)) { // a name may be durable although nobody synced it
		if r.IntN(2) == 0 {
			survivors[path] = d.files[path]
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.saved)) { // and so may a removal
		if d.files[path] != d.saved[path] && r.IntN(2) == 0 {
			delete(survivors, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(survivors)) {
		n := survivors[path]
		data := n.survive(r)
		next.files[path] = &node{data: data, synced: append([]byte(nil), data...)}
		next.saved[path] = next.files[path]
	}
	return next
}

func (n *node) survive(r *rand.Rand) []byte {
	data := append([]byte(nil), n.synced...)
	order := r.Perm(len(n.after))
	for _, i := range order {
		w := n.after[i]
		if w.data == nil {
			if r.IntN(2) == 0 {
				data = resize(data, w.at)
			}
			continue
		}
		for from := int64(0); from < int64(len(w.data)); { // sector by sector
			at := w.at + from
			until := min(from+sector-at%sector, int64(len(w.data)))
			switch r.IntN(4) {
			case 0, 1:
				data = put(data, at, w.data[from:until])
			case 2: // torn: garbage in all of the sector that this write touched
				junk := make([]byte, until-from)
				for i := range junk {
					junk[i] = byte(r.Uint32())
				}
				data = put(data, at, junk)
			}
			from = until
		}
	}
	return data
}

func put(data []byte, at int64, b []byte) []byte {
	if need := at + int64(len(b)); need > int64(len(data)) {
		data = resize(data, need)
	}
	copy(data[at:], b)
	return data
}

func resize(data []byte, n int64) []byte {
	if n <= int64(len(data)) {
		return data[:n]
	}
	return append(data, make([]byte, n-int64(len(data)))...)
}

func (d *disk) MkdirAll(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dirs[dir] {
		return nil
	}
	if err := d.op(); err != nil {
		return err
	}
	for dir != "." && dir != "/" {
		d.dirs[dir] = true
		dir = filepath.Dir(dir)
	}
	return nil
}

func (d *disk) List(dir string) (files, dirs []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path := range d.files {
		if filepath.Dir(path) == dir {
			files = append(files, filepath.Base(path))
		}
	}
	for path := range d.dirs {
		if filepath.Dir(path) == dir {
			dirs = append(dirs, filepath.Base(path))
		}
	}
	return files, dirs, nil
}

func (d *disk) Create(path string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op(); err != nil {
		return nil, err
	}
	if d.files[path] != nil {
		return nil, iofs.ErrExist
	}
	d.files[path] = &node{}
	return &handle{d, d.files[path]}, nil
}

func (d *disk) Open(path string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[path] == nil {
		return nil, iofs.ErrNotExist
	}
	return &handle{d, d.files[path]}, nil
}

func (d *disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op(); err != nil {
		return err
	}
	n := d.files[path]
	if n == nil {
		return iofs.ErrNotExist
	}
	d.room += int64(len(n.data))
	delete(d.files, path)
	return nil
}

func (d *disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op(); err != nil {
		return err
	}
	d.files[to] = d.files[from]
	delete(d.files, from)
	return nil
}

func (d *disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op(); err != nil {
		return err
	}
	for path := range d.saved {
		if filepath.Dir(path) == dir && d.files[path] == nil {
			delete(d.saved, path)
		}
	}
	for path, n := range d.files {
		if filepath.Dir(path) == dir {
			d.saved[path] = n
		}
	}
	return nil
}

// paths returns the files whose path ends with the suffix.
func (d *disk) paths(suffix string) (list []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path := range d.files {
		if strings.HasSuffix(path, suffix) {
			list = append(list, path)
		}
	}
	return list
}

// handle is an open file of a disk.
type handle struct {
	d *disk
	n *node
}

func (h *handle) ReadAt(b []byte, at int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if at >= int64(len(h.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.n.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, at int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.op(); err != nil {
		half := len(b) / 2 // a part was written
		h.write(b[:half], at)
		return half, err
	}
	if grow := at + int64(len(b)) - int64(len(h.n.data)); grow > 0 {
		if grow > h.d.room {
			return 0, syscall.ENOSPC
		}
		h.d.room -= grow
	}
	h.write(b, at)
	return len(b), nil
}

func (h *handle) write(b []byte, at int64) {
	h.n.data = put(h.n.data, at, b)
	h.n.after = append(h.n.after, write{at, append([]byte{}, b...)})
}

func (h *handle) Allocate(size int64) error { return h.resize(size) }
func (h *handle) Truncate(size int64) error { return h.resize(size) }

func (h *handle) resize(size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.op(); err != nil {
		return err
	}
	grow := size - int64(len(h.n.data))
	if grow > h.d.room {
		return syscall.ENOSPC
	}
	h.d.room -= grow
	h.n.data = resize(h.n.data, size)
	h.n.after = append(h.n.after, write{at: size})
	return nil
}

// Sync that fails forgets what it should have written: the next one has nothing to do, and succeeds.
// The process goes on reading what is not on the disk, as it does from a page cache.
func (h *handle) Sync() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.op(); err != nil {
		h.n.after = nil
		return err
	}
	for _, w := range h.n.after {
		if w.data == nil {
			h.n.synced = resize(h.n.synced, w.at)
			continue
		}
		h.n.synced = put(h.n.synced, w.at, w.data)
	}
	h.n.after = nil
	return nil
}

func (h *handle) Size() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	return int64(len(h.n.data)), nil
}

func (h *handle) Close() error { return nil }
