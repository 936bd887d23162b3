package bitrix24

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"

	crmsync "patchcord/sync"
)

const (
	originator  = "patchcord"
	responsible = "RESPONSIBLE_ID"
	// phone is no field: the number stands among the communications.
	phone = "phone"
)

// Write implements crmsync.Connector. What is refused may be so for an owner or a responsible who is gone: it is tried
// once more at the record of the unknown, and without a responsible.
func (b *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	errs := make([]error, len(list))
	commands := make([]command, len(list))
	for i, a := range list {
		commands[i] = b.put(a, cmp.Or(a.Contact, b.unknown), true)
	}
	var again []int
	for i, a := range b.batch(ctx, commands, false) {
		var p *crmsync.PushError
		if errs[i] = a.err; errors.As(a.err, &p) && p.Class == crmsync.Permanent && (list[i].Owner != "" || list[i].Contact != (crmsync.Ref{})) {
			again = append(again, i)
		}
	}
	if len(again) == 0 {
		return errs
	}
	commands = commands[:0]
	for _, i := range again {
		commands = append(commands, b.put(list[i], b.unknown, false))
	}
	for n, a := range b.batch(ctx, commands, false) {
		errs[again[n]] = a.err
	}
	return errs
}

// put returns the command that creates or updates an activity. Its owner is settled when it is created.
func (b *Connector) put(a crmsync.Activity, owner crmsync.Ref, owned bool) command {
	v := url.Values{}
	for field, value := range a.Fields {
		if field != phone && (owned || field != responsible) {
			v.Set("fields["+field+"]", crmsync.Text(value))
		}
	}
	if a.ID != "" {
		v.Set("id", a.ID)
		return command{"crm.activity.update", v}
	}
	of := kinds[owner.Object].owner
	v.Set("fields[OWNER_TYPE_ID]", of)
	v.Set("fields[OWNER_ID]", owner.ID)
	v.Set("fields[TYPE_ID]", "2") // a call
	v.Set("fields[ORIGINATOR_ID]", originator)
	v.Set("fields[ORIGIN_ID]", a.Key)
	const first = "fields[COMMUNICATIONS][0]"
	v.Set(first+"[TYPE]", "PHONE")
	v.Set(first+"[ENTITY_TYPE_ID]", of)
	v.Set(first+"[ENTITY_ID]", owner.ID)
	if number, ok := a.Fields[phone].(string); ok {
		v.Set(first+"[VALUE]", number)
	}
	return command{"crm.activity.add", v}
}

// row is a record of a list.
type row struct {
	ID      string `json:"ID"`
	Origin  string `json:"ORIGIN_ID"`
	Subject string `json:"SUBJECT"`
}

func rows[R any](a answer) ([]R, error) {
	if a.err != nil {
		return nil, a.err
	}
	var list []R
	if err := json.Unmarshal(a.result, &list); err != nil {
		return nil, &crmsync.PushError{Class: crmsync.Transient, Reason: "a list cannot be read", Err: err}
	}
	return list, nil
}

func ours() url.Values {
	return url.Values{"filter[ORIGINATOR_ID]": {originator}, "order[ID]": {"ASC"}, "select[]": {"ID", "ORIGIN_ID", "SUBJECT"}}
}

// Find implements crmsync.Connector.
func (b *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	found := map[string][]string{}
	for len(keys) > 0 {
		n := min(maxBatch, len(keys))
		commands := make([]command, n)
		for i, key := range keys[:n] {
			v := ours()
			v.Set("filter[ORIGIN_ID]", key)
			commands[i] = command{"crm.activity.list", v}
		}
		for _, a := range b.batch(ctx, commands, true) {
			list, err := rows[row](a)
			if err != nil {
				return nil, err
			}
			for _, r := range list {
				found[r.Origin] = append(found[r.Origin], r.ID)
			}
		}
		keys = keys[n:]
	}
	return found, nil
}

// Activities implements crmsync.Audited. The cursor is how many were read.
func (b *Connector) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	v := ours()
	v.Set("filter[>=START_TIME]", from.UTC().Format(time.RFC3339))
	v.Set("filter[<START_TIME]", until.UTC().Format(time.RFC3339))
	v.Set("start", cmp.Or(cursor, "0"))
	a := b.batch(ctx, []command{{"crm.activity.list", v}}, true)[0]
	found, err := rows[row](a)
	list := make([]crmsync.Standing, len(found))
	for i, r := range found {
		list[i] = crmsync.Standing{Key: r.Origin, ID: r.ID, Fields: map[string]string{"SUBJECT": r.Subject}}
	}
	next := ""
	if a.next > 0 {
		next = strconv.Itoa(a.next)
	}
	return list, next, err
}
