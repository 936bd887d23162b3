package auth

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"patchcord/crm"
)

// endedFor is how long a login that was ended has to be known: as long as an access
// token of it may be good, on a node whose clock differs.
const endedFor = accessTTL + 2*leeway

// ended knows the logins that were ended lately. It asks the store once in
// freshFor, however many ask it. It is safe for concurrent use.
type ended struct {
	store  crm.SessionStore
	flight singleflight.Group

	mu  sync.Mutex
	ids map[string]bool // guarded by mu; not changed once it is here
	at  time.Time       // of ids; guarded by mu
}

// has reports whether the login was ended, as of at most freshFor ago.
func (e *ended) has(ctx context.Context, session string) (bool, error) {
	e.mu.Lock()
	ids, at := e.ids, e.at
	e.mu.Unlock()
	if time.Since(at) < freshFor {
		return ids[session], nil
	}
	ids, err := e.read(ctx)
	return ids[session], err
}

// read returns the logins that were ended lately, as of now.
func (e *ended) read(ctx context.Context) (map[string]bool, error) {
	v, err, _ := e.flight.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		now := time.Now()
		list, err := e.store.EndedSince(ctx, now.Add(-endedFor))
		if err != nil {
			return nil, err
		}
		ids := make(map[string]bool, len(list))
		for _, id := range list {
			ids[id] = true
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.ids, e.at = ids, now
		return ids, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(map[string]bool), nil
}
