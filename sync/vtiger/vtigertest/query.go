package vtigertest

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// statement is the language of query: no parentheses but behind IN, so "and" binds tests before "or", as MySQL reads it.
var (
	statement = regexp.MustCompile(`(?i)^select ([\w, ]+|\*) from (\w+)(?: where (.+?))?(?: order by (\w+(?:, ?\w+)*))?(?: limit (\d+)(?:, ?(\d+))?)?;$`)
	condition = regexp.MustCompile(`(?i)^(\w+) ?(=|<=|>=|<|>|!=|like|in) ?(.+)$`)
	literal   = regexp.MustCompile(`^(?:'(?:[^']|'')+'|-?\w+)$`)
	and       = regexp.MustCompile(`(?i) and `)
	or        = regexp.MustCompile(`(?i) or `)
	fields    = map[string]string{
		"Contacts": "id firstname lastname phone mobile homephone otherphone assistantphone email account_id modifiedtime",
		"Leads":    "id firstname lastname company phone mobile email modifiedtime", "Accounts": "id accountname phone otherphone email1 modifiedtime",
	}
)

func syntax() { throw("QUERY_SYNTAX_ERROR", "There is an syntax error in query") }

// knows refuses a field that is not there, or not shown; named is how the place where it stands has it (VTQL_Parser.php,
// buildSelectStmt).
func (s *Server) knows(module, field, named string) {
	_, isEvents := eventFields[field]
	isEvents = isEvents && field != s.veiled
	if module == "Events" && (isEvents || field == "id" || field == s.KeyField) || slices.Contains(strings.Fields(fields[module]), field) {
		return
	}
	throw("ACCESS_DENIED", "Permission to access "+named+" attribute denied.")
}

func (s *Server) query(q string) []Row {
	m := statement.FindStringSubmatch(q)
	if m == nil {
		syntax()
	}
	module := m[2]
	if s.rows[module] == nil {
		throw("ACCESS_DENIED", "Permission to perform the operation is denied")
	}
	columns, order := words(m[1]), words(cmp.Or(m[4], "id"))
	if m[1] == "*" {
		columns = strings.Fields(fields[module])
	}
	for _, c := range append(columns, order...) {
		s.knows(module, c, "'."+c+".'")
	}
	test := s.where(module, m[3])
	var found []Row
	for _, r := range s.candidates(module, m[3]) {
		row := s.stamped(r)
		hidden := s.modest && module == "Events" && row["assigned_user_id"] != "19x1" // the calendar is private, and cannot be shared with all
		if !r.deleted && !hidden && test(row) {
			found = append(found, s.joined(r, row, columns)...)
		}
	}
	slices.SortFunc(found, func(a, b Row) int {
		for _, c := range order {
			if less := compared(c, a[c], b[c]); less != 0 {
				return less
			}
		}
		return 0
	})
	offset, limit := 0, s.Most
	if m[5] != "" {
		if limit, _ = strconv.Atoi(m[5]); m[6] != "" {
			offset = limit
			limit, _ = strconv.Atoi(m[6])
		}
	}
	found = found[min(offset, len(found)):]
	found = found[:min(limit, s.Most, len(found))]
	out := []Row{}
	for _, r := range found {
		told := Row{"id": r["id"]}
		for _, c := range columns {
			told[c] = r[c]
		}
		if i := slices.IndexFunc(out, func(o Row) bool { return o["id"] == r["id"] }); i >= 0 {
			out[i] = told
		} else {
			out = append(out, told)
		}
	}
	return out
}

// joined is the rows that the database has of a record: one for each contact where that is asked for, without an id when that was deleted.
func (s *Server) joined(r *record, row Row, columns []string) []Row {
	contacts := r.contacts()
	if !slices.Contains(columns, "contact_id") || len(contacts) < 2 {
		return []Row{row}
	}
	rows := make([]Row, len(contacts))
	for i, c := range contacts {
		rows[i] = maps.Clone(row)
		rows[i]["contact_id"] = c
		if other := s.rows["Contacts"][c]; other == nil || other.deleted {
			rows[i]["contact_id"] = ""
		}
	}
	return rows
}

func words(list string) []string { return strings.Split(strings.ReplaceAll(list, " ", ""), ",") }

// stamped is the record with the time of its last change, as the server's clock showed it.
func (s *Server) stamped(r *record) Row {
	if r.Row["modifiedtime"] != "" { // an event has it
		return r.Row
	}
	row := maps.Clone(r.Row)
	row["modifiedtime"] = r.changed.In(s.Zone).Format(wallClock)
	return row
}

