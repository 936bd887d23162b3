package stored

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"patchcord/crm"
)

// Row is a call as a store keeps it.
type Row struct {
	ID      string
	Started int64  // ms since 1970; 0 when unknown
	TalkMS  int64  // 0 when unknown
	Record  string // JSON of the call as the PBX told it
	Added   string // JSON of what people added, "{}" when nothing
	Open    bool
	Numbers string   // see Numbers
	Keys    []string // its rows in the key index; see Keys
	Terms   string   // see Terms
	Kinds   []Kind
}

// Added is what people and matching added to a call. It lives apart from the
// record, so that a later commit of the same call does not lose it.
type Added struct {
	Disposition *crm.Disposition `json:"disposition,omitempty"`
	Notes       []crm.Note       `json:"notes,omitempty"`
	Contact     *crm.Match       `json:"contact,omitempty"`
}

// NewRow makes the row of a record of the tenant. What record itself says of
// disposition, notes and contact is ignored in favour of a.
func NewRow(tenant string, record *crm.Call, a Added) (Row, error) {
	bare := *record
	bare.Tenant = tenant
	Added{}.setOn(&bare)
	added := nothingAdded
	if a.Disposition != nil || len(a.Notes) > 0 || a.Contact != nil {
		b, err := json.Marshal(a)
		if err != nil {
			return Row{}, fmt.Errorf("encode additions to call %s: %w", record.ID, err)
		}
		added = string(JSON(b))
	}
	whole := bare
	a.setOn(&whole)
	numbers, keys := Numbers(&whole), Keys(&whole)
	return Row{
		ID: Text(record.ID), Started: Started(record), TalkMS: record.TalkMS.Duration().Milliseconds(),
		Record: text(&bare), Added: added, Open: whole.Open(), Numbers: joinNumbers(numbers),
		Keys: keys, Terms: Terms(tenant, &whole, keys, numbers), Kinds: kinds(&whole, keys),
	}, nil
}

// rooms are where records are written before it is known how long they are.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// text returns the JSON of a call.
func text(c *crm.Call) string {
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	*room = c.AppendJSON((*room)[:0])
	return string(JSON(*room))
}

// Started returns the call's start in ms since 1970, 0 when it is unknown.
func Started(c *crm.Call) int64 {
	if c.StartedAt.IsZero() {
		return 0
	}
	return c.StartedAt.UnixMilli()
}

// Decode returns the whole call of a row, and what people added on its own.
func Decode[T ~string | ~[]byte](record, added T) (*crm.Call, Added, error) {
	var c crm.Call
	if err := c.ParseJSON(string(record)); err != nil {
		return nil, Added{}, fmt.Errorf("decode call: %w", err)
	}
	a, err := DecodeAdded(c.ID, added)
	if err != nil {
		return nil, Added{}, err
	}
	a.setOn(&c)
	return &c, a, nil
}

// nothingAdded is the column of most calls.
const nothingAdded = "{}"

// DecodeAdded returns what people added to a call, of its column; nil is of no call.
func DecodeAdded[T ~string | ~[]byte](id string, added T) (Added, error) {
	if len(added) == 0 || string(added) == nothingAdded {
		return Added{}, nil
	}
	var c crm.Call // has the same members
	if err := c.ParseJSON(string(added)); err != nil {
		return Added{}, fmt.Errorf("decode additions to call %s: %w", id, err)
	}
	return Added{Disposition: c.Disposition, Notes: c.Notes, Contact: c.Contact}, nil
}

func (a Added) setOn(c *crm.Call) {
	c.Disposition, c.Notes, c.Contact = a.Disposition, a.Notes, a.Contact
}

// Join returns what a survivor has after it absorbed a call with b: the later
// disposition, the notes of both in order of time, its own contact if it has one.
func (a Added) Join(b Added) Added {
	out := Added{Disposition: a.Disposition, Contact: cmp.Or(a.Contact, b.Contact)}
	if b.Disposition != nil && (a.Disposition == nil || b.Disposition.At.After(a.Disposition.At.Time)) {
		out.Disposition = b.Disposition
	}
	out.Notes = slices.Concat(a.Notes, b.Notes)
	slices.SortStableFunc(out.Notes, func(x, y crm.Note) int { return x.At.Compare(y.At.Time) })
	return out
}

// WithNote returns a with n; ok is false when a note with that id is there already.
func (a Added) WithNote(n crm.Note) (out Added, ok bool) {
	if slices.ContainsFunc(a.Notes, func(o crm.Note) bool { return o.ID == n.ID }) {
		return a, false
	}
	a.Notes = append(slices.Clone(a.Notes), n)
	return a, true
}

// Merges returns, for every call that the events say was absorbed, the id of the
// one that finally has it: a call absorbed by one that is absorbed too goes to the last.
func Merges(events []crm.Event) map[string]string {
	into := map[string]string{}
	for i := range events {
		e := &events[i]
		if e.Type == crm.CallMerged && e.Into != "" && e.Subject() != "" && e.Into != e.Subject() {
			into[Text(e.Subject())] = Text(e.Into)
		}
	}
	for from, to := range into {
		for seen := 0; seen < len(into); seen++ { // bounded: a circle would never end
			next, ok := into[to]
			if !ok {
				break
			}
			to = next
		}
		into[from] = to
	}
	return into
}
