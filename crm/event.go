package crm

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// EventType names what happened.
type EventType string

// The types of events.
const (
	CallStarted     EventType = "call.started"
	CallAnswered    EventType = "call.answered"
	CallUpdated     EventType = "call.updated"
	CallTransferred EventType = "call.transferred"
	CallMerged      EventType = "call.merged" // Into names the survivor
	CallEnded       EventType = "call.ended"
	OfferCreated    EventType = "offer.created"
	OfferAccepted   EventType = "offer.accepted"
	OfferRescinded  EventType = "offer.rescinded"
	OfferEnded      EventType = "offer.ended" // every other result
	AgentStateEvent EventType = "agent.state"
	QueueStateEvent EventType = "queue.state"
	ContactMatched  EventType = "contact.matched"
	GapOpened       EventType = "gap.opened"
	GapClosed       EventType = "gap.closed"
)

// EventTypes lists every type.
var EventTypes = [...]EventType{
	CallStarted, CallAnswered, CallUpdated, CallTransferred, CallMerged, CallEnded, OfferCreated, OfferAccepted, OfferRescinded, OfferEnded,
	AgentStateEvent, QueueStateEvent, ContactMatched, GapOpened, GapClosed,
}

// Event is what we say happened, at one place in one source's order. What a PBX
// said has PBX, Pos and N; what people did has an empty PBX and, once stored,
// its place in the event log in Pos.Seq.
type Event struct {
	PBX     string   // empty for what people did
	Pos     Position // of the frame that caused it
	N       int      // number among the events of that frame, from 0
	Type    EventType
	At      Time
	Heard   time.Time // when its frame was received, by our clock; zero when it was not heard just now. It is not stored
	Tenant  string
	Call    *Call  // the record so far; never changed after
	OfferID string // of offer.*
	Into    string // of call.merged: id of the surviving call; Call is the absorbed one
	Matches []Match
	Agent   *AgentState
	Queue   *QueueState
	Gap     *Gap
}

// AgentState is what an agent is doing, as far as the PBX tells.
type AgentState struct {
	Agent     string   `json:"agent,omitempty"`
	Agents    []string `json:"agents,omitempty"` // as in Offer
	PBX       string   `json:"pbx"`
	Extension string   `json:"extension"`
	State     string   `json:"state"`            // idle, ringing, talking, unavailable, unknown
	Paused    bool     `json:"paused,omitempty"` // in every queue that it is a member of
	Since     Time     `json:"since,omitzero"`
	Desk      Desk     `json:"-"`
}

// Phone is what a PBX says of an extension, whether or not calls are about it. The zero
// one is also that of an extension of which it said nothing.
type Phone struct {
	Away     bool   // it reaches none of its devices
	Paused   bool   // in every queue that it is a member of
	LoggedIn string // number of the user who is logged in there, where that is not its own
	Member   string // name under which somebody logged into queues there
}

// QueueState is what a queue looks like now.
type QueueState struct {
	PBX     string `json:"pbx"`
	Queue   string `json:"queue"`
	Waiting int    `json:"waiting"`
	Oldest  Time   `json:"oldest,omitzero"` // when the longest waiting caller entered
}

// Source returns the event's CloudEvents source: "pbx/<name>", or "log" for what people did.
func (e *Event) Source() string {
	return string(e.appendSource(nil))
}

func (e *Event) appendSource(b []byte) []byte {
	if e.PBX == "" {
		return append(b, "log"...)
	}
	return append(append(b, "pbx/"...), e.PBX...)
}

// ID returns the event's id: source, position and number within it. It is the
// same live, stored, in a webhook and after a replay.
func (e *Event) ID() string {
	return string(e.appendID(nil))
}

func (e *Event) appendID(b []byte) []byte {
	b = e.appendSource(b)
	b = e.Pos.Append(append(b, '/'))
	return strconv.AppendInt(append(b, '/'), int64(e.N), 10)
}

// Subject returns the id of the call the event is about, or "".
func (e *Event) Subject() string {
	if e.Call == nil {
		return ""
	}
	return e.Call.ID
}

