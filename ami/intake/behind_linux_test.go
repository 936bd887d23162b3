package intake

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestThreadGivesWayAndIsHastened(t *testing.T) {
	for w, idle := range map[way]bool{idly: revocable(), steadily: false} {
		started, end := make(chan int), make(chan struct{})
		go func() {
			thread, err := w.behind()
			if err != nil {
				t.Error(err)
			}
			started <- thread
			<-end
		}()
		thread := <-started
		want := unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: 10}
		if idle {
			want = unix.SchedAttr{Policy: unix.SCHED_IDLE}
		}
		wantSchedule(t, thread, want)
		if err := hasten(thread); err != nil {
			t.Error(err)
		}
		wantSchedule(t, thread, unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: 10})
		close(end)
	}

}

func wantSchedule(t *testing.T, thread int, want unix.SchedAttr) {
	t.Helper()
	got, err := unix.SchedGetAttr(thread, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got.Policy != want.Policy || want.Policy == unix.SCHED_NORMAL && got.Nice != want.Nice {
		t.Errorf("thread %d: got policy %d and niceness %d, want %d and %d", thread, got.Policy, got.Nice, want.Policy, want.Nice)
	}
}
