package push

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
)

func TestPingsKeepASocketAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := overPipe(t, Config{})
		c := r.connect(anna, "")
		pings := 0
		answer := c.conn.PingHandler()
		c.conn.SetPingHandler(func(s string) error { pings++; return answer(s) })
		time.AfterFunc(5*time.Minute, func() { r.hub.SetPBX("t", PBX{Name: "hq"}) })
		for c.next().Op != "pbx" {
		}
		if got := c.welcome.KeepAlive; got != 10_000 {
			t.Errorf("the welcome says that the server speaks every %d ms", got)
		}
		if pings < 27 || pings > 31 {
			t.Errorf("%d pings in 5 minutes, want one every 10 s", pings)
		}
	})
}

func TestASilentClientIsDeadInAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := overPipe(t, Config{})
		c := r.connect(anna, "")
		c.conn.SetPingHandler(func(string) error { return nil })
		start := time.Now()
		if code, _ := c.closed(); code != 1001 || time.Since(start) != time.Minute {
			t.Errorf("closed with %d after %v, want 1001 after 1m", code, time.Since(start))
		}
	})
}

func TestAQuietClientLearnsHowFarTheRoomIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := overPipe(t, Config{Keep: time.Second, AtLeast: 1})
		c := r.connect(anna, "")
		r.publish(started(1, 5)...)
		if m := c.next(); m.Op != "cursor" {
			t.Fatalf("got %q, want cursor", m.Op)
		}
		r.publish(event(6, crm.OfferCreated, ringing("hq:1", "anna"), "anna"))
		if again := r.connect(anna, c.cursor); !again.welcome.Recovered {
			t.Error("the cursor of a quiet client cannot be resumed")
		}
	})
}

func TestAStuckSocketDelaysNobodyAndIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := overPipe(t, Config{QueueLen: 8})
		stuck, fine := r.connect(super, ""), r.connect(super, "")
		start := time.Now()
		for _, e := range started(1, 100) {
			r.hub.Publish(e)
			fine.events(1)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the other socket was delayed by %v", d)
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if got := r.hub.Stats(); got.Sockets != 1 || got.Slow != 1 {
			t.Errorf("%d sockets, %d closed as slow; want 1 and 1", got.Sockets, got.Slow)
		}
		stuck.conn.Close()
	})
}

// A writer that has not begun yet is no client that takes nothing, however long ago the last message was.
func TestASocketWhoseWriterIsAboutToBeginIsNotSlow(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that it begins when this waits
	synctest.Test(t, func(t *testing.T) {
		r := overPipe(t, Config{PingEvery: time.Minute}) // so that nothing was written for long
		c := r.connect(super, "")
		time.Sleep(20 * time.Second)
		r.hub.Publish(started(1, 1)[0])
		r.hub.keepAlive(time.Now())
		c.events(1)
		if got := r.hub.Stats(); got.Sockets != 1 || got.Slow != 0 {
			t.Errorf("%d sockets, %d closed as slow; want 1 and 0", got.Sockets, got.Slow)
		}
	})
}

func TestASocketThatTakesNothingIsClosedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := overPipe(t, Config{})
		r.connect(super, "")
		r.publish(started(1, 1)...)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if got := r.hub.Stats(); got.Sockets != 0 || got.Slow != 1 {
			t.Errorf("%d sockets, %d closed as slow; want 0 and 1", got.Sockets, got.Slow)
		}
	})
}

func TestASlowSocketThatStillReadsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := overPipe(t, Config{QueueLen: 4})
		c := r.connect(super, "")
		r.publish(started(1, 20)...)
		time.Sleep(100 * time.Millisecond)
		if code, _ := c.closed(); code != 4008 {
			t.Errorf("closed with %d, want 4008", code)
		}
	})
}

func TestStatesAreCoalescedBeforeASocketIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := overPipe(t, Config{QueueLen: 4})
		c := r.connect(super, "")
		r.publish(started(1, 1)...)
		synctest.Wait() // the writer is busy with the first one
		for i := range 40 {
			r.hub.Publish(event(uint64(2+i), crm.CallUpdated, ringing("hq:1"), ""))
		}
		r.hub.Publish(event(50, crm.CallEnded, ringing("hq:1"), ""))
		got := c.events(3)
		want := []string{"call.started hq:1", "call.updated hq:1", "call.updated hq:1"}
		if !slices.Equal(got[:2], want[:2]) || c.cursor == "" {
			t.Errorf("got %q, want it to begin with %q", got, want)
		}
		for got[len(got)-1] != "call.ended hq:1" {
			got = append(got, c.events(1)...)
		}
		if len(got) > 6 {
			t.Errorf("%d messages arrived, want at most 6: %q", len(got), got)
		}
	})
}

func TestCoalesceKeepsOrderAndTheLatest(t *testing.T) {
	s := &socket{}
	for i, name := range []string{"a", "", "b", "a", "", "b", "a"} {
		s.queue = append(s.queue, &message{state: state{name: name}, data: fmt.Append(nil, i)})
	}
	s.coalesce()
	var got []string
	for _, m := range s.queue {
		got = append(got, string(m.data))
	}
	if want := []string{"1", "4", "5", "6"}; !slices.Equal(got, want) || s.bytes != 4 {
		t.Errorf("got %q of %d bytes, want %q of 4", got, s.bytes, want)
	}
}

// An idle socket costs one goroutine and little memory.
func TestIdleSocketsAreCheap(t *testing.T) {
	const sockets = 200
	r := overTCP(t, Config{})
	r.connect(anna, "")
	before := runtime.NumGoroutine()
	for i := range sockets {
		p := anna
		p.UserID = fmt.Sprint("u", 100+i)
		r.connect(p, "")
	}
	// The handshakes' goroutines are on their way out when the welcome arrives.
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine()-before > sockets*3/2 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if got := runtime.NumGoroutine() - before; got > sockets*3/2 {
		t.Errorf("%d goroutines for %d sockets, want at most 1.5 each", got, sockets)
	}
}
