package dolibarr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	crmsync "patchcord/sync"
)

// Connector is a crmsync.Connector, Contacts, Survivors and Audited for one installation.
type Connector struct {
	cfg Config

	mu   sync.Mutex
	self int64 // guarded by mu; the id of our own user, 0 until it was asked for
}

// row is a record. Numbers are texts in some versions and numbers in others.
type row map[string]any

func (r row) text(field string) string {
	switch v := r[field].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func (r row) number(field string) int64 {
	n, _ := strconv.ParseInt(r.text(field), 10, 64) // what is none is 0, as in PHP
	return n
}

// do sends a request; path is below the API's root. An answer of 300 and more is a *crmsync.PushError, with the answer.
func (d *Connector) do(ctx context.Context, method, path string, body, into any) (crmsync.Answer, error) {
	reads := method == http.MethodGet
	a, err := d.cfg.Client.Do(ctx, crmsync.Request{
		Method: method, URL: d.cfg.URL + root + path, Body: body, Reads: reads,
		// From 14 on PHP itself compresses an answer, but not what it printed before; 14.0 calls compressed what is not (api/index.php).
		Header: http.Header{"Dolapikey": {string(d.cfg.Key)}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"}},
	})
	if err != nil {
		return a, err
	}
	if a = spoken(a); a.Status >= 300 {
		return a, refusal(a, reads)
	}
	dec := json.NewDecoder(strings.NewReader(string(a.Body)))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		p := &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "what answers is no Dolibarr, or it broke off", Err: err}
		switch {
		case reads && !bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("[")) && !bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("{")):
			p.Reason = "what answers is not the API of a Dolibarr"
			return a, p.SetUp(enabled) // without the module it answers with words, and with 200 (api/index.php)
		case reads:
			p.Class = crmsync.Transient
		}
		return a, p
	}
	return a, nil
}

// spoken takes away what PHP prints before an answer where display_errors is on. The status was sent by then, and is 200 whatever
// follows; that of an error stands in its body too.
func spoken(a crmsync.Answer) crmsync.Answer {
	end := []byte("<br />\n") // of a warning; in JSON no bare end of a line can follow a tag
	i := bytes.LastIndex(a.Body, end)
	if i < 0 || !bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("<br />")) {
		return a
	}
	a.Body = a.Body[i+len(end):]
	var b struct {
		Error struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(a.Body, &b) == nil && b.Error.Code >= 300 {
		a.Status = b.Error.Code
	}
	return a
}

// me returns the id of our own user, who gets the calls of nobody: an event must have an owner.
func (d *Connector) me(ctx context.Context) (int64, error) {
	d.mu.Lock()
	self := d.self
	d.mu.Unlock()
	if self != 0 {
		return self, nil
	}
	var u row
	a, err := d.do(ctx, http.MethodGet, "/users/info", nil, &u)
	if a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden {
		return 0, (&crmsync.PushError{Reason: fmt.Sprintf("status %d", a.Status), Err: errUntold}).SetUp(
			"the user of the key may not read its own card: give it that right, or name a default_owner")
	}
	if err != nil {
		return 0, err
	}
	d.know(u.number("id"))
	return u.number("id"), nil
}

// errUntold: our user lacks the right to ask who it is ("self write" or "user read", api_users.class.php).
var errUntold = errors.New("who we are is not told")

func refusedToTell(err error) bool { return errors.Is(err, errUntold) }

func (d *Connector) know(self int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.self = self
}

var yourID = regexp.MustCompile(`for owner id .*Your id is (\d+)$`)

// selfIn returns our own id from the refusal of an event of somebody else, 0 from anything else (api_agendaevents.class.php, post
// and put; of 16 the status is 401, of 22 403). A change that names no owner is refused so too.
func selfIn(a crmsync.Answer) int64 {
	message, _ := fault(a)
	m := yourID.FindStringSubmatch(message)
	if m == nil {
		return 0
	}
	id, _ := strconv.ParseInt(m[1], 10, 64) // too long a number is none of ours: 0
	return id
}

// fault returns what a refusal says: the message, which begins with the words of the status, and the error's own code.
func fault(a crmsync.Answer) (message, code string) {
	var b struct {
		Error struct {
			Message string `json:"message"`
			Code    string `json:"0"`
		} `json:"error"`
	}
	_ = json.Unmarshal(a.Body, &b) // no JSON: neither
	if _, said, ok := strings.Cut(b.Error.Message, ": "); ok {
		return said, b.Error.Code
	}
	return "", b.Error.Code
}

// empty is how an empty list answers: with 404 and the kind of what was not found. A 404 of anything else is a module that is
// not enabled, or a wrong address.
var empty = regexp.MustCompile(`(?i)^(no )?(agenda events?|actioncomm|contacts?|third ?part(y|ies))( not)? found$`)

func nothing(a crmsync.Answer) bool {
	message, _ := fault(a)
	return a.Status == http.StatusNotFound && empty.MatchString(strings.TrimSpace(message))
}

// enabled is what to look at when the API is not there.
const enabled = `are the modules "API / Web services (REST server)" and Agenda enabled, and is the address right?`

var (
	errorName = regexp.MustCompile(`^Error[A-Za-z]+$`)
	lock      = regexp.MustCompile(`(?i)deadlock|lock wait|DB_ERROR`)
)

// refusal says what a status of 300 and more means. A message may hold a statement of SQL, with values in it, so only the names of
// errors are told. A 500 with a message is of an event that was rolled back; a bare one can be of anything.
func refusal(a crmsync.Answer, reads bool) *crmsync.PushError {
	message, code := fault(a)
	detail := ""
	if errorName.MatchString(code) {
		detail = code
	}
	p := a.Refusal(reads, detail)
	switch {
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return p.SetUp("is the key good, has its user the rights, and are the modules enabled? Of one that is not nobody has any")
	case a.Status == http.StatusNotFound && nothing(a): // deleted since it was found
		p.Class = crmsync.Transient
	case a.Status == http.StatusNotFound, a.Status == http.StatusNotImplemented: // 501: endpoints are restricted, or missing
		return p.SetUp(enabled)
	case a.Status == http.StatusServiceUnavailable && strings.Contains(message, "nknown column"),
		reads && a.Status == http.StatusBadRequest: // a filter that is not taken: 503 in 16, 400 in 22
		return p.SetUp("this version lacks a column, or takes no such filter")
	case a.Status == http.StatusInternalServerError && message != "" && lock.MatchString(code):
		p.Class = crmsync.Transient
	case a.Status == http.StatusInternalServerError && message != "" && !reads:
		p.Class = crmsync.Permanent
	}
	return p
}
