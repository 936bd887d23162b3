// Package vtigertest is a Vtiger CRM for tests: webservice.php as far as events, contacts, leads and accounts go.
//
// It does what the sources of Vtiger 7.5 and F-RevoCRM 8.0 do. webservice.php: status 200 whatever happens, a warning of PHP
// before the answer, and of an unknown operation the words of PHP alone, or with display_errors off status 500 and no word. OperationManager.php, VTQL_Lexer.php, VTQL_Parser.php: the
// query language. GetUpdates.php: changes of a second at a time, at most about 100. Activity.php: how long an
// event lasts is computed, of one that ends when it begins 24 hours; its contacts are a table of their own, and a change leaves one of them
// unless the request names them all beside the element. VtigerModuleOperation.php: of 8.2, a query reads a row for each, and of those tells one, the
// last. CRMEntity.php: stamps in the time zone of the server, which is said nowhere.
package vtigertest

import (
	"crypto/md5" //nolint:gosec // the protocol's own
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Row is a record; every value is a text.
type Row map[string]string

// Server is one installation, whose user "sync" is an administrator.
type Server struct {
	AccessKey string
	KeyField  string         // a field of events that an administrator made; "" for none
	Zone      *time.Location // $default_timezone
	Now       func() time.Time
	Warning   string // what PHP prints before every answer
	American  bool   // the user's dates are mm-dd-yyyy, not yyyy-mm-dd
	PHP8      bool   // of which the operation sync, whose first parameter has two names, breaks off
	Most      int    // how many rows a query gives: 100, of F-RevoCRM 8 1000

	mu       sync.Mutex
	rows     map[string]map[string]*record // guarded by mu; by module, then id
	byKey    map[string][]string           // guarded by mu; ids of events by what stands in brackets in their description
	token    string                        // guarded by mu; the challenge
	sessions map[string]bool               // guarded by mu
	made     int                           // guarded by mu
	logins   int                           // guarded by mu
	broken   int                           // guarded by mu; creations that are stored and then break off yet
	modest   bool                          // guarded by mu; the user is no administrator
	veiled   string                        // guarded by mu; a field that the profile does not show, "" for none
}

type record struct {
	Row
	changed time.Time
	deleted bool
	further []string // contacts of an event beside its contact_id
}

// prefix is the number of each module.
var prefix = map[string]string{"Accounts": "11x", "Contacts": "12x", "Leads": "10x", "Events": "18x", "Users": "19x"}

// New returns an installation with nothing in it, in UTC.
func New() *Server {
	s := &Server{AccessKey: "Qq1aB2cD3eF4gH5i", Zone: time.UTC, Now: time.Now, Most: 100, rows: map[string]map[string]*record{}, byKey: map[string][]string{}, sessions: map[string]bool{}}
	for module := range prefix {
		s.rows[module] = map[string]*record{}
	}
	return s
}

const wallClock = "2006-01-02 15:04:05"

// Put stores a record as a person would, and returns its id; with an id in it, it changes that record.
func (s *Server) Put(module string, r Row) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(module, r)
}

func (s *Server) put(module string, r Row) string {
	r = maps.Clone(r)
	if r["id"] == "" {
		s.made++
		r["id"] = prefix[module] + strconv.Itoa(s.made)
	}
	s.rows[module][r["id"]] = &record{Row: r, changed: s.Now()}
	return r["id"]
}

// Join adds a contact to the only event with that key, as a person would.
func (s *Server) Join(key, contact string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows["Events"][s.byKey[key][0]]
	r.further = append(r.further, contact)
}

// Contacts returns all of the only event with that key.
func (s *Server) Contacts(key string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows["Events"][s.byKey[key][0]].contacts()
}

func (r *record) contacts() []string {
	if r.Row["contact_id"] == "" {
		return r.further
	}
	return append([]string{r.Row["contact_id"]}, r.further...)
}

// Veil has the profile show a field no more.
func (s *Server) Veil(field string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.veiled = field
}

// Delete moves a record to the bin.
func (s *Server) Delete(module, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[module][id].deleted, s.rows[module][id].changed = true, s.Now()
}

// Event returns the only event with that key, nil without.
func (s *Server) Event(key string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ids := s.byKey[key]; len(ids) == 1 {
		return s.rows["Events"][ids[0]].Row
	}
	return nil
}

