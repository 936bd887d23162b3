package stored

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func rowOf(facets ...string) *Row {
	r := &Row{}
	for _, f := range facets {
		r.Kinds = append(r.Kinds, Kind{Month: 1, Facets: f})
	}
	return r
}

func TestKindMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m KindMemory
		stores := func(why string, n *NewKinds, want int, facets ...string) {
			t.Helper()
			if got := n.Of("default", rowOf(facets...)); len(got) != want {
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
		if got := second.Of("other", rowOf("a")); len(got) != 1 {
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
		time.Sleep(kindsKept)
		stores("a minute later", m.Begin(), 1, "a")
	})
}

func TestKindMemoryIsBounded(t *testing.T) {
	var m KindMemory
	for i := range 3 * maxKinds {
		n := m.Begin()
		n.Of("default", rowOf(fmt.Sprint(i)))
		n.Committed()
	}
	if len(m.known) == 0 || len(m.known) > maxKinds {
		t.Errorf("%d kinds are remembered, want at most %d", len(m.known), maxKinds)
	}
}
