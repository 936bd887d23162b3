package vtiger

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the protocol's own
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	crmsync "patchcord/sync"
)

// Connector is a crmsync.Connector, Contacts, Survivors and Audited for one installation.
type Connector struct {
	cfg    Config
	tokens *crmsync.Tokens // sessions
	clock  clock
	asks   atomic.Bool // changes of contacts are asked for by queries: the operation sync is not for us, or breaks off

	mu   sync.Mutex
	self string // guarded by mu; the id of our own user, such as 19x1; "" before the first login
}

// fault is an error as the web service writes it.
type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// reply is what came of an operation.
type reply struct {
	Result json.RawMessage
	Fault  *fault    // nil: it succeeded
	At     time.Time // by the clock of the server
	Broken bool      // what answered is no web service, or it broke off
}

// operations that change something are posted; the others stand in the URL (vtiger_ws_operation).
var posted = []string{"login", "create", "revise"}

// call runs one operation. An error is a *crmsync.PushError and means that no answer can be read; what the
// web service refused is in the reply.
func (v *Connector) call(ctx context.Context, operation string, params url.Values) (reply, error) {
	form := url.Values{"operation": {operation}}
	maps.Copy(form, params)
	r := crmsync.Request{Method: http.MethodGet, URL: v.cfg.URL + "/webservice.php?" + form.Encode(), Reads: true}
	if slices.Contains(posted, operation) {
		r = crmsync.Request{
			Method: http.MethodPost, URL: v.cfg.URL + "/webservice.php", Body: []byte(form.Encode()), Reads: operation == "login",
			Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		}
	}
	a, err := v.cfg.Client.Do(ctx, r)
	if err != nil {
		return reply{}, err
	}
	if a.Status >= 300 { // itself it answers 200, whatever went wrong, as long as PHP does not break off
		return reply{Broken: a.Status == http.StatusInternalServerError}, a.Foreign(r.Reads)
	}
	return read(a, r.Reads)
}

// read takes an answer apart. PHP may print a warning before it, and of a program that broke off there is nothing else.
func read(a crmsync.Answer, reads bool) (reply, error) {
	var got struct {
		Success *bool           `json:"success"`
		Result  json.RawMessage `json:"result"`
		Error   *fault          `json:"error"`
	}
	body := a.Body
	if i := bytes.Index(body, []byte(`{"success":`)); i > 0 {
		body = body[i:]
	}
	if err := json.Unmarshal(body, &got); err != nil || got.Success == nil {
		p := &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "what answers is no web service of Vtiger, or it broke off", Err: err}
		if reads {
			p.Class = crmsync.Transient
		}
		return reply{Broken: true}, p
	}
	r := reply{Result: got.Result, At: time.Now()}
	if at, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		r.At = at
	}
	if !*got.Success {
		r.Fault = &fault{}
		if got.Error != nil {
			r.Fault = got.Error
		}
	}
	return r, nil
}

// login opens a session. A user has one challenge at a time, so a login of somebody else as the same user may spoil
// ours: that passes.
func (v *Connector) login(ctx context.Context) (crmsync.Token, error) {
	r, err := v.call(ctx, "getchallenge", url.Values{"username": {v.cfg.Username}})
	if err != nil {
		return crmsync.Token{}, err
	}
	var challenge struct {
		Token string `json:"token"`
	}
	if r.Fault != nil || json.Unmarshal(r.Result, &challenge) != nil {
		return crmsync.Token{}, notLoggedIn(r.Fault)
	}
	sum := md5.Sum([]byte(challenge.Token + string(v.cfg.AccessKey))) //nolint:gosec // the protocol's own
	r, err = v.call(ctx, "login", url.Values{"username": {v.cfg.Username}, "accessKey": {hex.EncodeToString(sum[:])}})
	if err != nil {
		return crmsync.Token{}, err
	}
	var session struct {
		Name   string `json:"sessionName"`
		UserID string `json:"userId"`
	}
	if r.Fault != nil || json.Unmarshal(r.Result, &session) != nil || session.Name == "" {
		return crmsync.Token{}, notLoggedIn(r.Fault)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.self = session.UserID
	return crmsync.Token{Value: session.Name, Life: 24 * time.Hour}, nil // SessionManager.php
}

func notLoggedIn(f *fault) *crmsync.PushError {
	if f == nil {
		f = &fault{Code: "no session"}
	}
	p := &crmsync.PushError{Class: crmsync.Auth, Reason: "no session: " + f.Code + ": " + crmsync.Clip(f.Message, 100)}
	if f.Code == "INVALID_AUTH_TOKEN" {
		p.Class = crmsync.Transient
	}
	return p
}

// me returns the id of our own user, who gets the calls of nobody.
func (v *Connector) me() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.self
}

