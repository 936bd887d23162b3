package amitest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// PBX is the simulated Asterisk. It is safe for concurrent use.
type PBX struct {
	cfg    Config
	ledger *Ledger
	kick   chan struct{} // capacity 1: the exchange has something due sooner than it thinks

	mu       sync.Mutex
	exchange *exchange                   // guarded by mu: the telephony
	sessions map[*session]bool           // guarded by mu: true when logged in
	faults   faults                      // guarded by mu
	gates    [2]chan struct{}            // guarded by mu, by direction: closed when sessions may read, write
	listener *switchable                 // guarded by mu: what Serve accepts on
	changed  chan struct{}               // guarded by mu: closed and replaced when a session logs in or goes
	busy     map[*sessionIO]bool         // guarded by mu: sockets to close when Serve ends
	counter  struct{ sent, lost uint64 } // guarded by mu: events sent to somebody, and to nobody
}

// New returns a PBX that has not started. Serve or Run starts it.
func New(c Config) *PBX {
	c = c.withDefaults()
	open := make(chan struct{})
	close(open)
	p := &PBX{
		cfg:      c,
		ledger:   newLedger(c.Name, c.LedgerLog),
		kick:     make(chan struct{}, 1),
		sessions: make(map[*session]bool),
		gates:    [2]chan struct{}{open, open},
		changed:  make(chan struct{}),
		busy:     make(map[*sessionIO]bool),
	}
	p.exchange = newExchange(c, p.ledger, time.Now())
	p.exchange.emit = p.publish
	return p
}

// Ledger returns the truth about the calls that the PBX generates.
func (p *PBX) Ledger() *Ledger { return p.ledger }

// Run listens on a free port of 127.0.0.1, tells the address to ready, which may
// be nil, and serves until ctx is done.
func (p *PBX) Run(ctx context.Context, ready func(net.Addr)) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("simulated pbx: %w", err)
	}
	if ready != nil {
		ready(ln.Addr())
	}
	return p.Serve(ctx, ln)
}

// Serve runs the PBX: it accepts sessions on ln, which it closes in the end, and
// places calls, until ctx is done, and returns ctx.Err(). It may be called once.
func (p *PBX) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	sw := newSwitchable(ln)
	p.mu.Lock()
	p.listener = sw
	p.exchange.start(time.Now())
	p.mu.Unlock()

	var wg sync.WaitGroup
	var broken error
	wg.Go(func() {
		broken = p.clock(ctx)
		cancel()
	})
	wg.Go(func() {
		<-ctx.Done()
		sw.shut()
		p.closeAll()
	})
	err := p.accept(ctx, sw, &wg)
	cancel()
	wg.Wait()
	p.mu.Lock()
	p.exchange.die(time.Now())
	p.mu.Unlock()
	return errors.Join(broken, p.ledger.flush(), err)
}

func (p *PBX) accept(ctx context.Context, ln net.Listener, wg *sync.WaitGroup) error {
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if conn != nil {
				conn.Close()
			}
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("simulated pbx accept: %w", err)
		}
		wg.Go(func() { p.serveConn(ctx, conn) })
	}
}

// clock drives the exchange: it sleeps until the next thing is due. Its error is
// about the ledger's log.
func (p *PBX) clock(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-p.kick:
		}
		p.mu.Lock()
		next, ok := p.exchange.advance(time.Now())
		p.mu.Unlock()
		if err := p.ledger.flush(); err != nil {
			return err
		}
		if ok {
			timer.Reset(time.Until(next))
		}
	}
}

// hurry makes the clock look again at once.
func (p *PBX) hurry() {
	select {
	case p.kick <- struct{}{}:
	default: // it is already on its way
	}
}

// publish hands an event to every session that reads its class. It is called with
// mu held, and never blocks.
func (p *PBX) publish(e Event) {
	if p.cfg.OnEvent != nil {
		p.cfg.OnEvent(e)
	}
	heard := false
	copies := p.faults.copies()
	for s, loggedIn := range p.sessions {
		if loggedIn && !p.faults.deaf && s.wants(e.Class) {
			heard = true
			for range copies {
				s.enqueue(e.Raw)
			}
		}
	}
	if heard {
		p.counter.sent++
	} else {
		p.counter.lost++
	}
}

// Sessions returns how many clients are logged in.
func (p *PBX) Sessions() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loggedIn()
}

func (p *PBX) loggedIn() (n int) {
	for _, in := range p.sessions {
		if in {
			n++
		}
	}
	return n
}

// Sent returns how many events went to at least one session, and how many to none.
func (p *PBX) Sent() (heard, lost uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counter.sent, p.counter.lost
}

// WaitSessions waits until exactly n clients are logged in.
func (p *PBX) WaitSessions(ctx context.Context, n int) error {
	return p.await(ctx, func() string {
		if have := p.loggedIn(); have != n {
			return fmt.Sprintf("%d sessions, have %d", n, have)
		}
		return ""
	})
}

// await waits until missing, which is called with mu held, names nothing.
func (p *PBX) await(ctx context.Context, missing func() string) error {
	for {
		p.mu.Lock()
		what, changed := missing(), p.changed
		p.mu.Unlock()
		if what == "" {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}

// note tells await that something changed; mu is held.
func (p *PBX) note() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *PBX) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.busy {
		s.closeNow(false)
	}
}

// errGone ends a session: the client left, or the PBX closed it.
var errGone = errors.New("session over")
