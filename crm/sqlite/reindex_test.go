package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/crmtest"
)

func TestCallsOfOlderSchemasAreIndexedAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	s := openAt(t, path)
	crmtest.Upserts(t, s, reindexBatch+100, func() time.Duration { return 0 })
	want := find(t, s)
	for _, query := range []string{`UPDATE calls SET terms = ''`, `DELETE FROM call_keys`, `DELETE FROM call_terms`} {
		if _, err := s.w.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	if got := find(t, openAt(t, path)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// find returns what searches by key, by word and by number find.
func find(t *testing.T, s *Store) string {
	t.Helper()
	h := crmtest.History{}
	var out []string
	for _, f := range []crm.CallFilter{{Agent: h.Agent(3)}, {Queue: h.Queue(4), Outcome: crm.Answered}, {Q: "grace"}, {Extension: "1007"}} {
		calls, _, err := s.Calls(t.Context(), "default", f, crm.Page{Limit: 200})
		if err != nil || len(calls) == 0 {
			t.Fatalf("%+v: %d calls, error %v", f, len(calls), err)
		}
		for _, c := range calls {
			out = append(out, c.ID)
		}
	}
	return strings.Join(out, " ")
}
