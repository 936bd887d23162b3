package espocrm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
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

// list returns at most limit records that pass every test, in order of a field, then of id, and when they were read by
// the clock of the server.
func (e *Connector) list(ctx context.Context, entity, fields, order string, offset, limit int, tests ...test) ([]row, time.Time, error) {
	v := url.Values{"select": {fields}, "orderBy": {order}, "order": {"asc"}, "maxSize": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	for i, t := range tests {
		t.encode(v, fmt.Sprintf("where[%d]", i))
	}
	a, err := e.do(ctx, http.MethodGet, "/"+entity+"?"+v.Encode(), nil)
	if err != nil {
		return nil, time.Time{}, err
	}
	var got struct {
		List []row `json:"list"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil {
		return nil, time.Time{}, &crmsync.PushError{Class: crmsync.Transient, Reason: "a list cannot be read; is the address that of an EspoCRM?", Err: err}
	}
	at, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		at = time.Now()
	}
	return got.List, at, nil
}

// most is how many records a list may have (SearchParamsFetcher.php).
const most = 200

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
		rows, _, err := e.list(ctx, "Call", "id", "id", 0, 10, is)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
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
	rows, _, err := e.list(ctx, "Call", "id,name,status,dateStart,"+e.cfg.KeyField, "dateStart", offset, most, ours,
		test{"greaterThanOrEquals", "dateStart", from.UTC().Format(stamp)}, test{"lessThan", "dateStart", until.UTC().Format(stamp)})
	if err != nil {
		return nil, "", err
	}
	var list []crmsync.Standing
	for _, r := range rows {
		if key := e.keyOf(r); key != "" {
			list = append(list, crmsync.Standing{Key: key, ID: r.text("id"), Fields: map[string]string{"name": r.text("name"), "status": r.text("status")}})
		}
	}
	if len(rows) < most {
		return list, "", nil
	}
	return list, strconv.Itoa(offset + len(rows)), nil
}
