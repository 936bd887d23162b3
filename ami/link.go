package ami

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	outQueue     = 128                    // encoded actions; a full queue makes Do wait
	writeTimeout = 5 * time.Second        // for one action
	lagAlarm     = 250 * time.Millisecond // from one read to the next
)

var (
	errSilent = errors.New("nothing was received")
	errDeaf   = errors.New("lists show calls that no event told of")
)

// A link is one connection of a Session. It belongs to the reading goroutine, except
// for what write and exchange use.
type link struct {
	s       *Session
	conn    net.Conn
	r       *Reader
	pending *pendings
	out     chan []byte   // actions on their way to the socket
	gone    chan struct{} // closed when the connection is over
	writer  sync.WaitGroup

	asked map[string]func(Message) // the session's own actions, by ActionID

	due      time.Time // when tick must look again, unless bytes come before
	handed   time.Time // when the bytes that are being handled came; zero while reading
	heard    time.Time // when bytes last came
	pinged   time.Time // when the Ping that waits for any byte was sent; else zero
	doubt    time.Time // begin of a silence after which bytes came, and maybe not yet all that were sent meanwhile; else zero
	asking   bool      // a Ping is on its way whose answer ends the doubt
	loggedIn bool
	bootBy   time.Time // when to ask CoreStatus; zero once up
	upAt     time.Time // zero before
	booted   bool      // FullyBooted came
	system   bool      // events of class system come, so FullyBooted will
	stopping bool      // a Shutdown event came
	probed   time.Time // when ListCommands was last asked
	lacks    []string  // write rights that it showed to be missing

	deaf atomic.Int64 // nanoseconds since 1970 from when on events were missing; 0 for never
}

func newLink(s *Session, conn net.Conn) *link {
	l := &link{
		s: s, conn: conn, pending: newPendings(),
		out: make(chan []byte, outQueue), gone: make(chan struct{}),
		asked: map[string]func(Message){},
	}
	s.doubt.Store(0)
	limits := s.cfg.Limits
	limits.OnTrouble = s.trouble
	l.r = NewReader(l, limits)
	return l
}

// close ends the connection and everything that hangs on it.
func (l *link) close() {
	l.conn.Close()
	close(l.gone)
	l.writer.Wait()
	l.pending.close()
}

// Read is the Reader's: it reads up to the deadline, and notes times and lag.
func (l *link) Read(p []byte) (int, error) {
	if !l.handed.IsZero() {
		now := time.Now()
		if lag := now.Sub(l.handed); l.loggedIn && lag > lagAlarm {
			l.s.trouble(Trouble{Kind: TroubleLag, At: now, Lag: lag})
		}
		l.handed = time.Time{}
	}
	if err := l.conn.SetReadDeadline(l.due); err != nil {
		return 0, err
	}
	n, err := l.conn.Read(p)
	if n > 0 {
		now := time.Now()
		if !l.upAt.IsZero() && l.doubt.IsZero() && now.Sub(l.heard) > stall {
			l.doubted(l.heard)
		}
		l.handed, l.heard, l.pinged = now, now, time.Time{}
		l.s.lastByte.Store(now.UnixNano())
		if l.loggedIn {
			l.schedule()
		}
	}
	return n, err
}

// schedule sets when tick must look again.
func (l *link) schedule() {
	l.due = l.heard.Add(l.s.cfg.PingInterval)
	if !l.pinged.IsZero() {
		l.due = l.pinged.Add(l.s.cfg.PingTimeout)
	}
	if !l.bootBy.IsZero() && l.bootBy.Before(l.due) {
		l.due = l.bootBy
	}
	if !l.doubt.IsZero() && !l.asking {
		l.due = l.heard
	}
}

// stall is how long the PBX may be silent, or take to answer a Ping, before it is doubted that
// what came since is all it said: a network that broke for moments delivers late, and a connection
// that ends then loses what was said during the silence.
const stall = time.Second

// doubted notes since when the PBX may have said more than was received; zero for no doubt.
func (l *link) doubted(since time.Time) {
	l.doubt = since
	if since.IsZero() {
		l.s.doubt.Store(0)
		return
	}
	l.s.doubt.Store(since.UnixNano())
}

// sendPing asks for an answer before which everything comes that the PBX said until now.
func (l *link) sendPing(now time.Time) {
	l.asking = true
	l.ask(NewAction("Ping"), func(Message) {
		l.asking = false
		switch {
		case l.doubt.IsZero():
		case l.r.ReadAt().Sub(now) <= stall:
			l.doubted(time.Time{})
		default:
			l.doubted(now)
			l.schedule() // another Ping
		}
	})
}