// userID completes a user's number to an id: the number of the module stands before it, as in 19x5.
func (v *Connector) userID(id string) string {
	module, _, ok := strings.Cut(v.me(), "x")
	if !ok || id == "" || strings.Contains(id, "x") {
		return id
	}
	return module + "x" + id
}

// ended is the codes of a session that is over.
var ended = map[string]bool{"INVALID_SESSIONID": true, "SESSION_EXPIRED": true, "SESSION_LEFT_IDLE": true, "AUTHENTICATION_REQUIRED": true}

// do runs an operation in a session; one that is over is opened again once. Errors are *crmsync.PushError; beside one that
// the web service gave the reply has its fault.
func (v *Connector) do(ctx context.Context, operation string, params url.Values) (reply, error) {
	for again := false; ; again = true {
		session, err := v.tokens.Token(ctx)
		if err != nil {
			return reply{}, err
		}
		params.Set("sessionName", session.Value)
		r, err := v.call(ctx, operation, params)
		switch {
		case err != nil || r.Fault == nil:
			return r, err
		case ended[r.Fault.Code]:
			v.tokens.Refused(session.Value)
			if !again {
				continue
			}
		}
		return r, r.Fault.refusal(!slices.Contains(posted, operation))
	}
}

// errHidden: a field is not there, or the profile of our user does not show it.
var errHidden = errors.New("a field is not shown")

func hidden(err error) bool { return errors.Is(err, errHidden) }

// codes is what an error of an operation means; what is not listed is permanent (WebServiceErrorCode.php). A code of the
// database may come after the record was stored: only a look-up can tell.
var codes = map[string]crmsync.Class{
	"INVALID_SESSIONID": crmsync.Auth, "SESSION_EXPIRED": crmsync.Auth, "SESSION_LEFT_IDLE": crmsync.Auth, "AUTHENTICATION_REQUIRED": crmsync.Auth,
	"DATABASE_QUERY_ERROR": crmsync.Ambiguous, "INTERNAL_SERVER_ERROR": crmsync.Ambiguous, "": crmsync.Ambiguous,
	"RECORD_NOT_FOUND": crmsync.Transient, // deleted since it was found
}

// refusal says what a fault means. Messages are fixed sentences of the program, some with a field's name in them.
func (f *fault) refusal(reads bool) *crmsync.PushError {
	class, known := codes[f.Code]
	if !known {
		class = crmsync.Permanent
	}
	p := &crmsync.PushError{Class: class, Reason: f.Code + ": " + crmsync.Clip(f.Message, 120)}
	switch {
	case reads && class == crmsync.Ambiguous:
		p.Class = crmsync.Transient
	case reads && strings.Contains(f.Message, "attribute denied"): // VTQL_Parser.php has those words for both
		p.Err = errHidden
		return p.SetUp("is it there, and does the profile of our user show it? key_field is the name of a text field on events, such as cf_853")
	case reads && class == crmsync.Permanent: // a right: no job is to blame
		return p.SetUp("")
	}
	return p
}
