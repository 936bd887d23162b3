package embedded_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
	"patchcord/crm/crmtest/powerdisk"
)

func TestMain(m *testing.M) {
	powerdisk.Main()
	os.Exit(m.Run())
}

// thorough returns how many outcomes of each power loss are tried, and at which of n boundaries:
// PATCHCORD_POWER_LOSSES=20 tries so many at every one, without it there are twenty boundaries.
func thorough(n int) (outcomes, stride int) {
	outcomes, err := strconv.Atoi(os.Getenv("PATCHCORD_POWER_LOSSES"))
	if err != nil {
		return 1, max(1, n/20)
	}
	return outcomes, 1
}

// living is one process's use of a log: two times it is opened, appended to, trimmed and closed. It
// returns what was acknowledged, and the first error when it does not try again.
func living(t *testing.T, path string, patience bool) (acked, tried uint64, err error) {
	t.Helper()
	for round := range uint64(2) {
		l, err := embedded.Open(t.Context(), path, embedded.Config{FreePages: 1})
		for ; err != nil && patience; l, err = embedded.Open(t.Context(), path, embedded.Config{FreePages: 1}) {
			time.Sleep(time.Millisecond)
		}
		if err != nil {
			return acked, tried, err
		}
		for batch := range uint64(8) {
			es := entries(tried+1, tried+3+batch, 900)
			tried += uint64(len(es))
			for len(es) > 0 {
				n, err := l.Append(t.Context(), "hq", es)
				acked, es = acked+uint64(n), es[n:]
				if err != nil && !errors.Is(err, buffer.ErrUnavailable) {
					t.Fatalf("append: %v", err)
				}
				if err != nil && !patience {
					_ = l.Close()
					return acked, tried, err
				}
			}
		}
		if err := l.Trim(t.Context(), "hq", crm.Position{Epoch: 1, Seq: 20 * (round + 1)}); err != nil && !patience {
			_ = l.Close()
			return acked, tried, err
		}
		if err := l.Close(); err != nil && !patience {
			return acked, tried, err
		}
	}
	return acked, tried, nil
}

// wantAcked opens the log in the folder, and wants it whole: what was acknowledged, and no more than was
// tried. Something was trimmed perhaps, from the front.
func wantAcked(t *testing.T, dir string, acked, tried uint64) {
	t.Helper()
	l, err := embedded.Open(t.Context(), filepath.Join(dir, "log.db"), embedded.Config{})
	if err != nil {
		t.Fatalf("the log does not open any more: %v", err)
	}
	defer l.Close()
	got, err := l.Read(t.Context(), "hq", crm.Position{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	top, err := l.Top(t.Context(), "hq")
	if err != nil || top.Seq < acked || top.Seq > tried {
		t.Fatalf("the log ends at %s, %v; %d entries were acknowledged, %d tried", top, err, acked, tried)
	}
	for i, e := range got {
		if want := entries(top.Seq-uint64(len(got)-1-i), top.Seq-uint64(len(got)-1-i), 900)[0]; e.Pos != want.Pos || string(e.Data) != string(want.Data) {
			t.Fatalf("entry %d of %d is %s", i, len(got), e.Pos)
		}
	}
	if first := top.Seq - uint64(len(got)) + 1; top.Seq > 0 && (len(got) == 0 || first > 40) {
		t.Fatalf("%d entries up to %s: more than was trimmed is missing", len(got), top)
	}
	if n, err := l.Append(t.Context(), "hq", entries(top.Seq+1, top.Seq+2, 900)); err != nil || n != 2 {
		t.Fatalf("the log takes nothing more: %d, %v", n, err)
	}
}

func boundaries(t *testing.T, d *powerdisk.Disk) int {
	t.Helper()
	acked, tried, err := living(t, filepath.Join(d.Format(), "log.db"), false)
	if err != nil || acked != tried {
		t.Fatalf("an undisturbed life: %d of %d acknowledged, %v", acked, tried, err)
	}
	n := d.Operations()
	if n < 100 {
		t.Fatalf("a life makes only %d operations; the test looks at nothing", n)
	}
	return n
}

// TestPowerLossAtEveryWrite ends the power at every operation on the disk, and opens what may then be there.
func TestPowerLossAtEveryWrite(t *testing.T) {
	d := powerdisk.Start(t)
	n := boundaries(t, d)
	outcomes, stride := thorough(n)
	losses := 0
	for point := 1; point <= n; point += stride {
		for seed := range outcomes {
			dir := d.Format()
			d.Fail(point, 1<<30, syscall.EIO)
			acked, tried, err := living(t, filepath.Join(dir, "log.db"), false)
			if err == nil && acked != tried { // only closing may fail unheard
				t.Fatalf("the power went at operation %d, and nobody noticed", point)
			}
			wantAcked(t, d.PowerLoss(uint64(seed)<<32|uint64(point)), acked, tried)
			losses++
			if t.Failed() {
				t.Fatalf("power lost at operation %d of %d, outcome %d", point, n, seed)
			}
		}
	}
	fmt.Printf("CHAOS\tpower lost, log\t%d\t-\t-\t-\t-\t0\t0\t0\t%d of %d boundaries\theld\n", losses, (n+stride-1)/stride, n)
}

// TestFaultAtEveryWrite lets operations fail while the power stays, and wants the log to go on by itself.
func TestFaultAtEveryWrite(t *testing.T) {
	d := powerdisk.Start(t)
	n := boundaries(t, d)
	_, stride := thorough(n)
	for _, fault := range []struct {
		name  string
		errno syscall.Errno
		count int
	}{
		{"disk full once", syscall.ENOSPC, 1},
		{"disk stays full", syscall.ENOSPC, 9},
		{"EIO once", syscall.EIO, 1},
	} {
		t.Run(fault.name, func(t *testing.T) {
			for point := 1; point <= n; point += stride {
				dir := d.Format()
				d.Fail(point, fault.count, fault.errno)
				acked, tried, _ := living(t, filepath.Join(dir, "log.db"), true)
				if acked != tried {
					t.Fatalf("fault at operation %d: %d of %d acknowledged", point, acked, tried)
				}
				d.Fail(0, 0, 0)
				wantAcked(t, d.PowerLoss(uint64(point)), acked, tried)
				if t.Failed() {
					t.Fatalf("fault at operation %d of %d", point, n)
				}
			}
			fmt.Printf("CHAOS\t%s, log\t%d\t-\t-\t-\t-\t0\t0\t0\tof %d boundaries\theld\n", fault.name, (n+stride-1)/stride, n)
		})
	}
}

// TestAppendReturnsWhenTheDiskHasIt looks at the order of writes and syncs itself.
func TestAppendReturnsWhenTheDiskHasIt(t *testing.T) {
	d := powerdisk.Start(t)
	l, err := embedded.Open(t.Context(), filepath.Join(d.Format(), "log.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for seq := uint64(1); seq <= 20; seq++ {
		before := len(d.Trace())
		if _, err := l.Append(t.Context(), "hq", entries(seq, seq, 400)); err != nil {
			t.Fatal(err)
		}
		trace := d.Trace()[before:]
		if len(trace) < 2 || trace[len(trace)-1] != "fsync log.db-wal" || d.Unsynced("log.db-wal") > 0 {
			t.Fatalf("append %d returned after %s, with %d writes that are not on the disk", seq, fmt.Sprint(trace), d.Unsynced("log.db-wal"))
		}
	}
}
