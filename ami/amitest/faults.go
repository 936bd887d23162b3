package amitest

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// faults is what is wrong with the PBX; the zero value is nothing. PBX.mu guards it.
type faults struct {
	greeting                 Greeting
	deaf, full               bool
	refuseLogins, loginInUse bool
	chunk                    int // bytes a write has at most; 0 for no limit
	chunkSeq                 uint32
	rate                     int // bytes a second; 0 for no limit
	duplicate                int // every so many events one comes twice; 0 for never
	events                   int
	cutList, listItemsOff    int // list items before the cut; what ListItems is wrong by
	cutting                  bool
}

// Greeting is what a client gets on connecting.
type Greeting struct {
	Delay   time.Duration // before the banner
	Nothing bool          // no banner
	Instead string        // of the banner, when not empty
}

// nextWrite returns how much of n bytes to write now, after what wait.
func (f *faults) nextWrite(n int) (size int, wait time.Duration) {
	size = n
	if f.chunk > 0 {
		f.chunkSeq = f.chunkSeq*1664525 + 1013904223
		size = min(n, 1+int(f.chunkSeq>>8)%f.chunk)
	}
	if f.rate > 0 {
		size = min(size, max(f.rate/20, 1))
		wait = time.Duration(size) * time.Second / time.Duration(f.rate)
	}
	return size, wait
}

// copies returns how often to send the next event.
func (f *faults) copies() int {
	f.events++
	if f.duplicate > 0 && f.events%f.duplicate == 0 {
		return 2
	}
	return 1
}

// with changes the faults.
func (p *PBX) with(change func(f *faults)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.faults)
}

// SetGreeting changes what clients get on connecting: a late banner, none, or
// something else.
func (p *PBX) SetGreeting(g Greeting) { p.with(func(f *faults) { f.greeting = g }) }

// SetDeaf stops all events, while actions are still answered.
func (p *PBX) SetDeaf(on bool) { p.with(func(f *faults) { f.deaf = on }) }

// SetFull closes connections before the banner, as when authlimit is reached.
func (p *PBX) SetFull(on bool) { p.with(func(f *faults) { f.full = on }) }

// RefuseLogins answers every login like a wrong secret.
func (p *PBX) RefuseLogins(on bool) { p.with(func(f *faults) { f.refuseLogins = on }) }

// SetLoginInUse answers every login with "Login Already In Use".
func (p *PBX) SetLoginInUse(on bool) { p.with(func(f *faults) { f.loginInUse = on }) }

// Rechunk writes everything in pieces of 1 to n bytes; 0 ends it.
func (p *PBX) Rechunk(n int) { p.with(func(f *faults) { f.chunk = n }) }

// Throttle writes at most so many bytes a second to a session; 0 ends it.
func (p *PBX) Throttle(bytesPerSecond int) { p.with(func(f *faults) { f.rate = bytesPerSecond }) }

// Duplicate sends every nth event twice; 0 ends it.
func (p *PBX) Duplicate(n int) { p.with(func(f *faults) { f.duplicate = n }) }

// CutLists breaks lists off after so many items, without their Complete; a
// negative number ends it.
func (p *PBX) CutLists(items int) {
	p.with(func(f *faults) { f.cutting, f.cutList = items >= 0, items })
}

// MiscountLists adds off to the ListItems of every list; 0 ends it.
func (p *PBX) MiscountLists(off int) { p.with(func(f *faults) { f.listItemsOff = off }) }

// StopReading leaves what clients send unread.
func (p *PBX) StopReading(on bool) { p.shutGate(reading, on) }

// StopWriting writes nothing, events pile up.
func (p *PBX) StopWriting(on bool) { p.shutGate(writing, on) }

// Freeze neither reads nor writes, and keeps connections open: a half-open
// connection, a stopped process.
func (p *PBX) Freeze(on bool) {
	p.StopReading(on)
	p.StopWriting(on)
}

func (p *PBX) shutGate(d direction, shut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := false
	select {
	case <-p.gates[d]:
		open = true
	default:
	}
	switch {
	case shut && open:
		p.gates[d] = make(chan struct{})
	case !shut && !open:
		close(p.gates[d])
	}
}

// RefuseConnects closes the listener, or opens it again on the same address.
func (p *PBX) RefuseConnects(on bool) error {
	p.mu.Lock()
	ln := p.listener
	p.mu.Unlock()
	switch {
	case ln == nil:
		return fmt.Errorf("refuse connects: the PBX is not serving")
	case on:
		ln.refuse()
		return nil
	}
	return ln.restore()
}

