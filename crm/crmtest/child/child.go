// Package child runs the servers and daemons that tests start as processes of their
// own. It knows none of them; redistest, pgtest and mariadbtest say what to run.
package child

import (
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

// Start starts cmd, which is sent sig when this process ends, however it ends. It may be
// called from any goroutine.
//
// Pdeathsig tells of the end of the thread that started a process, not of the process
// itself, and a thread ends with a goroutine that was locked to it, as that of a daemon in
// this process whose records give way to pops. So commands start on a thread that never ends.
func Start(cmd *exec.Cmd, sig syscall.Signal) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = sig
	started := make(chan error, 1)
	thread() <- func() { started <- cmd.Start() }
	return <-started
}

// thread takes what is to be done on the thread that never ends.
var thread = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for do := range work {
			do()
		}
	}()
	return work
})

// Account returns whom to run a server as that refuses to run as root: the user of that
// name, or nobody. It is nil when this process is not root's.
func Account(name string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// Command is a program that runs as that account, nil for this process's own, in a folder
// it may be in, with only PATH and LC_ALL=C in its environment. It keeps away from this
// process's terminal: a Ctrl-C is for the tests, the server ends with them.
func Command(as *syscall.Credential, dir, program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Dir = dir
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	return c
}
