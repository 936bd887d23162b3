package ami

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A Session keeps one login to one PBX: it connects, logs in, reads, watches for a
// dead peer, and begins again whenever that ends, for ever.
//
// Use two for one PBX: a reader (events and lists), and a Session with Events "off"
// for commands, because Asterisk holds back events while it carries out an action.
type Session struct {
	cfg   Config
	h     Handler
	again chan struct{} // holds a token after RetryNow

	// Of the goroutine that is in Run.
	delays   backoff
	patience patience
	outage   outage
	rights   rights

	lastByte atomic.Int64 // nanoseconds since 1970, 0 before the first
	doubt    atomic.Int64 // likewise, 0 for none; see link.doubt
	counts   struct{ frames, suspect, oversize, partial, late, connections atomic.Uint64 }

	mu    sync.Mutex
	state State // guarded by mu
	link  *link // guarded by mu; nil unless logged in
}

// SessionStats counts what a Session has met since it was made.
type SessionStats struct {
	Connections uint64 // logins that succeeded
	Frames      uint64 // given to OnFrame
	Suspect     uint64 // of them, see View.Suspect
	Oversize    uint64 // messages discarded for their size
	Partial     uint64 // messages that a connection's end cut off
	Late        uint64 // replies that nobody waited for any more
}

// NewSession returns a Session; Run makes it live. A nil Handler ignores everything.
func NewSession(cfg Config, h Handler) *Session {
	if h == nil {
		h = Funcs{}
	}
	return &Session{cfg: cfg.withDefaults(), h: h, again: make(chan struct{}, 1)}
}

// Run keeps the session until ctx is done, and returns its error. It calls the
// Handler from its own goroutine. Run it once. It returns another error only for a
// configuration that Validate refuses.
func (s *Session) Run(ctx context.Context) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	for {
		s.forgetRetry()
		tried, err := s.attempt(ctx)
		if ctx.Err() != nil {
			s.update(func(st *State) { st.Phase, st.Class, st.Text, st.Err = PhaseStopped, "", "", nil })
			return ctx.Err()
		}
		s.pause(ctx, asFailure(err), tried)
	}
}

// RetryNow ends the current wait, whatever it waits for: an administrator has
// mended something. It does not wait for the outcome.
func (s *Session) RetryNow() {
	select {
	case s.again <- struct{}{}:
	default: // asked already
	}
}

// Deaf ends the connection, as events since then were missing that lists show to have been due, and another is
// made: rights that a manager user was given meanwhile are those of new sessions alone. State.HeardUntil is since.
func (s *Session) Deaf(since time.Time) {
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	if l != nil {
		l.deaf.Store(since.UnixNano())
		l.conn.Close()
	}
}

// State returns what is known now. LastByte and HeardUntil are up to the moment.
func (s *Session) State() State {
	s.mu.Lock()
	st := s.state
	s.mu.Unlock()
	s.dateState(&st)
	return st
}

// Stats returns what was counted so far.
func (s *Session) Stats() SessionStats {
	c := &s.counts
	return SessionStats{
		Connections: c.connections.Load(), Frames: c.frames.Load(), Suspect: c.suspect.Load(),
		Oversize: c.oversize.Load(), Partial: c.partial.Load(), Late: c.late.Load(),
	}
}

// attempt connects, logs in and reads until that ends, for which it returns the
// reason and the secret that was tried.
func (s *Session) attempt(ctx context.Context) (tried [sha256.Size]byte, err error) {
	s.update(func(st *State) {
		st.Phase, st.RetryAt = PhaseConnecting, time.Time{}
		st.Attempt++
	})
	secret, err := s.cfg.Secret()
	if err != nil {
		return tried, fail(ClassSecret, err)
	}
	tried = sha256.Sum256([]byte(secret))
	conn, err := s.cfg.connect(ctx)
	if err != nil {
		return tried, err
	}
	l := newLink(s, conn)
	defer l.close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := l.open(secret); err != nil {
		return tried, err
	}
	s.patience.restart()
	s.setLink(l)
	defer s.setLink(nil)
	return tried, l.loop()
}

// pause waits as the failure demands.
func (s *Session) pause(ctx context.Context, f *failure, tried [sha256.Size]byte) {
	now := time.Now()
	var wait time.Duration
	switch f.phase() {
	case PhaseRefused:
		wait = s.patience.refused(now)
	case PhaseInUse:
		wait = 5*time.Second + time.Duration(rand.Int64N(int64(10*time.Second)))
	default:
		wait = s.delays.next()
	}
	s.update(func(st *State) {
		st.Phase, st.RetryAt = f.phase(), now.Add(wait).UTC()
		st.Class, st.Text, st.Err = f.class, f.text, f.err
		st.Boot, st.BootMark, st.CertExpires, st.Missing = time.Time{}, "", time.Time{}, nil
	})
	s.outage.failed(s.cfg.Log, s.cfg.Name, f, now)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	poll := make(<-chan time.Time)
	if f.phase() == PhaseRefused {
		ticker := time.NewTicker(5 * time.Second)
		defer ticker.Stop()
		poll = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.again:
			return
		case <-timer.C:
			return
		case <-poll:
			if s.secretChanged(tried) && s.patience.free(time.Now()) <= 0 {
				s.patience.restart()
				return
			}
		}
	}
}

func (s *Session) secretChanged(tried [sha256.Size]byte) bool {
	secret, err := s.cfg.Secret()
	return err == nil && sha256.Sum256([]byte(secret)) != tried
}

func (s *Session) forgetRetry() {
	select {
	case <-s.again:
	default: // nobody asked
	}
}

func (s *Session) setLink(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link = l
}

// update changes the state and tells the handler.
func (s *Session) update(change func(*State)) {
	s.mu.Lock()
	before := s.state.Phase
	change(&s.state)
	if s.state.Phase != before {
		s.state.Since = time.Now().UTC()
	}
	switch {
	case s.state.Phase == PhaseUp:
		s.state.Down = time.Time{}
	case s.state.Down.IsZero():
		s.state.Down = s.state.Since
	}
	s.dateState(&s.state)
	st := s.state
	s.mu.Unlock()
	s.h.OnState(st)
}

// dateState says in st until when the PBX was heard.
func (s *Session) dateState(st *State) {
	st.LastByte = timeOf(s.lastByte.Load())
	st.HeardUntil = st.LastByte
	if doubt := timeOf(s.doubt.Load()); !doubt.IsZero() {
		st.HeardUntil = doubt
	}
}

// timeOf turns nanoseconds since 1970 into a time, zero for 0.
func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}

func (s *Session) trouble(t Trouble) {
	switch t.Kind {
	case TroubleOversize:
		s.counts.oversize.Add(1)
	case TroublePartial:
		s.counts.partial.Add(1)
	case TroubleSuspect:
		s.counts.suspect.Add(1)
	}
	t.At = t.At.UTC()
	s.h.OnTrouble(t)
}
