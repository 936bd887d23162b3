package spool

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"patchcord/buffer"
)

// spooledDisk is a disk with a spool of two closed segments and one that was being written.
func spooledDisk(t *testing.T) (d *disk, want []buffer.Entry) {
	d = newDisk()
	inner := newMemLog()
	inner.setAway(true)
	l := mustOpen(t, "spool", inner, Config{FS: d, SegmentBytes: 2 << 10})
	for seq := uint64(0); seq < 8; seq += 2 {
		mustAppend(t, l, entries(1, seq, seq+1))
	}
	l.stop()
	l.wg.Wait()
	return d, entries(1, 0, 7)
}

func (d *disk) copy() *disk {
	c := newDisk()
	for dir := range d.dirs {
		c.dirs[dir] = true
	}
	for path, n := range d.files {
		c.files[path] = &node{data: slices.Clone(n.data), synced: slices.Clone(n.data)}
		c.saved[path] = c.files[path]
	}
	return c
}

// TestEveryFlippedBitIsFoundOut flips each bit of the spool's files in turn, or with PATCHCORD_POWER_LOSSES unset one in 13: nothing is read that was not written,
// and what is missing is told and kept aside. Only at the very end it may be a tail that was
// being written: that is cut off, and lies in the gap of the restart.
func TestEveryFlippedBitIsFoundOut(t *testing.T) {
	var whole *disk
	var want []buffer.Entry
	synctest.Test(t, func(t *testing.T) { whole, want = spooledDisk(t) })
	paths := whole.paths(segmentSuffix)
	slices.Sort(paths)
	flips, lost, step := 0, 0, 13 // has no factor in common with 8: every bit of a byte has its turn
	if os.Getenv("PATCHCORD_POWER_LOSSES") != "" {
		step = 1
	}
	for _, path := range paths {
		used := len(bytes.TrimRight(whole.files[path].data, "\x00"))
		for bit := 0; bit < used*8; bit += step {
			flips++
			synctest.Test(t, func(t *testing.T) {
				if readFlipped(t, whole.copy(), path, bit, want, path == paths[len(paths)-1]) {
					lost++
				}
			})
			if t.Failed() {
				t.Fatalf("bit %d of %s", bit, path)
			}
		}
	}
	if len(paths) < 2 || lost == 0 || lost == flips {
		t.Fatalf("%d segments, %d flips, %d lost something; the test looks at nothing", len(paths), flips, lost)
	}
	t.Logf("%d bits in %d segments: %d lost entries, all told", flips, len(paths), lost)
}

func readFlipped(t *testing.T, d *disk, path string, bit int, want []buffer.Entry, last bool) (lost bool) {
	d.files[path].data[bit/8] ^= 1 << (bit % 8)
	inner, log := newMemLog(), new(lines)
	l := mustOpen(t, "spool", inner, Config{FS: d, Logger: log.logger()})
	if err := l.Settle(t.Context(), "hq"); err != nil {
		t.Fatal(err)
	}
	got := inner.all()
	for _, e := range got {
		if !equal(e, want[e.Pos.Seq]) {
			t.Fatalf("read %s %q, which was never written", e.Pos, e.Data)
		}
	}
	missing := len(got) < len(want)
	told := len(l.Losses("hq")) > 0
	tail := last && len(got) > 0 && topOf(got).Seq == uint64(len(got)-1) && strings.Contains(log.String(), "torn tail")
	if missing && !told && !tail {
		t.Fatalf("%d of %d entries, and nobody is told", len(got), len(want))
	}
	if missing && told && len(d.paths("")) == len(d.paths(lossSuffix)) {
		t.Fatal("the damaged bytes were not kept aside")
	}
	if !missing && told {
		t.Fatalf("a loss is told and nothing is missing: %+v", l.Losses("hq"))
	}
	return missing
}
