// Package espocrmtest is an EspoCRM for tests: its API as far as calls, contacts, leads, accounts and users go.
//
// It does what the source of EspoCRM 8.4 and 9.1 does. Espo\Core\Api\ErrorOutput: the reason of a refusal is in
// X-Status-Reason, and an exception of the database is a 500 without a body. Espo\Core\Record\Access\LinkCheck: a link to what is
// not there is 403. Espo\Core\Record\SearchParamsFetcher: more records than the setting says are 403. Espo\Core\Authentication: a key, a signature of
// method and path, or a token that a password was exchanged for.
package espocrmtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Row is a record.
type Row map[string]any

// Server is one installation, with an API user of id "u0".
type Server struct {
	Key, Secret    string // of the API user; with a Secret it must sign
	User, Password string // of a regular user
	KeyField       string // a field with a unique index that an administrator made; "" for none
	Now            func() time.Time
	MaxList        int  // recordListMaxSizeLimit
	Terse          bool // refusals have no body, as in 7.0
	Teamless       bool // the role may assign to the user's team only, and there is none
	Userless       bool // the role shows no users, not even its own (Record/Access/LinkCheck.php, linkForeignAccessCheckOne)

	mu      sync.Mutex
	tables  map[string]map[string]Row // guarded by mu; by entity type, then id
	byKey   map[string][]string       // guarded by mu; ids of calls by what stands in brackets in their description
	tokens  map[string]bool           // guarded by mu
	minted  int                       // guarded by mu
	created int                       // guarded by mu
	role    string                    // guarded by mu; "" for all rights, or a reason to refuse every call with
	reads   string                    // guarded by mu; at which level the role reads calls: "all" or "own", or "" when the user has no role
	hidden  string                    // guarded by mu; an entity type that the role does not read, "" for none
	broken  int                       // guarded by mu; writes that are stored and answered with a bare 500 yet
}

// New returns an installation with nothing in it but the API user.
func New() *Server {
	s := &Server{
		Key: "key-of-the-api-user", User: "sync", Password: "hush", Now: time.Now, MaxList: 200, reads: "all",
		tables: map[string]map[string]Row{"Call": {}, "Contact": {}, "Lead": {}, "Account": {}, "User": {}}, byKey: map[string][]string{}, tokens: map[string]bool{},
	}
	s.tables["User"]["u0"] = Row{"id": "u0", "name": "API"}
	return s
}

// Put stores a record as a person would, and returns its id.
func (s *Server) Put(entity string, r Row) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _ := r["id"].(string)
	if id == "" {
		id = s.id()
	}
	r = maps.Clone(r)
	r["id"] = id
	if _, ok := r["modifiedAt"]; !ok {
		r["modifiedAt"] = s.Now().UTC().Format(stamp)
	}
	s.tables[entity][id] = r
	return id
}

// Delete removes a record: it is in no list any more.
func (s *Server) Delete(entity, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tables[entity], id)
}

// Call returns the only Call with that key, nil without.
func (s *Server) Call(key string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ids := s.byKey[key]; len(ids) == 1 {
		return s.tables["Call"][ids[0]]
	}
	return nil
}

// Break answers the next n writes with a bare 500 after they were stored.
func (s *Server) Break(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = n
}

// Forbid refuses every creation with that reason; "" takes it back.
func (s *Server) Forbid(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.role = reason
}

// Show sets at which level the role reads calls: "all", or "own": those that are assigned to the API user, or "" when it has no role, as
// a new user has none.
func (s *Server) Show(level string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = level
}

// Hide takes the right to read an entity type from the role.
func (s *Server) Hide(entity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden = entity
}

// sees reports whether the role shows the API user a record.
func (s *Server) sees(entity string, r Row) bool {
	return entity != "Call" || s.reads == "all" || s.reads == "own" && r["assignedUserId"] == "u0"
}

// Tokens returns how many were given out.
func (s *Server) Tokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.minted
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
	clear(s.tokens)
}

// Writes implements remotetest.Fake.
func (s *Server) Writes(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, root+"Call") && (r.Method == http.MethodPost || r.Method == http.MethodPut)
}

// Bad implements remotetest.Fake.
func (s *Server) Bad() string { return "refused by a before-save script" }