// Drop closes all connections, with a reset or in order.
func (p *PBX) Drop(reset bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.busy {
		s.closeNow(reset)
	}
}

// Send sends raw bytes to every client that is logged in, between two events.
func (p *PBX) Send(raw string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s, in := range p.sessions {
		if in {
			s.enqueue(raw)
		}
	}
}

// EndSessions closes every session in order, once it has written what is queued. The function
// it returns waits until they are over; who logs in meanwhile is another session.
func (p *PBX) EndSessions() (over func(context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ending []*session
	for s, in := range p.sessions {
		if in {
			ending = append(ending, s)
			s.enqueue(endMark)
		}
	}
	return func(ctx context.Context) error {
		return p.await(ctx, func() string {
			left := 0
			for _, s := range ending {
				if _, there := p.sessions[s]; there {
					left++
				}
			}
			if left == 0 {
				return ""
			}
			return fmt.Sprintf("%d of %d sessions to end", left, len(ending))
		})
	}
}

// CutEvent sends the first part of an event and closes all connections, as when a
// write takes too long.
func (p *PBX) CutEvent() {
	p.Send("Event: Newstate\r\nPrivilege: call,all\r\nChannel: PJSIP/10" + endMark)
}

// endMark follows text after which flush closes the session. It cannot be in AMI
// text: no header has a NUL.
const endMark = "\x00end"

// Crash kills the process: every channel is gone without an event, connections are
// reset, and for down nobody can connect. Then Asterisk is up again with its
// counters at zero; clients may log in at once, FullyBooted follows after boot.
func (p *PBX) Crash(ctx context.Context, down, boot time.Duration) error {
	if err := p.RefuseConnects(true); err != nil {
		return err
	}
	p.Drop(true)
	p.mu.Lock()
	p.exchange.die(time.Now())
	p.mu.Unlock()
	if err := wait(ctx, down); err != nil {
		return err
	}
	return p.boot(boot)
}

// Shutdown is `core stop now`: every channel is hung up, the Shutdown event
// follows, and connections end. The PBX stays down until Restart.
func (p *PBX) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.exchange.hangUpAll(time.Now())
	p.mu.Unlock()
	p.hurry()
	if err := wait(ctx, time.Second); err != nil {
		return err
	}
	p.mu.Lock()
	x := p.exchange
	x.now = time.Now()
	x.flat("Shutdown", System, "Shutdown", "Cleanly", "Restart", "False")
	x.die(x.now)
	p.mu.Unlock()
	over := p.EndSessions()
	if err := p.RefuseConnects(true); err != nil {
		return err
	}
	if err := over(ctx); err != nil {
		return err
	}
	p.Drop(false)
	return nil
}

// Restart starts the process again after Shutdown.
func (p *PBX) Restart(boot time.Duration) error { return p.boot(boot) }

func (p *PBX) boot(d time.Duration) error {
	p.mu.Lock()
	now := time.Now()
	p.exchange.reboot(now, now.Add(d))
	p.mu.Unlock()
	p.hurry()
	return p.RefuseConnects(false)
}

// SetNotBooted makes the PBX look as if its modules were still loading for d.
func (p *PBX) SetNotBooted(d time.Duration) {
	p.mu.Lock()
	now := time.Now()
	p.exchange.bootUntil(now, now.Add(d))
	p.mu.Unlock()
	p.hurry()
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// die is the end of the process.
func (x *exchange) die(now time.Time) {
	x.ledger.mu.Lock()
	defer x.ledger.mu.Unlock()
	x.now = now
	x.abandon()
}

// hangUpAll ends every call with its hang-ups, and places no more.
func (x *exchange) hangUpAll(now time.Time) {
	x.ledger.mu.Lock()
	defer x.ledger.mu.Unlock()
	x.now = now
	x.agenda.items = nil
	x.source.waiting = false
	for _, c := range slices.Clone(x.calls) {
		c.err = errHungUp
		c.resume()
	}
}

// reboot is the start of a new process.
func (x *exchange) reboot(now, booted time.Time) {
	x.now, x.boot = now, now
	x.nextUnique, x.nextName, x.nextLocal, x.processed = 0, 0, 0, 0
	x.install(now)
	x.bootUntil(now, booted)
	x.start(now)
}

func (x *exchange) bootUntil(now, booted time.Time) {
	x.booted = booted
	if !booted.After(now) {
		return
	}
	x.agenda.push(booted, func() {
		uptime := itoa(int(x.now.Sub(x.boot).Seconds()))
		x.flat("FullyBooted", System, "Status", "Fully Booted", "Uptime", uptime, "LastReload", uptime)
	})
}
