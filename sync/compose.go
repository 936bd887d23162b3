package crmsync

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"patchcord/crm"
)

// activities returns what each job has to write, nil when nothing is to be done, and what keeps it from that. The store is asked once.
func (r *Records) activities(ctx context.Context, jobs []crm.Job, upTo int64) (list []*Activity, errs []error) {
	list, errs = make([]*Activity, len(jobs)), make([]error, len(jobs))
	orders := make([]order, len(jobs))
	var ids []string
	var due []int // places in jobs
	for i, j := range jobs {
		var err error
		if orders[i], err = orderOf(j); err != nil {
			errs[i] = &PushError{Class: Permanent, Reason: "the job cannot be read", Err: err}
			continue
		}
		if o := orders[i]; j.Kind != kindCall || len(o.Set) > 0 || !r.has(o.Call, o.Event) {
			ids, due = append(ids, o.Call), append(due, i)
		}
	}
	found, err := r.read(ctx, ids)
	for n, i := range due {
		if errs[i] = err; err == nil {
			list[i], errs[i] = r.activity(ctx, jobs[i], orders[i], found[n], upTo)
		}
	}
	return list, errs
}

// read returns those calls with their jobs here.
func (r *Records) read(ctx context.Context, ids []string) ([]crm.CallWithJobs, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := r.cfg.Calls.CallsWithJobs(ctx, r.cfg.Tenant, r.cfg.Name, ids)
	if err != nil {
		return nil, storeAway(err)
	}
	return found, nil
}

func storeAway(err error) *PushError {
	return &PushError{Class: Throttle, Reason: "the store is away", After: 5 * time.Second, Err: err}
}

// activity returns what a job has to write, nil when nothing is to be done.
func (r *Records) activity(ctx context.Context, j crm.Job, o order, found crm.CallWithJobs, upTo int64) (*Activity, error) {
	a, err := r.mapped(ctx, j.Kind, o, found, upTo)
	if err != nil || a == nil {
		return nil, err
	}
	a.Unsure = j.Unsure
	if a.Merged { // it is written as the mapping has it
		r.set(a, o.Set)
		return a, nil
	}
	done := doneOf(found.Jobs)
	if err := r.takeBack(ctx, a, done, o.Event, j.Unsure); err != nil {
		return nil, storeAway(err)
	}
	r.set(a, earlier(a, done))
	r.set(a, o.Set)
	return a, nil
}

// mapped returns what the mapping gives for a job, nil when nothing is to be written: also of a call that was erased since.
func (r *Records) mapped(ctx context.Context, kind string, o order, found crm.CallWithJobs, upTo int64) (*Activity, error) {
	call := found.Call
	if call == nil || kind != kindMerged && (call.ID != o.Call || !r.takes(call)) {
		return nil, nil // when it was absorbed, the job that says so waits behind this one
	}
	a := &Activity{Key: Key(r.cfg.Tenant, o.Call), Call: call, Merged: kind == kindMerged, Known: !o.New && r.known(o.Call, found.Jobs)}
	a.Owner = r.cfg.Owners[agentOf(call)]
	if a.Owner == "" {
		a.Owner = r.cfg.DefaultOwner
	}
	var err error
	if a.Contact, err = r.contact(ctx, call); err != nil {
		return nil, storeAway(err)
	}
	f := &facts{call: call, key: a.Key, owner: a.Owner, contact: a.Contact, version: max(o.Event, upTo)}
	if r.cfg.CallURL != "" {
		f.url = strings.ReplaceAll(r.cfg.CallURL, "{call}", escapePath(call.ID))
	}
	r.fill(a, f)
	return a, nil
}

// known reports whether the call was written before: by this process, or as a job says that is done.
func (r *Records) known(callID string, jobs []crm.Job) bool {
	return r.has(callID, 1) || len(doneOf(jobs)) > 0
}

func (r *Records) fill(a *Activity, f *facts) {
	if a.Merged {
		a.Fields = r.render.fill(r.render.merged, f)
		return
	}
	a.Fields = r.render.fill(r.render.fields, f)
	a.Links = r.render.fill(r.render.links[a.Contact.Object], f)
	if a.Known && r.caps.Upsert { // else a look-up will tell
		r.updates(a)
	}
}

// updates takes out what an update may not have.
func (r *Records) updates(a *Activity) {
	for _, field := range r.caps.CreateOnly {
		delete(a.Fields, field)
	}
}

func (r *Records) takes(c *crm.Call) bool {
	return len(r.cfg.Directions) == 0 || slices.Contains(r.cfg.Directions, c.Direction)
}

// contact returns the record of this CRM that the call was matched with, or the only one with its number: also when
// what it was matched with was deleted there, or merged into another, since. Of several none is picked.
func (r *Records) contact(ctx context.Context, c *crm.Call) (Ref, error) {
	if c.Contact != nil {
		if ref, ok := ParseContactID(r.cfg.Name, c.Contact.ID); ok {
			_, err := r.cfg.Calls.Contact(ctx, r.cfg.Tenant, c.Contact.ID)
			if !errors.Is(err, crm.ErrNotFound) {
				return ref, err
			}
		}
	}
	number := c.Outside().E164
	if number == "" {
		return Ref{}, nil
	}
	found, err := r.cfg.Calls.MatchNumber(ctx, r.cfg.Tenant, number)
	if err != nil {
		return Ref{}, err
	}
	var only Ref
	for _, contact := range found {
		ref, ok := ParseContactID(r.cfg.Name, contact.ID)
		if !ok {
			continue
		}
		if only != (Ref{}) {
			return Ref{}, nil
		}
		only = ref
	}
	return only, nil
}
