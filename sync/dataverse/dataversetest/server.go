// Package dataversetest is a Dataverse environment for tests: the token endpoint, phone calls with an alternate key,
// $batch with change sets, change tracking of contacts, and service protection limits.
package dataversetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Row is a record.
type Row map[string]any

// Key is the column of the alternate key.
const Key = "new_pbxcallid"

// Server is one environment.
type Server struct {
	NoParties bool // activity parties are not taken with an upsert

	mu       sync.Mutex
	calls    []Row           // guarded by mu; phone calls in order of creation
	byKey    map[string]Row  // guarded by mu
	people   map[string]bool // guarded by mu; "contacts(id)" and so on, that may be referred to
	changes  []change        // guarded by mu; of contacts, accounts and leads
	expired  int             // guarded by mu; delta tokens of fewer changes than that count no more
	tokens   map[string]bool // guarded by mu
	minted   int             // guarded by mu
	throttle int             // guarded by mu; requests to refuse yet
	patience int             // guarded by mu; Retry-After, which grows when nobody waits
	requests int             // guarded by mu; to the API
}

// New returns an empty environment.
func New() *Server {
	return &Server{byKey: map[string]Row{}, people: map[string]bool{}, tokens: map[string]bool{}, patience: 10}
}

// Rows implements remotetest.Fake.
func (s *Server) Rows() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, r := range s.calls {
		out[fmt.Sprint(r[Key])]++
	}
	return out
}

// PhoneCall returns the one with that key, nil without.
func (s *Server) PhoneCall(key string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byKey[key]
}

// ExpireSessions implements remotetest.Fake.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Writes implements remotetest.Fake.
func (s *Server) Writes(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/$batch") }

// Bad implements remotetest.Fake.
func (s *Server) Bad() string { return "refused by a plug-in" }

// Throttle refuses the next n requests with 429.
func (s *Server) Throttle(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.throttle = n
}

// Requests returns how many requests the API got.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

const root = "/api/data/v9.2/"

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") {
		s.token(w, r)
		return
	}
	s.requests++
	if !s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if s.throttle > 0 {
		s.throttle--
		w.Header().Set("Retry-After", strconv.Itoa(s.patience))
		s.patience += 10
		write(w, fail(http.StatusTooManyRequests, "0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds."))
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, root)
	switch {
	case ok && path == "$batch" && r.Method == http.MethodPost:
		s.batch(w, r)
	case ok && r.Method == http.MethodGet && (path == "contacts" || path == "accounts" || path == "leads"):
		s.contacts(w, r, path)
	case ok:
		write(w, s.one(r.Method, path, r.URL.Query(), decode(r), r.Header.Get("If-Match")))
	default:
		write(w, fail(http.StatusNotFound, "0x0", "no such address"))
	}
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_secret") != "hush" || r.FormValue("scope") != "http://"+r.Host+"/.default" {
		write(w, response{http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}, ""})
		return
	}
	s.minted++
	token := fmt.Sprint("eyJ", s.minted)
	s.tokens[token] = true
	write(w, response{http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": token}, ""})
}

// response is an answer to a request or to a part of a batch.
type response struct {
	status int
	body   any    // nil for none
	entity string // OData-EntityId
}

func fail(status int, code, message string) response {
	return response{status, map[string]any{"error": map[string]string{"code": code, "message": message}}, ""}
}

func write(w http.ResponseWriter, r response) {
	w.Header().Set("OData-Version", "4.0")
	if r.entity != "" {
		w.Header().Set("OData-EntityId", r.entity)
	}
	if r.body == nil {
		w.WriteHeader(r.status)
		return
	}
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(r.body)
}

func decode(r *http.Request) Row {
	row := Row{}
	if r.Body == nil || json.NewDecoder(r.Body).Decode(&row) != nil {
		return nil
	}
	return row
}

var byKey = regexp.MustCompile(`^phonecalls\((?:` + Key + `='([^']*)'|([0-9a-f-]{36}))\)$`)

// one is a request about phone calls, alone or in a batch.
func (s *Server) one(method, path string, query url.Values, body Row, ifMatch string) response {
	m := byKey.FindStringSubmatch(path)
	switch {
	case path == "phonecalls" && method == http.MethodGet:
		return s.list(query.Get("$filter"))
	case strings.HasPrefix(path, "phonecalls(") && m == nil:
		return fail(http.StatusBadRequest, "0x0", "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.phonecall'.")
	case m == nil:
		return fail(http.StatusNotFound, "0x0", "Resource not found for the segment")
	case method == http.MethodGet:
		if r := s.find(m); r != nil {
			return response{http.StatusOK, r, ""}
		}
		return fail(http.StatusNotFound, "0x80040217", "A record does not exist.")
	case method == http.MethodPatch && body != nil:
		return s.patch(m, body, ifMatch)
	}
	return fail(http.StatusBadRequest, "0x80048d19", "An undeclared property or bad JSON was found in the payload.")
}

func (s *Server) find(m []string) Row {
	if m[1] != "" {
		return s.byKey[m[1]]
	}
	for _, r := range s.calls {
		if r["activityid"] == m[2] {
			return r
		}
	}
	return nil
}

// patch is an upsert by key.
func (s *Server) patch(m []string, body Row, ifMatch string) response {
	old := s.find(m)
	if old == nil && (ifMatch == "*" || m[1] == "") {
		return fail(http.StatusNotFound, "0x80040217", "A record does not exist.")
	}
	_, opens := body["statecode"]
	switch {
	case old == nil && opens:
		return fail(http.StatusBadRequest, "0x80048408", "statecode is not valid for create")
	case old != nil && old["statecode"] != 0.0 && (!opens || len(body) > 2):
		return fail(http.StatusForbidden, "0x80045031", "This activity is completed and read-only.")
	}
	for field, v := range body {
		if bad := s.check(field, v); bad != nil {
			return *bad
		}
	}
	if old == nil {
		old = Row{"activityid": fmt.Sprintf("00000000-0000-0000-0000-%012d", len(s.calls)+1), "statecode": 0.0, "statuscode": 1.0, Key: m[1]}
		s.calls = append(s.calls, old)
		s.byKey[m[1]] = old
	}
	for field, v := range body {
		old[field] = v
	}
	return response{http.StatusNoContent, nil, "http://org" + root + "phonecalls(" + old["activityid"].(string) + ")"}
}

// columns is what a phone call has and what it takes: a length, "bool", "int", "time" or "link".
var columns = map[string]any{
	"subject": 200, "description": 2000, "phonenumber": 200, "category": 250, "directioncode": "bool", "actualstart": "time", "actualend": "time",
	"actualdurationminutes": "int", "statecode": "int", "statuscode": "int", "ownerid@odata.bind": "link",
	"regardingobjectid_contact_phonecall@odata.bind": "link", "regardingobjectid_account_phonecall@odata.bind": "link", "regardingobjectid_lead_phonecall@odata.bind": "link",
}

var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)

