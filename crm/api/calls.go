package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

// CallID names a call in a path.
type CallID struct {
	ID string `path:"id" doc:"Percent-encoded, for it holds a colon"`
}

type callOutput struct {
	ETag string `header:"ETag" doc:"Of what people said of the call: its disposition and notes"`
	Body *crm.Call
}

func callAnswer(call *crm.Call) *callOutput {
	return &callOutput{ETag: strconv.Quote(crm.SaidTag(call.Disposition, call.Notes)), Body: call}
}

func (a *API) registerCalls() {
	route(a, huma.Operation{OperationID: "list-calls", Method: http.MethodGet, Path: "/v1/calls", Tags: []string{"calls"},
		Summary:     "Calls, the newest start first; open ones too",
		Description: "An agent gets the calls that were offered to him or that he talked in."}, a.listCalls)
	route(a, huma.Operation{OperationID: "list-live-calls", Method: http.MethodGet, Path: "/v1/calls/live", Tags: []string{"calls"},
		Summary: "Every open call, as of now, the newest start first"}, a.listLive)
	route(a, huma.Operation{OperationID: "read-call", Method: http.MethodGet, Path: "/v1/calls/{id}", Tags: []string{"calls"},
		Summary: "One call; the id of an absorbed call gives the survivor"}, a.readCall)
}

func (a *API) listCalls(ctx context.Context, c caller, in *callsInput) (*listOutput[*crm.Call], error) {
	f, err := in.filter(a.region)
	if err != nil {
		return nil, err
	}
	if f.Number != "" {
		if err := a.searchByNumber(c); err != nil {
			return nil, err
		}
	}
	if c.reach == own {
		f.OfferedTo = c.Name
	}
	calls, next, err := a.store.Calls(ctx, c.Tenant, f, in.page())
	if err != nil {
		return nil, err
	}
	return listOf(calls, next), nil
}

// liveInput is Paged without a default: a wallboard wants them all.
type liveInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"Absent: all"`
	Cursor string `query:"cursor" maxLength:"2000" doc:"next_cursor of the page before; opaque"`
}

func (a *API) listLive(_ context.Context, c caller, in *liveInput) (*listOutput[*crm.Call], error) {
	calls := slices.DeleteFunc(slices.Clone(a.live.Open(c.Tenant)), func(call *crm.Call) bool { return !c.seesCall(call) })
	newestFirst := func(call *crm.Call) string {
		return fmt.Sprintf("%020d %s", math.MaxInt64-max(0, call.StartedAt.UnixMilli()), call.ID)
	}
	return pageOf(calls, newestFirst, Paged(*in))
}

func (a *API) readCall(ctx context.Context, c caller, in *CallID) (*callOutput, error) {
	call, err := a.visibleCall(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return callAnswer(call), nil
}

// visibleCall returns the call as it is now, from the store or the live fold, if
// the caller may know of it, else crm.ErrNotFound.
func (a *API) visibleCall(ctx context.Context, c caller, id string) (*crm.Call, error) {
	if !utf8.ValidString(id) || strings.ContainsRune(id, 0) {
		return nil, crm.ErrNotFound // no call has such an id, and PostgreSQL takes none
	}
	call, err := a.findCall(ctx, c.Tenant, id)
	if err != nil {
		return nil, err
	}
	if !c.seesCall(call) {
		return nil, crm.ErrNotFound
	}
	return call, nil
}

// findCall looks into the store last when the live fold has dropped the call: its
// end was recorded in between.
func (a *API) findCall(ctx context.Context, tenant, id string) (*crm.Call, error) {
	stored, err := a.storedCall(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if stored != nil && !stored.Open() {
		return stored, nil
	}
	if live, ok := a.live.Call(tenant, id); ok {
		return withAdded(live, stored), nil
	}
	if stored != nil {
		return stored, nil
	}
	return a.store.Call(ctx, tenant, id)
}

// storedCall returns nil when the store has no such call.
func (a *API) storedCall(ctx context.Context, tenant, id string) (*crm.Call, error) {
	call, err := a.store.Call(ctx, tenant, id)
	if errors.Is(err, crm.ErrNotFound) {
		return nil, nil
	}
	return call, err
}

// withAdded returns the live record with what people added to the stored one.
func withAdded(live, stored *crm.Call) *crm.Call {
	if stored == nil {
		return live
	}
	call := live.Clone()
	call.Disposition, call.Notes, call.Contact = stored.Disposition, stored.Notes, stored.Contact
	return call
}

// callsInput is the filter of a list of calls. Empty fields do not narrow.
type callsInput struct {
	Paged
	From         time.Time `query:"from" doc:"Calls that started then or later"`
	Until        time.Time `query:"until" doc:"Calls that started before then"`
	Number       string    `query:"number" maxLength:"40" doc:"At least four digits: how the caller's or the dialled number ends; the whole number with a +, or as it is dialled in the country of the first PBX"`
	Agent        string    `query:"agent" maxLength:"200" doc:"User name of an offer or talk"`
	Extension    string    `query:"extension" maxLength:"200" doc:"A phone of the house that rang, talked, called or was called"`
	Queue        string    `query:"queue" maxLength:"200" doc:"One that the call waited in"`
	Direction    string    `query:"direction" enum:"inbound,outbound,internal" doc:"Where the first party came from"`
	Outcome      string    `query:"outcome" enum:"answered,voicemail,abandoned,cancelled,busy,failed,no_answer,self_service" doc:"What it came to; an open call has none yet"`
	MinTalk      string    `query:"min_talk" maxLength:"20" doc:"Least talk time: milliseconds, or with a unit (90s, 2m)"`
	Disposition  string    `query:"disposition" maxLength:"200" doc:"Code"`
	HasRecording string    `query:"has_recording" enum:"true,false" doc:"Whether the PBX recorded it"`
	Q            string    `query:"q" maxLength:"200" doc:"Words in notes, in the disposition's note, the caller's or the contact's name"`
}

func (in *callsInput) filter(region string) (crm.CallFilter, error) {
	f := crm.CallFilter{
		From: in.From, Until: in.Until, Agent: in.Agent, Extension: in.Extension, Queue: in.Queue,
		Direction: crm.Direction(in.Direction), Outcome: crm.Outcome(in.Outcome), Disposition: in.Disposition, Q: in.Q,
	}
	if !f.From.IsZero() && !f.Until.IsZero() && !f.From.Before(f.Until) {
		return f, &crm.InputError{Field: "until", Msg: "must be after from"}
	}
	if in.HasRecording != "" {
		has := in.HasRecording == "true"
		f.HasRecording = &has
	}
	var err error
	if f.MinTalk, err = parseMinTalk(in.MinTalk); err != nil {
		return f, err
	}
	f.Number, err = parseNumberFilter(in.Number, region)
	return f, err
}
