package crm

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// Calls, events and evidence are written several times for each frame that matters.
// The functions here write what encoding/json would, byte for byte, without looking
// at types while they do; whatever is rare is left to it.

// AppendJSON appends the record as encoding/json writes it.
func (c *Call) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendString(b, "id", c.ID)
	b = appendString(b, "pbx", c.PBX)
	b = appendText(b, "tenant", c.Tenant)
	b = appendTime(b, "boot", c.Boot)
	b = append(b, `,"linkedids":`...)
	b = appendStrings(b, c.Linkedids)
	b = appendText(b, "direction", c.Direction)
	b = c.From.appendJSON(b, "from")
	b = c.To.appendJSON(b, "to")
	b = appendText(b, "outcome", c.Outcome)
	b = appendTime(b, "started_at", c.StartedAt)
	b = appendTime(b, "answered_at", c.AnsweredAt)
	b = appendTime(b, "ended_at", c.EndedAt)
	b = appendMillis(b, "wait_ms", c.WaitMS)
	b = appendMillis(b, "ring_ms", c.RingMS)
	b = appendMillis(b, "talk_ms", c.TalkMS)
	b = appendMillis(b, "hold_ms", c.HoldMS)
	b = appendText(b, "ended_by", c.EndedBy)
	b = appendInt(b, "cause", c.Cause)
	b = appendList(b, "queue_visits", c.QueueVisits, (*QueueVisit).appendJSON)
	b = appendList(b, "offers", c.Offers, (*Offer).appendJSON)
	b = appendList(b, "talks", c.Talks, (*Talk).appendJSON)
	b = appendList(b, "far_ends", c.FarEnds, (*FarEnd).appendJSON)
	b = appendRare(b, "transfers", c.Transfers, len(c.Transfers) > 0)
	b = appendRare(b, "parked", c.Parked, len(c.Parked) > 0)
	b = appendRare(b, "conferences", c.Conferences, len(c.Conferences) > 0)
	b = appendRare(b, "recordings", c.Recordings, len(c.Recordings) > 0)
	b = appendRare(b, "attributes", c.Attributes, len(c.Attributes) > 0)
	b = appendBool(b, "complete", c.Complete)
	b = appendRare(b, "gaps", c.Gaps, len(c.Gaps) > 0)
	b = appendRare(b, "disposition", c.Disposition, c.Disposition != nil)
	b = appendRare(b, "notes", c.Notes, len(c.Notes) > 0)
	b = appendRare(b, "contact", c.Contact, c.Contact != nil)
	return append(b, '}')
}

func (p Party) appendJSON(b []byte, key string) []byte {
	if p.IsZero() {
		return b
	}
	b = append(appendKey(b, key), '{')
	b = appendText(b, "number", p.Number)
	b = appendText(b, "name", p.Name)
	b = appendText(b, "e164", p.E164)
	return append(b, '}')
}

func (q *QueueVisit) appendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendString(b, "queue", q.Queue)
	b = appendTime(b, "entered_at", q.EnteredAt)
	b = appendTime(b, "left_at", q.LeftAt)
	b = appendInt(b, "position", q.Position)
	b = appendMillis(b, "wait_ms", q.WaitMS)
	b = appendText(b, "result", q.Result)
	return append(b, '}')
}

func (o *Offer) appendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendString(b, "id", o.ID)
	b = appendString(b, "extension", o.Extension)
	b = appendText(b, "agent", o.Agent)
	b = appendAgents(b, o.Agents)
	b = appendText(b, "queue", o.Queue)
	b = appendText(b, "shown_name", o.ShownName)
	b = appendTime(b, "started_at", o.StartedAt)
	b = appendTime(b, "ended_at", o.EndedAt)
	b = appendMillis(b, "ring_ms", o.RingMS)
	b = appendText(b, "result", o.Result)
	b = appendText(b, "by", o.By)
	return append(b, '}')
}

func (t *Talk) appendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendText(b, "extension", t.Extension)
	b = appendText(b, "agent", t.Agent)
	b = appendAgents(b, t.Agents)
	b = appendText(b, "with", t.With)
	b = appendText(b, "via", t.Via)
	b = appendTime(b, "started_at", t.StartedAt)
	b = appendTime(b, "ended_at", t.EndedAt)
	b = appendMillis(b, "hold_ms", t.HoldMS)
	b = appendMillis(b, "consult_ms", t.ConsultMS)
	return append(b, '}')
}

