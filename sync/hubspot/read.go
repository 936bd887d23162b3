package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// row is a record as a read or a search has it.
type row struct {
	ID         string             `json:"id"`
	Properties map[string]*string `json:"properties"` // null: none
}

func (r row) text(property string) string {
	if v := r.Properties[property]; v != nil {
		return *v
	}
	return ""
}

// batchRead returns the records with those values of a property, "" being their own id. It never asks the search index,
// which is seconds behind.
func (h *Connector) batchRead(ctx context.Context, object, idProperty string, values []string, properties ...string) ([]row, error) {
	var rows []row
	for some := range slices.Chunk(values, maxBatch) {
		inputs := make([]end, len(some))
		for i, v := range some {
			inputs[i] = end{v}
		}
		body := map[string]any{"inputs": inputs, "properties": properties, "propertiesWithHistory": []string{}}
		if idProperty != "" {
			body["idProperty"] = idProperty
		}
		var got struct {
			Results []row `json:"results"`
		}
		_, err := h.do(ctx, crmsync.Request{Method: http.MethodPost, URL: h.places.objects + object + "/batch/read", Body: body, Reads: true}, &got)
		if err != nil {
			return nil, err
		}
		rows = append(rows, got.Results...)
	}
	return rows, nil
}

// Find implements crmsync.Connector.
func (h *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	rows, err := h.batchRead(ctx, "calls", h.cfg.KeyField, keys, h.cfg.KeyField)
	found := map[string][]string{}
	for _, r := range rows {
		found[r.text(h.cfg.KeyField)] = append(found[r.text(h.cfg.KeyField)], r.ID)
	}
	return found, err
}

// Existing implements crmsync.Survivors. Asked for a merged record HubSpot answers with the other.
func (h *Connector) Existing(ctx context.Context, object string, ids []string) (map[string]bool, error) {
	if objects[object].stamp == "" {
		return nil, nil
	}
	rows, err := h.batchRead(ctx, object, "", ids, "hs_object_id")
	there := map[string]bool{}
	for _, r := range rows {
		there[r.ID] = true
	}
	return there, err
}

// filter is a condition of a search.
type filter struct {
	Property string `json:"propertyName"`
	Operator string `json:"operator"`
	Value    string `json:"value,omitempty"`
	High     string `json:"highValue,omitempty"`
}

const (
	perSearch = 200
	// searchDepth is how many results of one search can be seen.
	searchDepth = 10_000
)

// search returns the records that pass every filter, in order of a property.
func (h *Connector) search(ctx context.Context, object, order string, after int, properties []string, filters ...filter) ([]row, error) {
	if err := h.searches.Wait(ctx, searchEvery); err != nil {
		return nil, err
	}
	body := map[string]any{
		"filterGroups": []any{map[string]any{"filters": filters}}, "properties": properties, "limit": perSearch,
		"sorts": []any{map[string]string{"propertyName": order, "direction": "ASCENDING"}},
	}
	if after > 0 {
		body["after"] = strconv.Itoa(after)
	}
	var got struct {
		Results []row `json:"results"`
	}
	_, err := h.do(ctx, crmsync.Request{Method: http.MethodPost, URL: h.places.objects + object + "/search", Body: body, Reads: true}, &got)
	return got.Results, err
}

// window is a place in a list that is read in order of a stamp: so many after the first with that stamp. Reading on from a
// stamp, not from a count, leaves nothing out when records move meanwhile, and is not bound by searchDepth.
type window struct {
	Stamp string `json:"stamp"` // milliseconds
	After int    `json:"after"`
}

// advance returns the place behind the rows.
func (w window) advance(rows []row, stamp string) window {
	if len(rows) == 0 {
		return w
	}
	last := millis(rows[len(rows)-1].text(stamp))
	if last != w.Stamp && last != "" {
		return window{Stamp: last}
	}
	if w.After+len(rows) < searchDepth {
		return window{w.Stamp, w.After + len(rows)}
	}
	n, _ := strconv.ParseInt(w.Stamp, 10, 64)
	return window{Stamp: strconv.FormatInt(n+1, 10)} // more cannot be seen of one millisecond
}

// millis returns a time as the milliseconds that a filter wants; answers have RFC 3339.
func millis(s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return s
}

// Activities implements crmsync.Audited. What is compared is what the connector does not translate.
func (h *Connector) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	w := window{Stamp: strconv.FormatInt(from.UnixMilli(), 10)}
	if stamp, after, ok := strings.Cut(cursor, "+"); ok {
		w.Stamp = stamp
		w.After, _ = strconv.Atoi(after)
	}
	compared := []string{"hs_call_title", "hs_call_duration", "hs_call_status"}
	rows, err := h.search(ctx, "calls", "hs_timestamp", w.After, append([]string{h.cfg.KeyField, "hs_timestamp"}, compared...),
		filter{Property: h.cfg.KeyField, Operator: "HAS_PROPERTY"},
		filter{Property: "hs_timestamp", Operator: "BETWEEN", Value: w.Stamp, High: strconv.FormatInt(until.UnixMilli()-1, 10)})
	if err != nil {
		return nil, "", err
	}
	list := make([]crmsync.Standing, len(rows))
	for i, r := range rows {
		list[i] = crmsync.Standing{Key: r.text(h.cfg.KeyField), ID: r.ID, Fields: map[string]string{}}
		for _, field := range compared {
			list[i].Fields[field] = r.text(field)
		}
	}
	if len(rows) < perSearch {
		return list, "", nil
	}
	w = w.advance(rows, "hs_timestamp")
	return list, fmt.Sprintf("%s+%d", w.Stamp, w.After), nil
}
