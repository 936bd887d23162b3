package main

import (
	"context"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	busyRate   = 500              // events a second from which on garbage may lie
	calmAfter  = 30 * time.Second // of fewer events it is collected as usual again
	roomShare  = 16               // of the memory, the part that garbage may take
	roomMost   = 1 << 30          // bytes
	usualGC    = 100              // per cent of what is live, Go's own
	longestGC  = 2000
	watchEvery = time.Second
)

// garbage has it collected the more rarely the more room there is, while many events arrive.
// To mark what is live takes every processor for some 50 ms at 100 MB, however much garbage
// there is, and pops wait meanwhile; at 5,000 events a second that was every other second.
// With few events, memory is worth more: an idle daemon keeps as little as it can.
type garbage struct {
	room  uint64        // bytes of garbage that may lie
	heard func() uint64 // events so far; less than before where a PBX has a new owner
	live  func() uint64 // bytes in use, as the last collection found
	set   func(percent int)
}

// newGarbage bounds the memory of the process by nine tenths of what the machine or its control
// group has, unless the variable GOMEMLIMIT does, and returns what collects within that; nil
// where the variable GOGC decides, or where nobody knows how much memory there is.
func newGarbage(heard func() uint64, log *slog.Logger) *garbage {
	memory := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)
	there, err := memory()
	limit := int64(math.MaxInt64)
	if err == nil {
		limit, err = memlimit.Set(memlimit.WithRatio(0.9), memlimit.WithProvider(memory))
	}
	if err != nil {
		log.Debug("how much memory there is could not be found out; garbage is collected as usual", "err", err)
		return nil
	}
	if _, fixed := os.LookupEnv("GOGC"); fixed {
		return nil
	}
	return &garbage{
		room: min(there/roomShare, uint64(limit)/roomShare, roomMost), heard: heard, live: liveBytes,
		set: func(percent int) { debug.SetGCPercent(percent) },
	}
}

func liveBytes() uint64 {
	s := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}
	runtimemetrics.Read(s)
	return s[0].Value.Uint64()
}

// run works until ctx ends, and leaves the collection as usual.
func (g *garbage) run(ctx context.Context) error {
	percent := usualGC
	to := func(p int) {
		if p != percent {
			percent = p
			g.set(p)
		}
	}
	defer to(usualGC)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	before, busy := g.heard(), time.Time{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			n := g.heard()
			if n > before && n-before >= busyRate*uint64(watchEvery/time.Second) {
				busy = now
			}
			before = n
			switch p := g.percent(); {
			case now.Sub(busy) >= calmAfter:
				to(usualGC)
			case 4*p < 3*percent || 3*p > 4*percent: // to change it stops everything for a moment
				to(p)
			}
		}
	}
}

// percent returns by how much the heap may grow beyond what is live for garbage to fill the room.
func (g *garbage) percent() int {
	p := g.room * 100 / max(g.live(), 1)
	return int(min(max(p, usualGC), longestGC))
}
