package espocrmtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// fields is what a Call has and what it takes: a length, "time", "ids", a list of options or the entity type of a link.
var fields = map[string]any{
	"name": 255, "description": 1 << 20, "dateStart": "time", "dateEnd": "time", "status": []string{"Planned", "Held", "Not Held"},
	"direction": []string{"Outbound", "Inbound"}, "assignedUserId": "User", "contactsIds": "ids", "leadsIds": "ids", "parentType": []string{"Account", "Lead", "Contact", "Opportunity", "Case"},
	"parentId": 24,
}

var (
	timeForm   = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)
	noBadChars = regexp.MustCompile(`^[^<>=]+$`)
)

// write creates or changes a Call.
func (s *Server) write(w http.ResponseWriter, r *http.Request, id string) {
	body := Row{}
	old := s.tables["Call"][id]
	switch {
	case json.NewDecoder(r.Body).Decode(&body) != nil:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case s.role != "" && (id == "") == !strings.HasPrefix(s.role, "No edit"):
		s.refuse(w, http.StatusForbidden, s.role, "", nil)
		return
	case id != "" && old == nil:
		s.refuse(w, http.StatusNotFound, "Record "+id+" does not exist.", "", nil)
		return
	case r.Header.Get("X-Skip-Duplicate-Check") != "true": // a check that an administrator made for Calls
		w.Header().Set("X-Status-Reason", "duplicate")
		w.WriteHeader(http.StatusConflict)
		write(w, []Row{{"id": "somebody else's"}})
		return
	}
	whole := Row{"status": "Planned", "direction": "Outbound"}
	maps.Copy(whole, old)
	for field, v := range body {
		if _, known := fields[field]; known || field == s.KeyField && field != "" {
			whole[field] = v // what is no field is passed over, an id too
		}
	}
	if !s.valid(w, whole, body) {
		return
	}
	if s.KeyField != "" && s.taken(whole, id) {
		w.WriteHeader(http.StatusInternalServerError) // the database's word, of which nothing is shown
		return
	}
	if id == "" {
		id = s.id()
		whole["id"] = id
	}
	s.store(whole, old)
	if s.broken > 0 {
		s.broken--
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	answer := maps.Clone(whole)
	answer["duration"] = 300 // whatever it is
	write(w, answer)
}

func (s *Server) taken(whole Row, id string) bool {
	for other, r := range s.tables["Call"] {
		if other != id && r[s.KeyField] == whole[s.KeyField] {
			return true
		}
	}
	return false
}

func keyIn(r Row) string {
	if m := inBrackets.FindStringSubmatch(fmt.Sprint(r["description"])); m != nil {
		return m[1]
	}
	return ""
}

func (s *Server) store(r, old Row) {
	id := r["id"].(string)
	if key := keyIn(old); key != "" && key != keyIn(r) {
		s.byKey[key] = slices.DeleteFunc(s.byKey[key], func(other string) bool { return other == id })
	}
	if key := keyIn(r); key != "" && !slices.Contains(s.byKey[key], id) {
		s.byKey[key] = append(s.byKey[key], id)
	}
	s.tables["Call"][id] = r
}

// valid refuses as the validators and LinkCheck do.
func (s *Server) valid(w http.ResponseWriter, whole, body Row) bool {
	for _, field := range []string{"name", "dateStart", "dateEnd", "assignedUserId"} {
		if whole[field] == nil || whole[field] == "" {
			return s.invalid(w, strings.TrimSuffix(field, "Id"), "required")
		}
	}
	for field, v := range whole {
		str, isText := v.(string)
		switch kind := fields[field].(type) {
		case int:
			if !isText || utf8.RuneCountInString(str) > kind {
				return s.invalid(w, field, "maxLength")
			}
		case []string:
			if !slices.Contains(kind, str) {
				return s.invalid(w, strings.TrimSuffix(field, "Type"), "valid")
			}
		case string:
			if kind == "time" && !timeForm.MatchString(str) {
				return s.invalid(w, field, "valid")
			}
		}
		if field == "name" && !noBadChars.MatchString(str) {
			return s.invalid(w, field, "pattern")
		}
		if strings.Contains(str, s.Bad()) {
			return s.invalid(w, field, "valid")
		}
	}
	if whole["dateEnd"].(string) < whole["dateStart"].(string) {
		return s.invalid(w, "dateEnd", "afterOrEqual")
	}
	return s.linked(w, body)
}

func (s *Server) invalid(w http.ResponseWriter, field, kind string) bool {
	s.refuse(w, http.StatusBadRequest, "Field validation failure; entityType: Call, field: "+field+", type: "+kind+".", "validationFailure", Row{"field": field, "type": kind})
	return false
}

// linked refuses links to what is not there.
func (s *Server) linked(w http.ResponseWriter, body Row) bool {
	check := func(link, kind string, ids ...any) bool {
		for _, id := range ids {
			if id != nil && s.tables[kind][fmt.Sprint(id)] == nil {
				s.refuse(w, http.StatusForbidden, "Can't relate with non-existing record. entity type: Call, link: "+link+".", "cannotRelateNonExisting", Row{"foreignEntityType": kind})
				return false
			}
		}
		return true
	}
	kind, _ := body["parentType"].(string)
	if s.Userless && body["assignedUserId"] != nil {
		s.refuse(w, http.StatusForbidden, "No foreign record access for link operation (Call:assignedUser).", "cannotRelateForbidden", Row{"foreignEntityType": "User", "action": "read"})
		return false
	}
	if !check("assignedUser", "User", body["assignedUserId"]) || !check("parent", kind, body["parentId"]) {
		return false
	}
	for field, kind := range map[string]string{"contactsIds": "Contact", "leadsIds": "Lead"} {
		if ids, ok := body[field]; ok {
			list, isList := ids.([]any)
			if !isList {
				return s.invalid(w, strings.TrimSuffix(field, "Ids"), "valid")
			}
			if !check(strings.TrimSuffix(field, "Ids"), kind, list...) {
				return false
			}
		}
	}
	if s.Teamless {
		s.refuse(w, http.StatusForbidden, "Assignment failure: assigned user or team not allowed.", "", nil)
		return false
	}
	return true
}
