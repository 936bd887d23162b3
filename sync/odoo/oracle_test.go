package odoo_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	crmsync "patchcord/sync"
	"patchcord/sync/odoo/odootest"
	"patchcord/sync/remotetest"
)

// TestOdooRPCAgrees has Debian's odoorpc write to the fake, and read what the connector wrote.
func TestOdooRPCAgrees(t *testing.T) {
	d := open(t, "jsonrpc")
	s := httptest.NewServer(d.Server)
	defer s.Close()
	if p := d.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); p != nil {
		t.Fatal(p)
	}
	type loaded struct {
		IDs      any
		Messages []struct {
			Record  *int
			Field   string
			Message string
		}
	}
	var got struct {
		IDs, Again      []int
		Nobody, Refused loaded
		Module, Ours    string
		Names           []string
		Missing, Denied string
	}
	port := s.URL[strings.LastIndexByte(s.URL, ':')+1:]
	remotetest.Oracle(t, &got, "odoo.py", port, odootest.Database, odootest.User, odootest.Key, crmsync.Key("default", "hq:1.1"), d.Bad())
	if len(got.IDs) != 2 || !slices.Equal(got.Again, got.IDs[:1]) {
		t.Errorf("two imports of one external id came to %v and %v", got.IDs, got.Again)
	}
	if n := got.Nobody; n.IDs != false || len(n.Messages) != 1 || n.Messages[0].Field != "user_id" || *n.Messages[0].Record != 0 {
		t.Errorf("an import with an unknown user came to %+v", n)
	}
	if r := got.Refused; r.IDs != false || len(r.Messages) != 1 {
		t.Errorf("an import of which one is refused came to %+v", r)
	}
	if got.Module != "patchcord" || got.Ours != "Inbound call +442079460000: resolved" || !slices.Equal(got.Names, []string{got.Ours, "second", "too"}) {
		t.Errorf("it reads %v of ours, all are %v", got.Ours, got.Names)
	}
	if got.Missing != "odoo.exceptions.UserError" || got.Denied != "odoo.exceptions.AccessDenied" {
		t.Errorf("errors are %q and %q", got.Missing, got.Denied)
	}
	found, err := d.connector.Find(t.Context(), []string{"pc1", "pc2", "pc3", "pc4"})
	if err != nil || len(found) != 2 {
		t.Errorf("the connector finds of what it wrote %v, %v", found, err)
	}
}
