package push

import (
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/crm"
)

// closeWithin is how long a socket has to take its close frame, and then to answer it.
const closeWithin = time.Second

// socket is one client. Its queue is bounded by Config.QueueLen and QueueBytes;
// when it is full, states that a later message in it repeats are left out, and if
// that does not help the socket is closed as too slow. A writer runs only while
// there is something to write.
type socket struct {
	hub  *Hub
	conn *websocket.Conn
	who  crm.Principal

	heard atomic.Int64 // when the client last gave a sign of life, Unix nanoseconds
	began atomic.Int64 // when the newest message began to be written, the same
	said  allowance    // of the reader

	mu      sync.Mutex
	queue   []*message // guarded by mu
	bytes   int        // of queue; guarded by mu
	live    bool       // the welcome was written; guarded by mu
	writing bool       // a writer runs; guarded by mu
	ping    bool       // one is due; guarded by mu
	closing bool       // nothing is queued or written any more; guarded by mu
	pinged  time.Time  // guarded by mu
}

// send queues m. It never waits.
func (s *socket) send(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return
	}
	s.queue = append(s.queue, m)
	s.bytes += len(m.data)
	if s.full() {
		s.coalesce()
	}
	if s.full() {
		s.shutLocked(errSlow)
		return
	}
	s.wake()
}

func (s *socket) full() bool {
	return len(s.queue) > s.hub.cfg.QueueLen || s.bytes > s.hub.cfg.QueueBytes && len(s.queue) > 1
}

// coalesce leaves out every state that a later message of the queue repeats.
func (s *socket) coalesce() {
	later := make(map[state]bool)
	kept := s.queue[:0:0]
	s.bytes = 0
	for _, m := range slices.Backward(s.queue) {
		if m.state != (state{}) && later[m.state] {
			continue
		}
		later[m.state] = true
		kept = append(kept, m)
		s.bytes += len(m.data)
	}
	slices.Reverse(kept)
	s.queue = kept
}

// keepAlive closes a client that is dead, and makes a ping due, with word of how far the room is: scripts do not see
// pings, and a client that hears nothing for long knows that its socket is dead.
func (s *socket) keepAlive(now time.Time, quiet *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || !s.live {
		return
	}
	if now.UnixNano()-s.heard.Load() >= int64(s.hub.cfg.DeadAfter) {
		s.shutLocked(errSilent)
		return
	}
	if s.writing && now.UnixNano()-s.began.Load() >= int64(s.hub.cfg.WriteWithin) {
		s.shutLocked(errSlow)
		return
	}
	if now.Sub(s.pinged) < s.hub.cfg.PingEvery {
		return
	}
	s.pinged, s.ping = now, true
	s.queue = append(s.queue, quiet)
	s.bytes += len(quiet.data)
	s.wake()
}

// wake starts a writer when one is needed. s.mu is held.
func (s *socket) wake() {
	if !s.live || s.writing || s.closing {
		return
	}
	s.writing = true
	s.began.Store(time.Now().UnixNano()) // the writer may get a processor after keepAlive has looked
	s.hub.sockets.Go(s.drain)
}

// goLive lets the queue be written: everything before it was.
func (s *socket) goLive(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live, s.pinged = true, now
	s.heard.Store(now.UnixNano())
	if len(s.queue) > 0 {
		s.wake()
	}
}

// next takes what is to be written; more is false when there is nothing, and the
// writer is then done.
func (s *socket) next() (batch []*message, ping, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.queue) == 0 && !s.ping {
		s.writing = false
		return nil, false, false
	}
	batch, ping = s.queue, s.ping
	s.began.Store(time.Now().UnixNano())
	s.queue, s.bytes, s.ping = nil, 0, false
	return batch, ping, true
}

// drain writes until the queue is empty.
func (s *socket) drain() {
	for {
		batch, ping, more := s.next()
		if !more {
			return
		}
		if err := s.write(batch, ping); err != nil {
			for _, m := range batch {
				m.pop.dropped(s, "the connection ended while it was written", time.Now())
			}
			s.shut(whyEnded(err, errSlow))
		}
	}
}

func (s *socket) write(batch []*message, ping bool) error {
	if ping {
		if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.hub.cfg.WriteWithin)); err != nil {
			return err
		}
	}
	for _, m := range batch {
		s.began.Store(time.Now().UnixNano()) // keepAlive sees to WriteWithin; a deadline for each message is a timer for each
		if err := s.conn.WriteMessage(websocket.TextMessage, m.data); err != nil {
			return err
		}
		m.pop.wrote(s, Written, time.Now())
	}
	return nil
}

// shut closes the socket for a reason; the first one counts. It does not wait.
func (s *socket) shut(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shutLocked(why)
}

func (s *socket) shutLocked(why error) {
	if s.closing {
		return
	}
	if errors.Is(why, errSlow) {
		s.hub.slow.Add(1)
	}
	for _, m := range s.queue {
		m.pop.dropped(s, why.Error(), time.Now())
	}
	s.closing, s.queue, s.bytes = true, nil, 0
	s.hub.sockets.Go(func() { sayClose(s.conn, why) })
}

// end stops the queue and reports whether nobody had closed the socket before.
func (s *socket) end() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.closing
	s.closing, s.queue, s.bytes = true, nil, 0
	return first
}

// sayClose tells the client why and gives it a moment to answer; the reader then
// ends and closes the connection. A client that takes nothing is cut off.
func sayClose(conn *websocket.Conn, why error) {
	code, reason := closeCode(why)
	frame := websocket.FormatCloseMessage(code, reason)
	if err := conn.WriteControl(websocket.CloseMessage, frame, time.Now().Add(closeWithin)); err != nil {
		conn.Close()
		return
	}
	if err := conn.SetReadDeadline(time.Now().Add(closeWithin)); err != nil {
		conn.Close()
	}
}

// whyEnded turns the error of a read or write into the reason for closing.
func whyEnded(err, onTimeout error) error {
	var e net.Error
	if errors.As(err, &e) && e.Timeout() {
		return onTimeout
	}
	return errDone
}
