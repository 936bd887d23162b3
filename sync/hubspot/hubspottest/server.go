// Package hubspottest is a HubSpot account for tests: calls with a unique property, their associations, contacts and
// companies with the search index behind them, the token endpoint, and the limits.
package hubspottest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Key is the property of calls that has unique values.
const Key = "pbx_call_id"

// Token is the private app's.
const Token = "pat-na1-7d1e"

// Server is one account. Fields are set before it is used.
type Server struct {
	Daily int           // requests a day; 0 means 250,000
	Lag   time.Duration // of the search index behind what was written
	// Whole makes a batch of which one is refused fail whole, though each has an objectWriteTraceId.
	Whole bool

	mu       sync.Mutex
	tables   map[string][]*Record       // guarded by mu; by object, in order of creation
	byKey    map[string]*Record         // guarded by mu; calls
	byID     map[string]*Record         // guarded by mu; by object and id, merged ones by both
	links    map[string]map[string]bool // guarded by mu; by call: "contacts/501"
	owners   map[string]bool            // guarded by mu
	tokens   map[string]bool            // guarded by mu
	searches []time.Time                // guarded by mu; of the last second
	refusals []refusal                  // guarded by mu; of the next requests
	conflict map[string]int             // guarded by mu; how many times a key conflicts yet
	used     int                        // guarded by mu; requests of the day
	writes   int                        // guarded by mu; requests that wrote calls or links
	lastID   int                        // guarded by mu
}

// Record is a call, contact or company.
type Record struct {
	ID         string
	Properties map[string]string
	At         time.Time // of the last modification
}

type refusal struct {
	status int
	header http.Header
	body   map[string]any
}

// New returns an empty account.
func New() *Server {
	return &Server{
		tables: map[string][]*Record{}, byKey: map[string]*Record{}, byID: map[string]*Record{}, links: map[string]map[string]bool{},
		owners: map[string]bool{"77": true}, tokens: map[string]bool{}, conflict: map[string]int{}, lastID: 500,
	}
}

// Rows implements remotetest.Fake.
func (s *Server) Rows() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, r := range s.tables["calls"] {
		out[r.Properties[Key]]++
	}
	return out
}

// Call returns the properties of a call and what it is linked to.
func (s *Server) Call(key string) (properties map[string]string, links map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byKey[key]
	if r == nil {
		return nil, nil
	}
	return r.Properties, s.links[r.ID]
}

// ExpireSessions implements remotetest.Fake. A private app's token does not end.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Writes implements remotetest.Fake.
func (s *Server) Writes(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/calls/batch/upsert")
}

// Bad implements remotetest.Fake.
func (s *Server) Bad() string { return "refused by a validation rule" }

// Requests returns how many requests were counted, and how many of them wrote.
func (s *Server) Requests() (all, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, s.writes
}

// Refuse answers the next request with a status and a policy that was overrun, "" for none.
func (s *Server) Refuse(status int, policy, message string, header http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := map[string]any{"status": "error", "message": message, "correlationId": "c0", "errorType": "RATE_LIMIT", "policyName": policy}
	s.refusals = append(s.refusals, refusal{status, header, body})
}

// Conflict makes the next n batches with a key fail whole.
func (s *Server) Conflict(key string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conflict[key] = n
}

// Put stores a contact or company, or changes one with an id, and returns its id.
func (s *Server) Put(object, id string, properties map[string]string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byID[object+"/"+id]
	if r == nil {
		r = s.create(object, map[string]string{})
	}
	for k, v := range properties {
		r.Properties[k] = v
	}
	r.At = time.Now()
	return r.ID
}

// Delete archives a record.
func (s *Server) Delete(object, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(object, id)
	delete(s.byID, object+"/"+id)
}

// Merge makes one record part of another: asked for it, the account answers with the other.
func (s *Server) Merge(object, loser, winner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(object, loser)
	w := s.byID[object+"/"+winner]
	s.byID[object+"/"+loser] = w
	w.Properties["hs_merged_object_ids"] = strings.Trim(w.Properties["hs_merged_object_ids"]+";"+loser, ";")
	w.At = time.Now()
}

