package powerdisk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// server is the mount: one folder a life.
type server struct {
	root  *fs.Inode
	lives int
	now   *disk
}

// serve answers requests until their end, and returns the status to exit with.
func serve(dir string, in io.Reader, out io.Writer) int {
	root := &fs.Inode{}
	answers := json.NewEncoder(out)
	mount, err := fs.Mount(dir, root, &fs.Options{MountOptions: fuse.MountOptions{DirectMount: true, FsName: "powerdisk", Name: "powerdisk"}})
	if err != nil {
		_ = answers.Encode(reply{Err: err.Error()})
		return 0
	}
	s := &server{root: root, now: newDisk()}
	err = answers.Encode(reply{})
	for requests := json.NewDecoder(in); err == nil; {
		var q request
		if err = requests.Decode(&q); err == nil {
			err = answers.Encode(s.obey(q))
		}
	}
	if err := mount.Unmount(); err != nil {
		fmt.Fprintln(os.Stderr, "power disk:", err)
		return 1
	}
	return 0
}

func (s *server) obey(q request) (r reply) {
	switch q.Do {
	case "format":
		r.Dir = s.begin(newDisk())
	case "crash":
		r.Dir = s.begin(s.now.crash(rand.New(rand.NewPCG(q.Seed, 0))))
	}
	d := s.now
	d.mu.Lock()
	defer d.mu.Unlock()
	switch q.Do {
	case "fail":
		d.fail = q
	case "operations":
		r.N = d.ops
	case "trace":
		r.Trace = d.trace
	case "unsynced":
		if f := d.files[q.Name]; f != nil {
			r.N = len(f.after)
		}
	}
	return r
}

// begin makes the folder of the next life: nothing of the one before is in a cache for it.
func (s *server) begin(d *disk) string {
	s.now = d
	s.lives++
	name := fmt.Sprint("life", s.lives)
	ctx := context.Background()
	dir := s.root.NewPersistentInode(ctx, &folder{d: d}, fs.StableAttr{Mode: syscall.S_IFDIR})
	for path, f := range d.files {
		dir.AddChild(path, dir.NewPersistentInode(ctx, &file{d: d, name: path, data: f}, fs.StableAttr{Mode: syscall.S_IFREG}), true)
	}
	s.root.AddChild(name, dir, true)
	return name
}

type folder struct {
	fs.Inode
	d *disk
}

var (
	_ fs.NodeCreater  = (*folder)(nil)
	_ fs.NodeUnlinker = (*folder)(nil)
	_ fs.NodeFsyncer  = (*folder)(nil)
)

// Create implements fs.NodeCreater.
func (f *folder) Create(ctx context.Context, name string, _, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	data, errno := f.d.create(name)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	out.Mode = syscall.S_IFREG | 0o600
	return f.NewPersistentInode(ctx, &file{d: f.d, name: name, data: data}, fs.StableAttr{Mode: syscall.S_IFREG}), nil, 0, 0
}

// Unlink implements fs.NodeUnlinker.
func (f *folder) Unlink(_ context.Context, name string) syscall.Errno { return f.d.remove(name) }

// Fsync implements fs.NodeFsyncer.
func (f *folder) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno { return f.d.syncDir() }

type file struct {
	fs.Inode
	d    *disk
	name string
	data *data
}

var (
	_ fs.NodeOpener    = (*file)(nil)
	_ fs.NodeReader    = (*file)(nil)
	_ fs.NodeWriter    = (*file)(nil)
	_ fs.NodeFsyncer   = (*file)(nil)
	_ fs.NodeGetattrer = (*file)(nil)
	_ fs.NodeSetattrer = (*file)(nil)
)

// Open implements fs.NodeOpener.
func (f *file) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) { return nil, 0, 0 }

// Read implements fs.NodeReader.
func (f *file) Read(_ context.Context, _ fs.FileHandle, b []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultData(b[:f.d.read(f.data, b, at)]), 0
}

// Write implements fs.NodeWriter.
func (f *file) Write(_ context.Context, _ fs.FileHandle, b []byte, at int64) (uint32, syscall.Errno) {
	n, errno := f.d.write(f.name, f.data, b, at)
	return uint32(n), errno //nolint:gosec // a write is of a megabyte at most
}

// Fsync implements fs.NodeFsyncer.
func (f *file) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return f.d.sync(f.name, f.data)
}

// Getattr implements fs.NodeGetattrer.
func (f *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = syscall.S_IFREG|0o600, uint64(f.d.size(f.data)) //nolint:gosec // not negative
	return 0
}

// Setattr implements fs.NodeSetattrer. A file's mode stays what it is.
func (f *file) Setattr(ctx context.Context, h fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if errno := f.d.truncate(f.name, f.data, int64(size)); errno != 0 { //nolint:gosec // small
			return errno
		}
	}
	return f.Getattr(ctx, h, out)
}
