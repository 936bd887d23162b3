package api

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"patchcord/crm"
)

// logPlace is how far a client has read the event log: to the event of that number. The mark tells that event from
// another that has its number now, as after the database was put back from an older copy. No mark fits any event.
type logPlace struct {
	n    int64
	mark string
}

func logPlaceOf(e *crm.StoredEvent) logPlace {
	what := fmt.Sprintf("%s %d %d %d %s %d", e.PBX, e.Pos.Epoch, e.Pos.Seq, e.Num, e.Type, e.At.UnixMilli())
	return logPlace{e.N, fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(what)))}
}

// String returns the place as clients see it: opaque to them.
func (p logPlace) String() string {
	if p.mark == "" {
		return strconv.FormatInt(p.n, 10)
	}
	return strconv.FormatInt(p.n, 10) + "." + p.mark
}

func parsePlace(s string) (p logPlace, err error) {
	if s == "" {
		return p, nil
	}
	number, mark, marked := strings.Cut(s, ".")
	p.mark = mark
	p.n, err = strconv.ParseInt(number, 10, 64)
	if err != nil || p.n < 0 || marked && (p.n == 0 || len(mark) != 8) {
		return p, &crm.InputError{Field: "after", Msg: "must be the cursor of an earlier answer"}
	}
	return p, nil
}

func (a *API) listEvents(ctx context.Context, c caller, in *eventsInput) (*eventsOutput, error) {
	at, err := parsePlace(in.After)
	if err != nil {
		return nil, err
	}
	events, err := a.eventsAfter(ctx, c.Tenant, at, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &eventsOutput{}
	out.Body.Items = make([]json.RawMessage, len(events))
	for i := range events {
		out.Body.Items[i], at = events[i].Body, logPlaceOf(&events[i])
	}
	out.Body.Cursor = at.String()
	if len(events) == in.Limit {
		out.Body.NextCursor = out.Body.Cursor
	}
	return out, nil
}

// eventsAfter returns the events after a place, which must be one of this log: who waits at
// another's misses what comes.
func (a *API) eventsAfter(ctx context.Context, tenant string, at logPlace, limit int) ([]crm.StoredEvent, error) {
	if at.mark == "" {
		events, err := a.store.Events(ctx, tenant, at.n, limit)
		if err == nil && len(events) == 0 {
			err = a.reached(ctx, at)
		}
		return events, err
	}
	events, err := a.store.Events(ctx, tenant, at.n-1, limit+1) // with the one that it is after
	switch {
	case err != nil:
		return nil, err
	case len(events) > 0 && events[0].N == at.n:
		if logPlaceOf(&events[0]) != at {
			return nil, errAnotherLog()
		}
		return events[1:], nil
	}
	if err := a.expired(ctx, tenant, at); err != nil {
		return nil, err
	}
	return events[:min(len(events), limit)], nil
}

// expired returns nil when the event of the place may have been kept once: the oldest go first, so one that
// is older and still there says that there was none.
func (a *API) expired(ctx context.Context, tenant string, at logPlace) error {
	oldest, err := a.store.Events(ctx, tenant, 0, 1)
	if err == nil && len(oldest) > 0 && oldest[0].N < at.n {
		return errAnotherLog()
	}
	if err == nil {
		err = a.reached(ctx, at)
	}
	return err
}

// reached returns nil when the log has ever come so far.
func (a *API) reached(ctx context.Context, at logPlace) error {
	newest, err := a.store.NewestEvent(ctx)
	if err == nil && at.n > newest {
		err = errAnotherLog()
	}
	return err
}

func errAnotherLog() error {
	return &crm.InputError{Field: "after", Msg: "is the place of an event that is not in the log, as when the database was put back from an older copy; begin again without it"}
}
