package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

// crms is what the API needs to know of CRMs.
type crms interface {
	CRMs(tenant string) []CRM // "" is every tenant's
}

// CRM is one that calls are written to, as the daemon that was asked serves it.
type CRM interface {
	Status() CRMStatus
	// Preview returns the fields that a job would write now, and which of them a person set in it; no
	// fields when nothing would be written.
	Preview(ctx context.Context, j crm.Job) (writes, set map[string]any, err error)
	// Edit returns the job's payload with other values of fields; nil leaves a field out.
	Edit(ctx context.Context, j crm.Job, fields map[string]*string) (payload []byte, err error)
	// Reconcile begins a comparison soon; false when the CRM has none.
	Reconcile() bool
}

// CRMStatus is how it stands with a CRM. Breaker, pauses, counts of this life and history are those of the node that was asked.
type CRMStatus struct {
	Name        string          `json:"name"`
	Kind        string          `json:"kind"`
	State       string          `json:"state" enum:"ok,paused,failing,needs_login,gone" doc:"paused: the CRM asked us to wait; failing: the breaker of writing or of look-ups is open; needs_login: our credentials do not count; gone: it wants nothing until a restart"`
	Breaker     string          `json:"breaker" enum:"closed,half-open,open" doc:"Of writing"`
	Breakers    CRMBreakers     `json:"breakers" doc:"Of each operation: one that fails stops no other"`
	PausedUntil crm.Time        `json:"paused_until,omitzero"`
	LastError   string          `json:"last_error,omitempty" doc:"Of the last write, empty after a success"`
	Written     int             `json:"written" doc:"Jobs done since the daemon started"`
	Quota       *CRMQuota       `json:"quota,omitempty" doc:"Absent: the CRM does not tell"`
	Contacts    *CRMContacts    `json:"contacts,omitempty"`
	Compared    *CRMComparison  `json:"reconciliation,omitempty" doc:"The last comparison; absent before the first"`
	History     []BreakerChange `json:"breaker_history" nullable:"false" doc:"The last changes, the oldest first"`
}

// CRMBreakers is the breakers of a CRM.
type CRMBreakers struct {
	Write     string `json:"write" enum:"closed,half-open,open"`
	Lookup    string `json:"lookup" enum:"closed,half-open,open" doc:"Of finding what was written by its key. Many CRMs need that before every write"`
	Pull      string `json:"pull,omitempty" enum:"closed,half-open,open" doc:"Of reading contacts; absent when none are read"`
	Reconcile string `json:"reconcile,omitempty" enum:"closed,half-open,open" doc:"Of the comparison; absent when there is none"`
}

// CRMQuota is what the CRM said last of the day's requests.
type CRMQuota struct {
	Used  int      `json:"used"`
	Limit int      `json:"limit"`
	At    crm.Time `json:"at"`
	// Writing says what that means for writing.
	Writing string `json:"writing" enum:"free,slowed,held" doc:"slowed from 80 %; held from 90 %: the rest is for look-ups"`
}

// CRMContacts is what the pull of contacts has done since the daemon started.
type CRMContacts struct {
	Breaker  string   `json:"breaker" enum:"closed,half-open,open"`
	Changed  int      `json:"changed"`
	Removed  int      `json:"removed"`
	Unusable int      `json:"unusable" doc:"Contacts without a number that a call can be matched with"`
	UpToDate crm.Time `json:"up_to_date_at,omitzero" doc:"When the last change was taken over"`
}

// CRMComparison is what comparing the CRM's activities with the call records came to.
type CRMComparison struct {
	At        crm.Time `json:"at"`
	Breaker   string   `json:"breaker" enum:"closed,half-open,open"`
	Compared  int      `json:"compared"`
	Missing   int      `json:"missing"`
	Different int      `json:"different"`
	Waiting   int      `json:"waiting" doc:"Their jobs are not done"`
	Skipped   int      `json:"skipped" doc:"A person gave their jobs up"`
	Repaired  int      `json:"repaired" doc:"Jobs that write them again"`
	Doubled   []string `json:"doubled" nullable:"false" doc:"Keys that several activities of the CRM carry: leave one there"`
}

// BreakerChange is a moment at which a CRM was found to fail, or to work again.
type BreakerChange struct {
	At        crm.Time `json:"at"`
	Operation string   `json:"operation" doc:"write, lookup, pull or reconcile"`
	From      string   `json:"from"`
	To        string   `json:"to"`
}

type crmBody struct {
	CRMStatus
	Waiting int `json:"waiting" doc:"Jobs that wait, or are under way"`
	Parked  int `json:"parked" doc:"Jobs that a person must look at"`
	Skipped int `json:"skipped" doc:"Jobs that a person gave up"`
}

type crmOutput struct{ Body crmBody }

type crmJobOutput struct {
	Body struct {
		Job    jobBody        `json:"job"`
		Writes map[string]any `json:"writes,omitempty" doc:"The fields as they would be written now; absent when nothing would be"`
		Set    map[string]any `json:"set,omitempty" doc:"Those of them that a person set; null is left out"`
		Lasts  string         `json:"set_lasts,omitempty" enum:"while_mapping_same" doc:"How long the CRM keeps what a person set: later changes of the call write it too, as long as the mapping gives for that field what it gave when it was set; another disposition, say, replaces it. Absent when nothing is set"`
	}
}

