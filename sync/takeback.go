package crmsync

import (
	"context"
	"encoding/json"
	"slices"

	"patchcord/crm"
)

// takeBack empties the fields in which people said something when the call was written last, and say nothing now. Of what this process
// wrote it knows that itself. Of what was written before a restart, or by another node, the log tells: in the event of the last job that
// was done, and when that is in doubt in the job's own. Of a call that nobody wrote before nothing is asked.
func (r *Records) takeBack(ctx context.Context, a *Activity, done []order, event int64, unsure bool) error {
	silent := slices.DeleteFunc(slices.Clone(r.render.said), func(field string) bool { return !blank(a.Fields[field]) })
	if len(silent) == 0 {
		return nil
	}
	last, elsewhere := r.last(a.Call.ID), int64(0)
	for _, o := range done {
		elsewhere = max(elsewhere, o.Event)
	}
	if elsewhere > last.upTo {
		last.said = nil // it is not the last word any more
	}
	if elsewhere > last.upTo || unsure {
		for _, n := range []int64{elsewhere, event} {
			if n <= last.upTo {
				continue
			}
			said, err := r.saidIn(ctx, a, n, silent)
			if err != nil {
				return err
			}
			last.said = append(last.said, said...)
		}
	}
	for _, field := range silent {
		if slices.Contains(last.said, field) {
			a.Fields[field] = ""
		}
	}
	return nil
}

// saidIn returns those of the fields that hold something when they are filled from the call as the n-th event has it.
func (r *Records) saidIn(ctx context.Context, a *Activity, n int64, fields []string) (said []string, err error) {
	events, err := r.cfg.Calls.Events(ctx, r.cfg.Tenant, n-1, 1)
	if err != nil || len(events) == 0 || events[0].N != n || events[0].CallID != a.Call.ID {
		return nil, err // the log is kept for a time only
	}
	var event struct {
		Data struct {
			Call *crm.Call `json:"call"`
		} `json:"data"`
	}
	if err := json.Unmarshal(events[0].Body, &event); err != nil || event.Data.Call == nil {
		return nil, nil //nolint:nilerr // what cannot be read told nobody anything
	}
	then := r.render.fill(r.render.fields, &facts{call: event.Data.Call, key: a.Key, owner: a.Owner, contact: a.Contact})
	return slices.DeleteFunc(slices.Clone(fields), func(field string) bool { return blank(then[field]) }), nil
}

func blank(v any) bool { return v == nil || v == "" }
