// Package bitrix24test is a Bitrix24 portal for tests: batches by an inbound webhook or with the token of an app, activities without a
// key of their own, lists of fifty, and the limits on requests and on the time that methods take; and the server that renews tokens.
package bitrix24test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What the webhook's address has.
const (
	User, Code = "1", "x7k2abc9def0ghij"
	// Manager is a user that may be responsible.
	Manager = "77"
)

// Row is a record.
type Row map[string]any

// Server is one portal. Fields are set before it is used.
type Server struct {
	// Limited bounds requests as the cloud does; else there are no bounds, as on a machine of one's own.
	Limited bool

	mu         sync.Mutex
	activities []Row            // guarded by mu; in order of creation
	byKey      map[string][]Row // guarded by mu
	people     map[string][]Row // guarded by mu; by kind
	lastID     int              // guarded by mu
	level      float64          // guarded by mu; of the bucket of requests
	at         time.Time        // guarded by mu; when level was right
	blocked    map[string]int   // guarded by mu; how many calls of a method are refused yet for the time that it took
	requests   int              // guarded by mu
	app        app              // guarded by mu
}

// New returns a portal with a lead for unknown callers: lead 12.
func New() *Server {
	return &Server{byKey: map[string][]Row{}, people: map[string][]Row{"lead": {{"ID": "12", "TITLE": "Unknown callers", "DATE_MODIFY": time.Now()}}}, lastID: 100, blocked: map[string]int{}}
}

// Rows implements remotetest.Fake.
func (s *Server) Rows() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for key, rows := range s.byKey {
		out[key] = len(rows)
	}
	return out
}

// Activity returns the activity with a key, nil without.
func (s *Server) Activity(key string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rows := s.byKey[key]; len(rows) > 0 {
		return rows[0]
	}
	return nil
}

// ExpireSessions implements remotetest.Fake: the access token of the app; a webhook has none.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app.access = ""
}

// Writes implements remotetest.Fake: everything is a batch, so its commands tell.
func (s *Server) Writes(r *http.Request) bool {
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	defer func() { _ = body.Close() }()
	var b struct{ Cmd map[string]string }
	if json.NewDecoder(body).Decode(&b) != nil {
		return false
	}
	for _, c := range b.Cmd {
		if strings.HasPrefix(c, "crm.activity.add") || strings.HasPrefix(c, "crm.activity.update") {
			return true
		}
	}
	return false
}

// Bad implements remotetest.Fake.
func (s *Server) Bad() string { return "refused by a business process" }

// Requests returns how many requests there were.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Block refuses the next n calls of a method for the time that it took.
func (s *Server) Block(method string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked[method] = n
}

// Fill makes the bucket of requests full, where it is Limited.
func (s *Server) Fill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level, s.at = 50, time.Now()
}

// Put stores a contact, company or lead, or changes one with an ID, and returns its ID.
func (s *Server) Put(kind string, r Row) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.find(kind, fmt.Sprint(r["ID"]))
	if old == nil {
		s.lastID++
		old = Row{"ID": strconv.Itoa(s.lastID)}
		s.people[kind] = append(s.people[kind], old)
	}
	for k, v := range r {
		old[k] = v
	}
	old["DATE_MODIFY"] = time.Now()
	return old["ID"].(string)
}

// Delete removes one, as the merging of two does.
func (s *Server) Delete(kind, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[kind] = slices.DeleteFunc(s.people[kind], func(r Row) bool { return r["ID"] == id })
}

func (s *Server) find(kind, id string) Row {
	for _, r := range s.people[kind] {
		if r["ID"] == id {
			return r
		}
	}
	return nil
}

// fault is what a request or a command comes to when it is refused.
type fault struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// ServeHTTP implements http.Handler: batch.json, of at most fifty commands.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	var body struct {
		Halt int               `json:"halt"`
		Cmd  map[string]string `json:"cmd"`
		Auth string            `json:"auth"`
	}
	if r.URL.Path == "/oauth/token/" {
		s.renew(w, r)
		return
	}
	if s.app.movedTo != "" && r.Host != s.app.movedTo {
		w.Header().Set("Location", "https://"+s.app.movedTo+r.URL.RequestURI())
		w.WriteHeader(http.StatusFound)
		return
	}
	malformed := json.NewDecoder(r.Body).Decode(&body)
	hook := strings.HasPrefix(r.URL.Path, "/rest/"+User+"/"+Code+"/")
	switch {
	case !hook && r.URL.Path == "/rest/batch.json" && body.Auth == "":
		write(w, http.StatusUnauthorized, fault{"NO_AUTH_FOUND", "Wrong authorization data"})
	case !hook && r.URL.Path == "/rest/batch.json" && body.Auth != s.app.access:
		write(w, http.StatusUnauthorized, fault{"expired_token", "The access token provided has expired."})
	case !hook && r.URL.Path != "/rest/batch.json":
		write(w, http.StatusUnauthorized, fault{"INVALID_CREDENTIALS", "Invalid request credentials"})
	case s.full():
		write(w, http.StatusServiceUnavailable, fault{"QUERY_LIMIT_EXCEEDED", "Too many requests"})
	case !strings.HasSuffix(r.URL.Path, "/batch.json"):
		write(w, http.StatusNotFound, fault{"ERROR_METHOD_NOT_FOUND", "Method not found!"})
	case malformed != nil || len(body.Cmd) > 50:
		write(w, http.StatusBadRequest, fault{"ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded"})
	default:
		s.batch(w, body.Cmd)
	}
}

