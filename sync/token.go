package crmsync

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Tokens hands out the access token of one connection. However many ask, one at a time is
// minted; it is renewed at four fifths of its life. What refuses to give one is left alone for a while,
// 30 s at first and up to an hour, so that no account is locked by our trying; what does not answer, from 2 s on.
// Safe for concurrent use.
type Tokens struct {
	// Mint gets a new token; life 0 means until it is refused. base is where to use it, "" for where
	// the connection points anyway. Its errors are *PushError of class Auth when a person must act.
	Mint func(ctx context.Context) (t Token, err error)

	mu      sync.Mutex
	token   Token         // guarded by mu; the zero Token: none
	renewAt time.Time     // guarded by mu; zero: never by itself
	minting chan struct{} // guarded by mu; closed when the minting under way has ended, nil when none is
	failed  error         // guarded by mu; why the last minting failed
	tryAt   time.Time     // guarded by mu; no minting before, after a failure
	tries   int           // guarded by mu; failures in a row
}

// Token is a credential for some time.
type Token struct {
	Value string
	Base  string        // URL to use it with, "" when that is known
	Life  time.Duration // 0: until it is refused
	// Refresh is what the next token is asked for with, where the server gave one.
	Refresh string
}

// Token returns a token that counts, as far as is known. Failures are *PushError.
func (t *Tokens) Token(ctx context.Context) (Token, error) {
	for {
		t.mu.Lock()
		switch {
		case t.token.Value != "" && (t.renewAt.IsZero() || time.Now().Before(t.renewAt)):
			defer t.mu.Unlock()
			return t.token, nil
		case t.minting != nil:
			wait := t.minting
			t.mu.Unlock()
			select {
			case <-wait:
			case <-ctx.Done():
				return Token{}, &PushError{Class: Transient, Reason: "waiting for a token took too long", Err: ctx.Err()}
			}
			continue
		case time.Now().Before(t.tryAt):
			defer t.mu.Unlock()
			return Token{}, t.refusal()
		}
		t.minting = make(chan struct{})
		t.mu.Unlock()
		return t.mint(ctx)
	}
}

// refusal is the last failure, and when there is a point in asking again. t.mu is held.
func (t *Tokens) refusal() error {
	p := *asPushError(t.failed)
	p.After = max(p.After, time.Until(t.tryAt))
	return &p
}

func (t *Tokens) mint(ctx context.Context) (Token, error) {
	token, err := t.Mint(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.minting)
	t.minting = nil
	if err != nil {
		t.tries++
		t.failed = err
		t.tryAt = time.Now().Add(t.pause(asPushError(err)))
		if errors.Is(ctx.Err(), context.Canceled) { // we stopped; nobody refused
			t.tryAt, t.tries = time.Time{}, 0
		}
		return Token{}, t.refusal()
	}
	t.token, t.tries, t.failed, t.tryAt, t.renewAt = token, 0, nil, time.Time{}, time.Time{}
	if token.Life > 0 {
		t.renewAt = time.Now().Add(token.Life * 4 / 5)
	}
	return token, nil
}

// pause is how long no token is asked for after a failure. t.mu is held.
func (t *Tokens) pause(failure *PushError) time.Duration {
	first := 30 * time.Second
	if failure.Class != Auth { // it is busy or away: that locks no account
		first = 2 * time.Second
	}
	return max(failure.After, min(time.Hour, first<<min(t.tries-1, 10)))
}

// Refused tells that a token was not taken. It is forgotten, unless another has replaced it already.
func (t *Tokens) Refused(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.Value == value {
		t.token = Token{}
	}
}

// NeedsPerson returns why no token is to be had, "" when all is well.
func (t *Tokens) NeedsPerson() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		return ""
	}
	return asPushError(t.failed).Reason
}
