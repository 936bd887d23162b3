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

// agentBody is a user with his extensions, and what he is doing.
type agentBody struct {
	Name       string   `json:"name"`
	Role       crm.Role `json:"role"`
	Disabled   bool     `json:"disabled,omitempty"`
	Extensions []string `json:"extensions" doc:"pbx/extension"`
	State      string   `json:"state" enum:"idle,ringing,talking,unavailable" doc:"As the open calls show it; unavailable: the PBX reaches none of his phones"`
	Since      crm.Time `json:"since,omitzero"`
}

type agentOutput struct{ Body agentBody }

type setAgentInput struct {
	Name string `path:"name"`
	Body struct {
		Extensions []string `json:"extensions" maxItems:"50" doc:"pbx/extension, for good; those not in the list are taken away"`
		Move       bool     `json:"move,omitempty" doc:"Take the extensions away from everybody else who has one"`
	}
}

func (a *API) registerAgents() {
	route(a, huma.Operation{OperationID: "list-agents", Method: http.MethodGet, Path: "/v1/agents", Tags: []string{"agents"},
		Summary: "Users who have extensions or are agents, by name"}, a.listAgents)
	route(a, huma.Operation{OperationID: "set-agent", Method: http.MethodPut, Path: "/v1/agents/{name}", Tags: []string{"agents"},
		Summary: "Give a user his extensions", Description: "An extension may have several users: a call that rings it pops at each of them. With move, whoever else has one of these extensions loses it: that is hot-desking. Calls that ring from then on pop at the new user, within 2 seconds."}, a.setAgent)
}

func (a *API) listAgents(ctx context.Context, c caller, in *Paged) (*listOutput[agentBody], error) {
	users, err := a.store.Users(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	extensions, err := a.extensions(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	open := a.live.Open(c.Tenant)
	agents := []agentBody{}
	for _, u := range users {
		if c.reach == own && u.ID != c.UserID {
			continue
		}
		if u.Role == crm.RoleAgent || len(extensions[u.ID]) > 0 {
			agents = append(agents, a.agentOf(u, extensions[u.ID], open))
		}
	}
	return pageOf(agents, func(b agentBody) string { return strings.ToLower(b.Name) }, *in)
}

func (a *API) setAgent(ctx context.Context, c caller, in *setAgentInput) (*agentOutput, error) {
	u, err := a.store.UserByName(ctx, c.Tenant, in.Name)
	if err != nil {
		return nil, err
	}
	want, err := a.parseExtensions(in.Body.Extensions)
	if err != nil {
		return nil, err
	}
	held, err := a.extensions(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	if err := a.rebind(ctx, u.ID, held[u.ID], want, in.Body.Move); err != nil {
		return nil, fmt.Errorf("set agent: %w", err)
	}
	return &agentOutput{Body: a.agentOf(u, want, a.live.Open(c.Tenant))}, nil
}

// rebind gives before it takes, so that a failure in between takes nothing away.
func (a *API) rebind(ctx context.Context, userID string, held, want []extension, alone bool) error {
	now := time.Now()
	for _, e := range want {
		b := crm.Binding{UserID: userID, PBX: e.pbx, Extension: e.number, From: crm.At(now)}
		if err := a.store.Bind(ctx, b, alone); err != nil {
			return err
		}
	}
	for _, e := range held {
		if slices.Contains(want, e) {
			continue
		}
		err := a.store.Unbind(ctx, userID, e.pbx, e.number, now)
		if err != nil && !errors.Is(err, crm.ErrNotFound) { // not found: it was taken away meanwhile
			return err
		}
	}
	return nil
}

// extension is a phone of a PBX.
type extension struct{ pbx, number string }

// String returns the extension in the form of `user add --extension`.
func (e extension) String() string { return e.pbx + "/" + e.number }

func names(extensions []extension) []string {
	out := make([]string, len(extensions))
	for i, e := range extensions {
		out[i] = e.String()
	}
	slices.Sort(out)
	return out
}

// extensions returns who has which extension now, by user id.
func (a *API) extensions(ctx context.Context, tenant string) (map[string][]extension, error) {
	bindings, err := a.store.Bindings(ctx, tenant)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	held := make(map[string][]extension)
	for _, b := range bindings {
		if b.Holds(now) {
			held[b.UserID] = append(held[b.UserID], extension{b.PBX, b.Extension})
		}
	}
	return held, nil
}

func (a *API) parseExtensions(in []string) ([]extension, error) {
	pbxs := a.status.PBXs()
	out := []extension{}
	for i, s := range in {
		pbx, number, ok := strings.Cut(s, "/")
		if !ok || pbx == "" || number == "" || len(s) > 200 {
			return nil, &crm.InputError{Field: fmt.Sprintf("extensions[%d]", i), Msg: "must be pbx/extension, like hq/1001"}
		}
		if len(pbxs) > 0 && !slices.ContainsFunc(pbxs, func(p PBXStatus) bool { return p.Name == pbx }) {
			return nil, &crm.InputError{Field: fmt.Sprintf("extensions[%d]", i), Msg: "names a PBX that is not configured"}
		}
		if e := (extension{pbx, number}); !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out, nil
}

func (a *API) agentOf(u crm.User, held []extension, open []*crm.Call) agentBody {
	state, since := stateOf(u.Name, open)
	reached := func(e extension) bool { return !a.live.Phone(u.Tenant, e.pbx, e.number).Away }
	if state == "idle" && len(held) > 0 && !slices.ContainsFunc(held, reached) {
		state = "unavailable"
	}
	return agentBody{Name: u.Name, Role: u.Role, Disabled: u.Disabled, Extensions: names(held), State: state, Since: since}
}

// stateOf reads off the open calls what an agent is doing: a talk counts before a ring.
func stateOf(name string, open []*crm.Call) (state string, since crm.Time) {
	state = "idle"
	for _, call := range open {
		for _, t := range call.Talks {
			if t.Has(name) && t.EndedAt.IsZero() {
				return "talking", t.StartedAt
			}
		}
		for _, o := range call.Offers {
			if o.Has(name) && o.Result == "" && o.EndedAt.IsZero() {
				state, since = "ringing", o.StartedAt
			}
		}
	}
	return state, since
}