func (s *Server) remove(object, id string) {
	kept := s.tables[object][:0]
	for _, r := range s.tables[object] {
		if r.ID != id {
			kept = append(kept, r)
		}
	}
	s.tables[object] = kept
}

func (s *Server) create(object string, properties map[string]string) *Record {
	s.lastID++
	r := &Record{strconv.Itoa(s.lastID), properties, time.Now()}
	s.tables[object] = append(s.tables[object], r)
	s.byID[object+"/"+r.ID] = r
	return r
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/oauth/v1/token" {
		s.token(w, r)
		return
	}
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if bearer != Token && !s.tokens[bearer] {
		fail(w, http.StatusUnauthorized, "INVALID_AUTHENTICATION", "Authentication credentials not found.", nil)
		return
	}
	if s.limited(w, r, bearer == Token) {
		return
	}
	object, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/crm/v3/objects/"), "/")
	switch {
	case r.URL.Path == "/calling/v1/dispositions":
		write(w, http.StatusOK, []map[string]any{{"id": Connected, "label": "Connected"}, {"id": Resolved, "label": "Resolved"}})
	case r.URL.Path == "/account-info/v3/details":
		write(w, http.StatusOK, map[string]any{"portalId": 4711, "uiDomain": "app-eu1.hubspot.com"})
	case object == "calls" && rest == "batch/upsert" && r.Method == http.MethodPost:
		s.writes++
		s.upsert(w, r)
	case rest == "batch/read" && r.Method == http.MethodPost:
		s.read(w, r, object)
	case rest == "search" && r.Method == http.MethodPost:
		s.search(w, r, object)
	case strings.HasPrefix(r.URL.Path, "/crm/v4/associations/calls/") && strings.HasSuffix(r.URL.Path, "/batch/associate/default"):
		s.writes++
		s.associate(w, r, strings.Split(r.URL.Path, "/")[5])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// limited counts the request, and refuses it when there were too many. A search tells no numbers, and an OAuth app not the day's.
func (s *Server) limited(w http.ResponseWriter, r *http.Request, private bool) bool {
	daily := s.Daily
	if daily == 0 {
		daily = 250_000
	}
	if len(s.refusals) > 0 {
		next := s.refusals[0]
		s.refusals = s.refusals[1:]
		for k, v := range next.header {
			w.Header()[k] = v
		}
		write(w, next.status, next.body)
		return true
	}
	s.used++
	if strings.HasSuffix(r.URL.Path, "/search") {
		now := time.Now()
		for len(s.searches) > 0 && now.Sub(s.searches[0]) >= time.Second {
			s.searches = s.searches[1:]
		}
		if s.searches = append(s.searches, now); len(s.searches) > 4 {
			tooMany(w, "SECONDLY", "You have reached your secondly limit.")
			return true
		}
		return false
	}
	w.Header().Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
	w.Header().Set("X-HubSpot-RateLimit-Max", "100")
	if private {
		w.Header().Set("X-HubSpot-RateLimit-Daily", strconv.Itoa(daily))
		w.Header().Set("X-HubSpot-RateLimit-Daily-Remaining", strconv.Itoa(max(0, daily-s.used)))
	}
	if s.used > daily {
		tooMany(w, "DAILY", "You have reached your daily limit.")
		return true
	}
	return false
}

func tooMany(w http.ResponseWriter, policy, message string) {
	write(w, http.StatusTooManyRequests, map[string]any{
		"status": "error", "message": message, "errorType": "RATE_LIMIT", "correlationId": "c0", "policyName": policy, "requestId": "r0",
	})
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") != "refresh_token" || r.FormValue("client_secret") != "hush" || r.FormValue("refresh_token") != "again" {
		write(w, http.StatusBadRequest, map[string]any{"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"})
		return
	}
	s.lastID++
	token := fmt.Sprint("oauth", s.lastID)
	s.tokens[token] = true
	write(w, http.StatusOK, map[string]any{"token_type": "bearer", "expires_in": 1800, "access_token": token, "refresh_token": "again"})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, category, message string, errors []map[string]any) {
	body := map[string]any{"status": "error", "message": message, "correlationId": "c0", "category": category}
	if errors != nil {
		body["errors"] = errors
	}
	write(w, status, body)
}
