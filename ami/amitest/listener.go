package amitest

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// switchable is a listener that can be closed and opened again on its address.
type switchable struct {
	mu   sync.Mutex
	ln   net.Listener // guarded by mu; nil while refusing
	addr net.Addr
	back chan struct{} // guarded by mu: closed when ln is set again, or done
	done bool          // guarded by mu
}

func newSwitchable(ln net.Listener) *switchable {
	return &switchable{ln: ln, addr: ln.Addr(), back: make(chan struct{})}
}

// Accept waits out the time in which there is no listener.
func (s *switchable) Accept() (net.Conn, error) {
	for {
		s.mu.Lock()
		ln, back, done := s.ln, s.back, s.done
		s.mu.Unlock()
		if done {
			return nil, net.ErrClosed
		}
		if ln == nil {
			<-back
			continue
		}
		conn, err := ln.Accept()
		s.mu.Lock()
		current := s.ln == ln
		s.mu.Unlock()
		if err == nil || current {
			return conn, err
		}
	}
}

func (s *switchable) Addr() net.Addr { return s.addr }
func (s *switchable) Close() error   { s.shut(); return nil }

// refuse closes the listener, so that a connect is refused by the kernel.
func (s *switchable) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.ln.(*PipeListener); ok {
		p.refuse(true)
		return
	}
	if s.ln != nil {
		s.ln.Close()
		s.ln = nil
	}
}

// restore listens again where it listened before.
func (s *switchable) restore() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.ln.(*PipeListener); ok {
		p.refuse(false)
		return nil
	}
	if s.ln != nil || s.done {
		return nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), s.addr.Network(), s.addr.String())
	if err != nil {
		return fmt.Errorf("listen again: %w", err)
	}
	s.ln = ln
	close(s.back)
	s.back = make(chan struct{})
	return nil
}

func (s *switchable) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.done = true
	if s.ln != nil {
		s.ln.Close()
	}
	close(s.back)
}

// PipeListener is a net.Listener without a network, for tests in a
// testing/synctest bubble: its connections are net.Pipes.
type PipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu      sync.Mutex
	refused bool // guarded by mu
}

// NewPipeListener returns a listener that Dial connects to.
func NewPipeListener() *PipeListener {
	return &PipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Dial connects to the listener. It has the signature of net.Dialer.DialContext
// and ignores network and address.
func (l *PipeListener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	l.mu.Lock()
	refused := l.refused
	l.mu.Unlock()
	if refused {
		return nil, fmt.Errorf("dial pipe: connection refused")
	}
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("dial pipe: %w", ctx.Err())
	}
	return nil, fmt.Errorf("dial pipe: %w", net.ErrClosed)
}

// Accept implements net.Listener.
func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *PipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *PipeListener) Addr() net.Addr { return pipeAddr{} }

func (l *PipeListener) refuse(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = on
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
