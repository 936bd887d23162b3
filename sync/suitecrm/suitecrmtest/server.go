// Package suitecrmtest is a SuiteCRM for tests: its V8 API as far as calls, contacts, leads and accounts go.
//
// It does what the source of SuiteCRM 7.14 does. ModuleService.php: an id of the client's is taken, and one that is there is refused
// in words; POST and PATCH go to the module's root and answer 201. ErrorResponse.php: "errors" is one object, and nearly everything is
// 400. Filter.php: one level, "in" only in later versions. AttributeObjectHelper.php: times with the digits of the database and an offset that
// is the server's. DBManager.php: values come as HTML. Call.php: the end of a call is computed.
package suitecrmtest

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Row is a record; every value is a text.
type Row map[string]string

// Server is one installation.
type Server struct {
	Base     string // where its API is: "" or "/legacy"
	Old      bool   // it is of 2020: filters know neither lists nor patterns, and a call shorter than an hour, or of whole hours, has no end of its own
	NoLink   string // a field that Calls do not have
	Password string // of the user "sync", for clients of that grant
	Unfit    string // what it says to every request instead of doing it: our user has no right, or there is none
	Before   string // what PHP prints before its answers, whose status is then 200
	Behind   string // what PHP prints behind them
	Now      func() time.Time

	mu     sync.Mutex
	rows   map[string]map[string]Row // guarded by mu; by module, then id
	dead   map[string]bool           // guarded by mu; ids of deleted records
	tokens map[string]bool           // guarded by mu
	minted int                       // guarded by mu
	made   int                       // guarded by mu
}

// New returns an installation with nothing in it.
func New() *Server {
	return &Server{
		Now: time.Now, Password: "pass", dead: map[string]bool{}, tokens: map[string]bool{},
		rows: map[string]map[string]Row{"Calls": {}, "Contacts": {}, "Leads": {}, "Accounts": {}},
	}
}

const stamp = "2006-01-02 15:04:05"

// Put stores a record as a person would, and returns its id; with an id in it, it changes that record.
func (s *Server) Put(module string, r Row) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r = maps.Clone(r)
	if r["id"] == "" {
		s.made++
		r["id"] = fmt.Sprintf("%08x-0000-4000-8000-000000000000", s.made)
	}
	r["date_modified"] = s.Now().UTC().Format(stamp)
	s.rows[module][r["id"]] = r
	return r["id"]
}

// Delete marks a record as deleted.
func (s *Server) Delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead[id] = true
}

var keyIn = regexp.MustCompile(`\[(pc[0-9a-f]{32})\]`)

// Call returns the Call with that key in its description, nil without.
func (s *Server) Call(key string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows["Calls"] {
		if strings.Contains(r["description"], "["+key+"]") {
			return r
		}
	}
	return nil
}

// Rows implements remotetest.Fake.
func (s *Server) Rows() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, r := range s.rows["Calls"] {
		if m := keyIn.FindStringSubmatch(r["description"]); m != nil {
			out[m[1]]++
		}
	}
	return out
}

// ExpireSessions implements remotetest.Fake.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Writes implements remotetest.Fake.
func (s *Server) Writes(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/Api/V8/module") }

// Bad implements remotetest.Fake.
func (s *Server) Bad() string { return "refused by a logic hook" }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	if s.Before != "" {
		_, _ = io.WriteString(w, s.Before)
		w = begun{w}
	}
	defer func() { _, _ = io.WriteString(w, s.Behind) }()
	path, ok := strings.CutPrefix(r.URL.Path, s.Base+"/Api/")
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if path == "access_token" {
		s.token(w, r)
		return
	}
	if !s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "access_denied", "message": "The resource owner or authorization server denied the request."})
		return
	}
	if s.Unfit != "" {
		refuse(w, s.Unfit)
		return
	}
	path = strings.TrimPrefix(path, "V8/module")
	switch parts := strings.Split(strings.Trim(path, "/"), "/"); {
	case path == "":
		s.write(w, r)
	case s.rows[parts[0]] == nil:
		refuse(w, "Module "+parts[0]+" does not exist")
	case len(parts) == 1:
		s.list(w, parts[0], r.URL.Query())
	default:
		row := s.rows[parts[0]][parts[1]]
		if row == nil || s.dead[parts[1]] {
			refuse(w, parts[0]+" module with id "+parts[1]+" is not found")
			return
		}
		answer(w, http.StatusOK, map[string]any{"data": shown(parts[0], row)})
	}
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	var form map[string]string
	_ = json.NewDecoder(r.Body).Decode(&form)
	byPassword := form["grant_type"] == "password" && form["username"] == "sync" && form["password"] == s.Password
	if form["client_id"] != "client" || form["client_secret"] != "hush" || form["grant_type"] != "client_credentials" && !byPassword {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "message": "Client authentication failed"})
		return
	}
	s.minted++
	token := fmt.Sprint("t", s.minted)
	s.tokens[token] = true
	answer(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": token})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/vnd.api+json")
	w.WriteHeader(status)
	text, _ := json.MarshalIndent(body, "", "    ") // as there; no end of a line follows
	_, _ = w.Write(text)
}

