package dolibarr

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// list reads a page of records, and tells when by the clock of the server. A filter is tests in parentheses, (t.column:operator:'value'), joined by and, or. A value may hold
// neither parentheses nor colons in some versions, so no time of day; only what holds none is put into one.
func (d *Connector) list(ctx context.Context, kind, filter, sort, order string, page, limit int) ([]row, time.Time, error) {
	v := url.Values{"sortfield": {sort}, "sortorder": {order}, "limit": {strconv.Itoa(limit)}, "page": {strconv.Itoa(page)}}
	if filter != "" {
		v.Set("sqlfilters", filter)
	}
	var rows []row
	a, err := d.do(ctx, http.MethodGet, "/"+kind+"?"+v.Encode(), nil, &rows)
	at, unsaid := http.ParseTime(a.Header.Get("Date"))
	if unsaid != nil {
		at = time.Now()
	}
	if nothing(a) {
		return nil, at, nil
	}
	return rows, at, err
}

const most = 100 // what a list has when it is not asked for more; it is without what could not be read, so only an empty one is the end

// Find implements crmsync.Connector.
func (d *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	found := map[string][]string{}
	for _, key := range keys {
		if !crmsync.IsKey(key) {
			return nil, &crmsync.PushError{Class: crmsync.Permanent, Reason: "the key is none of ours"}
		}
		rows, _, err := d.list(ctx, "agendaevents", "(t.ref_ext:=:'"+key+"')", "t.id", "ASC", 0, 10)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			found[key] = append(found[key], r.text("id"))
		}
	}
	return found, nil
}

// Activities implements crmsync.Audited. The cursor is the page; days are compared, in the time zone of the server.
func (d *Connector) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	page, _ := strconv.Atoi(cursor) // "" is the first
	day := func(t time.Time) string { return t.UTC().Format("20060102") }
	filter := "(t.ref_ext:like:'pc%') and (t.datep:>=:'" + day(from) + "') and (t.datep:<:'" + day(until.AddDate(0, 0, 1)) + "')"
	rows, _, err := d.list(ctx, "agendaevents", filter, "t.id", "ASC", page, most)
	if err != nil {
		return nil, "", err
	}
	var list []crmsync.Standing
	for _, r := range rows {
		if key := crmsync.KeyIn(r.text(noteField)); key != "" {
			list = append(list, crmsync.Standing{Key: key, ID: r.text("id"), Fields: map[string]string{labelField: r.text(labelField), "datep": r.text("datep")}})
		}
	}
	if len(rows) == 0 {
		return nil, "", nil
	}
	return list, strconv.Itoa(page + 1), nil
}

// Existing implements crmsync.Survivors: what is deleted is gone without a trace, and so is a merged third party.
func (d *Connector) Existing(ctx context.Context, kind string, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	for some := range slices.Chunk(ids, 50) { // they are in the URL, and each costs a query there
		tests := make([]string, len(some))
		for i, id := range some {
			n, err := strconv.ParseInt(id, 10, 64)
			if err != nil {
				return nil, &crmsync.PushError{Class: crmsync.Permanent, Reason: "an id is no number"}
			}
			tests[i] = "(t.rowid:=:" + strconv.FormatInt(n, 10) + ")" // "in" has no list in older versions
		}
		rows, _, err := d.list(ctx, kind, strings.Join(tests, " or "), "t.rowid", "ASC", 0, most)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			there[r.text("id")] = true
		}
	}
	return there, nil
}
