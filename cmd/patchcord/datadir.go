package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// dataDir is the daemon's folder, locked against a second daemon. The lock dies with its process.
type dataDir struct {
	path string
	lock *os.File
}

// openDataDir makes the folder when it is missing and takes its lock.
func openDataDir(path string) (*dataDir, error) {
	if err := makeDataDir(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir %s is not writable: %w; give it to the user that runs patchcord, or set data_dir", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("data_dir %s is in use by another patchcord; stop it, or set another data_dir", path)
	}
	return &dataDir{path: path, lock: f}, nil
}

func makeDataDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make data_dir: %w; create %s for the user that runs patchcord, or set data_dir", err, path)
	}
	return nil
}

// file returns the path of a file in the folder.
func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// Close gives the lock back.
func (d *dataDir) Close() error { return d.lock.Close() }
