package intake

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// behind makes the goroutine that calls it give way for the rest of its life. Its thread
// ends with it. A system that refuses makes records as urgent as pops.
//
// A thread of policy SCHED_IDLE loses the processor at once to any other that wakes up, sched(7); one
// that is only nicer keeps it for a slice of some 3 ms (Linux 6.6 and later, EEVDF), which a pop then waits.
func (w way) behind() error {
	runtime.LockOSThread()
	a := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	if w == steadily {
		a.Policy, a.Nice = unix.SCHED_NORMAL, 10
	}
	return unix.SchedSetAttr(0, &a, 0)
}
