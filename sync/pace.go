package crmsync

import (
	"context"
	"sync"
	"time"
)

// Pace keeps requests apart. The zero value is ready; it is safe for concurrent use.
type Pace struct {
	mu   sync.Mutex
	next time.Time // guarded by mu; when the next one may be sent
}

// Wait returns when it is our turn, or with an error when ctx is done.
func (p *Pace) Wait(ctx context.Context, apart time.Duration) error {
	p.mu.Lock()
	now := time.Now()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(apart)
	p.mu.Unlock()
	timer := time.NewTimer(at.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
