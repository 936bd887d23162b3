package intake

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"patchcord/crm"
)

// peopleStore is what People needs of a store.
type peopleStore interface {
	Bindings(ctx context.Context, tenant string) ([]crm.Binding, error)
	Users(ctx context.Context, tenant string) ([]crm.User, error)
	UsersRevision(ctx context.Context, tenant string) (int64, error)
}

// refreshEvery is how stale a node's view of the bindings may be: who sits down at
// a desk has its pops within 2 seconds.
const refreshEvery = time.Second

// People knows who has which extension. It is a copy of the store's bindings,
// so that the live path asks no database. Every second it asks whether they
// changed, and reads them only then. Safe for concurrent use.
type People struct {
	store   peopleStore
	tenants []string
	log     *slog.Logger

	reading   sync.Mutex // one Refresh at a time
	revisions []int64    // guarded by reading; of the tenants, in their order, when they were last read

	mu    sync.RWMutex
	bound map[line][]crm.Binding   // guarded by mu; in order of their beginning
	lines map[user][]line          // guarded by mu; those of bound that a user has or had, by his name as it is
	named map[user]string          // guarded by mu; names of users who may log in
	skew  map[string]time.Duration // guarded by mu; by PBX: how far our clock is ahead of its
}

// line is an extension of a PBX of a tenant.
type line struct{ tenant, pbx, extension string }

// user is a user's name in lower case: names differ by more than their case.
type user struct{ tenant, name string }

// NewPeople returns an empty copy of the bindings of the tenants; Refresh fills it.
func NewPeople(store peopleStore, tenants []string, log *slog.Logger) *People {
	return &People{store: store, tenants: tenants, log: log, skew: map[string]time.Duration{}}
}

// Run refreshes until ctx ends. While the store is away the last copy serves.
func (p *People) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	failing := false
	for {
		err := p.Refresh(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			p.log.Warn("who has which extension may be out of date until the store answers", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Refresh reads the bindings anew if they changed.
func (p *People) Refresh(ctx context.Context) error {
	p.reading.Lock()
	defer p.reading.Unlock()
	revisions := make([]int64, 0, len(p.tenants))
	for _, tenant := range p.tenants {
		n, err := p.store.UsersRevision(ctx, tenant)
		if err != nil {
			return fmt.Errorf("ask whether users of tenant %s changed: %w", tenant, err)
		}
		revisions = append(revisions, n)
	}
	if slices.Equal(revisions, p.revisions) {
		return nil
	}
	if err := p.read(ctx); err != nil {
		return err
	}
	p.revisions = revisions
	return nil
}

// read reads the bindings and the names of users.
func (p *People) read(ctx context.Context) error {
	bound, lines, names := map[line][]crm.Binding{}, map[user][]line{}, map[user]string{}
	for _, tenant := range p.tenants {
		list, err := p.store.Bindings(ctx, tenant)
		if err != nil {
			return fmt.Errorf("read bindings of tenant %s: %w", tenant, err)
		}
		for _, b := range list {
			k := line{tenant, b.PBX, b.Extension}
			bound[k] = append(bound[k], b)
			if who := (user{tenant, b.User}); !slices.Contains(lines[who], k) {
				lines[who] = append(lines[who], k)
			}
		}
		users, err := p.store.Users(ctx, tenant)
		if err != nil {
			return fmt.Errorf("read users of tenant %s: %w", tenant, err)
		}
		for _, u := range users {
			if !u.Disabled {
				names[user{tenant, strings.ToLower(u.Name)}] = u.Name
			}
		}
	}
	p.mu.Lock()
	p.bound, p.lines, p.named = bound, lines, names
	p.mu.Unlock()
	return nil
}

// Agents returns the names of everybody who had the extension at that time, by our
// clock, the one bound last first. A zero time is now: of a call that was going on when
// the PBX was first seen, nobody knows when it began to ring.
func (p *People) Agents(tenant, pbx, extension string, at time.Time) []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.had(line{tenant, pbx, extension}, at)
}

// had is Agents. p.mu is held.
func (p *People) had(l line, at time.Time) (names []string) {
	if at.IsZero() {
		at = time.Now()
	}
	for _, b := range slices.Backward(p.bound[l]) {
		if b.Holds(at) && !slices.Contains(names, b.User) {
			names = append(names, b.User)
		}
	}
	return names
}

// Agent returns the first of Agents, or "".
func (p *People) Agent(tenant, pbx, extension string, at time.Time) string {
	one, _ := p.Named(tenant, pbx, extension, at)
	return one
}

// Named is Agents as a record carries them: the one bound last, and all by name
// when they are several.
func (p *People) Named(tenant, pbx, extension string, at time.Time) (one string, all []string) {
	return named(p.Agents(tenant, pbx, extension, at))
}

// Bound returns the tenant's bindings that hold at that time.
func (p *People) Bound(tenant string, at time.Time) (list []crm.Binding) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for k, bindings := range p.bound {
		if k.tenant == tenant {
			list = appendHeld(list, bindings, at)
		}
	}
	return list
}

// BoundTo returns the bindings that hold at that time of the extensions that the user has
// then, those of others who share one with him included.
func (p *People) BoundTo(tenant, name string, at time.Time) (list []crm.Binding) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, k := range p.lines[user{tenant, name}] {
		if slices.Contains(p.had(k, at), name) {
			list = appendHeld(list, p.bound[k], at)
		}
	}
	return list
}

func appendHeld(list, bindings []crm.Binding, at time.Time) []crm.Binding {
	for _, b := range bindings {
		if b.Holds(at) {
			list = append(list, b)
		}
	}
	return list
}

// takesPart reports whether the user sat at a phone of the record when that rang or talked.
func (p *People) takesPart(c *crm.Call, name string) bool {
	sat := func(extension string, d crm.Desk, at crm.Time) bool {
		return slices.Contains(p.at(line{c.Tenant, c.PBX, extension}, d, at.Time).users, name)
	}
	for i := range c.Offers {
		if o := &c.Offers[i]; sat(o.Extension, o.Desk, o.StartedAt) {
			return true
		}
	}
	for i := range c.Talks {
		if t := &c.Talks[i]; t.Extension != "" && sat(t.Extension, t.Desk, t.StartedAt) {
			return true
		}
	}
	return false
}

// Dress puts users' names to the extensions in the record. Only whoever made the
// record may call it, before handing it out.
func (p *People) Dress(c *crm.Call) {
	for i := range c.Offers {
		o := &c.Offers[i]
		o.Agent, o.Agents = p.at(line{c.Tenant, c.PBX, o.Extension}, o.Desk, o.StartedAt.Time).named()
	}
	for i := range c.Talks {
		t := &c.Talks[i]
		if t.Extension != "" {
			t.Agent, t.Agents = p.at(line{c.Tenant, c.PBX, t.Extension}, t.Desk, t.StartedAt.Time).named()
		}
	}
}

func (p *People) dressEvent(e *crm.Event) {
	p.learnSkew(e)
	if e.Call != nil {
		p.Dress(e.Call)
	}
	if a := e.Agent; a != nil {
		a.Agent, a.Agents = p.at(line{e.Tenant, a.PBX, a.Extension}, a.Desk, e.At.Time).named()
	}
}

// named returns names as a record carries them: the one bound last, and all by
// name when they are several.
func named(names []string) (one string, all []string) {
	if len(names) == 0 {
		return "", nil
	}
	one = names[0]
	if len(names) > 1 {
		slices.Sort(names)
		all = names
	}
	return one, all
}
