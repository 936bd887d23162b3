package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// perPoint is how many outcomes of each power loss are tried: PATCHCORD_POWER_LOSSES=200 is the figure on demand.
func perPoint(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("PATCHCORD_POWER_LOSSES"))
	if err != nil {
		return 3
	}
	return n
}

// life appends as an Appender does, while the log goes away and comes back, and returns what was
// acknowledged and what was tried. With patience it tries again for ever, without it ends at the first error.
func life(t *testing.T, l *Log, inner *memLog, patience bool) (acked, tried uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	for round := range 12 {
		inner.setAway(round%4 != 3)
		for range 4 {
			batch := entries(1, tried, tried+uint64(r.IntN(12)))
			tried += uint64(len(batch))
			for len(batch) > 0 {
				n, err := l.Append(t.Context(), "hq", batch)
				acked, batch = acked+uint64(n), batch[n:]
				if err != nil && !errors.Is(err, buffer.ErrUnavailable) {
					t.Fatalf("append: %v", err)
				}
				if err != nil && !patience {
					return acked, tried
				}
				if err != nil {
					time.Sleep(time.Second)
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return acked, tried
}

func smallSegments(d *disk) Config { return Config{FS: d, SegmentBytes: 8 << 10, Logger: quiet()} }

// operations returns how many changes of the disk an undisturbed life makes.
func operations(t *testing.T) (n int) {
	synctest.Test(t, func(t *testing.T) {
		d, inner := newDisk(), newMemLog()
		l := mustOpen(t, "spool", inner, smallSegments(d))
		acked, tried := life(t, l, inner, true)
		if err := l.Settle(t.Context(), "hq"); err != nil || acked != tried {
			t.Fatalf("%d of %d acknowledged, %v", acked, tried, err)
		}
		wantSame(t, inner.all(), entries(1, 0, tried-1))
		d.mu.Lock()
		n = d.ops
		d.mu.Unlock()
	})
	if n < 100 {
		t.Fatalf("a life makes only %d operations; the test looks at nothing", n)
	}
	return n
}

// TestPowerLossAtEveryWrite ends the power before every single operation on the disk, and starts
// again from what may then be there.
func TestPowerLossAtEveryWrite(t *testing.T) {
	n, per := operations(t), perPoint(t)
	told := 0
	for point := 1; point <= n; point++ {
		for seed := range per {
			synctest.Test(t, func(t *testing.T) {
				if loseTheirPower(t, point, uint64(seed)) {
					told++
				}
			})
			if t.Failed() {
				t.Fatalf("power lost before operation %d, outcome %d", point, seed)
			}
		}
	}
	fmt.Printf("CHAOS\tpower lost, spool\t%d\t-\t-\t-\t-\t0\t0\t0\tall %d boundaries, %d left a torn middle that is told\theld\n", n*per, n, told)
}

func onFailure(t *testing.T, point int, seed uint64) {
	if t.Failed() {
		t.Logf("at operation %d, outcome %d", point, seed)
	}
}

func loseTheirPower(t *testing.T, point int, seed uint64) (told bool) {
	defer onFailure(t, point, seed)
	d, inner := newDisk(), newMemLog()
	l := mustOpen(t, "spool", inner, smallSegments(d))
	d.setFail(func(op int) error {
		if op < point {
			return nil
		}
		inner.setAway(true) // a dead machine reaches nobody
		return errPower
	})
	acked, tried := life(t, l, inner, false)
	inner.setAway(true)
	l.stop()
	l.wg.Wait()
	return checkAfter(t, d.crash(rand.New(rand.NewPCG(uint64(point), seed))), inner, acked, tried)
}

// checkAfter starts again, and holds the log against what was acknowledged and tried.
func checkAfter(t *testing.T, d *disk, inner *memLog, acked, tried uint64) (told bool) {
	t.Helper()
	l := mustOpen(t, "spool", inner, smallSegments(d))
	inner.setAway(false)
	seen := readAll(t, l, crm.Position{})
	if err := l.Settle(t.Context(), "hq"); err != nil {
		t.Fatal(err)
	}
	got := inner.all()
	wantSame(t, seen, got)
	if uint64(len(got)) < acked {
		t.Fatalf("%d entries are there, %d were acknowledged", len(got), acked)
	}
	for i, e := range got {
		if !equal(e, entry(1, e.Pos.Seq)) || e.Pos.Seq >= tried {
			t.Fatalf("entry %s was never appended so", e.Pos)
		}
		if uint64(i) < acked && e.Pos.Seq != uint64(i) {
			t.Fatalf("entry %d is missing; %d were acknowledged", i, acked)
		}
	}
	told = len(l.Losses("hq")) > 0
	if hole := got != nil && topOf(got).Seq != uint64(len(got)-1); hole && !told {
		t.Fatalf("%d entries to %s have a hole, and nobody is told", len(got), topOf(got))
	}
	mustAppend(t, l, entries(2, 0, 3))
	return told
}

// TestFaultAtEveryWrite lets every single operation fail, alone or with those that follow, and the power go afterwards.
func TestFaultAtEveryWrite(t *testing.T) {
	for _, fault := range []struct {
		name string
		err  error
		ops  int
	}{
		{"disk full once", syscall.ENOSPC, 1},
		{"disk stays full", syscall.ENOSPC, 9},
		{"EIO once", syscall.EIO, 1},
	} {
		t.Run(fault.name, func(t *testing.T) {
			n := operations(t)
			for point := 1; point <= n; point++ {
				synctest.Test(t, func(t *testing.T) {
					defer onFailure(t, point, 3)
					d, inner := newDisk(), newMemLog()
					l := mustOpen(t, "spool", inner, smallSegments(d))
					d.setFail(func(op int) error {
						if op >= point && op < point+fault.ops {
							return fmt.Errorf("operation %d: %w", op, fault.err)
						}
						return nil
					})
					acked, tried := life(t, l, inner, true)
					if losses := l.Losses("hq"); acked != tried || len(losses) > 0 {
						t.Errorf("%d of %d acknowledged, losses %+v", acked, tried, losses)
					}
					inner.setAway(true)
					d.setFail(nil)
					mustAppend(t, l, entries(1, tried, tried+5))
					l.stop()
					l.wg.Wait()
					checkAfter(t, d.crash(rand.New(rand.NewPCG(uint64(point), 3))), inner, tried+6, tried+6)
				})
				if t.Failed() {
					t.Fatalf("fault at operation %d", point)
				}
			}
			fmt.Printf("CHAOS\t%s, spool\t%d\t-\t-\t-\t-\t0\t0\t0\tall boundaries\theld\n", fault.name, n)
		})
	}
}

// TestFullDiskGoesOnBySelf: nothing is acknowledged while there is no room, and all of it soon after there is.
func TestFullDiskGoesOnBySelf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, inner := newDisk(), newMemLog()
		inner.setAway(true)
		a := buffer.NewAppender(buffer.AppenderConfig{Log: mustOpen(t, "spool", inner, smallSegments(d)), PBX: "hq", Logger: quiet()})
		ended := make(chan error, 1)
		ctx, stop := contextOf(t)
		go func() { ended <- a.Run(ctx) }()
		d.setRoom(30 << 10)
		for seq := range uint64(1000) {
			a.Put(entry(1, seq))
			time.Sleep(10 * time.Millisecond)
		}
		if s := a.Stats(); s.Queued == 0 || s.Dropped != 0 {
			t.Errorf("got %+v, want entries that wait in memory and none dropped", s)
		}
		d.setRoom(1 << 30)
		room := time.Now()
		for a.Stats().Queued > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(room); took > 10*time.Second {
			t.Errorf("all was acknowledged %s after there was room, want 10 s", took)
		}
		inner.setAway(false)
		time.Sleep(10 * time.Second)
		wantSame(t, inner.all(), entries(1, 0, 999))
		stop()
		<-ended
	})
}
