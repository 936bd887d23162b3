package crmsync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"patchcord/crm"
)

// Preview returns the fields that a job would write now, and which of them a person set in it (nil: left
// out). No fields: nothing would be written. The CRM is not asked, so a field that only a new activity
// has is shown for an old one too.
func (r *Records) Preview(ctx context.Context, j crm.Job) (writes, set map[string]any, err error) {
	o, err := orderOf(j)
	if err != nil {
		return nil, nil, err
	}
	set = make(map[string]any, len(o.Set))
	for field, v := range o.Set {
		if set[field] = nil; v != nil {
			set[field] = *v
		}
	}
	o.Event = 0 // also what was written already is shown
	if j.Payload, err = json.Marshal(o); err != nil {
		return nil, nil, err
	}
	list, errs := r.activities(ctx, []crm.Job{j}, 0)
	a := list[0]
	if errs[0] != nil || a == nil {
		return nil, set, errs[0]
	}
	writes = maps.Clone(a.Links)
	if writes == nil {
		writes = map[string]any{}
	}
	maps.Copy(writes, a.Fields)
	return writes, set, nil
}

// Edit returns the payload of the job with other values of fields, beside those that were set before; nil leaves a
// field out. A value is cut and typed as a mapped one is. Later jobs of the call write it too, as long as the mapping gives
// for the field what it gives now.
func (r *Records) Edit(ctx context.Context, j crm.Job, fields map[string]*string) ([]byte, error) {
	o, err := orderOf(j)
	if err != nil {
		return nil, err
	}
	found, err := r.read(ctx, []string{o.Call})
	if err != nil {
		return nil, err
	}
	mapped, err := r.mapped(ctx, j.Kind, o, found[0], 0)
	if err != nil {
		return nil, err
	}
	if o.Set == nil {
		o.Set = map[string]*string{}
	}
	if o.Over == nil {
		o.Over = map[string]string{}
	}
	for field, v := range fields {
		if v != nil && typed(*v, r.caps.Types[field]) == nil {
			return nil, &crm.InputError{Field: "fields." + field, Msg: "want a value of type " + r.caps.Types[field]}
		}
		o.Set[field], o.Over[field] = v, digest(mapped, field)
	}
	return json.Marshal(o)
}

// digest stands for what the mapping gives for a field, which may be personal.
func digest(a *Activity, field string) string {
	var v any
	if a != nil {
		if v = a.Fields[field]; v == nil {
			v = a.Links[field]
		}
	}
	if v == nil || v == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(Text(v)))
	return hex.EncodeToString(sum[:8])
}

// earlier returns what people set in jobs of the call that were done, the last word about each field, where the mapping
// still gives what was not wanted then.
func earlier(a *Activity, done []order) map[string]*string {
	var set map[string]*string
	for _, o := range done {
		for field, v := range o.Set {
			if set == nil {
				set = map[string]*string{}
			}
			delete(set, field)
			if over, known := o.Over[field]; known && over == digest(a, field) {
				set[field] = v
			}
		}
	}
	return set
}

// doneOf returns the orders of those jobs of a call that were done, by whichever process, the oldest first.
func doneOf(jobs []crm.Job) (orders []order) {
	for _, j := range jobs {
		if o, err := orderOf(j); err == nil && j.State == crm.JobDone {
			orders = append(orders, o)
		}
	}
	return orders
}

func orderOf(j crm.Job) (o order, err error) {
	if err := json.Unmarshal(j.Payload, &o); err != nil {
		return o, fmt.Errorf("read job %d: %w", j.ID, err)
	}
	return o, nil
}

// set puts what a person set in place of what the mapping gave.
func (r *Records) set(a *Activity, fields map[string]*string) {
	for field, v := range fields {
		delete(a.Links, field)
		delete(a.Fields, field)
		if v == nil {
			continue
		}
		a.Fields[field] = typed(clipRunes(*v, r.caps.Limits[field]), r.caps.Types[field])
		if r.caps.AllText {
			a.Fields[field] = *v
		}
	}
}
