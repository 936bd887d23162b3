// Package odootest is an Odoo database for tests: JSON-RPC with its errors of status 200, JSON-2, imports under external ids,
// searches, and a model of calls as the OCA's crm_phonecall has it.
package odootest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// What a client logs in with.
const (
	Database, User, Key = "prod", "sync", "hush"
	uid                 = 7
)

// Record is a record; what is empty is false.
type Record map[string]any

// Server is one database.
type Server struct {
	mu       sync.Mutex
	models   map[string]map[string]column // guarded by mu; fields by model
	tables   map[string][]Record          // guarded by mu; in order of creation
	external map[string]Record            // guarded by mu; calls by the name of their external id
	lastID   int                          // guarded by mu
	fail     []string                     // guarded by mu; exceptions of the next calls
	imports  int                          // guarded by mu
	revoked  bool                         // guarded by mu
}

// column is a field of a model.
type column struct {
	Type      string  `json:"type"`
	String    string  `json:"string"`
	Selection [][]any `json:"selection,omitempty"`
	Required  bool    `json:"required"`
	Relation  string  `json:"relation,omitempty"`
}

func text(label string) column { return column{Type: "char", String: label} }

// New returns a database with a user and no records.
func New() *Server {
	return &Server{tables: map[string][]Record{"res.users": {{"id": 7.0, "active": true}}}, external: map[string]Record{}, lastID: 100, models: map[string]map[string]column{
		"crm.phonecall": {
			"id": {Type: "integer"}, "name": {Type: "char", String: "Call Summary", Required: true}, "description": {Type: "text"}, "date": {Type: "datetime"},
			"duration": {Type: "float"}, "partner_phone": text("Phone"), "active": {Type: "boolean"},
			"user_id": {Type: "many2one", String: "Responsible", Relation: "res.users"}, "partner_id": {Type: "many2one", String: "Contact", Relation: "res.partner"},
			"direction": {Type: "selection", Selection: [][]any{{"in", "In"}, {"out", "Out"}}},
			"state":     {Type: "selection", Selection: [][]any{{"open", "Confirmed"}, {"cancel", "Cancelled"}, {"pending", "Pending"}, {"done", "Held"}}},
		},
		"res.partner": {
			"id": {Type: "integer"}, "name": text("Name"), "email": text("Email"), "active": {Type: "boolean"}, "write_date": {Type: "datetime"},
			"commercial_company_name": text("Company"), "phone": text("Phone"), "mobile": text("Mobile"),
		},
		"ir.model.data": {"id": {Type: "integer"}, "name": text("Name"), "module": text("Module"), "model": text("Model"), "res_id": {Type: "integer"}},
	}}
}

// Rows implements remotetest.Fake.
func (s *Server) Rows() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, r := range s.tables["crm.phonecall"] {
		out[fmt.Sprint(r["external"])]++
	}
	return out
}

// Call returns the call with a key, nil without.
func (s *Server) Call(key string) Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.external[key]
}

// ExpireSessions implements remotetest.Fake; there are none.
func (s *Server) ExpireSessions() {}

// Writes implements remotetest.Fake: every call is a POST to one address, so the body tells.
func (s *Server) Writes(r *http.Request) bool {
	if strings.HasSuffix(r.URL.Path, "/load") {
		return true
	}
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	defer func() { _ = body.Close() }()
	var c struct{ Params struct{ Args []any } }
	return json.NewDecoder(body).Decode(&c) == nil && len(c.Params.Args) > 4 && c.Params.Args[4] == "load"
}

// Bad implements remotetest.Fake.
func (s *Server) Bad() string { return "refused by a constraint" }

// Imports returns how often load was called.
func (s *Server) Imports() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.imports
}

// Fail makes the next call of a method end with an exception.
func (s *Server) Fail(exception string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = append(s.fail, exception)
}

// Revoke makes the key worthless.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = true
}

// Drop takes a field out of a model, or a model away, as other versions and installations have it.
func (s *Server) Drop(model, field string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if field == "" {
		delete(s.models, model)
	} else {
		delete(s.models[model], field)
	}
}

// Put stores partners in one transaction, or changes one with an id, and returns the id of the last.
func (s *Server) Put(partners ...Record) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, p := range partners {
		old := s.find("res.partner", p["id"])
		if old == nil {
			s.lastID++
			old = Record{"id": float64(s.lastID), "active": true}
			s.tables["res.partner"] = append(s.tables["res.partner"], old)
		}
		for k, v := range p {
			if k != "id" {
				old[k] = v
			}
		}
		old["write_date"] = now
	}
	return s.lastID
}

// Delete removes a partner, as the merging of two does.
func (s *Server) Delete(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.tables["res.partner"][:0]
	for _, r := range s.tables["res.partner"] {
		if r["id"] != float64(id) {
			kept = append(kept, r)
		}
	}
	s.tables["res.partner"] = kept
}

func (s *Server) find(model string, id any) Record {
	for _, r := range s.tables[model] {
		if fmt.Sprint(r["id"]) == fmt.Sprint(id) {
			return r
		}
	}
	return nil
}

