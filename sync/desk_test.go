package crmsync_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// house is a store of calls and contacts in memory, with an event log and an efficient outbox.
type house struct {
	mu       sync.Mutex
	calls    map[string]*crm.Call   // guarded by mu
	into     map[string]string      // guarded by mu; absorbed call to survivor
	contacts map[string]crm.Contact // guarded by mu
	settings map[string][]byte      // guarded by mu
	asked    int                    // guarded by mu; for calls with their jobs
	*outbox
}

func newHouse() *house {
	return &house{
		calls: map[string]*crm.Call{}, into: map[string]string{}, contacts: map[string]crm.Contact{},
		settings: map[string][]byte{}, outbox: &outbox{},
	}
}

// happens stores the call and logs an event about it.
func (h *house) happens(t crm.EventType, c *crm.Call, into string) {
	h.mu.Lock()
	h.calls[c.ID] = c
	if into != "" {
		h.into[c.ID] = into
	}
	h.mu.Unlock()
	h.outbox.mu.Lock()
	defer h.outbox.mu.Unlock()
	n := int64(len(h.events) + 1)
	e := crm.Event{PBX: "hq", Pos: crm.Position{Epoch: 1, Seq: uint64(n)}, Type: t, Call: c, Into: into}
	body, err := json.Marshal(&e)
	if err != nil {
		panic(err)
	}
	h.events = append(h.events, crm.StoredEvent{N: n, PBX: "hq", Pos: e.Pos, Type: t, CallID: c.ID, Body: body})
}

func (h *house) CallsWithJobs(_ context.Context, _, _ string, ids []string) ([]crm.CallWithJobs, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := make([]crm.CallWithJobs, len(ids))
	for i, id := range ids {
		into := cmp.Or(h.into[id], id)
		found[i].Call, found[i].Jobs = h.calls[into], h.laneOf(id)
	}
	h.asked++
	return found, nil
}

func (h *house) MatchNumber(_ context.Context, _ string, n crm.Number) (found []crm.Contact, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.contacts {
		for _, has := range c.Numbers {
			if has == n {
				found = append(found, c)
			}
		}
	}
	return found, nil
}

// book returns the contacts.
func (h *house) book() map[string]crm.Contact {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.contacts)
}

func (h *house) Calls(_ context.Context, _ string, f crm.CallFilter, _ crm.Page) (list []*crm.Call, _ string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.calls {
		if _, gone := h.into[c.ID]; !gone && !c.StartedAt.Before(f.From) && c.StartedAt.Before(f.Until) {
			list = append(list, c)
		}
	}
	return list, "", nil
}

func (h *house) CreateContact(_ context.Context, _ string, c crm.Contact) (crm.Contact, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.Version = 1
	h.contacts[c.ID] = c
	return c, nil
}

func (h *house) Contact(_ context.Context, _, id string) (crm.Contact, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := h.contacts[id]
	if !ok {
		return c, crm.ErrNotFound
	}
	return c, nil
}

func (h *house) UpdateContact(_ context.Context, _ string, c crm.Contact) (crm.Contact, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.Version = h.contacts[c.ID].Version + 1
	h.contacts[c.ID] = c
	return c, nil
}

func (h *house) DeleteContact(_ context.Context, _, id string, _ int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.contacts[id]; !ok {
		return crm.ErrNotFound
	}
	delete(h.contacts, id)
	return nil
}

func (h *house) Contacts(_ context.Context, _, _ string, p crm.Page) (list []crm.Contact, next string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(h.contacts)) {
		if id <= p.Cursor {
			continue
		}
		if len(list) == p.Limit {
			return list, list[p.Limit-1].ID, nil
		}
		list = append(list, h.contacts[id])
	}
	return list, "", nil
}

func (h *house) Setting(_ context.Context, key string) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.settings[key]
	if !ok {
		return nil, crm.ErrNotFound
	}
	return v, nil
}

func (h *house) SetSetting(_ context.Context, key string, value []byte, _ bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settings[key] = value
	return nil
}

// desk is a CRM in memory.
type desk struct {
	caps   crmsync.Capabilities
	answer func(list []crmsync.Activity) []error // before it writes; nil writes

	mu     sync.Mutex
	rows   map[string]map[string]any // guarded by mu; fields by key
	writes [][]string                // guarded by mu; keys of every write that was let through
	times  []time.Time               // guarded by mu
	finds  int                       // guarded by mu
	blind  error                     // guarded by mu; what every look-up fails with
	hides  string                    // guarded by mu; the owner whose activities no look-up shows; "" for none
	twice  int                       // guarded by mu; activities that were created though they were there
}

func newDesk(batch int) *desk {
	return &desk{
		rows: map[string]map[string]any{},
		caps: crmsync.Capabilities{
			Batch: batch, Upsert: true,
			Fields: map[string]string{"subject": "{direction} call {number|from_name}", "code": "{disposition}", "who": "{contact}", "owner": "{owner}", "seconds": "{talk_seconds}"},
			Merged: map[string]string{"subject": "see {call}"},
			Values: map[string]map[string]string{"direction": {"inbound": "Inbound"}},
			Limits: map[string]int{"subject": 40},
		},
	}
}

func (d *desk) Capabilities() crmsync.Capabilities { return d.caps }

func (d *desk) Write(_ context.Context, list []crmsync.Activity) []error {
	if d.answer != nil {
		if errs := d.answer(list); errs != nil {
			return errs
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var keys []string
	for _, a := range list {
		if d.rows[a.Key] == nil {
			d.rows[a.Key] = map[string]any{}
		} else if !d.caps.Upsert && a.ID == "" {
			d.twice++
		}
		for k, v := range a.Fields {
			d.rows[a.Key][k] = v
		}
		keys = append(keys, a.Key)
	}
	d.writes, d.times = append(d.writes, keys), append(d.times, time.Now())
	return make([]error, len(list))
}

func (d *desk) Find(_ context.Context, keys []string) (map[string][]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finds++
	if d.blind != nil {
		return nil, d.blind
	}
	found := map[string][]string{}
	for _, k := range keys {
		if d.rows[k] != nil && (d.hides == "" || d.rows[k]["owner"] != d.hides) {
			found[k] = []string{"id-" + k}
		}
	}
	return found, nil
}

func (d *desk) Activities(context.Context, time.Time, time.Time, string) (list []crmsync.Standing, next string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for k, fields := range d.rows {
		list = append(list, crmsync.Standing{Key: k, ID: "id-" + k, Fields: map[string]string{"code": crmsync.Text(fields["code"])}})
	}
	return list, "", nil
}

func (d *desk) row(callID string) map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rows[crmsync.Key("default", callID)]
}

func (d *desk) written() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.writes {
		n += len(w)
	}
	return n
}

func call(id string, ended bool, code string) *crm.Call {
	c := &crm.Call{ID: id, PBX: "hq", Direction: crm.Inbound, StartedAt: crm.At(time.Now().Add(-2 * time.Hour)), From: crm.Party{Number: "02079460000", E164: "+442079460000"}}
	if ended {
		c.EndedAt, c.TalkMS = crm.At(c.StartedAt.Add(90*time.Second)), crm.MillisOf(61*time.Second)
	}
	if code != "" {
		c.Disposition = &crm.Disposition{Code: code, By: "alice"}
	}
	return c
}

func records(h *house, d *desk) *crmsync.Records {
	r, err := crmsync.NewRecords(crmsync.RecordsConfig{
		Name: "desk", Tenant: "default", Connector: d, Calls: h, Owners: map[string]string{"alice": "005A"},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(fmt.Sprint("the test's own mapping: ", err))
	}
	return r
}