func (f *FarEnd) appendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendText(b, "number", f.Number)
	b = appendText(b, "for", f.For)
	b = appendTime(b, "started_at", f.StartedAt)
	b = appendTime(b, "ended_at", f.EndedAt)
	b = appendMillis(b, "ring_ms", f.RingMS)
	b = appendText(b, "result", f.Result)
	return append(b, '}')
}

// AppendJSON appends the evidence as encoding/json writes it.
func (e *Evidence) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendTime(b, "at", e.At)
	if !e.Pos.IsZero() {
		b = appendString(b, "pos", e.Pos.String())
	}
	b = appendString(b, "kind", e.Kind)
	b = appendText(b, "name", e.Name)
	b = appendText(b, "channel", e.Channel)
	b = appendText(b, "extension", e.Extension)
	b = appendText(b, "queue", e.Queue)
	b = appendText(b, "offer", e.Offer)
	b = appendText(b, "agent", e.Agent)
	b = appendString(b, "text", e.Text)
	if e.Sockets != nil {
		b = strconv.AppendInt(appendKey(b, "sockets"), int64(*e.Sockets), 10)
	}
	b = appendMillis(b, "latency_ms", e.LatencyMS)
	b = appendTime(b, "since", e.Since)
	b = appendInt(b, "attempts", e.Attempts)
	b = appendRare(b, "members", e.Members, len(e.Members) > 0)
	if e.Partial {
		b = appendBool(b, "partial", true)
	}
	return append(b, '}')
}

// appendKey begins a member of the object that b ends with.
func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), key...), '"', ':')
}

func appendString[S ~string](b []byte, key string, s S) []byte {
	return AppendQuoted(appendKey(b, key), string(s))
}

// appendText is appendString that leaves out what is empty.
func appendText[S ~string](b []byte, key string, s S) []byte {
	if s == "" {
		return b
	}
	return appendString(b, key, s)
}

// AppendQuoted appends s as a JSON string in which nothing can be taken for HTML.
func AppendQuoted[S ~string | ~[]byte](b []byte, s S) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return appendOther(b, string(s))
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendOther appends what is rare in the way of encoding/json. Plain data always encodes.
func appendOther(b []byte, v any) []byte {
	other, err := json.Marshal(v)
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, other...)
}

func appendRare(b []byte, key string, v any, there bool) []byte {
	if !there {
		return b
	}
	return appendOther(appendKey(b, key), v)
}

func appendInt(b []byte, key string, n int) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(appendKey(b, key), int64(n), 10)
}

func appendBool(b []byte, key string, v bool) []byte {
	return strconv.AppendBool(appendKey(b, key), v)
}

func appendMillis(b []byte, key string, m *Millis) []byte {
	if m == nil {
		return b
	}
	return strconv.AppendInt(appendKey(b, key), int64(*m), 10)
}

func appendTime(b []byte, key string, t Time) []byte {
	if t.IsZero() {
		return b
	}
	return t.appendJSON(appendKey(b, key))
}

// appendJSON is MarshalJSON without a layout to be understood each time.
func (t Time) appendJSON(b []byte) []byte {
	u := t.UTC()
	year, month, day := u.Date()
	b = append(b, '"')
	if year < 0 || year > 9999 {
		return append(u.AppendFormat(b, timeLayout), '"')
	}
	hour, minute, second := u.Clock()
	b = append(appendDigits(b, year, 4), '-')
	b = append(appendDigits(b, int(month), 2), '-')
	b = append(appendDigits(b, day, 2), 'T')
	b = append(appendDigits(b, hour, 2), ':')
	b = append(appendDigits(b, minute, 2), ':')
	b = append(appendDigits(b, second, 2), '.')
	return append(appendDigits(b, u.Nanosecond()/int(time.Millisecond), 3), 'Z', '"')
}

func appendDigits(b []byte, n, width int) []byte {
	var digits [4]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(b, digits[:width]...)
}

func appendAgents(b []byte, names []string) []byte {
	if len(names) == 0 {
		return b
	}
	return appendStrings(appendKey(b, "agents"), names)
}

func appendStrings(b []byte, list []string) []byte {
	if list == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendQuoted(b, s)
	}
	return append(b, ']')
}

func appendList[T any](b []byte, key string, list []T, item func(*T, []byte) []byte) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(appendKey(b, key), '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = item(&list[i], b)
	}
	return append(b, ']')
}