// loop reads until the connection is over, and returns why.
func (l *link) loop() error {
	l.writer.Go(l.write)
	defer l.r.End()
	for {
		v, err := l.r.Next()
		switch {
		case err == nil:
			l.dispatch(v)
			if l.r.ReadAt().Before(l.due) {
				continue
			}
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return l.ended(err)
		}
		if err := l.tick(time.Now()); err != nil {
			return err
		}
	}
}

// ended says why a connection is over that was logged in.
func (l *link) ended(err error) error {
	if l.stopping || !l.upAt.IsZero() && time.Since(l.upAt) >= healthy {
		l.s.delays.reset()
	}
	switch {
	case l.deaf.Load() != 0:
		l.doubted(timeOf(l.deaf.Load()))
		return fail(ClassDeaf, errDeaf)
	case l.stopping:
		return fail(ClassShutdown, err)
	case errors.Is(err, errSilent):
		return fail(ClassDead, err)
	}
	return fail(ClassNetwork, fmt.Errorf("connection lost: %w", err))
}

// tick does what silence asks for.
func (l *link) tick(now time.Time) error {
	if !l.bootBy.IsZero() && !now.Before(l.bootBy) {
		l.askCoreStatus(now)
	}
	switch {
	case !l.pinged.IsZero() && now.Sub(l.pinged) >= l.s.cfg.PingTimeout:
		return l.ended(fmt.Errorf("%w for %v, though a Ping was sent", errSilent, now.Sub(l.heard).Round(time.Millisecond)))
	case l.pinged.IsZero() && now.Sub(l.heard) >= l.s.cfg.PingInterval:
		l.pinged = now
		l.sendPing(now)
	case !l.doubt.IsZero() && !l.asking:
		l.sendPing(now)
	}
	l.schedule()
	return nil
}

// dispatch handles one message.
func (l *link) dispatch(v *View) {
	id := v.Field(KeyActionID)
	if v.IsReply() && len(id) > 0 {
		if f, ok := l.asked[string(id)]; ok {
			delete(l.asked, string(id))
			f(v.Keep())
			return
		}
	}
	if !v.IsReply() {
		l.notice(v)
	}
	f := Frame{At: l.r.ReadAt().UTC(), Msg: v.Keep(), Suspect: v.Suspect(), More: l.r.Buffered() > 0}
	if f.Suspect {
		l.s.trouble(Trouble{Kind: TroubleSuspect, At: f.At})
	}
	l.s.counts.frames.Add(1)
	l.s.h.OnFrame(f)
	if len(id) > 0 {
		l.answer(string(id), f.Msg, v.IsReply())
	}
}

func (l *link) answer(id string, m Message, isReply bool) {
	if !l.pending.deliver(id, m, isReply) {
		l.s.counts.late.Add(1)
	}
	if isReply && (&ReplyError{Text: m.Get("Message")}).Is(ErrPermission) {
		l.probe(time.Now())
	}
}

// notice looks at events that tell about the session itself.
func (l *link) notice(v *View) {
	switch string(v.Event()) {
	case "FullyBooted":
		l.fullyBooted(v)
	case "Shutdown":
		l.stopping = true
	case "Reload":
		l.probe(time.Now()) // manager.conf may have been among what was reloaded
	default:
		if !l.bootBy.IsZero() && !l.system {
			l.awaitSystem(v)
		}
	}
}

// ask sends an action of the session's own; f gets its reply, unless the connection
// ends before. It returns the ActionID, "" when the queue was full.
func (l *link) ask(a Action, f func(Message)) string {
	id := NewActionID()
	wire, err := Encode(nil, a.with("ActionID", id))
	if err != nil {
		return "" // not for the constant actions that are asked
	}
	select {
	case l.out <- wire:
	default:
		return "" // the socket takes nothing; the read deadline will see to it
	}
	if f != nil {
		l.asked[id] = f
	}
	return id
}

// write takes actions to the socket, so that neither the reader nor Do waits for it.
func (l *link) write() {
	for {
		select {
		case <-l.gone:
			return
		case wire := <-l.out:
			if l.send(wire) != nil {
				l.conn.Close() // the reader finds out
				return
			}
		}
	}
}

func (l *link) send(wire []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := l.conn.Write(wire)
	return err
}
