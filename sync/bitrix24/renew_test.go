package bitrix24_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/bitrix24"
	"patchcord/sync/bitrix24/bitrix24test"
	"patchcord/sync/remotetest"
)

// vault is a bitrix24.Vault in memory.
type vault struct {
	mu     sync.Mutex
	secret []byte // guarded by mu
	lost   bool   // guarded by mu; it takes nothing, but gives what it has
}

func (v *vault) Load(context.Context) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.secret, nil
}

func (v *vault) Save(ctx context.Context, secret []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.lost || ctx.Err() != nil {
		return errors.New("no connection")
	}
	v.secret = secret
	return nil
}

func (v *vault) takes(yes bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lost = !yes
}

// asApp is a node that speaks to the portal as the app.
func (p portal) asApp(t *testing.T, v *vault, refresh string) portal {
	t.Helper()
	c, err := bitrix24.New(bitrix24.Config{
		URL: "http://b24.example.net", ClientID: bitrix24test.ClientID, ClientSecret: bitrix24test.ClientSecret, RefreshToken: crm.Secret(refresh),
		Vault: v, OAuthURL: "http://oauth.example.net", Unknown: "lead:12", Client: crmsync.Client{Transport: p.network},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.connector = c
	return p
}

func TestConnectorAsAnApp(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		p := open(t)
		p = p.asApp(t, &vault{}, p.Authorize())
		return remotetest.Subject{Fake: p.Server, Network: p.network, Connector: p.connector, Sessions: true}
	})
}

func TestARefreshTokenCountsOnceAndOutlivesUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, v := open(t), &vault{}
		first := p.Authorize()
		a := p.asApp(t, v, first)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if f := a.push(t, remotetest.Ended(fmt.Sprintf("hq:%d.1", i), "resolved"), nil); f != nil {
					t.Error(f)
				}
			})
		}
		wg.Wait()
		if n := p.Renewals(); n != 2 { // the authorization, and one for all of them
			t.Errorf("%d tokens for 50 writes at once", n)
		}
		a = p.asApp(t, v, first) // a restart: the first token counts no more
		if f := a.push(t, remotetest.Ended("hq:1.1", "callback"), nil); f != nil || p.Renewals() != 2 {
			t.Errorf("after a restart %v, %d tokens", f, p.Renewals())
		}
		time.Sleep(50 * time.Minute) // four fifths of its life are over
		if f := a.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); f != nil || p.Renewals() != 3 {
			t.Errorf("before its end %v, %d tokens", f, p.Renewals())
		}
	})
}

func TestNodesShareAChain(t *testing.T) {
	p, v := open(t), &vault{}
	first := p.Authorize()
	a, b := p.asApp(t, v, first), p.asApp(t, v, first)
	for i := range 6 {
		p.ExpireSessions()
		for _, node := range []portal{a, b} {
			if f := node.push(t, remotetest.Ended(fmt.Sprintf("hq:%d.1", i), "resolved"), nil); f != nil {
				t.Fatal(f)
			}
		}
	}
	if n := p.Renewals(); n != 1+6 {
		t.Errorf("%d tokens, want the authorization and one for each end", n)
	}
}

func TestWhatAPersonMustDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, v := open(t), &vault{}
		a := p.asApp(t, v, p.Authorize())
		c := remotetest.Ended("hq:1.1", "resolved")
		if f := a.push(t, c, nil); f != nil {
			t.Fatal(f)
		}
		again := p.Authorize() // somebody else took the chain over
		f := a.push(t, c, nil)
		if f == nil || f.Class != crmsync.Auth || !strings.Contains(f.Reason, "invalid_grant") || !strings.Contains(f.Reason, "authorize the app again") {
			t.Fatalf("got %v", f)
		}
		n := p.network.Requests()
		if f := a.push(t, c, nil); f == nil || f.Class != crmsync.Auth || f.After <= 0 || p.network.Requests() != n {
			t.Errorf("who refuses is not left alone: %v after %d requests", f, p.network.Requests()-n)
		}
		a = p.asApp(t, v, again) // the new token is in the file
		if f := a.push(t, c, nil); f != nil {
			t.Errorf("with the new one %v", f)
		}
	})
}

func TestATokenThatCannotBeKeptIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, v := open(t), &vault{}
		a := p.asApp(t, v, p.Authorize())
		c := remotetest.Ended("hq:1.1", "resolved")
		v.takes(false)
		if f := a.push(t, c, nil); f == nil || f.Class != crmsync.Transient || !strings.Contains(f.Reason, "store is away") {
			t.Fatalf("got %v", f)
		}
		time.Sleep(time.Minute)
		v.takes(true)
		if f := a.push(t, c, nil); f != nil || p.Renewals() != 2 {
			t.Errorf("then %v, %d tokens; want the one that waited", f, p.Renewals())
		}
	})
}

// stopping is a network on which we are told to stop while a token is renewed.
type stopping struct {
	*remotetest.Network
	stop func()
}

func (s stopping) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.Network.RoundTrip(r)
	if s.stop(); err == nil && r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	return resp, err
}

func TestATokenThatNobodyWaitsForIsKept(t *testing.T) {
	p, v := open(t), &vault{}
	first := p.Authorize()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := bitrix24.New(bitrix24.Config{
		URL: "http://b24.example.net", ClientID: bitrix24test.ClientID, ClientSecret: bitrix24test.ClientSecret, RefreshToken: crm.Secret(first),
		Vault: v, OAuthURL: "http://oauth.example.net", Unknown: "lead:12", Client: crmsync.Client{Transport: stopping{p.network, cancel}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Find(ctx, []string{"pc"}); err == nil {
		t.Fatal("a look-up after the end worked")
	}
	if f := p.asApp(t, v, first).push(t, remotetest.Ended("hq:1.1", "resolved"), nil); f != nil || p.Renewals() != 2 {
		t.Errorf("after the restart %v, %d tokens", f, p.Renewals())
	}
}

func TestAPortalThatMoved(t *testing.T) {
	t.Run("is followed by an app", func(t *testing.T) {
		p, v := open(t), &vault{}
		a := p.asApp(t, v, p.Authorize())
		c := remotetest.Ended("hq:1.1", "resolved")
		if f := a.push(t, c, nil); f != nil {
			t.Fatal(f)
		}
		p.Move("new.example.net")
		if f := a.push(t, c, nil); f != nil || len(p.Rows()) != 1 {
			t.Errorf("got %v, %v", f, p.Rows())
		}
	})
	t.Run("must be told a webhook", func(t *testing.T) {
		p := open(t)
		p.Move("new.example.net")
		if f := p.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); f == nil || f.Class != crmsync.Auth || f.After == 0 || !strings.Contains(f.Reason, "https://new.example.net") {
			t.Errorf("got %v", f)
		}
	})
}

func TestTheConfigurationOfAnApp(t *testing.T) {
	_, err := bitrix24.New(bitrix24.Config{URL: "https://b24.example.net", Unknown: "lead:12", ClientID: "local.1", User: "1"})
	for _, field := range []string{"username", "secret_file", "client_id"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}
