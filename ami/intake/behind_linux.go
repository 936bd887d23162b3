package intake

import (
	"runtime"
	"syscall"
)

// behind makes the goroutine that calls it give way for the rest of its life: its
// thread gets the processor when those that carry pops leave it some. The thread
// ends with the goroutine. A system that refuses makes records as urgent as pops.
func behind() error {
	const niceness = 10 // setpriority(2): of this thread alone, on Linux
	runtime.LockOSThread()
	return syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness)
}
