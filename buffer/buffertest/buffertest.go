// Package buffertest is the suite that every buffer.Log passes.
package buffertest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// Place opens the same log each time it is called: a second owner, or the next
// life of the first. It closes what it opened at the end of the test.
type Place func(t testing.TB) buffer.Log

// TestLog runs the suite. newPlace gives an empty log, apart from every other.
func TestLog(t *testing.T, newPlace func(t testing.TB) Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"what was appended is read in order":       testReadsInOrder,
		"entries come back as they were":           testEntriesComeBack,
		"a read goes on after a position":          testReadAfter,
		"an empty log":                             testEmpty,
		"a repeated append is accepted":            testRepeat,
		"a batch that is partly there is finished": testPartlyThere,
		"another entry at the same position":       testConflict,
		"a hole is never filled":                   testHole,
		"entries out of order are refused":         testOrder,
		"a newer owner fences the older":           testFence,
		"two owners race":                          testRace,
		"PBXs are apart":                           testPBXsApart,
		"many append at once":                      testConcurrent,
		"a trim keeps what is not below":           testTrim,
		"a trimmed log keeps its top":              testTrimAll,
		"big entries":                              testBig,
		"a log that is opened again":               testReopen,
		"a caller who gives up":                    testGivesUp,
		"random operations agree with a model":     testModel,
		"dead letters":                             testDeadLetters,
		"dead letters are bounded":                 testManyDeadLetters,
		"a dead letter of an earlier version":      testOldDeadLetter,
		"dead letters put aside meanwhile":         testDeadLettersMeanwhile,
		"many add dead letters at once":            testDeadLettersAtOnce,
	} {
		t.Run(name, func(t *testing.T) { test(t, newPlace(t)) })
	}
}

func pos(epoch, seq uint64) crm.Position { return crm.Position{Epoch: epoch, Seq: seq} }

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func frame(epoch, seq uint64) buffer.Entry {
	return buffer.Entry{
		Pos: pos(epoch, seq), Kind: buffer.Frame, At: start.Add(time.Duration(seq) * time.Millisecond),
		Data: fmt.Appendf(nil, "Event: Newstate\r\nSerial: %d-%d\r\n\r\n", epoch, seq),
	}
}

// frames returns the frames from and until, both included.
func frames(epoch, from, until uint64) (entries []buffer.Entry) {
	for seq := from; seq <= until; seq++ {
		entries = append(entries, frame(epoch, seq))
	}
	return entries
}

func mustAppend(t testing.TB, l buffer.Log, pbx string, entries []buffer.Entry) {
	t.Helper()
	stored, err := l.Append(t.Context(), pbx, entries)
	if err != nil || stored != len(entries) {
		t.Fatalf("append of %d entries: stored %d, %v", len(entries), stored, err)
	}
}

// wantRefused checks that an append stores no more than stored and fails with want.
func wantRefused(t testing.TB, l buffer.Log, pbx string, entries []buffer.Entry, stored int, want error) {
	t.Helper()
	got, err := l.Append(t.Context(), pbx, entries)
	if !errors.Is(err, want) || got != stored {
		t.Errorf("got %d stored, %v; want %d, %v", got, err, stored, want)
	}
}

// wantLog checks the whole content, read in steps.
func wantLog(t testing.TB, l buffer.Log, pbx string, want []buffer.Entry) {
	t.Helper()
	wantEntries(t, readAll(t, l, pbx, crm.Position{}), want)
}

func readAll(t testing.TB, l buffer.Log, pbx string, after crm.Position) (all []buffer.Entry) {
	t.Helper()
	for {
		got, err := l.Read(t.Context(), pbx, after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			return all
		}
		all, after = append(all, got...), got[len(got)-1].Pos
	}
}

func wantEntries(t testing.TB, got, want []buffer.Entry) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !equal(got[i], want[i]) {
			t.Fatalf("entry %d: got %v, want %v", i, describe(got[i]), describe(want[i]))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("got %d entries, want %d", len(got), len(want))
	}
}

func equal(a, b buffer.Entry) bool {
	return a.Pos == b.Pos && a.Kind == b.Kind && a.At.Equal(b.At) && bytes.Equal(a.Data, b.Data)
}

func describe(e buffer.Entry) string {
	return fmt.Sprintf("%s %c %s %.60q", e.Pos, e.Kind, e.At.Format(time.RFC3339Nano), e.Data)
}

func wantTop(t testing.TB, l buffer.Log, pbx string, want crm.Position) {
	t.Helper()
	got, err := l.Top(t.Context(), pbx)
	if err != nil || got != want {
		t.Errorf("got top %s, %v; want %s", got, err, want)
	}
}
