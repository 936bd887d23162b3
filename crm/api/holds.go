package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

type holdInput struct {
	CallID
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"Why the call must be kept, such as a case number"`
	}
}

func (a *API) registerHolds() {
	route(a, huma.Operation{OperationID: "hold-call", Method: http.MethodPut, Path: "/v1/calls/{id}/hold", Tags: []string{"calls"},
		DefaultStatus: http.StatusNoContent, Summary: "Put a call under legal hold",
		Description: "Everything of it is kept, whatever retention says, until it is released. One that is held already keeps its first hold."}, a.holdCall)
	route(a, huma.Operation{OperationID: "release-call", Method: http.MethodDelete, Path: "/v1/calls/{id}/hold", Tags: []string{"calls"},
		DefaultStatus: http.StatusNoContent, Summary: "End the legal hold of a call"}, a.releaseCall)
	route(a, huma.Operation{OperationID: "list-holds", Method: http.MethodGet, Path: "/v1/holds", Tags: []string{"calls"},
		Summary: "Calls under legal hold, the oldest hold first"}, a.listHolds)
}

func (a *API) holdCall(ctx context.Context, c caller, in *holdInput) (*struct{}, error) {
	h := crm.Hold{CallID: in.ID, Reason: in.Body.Reason, By: c.Name, At: crm.At(time.Now())}
	if err := a.store.Hold(ctx, c.Tenant, h); err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "a call is under legal hold", "call", in.ID, "by", c.UserID)
	return nil, nil
}

func (a *API) releaseCall(ctx context.Context, c caller, in *CallID) (*struct{}, error) {
	if err := a.store.Release(ctx, c.Tenant, in.ID); err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "a call is no longer under legal hold", "call", in.ID, "by", c.UserID)
	return nil, nil
}

func (a *API) listHolds(ctx context.Context, c caller, in *Paged) (*listOutput[crm.Hold], error) {
	holds, err := a.store.Holds(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	return pageOf(holds, func(h crm.Hold) string { return h.At.UTC().Format("2006-01-02T15:04:05.000") + " " + h.CallID }, *in)
}
