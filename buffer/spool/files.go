package spool

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// File is what a segment is written through. ReadAt and WriteAt are those of io.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Allocate makes the file size bytes long and reserves room for all of them.
	Allocate(size int64) error
	Truncate(size int64) error
	// Sync returns when what was written is on the disk. After an error nothing is known of
	// what was written since the last success, and never will be by syncing again.
	Sync() error
	Size() (int64, error)
	Close() error
}

// FS is the file system that a spool lives in. OS is the real one; tests have
// one that loses power, tears blocks, and fills up.
type FS interface {
	// MkdirAll makes the folder and those above it, and makes their names durable.
	MkdirAll(dir string) error
	// List returns the names of the files in dir that are no folders, and of those that are.
	List(dir string) (files, dirs []string, err error)
	// Create makes a file that must not be there. Its name is durable after SyncDir.
	Create(path string) (File, error)
	// Open opens a file that is there; without it the error is fs.ErrNotExist.
	Open(path string) (File, error)
	Remove(path string) error
	Rename(from, to string) error
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
}

// OS is the file system of the machine. Its files are for their owner only.
type OS struct{}

// MkdirAll implements FS.
func (o OS) MkdirAll(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := o.MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return o.SyncDir(filepath.Dir(dir))
}

// List implements FS.
func (OS) List(dir string) (files, dirs []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, e.Name())
		} else {
			files = append(files, e.Name())
		}
	}
	return files, dirs, err
}

// Create implements FS.
func (OS) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Open implements FS.
func (OS) Open(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Remove implements FS.
func (OS) Remove(path string) error { return os.Remove(path) }

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// SyncDir implements FS.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type osFile struct{ *os.File }

// Size implements File.
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
