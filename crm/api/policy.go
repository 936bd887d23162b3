package api

import (
	"fmt"
	"slices"
	"strings"

	"patchcord/crm"
)

// reach is how much of a tenant a role sees through a route.
type reach int

const (
	nothingAtAll reach = iota
	own                // what concerns himself: calls that were offered to him
	team               // what concerns his team; until teams are told apart, the tenant
	tenant             // everything of the tenant
)

// grants says how far each role reaches through a route; a role that is not in it
// is refused. A nil grants is a route for everybody, logged in or not.
type grants map[crm.Role]reach

// policy is who may do what: one entry for every route, by operation id.
func policy() map[string]grants {
	public := grants(nil)
	admins := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant}
	everybody := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant, crm.RoleSupervisor: team, crm.RoleAgent: own,
		crm.RoleAuditor: own, crm.RoleIntegration: own}
	readCalls := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant, crm.RoleSupervisor: team, crm.RoleAgent: own, crm.RoleIntegration: tenant}
	work := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant, crm.RoleSupervisor: team, crm.RoleAgent: own}
	contacts := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant, crm.RoleSupervisor: tenant, crm.RoleAgent: tenant, crm.RoleIntegration: tenant}
	removeContacts := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant, crm.RoleSupervisor: tenant, crm.RoleIntegration: tenant}
	overview := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant, crm.RoleSupervisor: team, crm.RoleIntegration: tenant}
	seats := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant, crm.RoleSupervisor: team}
	auditors := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant, crm.RoleAuditor: tenant}
	gaps := grants{crm.RoleOwner: tenant, crm.RoleAdmin: tenant, crm.RoleSupervisor: tenant, crm.RoleAuditor: tenant, crm.RoleIntegration: tenant}

	return map[string]grants{
		"login": public, "refresh": public, "logout": public, "setup": public, "jwks": public, "healthz": public, "readyz": public,
		"push": public, // its first message carries a ticket

		"me": everybody, "push-ticket": work,
		"list-calls": readCalls, "list-live-calls": readCalls, "read-call": readCalls,
		"set-disposition": work, "add-note": work,
		"hold-call": admins, "release-call": admins, "list-holds": auditors,
		"list-contacts": contacts, "read-contact": contacts, "create-contact": contacts, "update-contact": contacts,
		"delete-contact": removeContacts,
		"list-agents":    readCalls, "set-agent": admins,
		"list-bindings": readCalls, "bind-extension": seats, "unbind-extension": seats,
		"explain-call": work, "list-extensions": overview,
		"list-dispositions": contacts, "list-gaps": gaps, "list-events": overview,
		"list-webhooks": admins, "list-webhook-jobs": admins, "redrive-webhook-job": admins, "redrive-webhook-jobs": admins, "skip-webhook-job": admins,
		"list-dead-letters": admins, "read-dead-letter": admins, "redrive-dead-letter": admins, "redrive-dead-letters": admins, "drop-dead-letter": admins,
		"list-dead-letter-deeds": auditors,
		"list-crms":              overview, "read-crm": overview, "reconcile-crm": admins,
		"list-crm-jobs": admins, "read-crm-job": admins, "edit-crm-job": admins, "redrive-crm-job": admins, "redrive-crm-jobs": admins, "skip-crm-job": admins,
	}
}

// allow returns how far the role reaches through the route, and whether anybody
// may use it without a login. A route without an entry is closed.
func allow(table map[string]grants, route string, role crm.Role) (r reach, public bool) {
	g, ok := table[route]
	if ok && g == nil {
		return nothingAtAll, true
	}
	return g[role], false
}

// checkPolicy compares the table with the routes that exist.
func (a *API) checkPolicy() error {
	var wrong []string
	seen := make(map[string]bool)
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range operationsOf(item) {
			seen[op.OperationID] = true
			if _, ok := a.policy[op.OperationID]; !ok {
				wrong = append(wrong, op.OperationID+" has no entry")
			}
		}
	}
	for route := range a.policy {
		if !seen[route] {
			wrong = append(wrong, route+" is no route")
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("api: table of who may do what: %s", strings.Join(wrong, ", "))
	}
	return nil
}

// seesCall reports whether the caller may know the call: with reach own, one that
// was offered to him or that he talked in.
func (c caller) seesCall(call *crm.Call) bool {
	if c.reach != own {
		return c.reach > own
	}
	return slices.ContainsFunc(call.Offers, func(o crm.Offer) bool { return o.Has(c.Name) }) ||
		slices.ContainsFunc(call.Talks, func(t crm.Talk) bool { return t.Has(c.Name) })
}
