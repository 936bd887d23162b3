package crmsync

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// locate looks up what must be known before writing: whether the activity of an absorbed call is
// there, and every activity where the CRM cannot upsert.
func (r *Records) locate(ctx context.Context, b *batch) error {
	var keys []string
	for _, a := range b.list {
		if a.Merged || !r.caps.Upsert {
			keys = append(keys, a.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	wanted, err := r.sight.wanted()
	if err != nil {
		return err
	}
	if wanted != "" && !slices.Contains(keys, wanted) {
		keys = append(keys, wanted)
	}
	ids, err := r.find(ctx, keys)
	if err == nil {
		if err = r.sight.found(wanted, ids); err != nil && b.only(r.sight.another(b.list, ids), err) {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	for i := range b.list {
		a := &b.list[i]
		switch found := ids[a.Key]; {
		case len(found) == 1:
			a.ID = found[0]
			r.updates(a)
		case len(found) > 1:
			b.refuse(a.Key, &PushError{Class: Permanent, Reason: fmt.Sprintf(
				"%d activities of the CRM carry the key %s; leave one there, then try again", len(found), a.Key)})
		}
	}
	b.drop(func(a Activity) bool { return b.refused[a.Key] != nil })
	return nil
}

// find asks the CRM for the activities with those keys, behind a breaker of its own: look-ups may fail while writing works, and
// the other way about. Its errors are *PushError that say so.
func (r *Records) find(ctx context.Context, keys []string) (map[string][]string, error) {
	leave := r.lookup.enter()
	if leave == nil {
		return nil, &PushError{Class: Transient, Reason: "look-ups fail", After: breakFor, lookup: true, free: true}
	}
	ids, err := r.cfg.Connector.Find(ctx, keys)
	if err == nil {
		leave(nil)
		return ids, nil
	}
	p := *asPushError(err) // others may hold it
	p.lookup = true
	if ctx.Err() != nil {
		leave(notAsked) // we stopped, or there was no time left
		return nil, &p
	}
	p.free = leave(&p)
	return nil, &p
}

// ready implements preparing.
func (r *Records) ready() (places int, probe bool) {
	if r.caps.Upsert { // only calls that were absorbed are looked up
		return math.MaxInt, false
	}
	places, probe = r.lookup.free()
	more, looks := r.sight.ready()
	return min(places, more), probe || looks
}

// Lookups returns the state of the breaker of look-ups: "closed", "open" or "half-open".
func (r *Records) Lookups() string { return r.lookup.breaker.State().String() }