// Break lets the next n creations break off after the record was stored.
func (s *Server) Break(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = n
}

// Demote makes the user no administrator.
func (s *Server) Demote() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modest = true
}

// Logins returns how many sessions were opened.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Rows implements remotetest.Fake.
func (s *Server) Rows() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for key, ids := range s.byKey {
		out[key] = len(ids)
	}
	return out
}

// ExpireSessions implements remotetest.Fake.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// Writes implements remotetest.Fake: what is posted but for a login.
func (s *Server) Writes(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.Method == http.MethodPost && len(s.sessions) > 0
}

// Bad implements remotetest.Fake.
func (s *Server) Bad() string { return "refused by an event handler" }

// fault is thrown as a WebServiceException is.
type fault struct{ code, message string }

func throw(code, message string) { panic(fault{code, message}) }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	if r.URL.Path != "/webservice.php" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	defer func() {
		if p := recover(); p != nil {
			f, ok := p.(fault)
			if !ok {
				panic(p)
			}
			s.answer(w, map[string]any{"success": false, "error": map[string]string{"code": f.code, "message": f.message}})
		}
	}()
	result, ok := s.operate(r)
	switch {
	case !ok && s.PHP8:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case !ok:
		_, _ = fmt.Fprint(w, "<br />\n<b>Fatal error</b>:  Uncaught WebServiceException in OperationManager.php:75")
		return
	}
	s.answer(w, map[string]any{"success": true, "result": result})
}

func (s *Server) answer(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	b, _ := json.Marshal(body["success"])
	rest, _ := json.Marshal(body[map[any]string{true: "result", false: "error"}[body["success"]]])
	_, _ = fmt.Fprintf(w, `%s{"success":%s,"%s":%s}`, s.Warning, b, map[any]string{true: "result", false: "error"}[body["success"]], rest)
}

// operate runs the operation; false when it breaks off.
func (s *Server) operate(r *http.Request) (result any, ok bool) {
	get := r.URL.Query().Get
	if r.Method == http.MethodPost {
		get = r.PostFormValue
	}
	operation := get("operation")
	switch operation + " " + r.Method {
	case "getchallenge GET":
		s.made++
		s.token = fmt.Sprint("c", s.made)
		return map[string]any{"token": s.token, "serverTime": s.Now().Unix(), "expireTime": s.Now().Add(5 * time.Minute).Unix()}, true
	case "login POST":
		return s.login(get("username"), get("accessKey")), true
	case "create POST", "revise POST", "query GET", "sync GET":
	default:
		return nil, false
	}
	if get("sessionName") == "" {
		throw("AUTHENTICATION_REQUIRED", "Authencation required")
	}
	if !s.sessions[get("sessionName")] {
		throw("INVALID_SESSIONID", "Session Identifier provided is Invalid")
	}
	switch operation {
	case "create":
		return s.save("", get("elementType"), get("element"), get("contactidlist"))
	case "revise":
		return s.save("revise", "Events", get("element"), get("contactidlist"))
	case "query":
		return s.query(get("query")), true
	}
	if s.PHP8 {
		return nil, false
	}
	return s.sync(get("modifiedTime"), get("elementType"), get("syncType")), true
}

func (s *Server) login(user, key string) any {
	sum := md5.Sum([]byte(s.token + s.AccessKey)) //nolint:gosec // the protocol's own
	switch {
	case s.token == "":
		throw("INVALID_AUTH_TOKEN", "Specified token is invalid or expired")
	case user != "sync" || key != hex.EncodeToString(sum[:]):
		throw("INVALID_USER_CREDENTIALS", "Invalid username or password")
	}
	s.token = ""
	s.logins++
	name := fmt.Sprintf("%x", s.logins*7919)
	s.sessions[name] = true
	return map[string]string{"sessionName": name, "userId": "19x1", "version": "0.22", "vtigerVersion": "8.0.3"}
}

// eventFields is what an event has, and whether it must be given.
var eventFields = map[string]bool{
	"subject": true, "assigned_user_id": true, "date_start": true, "time_start": true, "due_date": true, "activitytype": true, "eventstatus": true,
	"time_end": false, "duration_hours": false, "duration_minutes": false, "visibility": false, "description": false, "contact_id": false,
	"parent_id": false, "location": false, "createdtime": false, "modifiedtime": false,
}

