package crmsync

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"patchcord/crm"
)

// facts is what a template is filled from.
type facts struct {
	call    *crm.Call
	key     string
	owner   string
	contact Ref
	url     string // of the call's page here
	version int64
}

// placeholders is every name and what it stands for; nil is unknown. Numbers are int64.
var placeholders = map[string]func(f *facts) any{
	"key":              func(f *facts) any { return known(f.key) },
	"uuid":             func(f *facts) any { return UUID(f.key) },
	"version":          func(f *facts) any { return f.version },
	"owner":            func(f *facts) any { return known(f.owner) },
	"contact":          func(f *facts) any { return known(f.contact.ID) },
	"contact_object":   func(f *facts) any { return known(f.contact.Object) },
	"url":              func(f *facts) any { return known(f.url) },
	"call":             func(f *facts) any { return known(f.call.ID) },
	"pbx":              func(f *facts) any { return known(f.call.PBX) },
	"tenant":           func(f *facts) any { return known(f.call.Tenant) },
	"direction":        func(f *facts) any { return known(string(f.call.Direction)) },
	"outgoing":         func(f *facts) any { return outgoing(f.call) },
	"outcome":          func(f *facts) any { return known(string(f.call.Outcome)) },
	"status":           func(f *facts) any { return known(string(f.call.Outcome)) }, // for a field with words of its own
	"answered":         func(f *facts) any { return answered(f.call) },
	"from":             func(f *facts) any { return known(string(best(f.call.From))) },
	"from_name":        func(f *facts) any { return known(f.call.From.Name) },
	"to":               func(f *facts) any { return known(string(best(f.call.To))) },
	"number":           func(f *facts) any { return known(string(best(f.call.Outside()))) },
	"extension":        func(f *facts) any { return known(extension(f.call)) },
	"agent":            func(f *facts) any { return known(agentOf(f.call)) },
	"queue":            func(f *facts) any { return known(queue(f.call)) },
	"contact_name":     func(f *facts) any { return contactName(f.call) },
	"disposition":      func(f *facts) any { return disposition(f.call, func(d *crm.Disposition) string { return d.Code }) },
	"disposition_note": func(f *facts) any { return disposition(f.call, func(d *crm.Disposition) string { return d.Note }) },
	"notes":            func(f *facts) any { return notes(f.call) },
	"recording":        func(f *facts) any { return recording(f.call) },
	"started_at":       func(f *facts) any { return instant(f.call.StartedAt) },
	"answered_at":      func(f *facts) any { return instant(f.call.AnsweredAt) },
	"ended_at":         func(f *facts) any { return instant(f.call.EndedAt) },
	"date":             func(f *facts) any { return date(f.call.StartedAt) },
	"talk_seconds":     func(f *facts) any { return in(f.call.TalkMS, time.Second) },
	"talk_ms":          func(f *facts) any { return in(f.call.TalkMS, time.Millisecond) },
	"talk_minutes":     func(f *facts) any { return minutes(f.call.TalkMS) },
	"hold_seconds":     func(f *facts) any { return in(f.call.HoldMS, time.Second) },
	"wait_seconds":     func(f *facts) any { return in(f.call.WaitMS, time.Second) },
	"seconds":          func(f *facts) any { return lasted(f.call, time.Second) },
}

// outgoing is "true" or "false", for CRMs that know two directions only.
func outgoing(c *crm.Call) any {
	if c.Direction == "" {
		return nil
	}
	return strconv.FormatBool(c.Direction == crm.Outbound)
}

// answered is "true" or "false", for CRMs that know only whether a call took place; nil while it may yet be answered.
func answered(c *crm.Call) any {
	switch {
	case !c.AnsweredAt.IsZero() || c.Outcome == crm.Answered:
		return "true"
	case c.Open() && c.Outcome == "":
		return nil
	}
	return "false"
}

func known(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func best(p crm.Party) crm.Number { return cmp.Or(p.E164, p.Number) }

// agentOf is whose call it is: who concluded it, talked last, or was offered it last.
func agentOf(c *crm.Call) string {
	if c.Disposition != nil && c.Disposition.By != "" {
		return c.Disposition.By
	}
	for i := len(c.Talks) - 1; i >= 0; i-- {
		if c.Talks[i].Agent != "" {
			return c.Talks[i].Agent
		}
	}
	for i := len(c.Offers) - 1; i >= 0; i-- {
		if c.Offers[i].Agent != "" {
			return c.Offers[i].Agent
		}
	}
	return ""
}

func extension(c *crm.Call) string {
	for i := len(c.Talks) - 1; i >= 0; i-- {
		if c.Talks[i].Extension != "" {
			return c.Talks[i].Extension
		}
	}
	if n := len(c.Offers); n > 0 {
		return c.Offers[n-1].Extension
	}
	return ""
}

func queue(c *crm.Call) string {
	if n := len(c.QueueVisits); n > 0 {
		return c.QueueVisits[n-1].Queue
	}
	return ""
}

func contactName(c *crm.Call) any {
	if c.Contact == nil {
		return nil
	}
	return known(c.Contact.Name)
}

func disposition(c *crm.Call, of func(*crm.Disposition) string) any {
	if c.Disposition == nil {
		return nil
	}
	return known(of(c.Disposition))
}

func notes(c *crm.Call) any {
	texts := make([]string, len(c.Notes))
	for i, n := range c.Notes {
		texts[i] = n.Text
	}
	return known(strings.Join(texts, "\n"))
}

func recording(c *crm.Call) any {
	if len(c.Recordings) == 0 {
		return nil
	}
	return known(c.Recordings[0].File)
}

func instant(t crm.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Time
}

func date(t crm.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.DateOnly)
}

func in(m *crm.Millis, unit time.Duration) any {
	if m == nil {
		return nil
	}
	return int64(m.Duration() / unit)
}

// minutes rounds up, so that a call of half a minute is none of zero.
func minutes(m *crm.Millis) any {
	if m == nil {
		return nil
	}
	return int64((m.Duration() + time.Minute - 1) / time.Minute)
}

func lasted(c *crm.Call, unit time.Duration) any {
	if c.StartedAt.IsZero() || c.EndedAt.IsZero() {
		return nil
	}
	return int64(c.EndedAt.Sub(c.StartedAt.Time) / unit)
}
