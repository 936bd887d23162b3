package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

// destinations is what the API needs to know of webhooks and CRMs: a job does not
// carry its tenant, its destination does.
type destinations interface {
	Destinations(tenant string) []string
}

// maxJobs is how many jobs of one state are looked at.
const maxJobs = 1000

// jobBody is a job without its payload, which holds personal data.
type jobBody struct {
	ID       int64        `json:"id"`
	Call     string       `json:"call,omitempty"`
	Event    string       `json:"event" doc:"Id of the event, or what makes the write the same"`
	Kind     string       `json:"kind"`
	State    crm.JobState `json:"state" enum:"ready,leased,done,parked,skipped"`
	RunAt    crm.Time     `json:"run_at,omitzero"`
	Attempts int          `json:"attempts"`
	Error    string       `json:"error,omitempty" doc:"Of the last attempt"`
}

type webhookBody struct {
	Name   string `json:"name"`
	Ready  int    `json:"ready" doc:"Jobs that wait, or are under way"`
	Parked int    `json:"parked" doc:"Jobs that a person must look at"`
}

type jobsInput struct {
	Paged
	Name  string `path:"name"`
	State string `query:"state" enum:"ready,leased,done,parked,skipped" default:"parked" doc:"ready: they wait; leased: under way; parked: a person must look at them; skipped: given up"`
}

// JobID names a job of a destination in a path.
type JobID struct {
	Name string `path:"name"`
	ID   string `path:"id" doc:"A number"`
}

type destinationInput struct {
	Name string `path:"name"`
}

type skipInput struct {
	JobID
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"200" doc:"Kept with the job, after who skipped it"`
	}
}

type redrivenOutput struct {
	Body struct {
		Redriven int `json:"redriven" doc:"How many parked jobs are ready again"`
	}
}

func (a *API) registerWebhooks() {
	tags := []string{"webhooks"}
	route(a, huma.Operation{OperationID: "list-webhooks", Method: http.MethodGet, Path: "/v1/webhooks", Tags: tags,
		Summary: "Where events go, and what is stuck"}, a.listWebhooks)
	route(a, huma.Operation{OperationID: "list-webhook-jobs", Method: http.MethodGet, Path: "/v1/webhooks/{name}/jobs", Tags: tags,
		Summary: "The jobs of a destination, the oldest first"}, a.listJobs)
	route(a, huma.Operation{OperationID: "redrive-webhook-job", Method: http.MethodPost, Path: "/v1/webhooks/{name}/jobs/{id}/redrive", Tags: tags,
		DefaultStatus: http.StatusNoContent, Summary: "Try a parked job again"}, a.redrive)
	route(a, huma.Operation{OperationID: "redrive-webhook-jobs", Method: http.MethodPost, Path: "/v1/webhooks/{name}/redrive", Tags: tags,
		Summary: "Try every parked job again"}, a.redriveAll)
	route(a, huma.Operation{OperationID: "skip-webhook-job", Method: http.MethodPost, Path: "/v1/webhooks/{name}/jobs/{id}/skip", Tags: tags,
		DefaultStatus: http.StatusNoContent, Summary: "Give up a parked job", Description: skipText}, a.skip)
}

func (a *API) listWebhooks(ctx context.Context, c caller, in *Paged) (*listOutput[webhookBody], error) {
	var out []webhookBody
	for _, name := range a.destinations.Destinations(c.Tenant) {
		n, err := a.store.CountJobs(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, webhookBody{Name: name, Ready: n[crm.JobReady] + n[crm.JobLeased], Parked: n[crm.JobParked]})
	}
	return pageOf(out, func(w webhookBody) string { return w.Name }, *in)
}

func (a *API) listJobs(ctx context.Context, c caller, in *jobsInput) (*listOutput[jobBody], error) {
	if err := a.hasDestination(c, in.Name); err != nil {
		return nil, err
	}
	jobs, err := a.store.Jobs(ctx, in.Name, crm.JobState(in.State), maxJobs)
	if err != nil {
		return nil, err
	}
	out := make([]jobBody, len(jobs))
	for i, j := range jobs {
		out[i] = bodyOf(j)
	}
	return pageOf(out, func(j jobBody) string { return fmt.Sprintf("%020d", j.ID) }, in.Paged)
}

func bodyOf(j crm.Job) jobBody {
	return jobBody{ID: j.ID, Call: j.Lane, Event: j.Key, Kind: j.Kind, State: j.State, RunAt: crm.At(j.RunAt), Attempts: j.Attempts, Error: j.LastErr}
}

func (a *API) redrive(ctx context.Context, c caller, in *JobID) (*struct{}, error) {
	return nil, a.change(ctx, c, *in, "redrive", func(j crm.Job) error { return a.store.Redrive(ctx, j.ID, time.Now()) })
}

func (a *API) redriveAll(ctx context.Context, c caller, in *destinationInput) (*redrivenOutput, error) {
	if err := a.hasDestination(c, in.Name); err != nil {
		return nil, err
	}
	n, err := a.store.RedriveAll(ctx, in.Name, time.Now())
	if err != nil {
		return nil, err
	}
	a.log.Info("parked jobs are tried again", "dest", in.Name, "jobs", n, "by", c.Name)
	out := &redrivenOutput{}
	out.Body.Redriven = n
	return out, nil
}

const skipText = "It is not done, and what waits behind it about the same call goes on."

func (a *API) skip(ctx context.Context, c caller, in *skipInput) (*struct{}, error) {
	reason := "skipped by " + c.Name
	if in.Body != nil && in.Body.Reason != "" {
		reason += ": " + in.Body.Reason
	}
	return nil, a.change(ctx, c, in.JobID, "skip", func(j crm.Job) error { return a.store.SkipJob(ctx, j.ID, reason) })
}

// change does something to a parked job and writes down who did.
func (a *API) change(ctx context.Context, c caller, id JobID, doing string, do func(crm.Job) error) error {
	j, err := a.job(ctx, c, id)
	if err != nil {
		return err
	}
	if j.State != crm.JobParked {
		return crm.ErrNotFound
	}
	if err := do(j); err != nil {
		return fmt.Errorf("%s job %s: %w", doing, id.ID, err)
	}
	a.log.Info("a person changed a parked job", "dest", id.Name, "job", id.ID, "what", doing, "by", c.Name)
	return nil
}

func (a *API) job(ctx context.Context, c caller, id JobID) (crm.Job, error) {
	if err := a.hasDestination(c, id.Name); err != nil {
		return crm.Job{}, err
	}
	n, err := strconv.ParseInt(id.ID, 10, 64)
	if err != nil {
		return crm.Job{}, crm.ErrNotFound // no job has such an id
	}
	return a.store.Job(ctx, id.Name, n)
}

func (a *API) hasDestination(c caller, name string) error {
	if !slices.Contains(a.destinations.Destinations(c.Tenant), name) {
		return crm.ErrNotFound
	}
	return nil
}