// begun is an answer of which something was printed: its status is sent.
type begun struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (begun) WriteHeader(int) {}

func refuse(w http.ResponseWriter, detail string) {
	answer(w, http.StatusBadRequest, map[string]any{"errors": map[string]any{"status": 400, "title": nil, "detail": detail}})
}

var databaseTime = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)

func shown(module string, r Row) map[string]any {
	attributes := map[string]string{}
	for field, v := range r {
		if databaseTime.MatchString(v) {
			v = strings.Replace(v, " ", "T", 1) + "+02:00"
		}
		attributes[field] = html.EscapeString(v)
	}
	return map[string]any{"type": strings.TrimSuffix(module, "s"), "id": r["id"], "attributes": attributes}
}

// properties is what a Call has.
var properties = []string{
	"name", "status", "direction", "date_start", "date_end", "duration_hours", "duration_minutes", "description", "assigned_user_id", "parent_type", "parent_id", "contact_id",
}

var uuid = regexp.MustCompile(`^(\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`)

func (s *Server) write(w http.ResponseWriter, r *http.Request) {
	var sent struct {
		Data struct {
			Type, ID   string
			Attributes Row
		}
	}
	if json.NewDecoder(r.Body).Decode(&sent) != nil || sent.Data.Type != "Calls" || !uuid.MatchString(sent.Data.ID) {
		refuse(w, "The option \"id\" is invalid")
		return
	}
	id, old := sent.Data.ID, s.rows["Calls"][sent.Data.ID]
	switch {
	case r.Method == http.MethodPost && old != nil:
		refuse(w, "Bean Calls with id "+id+" is already exist")
		return
	case r.Method == http.MethodPatch && (old == nil || s.dead[id]):
		refuse(w, "Calls module with id "+id+" is not found")
		return
	}
	call := Row{"id": id}
	maps.Copy(call, old)
	for field, v := range sent.Data.Attributes {
		if !slices.Contains(properties, field) || field == s.NoLink {
			refuse(w, "Property "+field+" in Call module is invalid")
			return
		}
		if strings.Contains(v, s.Bad()) {
			refuse(w, "The hook says no to "+v)
			return
		}
		call[field] = v
	}
	if len(call["name"]) > 50 {
		call["name"] = call["name"][:50] // as the database does
	}
	s.end(call)
	call["date_modified"] = s.Now().UTC().Format(stamp)
	s.rows["Calls"][id] = call
	answer(w, http.StatusCreated, map[string]any{"data": shown("Calls", call)})
}

// end computes the end of a call, from numbers that are texts yet. What is no time of the database is none.
func (s *Server) end(call Row) {
	start, err := time.Parse(stamp, call["date_start"])
	if err != nil {
		call["date_end"] = ""
		return
	}
	empty := func(field string) bool { return call[field] == "" || call[field] == "0" } // as PHP has it
	hours, _ := strconv.Atoi(call["duration_hours"])
	minutes, _ := strconv.Atoi(call["duration_minutes"])
	call["date_end"] = call["date_start"]
	if !empty("duration_hours") && !empty("duration_minutes") || !s.Old {
		call["date_end"] = start.Add(time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute).Format(stamp)
	}
	call["duration_hours"], call["duration_minutes"] = strconv.Itoa(hours), strconv.Itoa(minutes) // columns of numbers
}

var condition = regexp.MustCompile(`^filter\[(\w+)\]\[(\w+)\]$`)

func (s *Server) list(w http.ResponseWriter, module string, q url.Values) {
	var rows []Row
	for id, r := range s.rows[module] {
		if !s.dead[id] {
			rows = append(rows, r)
		}
	}
	for name, values := range q {
		m := condition.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		if s.Old && (m[2] == "in" || m[2] == "like") {
			refuse(w, "Filter operator "+m[2]+" is invalid")
			return
		}
		rows = slices.DeleteFunc(rows, func(r Row) bool { return !holds(r[m[1]], m[2], values[0]) })
	}
	by := q.Get("sort")
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a[by]+a["id"], b[by]+b["id"]) })
	size, _ := strconv.Atoi(q.Get("page[size]"))
	number, _ := strconv.Atoi(q.Get("page[number]"))
	rows = rows[min((number-1)*size, len(rows)):]
	rows = rows[:min(size, len(rows))]
	data := []any{}
	for _, r := range rows {
		data = append(data, shown(module, r))
	}
	answer(w, http.StatusOK, map[string]any{"data": data})
}

func holds(is, operator, value string) bool {
	switch operator {
	case "eq":
		return is == value
	case "gt":
		return is > value
	case "gte":
		return is >= value
	case "lt":
		return is < value
	case "like":
		return strings.Contains(is, strings.Trim(value, "%"))
	case "in":
		return slices.Contains(strings.Split(value, ","), is)
	}
	return false
}