// whileMappingSame: what people set stands for what the mapping gave then. When it gives something else, that is news.
const whileMappingSame = "while_mapping_same"

type editJobInput struct {
	JobID
	Body struct {
		Fields map[string]*string `json:"fields" minProperties:"1" maxProperties:"50" doc:"Value by field of the CRM, in place of the mapping's; null leaves the field out. It holds for later changes of the call too, as long as the mapping gives for the field what it gives now"`
	}
}

func (a *API) registerCRMs() {
	tags := []string{"crms"}
	add := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Tags: tags, Summary: summary, DefaultStatus: status}
	}
	route(a, add("list-crms", http.MethodGet, "/v1/crms", "The CRMs, how it stands with them, and what is stuck", 0), a.listCRMs)
	route(a, add("read-crm", http.MethodGet, "/v1/crms/{name}", "One CRM", 0), a.readCRM)
	route(a, add("reconcile-crm", http.MethodPost, "/v1/crms/{name}/reconcile",
		"Compare the CRM's activities with the call records now, and repair", http.StatusAccepted), a.reconcileCRM)
	route(a, add("list-crm-jobs", http.MethodGet, "/v1/crms/{name}/jobs", "The jobs of a CRM, the oldest first", 0), a.listJobs)
	route(a, add("read-crm-job", http.MethodGet, "/v1/crms/{name}/jobs/{id}", "One job, with what it would write", 0), a.readCRMJob)
	route(a, add("edit-crm-job", http.MethodPut, "/v1/crms/{name}/jobs/{id}", "Change what a parked job writes", 0), a.editCRMJob)
	route(a, add("redrive-crm-job", http.MethodPost, "/v1/crms/{name}/jobs/{id}/redrive", "Try a parked job again", http.StatusNoContent), a.redrive)
	route(a, add("redrive-crm-jobs", http.MethodPost, "/v1/crms/{name}/redrive", "Try every parked job again", 0), a.redriveAll)
	skip := add("skip-crm-job", http.MethodPost, "/v1/crms/{name}/jobs/{id}/skip", "Give up a parked job", http.StatusNoContent)
	skip.Description = skipText
	route(a, skip, a.skip)
}

func (a *API) listCRMs(ctx context.Context, c caller, in *Paged) (*listOutput[crmBody], error) {
	var out []crmBody
	for _, m := range a.crms.CRMs(c.Tenant) {
		body, err := a.bodyOfCRM(ctx, m)
		if err != nil {
			return nil, err
		}
		out = append(out, body)
	}
	return pageOf(out, func(m crmBody) string { return m.Name }, *in)
}

func (a *API) bodyOfCRM(ctx context.Context, m CRM) (crmBody, error) {
	s := m.Status()
	n, err := a.store.CountJobs(ctx, s.Name)
	return crmBody{CRMStatus: s, Waiting: n[crm.JobReady] + n[crm.JobLeased], Parked: n[crm.JobParked], Skipped: n[crm.JobSkipped]}, err
}

func (a *API) readCRM(ctx context.Context, c caller, in *destinationInput) (*crmOutput, error) {
	m, err := a.crm(c, in.Name)
	if err != nil {
		return nil, err
	}
	body, err := a.bodyOfCRM(ctx, m)
	if err != nil {
		return nil, err
	}
	return &crmOutput{body}, nil
}

// crm returns a CRM of the caller's tenant.
func (a *API) crm(c caller, name string) (CRM, error) {
	for _, m := range a.crms.CRMs(c.Tenant) {
		if m.Status().Name == name {
			return m, nil
		}
	}
	return nil, crm.ErrNotFound
}

func (a *API) reconcileCRM(_ context.Context, c caller, in *destinationInput) (*struct{}, error) {
	m, err := a.crm(c, in.Name)
	if err != nil {
		return nil, err
	}
	if !m.Reconcile() {
		return nil, &crm.InputError{Field: "name", Msg: "this CRM is not reconciled: see `reconcile` in its configuration"}
	}
	a.log.Info("a comparison was asked for", "dest", in.Name, "by", c.Name)
	return nil, nil
}

func (a *API) readCRMJob(ctx context.Context, c caller, in *JobID) (*crmJobOutput, error) {
	m, err := a.crm(c, in.Name)
	if err != nil {
		return nil, err
	}
	j, err := a.job(ctx, c, *in)
	if err != nil {
		return nil, err
	}
	return preview(ctx, m, j)
}

func preview(ctx context.Context, m CRM, j crm.Job) (out *crmJobOutput, err error) {
	out = &crmJobOutput{}
	out.Body.Job = bodyOf(j)
	out.Body.Writes, out.Body.Set, err = m.Preview(ctx, j)
	if len(out.Body.Set) > 0 {
		out.Body.Lasts = whileMappingSame
	}
	return out, err
}

func (a *API) editCRMJob(ctx context.Context, c caller, in *editJobInput) (*crmJobOutput, error) {
	m, err := a.crm(c, in.Name)
	if err != nil {
		return nil, err
	}
	var edited crm.Job
	err = a.change(ctx, c, in.JobID, "edit", func(j crm.Job) error {
		edited = j
		if edited.Payload, err = m.Edit(ctx, j, in.Body.Fields); err != nil {
			return err
		}
		return a.store.EditJob(ctx, j.ID, edited.Payload)
	})
	if err != nil {
		return nil, err
	}
	return preview(ctx, m, edited)
}
