package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"patchcord/crm"
)

// sharedLog is one event log of several tenants. during is called at each read, before it.
type sharedLog struct {
	events []crm.StoredEvent
	of     map[int64]string
	during func(tenant string) error
}

func (l *sharedLog) add(tenant string) {
	n := int64(len(l.events) + 1)
	e := crm.Event{Type: crm.CallUpdated, PBX: "", Pos: crm.Position{Seq: uint64(n)}, Call: &crm.Call{ID: fmt.Sprintf("hq-%d.1", n), PBX: "hq"}}
	l.events = append(l.events, crm.StoredEvent{N: n, Body: e.AppendJSON(nil)})
	l.of[n] = tenant
}

func (l *sharedLog) PeopleEvents(_ context.Context, tenant string, after int64, limit int) (list []crm.StoredEvent, err error) {
	if l.during != nil {
		if err := l.during(tenant); err != nil {
			return nil, err
		}
	}
	for _, e := range l.events {
		if e.N > after && l.of[e.N] == tenant && len(list) < limit {
			list = append(list, e)
		}
	}
	return list, nil
}

func (l *sharedLog) Tops(context.Context) (crm.Cursor, error) {
	return crm.Cursor{Log: int64(len(l.events))}, nil
}

// atEnd returns a follower of two tenants that has found the end of the log, and whose events it published.
func atEnd(t *testing.T, log *sharedLog) (*follower, *[]string) {
	t.Helper()
	var got []string
	f := &follower{
		store: log, tenants: []string{"a", "b"},
		publish: func(e *crm.Event) { got = append(got, fmt.Sprintf("%s %d", e.Tenant, e.Pos.Seq)) },
		warn:    func(msg string, args ...any) { t.Log(append([]any{msg}, args...)...) },
	}
	if err := f.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f, &got
}

func TestFollower(t *testing.T) {
	t.Run("begins at the end, and pages to the newest", func(t *testing.T) {
		log := &sharedLog{of: map[int64]string{}}
		log.add("a")
		f, got := atEnd(t, log)
		var want []string
		for n := 2; n < 2+followPage+1; n++ {
			log.add("b")
			want = append(want, fmt.Sprintf("b %d", n))
		}
		if err := f.step(t.Context()); err != nil || !slices.Equal(*got, want) {
			t.Errorf("got %d events (%v), want %d", len(*got), err, len(want))
		}
	})
	t.Run("an event of a tenant that was just read is not passed over", func(t *testing.T) {
		log := &sharedLog{of: map[int64]string{}}
		f, got := atEnd(t, log)
		log.during = func(tenant string) error {
			if tenant == "b" { // a was read; now both do something
				log.add("a")
				log.add("b")
				log.during = nil
			}
			return nil
		}
		for range 2 {
			if err := f.step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if want := []string{"b 2", "a 1"}; !slices.Equal(*got, want) {
			t.Errorf("got %q, want %q", *got, want)
		}
	})
	t.Run("a store that fails for one tenant shows nothing twice", func(t *testing.T) {
		log := &sharedLog{of: map[int64]string{}}
		f, got := atEnd(t, log)
		log.add("a")
		log.add("b")
		away := errors.New("away")
		log.during = func(tenant string) error {
			if tenant == "b" {
				return away
			}
			return nil
		}
		if err := f.step(t.Context()); !errors.Is(err, away) {
			t.Fatal("got", err)
		}
		log.during = nil
		if err := f.step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"a 1", "b 2"}; !slices.Equal(*got, want) {
			t.Errorf("got %q, want %q", *got, want)
		}
	})
}
