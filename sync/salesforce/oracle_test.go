package salesforce_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	crmsync "patchcord/sync"
	"patchcord/sync/remotetest"
)

// TestTheVendorsClientAgrees has jsforce write to the fake, and read what the connector wrote.
func TestTheVendorsClientAgrees(t *testing.T) {
	o := open(t)
	s := httptest.NewServer(o.Server)
	defer s.Close()
	_, key := pemOf(t)
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := push(t, o); p != nil {
		t.Fatal(p)
	}
	ours := crmsync.Key("default", "hq:1.1")
	type result struct {
		ID      string
		Success bool
		Errors  []map[string]any
	}
	var got struct {
		First, Second []result
		Found, Ours   []map[string]any
		Refused       string
		Used          int
	}
	remotetest.Oracle(t, &got, "salesforce.mjs", s.URL, "3MVG9", "sync@example.net", file, ours, o.Bad())
	if len(got.First) != 3 || !got.First[0].Success || got.First[1].Success || len(got.First[1].Errors) != 1 || !got.First[2].Success {
		t.Errorf("three upserts came to %+v", got.First)
	}
	if len(got.Second) != 1 || len(got.First) == 3 && got.Second[0].ID != got.First[0].ID {
		t.Errorf("the second upsert of a key came to %+v, want the row of the first", got.Second)
	}
	if len(got.Found) != 2 || len(got.Ours) != 1 || got.Ours[0]["CallDurationInSeconds"] != 125.0 {
		t.Errorf("found %v and of ours %v", got.Found, got.Ours)
	}
	if got.Refused != "MALFORMED_QUERY" || got.Used == 0 {
		t.Errorf("a bad query came to %q, %d requests are counted", got.Refused, got.Used)
	}
	found, err := o.connector.Find(t.Context(), []string{"pc1", "pc2"})
	if err != nil || len(found["pc1"]) != 1 || len(found["pc2"]) != 0 {
		t.Errorf("the connector finds of what jsforce wrote %v, %v", found, err)
	}
}
