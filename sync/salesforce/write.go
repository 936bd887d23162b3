package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	crmsync "patchcord/sync"
)

// outcome is what a collection says of one record.
type outcome struct {
	ID      string  `json:"id"`
	Success bool    `json:"success"`
	Errors  []fault `json:"errors"`
}

// Write implements crmsync.Connector. What is refused for its contact or its owner alone is written
// again without them.
func (s *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	has, err := s.describe(ctx)
	if err != nil {
		return crmsync.Same(len(list), err)
	}
	records, places := make([]map[string]any, len(list)), make([]int, len(list))
	for i, a := range list {
		records[i], places[i] = s.record(a), i
		s.trim(records[i], a, has)
	}
	errs := make([]error, len(list))
	for len(records) > 0 { // each round takes a field out of every record that is left
		outcome, faults := s.upsert(ctx, records)
		var again []map[string]any
		var left []int
		for n, i := range places {
			errs[i] = outcome[n]
			if trimmed, ok := s.without(records[n], list[i], has, faults[n]); ok {
				again, left = append(again, trimmed), append(left, i)
			}
		}
		records, places = again, left
	}
	return errs
}

func (s *Connector) record(a crmsync.Activity) map[string]any {
	r := map[string]any{"attributes": map[string]string{"type": s.cfg.Object}, s.cfg.KeyField: a.Key}
	maps.Copy(r, a.Links)
	maps.Copy(r, a.Fields) // what the administrator maps counts
	return r
}

// without returns the record without the fields that the fault is about, and whether any was in it.
func (s *Connector) without(record map[string]any, a crmsync.Activity, has description, f fault) (map[string]any, bool) {
	out, found := maps.Clone(record), false
	for _, drop := range f.verdict().drops {
		fields := []string{drop}
		switch drop {
		case "link":
			fields = slices.Collect(maps.Keys(a.Links))
		case "createOnly":
			fields = slices.Clone(s.kind.createOnly)
			for field := range record {
				if f, known := has[field]; known && !f.update && field != s.cfg.KeyField {
					fields = append(fields, field)
				}
			}
		}
		for _, field := range fields {
			_, is := out[field]
			found = found || is
			delete(out, field)
		}
	}
	return out, found
}

// upsert writes up to 200 records. The faults are by record; a zero one for what is no fault of it.
func (s *Connector) upsert(ctx context.Context, records []map[string]any) ([]error, []fault) {
	faults := make([]fault, len(records))
	a, err := s.do(ctx, http.MethodPatch, "/composite/sobjects/"+s.cfg.Object+"/"+s.cfg.KeyField,
		map[string]any{"allOrNone": false, "records": records}, false)
	if err != nil {
		return crmsync.Same(len(records), err), faults
	}
	var outcomes []outcome
	if err := json.Unmarshal(a.Body, &outcomes); err != nil || len(outcomes) != len(records) {
		return crmsync.Same(len(records), &crmsync.PushError{
			Class: crmsync.Ambiguous, Reason: fmt.Sprintf("%d outcomes for %d records", len(outcomes), len(records)), Err: err,
		}), faults
	}
	errs := make([]error, len(records))
	for i, o := range outcomes {
		if o.Success {
			continue
		}
		if len(o.Errors) > 0 {
			faults[i] = o.Errors[0]
		}
		p := faults[i].err()
		if p.Class == crmsync.Split || p.Class == crmsync.Auth { // of a record these are its own
			p.Class, p.After = crmsync.Permanent, 0
		}
		errs[i] = p
	}
	return errs, faults
}