type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            EventType `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            Time      `json:"time,omitzero"`
	DataContentType string    `json:"datacontenttype"`
	Data            eventData `json:"data"`
}

type eventData struct {
	Offer    *Offer      `json:"offer,omitempty"`
	Call     *Call       `json:"call,omitempty"`
	ID       string      `json:"id,omitempty"`      // of call.merged
	Into     string      `json:"into,omitempty"`    // of call.merged
	Contacts []Match     `json:"contacts,omitzero"` // empty only in offer.*
	Agent    *AgentState `json:"agent,omitempty"`
	Queue    *QueueState `json:"queue,omitempty"`
	Gap      *Gap        `json:"gap,omitempty"`
}

// MarshalJSON writes the event as CloudEvents 1.0 JSON.
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(make([]byte, 0, 1024)), nil }

// AppendJSON appends what MarshalJSON returns.
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, `{"specversion":"1.0"`...)
	var room [128]byte // names that need more take it elsewhere
	b = AppendQuoted(appendKey(b, "id"), e.appendID(room[:0]))
	b = AppendQuoted(appendKey(b, "source"), e.appendSource(room[:0]))
	b = appendString(b, "type", e.Type)
	b = appendText(b, "subject", e.Subject())
	b = appendTime(b, "time", e.At)
	b = append(b, `,"datacontenttype":"application/json","data":{`...)
	if e.Call != nil {
		if o := e.Call.Offer(e.OfferID); o != nil && e.OfferID != "" {
			b = o.appendJSON(appendKey(b, "offer"))
		}
		b = e.Call.AppendJSON(appendKey(b, "call"))
	}
	if e.Into != "" {
		b = appendText(b, "id", e.Subject())
		b = appendString(b, "into", e.Into)
	}
	switch {
	case len(e.Matches) > 0:
		b = appendRare(b, "contacts", e.Matches, true)
	case e.OfferID != "":
		b = append(appendKey(b, "contacts"), "[]"...) // of offers it is always there
	}
	if e.Agent != nil {
		b = e.Agent.appendJSON(appendKey(b, "agent"))
	}
	b = appendRare(b, "queue", e.Queue, e.Queue != nil)
	b = appendRare(b, "gap", e.Gap, e.Gap != nil)
	return append(b, "}}"...)
}

func (a *AgentState) appendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendText(b, "agent", a.Agent)
	b = appendAgents(b, a.Agents)
	b = appendString(b, "pbx", a.PBX)
	b = appendString(b, "extension", a.Extension)
	b = appendString(b, "state", a.State)
	if a.Paused {
		b = appendBool(b, "paused", true)
	}
	b = appendTime(b, "since", a.Since)
	return append(b, '}')
}

// UnmarshalJSON reads what MarshalJSON wrote. The tenant is not in it.
func (e *Event) UnmarshalJSON(b []byte) error {
	var c cloudEvent
	if err := json.Unmarshal(b, &c); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	*e = Event{
		Type: c.Type, At: c.Time, Call: c.Data.Call, Into: c.Data.Into,
		Matches: c.Data.Contacts, Agent: c.Data.Agent, Queue: c.Data.Queue, Gap: c.Data.Gap,
	}
	if len(e.Matches) == 0 {
		e.Matches = nil // that nobody is known is written, and no news
	}
	if c.Data.Offer != nil {
		e.OfferID = c.Data.Offer.ID
	}
	if e.Call != nil {
		e.Tenant = e.Call.Tenant
	}
	return e.parseID(c.ID)
}

// parseID takes an id apart: source, position, number.
func (e *Event) parseID(id string) error {
	rest, num, _ := cutLast(id)
	source, pos, ok := cutLast(rest)
	if !ok {
		return fmt.Errorf("event id %q: want source/position/number", id)
	}
	n, err := strconv.Atoi(num)
	if err != nil {
		return fmt.Errorf("event id %q: number: %w", id, err)
	}
	e.N = n
	e.PBX, _ = strings.CutPrefix(source, "pbx/")
	if source == "log" {
		e.PBX = ""
	}
	e.Pos, err = ParsePosition(pos)
	if err != nil {
		return fmt.Errorf("event id %q: %w", id, err)
	}
	return nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}
