package main

import (
	"context"

	"patchcord/crm"
	"patchcord/crm/api"
	crmsync "patchcord/sync"
)

// crmService is what serves one CRM.
type crmService struct {
	cfg       *CRMConfig
	dest      *crmsync.Destination
	records   *crmsync.Records
	worker    *crmsync.Worker
	pull      *crmsync.Pull      // nil when contacts are not read
	reconcile *crmsync.Reconcile // nil when nothing is compared
}

// crmServices is every CRM, for the API.
type crmServices struct{ list current[[]*crmService] }

// CRMs implements the API's need.
func (s *crmServices) CRMs(tenant string) []api.CRM {
	var out []api.CRM
	for _, m := range s.list.get() {
		if tenant == "" || m.cfg.Tenant == tenant {
			out = append(out, m)
		}
	}
	return out
}

// Preview implements api.CRM.
func (m *crmService) Preview(ctx context.Context, j crm.Job) (writes, set map[string]any, err error) {
	return m.records.Preview(ctx, j)
}

// Edit implements api.CRM.
func (m *crmService) Edit(ctx context.Context, j crm.Job, fields map[string]*string) ([]byte, error) {
	return m.records.Edit(ctx, j, fields)
}

// Reconcile implements api.CRM.
func (m *crmService) Reconcile() bool {
	if m.reconcile == nil {
		return false
	}
	m.reconcile.Soon()
	return true
}

// Status implements api.CRM.
func (m *crmService) Status() api.CRMStatus {
	w := m.worker.Status()
	s := api.CRMStatus{
		Name: m.cfg.Name, Kind: m.cfg.Kind, State: crmState(w, m.records.Lookups()), Breaker: w.Breaker, Breakers: m.breakers(), PausedUntil: crm.At(w.PausedUntil),
		LastError: w.LastErr, Written: w.Done, Quota: shownQuota(&m.dest.Quota), History: []api.BreakerChange{},
	}
	for _, h := range w.History {
		s.History = append(s.History, api.BreakerChange{At: crm.At(h.At), Operation: h.Operation, From: h.From, To: h.To})
	}
	if m.pull != nil {
		p := m.pull.Status()
		s.Contacts = &api.CRMContacts{
			Breaker: m.pull.Breaker(), Changed: p.Changed, Removed: p.Removed, Unusable: p.Unusable, UpToDate: crm.At(p.LastEnd),
		}
	}
	if m.reconcile != nil {
		s.Compared = shownFindings(m.reconcile.Last(), m.reconcile.Breaker())
	}
	return s
}

// breakers returns the state of each: "closed", "open" or "half-open"; "" of what is not done.
func (m *crmService) breakers() api.CRMBreakers {
	b := api.CRMBreakers{Write: m.worker.Status().Breaker, Lookup: m.records.Lookups()}
	if m.pull != nil {
		b.Pull = m.pull.Breaker()
	}
	if m.reconcile != nil {
		b.Reconcile = m.reconcile.Breaker()
	}
	return b
}

// crmState is the one place where what a worker meets becomes the word that people read.
func crmState(w crmsync.Status, lookups string) string {
	switch {
	case w.Gone:
		return "gone"
	case w.NeedsLogin:
		return "needs_login"
	case w.Breaker != "closed" || lookups != "closed":
		return "failing"
	case !w.PausedUntil.IsZero():
		return "paused"
	}
	return "ok"
}

func shownQuota(q *crmsync.Quota) *api.CRMQuota {
	used, limit, told := q.Usage()
	if limit == 0 {
		return nil
	}
	writing := "free"
	switch slowed, held := q.Held(); {
	case held:
		writing = "held"
	case slowed:
		writing = "slowed"
	}
	return &api.CRMQuota{Used: used, Limit: limit, At: crm.At(told), Writing: writing}
}

func shownFindings(f crmsync.Findings, breaker string) *api.CRMComparison {
	if f.At.IsZero() {
		return nil
	}
	doubled := f.Doubled
	if doubled == nil {
		doubled = []string{}
	}
	return &api.CRMComparison{
		At: crm.At(f.At), Breaker: breaker, Compared: f.Compared, Missing: f.Missing, Different: f.Different,
		Waiting: f.Waiting, Skipped: f.Skipped, Repaired: f.Repaired, Doubled: doubled,
	}
}
