package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

const (
	// commitWait is how long a write to a live call waits for its record.
	commitWait = 3 * time.Second
	commitPoll = 50 * time.Millisecond
)

type dispositionInput struct {
	CallID
	IfMatch string `header:"If-Match" maxLength:"200" doc:"ETag of the call as it was read; without it the last one counts"`
	Body    struct {
		Code string `json:"code" minLength:"1" maxLength:"200" doc:"One of /v1/dispositions"`
		Note string `json:"note,omitempty" maxLength:"4000"`
	}
}

type noteInput struct {
	CallID
	Keyed
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"4000"`
	}
}

func (a *API) registerNotes() {
	const waits = " A call that is not recorded yet is waited for, three seconds at most; then the answer is 503."
	route(a, huma.Operation{OperationID: "set-disposition", Method: http.MethodPut, Path: "/v1/calls/{id}/disposition", Tags: []string{"calls"},
		Summary: "Say what a call came to", Description: "An agent may for calls that were offered to him." + waits}, a.setDisposition)
	route(a, huma.Operation{OperationID: "add-note", Method: http.MethodPost, Path: "/v1/calls/{id}/notes", Tags: []string{"calls"},
		DefaultStatus: http.StatusCreated,
		Summary:       "Add a note to a call", Description: "An agent may for calls that were offered to him." + waits}, a.addNote)
}

func (a *API) setDisposition(ctx context.Context, c caller, in *dispositionInput) (*callOutput, error) {
	if _, err := a.visibleCall(ctx, c, in.ID); err != nil {
		return nil, err
	}
	if err := a.checkCode(ctx, c.Tenant, in.Body.Code); err != nil {
		return nil, err
	}
	seen, err := parseIfMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	d := crm.Disposition{Code: in.Body.Code, Note: in.Body.Note, By: c.Name, At: crm.At(time.Now())}
	call, err := whenRecorded(ctx, func() (*crm.Call, error) { return a.store.SetDisposition(ctx, c.Tenant, in.ID, d, seen) })
	if errors.Is(err, crm.ErrConflict) {
		return nil, errPrecondition
	}
	if err != nil {
		return nil, fmt.Errorf("set disposition: %w", err)
	}
	return callAnswer(call), nil
}

func (a *API) checkCode(ctx context.Context, tenant, code string) error {
	codes, err := a.store.Dispositions(ctx, tenant)
	if err != nil {
		return err
	}
	known := make([]string, len(codes))
	for i, d := range codes {
		known[i] = d.Code
	}
	if !slices.Contains(known, code) {
		return &crm.InputError{Field: "code", Msg: "must be one of " + strings.Join(known, ", ")}
	}
	return nil
}

func (a *API) addNote(ctx context.Context, c caller, in *noteInput) (*callOutput, error) {
	if _, err := a.visibleCall(ctx, c, in.ID); err != nil {
		return nil, err
	}
	if strings.TrimSpace(in.Body.Text) == "" {
		return nil, &crm.InputError{Field: "text", Msg: "must not be blank"}
	}
	call, err := once(ctx, a, c, in.Key, "add-note "+in.ID, in.Body, func(id string) (*crm.Call, error) {
		n := crm.Note{ID: id, Text: in.Body.Text, By: c.Name, At: crm.At(time.Now())}
		return whenRecorded(ctx, func() (*crm.Call, error) { return a.store.AddNote(ctx, c.Tenant, in.ID, n) })
	})
	if err != nil {
		return nil, fmt.Errorf("add note: %w", err)
	}
	return callAnswer(call), nil
}

// whenRecorded repeats a write to a call that exists but is not in the store yet.
// When it does not get there in time the error is errPending.
func whenRecorded(ctx context.Context, write func() (*crm.Call, error)) (*crm.Call, error) {
	deadline := time.NewTimer(commitWait)
	defer deadline.Stop()
	poll := time.NewTicker(commitPoll)
	defer poll.Stop()
	for {
		call, err := write()
		if !errors.Is(err, crm.ErrNotFound) {
			return call, err
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			return nil, errPending
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
