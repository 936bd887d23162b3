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
	if name, on := fileSystem(magicOf(path)); on == overNetwork {
		return fmt.Errorf("data_dir %s is on %s: the locks of a database do not hold over a network; set data_dir to a folder on a disk of this machine", path, name)
	}
	return nil
}

// medium is what the files of a folder are on.
type medium int

const (
	onDisk      medium = iota // or nobody knows
	overNetwork               // SQLite's locks do not hold there
	passing                   // gone with the container, or at the next start of the machine
)

// fileSystem says what a magic number of statfs(2) stands for.
func fileSystem(magic uint32) (name string, on medium) {
	switch magic {
	case 0x6969:
		return "NFS", overNetwork
	case 0xff534d42, 0xfe534d42, 0x517b:
		return "SMB", overNetwork
	case 0x5346414f:
		return "AFS", overNetwork
	case 0x01021994, 0x858458f6:
		return "a file system in memory", passing
	case 0x794c7630:
		return "the file system of a container", passing
	}
	return "", onDisk
}

// passingNote says that the folder does not last, "" when it does as far as anybody knows.
func passingNote(path string) string {
	if name, on := fileSystem(magicOf(path)); on == passing {
		return "data_dir is on " + name + ", and what it holds is gone with that; mount a volume, or set data_dir to a folder on a disk"
	}
	return ""
}

// file returns the path of a file in the folder.
func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// Close gives the lock back.
func (d *dataDir) Close() error { return d.lock.Close() }
