package crmsync_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	crmsync "patchcord/sync"
)

func TestAThousandAsksMintOneToken(t *testing.T) {
	sim(t, func(t *testing.T) {
		minted := 0
		tokens := &crmsync.Tokens{Mint: func(context.Context) (crmsync.Token, error) {
			minted++
			time.Sleep(time.Second)
			return crmsync.Token{Value: fmt.Sprint("t", minted), Life: 100 * time.Second}, nil
		}}
		ask := func(want string) {
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					if got, err := tokens.Token(t.Context()); err != nil || got.Value != want {
						t.Errorf("got %q, %v; want %q", got.Value, err, want)
					}
				})
			}
			wg.Wait()
		}
		ask("t1")
		for range 1000 {
			tokens.Refused("t1") // all of them saw it refused
		}
		ask("t2")
		tokens.Refused("t1")
		ask("t2")
		time.Sleep(79 * time.Second)
		ask("t2")
		time.Sleep(time.Second)
		ask("t3")
		if minted != 3 {
			t.Errorf("minted %d tokens, want 3", minted)
		}
	})
}

func TestWhoRefusesTokensIsLeftAlone(t *testing.T) {
	sim(t, func(t *testing.T) {
		minted := 0
		tokens := &crmsync.Tokens{Mint: func(context.Context) (crmsync.Token, error) {
			minted++
			return crmsync.Token{}, &crmsync.PushError{Class: crmsync.Auth, Reason: "the app is not approved"}
		}}
		for range 24 * 60 * 60 {
			_, err := tokens.Token(t.Context())
			var p *crmsync.PushError
			if !errors.As(err, &p) || p.Class != crmsync.Auth || p.After <= 0 {
				t.Fatalf("got %v", err)
			}
			time.Sleep(time.Second)
		}
		if minted > 8+24 || tokens.NeedsPerson() == "" {
			t.Errorf("tried %d times in a day, want about one an hour; it says %q", minted, tokens.NeedsPerson())
		}
	})
}

func TestABusyTokenEndpointIsAskedAgainSoon(t *testing.T) {
	sim(t, func(t *testing.T) {
		begin := time.Now()
		tokens := &crmsync.Tokens{Mint: func(context.Context) (crmsync.Token, error) {
			if time.Since(begin) < 10*time.Second {
				return crmsync.Token{}, &crmsync.PushError{Class: crmsync.Throttle, Reason: "status 429", After: 3 * time.Second}
			}
			return crmsync.Token{Value: "a"}, nil
		}}
		for {
			_, err := tokens.Token(t.Context())
			if err == nil {
				break
			}
			var p *crmsync.PushError
			if !errors.As(err, &p) || p.Class != crmsync.Throttle || p.After < 3*time.Second {
				t.Fatalf("got %v", err)
			}
			time.Sleep(p.After)
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("a token after %v, want soon", took)
		}
	})
}

func TestWaitingForATokenEndsWithTheRequest(t *testing.T) {
	sim(t, func(t *testing.T) {
		tokens := &crmsync.Tokens{Mint: func(ctx context.Context) (crmsync.Token, error) {
			time.Sleep(time.Hour)
			return crmsync.Token{Value: "late"}, nil
		}}
		go func() { _, _ = tokens.Token(context.Background()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := tokens.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Hour)
	})
}
