package redisstream

import (
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
)

func TestFollowWaitsForWhatAnotherNodeAppends(t *testing.T) {
	url, _ := redistest.Start(t)
	open := func() *Log {
		l, err := Open(t.Context(), url, Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	here, there := open(), open()
	none, err := here.Follow(t.Context(), "hq", crm.Position{}, 10, 10*time.Millisecond)
	if err != nil || len(none) != 0 {
		t.Fatalf("an empty log: got %v, %v", none, err)
	}
	type answer struct {
		entries []buffer.Entry
		err     error
		after   time.Duration
	}
	got := make(chan answer, 1)
	began := time.Now()
	go func() {
		e, err := here.Follow(t.Context(), "hq", crm.Position{}, 10, 20*time.Second)
		got <- answer{e, err, time.Since(began)}
	}()
	e := buffer.Entry{Pos: crm.Position{Epoch: 7}, At: time.Now().UTC(), Kind: buffer.SessionOpen, Data: []byte("{}")}
	if _, err := there.Append(t.Context(), "hq", []buffer.Entry{e}); err != nil {
		t.Fatal(err)
	}
	a := <-got
	if a.err != nil || len(a.entries) != 1 || a.entries[0].Pos != e.Pos || a.after > 10*time.Second {
		t.Fatalf("got %+v, want the entry as soon as it was appended", a)
	}
	if again, err := here.Follow(t.Context(), "hq", e.Pos, 10, time.Millisecond); err != nil || len(again) != 0 {
		t.Fatalf("after the end: got %v, %v", again, err)
	}
}
