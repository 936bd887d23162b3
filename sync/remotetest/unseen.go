package remotetest

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	crmsync "patchcord/sync"
)

// Unseen writes calls of alice, and their edits, where our user may write what it may not see afterwards. open makes that CRM, with her as
// that user's id in it.
func Unseen(t *testing.T, open func(t *testing.T) (s Subject, alice string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { // an index would be waited for
		s, alice := open(t)
		calls := Calls{}
		r := Records(t, "crm", s.Connector, calls, map[string]string{"alice": alice})
		said := ""
		for i := range 5 {
			id := fmt.Sprintf("hq:%d.1", i)
			for _, code := range []string{"callback", "resolved"} {
				calls[id] = Ended(id, code)
				err := r.Push(t.Context(), r.Repair(id, "x"))
				switch {
				case err != nil && class(err) == crmsync.Auth:
					said = err.Error()
				case err != nil || i > 0:
					t.Errorf("%s came to %v", id, err)
				}
			}
		}
		rows := s.Fake.Rows()
		if len(rows) != 1 || rows[crmsync.Key("default", "hq:0.1")] != 1 || !strings.Contains(said, "is not found") {
			t.Errorf("got %v, and it says %q; want the one by which it is noticed", rows, said)
		}
	})
}
