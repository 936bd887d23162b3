package vtiger

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// Write implements crmsync.Connector, one request for each.
func (v *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	return crmsync.Each(ctx, list, v.write)
}

const ownerField = "assigned_user_id"

// write creates the event or changes it. What is refused for its contact or its owner is written without.
func (v *Connector) write(ctx context.Context, a crmsync.Activity) error {
	if _, err := v.tokens.Token(ctx); err != nil { // who we are is known from here on
		return err
	}
	fields := map[string]any{}
	maps.Copy(fields, a.Links)
	maps.Copy(fields, a.Fields) // what the administrator maps counts
	id := a.ID
	company, err := v.company(ctx, a)
	if err != nil {
		return err
	}
	for lost := map[string]bool{}; ; {
		element := v.element(a, fields)
		r, err := v.save(ctx, id, element, company)
		if err == nil {
			var event stored
			if json.Unmarshal(r.Result, &event) != nil || event.ID == "" {
				return nil
			}
			if !v.clock.learn(event.Modified, r.At) {
				return v.measure(ctx, event, element, company)
			}
			id = event.ID // its times were of another clock: once more
			continue
		}
		drop := drops(r.Fault)
		if drop == "" || lost[drop] {
			return err
		}
		lost[drop] = true
		if drop == owner {
			delete(fields, ownerField)
			continue
		}
		for field := range a.Links {
			delete(fields, field)
		}
	}
}

// stored is an event as the answer to a write has it.
type stored struct {
	ID       string `json:"id"`
	Modified string `json:"modifiedtime"`
	Hours    string `json:"duration_hours"`
	Minutes  string `json:"duration_minutes"`
}

// measure has the length of an event computed again where it came out wrong. The program brings dates that are sent into the form of the
// user's preferences (DataTransform.php) and has strtotime read them (Activity.php, save_module, of Vtiger 7 and 8 and of F-RevoCRM 8),
// to which 11-22-2026, in the form that an installation begins with, is no date: the event has no length, or 24 hours. A change
// without dates is measured by those of the database.
func (v *Connector) measure(ctx context.Context, event stored, element map[string]any, company []string) error {
	hours, minutes := element["duration_hours"], element["duration_minutes"]
	if hours == nil || event.Hours == "" || hours == event.Hours && minutes == event.Minutes {
		return nil
	}
	_, err := v.save(ctx, event.ID, map[string]any{v.cfg.KeyField: element[v.cfg.KeyField]}, company)
	return err
}

const (
	owner = "owner"
	link  = "link"
)

// drops returns what a refusal is about: the owner, the link to the contact, or "" for anything else. A link to
// what was deleted is taken without a word.
func drops(f *fault) string {
	switch {
	case f == nil:
		return ""
	case strings.Contains(f.Message, "assign record"):
		return owner
	case f.Code == "REFERENCE_INVALID", strings.Contains(f.Message, "reference type"):
		return link
	}
	return ""
}

// save creates the event, or changes it and has it keep its company: the contacts of one that has several.
func (v *Connector) save(ctx context.Context, id string, element map[string]any, company []string) (reply, error) {
	operation, params := "create", url.Values{"elementType": {"Events"}}
	if id != "" {
		operation, params = "revise", url.Values{}
		element["id"] = id
		if len(company) > 0 {
			params.Set(companyParam, strings.Join(company, ";"))
		}
	}
	b, err := json.Marshal(element)
	if err != nil {
		return reply{}, &crmsync.PushError{Class: crmsync.Permanent, Reason: "the event cannot be written as JSON", Err: err}
	}
	params.Set("element", string(b))
	return v.do(ctx, operation, params)
}

// element returns the fields as they are sent.
func (v *Connector) element(a crmsync.Activity, fields map[string]any) map[string]any {
	e := map[string]any{}
	for field, value := range fields {
		e[field] = narrow(value)
	}
	v.times(e)
	if o, ok := e[ownerField].(string); ok {
		e[ownerField] = v.userID(o)
	}
	if v.cfg.KeyField == description {
		text, _ := e[description].(string)
		e[description] = crmsync.WithKey(text, a.Key)
	} else {
		e[v.cfg.KeyField] = a.Key
	}
	if a.ID == "" { // what an event must have
		for field, value := range map[string]any{"eventstatus": "Planned", ownerField: v.me()} {
			if _, ok := e[field]; !ok {
				e[field] = value
			}
		}
	}
	return e
}

// narrow replaces characters beyond U+FFFF: the tables are of a character set without them, and the database
// refuses the whole record.
func narrow(v any) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	return strings.Map(func(r rune) rune {
		if r > 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, s)
}

// times splits the instants of an event into dates and times of the server's clock. An event that ends with the second
// it began in would be one of 24 hours (Activity.php), so it gets a second.
func (v *Connector) times(e map[string]any) {
	start, err1 := time.Parse(time.RFC3339, fmt.Sprint(e["date_start"]))
	end, err2 := time.Parse(time.RFC3339, fmt.Sprint(e["due_date"]))
	if err1 != nil || err2 != nil {
		return // an administrator's own mapping
	}
	if !end.After(start) {
		end = start.Add(time.Second)
	}
	e["date_start"], e["time_start"] = v.clock.show(start)
	e["due_date"], e["time_end"] = v.clock.show(end)
	minutes := int(end.Sub(start).Minutes())
	e["duration_hours"], e["duration_minutes"] = strconv.Itoa(minutes/60), strconv.Itoa(minutes%60)
}
