package crmsync

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"patchcord/crm"
)

// RecordsConfig is what Records works with; all up to Calls is required.
type RecordsConfig struct {
	Name, Tenant string
	Connector    Connector
	Calls        calls
	Mapping      Mapping

	Owners       map[string]string // the CRM's user id by user name here
	DefaultOwner string            // of a call of nobody in Owners
	Directions   []crm.Direction   // that are written; empty means every
	CallURL      string            // address of a call's page here, with {call} in it; "" for none

	Destination *Destination // shared with other operations; nil means its own
	Logger      *slog.Logger // nil means slog.Default()
}

// calls is what Records needs of a crm.Store.
type calls interface {
	Call(ctx context.Context, tenant, id string) (*crm.Call, error)
	Contact(ctx context.Context, tenant, id string) (crm.Contact, error)
	MatchNumber(ctx context.Context, tenant string, e164 crm.Number) ([]crm.Contact, error)
	CallJobs(ctx context.Context, tenant, callID string, dests []string) ([]crm.Job, error)
	Events(ctx context.Context, tenant string, after int64, limit int) ([]crm.StoredEvent, error)
}

// Records is a Bulk remote that keeps a CRM's activities equal to the call records: a call is written when
// it has ended or has a disposition, and again after every change. What is written is the record as it is
// then, so several changes that wait become one write. A call that was absorbed by another is never
// written; an activity that it has already is changed to point at the other.
type Records struct {
	cfg     RecordsConfig
	caps    Capabilities
	render  *renderer
	lookup  *gate
	breadth breadth
	sight   *sight       // where look-ups decide what is new
	seen    atomic.Int64 // the latest event of the log that is known to be committed

	mu      sync.Mutex
	written map[string]written // guarded by mu; by call: what was written last
	order   []string           // guarded by mu; the keys of written; the oldest is forgotten, and at worst written once more
}

// written is a write of a call: every event up to this one is in it, and the fields with what people said that had any.
type written struct {
	upTo int64
	said []string
}

const maxWritten = 50_000

// RecordEvents is the types of events that make jobs of Records: for the Feed.
var RecordEvents = []crm.EventType{crm.CallEnded, crm.CallUpdated, crm.CallTransferred, crm.ContactMatched, crm.CallMerged}

// job kinds of Records.
const (
	kindCall   = "call"
	kindMerged = "merged"
	// KindRepair is a call that is written whatever is known of it.
	KindRepair = "repair"
)

// order is a job's payload: no personal data, unless a person set fields.
type order struct {
	Call  string             `json:"call"`
	Event int64              `json:"event,omitempty"` // place in the log; 0 for a repair
	Set   map[string]*string `json:"set,omitempty"`   // in place of the mapping's; nil leaves the field out
	Over  map[string]string  `json:"over,omitempty"`  // digest of what the mapping gave for a field when it was set
}

// NewRecords returns a Remote for a Worker, or what is wrong with the mapping.
func NewRecords(cfg RecordsConfig) (*Records, error) {
	caps := cfg.Connector.Capabilities()
	r, err := newRenderer(caps, cfg.Mapping)
	if err != nil {
		return nil, err
	}
	log := cmp.Or(cfg.Logger, slog.Default()).With("dest", cfg.Name)
	return &Records{
		cfg: cfg, caps: caps, render: r, written: map[string]written{},
		sight:   &sight{log: log, good: map[kind]time.Time{}},
		breadth: breadth{most: max(1, caps.Batch)},
		lookup:  newGate(cmp.Or(cfg.Destination, &Destination{}), "lookup", parallel, breakAfter, breakFor, log),
	}, nil
}

// Name implements Remote.
func (r *Records) Name() string { return r.cfg.Name }

// MaxBatch implements Bulk.
func (r *Records) MaxBatch() int { return max(1, r.caps.Batch) }

// Jobs implements Remote.
func (r *Records) Jobs(e crm.StoredEvent) ([]crm.Job, error) {
	if e.N > r.seen.Load() {
		r.seen.Store(e.N)
	}
	if e.CallID == "" || !slices.Contains(RecordEvents, e.Type) {
		return nil, nil
	}
	id := (&crm.Event{PBX: e.PBX, Pos: e.Pos, N: e.Num}).ID()
	if e.Type == crm.CallEnded {
		return []crm.Job{r.job(kindCall, e.CallID, id, e.N)}, nil
	}
	// Of the record only that is decoded which decides: it is read again when it is written.
	var event struct {
		Data struct {
			Call struct {
				EndedAt     crm.Time  `json:"ended_at"`
				Disposition *struct{} `json:"disposition"`
			} `json:"call"`
			Into string `json:"into"`
		} `json:"data"`
	}
	if err := json.Unmarshal(e.Body, &event); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	data := event.Data
	if e.Type == crm.CallMerged {
		return []crm.Job{
			r.job(kindMerged, e.CallID, id, e.N),
			r.job(kindCall, data.Into, id+"#into", e.N),
		}, nil
	}
	if data.Call.EndedAt.IsZero() && data.Call.Disposition == nil {
		return nil, nil
	}
	return []crm.Job{r.job(kindCall, e.CallID, id, e.N)}, nil
}

func (r *Records) job(kind, call, key string, n int64) crm.Job {
	payload, _ := json.Marshal(order{Call: call, Event: n}) // strings and a number: it cannot fail
	return crm.Job{Lane: call, Key: key, Kind: kind, Payload: payload}
}

