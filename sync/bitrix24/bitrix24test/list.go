package bitrix24test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// indexed returns the activities that a filter may mean.
func (s *Server) indexed(p url.Values) []Row {
	if key := p.Get("filter[ORIGIN_ID]"); key != "" {
		return s.byKey[key]
	}
	return s.activities
}

var inFilter = regexp.MustCompile(`^filter\[(>=|<|>|@|)([A-Z_]+)\]`)

// list returns fifty records by their ID, and where the next page begins. A start of -1 is not to be counted on: the first fifty.
func (s *Server) list(all []Row, p url.Values) (page []Row, next int) {
	var found []Row
	for _, r := range all {
		if passes(r, p) {
			found = append(found, r)
		}
	}
	start, _ := strconv.Atoi(p.Get("start"))
	first := max(0, start)
	page = []Row{}
	for _, r := range found[min(first, len(found)):min(first+50, len(found))] {
		shown := Row{}
		for _, name := range p["select[]"] {
			if at, ok := r[name].(time.Time); ok {
				shown[name] = at.In(time.FixedZone("", 3*3600)).Format(time.RFC3339)
			} else if r[name] != nil {
				shown[name] = r[name]
			}
		}
		page = append(page, shown)
	}
	if start >= 0 && first+50 < len(found) {
		next = first + 50
	}
	return page, next
}

func passes(r Row, p url.Values) bool {
	for name := range p {
		m := inFilter.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		if m[1] == "@" {
			var list []string
			for other, v := range p {
				if strings.HasPrefix(other, m[0]) {
					list = append(list, v[0])
				}
			}
			if !slices.Contains(list, fmt.Sprint(r[m[2]])) {
				return false
			}
			continue
		}
		order := compare(r[m[2]], p.Get(name))
		if m[1] == "" && order != 0 || m[1] == ">=" && order < 0 || m[1] == "<" && order >= 0 || m[1] == ">" && order <= 0 {
			return false
		}
	}
	return true
}

// compare compares numbers, times and texts as what they are.
func compare(v any, with string) int {
	text := fmt.Sprint(v)
	if at, ok := v.(time.Time); ok {
		text = at.Format(time.RFC3339)
	}
	a, err1 := time.Parse(time.RFC3339, text)
	b, err2 := time.Parse(time.RFC3339, with)
	if err1 == nil && err2 == nil {
		return a.Compare(b)
	}
	n, err1 := strconv.Atoi(text)
	m, err2 := strconv.Atoi(with)
	if err1 == nil && err2 == nil {
		return n - m
	}
	return strings.Compare(text, with)
}
