package espocrmtest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// where is the conditions of a query as PHP reads them: names in brackets are places in a tree.
type where struct {
	text string
	in   map[string]*where
}

func parse(q url.Values) *where {
	top := &where{in: map[string]*where{}}
	for name, values := range q {
		path := strings.FieldsFunc(name, func(r rune) bool { return r == '[' || r == ']' })
		at := top
		for _, p := range path {
			if at.in[p] == nil {
				at.in[p] = &where{in: map[string]*where{}}
			}
			at = at.in[p]
		}
		at.text = values[0]
	}
	return top
}

func (c *where) get(name string) *where {
	if c.in[name] == nil {
		return &where{}
	}
	return c.in[name]
}

// holds reports whether the row passes the condition; an unknown kind or attribute is an error.
func (c *where) holds(r Row) (bool, error) {
	kind, attribute, value := c.get("type").text, c.get("attribute").text, c.get("value")
	is, _ := r[attribute].(string)
	switch kind {
	case "or", "and":
		for _, inner := range value.in {
			ok, err := inner.holds(r)
			if err != nil || ok == (kind == "or") {
				return ok, err
			}
		}
		return kind == "and", nil
	case "equals":
		return is == value.text, nil
	case "contains":
		return strings.Contains(is, value.text), nil
	case "startsWith":
		return strings.HasPrefix(is, value.text), nil
	case "greaterThan":
		return is > value.text, nil
	case "greaterThanOrEquals":
		return is >= value.text, nil
	case "lessThan":
		return is < value.text, nil
	case "in":
		for _, v := range value.in {
			if v.text == is {
				return true, nil
			}
		}
		return false, nil
	}
	return false, fmt.Errorf("Unknown where item type '%s'.", kind) //nolint:staticcheck // EspoCRM's words
}

// unknown returns an attribute of the condition that the entity type does not have, "" for none (Select/Where/Checker.php, of 7 to 9).
func (s *Server) unknown(entity string, c *where) string {
	if a := c.get("attribute").text; a != "" && a != "id" && a != "name" && a != "modifiedAt" && !slices.Contains(attributes[entity], a) && (entity != "Call" || a != s.KeyField) {
		return a
	}
	if kind := c.get("type").text; kind == "or" || kind == "and" {
		for _, inner := range c.get("value").in {
			if a := s.unknown(entity, inner); a != "" {
				return a
			}
		}
	}
	return ""
}

// attributes is what a list may be asked for, beside id, name and modifiedAt.
var attributes = map[string][]string{
	"Call": {"description", "status", "dateStart", "dateEnd"}, "Contact": {"phoneNumber", "emailAddress", "accountId", "accountName"},
	"Lead": {"phoneNumber", "emailAddress", "accountName", "status", "createdContactId"}, "Account": {"phoneNumber", "emailAddress"},
}

func (s *Server) list(w http.ResponseWriter, entity string, q url.Values) {
	limit, err := strconv.Atoi(q.Get("maxSize"))
	if err != nil || limit > s.MaxList {
		s.refuse(w, http.StatusForbidden, fmt.Sprintf("Max size should not exceed %d. Use offset and limit.", s.MaxList), "", nil)
		return
	}
	offset, _ := strconv.Atoi(q.Get("offset"))
	conditions := parse(q).get("where").in
	for _, c := range conditions {
		if a := s.unknown(entity, c); a != "" {
			s.refuse(w, http.StatusBadRequest, "Not existing attribute '"+a+"' in where.", "", nil)
			return
		}
	}
	var rows []Row
	for _, r := range s.candidates(entity, conditions) {
		all := s.sees(entity, r)
		for _, c := range conditions {
			ok, err := c.holds(r)
			if err != nil {
				s.refuse(w, http.StatusBadRequest, err.Error(), "", nil)
				return
			}
			all = all && ok
		}
		if all {
			rows = append(rows, r)
		}
	}
	by := q.Get("orderBy")
	slices.SortFunc(rows, func(a, b Row) int { // and then by id, as Espo\Core\Select\Order\Applier does
		return strings.Compare(fmt.Sprint(a[by], " ", a["id"]), fmt.Sprint(b[by], " ", b["id"]))
	})
	rows = rows[min(offset, len(rows)):]
	total := -2 // not counted
	if len(rows) > limit {
		rows, total = rows[:limit], -1
	}
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = s.shown(entity, r, strings.Split(q.Get("select"), ","))
	}
	write(w, Row{"total": total, "list": out})
}

// candidates is the table, or what an index finds.
func (s *Server) candidates(entity string, conditions map[string]*where) []Row {
	if entity == "Call" {
		for _, c := range conditions {
			m := inBrackets.FindStringSubmatch(c.get("value").text)
			if m == nil {
				continue
			}
			var rows []Row
			for _, id := range s.byKey[m[1]] {
				rows = append(rows, s.tables["Call"][id])
			}
			return rows
		}
	}
	return slices.Collect(maps.Values(s.tables[entity]))
}

// shown is what a list has of a record: the attributes that were asked for, and of a text the first 10,000 characters.
func (s *Server) shown(entity string, r Row, selected []string) Row {
	out := Row{"id": r["id"]}
	for _, a := range selected {
		if v, ok := r[a]; ok && (a == "name" || a == "modifiedAt" || a == s.KeyField || slices.Contains(attributes[entity], a)) {
			if str, isText := v.(string); isText && len(str) > 10_000 {
				v = str[:10_000]
			}
			out[a] = v
		}
	}
	return out
}
