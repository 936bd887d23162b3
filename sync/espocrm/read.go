package espocrm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	crmsync "patchcord/sync"
)

// test is a condition of a list. Its value is a string, a list of strings, or for "or" and "and" a list of tests.
type test struct {
	kind, attribute string
	value           any
}

// encode writes the condition in brackets, the one form that every version reads.
func (t test) encode(v url.Values, prefix string) {
	v.Set(prefix+"[type]", t.kind)
	if t.attribute != "" {
		v.Set(prefix+"[attribute]", t.attribute)
	}
	switch value := t.value.(type) {
	case string:
		v.Set(prefix+"[value]", value)
	case []string:
		for i, s := range value {
			v.Set(fmt.Sprintf("%s[value][%d]", prefix, i), s)
		}
	case []test:
		for i, inner := range value {
			inner.encode(v, fmt.Sprintf("%s[value][%d]", prefix, i))
		}
	}
}

// row is a record as a list has it.
type row map[string]any

func (r row) text(field string) string {
	s, _ := r[field].(string)
	return s
}

// page is some records of a list.
type page struct {
	rows []row
	full bool      // as many as were asked for: there may be more
	at   time.Time // when they were read, by the clock of the server
}

// list returns at most limit records that pass every test, in order of a field, then of id. It may ask for fewer.
func (e *Connector) list(ctx context.Context, entity, fields, order string, offset, limit int, tests ...test) (page, error) {
	v := url.Values{"select": {fields}, "orderBy": {order}, "order": {"asc"}, "offset": {strconv.Itoa(offset)}}
	for i, t := range tests {
		t.encode(v, fmt.Sprintf("where[%d]", i))
	}
	limit = e.allowed(limit)
	ask := func() (crmsync.Answer, error) {
		v.Set("maxSize", strconv.Itoa(limit))
		return e.do(ctx, http.MethodGet, "/"+entity+"?"+v.Encode(), nil)
	}
	a, err := ask()
	if n := longest(a); err != nil && n > 0 && n < limit {
		e.mu.Lock()
		e.longest = n
		e.mu.Unlock()
		limit = n
		a, err = ask()
	}
	if err != nil {
		return page{}, err
	}
	var got struct {
		List []row `json:"list"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil {
		return page{}, &crmsync.PushError{Class: crmsync.Transient, Reason: "a list cannot be read; is the address that of an EspoCRM?", Err: err}
	}
	at, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		at = time.Now()
	}
	return page{rows: got.List, full: len(got.List) >= limit, at: at}, nil
}

// most is how many records a list may have unless the installation says another number (SearchParamsFetcher.php).
const most = 200

// allowed returns limit, or how many records a list of this installation may have at most when that is fewer.
func (e *Connector) allowed(limit int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.longest > 0 {
		return min(limit, e.longest)
	}
	return limit
}

// tooLong is the reason of a list that asked for more records than the setting recordListMaxSizeLimit (SearchParamsFetcher.php,
// handleMaxSize, of 7.2 to 9.1).
var tooLong = regexp.MustCompile(`^Max size should not exceed (\d+)\b`)

// longest returns what that reason says, 0 for any other.
func longest(a crmsync.Answer) int {
	m := tooLong.FindStringSubmatch(reason(a))
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // too long a number is no limit
	return n
}

// keyOf returns the key of a Call, "" when it is not ours.
func (e *Connector) keyOf(r row) string {
	if e.cfg.KeyField != description {
		return r.text(e.cfg.KeyField)
	}
	return crmsync.KeyIn(r.text(description))
}

// Find implements crmsync.Connector.
func (e *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	if _, err := e.me(ctx); err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, key := range keys {
		is := test{"equals", e.cfg.KeyField, key}
		if e.cfg.KeyField == description {
			is = test{"contains", description, crmsync.WithKey("", key)}
		}
		some, err := e.list(ctx, "Call", "id", "id", 0, 10, is)
		if err != nil {
			return nil, err
		}
		for _, r := range some.rows {
			found[key] = append(found[key], r.text("id"))
		}
	}
	return found, nil
}

// Activities implements crmsync.Audited. The cursor is how many were read.
func (e *Connector) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	offset, _ := strconv.Atoi(cursor) // "" is the beginning
	ours := test{"startsWith", e.cfg.KeyField, "pc"}
	if e.cfg.KeyField == description {
		ours = test{"contains", description, "[pc"}
	}
	some, err := e.list(ctx, "Call", "id,name,status,dateStart,"+e.cfg.KeyField, "dateStart", offset, most, ours,
		test{"greaterThanOrEquals", "dateStart", from.UTC().Format(stamp)}, test{"lessThan", "dateStart", until.UTC().Format(stamp)})
	if err != nil {
		return nil, "", err
	}
	var list []crmsync.Standing
	for _, r := range some.rows {
		if key := e.keyOf(r); key != "" {
			list = append(list, crmsync.Standing{Key: key, ID: r.text("id"), Fields: map[string]string{"name": r.text("name"), "status": r.text("status")}})
		}
	}
	if !some.full {
		return list, "", nil
	}
	return list, strconv.Itoa(offset + len(some.rows)), nil
}