var (
	inBrackets = regexp.MustCompile(`\[(pc[0-9a-f]{32})\]`)
	dateForm   = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	timeForm   = regexp.MustCompile(`^\d\d:\d\d:\d\d$`)
)

// save creates an event, or changes the one whose id is in the element. Contacts are numbers with semicolons between.
func (s *Server) save(mode, module, element, contacts string) (any, bool) {
	sent := map[string]any{}
	if module != "Events" || json.Unmarshal([]byte(element), &sent) != nil {
		throw("ACCESS_DENIED", "Permission to perform the operation is denied")
	}
	whole, id := Row{}, ""
	if mode == "revise" {
		id, _ = sent["id"].(string)
		old := s.rows[module][id]
		if old == nil || old.deleted {
			throw("ACCESS_DENIED", "Permission to perform the operation is denied")
		}
		whole = maps.Clone(old.Row)
	}
	for field, v := range sent {
		if _, known := eventFields[field]; known || field == s.KeyField && field != "" {
			whole[field] = fmt.Sprint(v)
		}
	}
	s.check(whole)
	now := s.Now().In(s.Zone).Format(wallClock)
	whole["modifiedtime"] = now
	if id == "" {
		whole["createdtime"] = now
	}
	whole["duration_hours"], whole["duration_minutes"] = s.lasts(whole, sent)
	numbers := strings.FieldsFunc(contacts, func(c rune) bool { return c == ';' })
	for i := range numbers {
		numbers[i] = prefix["Contacts"] + numbers[i]
	}
	if len(numbers) > 0 {
		whole["contact_id"] = numbers[0]
	}
	id = s.put(module, whole)
	whole["id"] = id
	if len(numbers) > 1 {
		s.rows[module][id].further = numbers[1:]
	}
	if m := inBrackets.FindStringSubmatch(whole["description"]); m != nil && !slices.Contains(s.byKey[m[1]], id) {
		s.byKey[m[1]] = append(s.byKey[m[1]], id)
	}
	if s.broken > 0 && mode == "" {
		s.broken--
		return nil, false
	}
	return whole, true
}

// lasts is how long the program takes an event for. A date that was sent has the form of the user's preferences by then, and the
// day of mm-dd-yyyy is the month to strtotime; two dates that it cannot read are as far apart as two that are the same.
func (s *Server) lasts(r Row, sent map[string]any) (hours, minutes string) {
	at := func(date, timeOfDay string) time.Time {
		layout := time.DateOnly
		if _, is := sent[date]; is && s.American {
			layout = "2006-02-01"
		}
		t, err := time.Parse(layout+" "+time.TimeOnly, r[date]+" "+r[timeOfDay])
		if err != nil {
			return time.Time{}
		}
		return t
	}
	took := at("due_date", "time_end").Sub(at("date_start", "time_start"))
	if took == 0 {
		return "24", "0"
	}
	return strconv.Itoa(int(took / time.Hour)), strconv.Itoa(int(took % time.Hour / time.Minute))
}

// check refuses what the web service or the database refuses.
func (s *Server) check(r Row) {
	for field, must := range eventFields {
		if must && r[field] == "" {
			throw("MANDATORY_FIELDS_MISSING", field+" does not have a value")
		}
	}
	for field, kind := range map[string][]string{"contact_id": {"12x"}, "parent_id": {"11x", "10x"}} {
		module, _, _ := strings.Cut(r[field], "x")
		if r[field] != "" && !slices.Contains(kind, module+"x") {
			throw("REFERENCE_INVALID", "Invalid reference specified for "+field)
		}
	}
	if _, ok := s.rows["Users"][r["assigned_user_id"]]; s.modest && !ok && r["assigned_user_id"] != "19x1" {
		throw("ACCESS_DENIED", "Cannot assign record to the given user")
	}
	for field, v := range r {
		if strings.Contains(v, s.Bad()) {
			throw("ACCESS_DENIED", "Permission to perform the operation is denied")
		}
		for _, c := range v {
			if c > 0xFFFF || strings.HasSuffix(field, "date") && !dateForm.MatchString(v) || strings.HasPrefix(field, "time_") && !timeForm.MatchString(v) {
				throw("DATABASE_QUERY_ERROR", "Database error while performing requested operation")
			}
		}
	}
}
