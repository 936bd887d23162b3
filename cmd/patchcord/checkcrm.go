package main

import (
	"context"

	crmsync "patchcord/sync"
)

// checkCRM logs in to a CRM and looks for an activity that cannot be there: that proves the credentials, the right to
// read, and the field that keeps our key. Nothing is written.
func (c *checkCmd) checkCRM(ctx context.Context, m *CRMConfig, r *report) {
	about := "crm " + m.Name
	connector, err := m.connect(&crmsync.Quota{})
	if err != nil {
		r.say(broken, about, "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	if _, err := connector.Find(ctx, []string{crmsync.Key(m.Tenant, "")}); err != nil {
		r.say(broken, about, "%v", err)
		return
	}
	r.say(fine, about, "takes our login, and has the field that keeps a call's key")
}
