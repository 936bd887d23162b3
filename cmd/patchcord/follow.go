package main

import (
	"context"
	"time"

	"patchcord/crm"
)

// follower carries what people did from the event log to the sockets of this
// node, whichever node it was done on. It is for one goroutine.
type follower struct {
	store   peopleLog
	tenants []string
	publish func(*crm.Event)
	warn    func(msg string, args ...any)

	// Of each tenant, the last event published; nil before the first look. The numbers are those of one log, but
	// tenants are read one after another, and by then the log has gone on for those that were read first.
	reached map[string]int64
}

// peopleLog is what a follower needs of crm.EventStore.
type peopleLog interface {
	PeopleEvents(ctx context.Context, tenant string, after int64, limit int) ([]crm.StoredEvent, error)
	Tops(ctx context.Context) (crm.Cursor, error)
}

const (
	followEvery = 250 * time.Millisecond // how late another node's disposition may show here
	followPage  = 200
)

func (f *follower) run(ctx context.Context) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	failing := false
	for {
		err := f.step(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			f.warn("what people do on other nodes shows late until the store answers", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// step publishes what people did since the last step. The first only finds the end of the log.
func (f *follower) step(ctx context.Context) error {
	if f.reached == nil {
		tops, err := f.store.Tops(ctx)
		if err != nil {
			return err
		}
		f.reached = make(map[string]int64, len(f.tenants))
		for _, tenant := range f.tenants {
			f.reached[tenant] = tops.Log
		}
		return nil
	}
	for _, tenant := range f.tenants {
		for {
			events, err := f.store.PeopleEvents(ctx, tenant, f.reached[tenant], followPage)
			if err != nil {
				return err
			}
			for _, s := range events {
				f.show(tenant, s)
				f.reached[tenant] = s.N
			}
			if len(events) < followPage {
				break
			}
		}
	}
	return nil
}

func (f *follower) show(tenant string, s crm.StoredEvent) {
	var e crm.Event
	if err := e.UnmarshalJSON(s.Body); err != nil {
		f.warn("an event of the log is not understood; sockets do not get it", "n", s.N, "err", err)
		return
	}
	e.Tenant = tenant
	f.publish(&e)
}
