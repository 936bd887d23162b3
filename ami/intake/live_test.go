package intake

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

// Whoever folds an entry, the goroutine that read it or the one for what waits, the
// screens are told in the order of the log, and of everything.
func TestScreensAreToldInOrderWhoeverFolds(t *testing.T) {
	t.Parallel()
	cfg := calls.Config{PBX: "hq", Tenant: "default", Region: "GB"}
	var told []crm.Position
	store := &contacts{}
	l := New(Config{
		PBX: "hq", Tenant: "default", Fold: cfg, Store: &renewing{}, People: NewPeople(bindings{}, []string{"default"}, slog.New(slog.DiscardHandler)),
		Publish: func(e *crm.Event) { told = append(told, e.Pos) },
	})
	l.live.match = newMatcher(store, l.log)
	fold, err := calls.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	want, err := calls.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.live.begin(fold, crm.Position{})
	r := newRoad(l)
	r.lease.alone = true
	r.begin()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { l.live.run(ctx) })
	for l.live.lent.Load() == nil {
		runtime.Gosched()
	}
	marking := make(chan struct{})
	wg.Go(func() {
		defer close(marking)
		for range 300 {
			r.put(buffer.Mark, time.Now(), nil)
			runtime.Gosched()
		}
	})
	stream, _ := amitest.Traffic{Seed: 1, Agents: amitest.Extensions(5), CallsPerSecond: 10}.Events(amitest.Config{Name: "hq", Timestamps: true}, time.Now(), 200)
	events, random := 0, rand.New(rand.NewPCG(1, 1))
	for e := range stream {
		msg := ami.NewMessage(e.Raw)
		r.OnFrame(ami.Frame{At: time.Now().UTC(), Msg: msg, More: random.IntN(2) == 0})
		in, err := inputOf(buffer.Entry{Kind: buffer.Frame, At: time.Now().UTC(), Data: bytesOf(e.Raw)})
		if err != nil {
			t.Fatal(err)
		}
		made, err := applied(want, in)
		if err != nil {
			t.Fatal(err)
		}
		events += len(made)
	}
	<-marking
	for l.live.waiting.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	wg.Wait()
	if l.live.claim() != nil {
		t.Error("a fold that nobody runs was lent")
	}
	if len(told) != events || events == 0 {
		t.Errorf("the screens were told of %d events, want %d", len(told), events)
	}
	for i := 1; i < len(told); i++ {
		if told[i].Compare(told[i-1]) < 0 {
			t.Fatalf("%s was told after %s", told[i], told[i-1])
		}
	}
}

// A PBX at rest takes little memory, however much may wait for the screens.
func TestLineAtRestTakesLittleMemory(t *testing.T) {
	const lines, most = 20, 32 << 10
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	list := make([]*Line, lines)
	for i := range list {
		list[i] = New(Config{PBX: "hq", Tenant: "default", Store: &renewing{}})
	}
	if each := (heap() - before) / lines; each > most {
		t.Errorf("a line takes %d bytes, want at most %d", each, most)
	}
	runtime.KeepAlive(list)
}

// What was heard before an ownership is compared when it begins, and then let go.
func TestFramesOfTheOwnerBeforeAreLetGo(t *testing.T) {
	l := New(Config{PBX: "hq", Tenant: "default", Store: &renewing{}})
	r := newRoad(l)
	r.lease.alone = true
	heard := buffer.Entry{At: noon, Kind: buffer.Frame, Data: []byte("Event: Hangup\r\nTimestamp: 1.1\r\n")}
	r.twins.add(heard)
	r.put(heard.Kind, heard.At, heard.Data)
	r.begin()
	if r.next.Seq != 1 || len(r.twins.seen) != 0 {
		t.Errorf("the next entry is %s, and %d frames are kept", r.next, len(r.twins.seen))
	}
}
