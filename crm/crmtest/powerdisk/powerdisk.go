// Package powerdisk gives tests a file system that loses power: a FUSE mount whose files are in
// the memory of a process of its own. It counts writes, syncs and changes of names, lets any of them
// fail, and says what a power loss would have left: what was written and not synced may be there, in any
// order, in parts, or as garbage in the sector that was being written. It is for what keeps data in
// files by itself, as SQLite does; code that writes through an interface of its own has an easier double.
//
// The server is another process because a page fault in a mapped file stops a thread of Go that the
// garbage collector then waits for: a server in the same process could never answer it. A package that
// uses a Disk has a TestMain which calls [Main].
package powerdisk

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"patchcord/crm/crmtest/child"
)

// asServer names the variable that makes a test binary a server, mounted where it says.
const asServer = "PATCHCORD_TEST_AS_POWERDISK"

// Main serves when this process was started to, and does not come back then.
func Main() {
	if dir := os.Getenv(asServer); dir != "" {
		os.Exit(serve(dir, os.Stdin, os.Stdout))
	}
}

// Disk is a file system that a test owns. Its methods are for one goroutine; its files for any.
type Disk struct {
	t    testing.TB
	dir  string
	to   io.WriteCloser
	from *bufio.Reader
}

type request struct {
	Do    string
	From  int           `json:",omitempty"` // the first operation that fails, counted from 1
	Count int           `json:",omitempty"`
	Errno syscall.Errno `json:",omitempty"`
	Seed  uint64        `json:",omitempty"`
	Name  string        `json:",omitempty"`
}

type reply struct {
	Dir   string   `json:",omitempty"` // of this life's files, below the mount
	N     int      `json:",omitempty"`
	Trace []string `json:",omitempty"`
	Err   string   `json:",omitempty"`
}

// Start mounts one. Without FUSE, or the right to mount, the test is skipped and says why.
func Start(t testing.TB) *Disk {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("no /dev/fuse here: what a power loss leaves under SQLite is not looked at")
	}
	d := &Disk{t: t, dir: filepath.Join(t.TempDir(), "mount")}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"="+d.dir)
	cmd.Stderr = os.Stderr
	to, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(cmd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.to, d.from = to, bufio.NewReader(from)
	t.Cleanup(func() {
		_ = to.Close() // it ends at the end of its input
		_ = cmd.Wait()
		_ = syscall.Unmount(d.dir, syscall.MNT_DETACH) // should it have died
	})
	var hello reply
	if err := json.NewDecoder(d.line()).Decode(&hello); err != nil {
		t.Fatal(err)
	}
	if hello.Err != "" {
		t.Skip("FUSE cannot be mounted here: " + hello.Err)
	}
	return d
}

func (d *Disk) line() io.Reader {
	r, w := io.Pipe()
	go func() {
		line, err := d.from.ReadBytes('\n')
		_, _ = w.Write(line) // the reader has what there is
		_ = w.CloseWithError(err)
	}()
	return r
}

func (d *Disk) ask(q request) (r reply) {
	d.t.Helper()
	err := json.NewEncoder(d.to).Encode(q)
	if err == nil {
		err = json.NewDecoder(d.line()).Decode(&r)
	}
	if err != nil {
		d.t.Fatalf("power disk: %s: %v", q.Do, err)
	}
	return r
}

// Format gives an empty folder in which nothing fails, and begins to count anew.
func (d *Disk) Format() (dir string) {
	d.t.Helper()
	return filepath.Join(d.dir, d.ask(request{Do: "format"}).Dir)
}

// Fail lets count operations fail, from the given one on, counted since Format from 1.
func (d *Disk) Fail(from, count int, with syscall.Errno) {
	d.t.Helper()
	d.ask(request{Do: "fail", From: from, Count: count, Errno: with})
}

// Operations returns how many there were since Format.
func (d *Disk) Operations() int {
	d.t.Helper()
	return d.ask(request{Do: "operations"}).N
}

// PowerLoss gives the folder that the next boot finds, of the outcomes that are possible the one
// that the seed draws. Nothing fails there.
func (d *Disk) PowerLoss(seed uint64) (dir string) {
	d.t.Helper()
	return filepath.Join(d.dir, d.ask(request{Do: "crash", Seed: seed}).Dir)
}

// Unsynced returns how many writes of the file with that name are not on the disk for sure.
func (d *Disk) Unsynced(name string) int {
	d.t.Helper()
	return d.ask(request{Do: "unsynced", Name: name}).N
}

// Trace returns the operations since Format, in order, as "write log.db-wal 0 32" and "fsync log.db-wal".
func (d *Disk) Trace() []string {
	d.t.Helper()
	return d.ask(request{Do: "trace"}).Trace
}
