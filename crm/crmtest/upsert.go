package crmtest

import (
	"slices"
	"testing"
	"time"

	"patchcord/crm"
)

// Upserts stores that many calls of a month in batches of 100, and then all of them
// again with one thing changed, as a call is stored while it rings and when it is
// over. It returns the processor time that storing one took, new and again.
func Upserts(t *testing.T, s crm.Store, n int, cpu func() time.Duration) (inserted, updated time.Duration) {
	t.Helper()
	const batch, chunk = 100, 5000                    // calls are made a chunk at a time, while no one looks at the clock
	h := History{Calls: max(n, 800_000), Month: base} // a call every three seconds
	p := own(t, s, HistoryPBX, tenant)
	store := func(change func(*crm.Call)) time.Duration {
		var used time.Duration
		for i := 0; i < n; i += chunk {
			var calls []*crm.Call
			for j := i; j < min(i+chunk, n); j++ {
				c := h.Call(j)
				change(c)
				calls = append(calls, c)
			}
			before := cpu()
			for b := range slices.Chunk(calls, batch) {
				p.store(b...)
			}
			used += cpu() - before
		}
		return used / time.Duration(n)
	}
	inserted = store(func(*crm.Call) {})
	return inserted, store(func(c *crm.Call) { c.EndedBy, c.EndedAt = crm.EndedBySystem, crm.At(c.EndedAt.Add(time.Second)) })
}
