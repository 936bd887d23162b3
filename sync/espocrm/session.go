package espocrm

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"

	crmsync "patchcord/sync"
)

// Connector is a crmsync.Connector, Contacts, Survivors and Audited for one installation.
type Connector struct {
	cfg    Config
	tokens *crmsync.Tokens // of a regular user; nil with a key

	mu      sync.Mutex
	self    self // guarded by mu
	longest int  // guarded by mu; how many records a list may have, 0 until a refusal said so
}

const root = "/api/v1"

// login exchanges the password for a token, which is used until it is refused: asking with the password each time
// would leave an entry in the log of logins each time.
func (e *Connector) login(ctx context.Context) (crmsync.Token, error) {
	a, err := e.cfg.Client.Do(ctx, crmsync.Request{
		Method: http.MethodGet, URL: e.cfg.URL + root + whoWeAre, Reads: true,
		Header: http.Header{"Espo-Authorization": {basic(e.cfg.Username, string(e.cfg.Secret))}},
	})
	if err != nil {
		return crmsync.Token{}, err
	}
	if a.Status >= 300 {
		return crmsync.Token{}, refusal(a, true)
	}
	u, err := readUser(a)
	if err != nil {
		return crmsync.Token{}, err
	}
	if u.Token == "" {
		return crmsync.Token{}, &crmsync.PushError{Class: crmsync.Auth, Reason: "no token; with two factors an API user is needed"}
	}
	return crmsync.Token{Value: u.Token}, nil
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// authorization returns the header for a request to the path below the API's root, and the token in it, if any.
func (e *Connector) authorization(ctx context.Context, method, path string) (http.Header, string, error) {
	h := http.Header{}
	switch {
	case e.tokens != nil:
		token, err := e.tokens.Token(ctx)
		if err != nil {
			return nil, "", err
		}
		h.Set("Espo-Authorization", basic(e.cfg.Username, token.Value))
		h.Set("Espo-Authorization-By-Token", "true")
		return h, token.Value, nil
	case e.cfg.APIKey != "":
		path, _, _ = strings.Cut(path, "?")
		mac := hmac.New(sha256.New, []byte(e.cfg.Secret))
		mac.Write([]byte(method + " " + path))
		h.Set("X-Hmac-Authorization", basic(e.cfg.APIKey, string(mac.Sum(nil)))) // the bare sum, which every version takes
	default:
		h.Set("X-Api-Key", string(e.cfg.Secret))
	}
	return h, "", nil
}

// do sends a request to a path below the API's root. A token that ended is replaced once. An answer of 300 and more
// is a *crmsync.PushError, with the answer.
func (e *Connector) do(ctx context.Context, method, path string, body any) (crmsync.Answer, error) {
	reads := method == http.MethodGet
	for again := false; ; again = true {
		header, token, err := e.authorization(ctx, method, path)
		if err != nil {
			return crmsync.Answer{}, err
		}
		header.Set("X-Skip-Duplicate-Check", "true") // it is looked for by key
		header.Set("X-No-Total", "true")             // counting is what a list spends its time on
		a, err := e.cfg.Client.Do(ctx, crmsync.Request{Method: method, URL: e.cfg.URL + root + path, Body: body, Reads: reads, Header: header})
		if err != nil || a.Status < 300 {
			return a, err
		}
		if a.Status == http.StatusUnauthorized && token != "" {
			e.tokens.Refused(token)
			if !again {
				continue
			}
		}
		return a, refusal(a, reads)
	}
}
