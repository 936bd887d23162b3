package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"sync/atomic"

	"patchcord/ami/intake"
)

// unit is what another can take the place of while everything else runs: the line of a PBX, what serves a CRM, or a webhook's worker.
type unit struct {
	name    string // "PBX hq", "CRM sales", "webhook w"
	of      setting
	line    *intake.Line // of a PBX, else nil
	crm     *crmService  // of a CRM, else nil
	parts   []part
	closers []io.Closer
	stop    func() // returns when its parts have ended; nil until it runs
}

// setting is all that a unit is made of.
type setting struct {
	keys   any    // under pbxs, crms or webhooks
	region string // of a CRM
	files  [][sha256.Size]byte
}

func (x *unit) add(name string, run func(context.Context) error) {
	x.parts = append(x.parts, part{name, run})
}

// start runs the unit until ctx ends or it is stopped. What it ends with otherwise is told once.
func (x *unit) start(ctx context.Context, failed chan<- error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	x.stop = func() {
		cancel()
		<-ended
	}
	go func() {
		defer close(ended)
		if err := runParts(ctx, x.parts); ctx.Err() == nil {
			select {
			case failed <- err:
			default: // another was first, and stops all
			}
		}
	}()
}

// settings returns what each unit of the configuration is made of, by its name.
func (c *Config) settings() map[string]setting {
	all := map[string]setting{}
	for i := range c.PBXs {
		p := &c.PBXs[i]
		s := setting{keys: *p}
		if p.TLS != nil {
			s.files = append(s.files, c.sums[p.TLS.CAFile])
		}
		all["PBX "+p.Name] = s
	}
	for i := range c.CRMs {
		m := &c.CRMs[i]
		all["CRM "+m.Name] = setting{keys: *m, region: c.region(m), files: [][sha256.Size]byte{c.sums[m.SecretFile], c.sums[m.CAFile]}}
	}
	for _, w := range c.Webhooks {
		all["webhook "+w.Name] = setting{keys: w, files: [][sha256.Size]byte{c.sums[w.SecretFile]}}
	}
	return all
}

// changes says which units of next are others than those of c.
func (c *Config) changes(next *Config) (list []string) {
	before, after := c.settings(), next.settings()
	for name, s := range after {
		was, known := before[name]
		switch {
		case !known:
			list = append(list, name+" (new)")
		case !reflect.DeepEqual(s, was):
			list = append(list, name)
		}
	}
	for name := range before {
		if _, stays := after[name]; !stays {
			list = append(list, name+" (gone)")
		}
	}
	slices.Sort(list)
	return list
}

// crew runs the units.
type crew struct {
	list  []*unit // of run, while it runs
	shift chan shift
	ended chan struct{} // closed when run has returned
}

// shift is other units in the place of those that run.
type shift struct {
	list []*unit
	show func() // what is seen from outside changes, once the old ones have ended and before the new ones begin
	done chan struct{}
}

func newCrew(list []*unit) *crew {
	return &crew{list: list, shift: make(chan shift), ended: make(chan struct{})}
}

// run runs the units until ctx ends, or one of them does.
func (c *crew) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	failed := make(chan error, 1)
	defer close(c.ended)
	defer func() {
		cancel()
		for _, x := range c.list {
			x.stop()
		}
	}()
	for _, x := range c.list {
		x.start(ctx, failed)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case s := <-c.shift:
			c.change(ctx, s, failed)
			close(s.done)
		}
	}
}

func (c *crew) change(ctx context.Context, s shift, failed chan<- error) {
	for _, x := range c.list {
		if !slices.Contains(s.list, x) {
			x.stop()
			_ = closeAll(x.closers) // they were read from only
		}
	}
	s.show()
	for _, x := range s.list {
		if x.stop == nil {
			x.start(ctx, failed)
		}
	}
	c.list = s.list
}

// put has run put other units in the place of those that run, and returns when that is done. When run has returned, the new ones are
// closed.
func (c *crew) put(list []*unit, show func()) {
	s := shift{list, show, make(chan struct{})}
	select {
	case c.shift <- s:
		<-s.done
	case <-c.ended:
		for _, x := range list {
			if !slices.Contains(c.list, x) {
				_ = closeAll(x.closers) // they were never used
			}
		}
	}
}

// named returns the units by name.
func (c *crew) named() map[string]*unit {
	all := map[string]*unit{}
	for _, x := range c.list {
		all[x.name] = x
	}
	return all
}

