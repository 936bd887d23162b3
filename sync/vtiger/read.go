package vtiger

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// row is a record; every value is a text.
type row map[string]any

func (r row) text(field string) string {
	s, _ := r[field].(string)
	return s
}

// query runs a statement of the web service's own language. It has no parentheses, and no escape for a quote within quotes but
// its doubling, which MySQL then reads as it should; a backslash goes through to MySQL. So only what holds neither is put into one.
// It also tells when the rows were read, by the clock of the server.
func (v *Connector) query(ctx context.Context, statement string) ([]row, time.Time, error) {
	r, err := v.do(ctx, "query", url.Values{"query": {statement + ";"}})
	if err != nil {
		return nil, r.At, err
	}
	var rows []row
	if err := json.Unmarshal(r.Result, &rows); err != nil {
		return nil, r.At, &crmsync.PushError{Class: crmsync.Transient, Reason: "the answer to a query cannot be read", Err: err}
	}
	return rows, r.At, nil
}

// most is how many rows are asked for at once. It may give fewer, and rows behind them: only what holds none is the end.
const most = 100

// keyOf returns the key of an event, "" when it is not ours.
func (v *Connector) keyOf(r row) string {
	if v.cfg.KeyField != description {
		return r.text(v.cfg.KeyField)
	}
	return crmsync.KeyIn(r.text(description))
}

// Find implements crmsync.Connector.
func (v *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	found := map[string][]string{}
	for _, key := range keys {
		if !crmsync.IsKey(key) {
			return nil, &crmsync.PushError{Class: crmsync.Permanent, Reason: "the key is none of ours"}
		}
		is := v.cfg.KeyField + " = '" + key + "'"
		if v.cfg.KeyField == description {
			is = description + " LIKE '%[" + key + "]%'"
		}
		rows, _, err := v.query(ctx, "SELECT id FROM Events WHERE "+is+" LIMIT 0, 10")
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			found[key] = append(found[key], r.text("id"))
		}
	}
	return found, nil
}

// Activities implements crmsync.Audited. The cursor is how many were read; only the date of an event is compared.
func (v *Connector) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	offset, _ := strconv.Atoi(cursor) // "" is the beginning
	ours := v.cfg.KeyField + " LIKE 'pc%'"
	if v.cfg.KeyField == description {
		ours = description + " LIKE '%[pc%'"
	}
	first, _ := v.clock.show(from)
	last, _ := v.clock.show(until)
	rows, _, err := v.query(ctx, fmt.Sprintf("SELECT %s FROM Events WHERE date_start >= '%s' AND date_start <= '%s' AND %s ORDER BY id LIMIT %d, %d",
		strings.Join([]string{"id", "subject", "eventstatus", v.cfg.KeyField}, ","), first, last, ours, offset, most))
	if err != nil {
		return nil, "", err
	}
	var list []crmsync.Standing
	for _, r := range rows {
		if key := v.keyOf(r); key != "" {
			list = append(list, crmsync.Standing{Key: key, ID: r.text("id"), Fields: map[string]string{"subject": r.text("subject"), "eventstatus": r.text("eventstatus")}})
		}
	}
	if len(rows) == 0 {
		return nil, "", nil
	}
	return list, strconv.Itoa(offset + len(rows)), nil
}
