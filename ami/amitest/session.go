package amitest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// A session is one client's connection. As in Asterisk one thread, run, both
// answers actions and writes events, so that events wait behind a slow action.
type session struct {
	*sessionIO
	actions chan action
	notify  chan struct{} // capacity 1: the queue has something

	user      User   // set at login, by run
	challenge string // of the Challenge action, used once
	mask      Class  // guarded by PBX.mu: what the client wants of what it may read

	qmu   sync.Mutex
	queue []string // guarded by qmu: events, shared with the other sessions; at most maxSessionQueue
}

// An action is what a client asked for.
type action struct {
	headers []header
	err     string // the action could not be read, and why
}

type header struct{ name, value string }

func (a action) get(name string) string {
	for _, h := range a.headers {
		if strings.EqualFold(h.name, name) {
			return h.value
		}
	}
	return ""
}

func (p *PBX) serveConn(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{
		sessionIO: &sessionIO{p: p, conn: conn, gone: make(chan struct{})},
		actions:   make(chan action),
		notify:    make(chan struct{}, 1),
	}
	defer s.closeNow(false)
	if !p.admit(s) {
		return
	}
	defer p.forget(s)
	if s.greet(ctx) != nil {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		s.read(ctx)
		cancel()
	})
	s.run(ctx)
	s.closeNow(false)
	cancel()
	wg.Wait()
}

// admit counts the session in, unless too many have not logged in.
func (p *PBX) admit(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.faults.full || len(p.sessions)-p.loggedIn() >= p.cfg.AuthLimit {
		return false
	}
	p.sessions[s] = false
	p.busy[s.sessionIO] = true
	return true
}

func (p *PBX) forget(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, s)
	delete(p.busy, s.sessionIO)
	p.note()
}

// greet sends the banner, or what a fault has in its place.
func (s *session) greet(ctx context.Context) error {
	s.p.mu.Lock()
	g := s.p.faults.greeting
	s.p.mu.Unlock()
	if err := s.sleep(ctx, g.Delay); err != nil {
		return err
	}
	switch {
	case g.Nothing:
		return nil
	case g.Instead != "":
		return s.write(ctx, []byte(g.Instead))
	}
	return s.write(ctx, []byte("Asterisk Call Manager/"+s.p.cfg.AMIVersion+"\r\n"))
}

func (s *session) run(ctx context.Context) {
	login := time.NewTimer(s.p.cfg.AuthTimeout)
	defer login.Stop()
	for {
		select {
		case a := <-s.actions:
			// What is queued was said before this answer.
			if s.flush(ctx) != nil || s.handle(ctx, a) != nil {
				return
			}
			if s.user.Name != "" {
				login.Stop()
			}
		case <-s.notify:
			if s.flush(ctx) != nil {
				return
			}
		case <-login.C:
			return
		case <-s.gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

// wants reports whether the client hears events of class c; PBX.mu is held.
func (s *session) wants(c Class) bool { return s.mask != 0 && s.mask.Has(c) }

// enqueue adds an event. A client that is this far behind is closed: Asterisk has
// no bound, but closes it after one write that takes too long.
func (s *session) enqueue(raw string) {
	s.qmu.Lock()
	full := len(s.queue) >= maxSessionQueue
	if !full {
		s.queue = append(s.queue, raw)
	}
	s.qmu.Unlock()
	if full {
		s.closeNow(true)
		return
	}
	select {
	case s.notify <- struct{}{}:
	default: // it knows already
	}
}

// flush writes the queued events.
func (s *session) flush(ctx context.Context) error {
	s.qmu.Lock()
	queue := s.queue
	s.queue = nil
	s.qmu.Unlock()
	buf := make([]byte, 0, min(maxWrite, 1024*len(queue)))
	for i, raw := range queue {
		raw, last := strings.CutSuffix(raw, endMark)
		buf = append(buf, raw...)
		if last {
			if err := s.write(ctx, buf); err != nil {
				return err
			}
			return errGone
		}
		if len(buf) < maxWrite && i < len(queue)-1 {
			continue
		}
		if err := s.write(ctx, buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	return nil
}

// read collects actions until the client is gone.
func (s *session) read(ctx context.Context) {
	in := bufio.NewReaderSize(s.conn, maxActionLine)
	var a action
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			a.err = "Failed to parse message: line too long"
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
			if err == nil {
				continue
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.closeNow(false)
			}
			return
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text != "" {
			a.add(text)
			continue
		}
		if s.pass(ctx, reading) != nil {
			return
		}
		select {
		case s.actions <- a:
		case <-s.gone:
			return
		case <-ctx.Done():
			return
		}
		a = action{}
	}
}

func (a *action) add(line string) {
	if len(a.headers) >= maxActionHeaders {
		a.err = "Failed to parse message: too many lines"
		return
	}
	name, value, _ := strings.Cut(line, ":")
	a.headers = append(a.headers, header{strings.TrimSpace(name), strings.TrimLeft(value, " \t")})
}
