package dataversetest

import (
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// change is one of a record: what it is now, or nil when it was deleted.
type change struct {
	set string
	row Row
	id  string
}

// Put stores or changes a record of a set ("contacts"), as a person would.
func (s *Server) Put(set, id string, r Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[set+"("+id+")"] = true
	s.changes = append(s.changes, change{set, r, id})
}

// Delete removes a record.
func (s *Server) Delete(set, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.people, set+"("+id+")")
	s.changes = append(s.changes, change{set, nil, id})
}

// ExpireChanges makes every delta link that was given out so far worthless, as age does, or a change of the columns.
func (s *Server) ExpireChanges() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired = len(s.changes)
}

// contacts is a query of contacts, accounts or leads.
func (s *Server) contacts(w http.ResponseWriter, r *http.Request, set string) {
	if strings.Contains(r.Header.Get("Prefer"), "odata.track-changes") {
		s.tracked(w, r, set)
		return
	}
	s.filtered(w, r.URL.Query().Get("$filter"), set)
}

func key(set string) string { return strings.TrimSuffix(set, "s") + "id" }

// pages tell how a page of changes was asked for: everything that there is, or what changed since.
const (
	initial = "initial"
	since   = "since"
)

// tracked is a query with change tracking: everything that there is, then what changed since a delta token. A record that changed
// several times comes once.
func (s *Server) tracked(w http.ResponseWriter, r *http.Request, set string) {
	q, mode, from := r.URL.Query(), initial, 0
	if delta := q.Get("$deltatoken"); delta != "" {
		mode = since
		from, _ = strconv.Atoi(delta)
		if from < s.expired {
			write(w, fail(http.StatusBadRequest, "0x80044352", "Version stamp associated with the client has expired. Please perform a full sync."))
			return
		}
	} else if skip := q.Get("$skiptoken"); skip != "" {
		place, of, _ := strings.Cut(skip, "-")
		mode = of
		from, _ = strconv.Atoi(place)
	}
	latest := map[string]int{}
	for i, c := range s.changes {
		if c.set == set {
			latest[c.id] = i
		}
	}
	const size = 500
	value, at := []Row{}, from
	for ; at < len(s.changes) && len(value) < size; at++ {
		c := s.changes[at]
		switch {
		case c.set != set || latest[c.id] != at:
		case c.row != nil:
			row := maps.Clone(c.row)
			row[key(set)] = c.id
			value = append(value, row)
		case mode == since:
			value = append(value, Row{"@odata.context": "http://org" + root + "$metadata#" + set + "/$deletedEntity", "id": c.id, "reason": "deleted"})
		}
	}
	link, token := "@odata.deltaLink", "$deltatoken="+strconv.Itoa(at)
	if at < len(s.changes) {
		link, token = "@odata.nextLink", "$skiptoken="+strconv.Itoa(at)+"-"+mode
	}
	write(w, response{http.StatusOK, map[string]any{"value": value, link: "http://" + r.Host + root + set + "?" + token}, ""})
}

var active = regexp.MustCompile(`^statecode eq 0 and \((.*)\)$`)

// filtered answers which active records have one of some ids.
func (s *Server) filtered(w http.ResponseWriter, filter, set string) {
	m := active.FindStringSubmatch(filter)
	if m == nil {
		write(w, fail(http.StatusBadRequest, "0x80060888", "Syntax error in the filter"))
		return
	}
	asked := map[string]bool{}
	for _, test := range strings.Split(m[1], " or ") {
		asked[strings.TrimPrefix(test, key(set)+" eq ")] = true
	}
	rows := map[string]Row{}
	for _, c := range s.changes {
		if c.set == set {
			rows[c.id] = c.row
		}
	}
	value := []Row{}
	for id := range asked {
		if row := rows[id]; row != nil && row["statecode"] == 0.0 {
			value = append(value, Row{key(set): id})
		}
	}
	write(w, response{http.StatusOK, map[string]any{"value": value}, ""})
}
