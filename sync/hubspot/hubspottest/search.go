package hubspottest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// read is POST batch/read, by id or by the unique property. What is not there is an error in a 207; a merged record is the
// one that it became part of.
func (s *Server) read(w http.ResponseWriter, r *http.Request, object string) {
	var body struct {
		IDProperty string   `json:"idProperty"`
		Properties []string `json:"properties"`
		History    []string `json:"propertiesWithHistory"`
		Inputs     []struct {
			ID string `json:"id"`
		} `json:"inputs"`
	}
	if !decode(w, r, &body) {
		return
	}
	if len(body.Inputs) > 100 || body.IDProperty != "" && (body.IDProperty != Key || object != "calls") {
		fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "more than 100 inputs, or a property without unique values", nil)
		return
	}
	results, missing := []any{}, []string{}
	for _, in := range body.Inputs {
		found := s.byID[object+"/"+in.ID]
		if body.IDProperty != "" {
			found = s.byKey[in.ID]
		}
		if found == nil {
			missing = append(missing, in.ID)
			continue
		}
		results = append(results, view(found, body.Properties))
	}
	answer := map[string]any{"status": "COMPLETE", "results": results, "startedAt": stamp(time.Now()), "completedAt": stamp(time.Now())}
	if len(missing) == 0 {
		write(w, http.StatusOK, answer)
		return
	}
	answer["numErrors"] = 1
	answer["errors"] = []any{map[string]any{
		"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects, they may be deleted or not exist.",
		"context": map[string][]string{"ids": missing}, "errors": []any{}, "links": map[string]string{},
	}}
	write(w, http.StatusMultiStatus, answer)
}

type filter struct {
	Property string `json:"propertyName"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
	High     string `json:"highValue"`
}

// search is POST search over the index, which is Lag behind. At most 200 a page and 10,000 in all.
func (s *Server) search(w http.ResponseWriter, r *http.Request, object string) {
	var body struct {
		Groups []struct {
			Filters []filter `json:"filters"`
		} `json:"filterGroups"`
		Sorts []struct {
			Property  string `json:"propertyName"`
			Direction string `json:"direction"`
		} `json:"sorts"`
		Properties []string `json:"properties"`
		Limit      int      `json:"limit"`
		After      string   `json:"after"`
		Query      string   `json:"query"`
	}
	if !decode(w, r, &body) {
		return
	}
	after, _ := strconv.Atoi(body.After)
	if body.Limit < 1 || body.Limit > 200 || after+body.Limit > 10_000 || len(body.Groups) != 1 || len(body.Sorts) > 1 {
		fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "There was a problem with the request: paging or filters", nil)
		return
	}
	var rows []*Record
	for _, row := range s.tables[object] {
		if time.Since(row.At) >= s.Lag && !slices.ContainsFunc(body.Groups[0].Filters, func(f filter) bool { return !f.passes(row) }) {
			rows = append(rows, row)
		}
	}
	if len(body.Sorts) == 1 {
		slices.SortStableFunc(rows, func(a, b *Record) int {
			return cmp.Compare(number(a, body.Sorts[0].Property), number(b, body.Sorts[0].Property))
		})
	}
	answer := map[string]any{"total": len(rows)}
	rows = rows[min(after, len(rows)):]
	if len(rows) > body.Limit {
		rows = rows[:body.Limit]
		answer["paging"] = map[string]any{"next": map[string]string{"after": strconv.Itoa(after + body.Limit)}}
	}
	results := make([]any, len(rows))
	for i, row := range rows {
		results[i] = view(row, body.Properties)
	}
	answer["results"] = results
	write(w, http.StatusOK, answer)
}

func (f filter) passes(r *Record) bool {
	value, is := strconv.ParseInt(f.Value, 10, 64)
	n := number(r, f.Property)
	switch f.Operator {
	case "HAS_PROPERTY":
		return r.Properties[f.Property] != ""
	case "GTE":
		return is == nil && n >= value
	case "BETWEEN":
		high, err := strconv.ParseInt(f.High, 10, 64)
		return is == nil && err == nil && n >= value && n <= high
	case "EQ":
		return r.Properties[f.Property] == f.Value
	}
	return false
}

// number is a property as milliseconds.
func number(r *Record, property string) int64 {
	if strings.HasSuffix(property, "lastmodifieddate") {
		return r.At.UnixMilli()
	}
	return millis(r.Properties[property])
}

func millis(v string) int64 {
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return t.UnixMilli()
	}
	n, _ := strconv.ParseInt(v, 10, 64)
	return n
}
