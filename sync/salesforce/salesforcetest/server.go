// Package salesforcetest is a Salesforce for tests: the token endpoint, sObject rows and collections, and enough
// of SOQL. It checks what the real one checks, as far as its documentation and clients tell, and refuses in its words.
package salesforcetest

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Server is one organisation. Fields are set before it is used.
type Server struct {
	ClientID, Username string
	Key                *rsa.PublicKey // that assertions are checked with
	Limit              int            // requests a day; 0 means 100,000
	Renamed            bool           // with the names that fields of VoiceCall have from 62.0 on
	Voice              bool           // it has VoiceCall, as an edition with Sales Dialer or Salesforce Voice does

	mu       sync.Mutex
	tables   map[string][]Row // guarded by mu; rows by object, in order of creation
	byKey    map[string]Row   // guarded by mu; tasks and voice calls by external id
	tokens   map[string]bool  // guarded by mu
	minted   int              // guarded by mu
	used     int              // guarded by mu; requests of the day
	writes   int              // guarded by mu; requests that wrote
	locked   map[string]int   // guarded by mu; how many times a row with this external id is locked yet
	clock    time.Time        // guarded by mu; of SystemModstamp
	lastID   int              // guarded by mu
	unproven bool             // guarded by mu; the app is not approved
}

// Row is a record.
type Row map[string]any

const external = "PBX_Call_Id__c"

// New returns an organisation with a user and a connected app.
func New(clientID, username string, key *rsa.PublicKey) *Server {
	return &Server{
		ClientID: clientID, Username: username, Key: key,
		tables: map[string][]Row{}, byKey: map[string]Row{}, tokens: map[string]bool{}, locked: map[string]int{},
		clock: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC),
	}
}

// Rows implements remotetest.Fake.
func (s *Server) Rows() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for object := range written {
		for _, r := range s.tables[object] {
			out[fmt.Sprint(r[external])]++
		}
	}
	return out
}

// Task returns the task or voice call with an external id, nil without one.
func (s *Server) Task(key string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find("Task", external, key)
}

// ExpireSessions implements remotetest.Fake.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Writes implements remotetest.Fake.
func (s *Server) Writes(r *http.Request) bool {
	return r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/sobjects")
}

// Bad implements remotetest.Fake.
func (s *Server) Bad() string { return "refused by the validation rule" }

// Counts returns how many requests wrote, and how many tokens were given.
func (s *Server) Counts() (writes, tokens int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes, s.minted
}

// Lock makes the next n writes of a row fail with UNABLE_TO_LOCK_ROW.
func (s *Server) Lock(key string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked[key] = n
}

// Use counts requests of others against the day's limit.
func (s *Server) Use(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used += n
}

// Unapprove makes the connected app one that no administrator approved.
func (s *Server) Unapprove(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unproven = yes
}

// Put stores a record as a person in the CRM would, and returns its id.
func (s *Server) Put(object string, r Row) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.insert(object, r)
}

// Delete moves a record to the recycle bin; into is the record it was merged into, or "".
func (s *Server) Delete(object, id, into string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.find(object, "Id", id); r != nil {
		r["IsDeleted"], r["SystemModstamp"] = true, s.tick()
		if into != "" {
			r["MasterRecordId"] = into
		}
	}
}

var prefixes = map[string]string{"Task": "00T", "VoiceCall": "0LQ", "Contact": "003", "Lead": "00Q", "Account": "001", "User": "005"}

func (s *Server) insert(object string, r Row) string {
	s.lastID++
	id := fmt.Sprintf("%s%015d", prefixes[object], s.lastID)
	r["Id"], r["IsDeleted"], r["SystemModstamp"] = id, false, s.tick()
	s.tables[object] = append(s.tables[object], r)
	if key, ok := r[external].(string); ok {
		s.byKey[key] = r
	}
	return id
}

func (s *Server) tick() string {
	s.clock = s.clock.Add(time.Millisecond)
	return s.clock.Format("2006-01-02T15:04:05.000+0000")
}

func (s *Server) find(object, field, value string) Row {
	if field == external {
		return s.byKey[value]
	}
	for _, r := range s.tables[object] {
		if r[field] == value && r["IsDeleted"] != true {
			return r
		}
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/services/oauth2/token" {
		s.token(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		refuse(w, http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
		return
	}
	s.used++
	limit := s.Limit
	if limit == 0 {
		limit = 100_000
	}
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", s.used, limit))
	if s.used > limit {
		refuse(w, http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/services/data/v")
	_, path, _ := strings.Cut(rest, "/")
	if !ok {
		refuse(w, http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		return
	}
	s.route(w, r, strings.Split(strings.TrimSuffix(path, "/"), "/"))
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, path []string) {
	switch {
	case r.Method == http.MethodGet && (path[0] == "query" || path[0] == "queryAll"):
		s.query(w, r.URL.Query().Get("q"), path[0] == "queryAll")
	case len(path) == 4 && path[0] == "composite" && path[1] == "sobjects" && r.Method == http.MethodPatch:
		s.collection(w, r, path[2], path[3])
	case len(path) == 4 && path[0] == "sobjects" && r.Method == http.MethodPatch:
		s.upsertOne(w, r, path[1], path[2], path[3])
	case len(path) == 3 && path[0] == "sobjects" && path[2] == "describe" && s.writable(path[1]):
		answer(w, http.StatusOK, s.describe(path[1]))
	case len(path) == 3 && path[0] == "sobjects" && r.Method == http.MethodGet:
		if row := s.find(path[1], "Id", path[2]); row != nil {
			answer(w, http.StatusOK, row)
			return
		}
		refuse(w, http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	default:
		refuse(w, http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	}
}

// token is the JWT bearer flow ("OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration").
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oauth := func(code, text string) {
		answer(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": text})
	}
	if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		oauth("unsupported_grant_type", "grant type not supported")
		return
	}
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(r.FormValue("assertion"), &claims, func(*jwt.Token) (any, error) { return s.Key, nil }, jwt.WithValidMethods([]string{"RS256"}))
	base := "http://" + r.Host
	switch {
	case err != nil:
		oauth("invalid_grant", "invalid assertion")
	case claims.Issuer != s.ClientID:
		oauth("invalid_client_id", "client identifier invalid")
	case len(claims.Audience) != 1 || claims.Audience[0] != base:
		oauth("invalid_grant", "audience is invalid")
	case claims.Subject != s.Username || s.unproven:
		oauth("invalid_grant", "user hasn't approved this consumer")
	case claims.ExpiresAt == nil || time.Until(claims.ExpiresAt.Time) > 5*time.Minute:
		oauth("invalid_grant", "expired authorization code")
	default:
		s.minted++
		token := fmt.Sprintf("00D000000000001!%d", s.minted)
		s.tokens[token] = true
		answer(w, http.StatusOK, map[string]string{
			"access_token": token, "scope": "api id", "instance_url": base, "token_type": "Bearer",
			"id": base + "/id/00D000000000001AAA/005000000000001AAA",
		})
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, []map[string]string{{"errorCode": code, "message": message}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
