package remotetest

import (
	"errors"
	"testing"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Records is the road of calls to a CRM of that name, without a mapping. Owners are users'
// ids in the CRM by user name.
func Records(t *testing.T, name string, c crmsync.Connector, calls Calls, owners map[string]string) *crmsync.Records {
	t.Helper()
	r, err := crmsync.NewRecords(crmsync.RecordsConfig{Name: name, Tenant: "default", Connector: c, Calls: calls, Owners: owners})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Push writes one call to the CRM of that name, as the worker does.
func Push(t *testing.T, name string, c crmsync.Connector, call *crm.Call, owners map[string]string) error {
	t.Helper()
	r := Records(t, name, c, Calls{call.ID: call}, owners)
	return r.Push(t.Context(), r.Repair(call.ID, "x"))
}

// Failure returns how a push failed. One that did not, or came to another error, fails the test.
func Failure(t *testing.T, err error) *crmsync.PushError {
	t.Helper()
	var p *crmsync.PushError
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want a failed push", err)
	}
	return p
}