// Repair returns a job that writes the call again; jobs of the same run are one.
func (r *Records) Repair(callID, run string) crm.Job {
	return r.job(KindRepair, callID, "repair/"+run+"/"+callID, 0)
}

// Push implements Remote.
func (r *Records) Push(ctx context.Context, j crm.Job) error {
	return r.PushBulk(ctx, []crm.Job{j})[0]
}

// PushBulk implements Bulk.
func (r *Records) PushBulk(ctx context.Context, jobs []crm.Job) []error {
	upTo := r.seen.Load() // committed, so the records that are read from here on hold it
	errs := make([]error, len(jobs))
	b := batch{at: map[string]int{}}
	for i, j := range jobs {
		a, err := r.activity(ctx, j, upTo)
		if err != nil || a == nil {
			errs[i] = err
			continue
		}
		b.add(i, *a)
	}
	if err := r.locate(ctx, &b); err != nil {
		return b.all(errs, err)
	}
	b.drop(func(a Activity) bool { return a.Merged && a.ID == "" })
	if len(b.list) == 0 {
		return b.report(errs, nil)
	}
	outcome := r.write(ctx, b.list)
	for i, a := range b.list {
		if outcome[i] == nil && !a.Merged {
			r.wrote(a, upTo)
		}
	}
	if due := r.sight.first(b.list, outcome); len(due) > 0 && !r.caps.Upsert {
		r.check(ctx, due)
	}
	return b.report(errs, outcome)
}

// activity returns what a job has to write, nil when nothing is to be done.
func (r *Records) activity(ctx context.Context, j crm.Job, upTo int64) (*Activity, error) {
	var o order
	if err := json.Unmarshal(j.Payload, &o); err != nil {
		return nil, &PushError{Class: Permanent, Reason: "the job cannot be read", Err: err}
	}
	if j.Kind == kindCall && len(o.Set) == 0 && r.has(o.Call, o.Event) {
		return nil, nil
	}
	a, err := r.mapped(ctx, j.Kind, o, upTo)
	if err != nil || a == nil {
		return nil, err
	}
	if a.Merged { // it is written as the mapping has it
		r.set(a, o.Set)
		return a, nil
	}
	done, err := r.done(ctx, o.Call)
	if err == nil {
		err = r.takeBack(ctx, a, done, o.Event, j.Unsure)
	}
	if err != nil {
		return nil, &PushError{Class: Throttle, Reason: "the store is away", After: 5 * time.Second, Err: err}
	}
	r.set(a, earlier(a, done))
	r.set(a, o.Set)
	return a, nil
}

// mapped returns what the mapping gives for a job, nil when nothing is to be written.
func (r *Records) mapped(ctx context.Context, kind string, o order, upTo int64) (*Activity, error) {
	call, err := r.cfg.Calls.Call(ctx, r.cfg.Tenant, o.Call)
	switch {
	case errors.Is(err, crm.ErrNotFound): // erased since
		return nil, nil
	case err != nil:
		return nil, &PushError{Class: Throttle, Reason: "the store is away", After: 5 * time.Second, Err: err}
	case kind != kindMerged && (call.ID != o.Call || !r.takes(call)):
		return nil, nil // it was absorbed; the job that says so waits behind this one
	}
	a := &Activity{Key: Key(r.cfg.Tenant, o.Call), Call: call, Merged: kind == kindMerged}
	a.Owner = r.cfg.Owners[agentOf(call)]
	if a.Owner == "" {
		a.Owner = r.cfg.DefaultOwner
	}
	if a.Contact, err = r.contact(ctx, call); err != nil {
		return nil, &PushError{Class: Throttle, Reason: "the store is away", After: 5 * time.Second, Err: err}
	}
	f := &facts{call: call, key: a.Key, owner: a.Owner, contact: a.Contact, version: max(o.Event, upTo)}
	if r.cfg.CallURL != "" {
		f.url = strings.ReplaceAll(r.cfg.CallURL, "{call}", escapePath(call.ID))
	}
	r.fill(a, f)
	return a, nil
}

func (r *Records) fill(a *Activity, f *facts) {
	if a.Merged {
		a.Fields = r.render.fill(r.render.merged, f)
		return
	}
	a.Fields = r.render.fill(r.render.fields, f)
	a.Links = r.render.fill(r.render.links[a.Contact.Object], f)
	if a.Known = r.has(a.Call.ID, 1); a.Known {
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
	if len(r.cfg.Directions) == 0 {
		return true
	}
	for _, d := range r.cfg.Directions {
		if c.Direction == d {
			return true
		}
	}
	return false
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
	number := otherParty(c).E164
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

// last is what was written last of a call, as far as is known.
func (r *Records) last(callID string) written {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written[callID]
}

// has reports whether what was written last holds the event.
func (r *Records) has(callID string, event int64) bool {
	return event > 0 && r.last(callID).upTo >= event
}

func (r *Records) wrote(a Activity, upTo int64) {
	now := written{upTo: upTo}
	for _, field := range r.render.said {
		if !blank(a.Fields[field]) {
			now.said = append(now.said, field)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.written[a.Call.ID]
	if !known {
		if len(r.order) >= maxWritten {
			delete(r.written, r.order[0])
			r.order = r.order[1:]
		}
		r.order = append(r.order, a.Call.ID)
	}
	now.upTo = max(before.upTo, upTo)
	r.written[a.Call.ID] = now
}
