package amitest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Side is a direction through a Proxy.
type Side int

// The two directions.
const (
	ToServer Side = iota
	ToClient
)

// Proxy stands between TCP clients and a server and does to their connection what
// networks do. It knows nothing of what it carries. The zero of every setting is a
// good network. It is safe for concurrent use.
type Proxy struct {
	ln     net.Listener
	target string
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	pairs   map[*proxyPair]bool // guarded by mu
	sides   [2]proxySide        // guarded by mu
	refuse  bool                // guarded by mu
	changed chan struct{}       // guarded by mu: closed and replaced on every change
}

// proxySide is what is wrong with one direction; Proxy.mu guards it.
type proxySide struct {
	stalled, dropping bool
	delay             time.Duration
	chunk             int
	bytes             int64 // carried so far
}

type proxyPair struct{ client, server net.Conn }

func (p *proxyPair) close(reset bool) {
	for _, c := range []net.Conn{p.client, p.server} {
		if tcp, ok := c.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0) // the close that follows is what matters
		}
		c.Close()
	}
}

// NewProxy listens on a free port of 127.0.0.1 and connects each client to target.
// Close ends it.
func NewProxy(ctx context.Context, target string) (*Proxy, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy to %s: %w", target, err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Proxy{ln: ln, target: target, cancel: cancel, pairs: make(map[*proxyPair]bool), changed: make(chan struct{})}
	p.wg.Go(func() { p.accept(ctx) })
	return p, nil
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// Close ends the proxy and every connection through it, and waits for both.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.ln.Close()
	p.Cut(false)
	p.wg.Wait()
	return err
}

// Cut closes every connection, with a reset or in order.
func (p *Proxy) Cut(reset bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pair := range p.pairs {
		pair.close(reset)
	}
}

// Refuse closes new connections at once.
func (p *Proxy) Refuse(on bool) { p.set(func() { p.refuse = on }) }

// Stall stops carrying a direction; what comes waits, until the sockets are full.
func (p *Proxy) Stall(s Side, on bool) { p.set(func() { p.sides[s].stalled = on }) }

// Drop reads a direction and throws it away. What was lost stays lost.
func (p *Proxy) Drop(s Side, on bool) { p.set(func() { p.sides[s].dropping = on }) }

// Delay lets everything of a direction wait for d.
func (p *Proxy) Delay(s Side, d time.Duration) { p.set(func() { p.sides[s].delay = d }) }

// Rechunk carries a direction in pieces of 1 to n bytes; 0 ends it.
func (p *Proxy) Rechunk(s Side, n int) { p.set(func() { p.sides[s].chunk = n }) }

// Bytes returns how much a direction has carried.
func (p *Proxy) Bytes(s Side) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sides[s].bytes
}

// Connections returns how many clients are connected.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.connect(ctx, client) })
	}
}

func (p *Proxy) connect(ctx context.Context, client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		return
	}
	var d net.Dialer
	server, err := d.DialContext(ctx, "tcp", p.target)
	if err != nil {
		return
	}
	pair := &proxyPair{client: client, server: server}
	p.mu.Lock()
	p.pairs[pair] = true
	p.mu.Unlock()
	var wg sync.WaitGroup
	// Closing both when either direction ends also frees the other.
	wg.Go(func() { p.carry(ctx, ToServer, server, client); pair.close(false) })
	wg.Go(func() { p.carry(ctx, ToClient, client, server); pair.close(false) })
	wg.Wait()
	p.mu.Lock()
	delete(p.pairs, pair)
	p.mu.Unlock()
}

func (p *Proxy) carry(ctx context.Context, s Side, dst, src net.Conn) {
	buf := make([]byte, 32<<10)
	seed := uint32(s) + 1
	for {
		n, err := src.Read(buf)
		for b := buf[:n]; len(b) > 0; {
			state, waitErr := p.ready(ctx, s)
			if waitErr != nil {
				return
			}
			size := len(b)
			if state.chunk > 0 {
				seed = seed*1664525 + 1013904223
				size = min(size, 1+int(seed>>8)%state.chunk)
			}
			if !state.dropping {
				if _, err := dst.Write(b[:size]); err != nil {
					return
				}
			}
			b = b[size:]
		}
		p.mu.Lock()
		p.sides[s].bytes += int64(n)
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// ready waits while the direction is stalled, and for its delay.
func (p *Proxy) ready(ctx context.Context, s Side) (proxySide, error) {
	for {
		p.mu.Lock()
		state, changed := p.sides[s], p.changed
		p.mu.Unlock()
		if !state.stalled {
			if state.delay > 0 {
				return state, wait(ctx, state.delay)
			}
			return state, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return state, errors.Join(errGone, ctx.Err())
		}
	}
}