const (
	root  = "/api/v1/"
	stamp = "2006-01-02 15:04:05"
)

func (s *Server) id() string {
	s.created++
	return fmt.Sprintf("%017x", s.created)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	path, ok := strings.CutPrefix(r.URL.Path, root)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	byPassword, allowed := s.authorized(r, "/"+path)
	if !allowed {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusUnauthorized) // and no body
		return
	}
	entity, id, _ := strings.Cut(path, "/")
	switch {
	case path == "App/user":
		s.user(w, byPassword)
	case entity == "Call" && s.reads == "" || entity == s.hidden:
		s.refuse(w, http.StatusForbidden, "No read access.", "", nil)
	case s.tables[entity] == nil:
		s.refuse(w, http.StatusNotFound, "Page not found", "", nil)
	case r.Method == http.MethodGet && id == "":
		s.list(w, entity, r.URL.Query())
	case r.Method == http.MethodGet:
		s.read(w, entity, id)
	case entity == "Call" && (r.Method == http.MethodPost && id == "" || r.Method == http.MethodPut && id != ""):
		s.write(w, r, id)
	default:
		s.refuse(w, http.StatusForbidden, "Not allowed", "", nil)
	}
}

// authorized reports whether the request may pass, and whether it did so by the password itself.
func (s *Server) authorized(r *http.Request, path string) (byPassword, ok bool) {
	h := r.Header
	if signed := h.Get("X-Hmac-Authorization"); signed != "" {
		mac := hmac.New(sha256.New, []byte(s.Secret))
		mac.Write([]byte(r.Method + " " + path))
		want := base64.StdEncoding.EncodeToString([]byte(s.Key + ":" + string(mac.Sum(nil))))
		return false, s.Secret != "" && hmac.Equal([]byte(signed), []byte(want))
	}
	if key := h.Get("X-Api-Key"); key != "" {
		return false, s.Secret == "" && key == s.Key
	}
	b, _ := base64.StdEncoding.DecodeString(h.Get("Espo-Authorization"))
	user, password, _ := strings.Cut(string(b), ":")
	if h.Get("Espo-Authorization-By-Token") == "true" {
		return false, user == s.User && s.tokens[password]
	}
	return true, user == s.User && password == s.Password
}

func (s *Server) user(w http.ResponseWriter, byPassword bool) {
	create := "yes"
	if strings.HasPrefix(s.role, "No create") {
		create = "no"
	}
	table := Row{"Contact": Row{"create": "no", "read": "all", "edit": "no", "delete": "no", "stream": "no"}}
	if s.reads != "" { // what a role does not give is not named (Espo\Tools\App\AppService)
		table["Call"] = Row{"create": create, "read": s.reads, "edit": "all", "delete": "no", "stream": "no"}
	}
	answer := Row{"user": Row{"id": "u0", "userName": "sync"}, "acl": Row{"table": table}, "preferences": Row{}}
	if byPassword {
		s.minted++
		token := fmt.Sprint("t", s.minted)
		s.tokens[token] = true
		answer["token"] = token
	}
	write(w, answer)
}

func (s *Server) read(w http.ResponseWriter, entity, id string) {
	row := s.tables[entity][id]
	if row == nil {
		s.refuse(w, http.StatusNotFound, "Record "+id+" does not exist.", "", nil)
		return
	}
	whole := maps.Clone(row)
	if _, ok := whole["phoneNumberData"]; !ok && whole["phoneNumber"] != nil {
		whole["phoneNumberData"] = []Row{{"phoneNumber": whole["phoneNumber"], "primary": true, "type": "Office"}}
	}
	write(w, whole)
}

func write(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// refuse writes the reason into the header, and a body when there is a label.
func (s *Server) refuse(w http.ResponseWriter, status int, reason, label string, data Row) {
	if s.Terse {
		label = ""
	}
	w.Header().Set("X-Status-Reason", reason)
	w.WriteHeader(status)
	if label != "" {
		_ = json.NewEncoder(w).Encode(Row{"messageTranslation": Row{"label": label, "scope": nil, "data": data}})
	}
}

var inBrackets = regexp.MustCompile(`\[(pc[0-9a-f]{32})\]`)
