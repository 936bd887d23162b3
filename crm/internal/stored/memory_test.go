package stored

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
)

func rowOf(facets ...string) *Row {
	r := &Row{}
	for _, f := range facets {
		r.Kinds = append(r.Kinds, Kind{Month: 1, Facets: f})
	}
	return r
}

func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		stores := func(why string, n *News, want int, facets ...string) {
			t.Helper()
			if got := n.Kinds("default", rowOf(facets...)); len(got) != want {
				t.Errorf("%s: stores %v, want %d", why, got, want)
			}
		}
		first := m.Begin()
		stores("the first transaction", first, 2, "b", "a", "b")
		stores("what it stored already", first, 1, "b", "c")
		stores("another, before it is committed", m.Begin(), 1, "a") // which may not come to its end
		first.Committed()
		second := m.Begin()
		stores("after the commit", second, 1, "a", "d")
		if got := second.Kinds("other", rowOf("a")); len(got) != 1 {
			t.Errorf("another tenant stores %v, want its own", got)
		}
		stores("after one that was not committed", m.Begin(), 1, "d")

		late := m.Begin()
		m.Forget()
		stores("one that began before all was forgotten", late, 1, "a")
		late.Committed() // in a database that may be gone
		stores("after that", m.Begin(), 1, "a")

		n := m.Begin()
		stores("anew", n, 1, "a")
		n.Committed()
		stores("for a while", m.Begin(), 0, "a")
		time.Sleep(remembered)
		stores("a minute later", m.Begin(), 1, "a")
	})
}

func TestMemoryIsBounded(t *testing.T) {
	var m Memory
	for i := range 3 * maxRemembered {
		n := m.Begin()
		n.Kinds("default", rowOf(fmt.Sprint(i)))
		at := crm.At(time.Unix(1e9, 0))
		n.Seen("default", []*crm.Call{{PBX: "hq", Offers: []crm.Offer{{Extension: fmt.Sprint(i), StartedAt: at}}}})
		n.Committed()
	}
	for what, got := range map[string]int{"kinds": len(m.kinds), "extensions": len(m.seen)} {
		if got == 0 || got > maxRemembered {
			t.Errorf("%d %s are remembered, want at most %d", got, what, maxRemembered)
		}
	}
}

func TestSeenIsStoredWhenItMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		base := time.Now()
		rang := func(extension string, after time.Duration) *crm.Call {
			return &crm.Call{PBX: "hq", Offers: []crm.Offer{{Extension: extension, StartedAt: crm.At(base.Add(after))}}}
		}
		stores := func(why string, n *News, want []Seen, calls ...*crm.Call) {
			t.Helper()
			if got := n.Seen("default", calls); !slices.Equal(got, want) {
				t.Errorf("%s: stores %v, want %v", why, got, want)
			}
		}
		seen := func(extension string, after time.Duration) Seen {
			return Seen{"hq", extension, crm.At(base.Add(after))}
		}
		first := m.Begin()
		stores("the first", first, []Seen{seen("101", time.Second), seen("102", 0)}, rang("102", 0), rang("101", time.Second), rang("101", 0))
		stores("the same transaction", first, []Seen{}, rang("101", 2*time.Second))
		stores("another, before it is committed", m.Begin(), []Seen{seen("101", 0)}, rang("101", 0))
		first.Committed()
		stores("no more than the step later", m.Begin(), []Seen{}, rang("101", time.Second+seenStep), rang("102", -time.Hour))
		stores("later than that", m.Begin(), []Seen{seen("102", seenStep+1e6)}, rang("102", seenStep+1e6))
		stores("no extension, or no time", m.Begin(), []Seen{}, rang("", 0), &crm.Call{PBX: "hq", Talks: []crm.Talk{{Extension: "103"}}})
		if got := m.Begin().Seen("other", []*crm.Call{rang("101", 0)}); len(got) != 1 {
			t.Errorf("another tenant stores %v, want its own", got)
		}
		m.Forget()
		stores("after all was forgotten", m.Begin(), []Seen{seen("101", 0)}, rang("101", 0))
	})
}
