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
		Items      []json.RawMessage `json:"items" nullable:"false" doc:"CloudEvents 1.0, of the types and with the data that /v1/push has"`
		Cursor     string            `json:"cursor" doc:"Where this answer ends; ask for what is after it later"`
		NextCursor string            `json:"next_cursor,omitempty" doc:"The same, absent when there is nothing more now"`
	}
}

const eventsText = `Events in the order of the log; an event's id is the same here, on a socket and in a webhook. cursor is opaque. One whose
event is not in the log any more, which a client may hold after the database was put back from an older copy, is answered 422:
begin again without after; events that have come already keep their ids.`

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
