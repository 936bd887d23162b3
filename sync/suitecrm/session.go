package suitecrm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// Connector is a crmsync.Connector, Contacts, Survivors and Audited for one installation.
type Connector struct {
	cfg    Config
	tokens *crmsync.Tokens
}

const (
	legacy = "/legacy" // where SuiteCRM 8 keeps the API of 7
	media  = "application/vnd.api+json"
)

// keyless is what is amiss where the token endpoint breaks off: a fresh installation has no keys to sign tokens with (CryptKey.php).
const keyless = "token endpoint; are private.key and public.key in Api/V8/OAuth2, and may its web server read them?"

// mint gets an access token, where there is an API to get it from.
func (s *Connector) mint(ctx context.Context) (crmsync.Token, error) {
	secret, password, _ := strings.Cut(string(s.cfg.Secret), "\n")
	form := map[string]string{"grant_type": "client_credentials", "client_id": s.cfg.ClientID, "client_secret": secret}
	if s.cfg.Username != "" {
		form["grant_type"], form["username"], form["password"] = "password", s.cfg.Username, password
	}
	var refused error
	for _, base := range []string{s.cfg.URL, s.cfg.URL + legacy} {
		a, err := s.cfg.Client.Do(ctx, crmsync.Request{Method: http.MethodPost, URL: base + "/Api/access_token", Body: form, Reads: true})
		if err != nil {
			return crmsync.Token{}, err
		}
		a = spoken(a)
		var got struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   int64  `json:"expires_in"`
			Error       string `json:"error"`
			Message     string `json:"message"` // which client or grant: of an unknown client the error is but unknown_error, and the status 500
		}
		err = json.Unmarshal(a.Body, &got)
		if a.Status == http.StatusOK && err == nil && got.AccessToken != "" {
			return crmsync.Token{Value: got.AccessToken, Base: base, Life: time.Duration(got.ExpiresIn) * time.Second}, nil
		}
		if got.Error != "" { // it is an API, and says no
			return crmsync.Token{}, &crmsync.PushError{Class: crmsync.Auth, Reason: "no token: " + crmsync.Clip(got.Error+": "+got.Message, 200)}
		}
		if a.Status >= 500 || a.Status == http.StatusTooManyRequests {
			return crmsync.Token{}, a.Refusal(true, keyless)
		}
		p := a.Foreign(true)
		p.Reason = "no token: " + p.Reason
		refused = p
	}
	return crmsync.Token{}, refused
}

// resource is a record as the API has it.
type resource struct {
	ID         string         `json:"id"`
	Attributes map[string]any `json:"attributes"`
}

// text returns an attribute; values come as HTML from the database (DBManager::fetchByAssoc).
func (r resource) text(field string) string {
	v, _ := r.Attributes[field].(string)
	return html.UnescapeString(v)
}

// stamp returns a time as the database has it: an answer has the same digits in the form of ISO 8601, whatever offset it says
// (AttributeObjectHelper.php).
func (r resource) stamp(field string) string {
	t := r.text(field)
	if len(t) < len(stamp) {
		return ""
	}
	return t[:10] + " " + t[11:len(stamp)]
}

// said is what an answer tells beside its data.
type said struct {
	detail string    // of a refusal
	at     time.Time // by the clock of the server
}

// do sends a request to a path below the API's root and reads data of the answer into it. A token that ended is replaced once.
// An answer of 300 and more is a *crmsync.PushError.
func (s *Connector) do(ctx context.Context, method, path string, body, data any) (said, error) {
	reads := method == http.MethodGet
	for again := false; ; again = true {
		token, err := s.tokens.Token(ctx)
		if err != nil {
			return said{}, err
		}
		a, err := s.cfg.Client.Do(ctx, crmsync.Request{
			Method: method, URL: token.Base + "/Api/V8" + path, Body: body, Reads: reads,
			Header: http.Header{"Authorization": {"Bearer " + token.Value}, "Content-Type": {media}, "Accept": {media}},
		})
		if err != nil {
			return said{}, err
		}
		switch a = spoken(a); {
		case a.Status == http.StatusUnauthorized && !again:
			s.tokens.Refused(token.Value)
			continue
		case a.Status == http.StatusUnauthorized:
			s.tokens.Refused(token.Value)
		}
		at, unsaid := http.ParseTime(a.Header.Get("Date"))
		if unsaid != nil {
			at = time.Now()
		}
		if a.Status >= 300 {
			detail := detailOf(a)
			return said{detail, at}, refusal(a, detail, reads)
		}
		return said{at: at}, read(a, data, reads)
	}
}

