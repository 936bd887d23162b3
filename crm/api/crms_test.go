package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

// crmList is the CRMs of each tenant.
type crmList map[string][]*crmDouble

func (l crmList) CRMs(tenant string) (out []CRM) {
	for of, list := range l {
		for _, m := range list {
			if tenant == "" || tenant == of {
				out = append(out, m)
			}
		}
	}
	return out
}

// crmDouble keeps in a job's payload what was set in it.
type crmDouble struct {
	name, state string
	compared    int
}

func (d *crmDouble) Status() CRMStatus {
	return CRMStatus{
		Name: d.name, Kind: "salesforce", State: cmp.Or(d.state, "ok"), Breaker: "closed", Breakers: CRMBreakers{Write: "closed", Lookup: "open"},
		Quota:   &CRMQuota{Used: 85, Limit: 100, Writing: "slowed"},
		History: []BreakerChange{{At: crm.At(time.Unix(1, 0)), Operation: "write", From: "closed", To: "open"}},
	}
}

func (d *crmDouble) Preview(_ context.Context, j crm.Job) (writes, set map[string]any, err error) {
	_ = json.Unmarshal(j.Payload, &set) // what was never edited holds nothing
	return map[string]any{"Subject": "Inbound call"}, set, nil
}

func (d *crmDouble) Edit(_ context.Context, _ crm.Job, fields map[string]*string) ([]byte, error) {
	if _, bad := fields["bad"]; bad {
		return nil, &crm.InputError{Field: "fields.bad", Msg: "is bad"}
	}
	return json.Marshal(fields)
}

func (d *crmDouble) Reconcile() bool {
	d.compared++
	return d.name != "uncompared"
}

func TestAPersonSettlesWhatACRMRefused(t *testing.T) {
	b := newBench(t)
	b.user("default", "admin", crm.RoleAdmin)
	first, second := b.parkedJob("hook", "hq:1"), b.parkedJob("hook", "hq:2")
	var m crmBody
	b.get("admin", "/v1/crms/hook").into(&m)
	if m.Parked != 2 || m.Waiting != 0 || m.State != "ok" || m.Quota.Writing != "slowed" || m.Breakers.Lookup != "open" || len(m.History) != 1 || m.History[0].To != "open" {
		t.Errorf("got %+v", m)
	}
	at := func(id int64) string { return "/v1/crms/hook/jobs/" + fmt.Sprint(id) }
	var job struct {
		Job    jobBody
		Writes map[string]any
		Set    map[string]any
		Lasts  string `json:"set_lasts"`
	}
	b.get("admin", at(first)).into(&job)
	if job.Lasts != "" || job.Job.Call != "hq:1" || job.Writes["Subject"] != "Inbound call" || job.Job.Error != "410 Gone" {
		t.Errorf("got %+v", job)
	}
	b.do(ask{as: "admin", method: http.MethodPut, path: at(first), body: map[string]any{"fields": map[string]any{"Subject": "x", "Owner": nil}}}).into(&job)
	if job.Set["Subject"] != "x" || len(job.Set) != 2 || job.Lasts != whileMappingSame {
		t.Errorf("edited: %+v", job)
	}
	if got := b.do(ask{as: "admin", method: http.MethodPut, path: at(first), body: map[string]any{"fields": map[string]any{"bad": "x"}}}); got.status != 422 || !strings.Contains(string(got.body), "fields.bad") {
		t.Errorf("a bad edit: %d %s", got.status, got.body)
	}
	b.do(ask{as: "admin", method: http.MethodPost, path: at(second) + "/skip", body: map[string]any{"reason": "a test call"}})
	if j, err := b.store.Job(t.Context(), "hook", second); err != nil || j.State != crm.JobSkipped || j.LastErr != "skipped by admin: a test call" {
		t.Errorf("skipped: %+v, %v", j, err)
	}
	if got := b.do(ask{as: "admin", method: http.MethodPost, path: at(second) + "/skip"}); got.status != http.StatusNotFound {
		t.Errorf("skipped twice: %d", got.status)
	}
	var n struct{ Redriven int }
	b.do(ask{as: "admin", method: http.MethodPost, path: "/v1/crms/hook/redrive"}).into(&n)
	if j, err := b.store.Job(t.Context(), "hook", first); n.Redriven != 1 || err != nil || j.State != crm.JobReady || !strings.Contains(string(j.Payload), `"Subject":"x"`) {
		t.Errorf("%d redriven; %+v, %v", n.Redriven, j, err)
	}
	for _, want := range []string{"what=edit", "what=skip", "by=admin", "jobs=1"} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("the log does not say %s", want)
		}
	}
}

func TestAComparisonIsAskedFor(t *testing.T) {
	m, other := &crmDouble{name: "hook"}, &crmDouble{name: "uncompared"}
	b := newBench(t, func(c *Config) { c.CRMs = crmList{"default": {m, other}} })
	b.user("default", "admin", crm.RoleAdmin)
	if got := b.do(ask{as: "admin", method: http.MethodPost, path: "/v1/crms/hook/reconcile"}); got.status != http.StatusAccepted || m.compared != 1 {
		t.Errorf("got %d, %d comparisons", got.status, m.compared)
	}
	if got := b.do(ask{as: "admin", method: http.MethodPost, path: "/v1/crms/uncompared/reconcile"}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("got %d", got.status)
	}
}

func TestReadinessNamesACRMThatFails(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Status = pbxs{{Name: "hq", State: Connected}}
		c.CRMs = crmList{"default": {{name: "sf", state: "needs_login"}}, "acme": {{name: "dyn", state: "paused"}}}
	})
	var r readyBody
	got := b.get("", "/readyz")
	got.into(&r)
	if got.status != http.StatusOK || r.Status != "degraded" || len(r.CRMs) != 2 {
		t.Errorf("got %d %+v", got.status, r)
	}
}

func TestAContactOfACRMIsChangedThere(t *testing.T) {
	b := newBench(t)
	b.user("default", "admin", crm.RoleAdmin)
	_, err := b.store.CreateContact(t.Context(), "default", crm.Contact{ID: "hook:Contact:1", Name: "Ann", Numbers: []crm.Number{"+442079460000"}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, notes string) reply {
		return b.do(ask{as: "admin", method: http.MethodPut, path: "/v1/contacts/hook:Contact:1",
			body: map[string]any{"name": name, "numbers": []string{"020 7946 0000"}, "notes": notes}})
	}
	put("Ann", "prefers mornings").want(http.StatusOK)
	if got := put("Anne", ""); got.status != http.StatusUnprocessableEntity || !strings.Contains(string(got.body), "name") {
		t.Errorf("renamed: %d %s", got.status, got.body)
	}
	b.do(ask{as: "admin", method: http.MethodDelete, path: "/v1/contacts/hook:Contact:1"}).want(http.StatusUnprocessableEntity)
	if c, err := b.store.Contact(t.Context(), "default", "hook:Contact:1"); err != nil || c.Name != "Ann" || c.Notes != "prefers mornings" {
		t.Errorf("got %+v, %v", c, err)
	}
}
