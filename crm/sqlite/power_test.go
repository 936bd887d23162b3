package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/crmtest/powerdisk"
)

func TestMain(m *testing.M) {
	powerdisk.Main()
	os.Exit(m.Run())
}

// commits is one process's use of a store: it takes a PBX and commits 30 calls, one batch each. It
// returns how many commits succeeded, and the first error.
func commits(t *testing.T, path string, again bool) (acked int, err error) {
	t.Helper()
	s, err := Open(t.Context(), path, Config{})
	for ; err != nil && again; s, err = Open(t.Context(), path, Config{}) {
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		return 0, err
	}
	defer s.Close()
	var epoch uint64
	for epoch, err = s.TakePBX(t.Context(), "hq", "default", "a"); err != nil && again; epoch, err = s.TakePBX(t.Context(), "hq", "default", "a") {
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		return 0, err
	}
	from := crm.Position{}
	for i := range 30 {
		b := crm.Batch{PBX: "hq", Tenant: "default", Epoch: epoch, From: from, To: crm.Position{Epoch: epoch, Seq: uint64(i + 1)}}
		c := &crm.Call{ID: callID(i), Tenant: "default", PBX: "hq", Linkedids: []string{callID(i)[3:]}, StartedAt: crm.At(time.Unix(int64(1e9+i), 0))}
		b.Calls = []*crm.Call{c}
		b.Events = []crm.Event{{Type: crm.CallStarted, PBX: "hq", Tenant: "default", Pos: b.To, At: c.StartedAt, Call: c}}
		b.State = map[string][]byte{"k": []byte(c.ID)}
		for err = s.Commit(t.Context(), b); err != nil && again; err = s.Commit(t.Context(), b) {
			time.Sleep(time.Millisecond)
		}
		if err != nil {
			return acked, err
		}
		acked, from = acked+1, b.To
	}
	return acked, nil
}

func callID(i int) string { return fmt.Sprintf("hq:1%09d.1", i) }

// wantCommitted opens the store in the folder: everything that was acknowledged is there, each call
// with its event, and the checkpoint says how many there are.
func wantCommitted(t *testing.T, dir string, acked int) {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(dir, "patchcord.db"), Config{})
	if err != nil {
		t.Fatalf("the store does not open any more: %v", err)
	}
	defer s.Close()
	cp, err := s.Resume(t.Context(), "hq")
	if err != nil {
		t.Fatal(err)
	}
	if n := int(cp.Pos.Seq); n < acked || n > acked+1 {
		t.Fatalf("the checkpoint is %s; %d commits were acknowledged", cp.Pos, acked)
	}
	calls, _, err := s.Calls(t.Context(), "default", crm.CallFilter{}, crm.Page{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(t.Context(), "default", 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if n := int(cp.Pos.Seq); len(calls) != n || len(events) != n || n > 0 && string(cp.State["k"]) != callID(n-1) {
		t.Fatalf("at %s there are %d calls, %d events, and state %q", cp.Pos, len(calls), len(events), cp.State["k"])
	}
	var report string
	if err := s.w.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&report); err != nil || report != "ok" {
		t.Fatalf("integrity check: %s, %v", report, err)
	}
}

// TestPowerLossAndFaultsAtEveryWrite ends the power at operations on the disk, or lets them fail while
// it stays. PATCHCORD_POWER_LOSSES=20 tries every operation, with so many outcomes each;
// without it a dozen are tried by make chaos, and four by every test run.
func TestPowerLossAndFaultsAtEveryWrite(t *testing.T) {
	d := powerdisk.Start(t)
	if acked, err := commits(t, filepath.Join(d.Format(), "patchcord.db"), false); err != nil || acked != 30 {
		t.Fatalf("an undisturbed life: %d, %v", acked, err)
	}
	n := d.Operations()
	outcomes, err := strconv.Atoi(os.Getenv("PATCHCORD_POWER_LOSSES"))
	stride := 1
	if err != nil {
		outcomes, stride = 1, max(1, n/4) // each life opens a store, which the race detector makes long
		if os.Getenv("PATCHCORD_CHAOS") != "" {
			stride = max(1, n/12)
		}
	}
	for _, f := range []fault{
		{"power lost", syscall.EIO, 1 << 30, outcomes},
		{"disk stays full", syscall.ENOSPC, 9, 1},
		{"EIO once", syscall.EIO, 1, 1},
	} {
		t.Run(f.name, func(t *testing.T) {
			if stride > 1 {
				f.atEach(t, d, 1, stride, n)
			} else {
				t.Run("shards", func(t *testing.T) {
					for shard := range shards {
						t.Run(strconv.Itoa(shard), func(t *testing.T) {
							t.Parallel()
							f.atEach(t, powerdisk.Start(t), 1+shard, shards, n)
						})
					}
				})
			}
			points := (n + stride - 1) / stride
			if !t.Failed() {
				fmt.Printf("CHAOS\t%s, SQLite\t%d\t-\t-\t-\t-\t0\t0\t0\t%d of %d boundaries\theld\n", f.name, points*f.outcomes, points, n)
			}
		})
	}
}

// shards is how many disks at once share the lives when every operation is tried.
const shards = 8

// fault is what operations on a disk end with, from one on: so many of them, or all, and then the power is lost.
type fault struct {
	name     string
	errno    syscall.Errno
	count    int
	outcomes int // of a power loss at one operation
}

// atEach lives a life with the fault at each of the points first, first+step and so on up to n.
func (f fault) atEach(t *testing.T, d *powerdisk.Disk, first, step, n int) {
	t.Helper()
	for point := first; point <= n; point += step {
		for outcome := range f.outcomes {
			if f.at(t, d, point, uint64(outcome)<<32|uint64(point), f.count > n); t.Failed() {
				t.Fatalf("at operation %d of %d, outcome %d", point, n, outcome)
			}
		}
	}
}

// at is such a life. A disk that works again lets it go on to its end.
func (f fault) at(t *testing.T, d *powerdisk.Disk, point int, outcome uint64, lost bool) {
	t.Helper()
	dir := d.Format()
	d.Fail(point, f.count, f.errno)
	acked, err := commits(t, filepath.Join(dir, "patchcord.db"), !lost)
	if err != nil && !lost {
		t.Fatalf("fault at operation %d: %v", point, err)
	}
	d.Fail(0, 0, 0)
	wantCommitted(t, d.PowerLoss(outcome), acked)
}
