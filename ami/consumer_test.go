package ami

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recordedFrames returns every message of every sampled trace.
func recordedFrames(t *testing.T) []string {
	t.Helper()
	var frames []string
	for _, path := range sampled(t) {
		tr, err := OpenTrace(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range traceItems(t, tr) {
			if item.Kind == TraceFrame {
				frames = append(frames, item.Msg.Raw())
			}
		}
	}
	return frames
}

// A server that gives a write 100 ms, as Asterisk does by default, and a consumer that
// pauses: nothing is lost, in order, and the session stands.
func TestFault_A13_APausingConsumerLosesNothing(t *testing.T) {
	frames := recordedFrames(t)
	server := func(p *peer) {
		if !p.login(fakeSecret) {
			return
		}
		go p.serve(nil)
		for len(frames) > 0 {
			n := min(len(frames), 50)
			wire := strings.Join(frames[:n], "\r\n\r\n") + "\r\n\r\n"
			frames = frames[n:]
			if err := p.conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
				t.Error(err)
			}
			if _, err := p.conn.Write([]byte(wire)); err != nil {
				t.Errorf("the session does not read: %v", err)
				return
			}
			time.Sleep(10 * time.Millisecond) // 5,000 frames a second
		}
		p.send("Event: End\n\n")
		time.Sleep(time.Minute)
	}
	want := append(append([]string{}, frames...), "Event: End")
	synctest.Test(t, func(t *testing.T) {
		ring := NewFrameRing(0, 0)
		pbx := &fakePBX{t: t, scripts: []script{server, nil}}
		s := NewSession(Config{
			Address: "pbx.invalid", Username: fakeUser, Dial: pbx.dial,
			Secret: func() (string, error) { return fakeSecret, nil },
		}, Funcs{Frame: func(f Frame) { ring.Push(f) }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		defer func() { // also when a frame is wrong
			cancel()
			<-done
			pbx.close()
		}()
		for i := range want {
			if i%5000 == 4999 {
				time.Sleep(200 * time.Millisecond)
			}
			f, err := ring.Pop(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Msg.Raw(); got != want[i] {
				t.Fatalf("frame %d: got %q, want %q", i, got, want[i])
			}
		}
		if got := s.Stats(); got.Connections != 1 || got.Frames != uint64(len(want)) {
			t.Errorf("got %+v, want %d frames on one connection", got, len(want))
		}
		if got := ring.Stats(); got.Lost+got.Shed != 0 || got.MostItems < 500 {
			t.Errorf("ring: got %+v", got)
		}
	})
}

// A handler that does block is told off.
func TestFault_A13_ReaderLagIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var troubles []Trouble
		handler := Funcs{
			Frame:   func(f Frame) { time.Sleep(300 * time.Millisecond) },
			Trouble: func(tr Trouble) { troubles = append(troubles, tr) },
		}
		pbx := &fakePBX{t: t, scripts: []script{up}}
		s := NewSession(Config{
			Address: "pbx.invalid", Username: fakeUser, Dial: pbx.dial,
			Secret: func() (string, error) { return fakeSecret, nil },
		}, handler)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		pass(10 * time.Second)
		cancel()
		<-done
		pbx.close()
		if len(troubles) != 1 || troubles[0].Kind != TroubleLag || troubles[0].Lag != 300*time.Millisecond {
			t.Errorf("got %+v, want one lag of 300ms", troubles)
		}
	})
}

// timestampevents may be off, the default, or on.
func TestFault_A26_TimeOfAFrame(t *testing.T) {
	server := answering(nil)
	stamped := func(p *peer) {
		if p.login(fakeSecret) {
			p.send("Event: FullyBooted\nTimestamp: 1795311555.000250\nUptime: 1\n\n")
			p.serve(nil)
		}
	}
	inBubble(t, Config{}, []script{server}, func(t *testing.T, b *bench) {
		if at, fromPBX := b.frames[0].Time(); fromPBX || !at.Equal(time.Now()) {
			t.Errorf("without: got %v, %v", at, fromPBX)
		}
	})
	inBubble(t, Config{}, []script{stamped}, func(t *testing.T, b *bench) {
		f := b.frames[0]
		if at, fromPBX := f.Time(); !fromPBX || !at.Equal(time.Unix(1795311555, 250_000)) {
			t.Errorf("with: got %v, %v", at, fromPBX)
		}
		if !f.At.Equal(time.Now()) {
			t.Errorf("receipt: got %v", f.At)
		}
	})
	for _, bad := range []string{"", "x", "-1.5", "0", "1.0000000001", "1.-5", "1.x"} {
		if at, ok := ParseTimestamp(bad); ok {
			t.Errorf("ParseTimestamp(%q): got %v", bad, at)
		}
	}
}
