package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

// longTalk is how long before a call another one may have begun in which an agent still talks.
const longTalk = 12 * time.Hour

type explainInput struct {
	CallID
	Agent string `query:"agent" maxLength:"200" doc:"User name: why this agent had a pop, or had none, also when the call never rang him"`
}

type explainOutput struct{ Body crm.Explanation }

// extensionBody is a phone of a PBX and whose it is.
type extensionBody struct {
	PBX       string   `json:"pbx"`
	Extension string   `json:"extension"`
	Users     []string `json:"users" nullable:"false" doc:"Nobody: calls that ring it pop nowhere; bind it with PUT /v1/agents/{name}/extensions/{pbx}/{extension}"`
	LoggedIn  string   `json:"logged_in,omitempty" doc:"Number of the user who is logged in at the phone, where that is not its own: who is bound to that has its pops"`
	Member    string   `json:"queue_member,omitempty" doc:"Name under which somebody logged into queues at the phone; where nobody is bound to it, a user of that name has its pops"`
	Paused    bool     `json:"paused,omitempty" doc:"In every queue that it is a member of"`
	SeenAt    crm.Time `json:"seen_at,omitzero" doc:"When a call last rang it or it talked; absent: not in that time"`
}

type extensionsInput struct {
	Paged
	Days    int  `query:"days" minimum:"1" maximum:"3650" default:"30" doc:"How far back calls are looked at"`
	Unbound bool `query:"unbound" doc:"Only those that nobody has"`
}

func (a *API) registerExplain() {
	route(a, huma.Operation{OperationID: "explain-call", Method: http.MethodGet, Path: "/v1/calls/{id}/explain", Tags: []string{"calls"},
		Summary: "Why a call popped where it did, and nowhere else",
		Description: `One plain sentence for each agent whom the call rang, and the ordered evidence: what the PBX said, who is who,
which rules fired, rings, pop deliveries with their latency and acknowledgement, webhook and CRM writes. Times in sentences are UTC;
those of evidence are of this daemon's clock, those of records of the PBX's.
An agent is answered about himself only: of a call that was not offered to him, why not.`}, a.explainCall)
	route(a, huma.Operation{OperationID: "list-extensions", Method: http.MethodGet, Path: "/v1/extensions", Tags: []string{"agents"},
		Summary: "Extensions that had part in calls or have users, by PBX and number",
		Description: `Whatever a call rang is shown, bound or not. An extension is the number of the phone that rang. Where people log in at phones
(FreePBX's device and user mode), whoever is bound to the number of the user who is logged in there has its pops.`}, a.listExtensions)
}

func (a *API) explainCall(ctx context.Context, c caller, in *explainInput) (*explainOutput, error) {
	if !utf8.ValidString(in.ID) || strings.ContainsRune(in.ID, 0) {
		return nil, crm.ErrNotFound
	}
	call, err := a.findCall(ctx, c.Tenant, in.ID)
	if err != nil {
		return nil, err
	}
	agent, err := a.explainedTo(ctx, c, in.Agent)
	if err != nil {
		return nil, err
	}
	cs := crm.Case{Call: call, Agent: agent, Now: time.Now()}
	if err := a.gather(ctx, c, &cs); err != nil {
		return nil, err
	}
	x := crm.Explain(cs)
	if c.reach == own {
		x.Only(agent, c.seesCall(call))
	}
	return &explainOutput{Body: x}, nil
}

// explainedTo returns whom the explanation is about, as he is stored; "" is everybody.
func (a *API) explainedTo(ctx context.Context, c caller, name string) (string, error) {
	if c.reach == own {
		if name != "" && !strings.EqualFold(name, c.Name) {
			return "", crm.ErrForbidden
		}
		return c.Name, nil
	}
	if name == "" {
		return "", nil
	}
	u, err := a.store.UserByName(ctx, c.Tenant, name)
	if errors.Is(err, crm.ErrNotFound) {
		return "", &crm.InputError{Field: "agent", Msg: "is no user; /v1/agents lists them"}
	}
	return u.Name, err
}

// gather reads what the explanation is made of.
func (a *API) gather(ctx context.Context, c caller, cs *crm.Case) (err error) {
	if cs.Evidence, cs.More, err = a.store.Evidence(ctx, c.Tenant, cs.Call.ID); err != nil {
		return err
	}
	if cs.Bindings, err = a.store.Bindings(ctx, c.Tenant); err != nil {
		return err
	}
	if c.reach > own {
		if cs.Jobs, err = a.store.CallJobs(ctx, c.Tenant, cs.Call.ID, a.destinations.Destinations(c.Tenant)); err != nil {
			return err
		}
	}
	if cs.Agent == "" {
		return nil
	}
	cs.Others = a.live.Open(c.Tenant)
	f := crm.CallFilter{Agent: cs.Agent}
	if !cs.Call.StartedAt.IsZero() {
		f.From = cs.Call.StartedAt.Add(-longTalk)
	}
	if !cs.Call.EndedAt.IsZero() {
		f.Until = cs.Call.EndedAt.Time
	}
	stored, _, err := a.store.Calls(ctx, c.Tenant, f, crm.Page{Limit: 200})
	cs.Others = append(slices.Clip(cs.Others), stored...)
	return err
}

func (a *API) listExtensions(ctx context.Context, c caller, in *extensionsInput) (*listOutput[extensionBody], error) {
	now := time.Now()
	seen, err := a.store.SeenExtensions(ctx, c.Tenant, now.AddDate(0, 0, -in.Days))
	if err != nil {
		return nil, err
	}
	bindings, err := a.store.Bindings(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	phones := map[extension]*extensionBody{}
	at := func(pbx, number string) *extensionBody {
		k := extension{pbx, number}
		if phones[k] == nil {
			now := a.live.Phone(c.Tenant, pbx, number)
			phones[k] = &extensionBody{PBX: pbx, Extension: number, Users: []string{}, LoggedIn: now.LoggedIn, Member: now.Member, Paused: now.Paused}
		}
		return phones[k]
	}
	for _, s := range seen {
		at(s.PBX, s.Extension).SeenAt = s.SeenAt
	}
	for _, b := range bindings {
		if b.Holds(now) {
			p := at(b.PBX, b.Extension)
			p.Users = append(p.Users, b.User)
		}
	}
	list := []extensionBody{}
	for _, p := range phones {
		slices.Sort(p.Users)
		if !in.Unbound || len(p.Users) == 0 {
			list = append(list, *p)
		}
	}
	return pageOf(list, func(e extensionBody) string { return e.PBX + "\x00" + e.Extension }, in.Paged)
}
