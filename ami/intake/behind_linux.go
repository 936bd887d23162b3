package intake

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Of a thread behind.
const (
	behindNice  = 10                     // a ninth of what a thread of pops gets, when both want the processor
	behindSlice = 100 * time.Microsecond // for which it keeps the processor from a thread that wakes up (Linux 6.12 and later; else some 3 ms)
)

// behind makes the goroutine that calls it give way for the rest of its life to what carries pops, on a
// thread that ends with it. A system that refuses makes records as urgent as pops.
//
// The policy SCHED_IDLE would give way sooner. But Go cannot collect garbage before every thread that
// computes has paused, and beside programs that never rest such a thread is not even let do that: all pops would wait for it.
func behind() error {
	runtime.LockOSThread()
	return unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: behindNice, Runtime: uint64(behindSlice),
	}, 0)
}