// exception is how a method ends that fails; nothing is changed then.
type exception struct{ name, message string }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if path, ok := strings.CutPrefix(r.URL.Path, "/json/2/"); ok {
		s.json2(w, r, path)
		return
	}
	var c struct {
		ID     any `json:"id"`
		Params struct {
			Service, Method string
			Args            []any
			Login, Password string
			DB              string
		} `json:"params"`
	}
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&c) != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var result any
	var failed *exception
	switch {
	case r.URL.Path == "/web/webclient/version_info":
		result = map[string]any{"server_version": "18.0", "server_version_info": []any{18, 0, 0, "final", 0, ""}}
	case r.URL.Path == "/web/session/authenticate":
		result = map[string]any{"uid": s.authenticate(c.Params.DB, c.Params.Login, c.Params.Password), "user_context": map[string]any{"tz": "Europe/Paris"}}
	case r.URL.Path != "/jsonrpc":
		w.WriteHeader(http.StatusNotFound)
		return
	case len(c.Params.Args) > 0 && c.Params.Args[0] != Database:
		failed = &exception{"psycopg2.OperationalError", "connection to server failed: FATAL:  database does not exist"}
	case c.Params.Service == "common" && c.Params.Method == "authenticate":
		result = s.authenticate(c.Params.Args[0], c.Params.Args[1], c.Params.Args[2])
	default:
		result, failed = s.execute(c.Params.Method, c.Params.Args)
	}
	answer := map[string]any{"jsonrpc": "2.0", "id": c.ID, "result": result}
	if failed != nil {
		answer = map[string]any{"jsonrpc": "2.0", "id": c.ID, "error": map[string]any{
			"code": 200, "message": "Odoo Server Error", "data": map[string]any{"name": failed.name, "message": failed.message, "arguments": []any{}, "context": map[string]any{}, "debug": "Traceback"},
		}}
	}
	write(w, http.StatusOK, answer)
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) authenticate(db, user, key any) any {
	if db == Database && user == User && key == Key && !s.revoked {
		return uid
	}
	return false
}

// names are the arguments of methods by position.
var names = map[string][]string{
	"load": {"fields", "data"}, "search_read": {"domain", "fields", "offset", "limit", "order"}, "fields_get": {"allfields", "attributes"},
}

// execute is the service "object": execute, or execute_kw with arguments by position and by name.
func (s *Server) execute(method string, args []any) (any, *exception) {
	if len(args) < 5 || args[0] != Database || args[1] != float64(uid) || args[2] != Key || s.revoked {
		return nil, &exception{"odoo.exceptions.AccessDenied", "Access Denied"}
	}
	model, name := args[3].(string), args[4].(string)
	positional, named := args[5:], map[string]any{}
	if method == "execute_kw" {
		positional = nil
		if len(args) > 5 {
			positional, _ = args[5].([]any)
		}
		if len(args) > 6 {
			named, _ = args[6].(map[string]any)
		}
	}
	for i, v := range positional {
		if i < len(names[name]) {
			named[names[name][i]] = v
		}
	}
	return s.run(model, name, named)
}

// statuses are those of exceptions in JSON-2.
var statuses = map[string]int{
	"werkzeug.exceptions.Unauthorized": 401, "odoo.exceptions.AccessError": 403, "werkzeug.exceptions.NotFound": 404, "werkzeug.exceptions.UnprocessableEntity": 422,
}

func (s *Server) json2(w http.ResponseWriter, r *http.Request, path string) {
	model, method, _ := strings.Cut(path, "/")
	named, failed := map[string]any{}, (*exception)(nil)
	var result any
	switch {
	case r.Header.Get("Authorization") != "bearer "+Key || r.Header.Get("X-Odoo-Database") != Database || s.revoked:
		failed = &exception{"werkzeug.exceptions.Unauthorized", "Invalid apikey"}
	case s.models[model] == nil || names[method] == nil:
		failed = &exception{"werkzeug.exceptions.NotFound", "the model or method does not exist"}
	case json.NewDecoder(r.Body).Decode(&named) != nil:
		failed = &exception{"werkzeug.exceptions.BadRequest", "not JSON"}
	default:
		for name := range named {
			if name != "context" && name != "ids" && !strings.Contains(" "+strings.Join(names[method], " ")+" ", " "+name+" ") {
				failed = &exception{"werkzeug.exceptions.UnprocessableEntity", "unexpected argument " + name}
			}
		}
		if failed == nil {
			result, failed = s.run(model, method, named)
		}
	}
	if failed == nil {
		write(w, http.StatusOK, result)
		return
	}
	status := statuses[failed.name]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	write(w, status, map[string]any{"name": failed.name, "message": failed.message, "arguments": []any{}, "context": map[string]any{}, "debug": "Traceback"})
}

// run calls a method of a model.
func (s *Server) run(model, method string, named map[string]any) (any, *exception) {
	if len(s.fail) > 0 {
		name := s.fail[0]
		s.fail = s.fail[1:]
		return nil, &exception{name, "as the test wants"}
	}
	if s.models[model] == nil { // execute_cr of odoo/service/model.py
		return nil, &exception{"odoo.exceptions.UserError", "Object " + model + " doesn't exist"}
	}
	switch method {
	case "load":
		s.imports++
		return s.load(model, named)
	case "search_read":
		return s.search(model, named)
	case "fields_get":
		return s.models[model], nil
	}
	return nil, &exception{"builtins.AttributeError", method}
}
