package background

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRun(t *testing.T) {
	failed := errors.New("failed")
	usual, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := min(usual.Nice+nicer, nicest)
	err = Run(func() error {
		got, err := unix.SchedGetAttr(0, 0)
		if err != nil || got.Policy != unix.SCHED_NORMAL || got.Nice != want {
			t.Errorf("got policy %d and niceness %d, %v; want %d and %d", got.Policy, got.Nice, err, unix.SCHED_NORMAL, want)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("got %v, want what the work returned", err)
	}
}
