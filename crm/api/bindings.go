package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

// backdate is how far in the past a binding may begin: clocks differ a little. Records
// name who had an extension when they were made, and nobody later.
const backdate = time.Minute

// PhonePath names one extension of one user. It is exported for huma, as Paged is.
type PhonePath struct {
	Name      string `path:"name" doc:"User name"`
	PBX       string `path:"pbx"`
	Extension string `path:"extension"`
}

type bindInput struct {
	PhonePath
	Body *struct {
		From  crm.Time `json:"from,omitzero" doc:"Absent: now"`
		Until crm.Time `json:"until,omitzero" doc:"Absent: for good"`
		Move  bool     `json:"move,omitempty" doc:"Nobody else has the extension in that time; whoever had it has it again afterwards"`
	}
}

type bindingsInput struct {
	Paged
	Name string `path:"name"`
}

func (a *API) registerBindings() {
	tags := []string{"agents"}
	route(a, huma.Operation{OperationID: "list-bindings", Method: http.MethodGet, Path: "/v1/agents/{name}/extensions", Tags: tags,
		Summary: "Which extensions a user had, has and will have, by their beginning"}, a.listBindings)
	route(a, huma.Operation{OperationID: "bind-extension", Method: http.MethodPut, Path: "/v1/agents/{name}/extensions/{pbx}/{extension}", Tags: tags,
		Summary: "Give a user one extension, now or for a time to come",
		Description: `Beside whoever else has it, or with move alone: that is hot-desking. What he has of that time already becomes one with it.
A ring belongs to whoever had the extension when it began; calls that ring from then on pop at the new user, within 2 seconds.
Supervisors do this for agents. The answer is who has the extension now, and who will.`}, a.bindExtension)
	route(a, huma.Operation{OperationID: "unbind-extension", Method: http.MethodDelete, Path: "/v1/agents/{name}/extensions/{pbx}/{extension}", Tags: tags,
		DefaultStatus: http.StatusNoContent, Summary: "Take one extension from a user, now and for times to come"}, a.unbindExtension)
}

func (a *API) listBindings(ctx context.Context, c caller, in *bindingsInput) (*listOutput[crm.Binding], error) {
	u, err := a.store.UserByName(ctx, c.Tenant, in.Name)
	if err != nil {
		return nil, err
	}
	if c.reach == own && u.ID != c.UserID {
		return nil, crm.ErrNotFound
	}
	return a.bindings(ctx, c, in.Paged, func(b crm.Binding) bool { return b.UserID == u.ID })
}

func (a *API) bindings(ctx context.Context, c caller, p Paged, wanted func(crm.Binding) bool) (*listOutput[crm.Binding], error) {
	all, err := a.store.Bindings(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(all, func(b crm.Binding) bool { return !wanted(b) || !b.Until.IsZero() && !b.Until.After(b.From.Time) })
	return pageOf(list, func(b crm.Binding) string {
		return strings.Join([]string{b.From.UTC().Format("2006-01-02T15:04:05.000"), b.PBX, b.Extension, b.User}, "\x00")
	}, p)
}

func (a *API) bindExtension(ctx context.Context, c caller, in *bindInput) (*listOutput[crm.Binding], error) {
	u, e, err := a.seat(ctx, c, in.PhonePath)
	if err != nil {
		return nil, err
	}
	now := crm.At(time.Now())
	b, move := crm.Binding{UserID: u.ID, PBX: e.pbx, Extension: e.number}, false
	if in.Body != nil {
		b.From, b.Until, move = in.Body.From, in.Body.Until, in.Body.Move
	}
	if b.From.IsZero() {
		b.From = now
	}
	switch {
	case b.From.Before(now.Add(-backdate)):
		return nil, &crm.InputError{Field: "from", Msg: "lies in the past; records say already who had the extension then"}
	case !b.Until.IsZero() && !b.Until.After(b.From.Time):
		return nil, &crm.InputError{Field: "until", Msg: "must be later than from, which is " + b.From.UTC().Format(time.RFC3339)}
	}
	if err := a.store.Bind(ctx, b, move); err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "an extension was given to a user", "pbx", e.pbx, "extension", e.number, "user", u.ID, "from", b.From, "until", b.Until, "move", move, "by", c.UserID)
	return a.bindings(ctx, c, Paged{}, func(b crm.Binding) bool {
		return b.PBX == e.pbx && b.Extension == e.number && (b.Until.IsZero() || b.Until.After(now.Time))
	})
}

func (a *API) unbindExtension(ctx context.Context, c caller, in *PhonePath) (*struct{}, error) {
	u, e, err := a.seat(ctx, c, *in)
	if err != nil {
		return nil, err
	}
	if err := a.store.Unbind(ctx, u.ID, e.pbx, e.number, time.Now()); err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "an extension was taken from a user", "pbx", e.pbx, "extension", e.number, "user", u.ID, "by", c.UserID)
	return nil, nil
}

// seat returns the user and the extension that a path names, if the caller may bring them
// together: supervisors decide for agents, not for themselves or those above them.
func (a *API) seat(ctx context.Context, c caller, p PhonePath) (crm.User, extension, error) {
	u, err := a.store.UserByName(ctx, c.Tenant, p.Name)
	if err != nil {
		return u, extension{}, err
	}
	if c.reach < tenant && u.Role != crm.RoleAgent {
		return u, extension{}, crm.ErrForbidden
	}
	e := extension{p.PBX, p.Extension}
	if _, err := a.parseExtensions([]string{e.String()}); err != nil || strings.Contains(e.number, "/") {
		return u, e, &crm.InputError{Field: "pbx", Msg: "names a PBX that is not configured, or the extension is none"}
	}
	return u, e, nil
}
