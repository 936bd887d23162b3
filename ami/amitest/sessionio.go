package amitest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

const maxWrite = 64 << 10 // bytes that one write deadline covers

type direction int

const (
	reading direction = iota
	writing
)

// sessionIO is the socket of a session, with the faults of the PBX between.
type sessionIO struct {
	p    *PBX
	conn net.Conn
	once sync.Once
	gone chan struct{} // closed with the socket
}

// closeNow closes the socket; with reset, so that the client sees a reset
// connection where the network knows such a thing.
func (s *sessionIO) closeNow(reset bool) {
	s.once.Do(func() {
		if tcp, ok := s.conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0) // the close that follows is what matters
		}
		s.conn.Close()
		close(s.gone)
	})
}

// pass waits while a fault keeps the PBX from reading or writing.
func (s *sessionIO) pass(ctx context.Context, dir direction) error {
	s.p.mu.Lock()
	gate := s.p.gates[dir]
	s.p.mu.Unlock()
	select {
	case <-gate:
		return nil
	case <-s.gone:
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write sends b as the PBX's faults allow. It returns an error when the client
// does not take it within the write timeout, as Asterisk then closes the session.
func (s *sessionIO) write(ctx context.Context, b []byte) error {
	for len(b) > 0 {
		if err := s.pass(ctx, writing); err != nil {
			return err
		}
		s.p.mu.Lock()
		n, wait := s.p.faults.nextWrite(len(b))
		timeout := s.p.cfg.WriteTimeout
		s.p.mu.Unlock()
		if err := s.sleep(ctx, wait); err != nil {
			return err
		}
		if err := s.conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			return fmt.Errorf("set deadline: %w", err)
		}
		if _, err := s.conn.Write(b[:n]); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		b = b[n:]
	}
	return nil
}

func (s *sessionIO) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.gone:
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
}
