package buffertest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

func letter(epoch, seq uint64) buffer.Letter {
	e := frame(epoch, seq)
	return buffer.Letter{Pos: e.Pos, At: e.At, Kind: e.Kind, Data: e.Data, Reason: "refused", Tries: 3, Node: "a"}
}

// positions returns those of the letters that wait.
func waiting(t *testing.T, d *buffer.DeadLetters) (list []crm.Position) {
	t.Helper()
	letters, err := d.List(t.Context(), "hq")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		list = append(list, l.Pos)
	}
	return list
}

func testDeadLetters(t *testing.T, open Place) {
	d := buffer.NewDeadLetters(open(t), nil)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := waiting(t, d); len(got) != 0 {
		t.Fatalf("an empty log has letters %v", got)
	}
	// Letters need not come in order: another version may refuse what an earlier one took.
	want := letter(3, 7)
	must(d.Put(t.Context(), "hq", want))
	must(d.Put(t.Context(), "hq", letter(2, 9)))
	must(d.Put(t.Context(), "hq", letter(2, 9))) // as after a crash before the commit
	must(d.Put(t.Context(), "hq2", letter(1, 1)))
	again := buffer.NewDeadLetters(open(t), nil) // another process
	letters, err := again.List(t.Context(), "hq")
	must(err)
	if len(letters) != 2 || letters[0].Pos != pos(2, 9) || letters[1].Pos != pos(3, 7) {
		t.Fatalf("letters %+v; want two, by position", letters)
	}
	got := letters[1]
	if got.Since.IsZero() || time.Since(got.Since) > time.Minute {
		t.Errorf("it was put aside at %v", got.Since)
	}
	if got.Since = want.Since; got.Reason != want.Reason || string(got.Data) != string(want.Data) || !got.At.Equal(want.At) ||
		got.Kind != want.Kind || got.Tries != want.Tries || got.Node != want.Node || got.Asked() {
		t.Errorf("got %+v\nwant %+v", got, want)
	}

	must(again.Redrive(t.Context(), "hq", pos(3, 7), "boss"))
	must(again.Redrive(t.Context(), "hq", pos(3, 7), "boss"))
	if letters, _ = d.List(t.Context(), "hq"); !letters[1].Asked() || letters[0].Asked() {
		t.Errorf("asked is %+v; want the second", letters)
	}
	refused := letter(3, 7)
	refused.Again, refused.Tries = true, 1
	must(d.Put(t.Context(), "hq", refused))
	must(d.Put(t.Context(), "hq", refused)) // as after a crash before the commit
	if letters, _ = d.List(t.Context(), "hq"); len(letters) != 2 || letters[1].Asked() || letters[1].Tries != 4 {
		t.Errorf("after a re-drive that was refused: %+v; want it to wait, with 4 tries", letters[1])
	}
	must(d.Redrive(t.Context(), "hq", pos(3, 7), "boss"))
	must(d.Redriven(t.Context(), "hq", pos(3, 7)))
	must(again.Drop(t.Context(), "hq", pos(2, 9), "boss"))
	if got := waiting(t, d); len(got) != 0 {
		t.Errorf("still waiting: %v", got)
	}
	if got := d.Drop(t.Context(), "hq", pos(2, 9), "boss"); !errors.Is(got, buffer.ErrNoLetter) {
		t.Errorf("dropping it twice: %v", got)
	}
	if got := d.Redrive(t.Context(), "hq", pos(1, 1), "boss"); !errors.Is(got, buffer.ErrNoLetter) {
		t.Errorf("re-driving another PBX's: %v", got)
	}
	wantTrail(t, again, []string{"3-7 redrive boss", "3-7 refused ", "3-7 redrive boss", "3-7 redriven ", "2-9 dropped boss"})
	marker := letter(4, 0)
	marker.Kind = buffer.Lost
	must(d.Put(t.Context(), "hq", marker))
	if got := d.Redrive(t.Context(), "hq", pos(4, 0), "boss"); !errors.Is(got, buffer.ErrOnlyThere) {
		t.Errorf("re-driving a marker: %v", got)
	}
}

