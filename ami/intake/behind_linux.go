package intake

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// behind makes the goroutine that calls it give way for the rest of its life, and returns its
// thread, which ends with it. A system that refuses makes records as urgent as pops.
//
// A thread of policy SCHED_IDLE loses the processor at once to any other that wakes up, sched(7); one
// that is only nicer keeps it for a slice of some 3 ms (Linux 6.6 and later, EEVDF), which a pop then waits.
func (w way) behind() (thread int, err error) {
	runtime.LockOSThread()
	thread = unix.Gettid()
	if w == idly && revocable() {
		return thread, schedule(thread, unix.SchedAttr{Policy: unix.SCHED_IDLE})
	}
	return thread, hasten(thread)
}

// hasten gives a thread that is idly behind a share of the processor.
func hasten(thread int) error {
	return schedule(thread, unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: 10})
}

func schedule(thread int, a unix.SchedAttr) error {
	a.Size = unix.SizeofSchedAttr
	return unix.SchedSetAttr(thread, &a, 0)
}

// revocable reports whether a thread that is idly behind can be hastened: that takes CAP_SYS_NICE, or
// a limit of niceness that allows it (systemd: LimitNICE=).
var revocable = sync.OnceValue(func() bool {
	able := make(chan bool)
	go func() {
		runtime.LockOSThread() // the thread is for this, and ends
		thread := unix.Gettid()
		able <- schedule(thread, unix.SchedAttr{Policy: unix.SCHED_IDLE}) == nil && hasten(thread) == nil
	}()
	return <-able
})
