package salesforce

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// rows is a page of a query.
type rows struct {
	Records        []map[string]any `json:"records"`
	NextRecordsURL string           `json:"nextRecordsUrl"`
}

// query runs SOQL; next is the rest of an earlier one. all also sees what is in the recycle bin.
func (s *Connector) query(ctx context.Context, soql, next string, all bool) (rows, error) {
	path := next
	if path == "" {
		path = map[bool]string{false: "/query", true: "/queryAll"}[all] + "?q=" + url.QueryEscape(soql)
	}
	a, err := s.do(ctx, http.MethodGet, path, nil, true)
	if err != nil {
		return rows{}, err
	}
	var r rows
	if err := json.Unmarshal(a.Body, &r); err != nil {
		return rows{}, &crmsync.PushError{Class: crmsync.Transient, Reason: "the answer to a query cannot be read", Err: err}
	}
	return r, nil
}

// literal quotes a text for SOQL ("Quoted String Escape Sequences").
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, `"`, `\"`).Replace(s) + "'"
}

// Find implements crmsync.Connector.
func (s *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	found := map[string][]string{}
	for some := range slices.Chunk(keys, 100) { // the query is in the URL
		quoted := make([]string, len(some))
		for i, k := range some {
			quoted[i] = literal(k)
		}
		soql := "SELECT Id, " + s.cfg.KeyField + " FROM " + s.cfg.Object + " WHERE " + s.cfg.KeyField + " IN (" + strings.Join(quoted, ",") + ")"
		for next := ""; ; {
			r, err := s.query(ctx, soql, next, false)
			if err != nil {
				return nil, err
			}
			for _, record := range r.Records {
				key := text(record[s.cfg.KeyField])
				found[key] = append(found[key], text(record["Id"]))
			}
			if next = r.NextRecordsURL; next == "" {
				break
			}
		}
	}
	return found, nil
}

// Activities implements crmsync.Audited. Tasks have a date only.
func (s *Connector) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	fields := strings.Join(append([]string{"Id", s.cfg.KeyField}, s.kind.compared...), ", ")
	soql := "SELECT " + fields + " FROM " + s.cfg.Object + " WHERE " + s.cfg.KeyField + " LIKE 'pc%' AND " + s.kind.between(from, until)
	r, err := s.query(ctx, soql, cursor, false)
	if err != nil {
		return nil, "", err
	}
	var list []crmsync.Standing
	for _, record := range r.Records {
		standing := crmsync.Standing{Key: text(record[s.cfg.KeyField]), ID: text(record["Id"]), Fields: map[string]string{}}
		for _, field := range s.kind.compared {
			standing.Fields[field] = text(record[field])
		}
		list = append(list, standing)
	}
	return list, r.NextRecordsURL, nil
}

// text writes a value of a record as text; a number without a fraction, an absent one as "".
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