// parties refuses activity parties that are none: a link to what is there, and a mask of from (1) or to (2).
func (s *Server) parties(v any) *response {
	list, isList := v.([]any)
	refused := fail(http.StatusBadRequest, "0x80048d19", "Deep insert of 'phonecall_activity_parties' is not valid.")
	if s.NoParties || !isList {
		return &refused
	}
	for _, each := range list {
		party, _ := each.(map[string]any)
		mask, _ := party["participationtypemask"].(float64)
		if len(party) != 2 || mask != 1 && mask != 2 {
			return &refused
		}
		for field, v := range party {
			set, isLink := map[string]string{
				"partyid_contact@odata.bind": "/contacts(", "partyid_account@odata.bind": "/accounts(", "partyid_lead@odata.bind": "/leads(",
				"partyid_systemuser@odata.bind": "/systemusers(",
			}[field]
			switch link, _ := v.(string); {
			case field == "participationtypemask":
			case !isLink || !strings.HasPrefix(link, set):
				return &refused
			case !s.people[strings.TrimPrefix(link, "/")]:
				gone := fail(http.StatusNotFound, "0x80040217", link+" Does Not Exist")
				return &gone
			}
		}
	}
	return nil
}

func (s *Server) check(field string, v any) *response {
	if field == "phonecall_activity_parties" {
		return s.parties(v)
	}
	bad := func(status int, code, format string, args ...any) *response {
		r := fail(status, code, fmt.Sprintf(format, args...))
		return &r
	}
	str, isText := v.(string)
	number, isNumber := v.(float64)
	_, isBool := v.(bool)
	kind, known := columns[field]
	limit, isLimited := kind.(int)
	switch {
	case !known:
		return bad(http.StatusBadRequest, "0x80048d19", "An undeclared property '%s' was found in the payload.", field)
	case kind == "bool" && !isBool, kind == "int" && (!isNumber || number != float64(int(number))), kind == "time" && !timeForm.MatchString(str), (isLimited || kind == "link") && !isText:
		return bad(http.StatusBadRequest, "0x80048d19", "Cannot convert the value of '%s'.", field)
	case isLimited && utf8.RuneCountInString(str) > limit:
		return bad(http.StatusBadRequest, "0x80044331", "A validation error occurred. The length of '%s' exceeds the maximum.", field)
	case strings.Contains(str, s.Bad()):
		return bad(http.StatusBadRequest, "0x80040265", "The plug-in says no to %s", str)
	case kind == "link" && !s.people[strings.TrimPrefix(str, "/")]:
		return bad(http.StatusNotFound, "0x80040217", "%s Does Not Exist", str)
	}
	return nil
}
