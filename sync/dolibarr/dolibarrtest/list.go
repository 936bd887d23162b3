package dolibarrtest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// columns is what may be filtered and sorted by, and the field that it is.
var columns = map[string]map[string]string{
	"agendaevents": {"t.id": "id", "t.ref_ext": "ref_ext", "t.datep": "datep", "t.label": "label"},
	"contacts":     {"t.rowid": "id", "t.tms": "date_modification", "t.lastname": "lastname"},
	"thirdparties": {"t.rowid": "id", "t.tms": "date_modification", "t.nom": "name"},
}

// Unread is in a record that is among those found, and then cannot be read: a list is without it, and so shorter than was asked
// for (fetch, in index of api_contacts.class.php and api_agendaevents.class.php; in a source of 2025, and of events in older ones too).
const Unread = "unread"

var errSyntax = errors.New("Bad syntax of the search string")

var criterion = regexp.MustCompile(`\(([a-zA-Z0-9_.]+):([<>!=a-z]+):([^()]+)\)`)

func (s *Server) list(w http.ResponseWriter, r *http.Request, kind string) {
	q := r.URL.Query()
	test, err := where(kind, q.Get("sqlfilters"))
	switch {
	case errors.Is(err, errSyntax) && s.Recent:
		refuse(w, http.StatusBadRequest, "Bad Request: Error when validating parameter sqlfilters -> "+err.Error(), "")
		return
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, "Service Unavailable: Error when retrieve list : "+err.Error(), "")
		return
	}
	var rows []Row
	for _, row := range s.candidates(kind, q.Get("sqlfilters")) {
		hidden := s.Sales && kind == "agendaevents" && row["socid"] == nil
		if test(row) && !hidden {
			rows = append(rows, row)
		}
	}
	by := strings.Split(q.Get("sortfield"), ",")
	for _, column := range by {
		if columns[kind][column] == "" {
			refuse(w, http.StatusServiceUnavailable, "Service Unavailable: Error when retrieve list : Unknown column '"+column+"' in 'order clause'", "")
			return
		}
	}
	slices.SortFunc(rows, func(a, b Row) int {
		for i, column := range by {
			c := cmp.Compare(value(a[columns[kind][column]]), value(b[columns[kind][column]]))
			if strings.HasPrefix(strings.Split(q.Get("sortorder")+",", ",")[i], "DESC") {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	limit, _ := strconv.Atoi(q.Get("limit"))
	page, _ := strconv.Atoi(q.Get("page"))
	rows = rows[min(limit*page, len(rows)):]
	rows = rows[:min(limit, len(rows))]
	if len(rows) == 0 && (kind != "agendaevents" || !s.Recent) {
		refuse(w, http.StatusNotFound, "Not Found: "+none[kind], "")
		return
	}
	out := []Row{}
	for _, row := range rows {
		if row[Unread] == nil {
			out = append(out, shown(row))
		}
	}
	answer(w, out)
}

// value is what the database sorts by: numbers by their size, for they have one length here.
func value(v any) string { return fmt.Sprintf("%020s", fmt.Sprint(v)) }

// where returns the test that a filter comes to: criteria joined by one of "and" and "or".
func where(kind, filter string) (func(Row) bool, error) {
	if filter == "" {
		return func(Row) bool { return true }, nil
	}
	rest := strings.NewReplacer(" ", "", "and", "", "or", "").Replace(criterion.ReplaceAllString(filter, ""))
	if rest != "" {
		return nil, errSyntax
	}
	var tests []func(Row) bool
	for _, m := range criterion.FindAllStringSubmatch(filter, -1) {
		field := columns[kind][m[1]]
		if field == "" {
			return nil, fmt.Errorf("Unknown column '%s' in 'where clause'", m[1]) //nolint:staticcheck // MySQL's words
		}
		text, _, _ := strings.Cut(m[3], ":") // explode, and the third part of it
		tests = append(tests, compare(field, m[2], text))
	}
	either := strings.Contains(criterion.ReplaceAllString(filter, ""), "or")
	return func(r Row) bool {
		for _, t := range tests {
			if t(r) == either {
				return either
			}
		}
		return !either
	}, nil
}

func compare(field, operator, text string) func(Row) bool {
	want := ""
	if inside, quoted := strings.CutPrefix(strings.TrimSuffix(text, "'"), "'"); quoted && strings.HasSuffix(text, "'") {
		want = inside
	} else if n, err := strconv.ParseFloat(text, 64); err == nil {
		want = strconv.FormatFloat(n, 'f', -1, 64)
	} else {
		want = "0" // a value that is no number, nor whole in quotes
	}
	return func(r Row) bool {
		is := fmt.Sprint(r[field])
		if at, isTime := r[field].(float64); isTime && strings.HasPrefix(field, "date") {
			is = time.Unix(int64(at), 0).UTC().Format("20060102150405")
		}
		switch operator {
		case "=":
			return is == want
		case "like":
			return strings.HasPrefix(is, strings.TrimSuffix(want, "%"))
		case ">=":
			return is >= want
		case ">":
			return len(is) > len(want) || len(is) == len(want) && is > want
		case "<":
			return is < want
		}
		return false
	}
}

var byRef = regexp.MustCompile(`^\(t\.ref_ext:=:'(\w+)'\)$`)

// candidates is the kind's records, or what the index finds.
func (s *Server) candidates(kind, filter string) []Row {
	var rows []Row
	if m := byRef.FindStringSubmatch(filter); m != nil {
		for _, id := range s.byRef[m[1]] {
			rows = append(rows, s.tables[kind][id])
		}
		return rows
	}
	for _, r := range s.tables[kind] {
		rows = append(rows, r)
	}
	return rows
}
