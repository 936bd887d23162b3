package buffertest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

func testReadsInOrder(t *testing.T, open Place) {
	l := open(t)
	mustAppend(t, l, "hq", frames(1, 0, 4))
	mustAppend(t, l, "hq", frames(1, 5, 300))
	mustAppend(t, l, "hq", []buffer.Entry{frame(1, 400), frame(3, 0), frame(12, 1)})
	wantLog(t, l, "hq", slices.Concat(frames(1, 0, 300), []buffer.Entry{frame(1, 400), frame(3, 0), frame(12, 1)}))
	wantTop(t, l, "hq", pos(12, 1))
}

func testEntriesComeBack(t *testing.T, open Place) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 123456000, time.UTC)
	want := []buffer.Entry{
		{Pos: pos(1, 0), Kind: buffer.SessionOpen, At: at, Data: []byte(`{"node":"a"}`)},
		{Pos: pos(1, 1), Kind: buffer.Frame, At: at.In(time.FixedZone("", 3600)), Data: []byte("Event: A\r\nX: \x00\xff\xfe\r\n\r\n")},
		{Pos: pos(1, 2), Kind: buffer.Mark, At: at},
		{Pos: pos(1, 3), Kind: buffer.Lost},
		{Pos: pos(1, 4), Kind: 'z', At: at, Data: []byte("a kind of a later version")},
	}
	l := open(t)
	mustAppend(t, l, "hq", want)
	wantLog(t, l, "hq", want)
	for _, e := range readAll(t, l, "hq", crm.Position{}) {
		if e.At.Location() != time.UTC {
			t.Errorf("%s: got a time of %s, want UTC", e.Pos, e.At.Location())
		}
	}
}

func testReadAfter(t *testing.T, open Place) {
	l := open(t)
	mustAppend(t, l, "hq", slices.Concat(frames(1, 0, 9), frames(2, 0, 9)))
	tests := map[string]struct {
		after crm.Position
		limit int
		want  []buffer.Entry
	}{
		"from the start":                     {pos(0, 0), 3, frames(1, 0, 2)},
		"after the opening":                  {pos(1, 0), 2, frames(1, 1, 2)},
		"over the end of an epoch":           {pos(1, 8), 3, slices.Concat(frames(1, 9, 9), frames(2, 0, 1))},
		"after a position that is not there": {pos(1, 100), 2, frames(2, 0, 1)},
		"up to the last":                     {pos(2, 7), 100, frames(2, 8, 9)},
		"after the last":                     {pos(2, 9), 100, nil},
		"far beyond":                         {pos(9, 0), 100, nil},
		"none":                               {pos(0, 0), 0, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := l.Read(t.Context(), "hq", tt.after, tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			wantEntries(t, got, tt.want)
		})
	}
}

func testEmpty(t *testing.T, open Place) {
	l := open(t)
	wantLog(t, l, "hq", nil)
	wantTop(t, l, "hq", crm.Position{})
	if err := l.Trim(t.Context(), "hq", pos(5, 5)); err != nil {
		t.Errorf("trim: %v", err)
	}
	mustAppend(t, l, "hq", nil)
	wantTop(t, l, "hq", crm.Position{})
	mustAppend(t, l, "hq", frames(1, 0, 0))
	wantLog(t, l, "hq", frames(1, 0, 0))
}

func testRepeat(t *testing.T, open Place) {
	l := open(t)
	for range 3 {
		mustAppend(t, l, "hq", frames(1, 0, 20))
	}
	mustAppend(t, l, "hq", frames(1, 5, 9))
	wantLog(t, l, "hq", frames(1, 0, 20))
	wantTop(t, l, "hq", pos(1, 20))
}

func testPartlyThere(t *testing.T, open Place) {
	l := open(t)
	mustAppend(t, l, "hq", frames(1, 0, 20))
	mustAppend(t, l, "hq", frames(1, 10, 40))
	wantLog(t, l, "hq", frames(1, 0, 40))
}

func testConflict(t *testing.T, open Place) {
	l := open(t)
	mustAppend(t, l, "hq", frames(1, 0, 9))
	for name, change := range map[string]func(*buffer.Entry){
		"other data": func(e *buffer.Entry) { e.Data = append(bytes.Clone(e.Data), 'x') },
		"other time": func(e *buffer.Entry) { e.At = e.At.Add(time.Microsecond) },
		"other kind": func(e *buffer.Entry) { e.Kind = buffer.Mark },
	} {
		t.Run(name, func(t *testing.T) {
			batch := frames(1, 3, 20)
			change(&batch[4])
			wantRefused(t, l, "hq", batch, 4, buffer.ErrConflict)
		})
	}
	wantLog(t, l, "hq", frames(1, 0, 9))
}

