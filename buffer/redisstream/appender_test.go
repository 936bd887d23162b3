package redisstream_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
)

// TestAppenderRidesOutAStoppedServer: Redis stands still for seconds while frames come in; none waits, none is lost.
func TestAppenderRidesOutAStoppedServer(t *testing.T) {
	url, srv := redistest.Start(t)
	l := openLog(t, url, redisstream.Config{Timeout: time.Second})
	durable := make(chan uint64, 10000)
	a := buffer.NewAppender(buffer.AppenderConfig{
		Log: l, PBX: "hq", Logger: slog.New(slog.DiscardHandler),
		OnDurable: func(es []buffer.Entry) { durable <- es[len(es)-1].Pos.Seq },
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})

	var want []uint64
	slowest := time.Duration(0)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for seq := uint64(1); seq <= 1500; seq++ { // three seconds
		<-tick.C
		switch seq {
		case 250:
			srv.Stop()
		case 1250:
			srv.Cont()
		}
		begin := time.Now()
		if !a.Put(entries(1, seq, seq)[0]) {
			t.Fatalf("entry %d was given up", seq)
		}
		slowest = max(slowest, time.Since(begin))
		want = append(want, seq)
	}
	for last := uint64(0); last < 1500; {
		select {
		case last = <-durable:
		case <-time.After(20 * time.Second):
			t.Fatalf("only %d became durable; %+v", last, a.Stats())
		}
	}
	wantSeqs(t, l, want...)
	t.Logf("slowest Put %s", slowest)
	if slowest > 100*time.Millisecond { // what Asterisk waits for a reader
		t.Errorf("a Put took %s", slowest)
	}
}
