package ami

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// What can become of an action besides its reply.
var (
	// ErrNotConnected says that there is no session to send it on. Nothing was sent.
	ErrNotConnected = errors.New("the session is not connected")

	// ErrTooManyActions says that 1,024 actions wait for their replies. Nothing was sent.
	ErrTooManyActions = errors.New("too many actions are waiting for their replies")

	// ErrUnknownOutcome says that the action was sent, and that the connection or the
	// time ended before its reply. The PBX may have done it or not: do not say it failed.
	ErrUnknownOutcome = errors.New("the outcome of the action is unknown")

	// ErrIncompleteList says that a list was cut off, or has another number of items
	// than its end says. What came of it must not be taken for the whole.
	ErrIncompleteList = errors.New("the list is incomplete")

	// ErrPermission is what a ReplyError is when the account lacks the class.
	ErrPermission = errors.New("permission denied")
)

// A ReplyError is a reply of `Response: Error`: the PBX did not do the action.
type ReplyError struct {
	Action string
	Text   string // the Message header
}

// Error returns what the PBX said.
func (e *ReplyError) Error() string {
	return fmt.Sprintf("action %s: the PBX answered %q", e.Action, e.Text)
}

// Is makes a "Permission denied" an ErrPermission.
func (e *ReplyError) Is(target error) bool {
	return target == ErrPermission && strings.HasPrefix(e.Text, "Permission denied")
}

// NewActionID returns a new ActionID, 128 random bits. Do makes one for every action
// without; give an action your own to recognise its events (OriginateResponse) on
// another session before Do returns, and never use it twice.
func NewActionID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, crypto/rand says
	return hex.EncodeToString(b[:])
}

const (
	maxPending   = 1024
	maxListItems = 100_000
	maxListBytes = 64 << 20
)

// A waiter waits for the reply to one action.
type waiter struct {
	action string
	list   bool
	items  []Message
	bytes  int
	done   chan result // gets exactly one value
}

type result struct {
	reply Message   // the first reply; of a list its end
	items []Message // of a list
	err   error
}

// pendings holds the actions that were sent on one connection and not answered.
type pendings struct {
	mu      sync.Mutex
	waiting map[string]*waiter // guarded by mu; by ActionID; nil once the connection ended
}

func newPendings() *pendings { return &pendings{waiting: map[string]*waiter{}} }

func (p *pendings) add(id string, w *waiter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.waiting == nil:
		return ErrNotConnected
	case len(p.waiting) >= maxPending:
		return ErrTooManyActions
	case p.waiting[id] != nil:
		return fmt.Errorf("%w: its ActionID is in use", ErrAction)
	}
	p.waiting[id] = w
	return nil
}

func (p *pendings) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, id)
}

// close fails all that wait.
func (p *pendings) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.waiting {
		w.done <- result{err: fmt.Errorf("action %s: %w: the connection ended", w.action, ErrUnknownOutcome)}
	}
	p.waiting = nil
}

// deliver gives m to the action it answers. It returns false when m is a reply that
// nobody waits for, or waits for any more.
func (p *pendings) deliver(id string, m Message, isReply bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.waiting[id]
	if w == nil {
		return !isReply
	}
	if res, ok := w.take(m, isReply); ok {
		delete(p.waiting, id)
		w.done <- res
	}
	return true
}

// take reports whether m is the last message that w waits for.
func (w *waiter) take(m Message, isReply bool) (result, bool) {
	switch {
	case isReply && strings.EqualFold(m.Response(), "Error"):
		return result{reply: m, err: &ReplyError{Action: w.action, Text: m.Get("Message")}}, true
	case isReply:
		return result{reply: m}, !w.list
	case !w.list:
		return result{}, false // an event of the action; its reply is still to come
	}
	if end := m.Get("EventList"); end != "" {
		return w.finish(m, end), true
	}
	w.items = append(w.items, m)
	w.bytes += len(m.Raw())
	if len(w.items) > maxListItems || w.bytes > maxListBytes {
		return result{err: fmt.Errorf("action %s: %w: it is too long", w.action, ErrIncompleteList)}, true
	}
	return result{}, false
}

func (w *waiter) finish(m Message, end string) result {
	if !strings.EqualFold(end, "Complete") {
		return result{err: fmt.Errorf("action %s: %w: it ended with %.40q", w.action, ErrIncompleteList, end)}
	}
	if count, ok := m.Lookup("ListItems"); ok {
		if n, err := strconv.Atoi(count); err != nil || n != len(w.items) {
			return result{err: fmt.Errorf("action %s: %w: %d items came, %.20q were announced", w.action, ErrIncompleteList, len(w.items), count)}
		}
	}
	return result{reply: m, items: w.items}
}
