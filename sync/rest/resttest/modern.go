// Package resttest is two invented systems for tests of what is configured without code: Modern, as newer ones are, and
// Quaint, as older ones are.
package resttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Row is a record.
type Row map[string]any

// book is what both have.
type book struct {
	mu     sync.Mutex
	calls  []Row          // guarded by mu; in order of creation
	byKey  map[string]Row // guarded by mu
	people []Row          // guarded by mu; in order of the last change
	lastID int            // guarded by mu
}

// Rows implements remotetest.Fake.
func (b *book) Rows() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int{}
	for _, c := range b.calls {
		out[fmt.Sprint(c["key"])]++
	}
	return out
}

// Call returns the call with a key, nil without.
func (b *book) Call(key string) Row {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.byKey[key]
}

// Bad implements remotetest.Fake.
func (b *book) Bad() string { return "refused by a rule" }

// PutPerson stores or changes a person with an id.
func (b *book) PutPerson(id string, r Row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.people = slices.DeleteFunc(b.people, func(p Row) bool { return p["id"] == id })
	r["id"], r["updated"] = id, time.Now().Unix()
	b.people = append(b.people, r)
}

// DeletePerson removes one.
func (b *book) DeletePerson(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.people = slices.DeleteFunc(b.people, func(p Row) bool { return p["id"] == id })
}

func (b *book) person(id string) bool {
	return slices.ContainsFunc(b.people, func(p Row) bool { return p["id"] == id })
}

// Modern has tokens by client credentials, JSON in an envelope, calls under keys of the client's, cursors, and tombstones.
type Modern struct {
	book
	tokens map[string]bool // guarded by mu
}

// NewModern returns an empty one.
func NewModern() *Modern {
	return &Modern{book: book{byKey: map[string]Row{}}, tokens: map[string]bool{}}
}

// ExpireSessions implements remotetest.Fake.
func (m *Modern) ExpireSessions() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.tokens)
}

// Writes implements remotetest.Fake.
func (m *Modern) Writes(r *http.Request) bool { return r.Method == http.MethodPut }

// ServeHTTP implements http.Handler.
func (m *Modern) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if r.URL.Path == "/oauth/token" {
		m.token(w, r)
		return
	}
	key, one := strings.CutPrefix(r.URL.Path, "/v2/calls/")
	switch {
	case !m.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]:
		answer(w, http.StatusUnauthorized, Row{"errors": []Row{{"code": "token_expired"}}})
	case one && r.Method == http.MethodPut:
		m.put(w, r, key)
	case one && m.byKey[key] != nil:
		answer(w, http.StatusOK, Row{"data": m.byKey[key]})
	case one:
		answer(w, http.StatusNotFound, Row{"errors": []Row{{"code": "not_found"}}})
	case r.URL.Path == "/v2/calls":
		m.list(w, r, m.calls, func(c Row) bool {
			at := fmt.Sprint(c["started"])
			return at >= r.FormValue("from") && at < r.FormValue("until")
		})
	case r.URL.Path == "/v2/people":
		since, err := time.Parse(time.RFC3339, r.FormValue("since"))
		if err != nil {
			answer(w, http.StatusBadRequest, Row{"errors": []Row{{"code": "bad_since"}}})
			return
		}
		m.list(w, r, m.people, func(p Row) bool { return p["updated"].(int64) >= since.Unix() })
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (m *Modern) token(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("client_secret") != "hush" || r.FormValue("scope") != "calls people" {
		answer(w, http.StatusBadRequest, Row{"error": "invalid_client"})
		return
	}
	m.lastID++
	token := fmt.Sprint("t", m.lastID)
	m.tokens[token] = true
	answer(w, http.StatusOK, Row{"access_token": token, "expires_in": 600})
}

func (m *Modern) put(w http.ResponseWriter, r *http.Request, key string) {
	var body struct {
		Data struct {
			Attributes struct {
				Subject  string `json:"subject"`
				Started  string `json:"started"`
				Duration int    `json:"duration"`
				Result   string `json:"result"`
				Note     string `json:"note"`
				Person   struct {
					ID string `json:"id"`
				} `json:"person"`
			} `json:"attributes"`
		} `json:"data"`
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Tenant") != "acme" {
		answer(w, http.StatusBadRequest, Row{"errors": []Row{{"code": "bad_request", "detail": fmt.Sprint(err)}}})
		return
	}
	a := body.Data.Attributes
	switch {
	case strings.Contains(a.Note, m.Bad()):
		answer(w, http.StatusUnprocessableEntity, Row{"errors": []Row{{"code": "invalid", "detail": a.Note}}})
		return
	case a.Person.ID != "" && !m.person(a.Person.ID):
		answer(w, http.StatusUnprocessableEntity, Row{"errors": []Row{{"code": "unknown_person"}}})
		return
	case m.byKey[key] == nil:
		m.lastID++
		m.byKey[key] = Row{"id": m.lastID, "key": key}
		m.calls = append(m.calls, m.byKey[key])
	}
	for field, v := range map[string]any{"subject": a.Subject, "started": a.Started, "duration": a.Duration, "result": a.Result, "note": a.Note, "person": a.Person.ID} {
		if v != "" && v != 0 {
			m.byKey[key][field] = v
		}
	}
	answer(w, http.StatusOK, Row{"data": m.byKey[key]})
}

// list answers ten records and a cursor.
func (m *Modern) list(w http.ResponseWriter, r *http.Request, rows []Row, passes func(Row) bool) {
	at, _ := strconv.Atoi(r.FormValue("cursor"))
	data := []Row{}
	var next any
	for ; at < len(rows); at++ {
		if len(data) == 10 {
			next = strconv.Itoa(at)
			break
		}
		if passes(rows[at]) {
			data = append(data, rows[at])
		}
	}
	answer(w, http.StatusOK, Row{"data": data, "meta": Row{"next": next}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
