package auth

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Limits of failed logins. Only failures count: who knows the password is not guessing.
const (
	pairStrikes     = 5 // per account and address, then a delay that doubles
	pairWindow      = time.Minute
	firstDelay      = time.Minute
	maxDelay        = 15 * time.Minute
	perIPMinute     = 30
	perAcctMinute   = 20
	maxThrottleKeys = 10_000 // of each kind; see bounded for what happens above
)

// ThrottledError says that somebody asked too often.
type ThrottledError struct {
	RetryAfter time.Duration
}

// Error implements error.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many attempts, try again in %s", e.RetryAfter.Round(time.Second))
}

// throttle counts failed logins per account and address, per address and per
// account. It lives in one process: several nodes allow as many times more.
// It is safe for concurrent use.
type throttle struct {
	mu    sync.Mutex
	pairs *bounded[throttleKey, strikes] // guarded by mu
	ips   *bounded[throttleKey, bucket]  // guarded by mu
	accts *bounded[throttleKey, bucket]  // guarded by mu
}

// throttleKey is a hash, so that a long name costs no more than a short one.
type throttleKey [sha256.Size]byte

type strikes struct {
	n            int
	last         time.Time
	blockedUntil time.Time
}

// bucket holds spent attempts that drain evenly over a minute.
type bucket struct {
	spent float64
	at    time.Time
}

type attempt struct{ pair, ip, account throttleKey }

func newThrottle() *throttle {
	return &throttle{
		pairs: newBounded[throttleKey, strikes](maxThrottleKeys),
		ips:   newBounded[throttleKey, bucket](maxThrottleKeys),
		accts: newBounded[throttleKey, bucket](maxThrottleKeys),
	}
}

// attemptOf names an attempt. Addresses of one IPv6 /64 are one address: it is
// what a single customer gets.
func attemptOf(tenant, name string, ip netip.Addr) attempt {
	ip = ip.Unmap()
	addr := ip.String()
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			addr = p.String()
		}
	}
	account := tenant + "\x00" + strings.ToLower(name)
	return attempt{
		pair:    sha256.Sum256([]byte(account + "\x00" + addr)),
		ip:      sha256.Sum256([]byte(addr)),
		account: sha256.Sum256([]byte(account)),
	}
}

// wait returns how long the attempt must wait; 0 lets it pass.
func (t *throttle) wait(a attempt, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var d time.Duration
	if s, ok := t.pairs.get(a.pair, now); ok && now.Before(s.blockedUntil) {
		d = s.blockedUntil.Sub(now)
	}
	if b, ok := t.ips.get(a.ip, now); ok {
		d = max(d, b.wait(now, perIPMinute))
	}
	if b, ok := t.accts.get(a.account, now); ok {
		d = max(d, b.wait(now, perAcctMinute))
	}
	return d
}

// fail counts a failed attempt.
func (t *throttle) fail(a attempt, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, _ := t.pairs.get(a.pair, now)
	if s.n < pairStrikes && now.Sub(s.last) >= pairWindow {
		s.n = 0
	}
	s.n, s.last = s.n+1, now
	if s.n >= pairStrikes {
		s.blockedUntil = now.Add(min(firstDelay<<min(s.n-pairStrikes, 10), maxDelay))
	}
	t.pairs.put(a.pair, s, now, now.Add(2*maxDelay))

	ip, _ := t.ips.get(a.ip, now)
	t.ips.put(a.ip, ip.spend(now, perIPMinute), now, now.Add(2*time.Minute))
	acct, _ := t.accts.get(a.account, now)
	t.accts.put(a.account, acct.spend(now, perAcctMinute), now, now.Add(2*time.Minute))
}

// succeed forgets the failures of that account at that address.
func (t *throttle) succeed(a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pairs.drop(a.pair)
}

func (b bucket) drained(now time.Time, perMinute float64) float64 {
	return max(0, b.spent-now.Sub(b.at).Minutes()*perMinute)
}

func (b bucket) wait(now time.Time, perMinute float64) time.Duration {
	over := b.drained(now, perMinute) - (perMinute - 1)
	if over <= 0 {
		return 0
	}
	return time.Duration(over / perMinute * float64(time.Minute))
}

func (b bucket) spend(now time.Time, perMinute float64) bucket {
	return bucket{spent: min(b.drained(now, perMinute)+1, perMinute), at: now}
}
