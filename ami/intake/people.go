package intake

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"patchcord/crm"
)

// bindingStore is what People needs of a store.
type bindingStore interface {
	Bindings(ctx context.Context, tenant string) ([]crm.Binding, error)
}

// refreshEvery is how stale a node's view of the bindings may be: who sits down at
// a desk has its pops within 2 seconds.
const refreshEvery = time.Second

// People knows who has which extension. It is a copy of the store's bindings,
// refreshed every second, so that the live path asks no database. Safe for
// concurrent use.
type People struct {
	store   bindingStore
	tenants []string
	log     *slog.Logger

	mu    sync.RWMutex
	bound map[line][]crm.Binding // guarded by mu; in order of their beginning
}

// line is an extension of a PBX of a tenant.
type line struct{ tenant, pbx, extension string }

// NewPeople returns an empty copy of the bindings of the tenants; Refresh fills it.
func NewPeople(store bindingStore, tenants []string, log *slog.Logger) *People {
	return &People{store: store, tenants: tenants, log: log}
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

// Refresh reads the bindings anew.
func (p *People) Refresh(ctx context.Context) error {
	bound := map[line][]crm.Binding{}
	for _, tenant := range p.tenants {
		list, err := p.store.Bindings(ctx, tenant)
		if err != nil {
			return fmt.Errorf("read bindings of tenant %s: %w", tenant, err)
		}
		for _, b := range list {
			k := line{tenant, b.PBX, b.Extension}
			bound[k] = append(bound[k], b)
		}
	}
	p.mu.Lock()
	p.bound = bound
	p.mu.Unlock()
	return nil
}

// Agents returns the names of everybody who had the extension at that time, the one
// bound last first. A zero time is now: of a call that was going on when the PBX was
// first seen, nobody knows when it began to ring.
func (p *People) Agents(tenant, pbx, extension string, at time.Time) []string {
	if at.IsZero() {
		at = time.Now()
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	var names []string
	for _, b := range slices.Backward(p.bound[line{tenant, pbx, extension}]) {
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
func (p *People) Bound(tenant string, at time.Time) []crm.Binding {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var list []crm.Binding
	for k, bindings := range p.bound {
		if k.tenant != tenant {
			continue
		}
		for _, b := range bindings {
			if b.Holds(at) {
				list = append(list, b)
			}
		}
	}
	return list
}

// dress puts agents' names to the extensions in the record. Only whoever made
// the record may call it, before handing it out.
func (p *People) dress(c *crm.Call) {
	for i := range c.Offers {
		o := &c.Offers[i]
		o.Agent, o.Agents = named(p.Agents(c.Tenant, c.PBX, o.Extension, o.StartedAt.Time))
	}
	for i := range c.Talks {
		t := &c.Talks[i]
		if t.Extension != "" {
			t.Agent, t.Agents = named(p.Agents(c.Tenant, c.PBX, t.Extension, t.StartedAt.Time))
		}
	}
}

func (p *People) dressEvent(e *crm.Event) {
	if e.Call != nil {
		p.dress(e.Call)
	}
	if a := e.Agent; a != nil {
		a.Agent, a.Agents = named(p.Agents(e.Tenant, a.PBX, a.Extension, e.At.Time))
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
