package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

// readyTimeout is how long the store may take to answer /readyz.
const readyTimeout = 2 * time.Second

// Connected is the state of a PBX whose session is logged in.
const Connected = "connected"

// PBXStatus is how a PBX is connected, as /readyz shows it.
type PBXStatus struct {
	Name        string      `json:"name"`
	State       string      `json:"state" enum:"connecting,connected,refused,disconnected,standby" doc:"refused: the PBX does not take our login; standby: another node has it"`
	Since       crm.Time    `json:"since,omitzero"`
	LastFrameAt crm.Time    `json:"last_frame_at,omitzero"`
	LagMS       *crm.Millis `json:"lag_ms,omitempty" doc:"How far the record is behind what was received"`
	Detail      string      `json:"detail,omitempty" doc:"Why it is not connected, or what it lacks"`
	DeadLetters int         `json:"dead_letters,omitempty" doc:"What it said that could not be recorded and waits for a person; see /v1/deadletters"`
}

type healthOutput struct{ Body healthBody }

type healthBody struct {
	Status string `json:"status" enum:"ok"`
}

func alive() healthBody { return healthBody{Status: "ok"} }

type readyOutput struct {
	Status int
	Body   readyBody
}

type readyBody struct {
	Status string      `json:"status" enum:"ok,degraded,unavailable" doc:"degraded: a PBX is not connected or lacks something, or a CRM takes nothing; unavailable: the store does not answer, or the daemon still waits for it, status 503"`
	Store  string      `json:"store" enum:"ok,unavailable"`
	PBXs   []PBXStatus `json:"pbxs" nullable:"false"`
	CRMs   []crmReady  `json:"crms" nullable:"false"`
}

// crmReady is how it stands with a CRM, for anybody who asks.
type crmReady struct {
	Name  string `json:"name"`
	State string `json:"state" enum:"ok,paused,failing,needs_login,gone"`
}

func (a *API) registerHealth() {
	route(a, huma.Operation{OperationID: "healthz", Method: http.MethodGet, Path: "/healthz", Tags: []string{"health"},
		Summary: "The process answers"}, a.healthz)
	body := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[readyBody](), true, "")
	route(a, huma.Operation{OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Tags: []string{"health"},
		Summary: "The store answers, and how it stands with each PBX and CRM",
		Responses: map[string]*huma.Response{"503": {
			Description: "The store does not answer", Content: map[string]*huma.MediaType{"application/json": {Schema: body}},
		}}}, a.readyz)
}

func (a *API) healthz(context.Context, caller, *struct{}) (*healthOutput, error) {
	return &healthOutput{Body: alive()}, nil
}

// readyz stays 200 while a PBX or a CRM is away: pages and history work, and a balancer
// must not hide the page that says since when it is away.
func (a *API) readyz(ctx context.Context, _ caller, _ *struct{}) (*readyOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	out := &readyOutput{Status: http.StatusOK, Body: readyBody{Status: "ok", Store: "ok", PBXs: a.status.PBXs()}}
	if out.Body.PBXs == nil {
		out.Body.PBXs = []PBXStatus{}
	}
	for _, p := range out.Body.PBXs {
		if p.State != Connected && p.State != "standby" || p.Detail != "" {
			out.Body.Status = "degraded"
		}
	}
	out.Body.CRMs = []crmReady{}
	for _, m := range a.crms.CRMs("") {
		s := m.Status()
		out.Body.CRMs = append(out.Body.CRMs, crmReady{s.Name, s.State})
		if s.State != "ok" && s.State != "paused" {
			out.Body.Status = "degraded"
		}
	}
	if err := a.store.Ping(ctx); err != nil {
		a.log.Warn("the store does not answer", "err", err)
		out.Status, out.Body.Status, out.Body.Store = http.StatusServiceUnavailable, "unavailable", "unavailable"
	}
	return out, nil
}
