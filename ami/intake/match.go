package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"patchcord/crm"
)

// contactStore is what matching needs of a store.
type contactStore interface {
	MatchNumber(ctx context.Context, tenant string, e164 crm.Number) ([]crm.Contact, error)
	SetContact(ctx context.Context, tenant, callID string, m *crm.Match) (*crm.Call, error)
}

const (
	matchDeadline  = 2 * time.Second  // of one look-up; a pop does not wait for it
	attachDeadline = 30 * time.Second // for the record to be stored
	maxLookups     = 64               // at a time; more calls than that are shown by number only
	laterN         = 500              // number of a contact.matched among the events of the ring's frame
)

// matcher finds the contacts of a call's outside party. Looking up begins with
// the call, so that the answer is there when a phone rings.
type matcher struct {
	store contactStore
	log   *slog.Logger
	slots chan struct{} // full: the call is shown by its number alone

	wg    sync.WaitGroup // every look-up under way
	quiet atomic.Bool    // matches are shown and not stored: another node does that

	calls sync.Map // of *matching by call id, from its start to a minute after its end; read without a lock, see way

	mu   sync.Mutex
	told []crm.Event // guarded by mu; what later published and the recorder has not taken yet
}

// maxTold bounds told while the store is away. What comes beyond it is shown and not recorded.
const maxTold = 10_000

type matching struct {
	done  chan struct{} // closed when found is set
	found []crm.Match   // never nil once done, so that "nobody" is an answer
}

func newMatcher(store contactStore, log *slog.Logger) *matcher {
	return &matcher{store: store, log: log, slots: make(chan struct{}, maxLookups)}
}

// begin looks the call's outside party up in the background.
func (m *matcher) begin(ctx context.Context, c *crm.Call) {
	number := c.Outside().E164
	if number == "" || c.Direction == crm.Internal {
		return
	}
	w := &matching{done: make(chan struct{})}
	if _, known := m.calls.LoadOrStore(c.ID, w); known {
		return
	}
	select {
	case m.slots <- struct{}{}:
	default:
		m.calls.Delete(c.ID)
		return
	}
	m.wg.Go(func() {
		defer func() { <-m.slots }()
		m.lookup(ctx, w, c.Tenant, number)
		m.attach(ctx, c.Tenant, c.ID, w.found)
	})
}

func (m *matcher) lookup(ctx context.Context, w *matching, tenant string, number crm.Number) {
	defer close(w.done)
	w.found = []crm.Match{}
	ctx, cancel := context.WithTimeout(ctx, matchDeadline)
	defer cancel()
	contacts, err := m.store.MatchNumber(ctx, tenant, number)
	if err != nil {
		m.log.Warn("contact not looked up; the call is shown by its number", "err", err)
		return
	}
	w.found = crm.Matches(contacts)
}

// attach stores an unambiguous match with the record, once the record is stored.
func (m *matcher) attach(ctx context.Context, tenant, id string, found []crm.Match) {
	if len(found) != 1 || m.quiet.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, attachDeadline)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		_, err := m.store.SetContact(ctx, tenant, id, &found[0])
		if err == nil {
			return
		}
		if !errors.Is(err, crm.ErrNotFound) && !errors.Is(err, crm.ErrUnavailable) {
			m.log.Warn("contact not stored with its call", "err", err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// of returns what is known now: nil while the answer is outstanding or nobody was asked.
func (m *matcher) of(c *crm.Call) []crm.Match {
	w := m.get(c.ID)
	if w == nil {
		return nil
	}
	select {
	case <-w.done:
		return w.found
	default:
		return nil
	}
}

// later publishes contact.matched for the ring when the answer comes after it.
func (m *matcher) later(ctx context.Context, offer crm.Event, publish func(*crm.Event)) {
	w := m.get(offer.Call.ID)
	if w == nil {
		return
	}
	m.wg.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-w.done:
		}
		if len(w.found) == 0 {
			return
		}
		offer.Type, offer.N, offer.Matches = crm.ContactMatched, laterN+offer.N, w.found
		m.tell(offer)
		publish(&offer)
	})
}

// tell keeps what is about to be published for the recorder: a screen must not be told
// of an event that the log never has. On a node that only looks on the owner records its own.
func (m *matcher) tell(e crm.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.quiet.Load() && len(m.told) < maxTold {
		m.told = append(m.told, e)
	}
}

// takeTold returns what was published since it was last asked, of frames up to a position:
// nobody may read of a match before the ring that it belongs to.
func (m *matcher) takeTold(to crm.Position) []crm.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	var taken, rest []crm.Event
	for _, e := range m.told {
		if e.Pos.Compare(to) <= 0 {
			taken = append(taken, e)
		} else {
			rest = append(rest, e)
		}
	}
	m.told = rest
	return taken
}

// get returns what is looked up for a call; nil for nothing.
func (m *matcher) get(id string) *matching {
	w, _ := m.calls.Load(id)
	found, _ := w.(*matching)
	return found
}

// end lets go of the call's matches a minute later, when the record has its events too.
func (m *matcher) end(c *crm.Call) {
	id := c.ID
	time.AfterFunc(time.Minute, func() { m.calls.Delete(id) })
}
