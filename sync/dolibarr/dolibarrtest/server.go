// Package dolibarrtest is a Dolibarr for tests: its REST API as far as agenda events, contacts and third parties go.
//
// It does what the source of Dolibarr 16 does or, when it is Recent, that of 22. api_agendaevents.class.php: a new event answers with its bare number, a changed one
// with itself or false; an empty list is 404; ref_ext is not shown. actioncomm.class.php: no owner or type is a 500 with the
// error's name, any number is taken for a contact, and ref_ext need not be unique. functions.lib.php, dolForgeCriteriaCallback: filters
// lose what stands behind a colon in a value; an unknown column is 503 with the statement. api.class.php, _checkValForAPI:
// tags and quotes are taken out of a label, tags out of a note.
package dolibarrtest

import (
	"bytes"
	"compress/gzip"
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

// Row is a record.
type Row map[string]any

// Server is one installation, whose API user has the number 1.
type Server struct {
	Key      string
	Now      func() time.Time
	Modest   bool // the user may not make events of others
	Shy      bool // nor read its own card
	Recent   bool // rights are 403, a list of no events is empty, and an event without an owner or a type is 400
	NoAPI    bool // the module API is not enabled: words, and 200 (api/index.php)
	NoAgenda bool // the module Agenda is not enabled, so nobody has its rights
	Sales    bool // it may see its own customers alone, so a list has no events of nobody (api_agendaevents.class.php)
	Narrow   bool // the tables have no characters beyond U+FFFF
	Warns    bool // display_errors is on, and PHP has something to say: status 200, and its words first

	mu     sync.Mutex
	tables map[string]map[int]Row // guarded by mu; by kind, then number
	byRef  map[string][]int       // guarded by mu; events by ref_ext
	made   int                    // guarded by mu
	mute   bool                   // guarded by mu; changes of events fail without a word
}

// New returns an installation with nothing in it.
func New() *Server {
	return &Server{
		Key: "k3y-0f-the-us3r", Now: time.Now, byRef: map[string][]int{},
		tables: map[string]map[int]Row{"agendaevents": {}, "contacts": {}, "thirdparties": {}},
	}
}

// Put stores a record as a person would, and returns its number.
func (s *Server) Put(kind string, r Row) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	r = maps.Clone(r)
	id, ok := r["id"].(int)
	if !ok {
		s.made++
		id = s.made
	}
	r["id"], r["date_modification"] = id, s.Now().Unix()
	s.tables[kind][id] = r
	return id
}

// Delete removes a record without a trace.
func (s *Server) Delete(kind string, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tables[kind], id)
}

// Event returns the only event with that ref_ext, nil without.
func (s *Server) Event(ref string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ids := s.byRef[ref]; len(ids) == 1 {
		return s.tables["agendaevents"][ids[0]]
	}
	return nil
}

// Mute lets changes fail with the answer false.
func (s *Server) Mute(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute = on
}

// Rows implements remotetest.Fake.
func (s *Server) Rows() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for ref, ids := range s.byRef {
		out[ref] = len(ids)
	}
	return out
}

// ExpireSessions implements remotetest.Fake: a key has no end.
func (*Server) ExpireSessions() {}

// Writes implements remotetest.Fake.
func (*Server) Writes(r *http.Request) bool { return r.Method != http.MethodGet }

// Bad implements remotetest.Fake.
func (*Server) Bad() string { return "refused by a trigger" }

const root = "/api/index.php/"

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	if s.Warns {
		_, _ = fmt.Fprint(w, "<br />\n<b>Warning</b>:  Undefined property: ActionComm::$fk_element in <b>/var/www/html/api/index.php</b> on line <b>312</b><br />\n")
		w = begun{w}
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w = packing{w}
	}
	path, ok := strings.CutPrefix(r.URL.Path, root)
	kind, id, _ := strings.Cut(path, "/")
	number, _ := strconv.Atoi(id)
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case s.NoAPI:
		_, _ = fmt.Fprint(w, "Module <b>Api</b> must be enabled before using this feature.<br><br>Go here to activate the module")
	case r.Header.Get("DOLAPIKEY") != s.Key:
		refuse(w, http.StatusUnauthorized, "Unauthorized: Access not allowed for login", "")
	case path == "users/info" && s.Shy:
		s.forbid(w, "Not allowed")
	case path == "users/info":
		answer(w, Row{"id": "1", "login": "sync"})
	case s.tables[kind] == nil: // there is no such file
		w.WriteHeader(http.StatusNotImplemented)
		_, _ = fmt.Fprint(w, "API not found (failed to include API file)")
	case s.NoAgenda && kind == "agendaevents":
		s.forbid(w, "Insufficient rights to read events")
	case r.Method == http.MethodGet && id == "":
		s.list(w, r, kind)
	case r.Method == http.MethodGet:
		if s.tables[kind][number] == nil {
			refuse(w, http.StatusNotFound, "Not Found: "+singular[kind]+" not found", "")
			return
		}
		answer(w, shown(s.tables[kind][number]))
	case kind == "agendaevents":
		s.write(w, r, id, number)
	default:
		refuse(w, http.StatusMethodNotAllowed, "Method Not Allowed", "")
	}
}