func read(a crmsync.Answer, data any, reads bool) error {
	var got struct {
		Data json.RawMessage `json:"data"`
	}
	err := json.Unmarshal(a.Body, &got)
	if err == nil {
		err = json.Unmarshal(got.Data, data)
	}
	if err != nil {
		p := &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "what answers is no SuiteCRM, or it broke off", Err: err}
		if reads {
			p.Class = crmsync.Transient
		}
		return p
	}
	return nil
}

// spoken takes away what PHP prints around an answer where display_errors is on. What a controller prints Slim puts behind it
// (Route.php, outputBuffering); after what is printed before Slim runs the status is 200, but that of a refusal stands in its body too.
func spoken(a crmsync.Answer) crmsync.Answer {
	body := a.Body
	if i := bytes.Index(body, []byte("\n{")); i >= 0 && body[0] != '{' {
		body = body[i+1:]
	}
	var whole json.RawMessage
	if json.NewDecoder(bytes.NewReader(body)).Decode(&whole) != nil {
		return a
	}
	a.Body = whole
	var b struct {
		Errors struct {
			Status int `json:"status"`
		} `json:"errors"`
		Error string `json:"error"` // of a token
	}
	switch _ = json.Unmarshal(whole, &b); {
	case a.Status >= 300:
	case b.Errors.Status >= 300:
		a.Status = b.Errors.Status
	case b.Error != "":
		a.Status = http.StatusUnauthorized
	}
	return a
}

// detailOf returns what a refusal says. Its errors are one object, not a list of them (ErrorResponse.php).
func detailOf(a crmsync.Answer) string {
	var b struct {
		Errors struct {
			Detail any `json:"detail"`
		} `json:"errors"`
	}
	if json.Unmarshal(a.Body, &b) != nil || b.Errors.Detail == nil {
		return ""
	}
	return fmt.Sprint(b.Errors.Detail)
}

// The words by which a 400, which is what nearly every failure gets, is told from the others (ModuleService.php, BeanManager.php,
// Attributes.php, Filter.php).
const (
	exists   = "is already exist"
	notFound = " module with id "
	invalid  = "Property "
)

// missing reports whether a detail is that a module has no record of that id.
func missing(detail, module string) bool { return strings.HasPrefix(detail, module+notFound) }

// unfit are the words of a 400 that is about our user, by what they mean (lib/Exception, ModuleAccessChecker.php, ParamsMiddleware.php).
var unfit = []struct{ words, hint string }{
	{"AccessDeniedException", "may our user's roles read, create and edit it?"},
	{"does not have access to this module", "may our user's roles access it, and is it among the displayed modules?"},
	{"when trying to get Users", "the OAuth2 client needs an associated user"},
	{"Users" + notFound, "is our user deleted?"},
}

// refusal says what a status of 300 and more means. What a detail says beyond those words is not told: values may be in it.
func refusal(a crmsync.Answer, detail string, reads bool) *crmsync.PushError {
	if detail == "" && a.Status != http.StatusUnauthorized && a.Status != http.StatusForbidden {
		return a.Foreign(reads)
	}
	told := ""
	for _, words := range []string{exists, "is not found", "is invalid"} {
		if strings.Contains(detail, words) {
			told = cmp.Or(told, words)
		}
	}
	p := a.Refusal(reads, told)
	for _, u := range unfit {
		if strings.Contains(detail, u.words) {
			return p.SetUp(u.hint)
		}
	}
	switch {
	case detail == "Not found":
		return p.SetUp("is our user active?")
	case a.Status == http.StatusForbidden, reads && p.Class == crmsync.Permanent && !strings.Contains(detail, notFound):
		return p.SetUp("") // a right, or a field or a filter that is not there
	}
	return p
}

func itoa(n int) string { return strconv.Itoa(n) }
