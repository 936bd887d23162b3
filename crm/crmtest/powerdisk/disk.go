package powerdisk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
)

const sector = 512

// disk is what the files of one life are, and what of them is durable.
type disk struct {
	mu    sync.Mutex
	files map[string]*data // guarded by mu; as processes see them
	saved map[string]*data // guarded by mu; names that are durable
	ops   int              // guarded by mu
	trace []string         // guarded by mu
	fail  request          // guarded by mu
}

// data is a file's content.
type data struct {
	seen   []byte  // by processes
	synced []byte  // on the disk for sure
	after  []write // since then
}

type write struct {
	at   int64
	data []byte // nil: a change of length to at
}

func newDisk() *disk { return &disk{files: map[string]*data{}, saved: map[string]*data{}} }

// op counts an operation and says how it fails. mu is held. SQLite's index of a WAL is memory
// that processes share, no content: it is left out.
func (d *disk) op(name, format string, args ...any) syscall.Errno {
	if strings.HasSuffix(name, "-shm") {
		return 0
	}
	d.ops++
	d.trace = append(d.trace, strings.TrimSpace(fmt.Sprintf(format, args...)))
	if d.ops >= d.fail.From && d.ops < d.fail.From+d.fail.Count {
		return d.fail.Errno
	}
	return 0
}

func (d *disk) create(name string) (*data, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if errno := d.op(name, "create %s", name); errno != 0 {
		return nil, errno
	}
	f := &data{}
	d.files[name] = f
	return f, 0
}

func (d *disk) remove(name string) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if errno := d.op(name, "remove %s", name); errno != 0 {
		return errno
	}
	delete(d.files, name)
	return 0
}

func (d *disk) syncDir() syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if errno := d.op("", "fsync folder"); errno != 0 {
		return errno
	}
	d.saved = maps.Clone(d.files)
	return 0
}

func (d *disk) write(name string, f *data, b []byte, at int64) (int, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	errno := d.op(name, "write %s %d %d", name, at, len(b))
	if errno == syscall.EIO {
		b = b[:len(b)/2] // a part was written
	}
	if errno == 0 || errno == syscall.EIO {
		f.seen = put(f.seen, at, b)
		f.after = append(f.after, write{at, append([]byte{}, b...)})
	}
	return len(b), errno
}

func (d *disk) truncate(name string, f *data, size int64) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if errno := d.op(name, "truncate %s %d", name, size); errno != 0 {
		return errno
	}
	f.seen = resize(f.seen, size)
	f.after = append(f.after, write{at: size})
	return 0
}

// sync that fails forgets what it should have written, as Linux does: processes go on reading what is not on the disk.
func (d *disk) sync(name string, f *data) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	errno := d.op(name, "fsync %s", name)
	if errno == 0 {
		for _, w := range f.after {
			if w.data == nil {
				f.synced = resize(f.synced, w.at)
			} else {
				f.synced = put(f.synced, w.at, w.data)
			}
		}
	}
	f.after = nil
	return errno
}

func (d *disk) read(f *data, b []byte, at int64) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at >= int64(len(f.seen)) {
		return 0
	}
	return copy(b, f.seen[at:])
}

func (d *disk) size(f *data) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(f.seen)
}

// crash returns the disk as the next boot finds it.
func (d *disk) crash(r *rand.Rand) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	survivors := maps.Clone(d.saved)
	for _, name := range slices.Sorted(maps.Keys(d.files)) { // a name may be durable although nobody synced it
		if r.IntN(2) == 0 {
			survivors[name] = d.files[name]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.saved)) { // and so may a removal
		if d.files[name] != d.saved[name] && r.IntN(2) == 0 {
			delete(survivors, name)
		}
	}
	next := newDisk()
	for _, name := range slices.Sorted(maps.Keys(survivors)) {
		if strings.HasSuffix(name, "-shm") {
			continue
		}
		b := survivors[name].survive(r)
		next.files[name] = &data{seen: b, synced: slices.Clone(b)}
	}
	next.saved = maps.Clone(next.files)
	return next
}

// survive draws what of a file is there after a power loss.
func (f *data) survive(r *rand.Rand) []byte {
	b := slices.Clone(f.synced)
	for _, i := range r.Perm(len(f.after)) {
		w := f.after[i]
		if w.data == nil {
			if r.IntN(2) == 0 {
				b = resize(b, w.at)
			}
			continue
		}
		for from := int64(0); from < int64(len(w.data)); { // sector by sector
			at := w.at + from
			until := min(from+sector-at%sector, int64(len(w.data)))
			switch r.IntN(4) {
			case 0, 1:
				b = put(b, at, w.data[from:until])
			case 2: // torn
				b = put(b, at, garbage(r, int(until-from)))
			}
			from = until
		}
	}
	return b
}

func garbage(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func put(b []byte, at int64, in []byte) []byte {
	if need := at + int64(len(in)); need > int64(len(b)) {
		b = resize(b, need)
	}
	copy(b[at:], in)
	return b
}

func resize(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return b[:n:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}
