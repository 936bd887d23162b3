package dataverse

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// attempt is an activity on its way: what it still has, and how it is to be written.
type attempt struct {
	place  int // in the list of Write
	fields map[string]any
	links  [][]string // fields of what may be gone, in the order in which they are left out: of the contact, then the owner
	reopen bool       // it is completed, so read-only: open it, write, complete it again
}

// A phone call is about its contact in one of three columns; what links a record is bound to it.
const (
	regarding = "regardingobjectid_"
	bind      = "@odata.bind"
)

// Write implements crmsync.Connector. A first round takes every phone call for one that is open. What is
// refused is looked at: a completed one is opened and completed again, and a link to what is gone is left out.
func (d *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	errs := make([]error, len(list))
	todo := make([]*attempt, len(list))
	for i, a := range list {
		todo[i] = newAttempt(i, a)
		todo[i].parties(a)
	}
	if err := d.keepParties(ctx, list, todo); err != nil {
		return crmsync.Same(len(list), err)
	}
	for len(todo) > 0 {
		sets := make([][]step, len(todo))
		for n, t := range todo {
			sets[n] = d.steps(t, list[t.place])
		}
		answers, err := d.batch(ctx, sets)
		if err != nil {
			for _, t := range todo {
				errs[t.place] = err
			}
			return errs
		}
		todo = d.judge(ctx, list, todo, answers, errs)
	}
	return errs
}

func newAttempt(place int, a crmsync.Activity) *attempt {
	t := &attempt{place: place, fields: maps.Clone(a.Links)}
	if t.fields == nil {
		t.fields = map[string]any{}
	}
	maps.Copy(t.fields, a.Fields)
	var contact, others []string
	for field := range t.fields {
		switch {
		case strings.HasPrefix(field, regarding):
			contact = append(contact, field)
		case strings.HasSuffix(field, bind):
			others = append(others, field)
		}
	}
	for _, fields := range [][]string{contact, others} {
		if len(fields) > 0 {
			t.links = append(t.links, fields)
		}
	}
	return t
}

// parties is who called and who was called, as the form of a phone call shows it: its contact and its owner, the one from (1) and the
// other to (2). An environment that takes none with an upsert is told the rest without. People may change them, so a phone call that is
// known to be there keeps what it has; with its contact or its owner gone it has none.
const parties = "phonecall_activity_parties"

func (t *attempt) parties(a crmsync.Activity) {
	from, to := 1, 2
	switch {
	case a.Merged || a.Known || a.Call.Direction != crm.Inbound && a.Call.Direction != crm.Outbound:
		return
	case a.Call.Direction == crm.Outbound:
		from, to = to, from
	}
	var list []map[string]any
	if kind, ok := tables[a.Contact.Object]; ok {
		list = append(list, map[string]any{"partyid_" + a.Contact.Object + bind: "/" + kind.set + "(" + a.Contact.ID + ")", "participationtypemask": from})
	}
	if a.Owner != "" {
		list = append(list, map[string]any{"partyid_systemuser" + bind: "/systemusers(" + a.Owner + ")", "participationtypemask": to})
	}
	if _, mapped := t.fields[parties]; len(list) > 0 && !mapped {
		t.fields[parties] = list
	}
}

// keepParties takes the parties out of what an earlier attempt has written, whose answer was lost: people may have changed them since.
func (d *Connector) keepParties(ctx context.Context, list []crmsync.Activity, todo []*attempt) error {
	doubtful := map[string]*attempt{}
	for _, t := range todo {
		if _, tells := t.fields[parties]; tells && list[t.place].Unsure {
			doubtful[list[t.place].Key] = t
		}
	}
	if len(doubtful) == 0 {
		return nil
	}
	found, err := d.standing(ctx, slices.Collect(maps.Keys(doubtful)))
	for key := range found {
		delete(doubtful[key].fields, parties)
	}
	return err
}

// steps returns the change set: the phone call, and its end when the call has one.
func (d *Connector) steps(t *attempt, a crmsync.Activity) []step {
	path := d.path(a.Key)
	set := []step{{path, t.fields}}
	if t.reopen {
		set = append([]step{{path, map[string]any{"statecode": 0, "statuscode": 1}}}, set...)
	}
	if a.Merged || !a.Call.Open() {
		status := 4 // received
		if a.Call.Direction == crm.Outbound {
			status = 2 // made
		}
		set = append(set, step{path, map[string]any{"statecode": 1, "statuscode": status}})
	}
	return set
}

// path names a phone call by its alternate key.
func (d *Connector) path(key string) string {
	return "phonecalls(" + d.cfg.KeyField + "='" + url.PathEscape(strings.ReplaceAll(key, "'", "''")) + "')"
}

// judge writes down what came of each attempt and returns those that another round may help.
func (d *Connector) judge(ctx context.Context, list []crmsync.Activity, todo []*attempt, answers []crmsync.Answer, errs []error) []*attempt {
	var again, doubtful []*attempt
	for n, t := range todo {
		errs[t.place] = nil
		if answers[n].Status < 300 {
			continue
		}
		p := refusal(answers[n], false)
		code, _ := faultOf(answers[n].Body)
		_, tells := t.fields[parties]
		delete(t.fields, parties)
		switch {
		case code == missing && len(t.links) > 0:
			for _, field := range t.links[0] {
				delete(t.fields, field)
			}
			t.links = t.links[1:]
			again = append(again, t)
		case tells && (p.Class == crmsync.Permanent || answers[n].Status == http.StatusNotImplemented):
			again = append(again, t)
		case p.Class == crmsync.Permanent && !t.reopen:
			doubtful = append(doubtful, t)
		}
		errs[t.place] = p
	}
	return append(again, d.completed(ctx, list, doubtful)...)
}

// completed returns the attempts whose phone call is completed or cancelled by now. Which code says so is
// not documented, so its state is read.
func (d *Connector) completed(ctx context.Context, list []crmsync.Activity, doubtful []*attempt) []*attempt {
	if len(doubtful) == 0 {
		return nil
	}
	keys := make([]string, len(doubtful))
	for i, t := range doubtful {
		keys[i] = list[t.place].Key
	}
	found, err := d.standing(ctx, keys)
	if err != nil {
		return nil // they stay refused, and a person sees why
	}
	var again []*attempt
	for _, t := range doubtful {
		if state, ok := found[list[t.place].Key]; ok && state != 0 {
			t.reopen = true
			again = append(again, t)
		}
	}
	return again
}
