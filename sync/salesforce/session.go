package salesforce

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	crmsync "patchcord/sync"
)

// Connector is a crmsync.Connector, Contacts and Audited for one organisation.
type Connector struct {
	cfg    Config
	key    *rsa.PrivateKey // nil with a client secret
	kind   object          // what calls become
	tokens *crmsync.Tokens

	mu  sync.Mutex
	has description // guarded by mu; nil until it was asked for
}

// mint gets an access token. The flows give neither a lifetime nor a refresh token: it is used until it is refused.
func (s *Connector) mint(ctx context.Context) (crmsync.Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.cfg.ClientID}, "client_secret": {string(s.cfg.ClientSecret)}}
	if s.key != nil {
		assertion, err := s.assertion()
		if err != nil {
			return crmsync.Token{}, &crmsync.PushError{Class: crmsync.Auth, Reason: "the assertion cannot be signed", Err: err}
		}
		form = url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	}
	t, err := s.cfg.Client.Grant(ctx, s.cfg.LoginURL+"/services/oauth2/token", form)
	if err == nil && t.Base == "" {
		err = &crmsync.PushError{Class: crmsync.Auth, Reason: "a token without an instance_url: is url that of an organisation?"}
	}
	return crmsync.Token{Value: t.Value, Base: t.Base}, err
}

func (s *Connector) assertion() (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": s.cfg.ClientID, "sub": s.cfg.Username, "aud": s.cfg.LoginURL, "exp": time.Now().Add(3 * time.Minute).Unix(),
	}).SignedString(s.key)
}

// do sends a request to the API; path begins with "/services" or after the version's root. A session that has
// ended is opened again once. An answer of 300 and more is a *crmsync.PushError.
func (s *Connector) do(ctx context.Context, method, path string, body any, reads bool) (crmsync.Answer, error) {
	for again := false; ; again = true {
		token, err := s.tokens.Token(ctx)
		if err != nil {
			return crmsync.Answer{}, err
		}
		at := token.Base + path
		if !strings.HasPrefix(path, "/services/") {
			at = token.Base + "/services/data/v" + s.cfg.Version + path
		}
		a, err := s.cfg.Client.Do(ctx, crmsync.Request{
			Method: method, URL: at, Body: body, Reads: reads, Header: http.Header{"Authorization": {"Bearer " + token.Value}},
		})
		if err != nil {
			return a, err
		}
		s.limits(a)
		if a.Status < 300 {
			return a, nil
		}
		refusal, ended := refused(a, reads)
		if !ended {
			return a, refusal
		}
		s.tokens.Refused(token.Value)
		if again {
			return a, refusal
		}
	}
}

var usage = regexp.MustCompile(`(?:^|[;\s])api-usage=(\d+)/(\d+)`)

func (s *Connector) limits(a crmsync.Answer) {
	m := usage.FindStringSubmatch(a.Header.Get("Sforce-Limit-Info"))
	if m == nil || s.cfg.Quota == nil {
		return
	}
	used, err1 := strconv.Atoi(m[1])
	limit, err2 := strconv.Atoi(m[2])
	if errors.Join(err1, err2) == nil {
		s.cfg.Quota.Report(used, limit)
	}
}
