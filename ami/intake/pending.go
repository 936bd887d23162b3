package intake

import (
	"patchcord/ami/calls"
	"patchcord/crm"
)

// pending returns what the fold changed since the last successful commit. A
// commit that did not succeed leaves its changes here, and newer ones go on top.
func (r *recorder) pending() *calls.Changes {
	fresh := r.fold.Drain()
	if r.held == nil {
		r.held = &fresh
		return r.held
	}
	r.held.Calls = overlay(r.held.Calls, fresh.Calls, func(c *crm.Call) string { return c.ID })
	r.held.Gaps = overlay(r.held.Gaps, fresh.Gaps, func(g crm.Gap) string { return g.ID })
	r.held.Evidence = append(r.held.Evidence, fresh.Evidence...)
	if r.held.State == nil {
		r.held.State = map[string][]byte{}
	}
	for k, v := range fresh.State {
		r.held.State[k] = v
	}
	return r.held
}

// overlay returns old with every element that fresh has replaced, and fresh's others after it.
func overlay[T any](old, fresh []T, key func(T) string) []T {
	at := make(map[string]int, len(old))
	for i, v := range old {
		at[key(v)] = i
	}
	for _, v := range fresh {
		if i, ok := at[key(v)]; ok {
			old[i] = v
			continue
		}
		old = append(old, v)
	}
	return old
}
