package stored

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"patchcord/crm"
)

const (
	maxRemembered = 20_000      // kinds, and as many extensions; with more it begins anew
	remembered    = time.Minute // then all are stored once more, for whatever became of the database meanwhile
	seenStep      = time.Minute // by how much an extension's last part in a call must move to be stored again
)

// Memory is what a store has for certain, so that it need not be stored with every
// call: kinds of calls, and when extensions were last seen. The zero value remembers
// nothing. It is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	kinds map[kindOf]struct{}  // guarded by mu
	seen  map[phoneOf]crm.Time // guarded by mu
	since time.Time            // guarded by mu; when it was begun
	life  int                  // guarded by mu; counts how often
}

// kindOf is a kind of calls of a tenant.
type kindOf struct {
	tenant string
	Kind
}

// phoneOf is an extension of a tenant.
type phoneOf struct{ tenant, pbx, extension string }

// Seen is when an extension last had part in a call.
type Seen struct {
	PBX, Extension string
	At             crm.Time
}

// Forget begins anew. The database may not be the one that it was.
func (m *Memory) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(time.Now())
}

// forget is Forget; mu is held.
func (m *Memory) forget(now time.Time) {
	m.kinds, m.seen, m.since = map[kindOf]struct{}{}, map[phoneOf]crm.Time{}, now
	m.life++
}

// Begin returns the memory of a transaction that begins. It is for one goroutine.
func (m *Memory) Begin() *News {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.since) >= remembered {
		m.forget(now)
	}
	return &News{of: m, life: m.life, kinds: map[kindOf]struct{}{}, seen: map[phoneOf]crm.Time{}}
}

// News is what a transaction stores that was not known.
type News struct {
	of    *Memory
	life  int
	kinds map[kindOf]struct{}
	seen  map[phoneOf]crm.Time
}

// Kinds returns which kinds of the rows the transaction has to store, each once, in an order that is the same for
// whoever stores them.
func (n *News) Kinds(tenant string, rows ...*Row) []Kind {
	n.of.mu.Lock()
	defer n.of.mu.Unlock()
	var list []Kind
	for _, r := range rows {
		for _, k := range r.Kinds {
			of := kindOf{tenant, k}
			_, known := n.of.kinds[of]
			_, fresh := n.kinds[of]
			if known && n.life == n.of.life || fresh {
				continue
			}
			n.kinds[of] = struct{}{}
			list = append(list, k)
		}
	}
	sortKinds(list)
	return list
}

// Seen returns which extensions that the calls rang, or that talked in them, the
// transaction has to store, each once, in an order that is the same for whoever stores them.
func (n *News) Seen(tenant string, calls []*crm.Call) []Seen {
	n.of.mu.Lock()
	defer n.of.mu.Unlock()
	at := map[phoneOf]crm.Time{}
	note := func(pbx, extension string, t crm.Time) {
		if extension == "" || t.IsZero() {
			return
		}
		of := phoneOf{tenant, Text(pbx), Text(extension)}
		if n.life == n.of.life && !moved(n.of.seen, of, t) || !moved(n.seen, of, t) {
			return
		}
		if last, ok := at[of]; !ok || t.After(last.Time) {
			at[of] = t
		}
	}
	for _, c := range calls {
		for i := range c.Offers {
			note(c.PBX, c.Offers[i].Extension, c.Offers[i].StartedAt)
		}
		for i := range c.Talks {
			note(c.PBX, c.Talks[i].Extension, c.Talks[i].StartedAt)
		}
	}
	list := make([]Seen, 0, len(at))
	for of, t := range at {
		n.seen[of] = t
		list = append(list, Seen{of.pbx, of.extension, t})
	}
	slices.SortFunc(list, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(a.PBX, b.PBX), cmp.Compare(a.Extension, b.Extension))
	})
	return list
}

// moved reports whether t is news of an extension.
func moved(seen map[phoneOf]crm.Time, of phoneOf, t crm.Time) bool {
	last, ok := seen[of]
	return !ok || t.Sub(last.Time) > seenStep
}

// Committed remembers what the transaction stored, unless all was forgotten since it began.
func (n *News) Committed() {
	n.of.mu.Lock()
	defer n.of.mu.Unlock()
	if n.life != n.of.life {
		return
	}
	if max(len(n.of.kinds)+len(n.kinds), len(n.of.seen)+len(n.seen)) > maxRemembered {
		n.of.forget(time.Now())
	}
	maps.Copy(n.of.kinds, n.kinds)
	maps.Copy(n.of.seen, n.seen)
}