// close closes what the units have open. run has returned, or was never called.
func (c *crew) close() (errs []error) {
	for _, x := range c.list {
		errs = append(errs, closeAll(x.closers))
	}
	return errs
}

// build returns the units of a configuration: those that are there already with the same settings, and new ones. What cannot be
// made is an error; nothing runs or is connected yet.
func (d *daemon) build(cfg *Config, there map[string]*unit) (list []*unit, err error) {
	var made []*unit
	defer func() {
		if err != nil {
			for _, x := range made {
				_ = closeAll(x.closers) // they were never used
			}
		}
	}()
	settings := cfg.settings()
	unitOf := func(name string, make func(*unit) error) error {
		if x := there[name]; x != nil && reflect.DeepEqual(x.of, settings[name]) {
			list = append(list, x)
			return nil
		}
		x := &unit{name: name, of: settings[name]}
		if err := make(x); err != nil {
			return err
		}
		made, list = append(made, x), append(list, x)
		return nil
	}
	for i := range cfg.PBXs {
		p := &cfg.PBXs[i]
		if err := unitOf("PBX "+p.Name, func(x *unit) error { return d.makeLine(x, p) }); err != nil {
			return nil, err
		}
	}
	for i := range cfg.Webhooks {
		w := &cfg.Webhooks[i]
		if err := unitOf("webhook "+w.Name, func(x *unit) error { return d.makeWebhook(x, w) }); err != nil {
			return nil, cfg.problem(fmt.Sprintf("webhooks.%d", i), "%v", err)
		}
	}
	for i := range cfg.CRMs {
		m := &cfg.CRMs[i]
		if err := unitOf("CRM "+m.Name, func(x *unit) error { return d.makeCRM(x, m, cfg.region(m)) }); err != nil {
			return nil, cfg.problem(fmt.Sprintf("crms.%d", i), "%v", err)
		}
	}
	return list, nil
}

// show makes everything that asks see the units of a configuration.
func (d *daemon) show(cfg *Config, list []*unit) {
	var lines []*intake.Line
	var crms []*crmService
	for _, x := range list {
		if x.line != nil {
			lines = append(lines, x.line)
			_, tenant := x.line.PBX()
			d.hub.SetPBX(tenant, shownState(x.line.Status()))
		}
		if x.crm != nil {
			crms = append(crms, x.crm)
		}
	}
	d.house.lines.set(lines)
	d.crms.list.set(crms)
	d.dead.pbxs.set(cfg.PBXs)
	d.targets.set(cfg.destinations())
}

// adapt puts the units of a changed configuration in the place of those whose settings changed, and leaves the others as they run.
// It reports false, and has done nothing, where everything has to start anew.
func (d *daemon) adapt(next *Config) (bool, error) {
	if !d.cfg.sameBut(next, d.follow != nil) {
		return false, nil
	}
	list, err := d.build(next, d.crew.named())
	if err != nil {
		return true, err
	}
	d.crew.put(list, func() { d.show(next, list) })
	d.cfg = next
	return true, nil
}

// sameBut reports whether all that differs in next are units of the same tenants. A PBX that is gone, or has moved to another
// tenant, is no such difference, and where nodes share PBXs neither is a new one: the others have to learn of it.
func (c *Config) sameBut(next *Config, shared bool) bool {
	rest := func(c *Config) Config {
		r := *c
		r.PBXs, r.CRMs, r.Webhooks, r.lines, r.sums, r.unknown = nil, nil, nil, nil, nil, nil
		return r
	}
	home := func(c *Config) map[string]string {
		tenants := map[string]string{}
		for _, p := range c.PBXs {
			tenants[p.Name] = p.Tenant
		}
		return tenants
	}
	before, after := home(c), home(next)
	if !shared {
		maps.DeleteFunc(after, func(pbx, _ string) bool { return before[pbx] == "" })
	}
	return reflect.DeepEqual(rest(c), rest(next)) && slices.Equal(c.tenants(), next.tenants()) && c.homeRegion() == next.homeRegion() &&
		maps.Equal(before, after)
}

// current is a list that is replaced as a whole: who reads it has one that stays as it is. The zero value has none.
type current[T any] struct{ p atomic.Pointer[T] }

func (c *current[T]) get() (v T) {
	if p := c.p.Load(); p != nil {
		v = *p
	}
	return v
}

func (c *current[T]) set(v T) { c.p.Store(&v) }
