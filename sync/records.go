package crmsync

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
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
	CallsWithJobs(ctx context.Context, tenant, dest string, ids []string) ([]crm.CallWithJobs, error)
	Contact(ctx context.Context, tenant, id string) (crm.Contact, error)
	MatchNumber(ctx context.Context, tenant string, e164 crm.Number) ([]crm.Contact, error)
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
	New   bool               `json:"new,omitempty"`   // a repair of what is not there: it is written whole, whatever was written before
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

// restore is Repair for a call that is not there.
func (r *Records) restore(callID, run string) crm.Job {
	j := r.Repair(callID, run)
	j.Payload, _ = json.Marshal(order{Call: callID, New: true}) // a string and a bool: it cannot fail
	return j
}

// Push implements Remote.
func (r *Records) Push(ctx context.Context, j crm.Job) error {
	return r.PushBulk(ctx, []crm.Job{j})[0]
}

// PushBulk implements Bulk.
func (r *Records) PushBulk(ctx context.Context, jobs []crm.Job) []error {
	upTo := r.seen.Load() // committed, so the records that are read from here on hold it
	list, errs := r.activities(ctx, jobs, upTo)
	b := batch{at: map[string]int{}}
	for i, a := range list {
		if a != nil {
			b.add(i, *a)
		}
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
