package hubspot_test

import (
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"

	crmsync "patchcord/sync"
	"patchcord/sync/hubspot/hubspottest"
	"patchcord/sync/remotetest"
)

// TestTheVendorsClientAgrees has @hubspot/api-client write to the fake, and read what the connector wrote.
func TestTheVendorsClientAgrees(t *testing.T) {
	a := open(t, nil)
	s := httptest.NewServer(a.Server)
	defer s.Close()
	ann := a.Put("contacts", "", map[string]string{"firstname": "Ann"})
	if p := a.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); p != nil {
		t.Fatal(p)
	}
	type refusal struct {
		Status   int
		Category string
	}
	var got struct {
		First struct {
			Written, Refused int
			Context          map[string][]string
		}
		Again       bool
		Twice, Many refusal
		Read        []string
		Missing     map[string][]string
		Linked      string
		Found       int
	}
	remotetest.Oracle(t, &got, "hubspot.mjs", s.URL, hubspottest.Token, ann, crmsync.Key("default", "hq:1.1"), a.Bad())
	if got.First.Written != 2 || got.First.Refused != 1 || !reflect.DeepEqual(got.First.Context, map[string][]string{"objectWriteTraceId": {"pc9"}}) {
		t.Errorf("three upserts came to %+v", got.First)
	}
	if bad := (refusal{400, "VALIDATION_ERROR"}); got.Again || got.Twice != bad || got.Many != bad {
		t.Errorf("a second upsert made another: %v; one key twice: %v; 101: %v", got.Again, got.Twice, got.Many)
	}
	slices.Sort(got.Read)
	if !slices.Equal(got.Read, []string{"Inbound call +442079460000: resolved", "second"}) || !slices.Equal(got.Missing["ids"], []string{"nobody"}) {
		t.Errorf("it reads %v, and misses %v", got.Read, got.Missing)
	}
	if got.Linked != "COMPLETE" || got.Found != 3 {
		t.Errorf("a link came to %q, a search to %d", got.Linked, got.Found)
	}
	found, err := a.connector.Find(t.Context(), []string{"pc1", "pc2", "pc3"})
	if err != nil || len(found) != 2 {
		t.Errorf("the connector finds of what it wrote %v, %v", found, err)
	}
}
