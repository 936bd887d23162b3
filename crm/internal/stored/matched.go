package stored

import (
	"fmt"
	"time"

	"patchcord/crm"
)

// SetContact stores with a whom the call was matched with, nil for nobody, and returns the event
// that says so, without its call; nil when a has that already.
func (a *Added) SetContact(m *crm.Match) *crm.Event {
	if a.Contact == m || a.Contact != nil && m != nil && *a.Contact == *m {
		return nil
	}
	e := &crm.Event{Type: crm.ContactMatched, At: crm.At(time.Now())}
	if a.Contact = m; m != nil {
		e.Matches = []crm.Match{*m}
	}
	return e
}

// sought returns the number that the contact of a call is to be found by; "" when it has one, or
// may be given one still while it lasts.
func (a *Added) sought(c *crm.Call) crm.Number {
	if a.Contact != nil || c.Open() || c.Direction == crm.Internal {
		return ""
	}
	return c.Outside().E164
}

// Additions returns what people added to each of the calls, of their columns. A call that ended without a contact, since
// nobody was asked or no store was there, gets the only one that has its number; sole finds those, and the events tell of it.
func Additions(
	tenant string, calls []*crm.Call, column func(id string) []byte, sole func([]crm.Number) (map[crm.Number]crm.Match, error),
) (list []Added, told []crm.Event, err error) {
	list = make([]Added, len(calls))
	var numbers []crm.Number
	for i, c := range calls {
		if list[i], err = DecodeAdded(c.ID, column(Text(c.ID))); err != nil {
			return nil, nil, err
		}
		if n := list[i].sought(c); n != "" {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return list, nil, nil
	}
	found, err := sole(numbers)
	if err != nil {
		return nil, nil, fmt.Errorf("match numbers: %w", err)
	}
	for i, c := range calls {
		m, ok := found[list[i].sought(c)]
		if !ok {
			continue
		}
		e := list[i].SetContact(&m)
		whole := *c
		whole.Tenant = tenant
		list[i].setOn(&whole)
		e.Call, e.Tenant = &whole, tenant
		told = append(told, *e)
	}
	return list, told, nil
}
