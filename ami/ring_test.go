package ami

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// Odd numbers may be shed; each stands for its own size in bytes.
func oddRing(maxItems, maxBytes int) *Ring[int] {
	return NewRing(RingConfig[int]{
		MaxItems: maxItems, MaxBytes: maxBytes,
		Size: func(x int) int { return x }, Shed: func(x int) bool { return x%2 == 1 },
	})
}

func drain(t *testing.T, r *Ring[int]) []int {
	t.Helper()
	if r.Stats().Items == 0 {
		return nil
	}
	got, err := r.PopBatch(t.Context(), nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRingKeepsOrder(t *testing.T) {
	r := oddRing(1000, 0)
	var want []int
	next := 0
	for round := range 50 { // it goes round the circle and grows
		for range 7 + round%5 {
			if r.Push(2 * next) {
				t.Fatal("dropped with room left")
			}
			want = append(want, 2*next)
			next++
		}
		x, err := r.Pop(t.Context())
		if err != nil || x != want[0] {
			t.Fatalf("got %d, %v, want %d", x, err, want[0])
		}
		want = want[1:]
	}
	if got := drain(t, r); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if s := r.Stats(); s.Items != 0 || s.Bytes != 0 || s.Shed+s.Lost != 0 || s.MostItems < len(want) {
		t.Errorf("stats: got %+v", s)
	}
}

func TestRingShedsTheLeastValuableFirst(t *testing.T) {
	r := oddRing(8, 0)
	for x := range 6 { // 0 to 5
		r.Push(x)
	}
	r.Push(6)
	if r.Push(7) {
		t.Error("a sheddable item counts as lost")
	}
	r.Push(8) // the eighth: full
	if r.Push(10) {
		t.Error("lost with sheddable items inside")
	}
	for x := 12; x <= 16; x += 2 {
		r.Push(x)
	}
	if s := r.Stats(); s.Items != 8 || s.Shed != 4 || s.Lost != 1 {
		t.Errorf("stats: got %+v", s)
	}
	if !r.Push(18) {
		t.Error("a full ring did not say that it lost an item")
	}
	if got, want := drain(t, r), []int{0, 2, 4, 6, 8, 10, 12, 14}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRingIsBoundedByBytes(t *testing.T) {
	r := oddRing(0, 100)
	if r.Push(60) || !r.Push(60) || r.Push(40) {
		t.Error("did not hold exactly 100 bytes")
	}
	if got := r.Stats().Bytes; got != 100 {
		t.Errorf("bytes: got %d, want 100", got)
	}
}

func TestRingGivesBackWhatAnOutageTook(t *testing.T) {
	r := oddRing(0, 1<<30)
	push := func(n int) {
		for x := range n {
			r.Push(x)
		}
	}
	push(10 * keptRoom)
	if got := drain(t, r); len(got) != 10*keptRoom || len(r.items) != 0 {
		t.Errorf("got %d items; the empty ring has room for %d", len(got), len(r.items))
	}
	push(keptRoom)
	if drain(t, r); len(r.items) != keptRoom {
		t.Errorf("an empty ring has room for %d items", len(r.items))
	}
	push(7)
	if got := r.Clear(); got != 7 || len(r.items) != 0 {
		t.Errorf("dropped %d of 7 items; the empty ring has room for %d", got, len(r.items))
	}
	push(2)
	if got := drain(t, r); !slices.Equal(got, []int{0, 1}) || r.Stats().Bytes != 0 {
		t.Errorf("got %v after all was dropped, %d bytes are left", got, r.Stats().Bytes)
	}
}

func TestRingWakesItsConsumers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := oddRing(0, 0)
		got := make(chan int, 2)
		for range 2 {
			go func() {
				x, err := r.Pop(t.Context())
				if err == nil {
					got <- x
				}
			}()
		}
		synctest.Wait()
		r.Push(2)
		r.Push(4)
		if a, b := <-got, <-got; a+b != 6 {
			t.Errorf("got %d and %d", a, b)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Pop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an empty ring: got %v", err)
		}
		r.Push(6)
		if _, err := r.Pop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a done context: got %v", err)
		}
	})
}

func TestFrameRing(t *testing.T) {
	r := NewFrameRing(16, 0)
	for i := range 100 {
		r.Push(Frame{Msg: NewMessage("Event: VarSet\r\nValue: " + strconv.Itoa(i))})
	}
	for i := range 16 {
		if r.Push(Frame{Msg: NewMessage("Event: Hangup\r\nCause: " + strconv.Itoa(i))}) {
			t.Errorf("lost Hangup %d", i)
		}
	}
	if s := r.Stats(); s.Items != 16 || s.Shed != 100 || s.Lost != 0 {
		t.Errorf("stats: got %+v", s)
	}
	for event, want := range map[string]bool{"RTCPSent": true, "VarSet": true, "Newexten": true, "TestEvent": true, "Hangup": false, "": false} {
		if got := Sheddable(event); got != want {
			t.Errorf("Sheddable(%q): got %v, want %v", event, got, want)
		}
	}
}

func BenchmarkRingWhenFull(b *testing.B) {
	r := oddRing(64<<10, 1<<62)
	for i := range 1 << 17 {
		r.Push(i)
	}
	for b.Loop() { // the worst case: each item taken out lets one in
		if _, err := r.Pop(b.Context()); err != nil {
			b.Fatal(err)
		}
		r.Push(1)
		r.Push(2)
	}
}
