package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

type gapsInput struct {
	Paged
	From  time.Time `query:"from" doc:"Gaps that last beyond it"`
	Until time.Time `query:"until" doc:"Gaps that began before it"`
	PBX   string    `query:"pbx" maxLength:"200" doc:"Of this one alone"`
}

type eventsInput struct {
	After string `query:"after" maxLength:"40" doc:"cursor of the answer before; absent: from the beginning"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Events of an answer"`
}

type eventsOutput struct {
	Body struct {
		Items      []json.RawMessage `json:"items" nullable:"false" doc:"CloudEvents 1.0"`
		Cursor     string            `json:"cursor" doc:"Where this answer ends; ask for what is after it later"`
		NextCursor string            `json:"next_cursor,omitempty" doc:"The same, absent when there is nothing more now"`
	}
}

const eventsText = `Events in the order of the log; an event's id is the same here, on a socket and in a webhook. A cursor beyond the newest
event, which a client may hold after the database was put back from an older copy, is answered 422: begin again without after.`

func (a *API) registerLists() {
	route(a, huma.Operation{OperationID: "list-dispositions", Method: http.MethodGet, Path: "/v1/dispositions", Tags: []string{"calls"},
		Summary: "The codes of dispositions"}, a.listDispositions)
	route(a, huma.Operation{OperationID: "list-gaps", Method: http.MethodGet, Path: "/v1/gaps", Tags: []string{"calls"},
		Summary: "Intervals in which a PBX may have said things that were not heard, the oldest first"}, a.listGaps)
	route(a, huma.Operation{OperationID: "list-events", Method: http.MethodGet, Path: "/v1/events", Tags: []string{"events"},
		Summary: "Replay the event log", Description: eventsText}, a.listEvents)
}

func (a *API) listDispositions(ctx context.Context, c caller, in *Paged) (*listOutput[crm.DispositionCode], error) {
	codes, err := a.store.Dispositions(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	place := make(map[string]string, len(codes))
	for i, d := range codes {
		place[d.Code] = strconv.Itoa(1_000_000 + i) // their own order, not the alphabet's
	}
	return pageOf(codes, func(d crm.DispositionCode) string { return place[d.Code] }, *in)
}

func (a *API) listGaps(ctx context.Context, c caller, in *gapsInput) (*listOutput[crm.Gap], error) {
	if !in.From.IsZero() && !in.Until.IsZero() && !in.Until.After(in.From) {
		return nil, &crm.InputError{Field: "until", Msg: "must be after from"}
	}
	gaps, err := a.store.Gaps(ctx, c.Tenant, in.From, in.Until)
	if err != nil {
		return nil, err
	}
	kept := []crm.Gap{}
	for _, g := range gaps {
		if in.PBX == "" || g.PBX == in.PBX {
			kept = append(kept, g)
		}
	}
	return pageOf(kept, func(g crm.Gap) string { return g.StartedAt.UTC().Format("2006-01-02T15:04:05.000") + " " + g.ID }, in.Paged)
}

func (a *API) listEvents(ctx context.Context, c caller, in *eventsInput) (*eventsOutput, error) {
	after, err := parseAfter(in.After)
	if err != nil {
		return nil, err
	}
	events, err := a.store.Events(ctx, c.Tenant, after, in.Limit)
	if err != nil {
		return nil, err
	}
	if len(events) == 0 {
		if err := a.reached(ctx, after); err != nil {
			return nil, err
		}
	}
	out := &eventsOutput{}
	out.Body.Items = make([]json.RawMessage, len(events))
	for i, e := range events {
		out.Body.Items[i], after = e.Body, e.N
	}
	out.Body.Cursor = strconv.FormatInt(after, 10)
	if len(events) == in.Limit {
		out.Body.NextCursor = out.Body.Cursor
	}
	return out, nil
}

// reached is an InputError when the log has never come to the place after: it was that of
// a database of which this one is an older copy, and who waits there misses what comes.
func (a *API) reached(ctx context.Context, after int64) error {
	newest, err := a.store.NewestEvent(ctx)
	if err == nil && after > newest {
		err = &crm.InputError{Field: "after", Msg: "is beyond the newest event, as when the database was put back from an older copy; begin again without it"}
	}
	return err
}

func parseAfter(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, &crm.InputError{Field: "after", Msg: "must be the cursor of an earlier answer"}
	}
	return n, nil
}
