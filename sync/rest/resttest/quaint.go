package resttest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Quaint has a key in a header, answers 200 to everything, takes forms and XML, searches by beginnings, and forgets
// what was deleted.
type Quaint struct {
	book
	Busy int // guarded by mu; requests to refuse yet
}

// NewQuaint returns an empty one.
func NewQuaint() *Quaint { return &Quaint{book: book{byKey: map[string]Row{}}} }

// ExpireSessions implements remotetest.Fake; there are none.
func (q *Quaint) ExpireSessions() {}

// Writes implements remotetest.Fake.
func (q *Quaint) Writes(r *http.Request) bool { return r.Method == http.MethodPost }

// Refuse makes it too busy for the next n requests.
func (q *Quaint) Refuse(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.Busy = n
}

// ServeHTTP implements http.Handler.
func (q *Quaint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id, one := strings.CutPrefix(r.URL.Path, "/api/call/")
	switch {
	case r.Header.Get("X-Api-Key") != "hush":
		no(w, "NO_ACCESS")
	case q.Busy > 0:
		q.Busy--
		no(w, "TOO_MANY_CONNECTIONS")
	case r.URL.Path == "/api/call" && r.Method == http.MethodPost:
		q.create(w, r)
	case one && r.Method == http.MethodPost:
		q.change(w, r, id)
	case r.URL.Path == "/api/call":
		q.search(w, r)
	case r.URL.Path == "/api/person":
		q.persons(w, r)
	default:
		no(w, "NO_SUCH_ADDRESS")
	}
}

func yes(w http.ResponseWriter, result any) {
	answer(w, http.StatusOK, Row{"success": true, "result": result})
}

func no(w http.ResponseWriter, code string) {
	answer(w, http.StatusOK, Row{"success": false, "error": Row{"code": code}})
}

func (q *Quaint) create(w http.ResponseWriter, r *http.Request) {
	c := Row{}
	for _, field := range []string{"key", "title", "length", "remark"} {
		c[field] = r.PostFormValue(field)
	}
	if len(r.PostForm) > len(c) || c["key"] == "" || strings.Contains(fmt.Sprint(c), q.Bad()) {
		no(w, "VALIDATION")
		return
	}
	q.calls = append(q.calls, c)
	c["id"] = len(q.calls)
	q.byKey[c["key"].(string)] = c
	yes(w, c)
}

// change takes XML, of which this is all: <call><title>…</title><remark>…</remark></call>.
func (q *Quaint) change(w http.ResponseWriter, r *http.Request, id string) {
	body, _ := io.ReadAll(r.Body)
	n, _ := strconv.Atoi(id)
	i := n - 1 // nothing but calls has ids
	title, rest, ok := strings.Cut(strings.TrimPrefix(string(body), "<call><title>"), "</title><remark>")
	remark, ok2 := strings.CutSuffix(rest, "</remark></call>")
	if i < 0 || i >= len(q.calls) || !ok || !ok2 || strings.ContainsAny(title+remark, "<>") || strings.Contains(remark, q.Bad()) {
		no(w, "VALIDATION")
		return
	}
	q.calls[i]["title"], q.calls[i]["remark"] = html.UnescapeString(title), html.UnescapeString(remark)
	yes(w, q.calls[i])
}

// search finds the calls whose key begins with a text, and one that does not.
func (q *Quaint) search(w http.ResponseWriter, r *http.Request) {
	found := []Row{{"id": 0, "key": "other"}}
	if c := q.byKey[r.FormValue("search")]; c != nil {
		found = append(found, c)
	}
	yes(w, found)
}

func (q *Quaint) persons(w http.ResponseWriter, r *http.Request) {
	ids := r.FormValue("ids")
	page, _ := strconv.Atoi(r.FormValue("page"))
	size, _ := strconv.Atoi(r.FormValue("size"))
	found := []Row{}
	for i, p := range q.people {
		if ids != "" && slices.Contains(strings.Split(ids, ","), fmt.Sprint(p["id"])) || ids == "" && i >= page*size && i < (page+1)*size {
			found = append(found, p)
		}
	}
	yes(w, found)
}
