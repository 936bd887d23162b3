package stored

import (
	"sync"
	"time"
)

const (
	maxKinds  = 20_000      // are remembered; with more it begins anew
	kindsKept = time.Minute // then all are stored once more, for whatever became of the database meanwhile
)

// KindMemory is which kinds a store has for certain, so that they need not be stored
// with every call. The zero value remembers nothing. It is safe for concurrent use.
type KindMemory struct {
	mu    sync.Mutex
	known map[kindOf]struct{} // guarded by mu
	since time.Time           // guarded by mu; when it was begun
	life  int                 // guarded by mu; counts how often
}

// kindOf is a kind of calls of a tenant.
type kindOf struct {
	tenant string
	Kind
}

// Forget begins anew. The database may not be the one that it was.
func (m *KindMemory) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(time.Now())
}

// forget is Forget; mu is held.
func (m *KindMemory) forget(now time.Time) {
	m.known, m.since = map[kindOf]struct{}{}, now
	m.life++
}

// Begin returns the memory of a transaction that begins. It is for one goroutine.
func (m *KindMemory) Begin() *NewKinds {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.since) >= kindsKept {
		m.forget(now)
	}
	return &NewKinds{of: m, life: m.life}
}

// NewKinds are kinds that a transaction stores.
type NewKinds struct {
	of    *KindMemory
	life  int
	fresh map[kindOf]struct{}
}

// Of returns which kinds of the rows the transaction has to store, each once, in an order that is the same for
// whoever stores them.
func (n *NewKinds) Of(tenant string, rows ...*Row) []Kind {
	n.of.mu.Lock()
	defer n.of.mu.Unlock()
	var list []Kind
	for _, r := range rows {
		for _, k := range r.Kinds {
			of := kindOf{tenant, k}
			_, known := n.of.known[of]
			_, fresh := n.fresh[of]
			if known && n.life == n.of.life || fresh {
				continue
			}
			if n.fresh == nil {
				n.fresh = map[kindOf]struct{}{}
			}
			n.fresh[of] = struct{}{}
			list = append(list, k)
		}
	}
	sortKinds(list)
	return list
}

// Committed remembers what the transaction stored, unless all was forgotten since it began.
func (n *NewKinds) Committed() {
	n.of.mu.Lock()
	defer n.of.mu.Unlock()
	if n.life != n.of.life {
		return
	}
	if len(n.of.known)+len(n.fresh) > maxKinds {
		n.of.forget(time.Now())
	}
	for of := range n.fresh {
		n.of.known[of] = struct{}{}
	}
}
