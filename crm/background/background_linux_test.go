package background

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestEnter(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := Enter(); err != nil {
			t.Error(err)
			return
		}
		got, err := unix.SchedGetAttr(0, 0)
		if err != nil || got.Policy != unix.SCHED_NORMAL || got.Nice != nice {
			t.Errorf("got policy %d and niceness %d, %v; want %d and %d", got.Policy, got.Nice, err, unix.SCHED_NORMAL, nice)
		}
	}()
	<-done
}
