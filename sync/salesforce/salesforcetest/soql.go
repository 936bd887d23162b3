package salesforcetest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// token of SOQL: a word, number or date; a quoted text; or a sign.
var soqlToken = regexp.MustCompile(`'(?:[^'\\]|\\.)*'|[A-Za-z0-9_.:%+-]+|>=|<=|!=|[=<>(),]`)

// parser reads the SOQL that clients of calls and contacts write: one object, AND, OR, brackets.
type parser struct {
	words []string
	at    int
}

type test func(Row) bool

func (p *parser) peek() string {
	if p.at < len(p.words) {
		return p.words[p.at]
	}
	return ""
}

func (p *parser) next() string {
	w := p.peek()
	p.at++
	return w
}

func (p *parser) is(word string) bool {
	if strings.EqualFold(p.peek(), word) {
		p.at++
		return true
	}
	return false
}

func (s *Server) query(w http.ResponseWriter, soql string, all bool) {
	p := &parser{words: soqlToken.FindAllString(soql, -1)}
	fields, object, where, order, limit, err := p.statement()
	if err != nil {
		refuse(w, http.StatusBadRequest, "MALFORMED_QUERY", err.Error())
		return
	}
	records := []Row{}
	for _, r := range s.tables[object] {
		if (all || r["IsDeleted"] != true) && where(r) {
			records = append(records, r)
		}
	}
	slices.SortStableFunc(records, func(a, b Row) int {
		for _, f := range order {
			if c := strings.Compare(fmt.Sprint(a[f]), fmt.Sprint(b[f])); c != 0 {
				return c
			}
		}
		return 0
	})
	records = records[:min(limit, len(records))]
	for i, r := range records {
		records[i] = project(object, r, fields)
	}
	answer(w, http.StatusOK, map[string]any{"totalSize": len(records), "done": true, "records": records})
}

// project returns the fields that were asked for; Account.Name is an object within.
func project(object string, r Row, fields []string) Row {
	out := Row{"attributes": map[string]string{"type": object, "url": fmt.Sprintf("/services/data/v59.0/sobjects/%s/%s", object, r["Id"])}}
	for _, f := range fields {
		parent, child, nested := strings.Cut(f, ".")
		if !nested {
			out[f] = r[f]
			continue
		}
		out[parent] = nil
		if v := r[f]; v != nil {
			out[parent] = Row{child: v}
		}
	}
	return out
}

func (p *parser) statement() (fields []string, object string, where test, order []string, limit int, err error) {
	limit, where = 2000, func(Row) bool { return true }
	if !p.is("SELECT") {
		return nil, "", nil, nil, 0, fmt.Errorf("unexpected token: %s", p.peek())
	}
	fields = p.list()
	if !p.is("FROM") {
		return nil, "", nil, nil, 0, fmt.Errorf("unexpected token: %s", p.peek())
	}
	if object = p.next(); prefixes[object] == "" {
		return nil, "", nil, nil, 0, fmt.Errorf("sObject type '%s' is not supported", object)
	}
	if p.is("WHERE") {
		if where, err = p.or(); err != nil {
			return nil, "", nil, nil, 0, err
		}
	}
	if p.is("ORDER") && p.is("BY") {
		order = p.list()
	}
	if p.is("LIMIT") {
		if _, err := fmt.Sscan(p.next(), &limit); err != nil {
			return nil, "", nil, nil, 0, err
		}
	}
	if p.at < len(p.words) {
		return nil, "", nil, nil, 0, fmt.Errorf("unexpected token: %s", p.peek())
	}
	return fields, object, where, order, limit, nil
}

func (p *parser) list() (words []string) {
	for {
		words = append(words, p.next())
		if !p.is(",") {
			return words
		}
	}
}

func (p *parser) or() (test, error) {
	return p.chain("OR", p.and, func(a, b bool) bool { return a || b })
}
func (p *parser) and() (test, error) {
	return p.chain("AND", p.condition, func(a, b bool) bool { return a && b })
}

func (p *parser) chain(word string, part func() (test, error), join func(a, b bool) bool) (test, error) {
	left, err := part()
	for err == nil && p.is(word) {
		var right test
		if right, err = part(); err == nil {
			l := left
			left = func(r Row) bool { return join(l(r), right(r)) }
		}
	}
	return left, err
}

func (p *parser) condition() (test, error) {
	if p.is("(") {
		t, err := p.or()
		if err == nil && !p.is(")") {
			err = fmt.Errorf("unexpected token: %s", p.peek())
		}
		return t, err
	}
	field, op := p.next(), strings.ToUpper(p.next())
	if op == "IN" {
		if !p.is("(") {
			return nil, fmt.Errorf("unexpected token: %s", p.peek())
		}
		values := p.list()
		if !p.is(")") {
			return nil, fmt.Errorf("unexpected token: %s", p.peek())
		}
		for i := range values {
			values[i] = plain(values[i])
		}
		return func(r Row) bool { return r[field] != nil && slices.Contains(values, fmt.Sprint(r[field])) }, nil
	}
	value := plain(p.next())
	compare := map[string]func(string) bool{
		"=": func(v string) bool { return v == value }, "!=": func(v string) bool { return v != value },
		">": func(v string) bool { return v > value }, "<": func(v string) bool { return v < value },
		">=": func(v string) bool { return v >= value }, "<=": func(v string) bool { return v <= value },
		"LIKE": func(v string) bool { return strings.HasPrefix(v, strings.TrimSuffix(value, "%")) },
	}[op]
	if compare == nil {
		return nil, fmt.Errorf("unexpected token: %s", op)
	}
	return func(r Row) bool { return r[field] != nil && compare(moment(fmt.Sprint(r[field]))) }, nil
}

// plain takes quotes and escapes off, and writes a moment as rows have it.
func plain(word string) string {
	if strings.HasPrefix(word, "'") {
		return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(strings.Trim(word, "'"))
	}
	return moment(word)
}

// moment makes the two ways to write UTC one.
func moment(s string) string { return strings.Replace(s, "+0000", "Z", 1) }
