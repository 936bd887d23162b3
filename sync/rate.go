package crmsync

import (
	"math"
	"sync"
	"time"
)

// rate bounds how many jobs are sent: after an outage at most twice the steady rate. A bucket of tokens
// fills at twice the steady rate up to one batch, or to what comes in a quarter of a second. While jobs wait, only whole batches are
// claimed, so that a backlog costs few requests. Several nodes have a part of it each.
type rate struct {
	perSecond float64 // twice the steady rate, of all nodes; 0: no bound
	most      float64 // what the bucket holds

	mu      sync.Mutex
	tokens  float64   // guarded by mu
	at      time.Time // guarded by mu; when tokens was right
	backlog bool      // guarded by mu; the last claim brought all it asked for
}

func newRate(steady float64, batch int) *rate {
	most := max(1, float64(batch), math.Floor(min(2*steady/4, 4*claimAtOnce)))
	return &rate{perSecond: 2 * steady, most: most, tokens: most, at: time.Now()}
}

// take returns how many of want jobs one of so many nodes may claim now; when none, how long to wait.
func (r *rate) take(want, nodes int) (n int, wait time.Duration) {
	if r.perSecond <= 0 {
		return want, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	mine := r.perSecond / float64(max(1, nodes))
	r.tokens = min(r.most, r.tokens+now.Sub(r.at).Seconds()*mine)
	r.at = now
	needed := 1.0
	if r.backlog {
		needed = min(r.most, float64(want))
	}
	if r.tokens < needed {
		return 0, time.Duration((needed-r.tokens)/mine*float64(time.Second)) + time.Millisecond
	}
	return min(want, int(r.tokens)), 0
}

// took tells how many of the jobs that take allowed were claimed.
func (r *rate) took(n, allowed int) {
	if r.perSecond <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens -= float64(n)
	r.backlog = n > 0 && n >= allowed
}
