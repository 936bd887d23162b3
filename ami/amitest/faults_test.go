package amitest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestACrashForgetsEverythingButTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p, ln, stop := servePipe(t, Config{Traffic: busyTraffic(5)})
		defer stop()
		c := pipeClient(t, ln).login()
		go drain(c)
		time.Sleep(20 * time.Second)
		before := p.Ledger().Calls()
		if err := p.Crash(t.Context(), 3*time.Second, 2*time.Second); err != nil {
			t.Fatal(err)
		}
		died := 0
		for i, call := range p.Ledger().Calls()[:len(before)] {
			if before[i].EndedAt.IsZero() {
				died++
				if call.Complete || call.EndedAt.IsZero() {
					t.Errorf("a call that the crash ended: complete %v, ended %v", call.Complete, call.EndedAt)
				}
			}
		}
		if died == 0 {
			t.Fatal("no call was alive at the crash")
		}
		c = pipeClient(t, ln).login()
		booted := c.until("Event: FullyBooted")
		if got, want := shape(booted), "Event Privilege Status Uptime LastReload"; got != want {
			t.Errorf("after a start FullyBooted has %q, want %q", got, want)
		}
		if got := Header(booted, "Uptime"); got != "2" {
			t.Errorf("uptime: got %q, want 2", got)
		}
		for _, call := range p.Ledger().Calls()[len(before):] {
			if call.Boot.Equal(before[0].Boot.Time) {
				continue // between the look at the ledger and the crash
			}
			if _, counter, _ := strings.Cut(call.Uniqueids[0], "."); counter != "0" {
				t.Errorf("uniqueids do not start over: %v", call.Uniqueids)
			}
			break
		}
		items, _ := c.list("Action: CoreShowChannels", "CoreShowChannelsComplete")
		for _, item := range items {
			if id := Header(item, "Uniqueid"); id < itoa(int(start.Add(23*time.Second).Unix())) {
				t.Errorf("channel %s is older than the start", id)
			}
		}
	})
}

func TestACleanShutdownHangsUpEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ln, stop := servePipe(t, Config{Traffic: busyTraffic(6)})
		defer stop()
		c := pipeClient(t, ln).login()
		seen := make(chan Order, 1)
		go func() {
			seen <- CheckOrder(func(yield func(string) bool) {
				for {
					m, err := c.next()
					if err != nil || !yield(m) {
						return
					}
				}
			})
		}()
		time.Sleep(10 * time.Second)
		if err := p.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		o := <-seen
		if len(o.Open) > 0 {
			t.Errorf("channels without a Hangup: %v", o.Open)
		}
		for _, s := range strict() {
			if o.Broken[s] > 0 {
				t.Errorf("%q broken: %v", s, o.Violations)
			}
		}
		if _, err := ln.Dial(t.Context(), "", ""); err == nil {
			t.Error("a PBX that is down takes a connection")
		}
		if err := p.Restart(0); err != nil {
			t.Fatal(err)
		}
		pipeClient(t, ln).login().until("Event: Newchannel")
	})
}

func drain(c *client) {
	for {
		if _, err := c.next(); err != nil {
			return
		}
	}
}

func TestGreetings(t *testing.T) {
	p, addr := serve(t, Config{})
	p.SetGreeting(Greeting{Instead: "SSH-2.0-OpenSSH_9.2p1\r\n"})
	if got := dialPBX(t, addr).banner; got != "SSH-2.0-OpenSSH_9.2p1\r\n" {
		t.Errorf("instead of the banner: got %q", got)
	}
	p.SetGreeting(Greeting{Delay: 30 * time.Millisecond})
	start := time.Now()
	if dialPBX(t, addr); time.Since(start) < 30*time.Millisecond {
		t.Error("the banner came at once")
	}
	p.SetGreeting(Greeting{Nothing: true})
	conn := rawDial(t, addr)
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if n, _ := conn.Read(make([]byte, 64)); n != 0 {
		t.Errorf("got %d bytes, want none", n)
	}
	p.SetGreeting(Greeting{})
	p.SetFull(true)
	if n, err := rawDial(t, addr).Read(make([]byte, 64)); err == nil {
		t.Errorf("a full PBX sent %d bytes", n)
	}
}

func TestRefusedLogins(t *testing.T) {
	p, addr := serve(t, Config{LoginDelay: time.Millisecond})
	login := "Action: Login|Username: crm|Secret: crmsecret"
	p.SetLoginInUse(true)
	if got := dialPBX(t, addr).ask(login); !strings.Contains(got, "Message: Login Already In Use") {
		t.Errorf("got %q", got)
	}
	p.SetLoginInUse(false)
	p.RefuseLogins(true)
	if got := dialPBX(t, addr).ask(login); !strings.Contains(got, "Message: Authentication failed") {
		t.Errorf("got %q", got)
	}
	p.RefuseLogins(false)
	dialPBX(t, addr).login()
}

func TestNotBootedYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ln, stop := servePipe(t, Config{})
		defer stop()
		p.SetNotBooted(3 * time.Second)
		c := pipeClient(t, ln).login()
		start := time.Now()
		c.until("Event: FullyBooted")
		if d := time.Since(start); d < 2900*time.Millisecond {
			t.Errorf("FullyBooted after %v, want 3s", d)
		}
	})
}

func TestListsCutAndMiscounted(t *testing.T) {
	p, addr := serve(t, Config{})
	c := dialPBX(t, addr).login()
	items, end := c.list("Action: DeviceStateList", "DeviceStateListComplete")
	if len(items) != 6 || Header(end, "ListItems") != "6" || Header(end, "EventList") != "Complete" {
		t.Errorf("got %d items and %q, want 6", len(items), end)
	}
	p.MiscountLists(-2)
	if _, end = c.list("Action: DeviceStateList", "DeviceStateListComplete"); Header(end, "ListItems") != "4" {
		t.Errorf("miscounted: got %q, want 4", Header(end, "ListItems"))
	}
	p.MiscountLists(0)
	p.CutLists(2)
	c.send("Action: DeviceStateList|ActionID: cut")
	c.send("Action: Ping|ActionID: after")
	got := 0
	for m := ""; Header(m, "ActionID") != "after"; {
		if m, _ = c.next(); strings.HasPrefix(m, "Event: Device") {
			got++
		}
		if strings.HasPrefix(m, "Event: DeviceStateListComplete") {
			t.Error("a cut list has its end")
		}
	}
	if got != 2 {
		t.Errorf("a list cut after 2 has %d items", got)
	}
}

func TestFaultsOfTheWire(t *testing.T) {
	p, addr := serve(t, Config{})
	event := Event{Name: "Test", Class: System, Raw: "Event: Test\r\nPrivilege: system,all\r\nText: " + strings.Repeat("x", 500) + "\r\n\r\n"}
	c := dialPBX(t, addr).login()
	c.until("Event: SuccessfulAuth")

	p.Rechunk(7)
	p.announce(event)
	if got := c.until("Event: Test"); got+"\r\n" != event.Raw {
		t.Errorf("re-chunked: got %q", got)
	}
	p.Rechunk(0)

	p.Duplicate(2)
	for range 4 {
		p.announce(event)
	}
	p.Duplicate(0)
	for range 6 {
		c.until("Event: Test")
	}

	p.SetDeaf(true)
	p.announce(event)
	p.SetDeaf(false)
	c.send("Action: Ping")
	if m, _ := c.next(); !strings.Contains(m, "Pong") {
		t.Errorf("deaf: got %q, want only the reply", m)
	}

	p.Freeze(true)
	p.announce(event)
	c.deadline(50 * time.Millisecond)
	if m, err := c.next(); err == nil {
		t.Errorf("frozen: got %q", m)
	}
	p.Freeze(false)
	c.deadline(30 * time.Second)
	c.until("Event: Test")

	p.CutEvent()
	rest, err := c.next()
	if err == nil || !strings.HasPrefix(rest, "Event: Newstate") {
		t.Errorf("cut event: got %q, %v, want half an event and the end", rest, err)
	}
}

func TestAThrottledSessionIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ln, stop := servePipe(t, Config{WithoutGreeting: true})
		defer stop()
		c := pipeClient(t, ln).login()
		if err := p.WaitSessions(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		p.Throttle(1000)
		start := time.Now()
		p.Send(strings.Repeat("x", 1990) + "\r\n\r\n")
		c.until("xxx")
		if d := time.Since(start); d < 1900*time.Millisecond || d > 2100*time.Millisecond {
			t.Errorf("2,000 bytes at 1,000 a second took %v", d)
		}
	})
}

func TestDropAndRefuse(t *testing.T) {
	p, addr := serve(t, Config{Traffic: busyTraffic(8)})
	for _, reset := range []bool{true, false} {
		c := dialPBX(t, addr).login()
		p.Drop(reset)
		c.gone()
	}
	if err := p.RefuseConnects(true); err != nil {
		t.Fatal(err)
	}
	if conn, err := dialRaw(addr); err == nil {
		conn.Close()
		t.Error("connected to a PBX that refuses")
	}
	calls := p.Ledger().Len()
	if err := p.RefuseConnects(false); err != nil {
		t.Fatal(err)
	}
	dialPBX(t, addr).login().until("Event: Newchannel")
	if p.Ledger().Len() < calls {
		t.Error("the calls did not go on")
	}
}
