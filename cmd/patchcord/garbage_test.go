package main

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGarbageLiesWhileEventsArrive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const mega = 1 << 20
		var heard, live atomic.Uint64
		live.Store(64 * mega)
		var mu sync.Mutex
		var set []int // guarded by mu
		g := &garbage{
			room: 512 * mega, heard: heard.Load, live: live.Load,
			set: func(percent int) {
				mu.Lock()
				defer mu.Unlock()
				set = append(set, percent)
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.run(ctx) }()
		pass := func(d time.Duration, perSecond uint64) {
			for range d / time.Second {
				synctest.Wait()
				heard.Add(perSecond)
				time.Sleep(time.Second)
			}
			synctest.Wait()
		}
		expect := func(why string, want ...int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(set, want) {
				t.Fatalf("%s: the collection was set to %v, want %v", why, set, want)
			}
		}

		pass(time.Hour, busyRate-1)
		expect("few events")
		pass(2*time.Second, busyRate)
		expect("many events, eight times the room of what is live", 800)
		live.Store(70 * mega)
		pass(10*time.Second, 5000)
		expect("a little more is live", 800)
		live.Store(256 * mega)
		pass(2*time.Second, 5000)
		expect("much more is live", 800, 200)
		live.Store(5 * mega)
		pass(time.Second, 5000)
		expect("hardly anything is live", 800, 200, longestGC)
		live.Store(1024 * mega)
		pass(time.Second, 5000)
		expect("more is live than there is room", 800, 200, longestGC, usualGC)
		live.Store(64 * mega)
		pass(calmAfter-2*time.Second, 0)
		expect("calm, not long enough", 800, 200, longestGC, usualGC, 800)
		pass(3*time.Second, 0)
		expect("calm", 800, 200, longestGC, usualGC, 800, usualGC)
		heard.Store(0) // another node has the PBX
		pass(10*time.Second, 0)
		expect("a new count", 800, 200, longestGC, usualGC, 800, usualGC)
		pass(2*time.Second, 5000)
		expect("many events again", 800, 200, longestGC, usualGC, 800, usualGC, 800)
		cancel()
		if err := <-ended; err == nil {
			t.Error("run returned without a reason")
		}
		expect("the end", 800, 200, longestGC, usualGC, 800, usualGC, 800, usualGC)
	})
}

func TestGarbageHasRoomUnlessGOGCDecides(t *testing.T) {
	t.Setenv("GOGC", "200")
	heard := func() uint64 { return 0 }
	if g := newGarbage(heard, slog.New(slog.DiscardHandler)); g != nil {
		t.Errorf("GOGC is set, and yet garbage may lie: %+v", g)
	}
	os.Unsetenv("GOGC") // t.Setenv brings back what it was
	g := newGarbage(heard, slog.New(slog.DiscardHandler))
	if g == nil || g.room == 0 || g.room > roomMost {
		t.Fatalf("there is this room for garbage: %+v", g)
	}
	if p := g.percent(); p < usualGC || p > longestGC {
		t.Errorf("%d per cent of %d bytes", p, liveBytes())
	}
}
