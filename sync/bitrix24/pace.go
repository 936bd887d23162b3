package bitrix24

import (
	"context"
	"sync"
	"time"
)

// pace keeps requests apart.
type pace struct {
	mu   sync.Mutex
	next time.Time // guarded by mu; when the next one may be sent
}

// wait returns when it is our turn, or with an error when ctx is done.
func (p *pace) wait(ctx context.Context, apart time.Duration) error {
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
