package buffertest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"patchcord/buffer"
	"patchcord/crm"
)

func testConcurrent(t *testing.T, open Place) {
	l := open(t)
	const pbxs, batches = 8, 12
	var wg sync.WaitGroup
	for i := range pbxs {
		wg.Go(func() {
			for b := range uint64(batches) {
				entries := frames(1, b*10, b*10+9)
				if n, err := l.Append(t.Context(), fmt.Sprint("pbx", i), entries); err != nil || n != 10 {
					t.Errorf("append: stored %d, %v", n, err)
				}
			}
		})
	}
	wg.Wait()
	for i := range pbxs {
		wantLog(t, l, fmt.Sprint("pbx", i), frames(1, 0, batches*10-1))
	}
}

// testRace lets one owner append until a newer one fences it. Whatever the older was told
// is durable is there, and nothing of it comes after the newer one's first entry.
func testRace(t *testing.T, open Place) {
	old, young := open(t), open(t)
	running, took := make(chan struct{}), make(chan struct{})
	acked := uint64(0)
	go func() {
		defer close(took)
		for seq := uint64(1); ; seq++ {
			_, err := old.Append(t.Context(), "hq", frames(1, seq, seq))
			if errors.Is(err, buffer.ErrFenced) {
				return
			}
			if err != nil {
				t.Errorf("the older owner: %v", err)
				return
			}
			if acked = seq; seq == 20 {
				close(running)
			}
		}
	}()
	<-running
	first := frames(2, 0, 0)
	n, err := young.Append(t.Context(), "hq", first)
	for errors.Is(err, buffer.ErrUnavailable) { // the older one leaves it no turn: an owner tries again
		n, err = young.Append(t.Context(), "hq", first)
	}
	if err != nil || n != 1 {
		t.Errorf("the newer owner's first append: stored %d, %v", n, err)
	}
	mustAppend(t, young, "hq", frames(2, 1, 5))
	<-took
	log := readAll(t, young, "hq", crm.Position{})
	older := frames(1, 1, uint64(len(log)-6))
	if uint64(len(older)) < acked {
		t.Errorf("%d entries were acknowledged, %d are there", acked, len(older))
	}
	wantEntries(t, log, append(older, frames(2, 0, 5)...))
}
