package buffertest

import (
	"testing"

	"patchcord/buffer"
	"patchcord/crm"
)

func testTrim(t *testing.T, open Place) {
	l := open(t)
	for seq := uint64(0); seq < 5000; seq += 500 {
		mustAppend(t, l, "hq", frames(1, seq, seq+499))
	}
	mustAppend(t, l, "hq", frames(2, 0, 9))
	for _, below := range []crm.Position{pos(0, 0), pos(1, 0), pos(1, 10), pos(1, 4321), pos(2, 0), pos(2, 5)} {
		if err := l.Trim(t.Context(), "hq", below); err != nil {
			t.Fatal(err)
		}
		wantTrimmed(t, l, below)
	}
	mustAppend(t, l, "hq", frames(2, 10, 12))
	wantTop(t, l, "hq", pos(2, 12))
}

// wantTrimmed checks that nothing from below on is gone, and that most of what was below is.
func wantTrimmed(t *testing.T, l buffer.Log, below crm.Position) {
	t.Helper()
	want := append(frames(1, 0, 4999), frames(2, 0, 9)...)
	for len(want) > 0 && want[0].Pos.Compare(below) < 0 {
		want = want[1:]
	}
	got := readAll(t, l, "hq", crm.Position{})
	kept := max(0, len(got)-len(want))
	wantEntries(t, got[kept:], want)
	if kept > 500 {
		t.Errorf("trim below %s: %d entries below it are still there", below, kept)
	}
}

func testTrimAll(t *testing.T, open Place) {
	l := open(t)
	mustAppend(t, l, "hq", frames(3, 0, 20))
	if err := l.Trim(t.Context(), "hq", pos(99, 0)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t)
	wantTop(t, l, "hq", pos(3, 20))
	wantRefused(t, l, "hq", frames(2, 50, 51), 0, buffer.ErrFenced)
	mustAppend(t, l, "hq", frames(3, 21, 22))
	wantEntries(t, readAll(t, l, "hq", pos(3, 20)), frames(3, 21, 22))
}