var (
	singular = map[string]string{"contacts": "Contact", "thirdparties": "Thirdparty", "agendaevents": "Agenda Events"}
	none     = map[string]string{"contacts": "Contacts not found", "thirdparties": "No third parties found", "agendaevents": "No Agenda Event found"}
)

func refuse(w http.ResponseWriter, status int, message, code string) {
	fault := Row{"code": status, "message": message}
	if code != "" {
		fault["0"] = code
	}
	respond(w, status, Row{"error": fault})
}

// forbid refuses what the user has no right to.
func (s *Server) forbid(w http.ResponseWriter, message string) {
	status := http.StatusUnauthorized
	if s.Recent {
		status = http.StatusForbidden
	}
	refuse(w, status, http.StatusText(status)+": "+message, "")
}

func answer(w http.ResponseWriter, body any) { respond(w, http.StatusOK, body) }

// packing is the answer to who takes gzip: PHP compresses what is JSON, and nothing that it printed before (api/index.php).
type packing struct{ http.ResponseWriter }

// begun is an answer of which something was printed: its status is sent.
type begun struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (begun) WriteHeader(int) {}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	text, _ := json.Marshal(body)
	if _, ok := w.(packing); ok {
		w.Header().Set("Content-Encoding", "gzip")
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(text)
		_ = z.Close()
		text = b.Bytes()
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// shown is a record as the API gives it: numbers of the database as text, and some fields not at all.
func shown(r Row) Row {
	out := Row{}
	for field, v := range r {
		switch field {
		case "ref_ext", "contact_id":
		case "datep", "datef", "date_modification":
			out[field] = v // dates were converted
		default:
			out[field] = fmt.Sprint(v)
		}
	}
	return out
}

// fields is what an event keeps of what is sent.
var fields = []string{
	"type_code", "label", "datep", "datef", "percentage", "note_private", "userownerid", "contact_id", "socid", "socpeopleassigned", "ref_ext", "location",
}

var (
	tag    = regexp.MustCompile(`<[^>]*>?|"|\.\./`)
	inNote = regexp.MustCompile(`<[^>\s][^>]*>?`)
)

func (s *Server) write(w http.ResponseWriter, r *http.Request, path string, id int) {
	body := Row{}
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		refuse(w, http.StatusBadRequest, "Bad Request: Error parsing JSON", "")
		return
	}
	owner := body["userownerid"]
	if s.Modest && fmt.Sprint(owner) != "1" {
		if owner == nil {
			owner = ""
		}
		s.forbid(w, fmt.Sprintf("Insufficient rights to create an Agenda Event for owner id %v Your id is 1", owner))
		return
	}
	for _, field := range []string{"userownerid", "type_code"} {
		if s.Recent && path == "" && body[field] == nil {
			refuse(w, http.StatusBadRequest, "Bad Request: "+field+" field missing", "")
			return
		}
	}
	old := s.tables["agendaevents"][id]
	if path != "" && old == nil {
		refuse(w, http.StatusNotFound, "Not Found: actioncomm not found", "")
		return
	}
	event := Row{"percentage": 0, "note_private": "", "label": ""}
	maps.Copy(event, old)
	for field, v := range body {
		if slices.Contains(fields, field) && (path == "" || field != "ref_ext") {
			event[field] = v
		}
	}
	event["label"] = strings.TrimSpace(tag.ReplaceAllString(fmt.Sprint(event["label"]), ""))
	event["note_private"] = inNote.ReplaceAllString(fmt.Sprint(event["note_private"]), "")
	if s.Narrow && strings.ContainsFunc(fmt.Sprint(event["note_private"], event["label"]), func(r rune) bool { return r > 0xFFFF }) {
		refuse(w, http.StatusInternalServerError, "Internal Server Error: Error creating event", `Incorrect string value: '\xF0\x9F\x99\x82' for column 'note' at row 1`)
		return
	}
	if code := wrong(event, s.Bad()); code != "" {
		refuse(w, http.StatusInternalServerError, "Internal Server Error: Error creating event", code)
		return
	}
	if path != "" {
		if s.mute {
			answer(w, false)
			return
		}
		s.tables["agendaevents"][id] = event
		answer(w, shown(event))
		return
	}
	s.made++
	event["id"] = s.made
	s.tables["agendaevents"][s.made] = event
	if ref, ok := event["ref_ext"].(string); ok {
		s.byRef[ref] = append(s.byRef[ref], s.made)
	}
	answer(w, s.made)
}

// wrong returns the error's name, "" for none.
func wrong(event Row, bad string) string {
	owner, _ := event["userownerid"].(float64)
	begin, isTime := event["datep"].(float64)
	switch {
	case owner == 0:
		return "ErrorActionCommPropertyUserowneridNotDefined"
	case event["type_code"] != "AC_TEL" && event["type_code"] != "AC_OTH":
		return "ErrorActionCommBadType"
	case !isTime || begin < 1e9:
		return "DB_ERROR_1292"
	case strings.Contains(fmt.Sprint(event["note_private"], event["label"]), bad):
		return "refused by a trigger: " + fmt.Sprint(event["note_private"])
	}
	return ""
}
