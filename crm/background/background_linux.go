package background

import (
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Of a thread in the background.
const (
	nicer  = 10                     // than a thread of pops; of the processor it gets a ninth as much, when both want it
	nicest = 19                     // there is nothing beyond it
	slice  = 100 * time.Microsecond // for which it keeps the processor from a thread that wakes up (Linux 6.12 and later; else some 3 ms)
)

// Enter makes the goroutine that calls it give way for the rest of its life to what carries pops, on a
// thread that ends with it. A system that refuses leaves it as urgent as pops.
//
// The policy SCHED_IDLE would give way sooner. But Go cannot collect garbage before every thread that
// computes has paused, and beside programs that never rest such a thread is not even let do that: all pops would wait for it.
func Enter() error {
	runtime.LockOSThread()
	is, err := unix.SchedGetAttr(0, 0) // who started the daemon may have made it nicer already
	if err != nil {
		return err
	}
	return unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: min(is.Nice+nicer, nicest), Runtime: uint64(slice),
	}, 0)
}

// Pause lets whoever waits for this processor have it, and returns at once where nobody does, after
// some 0.3 µs. A goroutine in the background calls it every 100 µs or so of its work.
//
// A smaller share alone does not hold a thread back in time: Linux weighs who may run when a thread wakes up or
// goes to sleep and at its tick, which comes 250 times a second at Debian. Whoever was passed over then,
// though it has the better claim a moment later, waits up to 4 ms for the thread that computes, or until that pauses.
func Pause() { _, _, _ = syscall.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
