package ami

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// errNoReply is why an outcome is unknown when the PBX took too long.
var errNoReply = errors.New("no reply in time")

// Do sends an action and returns its reply. An action without an ActionID gets one;
// Originate is always made asynchronous, because Asterisk would hold back events
// until the phone is answered.
//
// Errors: ErrAction, ErrNotConnected and ErrTooManyActions mean that nothing was
// sent, as does the context's own error; ErrUnknownOutcome that it was; a
// *ReplyError that the PBX refused. Do may be called from any goroutine but the
// Handler's.
func (s *Session) Do(ctx context.Context, a Action) (Message, error) {
	res := s.perform(ctx, a, &waiter{action: a.Name}, s.cfg.ActionTimeout)
	return res.reply, res.err
}

// List sends an action that is answered by a list, and returns its items in order
// when they came whole: up to their end, and as many as that says. It has ListTimeout
// for all of it. Live events that come between are none of them.
func (s *Session) List(ctx context.Context, a Action) ([]Message, error) {
	res := s.perform(ctx, a, &waiter{action: a.Name, list: true}, s.cfg.ListTimeout)
	if res.err != nil {
		return nil, res.err
	}
	return res.items, nil
}

func (s *Session) perform(ctx context.Context, a Action, w *waiter, limit time.Duration) result {
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	if l == nil {
		return result{err: ErrNotConnected}
	}
	if strings.EqualFold(a.Name, "Originate") {
		a = a.with("Async", "true")
	}
	id := a.Get("ActionID")
	if id == "" {
		id = NewActionID()
	}
	wire, err := Encode(nil, a.with("ActionID", id))
	if err != nil {
		return result{err: err}
	}
	w.done = make(chan result, 1)
	if err := l.pending.add(id, w); err != nil {
		return result{err: err}
	}
	defer l.pending.remove(id)
	return l.exchange(ctx, wire, w, limit)
}

// exchange hands an action over and waits for what w is waiting for.
func (l *link) exchange(ctx context.Context, wire []byte, w *waiter, limit time.Duration) result {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errNoReply)
	defer cancel()
	select {
	case l.out <- wire:
	case <-l.gone:
		return result{err: ErrNotConnected}
	case <-ctx.Done():
		return result{err: fmt.Errorf("action %s: not sent: %w", w.action, context.Cause(ctx))}
	}
	select {
	case res := <-w.done:
		return res
	case <-ctx.Done():
		return result{err: fmt.Errorf("action %s: %w: %w", w.action, ErrUnknownOutcome, context.Cause(ctx))}
	}
}