// compared orders two values of a field; an id by the number behind its x.
func compared(field, a, b string) int {
	if field == "id" {
		return number(a) - number(b)
	}
	return strings.Compare(a, b)
}

func number(id string) int {
	_, n, _ := strings.Cut(id, "x")
	i, _ := strconv.Atoi(n)
	return i
}

// where returns the test that the conditions come to.
func (s *Server) where(module, conditions string) func(Row) bool {
	if conditions == "" {
		return func(Row) bool { return true }
	}
	var either [][]func(Row) bool
	for _, all := range or.Split(conditions, -1) {
		var tests []func(Row) bool
		for _, c := range and.Split(all, -1) {
			m := condition.FindStringSubmatch(strings.TrimSpace(c))
			if m == nil {
				syntax()
			}
			s.knows(module, m[1], m[1])
			tests = append(tests, compare(m[1], strings.ToLower(m[2]), m[3]))
		}
		either = append(either, tests)
	}
	return func(r Row) bool {
		return slices.ContainsFunc(either, func(tests []func(Row) bool) bool {
			return !slices.ContainsFunc(tests, func(t func(Row) bool) bool { return !t(r) })
		})
	}
}

func compare(field, operator, value string) func(Row) bool {
	var values []string
	if operator == "in" {
		inside, ok := strings.CutPrefix(strings.TrimSuffix(value, ")"), "(")
		if !ok {
			syntax()
		}
		values = strings.Split(inside, ",")
	} else {
		values = []string{value}
	}
	for i, v := range values {
		if !literal.MatchString(v) { // a quote that was not doubled ends the text
			syntax()
		}
		values[i] = strings.ReplaceAll(strings.Trim(v, "'"), "''", "'")
		if field == "id" && !strings.Contains(v, "x") { // its number is what stands behind the x
			throw("DATABASE_QUERY_ERROR", "Database error while performing requested operation")
		}
	}
	return func(r Row) bool {
		switch is := r[field]; operator {
		case "=":
			return is == values[0]
		case ">":
			return compared(field, is, values[0]) > 0
		case ">=":
			return compared(field, is, values[0]) >= 0
		case "<=":
			return compared(field, is, values[0]) <= 0
		case "in":
			return slices.Contains(values, is)
		case "like":
			return like(is, values[0])
		}
		syntax()
		return false
	}
}

// like is SQL's, of patterns with % at their ends alone.
func like(s, pattern string) bool {
	text, open := strings.CutSuffix(pattern, "%")
	middle, floats := strings.CutPrefix(text, "%")
	switch {
	case open && floats:
		return strings.Contains(s, middle)
	case open:
		return strings.HasPrefix(s, text)
	case floats:
		return strings.HasSuffix(s, middle)
	}
	return s == pattern
}

// candidates is the module's records, or what an index finds.
func (s *Server) candidates(module, conditions string) []*record {
	var list []*record
	if m := inBrackets.FindStringSubmatch(conditions); m != nil && module == "Events" {
		for _, id := range s.byKey[m[1]] {
			list = append(list, s.rows[module][id])
		}
		return list
	}
	for _, r := range s.rows[module] {
		list = append(list, r)
	}
	return list
}

// sync tells what changed after a time: whole seconds, as many as it takes for a hundred records.
func (s *Server) sync(since, module, kind string) any {
	if s.modest || kind != "application" {
		throw("ACCESS_DENIED", "Only admin users can perform application sync")
	}
	from, err := strconv.ParseInt(since, 10, 64)
	if err != nil || from == 0 { // "0" is no parameter, and none is now
		from = s.Now().Unix()
	}
	var later []*record
	for _, r := range s.rows[module] {
		if r.changed.Unix() > from {
			later = append(later, r)
		}
	}
	slices.SortFunc(later, func(a, b *record) int { return a.changed.Compare(b.changed) })
	last := from
	if len(later) > 0 {
		last = later[min(len(later), 100)-1].changed.Unix()
	}
	updated, deleted, more := []Row{}, []string{}, false
	for _, r := range later {
		switch {
		case r.changed.Unix() > last:
			more = true
		case r.deleted:
			deleted = append(deleted, r.Row["id"])
		default:
			updated = append(updated, r.Row)
		}
	}
	return map[string]any{"updated": updated, "deleted": deleted, "lastModifiedTime": time.Unix(last, 0).Unix(), "more": more}
}
