package crmsync

import (
	"context"
	"errors"
	"sync"
	"time"
)

// breadth is how many activities one write has: as many as the CRM takes, but half of what it did not answer in time, and then slowly
// more again, for an hour no more than three quarters of that. A batch that is too large for a slow CRM would come back for ever.
type breadth struct {
	most int

	mu    sync.Mutex
	n     int       // guarded by mu; 0: as many as most
	limit int       // guarded by mu; of n, until then
	until time.Time // guarded by mu
}

const breadthLimited = time.Hour

func (b *breadth) now() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n == 0 {
		return b.most
	}
	return b.n
}

// answered takes over that a write of so many was answered.
func (b *breadth) answered(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n == 0 || n < b.n {
		return
	}
	limit := b.most
	if time.Now().Before(b.until) {
		limit = b.limit
	}
	b.n = max(b.n, min(limit, b.n+max(1, b.n/8)))
	if b.n == b.most {
		b.n = 0
	}
}

// tooSlow takes over that a write of so many was not answered in time.
func (b *breadth) tooSlow(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n = max(1, n/2)
	b.limit, b.until = max(1, n*3/4), time.Now().Add(breadthLimited)
}

// write has the connector write activities, in several requests when one of all would take too long. It ends with the first that is
// not answered in time.
func (r *Records) write(ctx context.Context, list []Activity) []error {
	outcome := make([]error, 0, len(list))
	for len(outcome) < len(list) && ctx.Err() == nil {
		some := list[len(outcome):min(len(outcome)+r.breadth.now(), len(list))]
		errs := r.cfg.Connector.Write(ctx, some)
		outcome = append(outcome, errs...)
		if late(errs) {
			r.breadth.tooSlow(len(some))
			break
		}
		r.breadth.answered(len(some))
	}
	rest := len(list) - len(outcome)
	return append(outcome, Same(rest, &PushError{Class: Transient, Reason: "no time left: what was before it took too long"})...)
}

// late reports whether there was no answer in time.
func late(errs []error) bool {
	for _, err := range errs {
		if errors.Is(err, context.DeadlineExceeded) {
			return true
		}
	}
	return false
}