func testHole(t *testing.T, open Place) {
	l := open(t)
	mustAppend(t, l, "hq", []buffer.Entry{frame(1, 1), frame(1, 2), frame(1, 9)})
	wantRefused(t, l, "hq", []buffer.Entry{frame(1, 2), frame(1, 3), frame(1, 9)}, 1, buffer.ErrConflict)
	wantRefused(t, l, "hq", []buffer.Entry{frame(1, 0)}, 0, buffer.ErrConflict)
	wantLog(t, l, "hq", []buffer.Entry{frame(1, 1), frame(1, 2), frame(1, 9)})
}

func testOrder(t *testing.T, open Place) {
	l := open(t)
	mustAppend(t, l, "hq", frames(1, 0, 2))
	wantRefused(t, l, "hq", []buffer.Entry{frame(1, 4), frame(1, 3)}, 0, buffer.ErrOrder)
	wantRefused(t, l, "hq", []buffer.Entry{frame(1, 3), frame(1, 3)}, 0, buffer.ErrOrder)
	wantRefused(t, l, "hq", []buffer.Entry{frame(0, 7)}, 0, buffer.ErrOrder)
	wantLog(t, l, "hq", frames(1, 0, 2))
}

func testFence(t *testing.T, open Place) {
	old, young := open(t), open(t)
	mustAppend(t, old, "hq", frames(1, 0, 9))
	mustAppend(t, young, "hq", frames(2, 0, 0))
	wantRefused(t, old, "hq", frames(1, 10, 12), 0, buffer.ErrFenced)
	wantRefused(t, old, "hq", frames(1, 9, 9), 0, buffer.ErrFenced) // though it is there
	wantRefused(t, old, "hq", slices.Concat(frames(1, 10, 12), frames(2, 1, 1)), 0, buffer.ErrFenced)
	mustAppend(t, young, "hq", frames(2, 1, 3))
	wantLog(t, young, "hq", slices.Concat(frames(1, 0, 9), frames(2, 0, 3)))
	wantTop(t, old, "hq", pos(2, 3))
}

func testPBXsApart(t *testing.T, open Place) {
	l := open(t)
	names := []string{"hq", "hq2", "h", "HQ", "büro", "a b", "x{y}z", "log"}
	for i, pbx := range names {
		mustAppend(t, l, pbx, frames(uint64(i+1), 0, uint64(i)))
	}
	if err := l.Trim(t.Context(), "hq2", pos(9, 0)); err != nil {
		t.Fatal(err)
	}
	for i, pbx := range names {
		wantTop(t, l, pbx, pos(uint64(i+1), uint64(i)))
		if pbx != "hq2" {
			wantLog(t, l, pbx, frames(uint64(i+1), 0, uint64(i)))
		}
	}
}

func testBig(t *testing.T, open Place) {
	l := open(t)
	want := frames(1, 0, 9)
	for i, size := range []int{0, 1, 4 << 10, 64 << 10, 1 << 20, 5 << 20, 100, 0} {
		want[i].Data = bytes.Repeat([]byte{'a' + byte(i)}, size)
	}
	mustAppend(t, l, "hq", want)
	mustAppend(t, l, "hq", want)
	wantLog(t, l, "hq", want)
}

func testReopen(t *testing.T, open Place) {
	l := open(t)
	mustAppend(t, l, "hq", frames(1, 0, 50))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t)
	wantTop(t, l, "hq", pos(1, 50))
	wantLog(t, l, "hq", frames(1, 0, 50))
	mustAppend(t, l, "hq", frames(1, 40, 60))
	mustAppend(t, l, "hq", frames(2, 0, 3))
	wantLog(t, l, "hq", slices.Concat(frames(1, 0, 60), frames(2, 0, 3)))
}

func testGivesUp(t *testing.T, open Place) {
	l := open(t)
	mustAppend(t, l, "hq", frames(1, 0, 0))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, "hq", frames(1, 1, 1)); !errors.Is(err, context.Canceled) && err != nil {
		t.Errorf("append: got %v, want context.Canceled, or success", err)
	}
	if _, err := l.Read(ctx, "hq", crm.Position{}, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("read: got %v, want context.Canceled", err)
	}
	mustAppend(t, l, "hq", frames(1, 1, 2)) // whatever became of it
	wantLog(t, l, "hq", frames(1, 0, 2))
}
