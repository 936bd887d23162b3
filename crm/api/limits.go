package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"patchcord/crm"
	"patchcord/crm/auth"
)

const (
	maxBody = 64 << 10 // bytes of a request

	requestRate  = 20 // a second, per login
	requestBurst = 60
	searchRate   = 1 // searches by number a second, per agent: he looks up callers, he does not copy the book
	searchBurst  = 60
	// maxLimiters bounds the logins that are counted. Above it some are forgotten,
	// which gives them a full burst again.
	maxLimiters = 20_000
)

// limits counts what somebody does. It lives in one process: several nodes allow
// as many times more. It is safe for concurrent use.
type limits struct {
	rate  rate.Limit
	burst int

	mu sync.Mutex
	m  map[string]*rate.Limiter // guarded by mu
}

func newLimits(perSecond rate.Limit, burst int) *limits {
	return &limits{rate: perSecond, burst: burst, m: make(map[string]*rate.Limiter)}
}

// take counts one more; one too many gives *auth.ThrottledError.
func (l *limits) take(who string) error {
	r := l.of(who).Reserve()
	if d := r.Delay(); d > 0 {
		r.Cancel()
		return &auth.ThrottledError{RetryAfter: max(d, time.Second)}
	}
	return nil
}

func (l *limits) of(who string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	lim, ok := l.m[who]
	if !ok {
		for old := range l.m {
			if len(l.m) < maxLimiters {
				break
			}
			delete(l.m, old)
		}
		lim = rate.NewLimiter(l.rate, l.burst)
		l.m[who] = lim
	}
	return lim
}

// searchByNumber counts a search by number of an agent.
func (a *API) searchByNumber(c caller) error {
	if c.Role != crm.RoleAgent {
		return nil
	}
	err := a.searches.take(c.UserID)
	if err != nil {
		a.log.Warn("an agent searches for very many numbers", "user", c.UserID)
	}
	return err
}
