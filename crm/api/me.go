package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
	"patchcord/crm/auth"
)

type meBody struct {
	Name       string   `json:"name"`
	Role       crm.Role `json:"role"`
	Tenant     string   `json:"tenant"`
	Extensions []string `json:"extensions" doc:"pbx/extension, each that he has now"`
}

type meOutput struct{ Body meBody }

type ticketBody struct {
	Ticket    string `json:"ticket"`
	ExpiresIn int    `json:"expires_in" doc:"Seconds"`
}

type ticketOutput struct{ Body ticketBody }

type setupInput struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"200" doc:"From the link that the first start printed"`
		Username string `json:"username" minLength:"1" maxLength:"200"`
		Password string `json:"password" minLength:"1" maxLength:"1024" doc:"12 to 128 characters"`
	}
}

type setupOutput struct {
	Body struct {
		Name string   `json:"name"`
		Role crm.Role `json:"role"`
	}
}

func (a *API) registerMe() {
	route(a, huma.Operation{OperationID: "me", Method: http.MethodGet, Path: "/v1/me", Tags: []string{"login"},
		Summary: "Who you are"}, a.me)
	route(a, huma.Operation{OperationID: "push-ticket", Method: http.MethodPost, Path: "/v1/push/ticket", Tags: []string{"push"},
		Summary: "A single-use ticket for the WebSocket at /v1/push"}, a.pushTicket)
	route(a, huma.Operation{OperationID: "setup", Method: http.MethodPost, Path: "/v1/setup", Tags: []string{"login"},
		DefaultStatus: http.StatusCreated, Summary: "Create the owner with the one-time token of the first start"}, a.setup)
}

func (a *API) me(ctx context.Context, c caller, _ *struct{}) (*meOutput, error) {
	extensions, err := a.extensions(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	return &meOutput{Body: meBody{Name: c.Name, Role: c.Role, Tenant: c.Tenant, Extensions: names(extensions[c.UserID])}}, nil
}

func (a *API) pushTicket(ctx context.Context, c caller, _ *struct{}) (*ticketOutput, error) {
	ticket, err := a.auth.PushTicket(ctx, c.Principal, c.origin)
	if err != nil {
		return nil, err
	}
	return &ticketOutput{Body: ticketBody{Ticket: ticket, ExpiresIn: int(auth.PushTicketTTL.Seconds())}}, nil
}

func (a *API) setup(ctx context.Context, _ caller, in *setupInput) (*setupOutput, error) {
	u, err := a.auth.Setup(ctx, in.Body.Token, in.Body.Username, crm.Secret(in.Body.Password))
	if errors.Is(err, crm.ErrUnauthenticated) {
		return nil, &crm.InputError{Field: "token", Msg: "is not the newest set-up link, or was used; a restart prints a new one"}
	}
	if err != nil {
		return nil, err
	}
	out := &setupOutput{}
	out.Body.Name, out.Body.Role = u.Name, u.Role
	return out, nil
}