// wantTrail wants those deeds about the dead letters of hq, in that order.
func wantTrail(t *testing.T, d *buffer.DeadLetters, want []string) {
	t.Helper()
	deeds, err := d.Trail(t.Context(), "hq")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range deeds {
		if age := time.Since(x.At); age < 0 || age > 10*time.Minute {
			t.Errorf("%s of %s was %s ago", x.How, x.Pos, age)
		}
		got = append(got, x.Pos.String()+" "+x.How+" "+x.By)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the trail is %q, want %q", got, want)
	}
}

func testManyDeadLetters(t *testing.T, open Place) {
	const many, most = 20, 16 // of 1 MiB each; what is kept of them
	d := buffer.NewDeadLetters(open(t), nil)
	for seq := range uint64(many) {
		l := letter(1, seq+1)
		l.Data = make([]byte, 1<<20)
		if err := d.Put(t.Context(), "hq", l); err != nil {
			t.Fatal(err)
		}
	}
	got := waiting(t, d)
	if len(got) > most+2 || len(got) < most-1 || got[len(got)-1] != pos(1, many) {
		t.Errorf("%d letters wait, up to %v; want about the last %d", len(got), got[len(got)-1], most)
	}
	var gone []string
	for seq := uint64(1); seq < got[0].Seq; seq++ {
		gone = append(gone, pos(1, seq).String()+" too many ")
	}
	wantTrail(t, d, gone)
}

// testOldDeadLetter: earlier versions kept the bytes of the entry in the JSON.
func testOldDeadLetter(t *testing.T, open Place) {
	log, want := open(t), letter(3, 7)
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, log, "hq:dead", []buffer.Entry{{Pos: pos(1, 1), At: start, Kind: 'L', Data: data}})
	got, err := buffer.NewDeadLetters(log, nil).List(t.Context(), "hq")
	if err != nil || len(got) != 1 {
		t.Fatalf("got %+v, %v; want one letter", got, err)
	}
	want.Since = got[0].Since
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("got  %+v\nwant %+v", got[0], want)
	}
}

// eventful is a log that something happens to whenever it was read to its end.
type eventful struct {
	buffer.Log
	atEnd func()
}

// Read implements buffer.Log.
func (e eventful) Read(ctx context.Context, pbx string, after crm.Position, limit int) ([]buffer.Entry, error) {
	got, err := e.Log.Read(ctx, pbx, after, limit)
	if len(got) == 0 && err == nil {
		e.atEnd()
	}
	return got, err
}

// testDeadLettersMeanwhile: what another process puts aside while a letter is settled is not trimmed with it.
func testDeadLettersMeanwhile(t *testing.T, open Place) {
	log, seq := open(t), uint64(1)
	other := buffer.NewDeadLetters(log, nil)
	put := func() {
		if err := other.Put(t.Context(), "hq", letter(1, seq)); err != nil {
			t.Fatal(err)
		}
		seq++
	}
	put()
	ends := 0
	d := buffer.NewDeadLetters(eventful{log, func() {
		if ends++; ends == 2 { // the first looks for the letter, the second for what is to be kept
			put()
			put()
		}
	}}, nil)
	if err := d.Drop(t.Context(), "hq", pos(1, 1), "boss"); err != nil {
		t.Fatal(err)
	}
	if got := waiting(t, other); len(got) != 2 {
		t.Errorf("letters %v wait; want two", got)
	}
}

func testDeadLettersAtOnce(t *testing.T, open Place) {
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for w := range uint64(writers) {
		d := buffer.NewDeadLetters(open(t), nil)
		wg.Go(func() {
			for seq := range uint64(each) {
				if err := d.Put(t.Context(), "hq", letter(w+1, seq+1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := waiting(t, buffer.NewDeadLetters(open(t), nil)); len(got) != writers*each {
		t.Errorf("%d letters wait; want %d", len(got), writers*each)
	}
}