// full reports whether the bucket runs over: it holds fifty requests, and two leak out of it in a second.
func (s *Server) full() bool {
	now := time.Now()
	s.level = max(0, s.level-2*now.Sub(s.at).Seconds())
	s.at = now
	if !s.Limited {
		return false
	}
	s.level++
	return s.level > 50
}

func (s *Server) batch(w http.ResponseWriter, cmd map[string]string) {
	results, errors, next, times := map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for k := range cmd {
			if !yield(k) {
				return
			}
		}
	}) {
		method, query, _ := strings.Cut(cmd[key], "?")
		params, err := url.ParseQuery(query)
		times[key] = map[string]any{"operating": 0.1, "operating_reset_at": time.Now().Add(90 * time.Second).Unix()}
		if err != nil {
			errors[key] = fault{"", "bad query"}
			continue
		}
		result, more, f := s.run(method, params)
		if f != nil {
			errors[key] = f
			continue
		}
		results[key] = result
		if more > 0 {
			next[key] = more
		}
	}
	write(w, http.StatusOK, map[string]any{
		"result": map[string]any{"result": php(results), "result_error": php(errors), "result_total": []any{}, "result_next": php(next), "result_time": php(times)},
		"time":   map[string]any{"operating": 0, "operating_reset_at": time.Now().Unix()},
	})
}

// php is an object, or a list when it is empty.
func php(m map[string]any) any {
	if len(m) == 0 {
		return []any{}
	}
	return m
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) run(method string, p url.Values) (result any, next int, f *fault) {
	if s.blocked[method] > 0 {
		s.blocked[method]--
		return nil, 0, &fault{"OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."}
	}
	kind, isList := strings.CutSuffix(strings.TrimPrefix(method, "crm."), ".list")
	switch {
	case method == "crm.activity.add":
		result, f = s.add(p)
	case method == "crm.activity.update":
		result, f = s.update(p)
	case isList && kind == "activity":
		result, next = s.list(s.indexed(p), p)
	case isList:
		result, next = s.list(s.people[kind], p)
	default:
		f = &fault{"ERROR_METHOD_NOT_FOUND", "Method not found!"}
	}
	return result, next, f
}

var (
	kinds   = map[string]string{"1": "lead", "3": "contact", "4": "company"}
	inField = regexp.MustCompile(`^fields\[([A-Z_]+)\](\[.*)?$`)
)

// add creates an activity. Nothing keeps two from having one ORIGIN_ID. A communication counts with an entity and a value only
// (prepareCommunications of the module crm's REST service).
func (s *Server) add(p url.Values) (any, *fault) {
	owner := s.find(kinds[p.Get("fields[OWNER_TYPE_ID]")], p.Get("fields[OWNER_ID]"))
	phone := "fields[COMMUNICATIONS][0]"
	switch {
	case owner == nil:
		return nil, &fault{"", "The owner is not found"}
	case p.Get("fields[TYPE_ID]") != "2" || p.Get("fields[SUBJECT]") == "" || p.Get("fields[START_TIME]") == "":
		return nil, &fault{"", "The field is not defined or invalid."}
	case p.Get(phone+"[TYPE]") != "PHONE" || p.Get(phone+"[VALUE]") == "" || p.Get(phone+"[ENTITY_ID]") != owner["ID"]:
		return nil, &fault{"", "The field COMMUNICATIONS is not defined or invalid."}
	}
	s.lastID++
	row := Row{"ID": strconv.Itoa(s.lastID), responsible: User}
	if f := s.set(row, p); f != nil {
		return nil, f
	}
	s.activities = append(s.activities, row)
	key := fmt.Sprint(row["ORIGIN_ID"])
	s.byKey[key] = append(s.byKey[key], row)
	return s.lastID, nil
}

const responsible = "RESPONSIBLE_ID"

func (s *Server) update(p url.Values) (any, *fault) {
	n, _ := strconv.Atoi(p.Get("id"))
	i, ok := slices.BinarySearchFunc(s.activities, n, func(r Row, n int) int {
		id, _ := strconv.Atoi(r["ID"].(string))
		return cmp.Compare(id, n)
	})
	if !ok {
		return nil, &fault{"", "Activity is not found"}
	}
	if p.Has("fields[OWNER_ID]") {
		return nil, &fault{"", "The owner cannot be changed"}
	}
	return true, s.set(s.activities[i], p)
}

// set puts fields into an activity, all or none.
func (s *Server) set(row Row, p url.Values) *fault {
	for name, v := range p {
		m := inField.FindStringSubmatch(name)
		switch {
		case m == nil:
			continue
		case strings.Contains(v[0], s.Bad()):
			return &fault{"", "The business process says no to " + v[0]}
		case m[1] == responsible && v[0] != Manager && v[0] != User:
			return &fault{"", "The responsible is not found"}
		case strings.HasSuffix(m[1], "_TIME"):
			if _, err := time.Parse(time.RFC3339, v[0]); err != nil {
				return &fault{"", "bad time"}
			}
		}
	}
	for name, v := range p {
		if m := inField.FindStringSubmatch(name); m != nil {
			row[m[1]+m[2]] = v[0]
		}
	}
	return nil
}
