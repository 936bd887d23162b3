package hubspot

import (
	"context"
	"errors"
	"maps"
	"net/http"

	crmsync "patchcord/sync"
)

const (
	ownerField       = "hubspot_owner_id"
	dispositionField = "hs_call_disposition"
)

// upsert is one call of a batch.
type upsert struct {
	ID         string         `json:"id"`
	IDProperty string         `json:"idProperty"`
	Trace      string         `json:"objectWriteTraceId"` // asks for the outcome of each
	Properties map[string]any `json:"properties"`
}

// outcome is what a batch says.
type outcome struct {
	Results []struct {
		ID         string            `json:"id"`
		Properties map[string]string `json:"properties"`
		Trace      string            `json:"objectWriteTraceId"`
	} `json:"results"`
	Errors []fault `json:"errors"`
}

// Write implements crmsync.Connector. The calls of a contact or company are linked to it by a second request: an upsert
// takes no associations.
func (h *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	inputs := make([]upsert, len(list))
	for i, a := range list {
		inputs[i] = upsert{ID: a.Key, IDProperty: h.cfg.KeyField, Trace: a.Key, Properties: h.properties(ctx, a)}
	}
	ids, errs := h.upsert(ctx, inputs)
	h.insist(ctx, inputs, ids, errs)
	for object, links := range linksOf(list, ids, errs) {
		for i, err := range h.link(ctx, object, links) {
			errs[links[i].place] = err
		}
	}
	return errs
}

func (h *Connector) properties(ctx context.Context, a crmsync.Activity) map[string]any {
	p := maps.Clone(a.Fields)
	if p == nil {
		p = map[string]any{}
	}
	p[h.cfg.KeyField] = a.Key
	if label, ok := p[dispositionField].(string); ok {
		if guid, known := h.disposition(ctx, label); known {
			p[dispositionField] = guid // "" takes away one of before
		} else {
			delete(p, dispositionField)
		}
	}
	return p
}

// insist tries once more what another try may help: without an owner who is gone, or, of a single call, after a conflict, which is
// mostly another first write of it.
func (h *Connector) insist(ctx context.Context, inputs []upsert, ids map[string]string, errs []error) {
	var again []upsert
	var places []int
	for i, err := range errs {
		var p *refused
		if !errors.As(err, &p) || p.status != http.StatusMultiStatus && len(inputs) > 1 {
			continue
		}
		_, owned := inputs[i].Properties[ownerField]
		switch {
		case owned && p.fault.ownerGone():
			delete(inputs[i].Properties, ownerField)
		case p.status != http.StatusConflict:
			continue
		}
		again, places = append(again, inputs[i]), append(places, i)
	}
	if len(again) == 0 {
		return
	}
	more, outcome := h.upsert(ctx, again)
	maps.Copy(ids, more)
	for n, i := range places {
		errs[i] = outcome[n]
	}
}

// refused is a refusal with what was said.
type refused struct {
	*crmsync.PushError
	status int
	fault  fault
}

// Unwrap returns the *crmsync.PushError.
func (r *refused) Unwrap() error { return r.PushError }

// upsert writes up to a hundred calls and returns their ids by key, and an error for each place. The results come in any order.
func (h *Connector) upsert(ctx context.Context, inputs []upsert) (map[string]string, []error) {
	ids := map[string]string{}
	var got outcome
	a, err := h.do(ctx, crmsync.Request{
		Method: http.MethodPost, URL: h.places.objects + "calls/batch/upsert", Body: map[string]any{"inputs": inputs},
	}, &got)
	var p *crmsync.PushError
	if errors.As(err, &p) && a.Status >= 300 {
		err = &refused{p, a.Status, faultOf(a.Body)}
	}
	if err != nil {
		return ids, crmsync.Same(len(inputs), err)
	}
	for _, r := range got.Results {
		key := r.Properties[h.cfg.KeyField]
		if key == "" {
			key = r.Trace
		}
		ids[key] = r.ID
	}
	errs := make([]error, len(inputs))
	for i, in := range inputs {
		if ids[in.ID] == "" {
			errs[i] = missing(in.ID, got.Errors, a.Status)
		}
	}
	return ids, errs
}

// missing is why a call is not among the results of a batch. What no error names is tried by halves.
func missing(key string, faults []fault, status int) error {
	for _, f := range faults {
		if f.about(key) {
			return &refused{&crmsync.PushError{Class: crmsync.Permanent, Reason: f.reason()}, status, f}
		}
	}
	if len(faults) > 0 {
		return &refused{&crmsync.PushError{Class: crmsync.Split, Reason: faults[0].reason()}, status, faults[0]}
	}
	return &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "the batch does not say what became of it"}
}
