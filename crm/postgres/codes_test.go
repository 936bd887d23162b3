package postgres

import (
	"fmt"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// TestCallsWithoutCodedTermsAreFound has calls of a patchcord that stored no terms which
// tell of disposition and time.
func TestCallsWithoutCodedTermsAreFound(t *testing.T) {
	s := openTemp(t)
	s.budget = stored.Budget{Walk: 5, Ask: 50}
	err := s.write(t.Context(), "store calls", func(x tx) error {
		for i := range 20 {
			c := &crm.Call{
				ID: fmt.Sprintf("hq:%d.1", i), PBX: "hq", StartedAt: crm.At(time.Unix(1_700_000_000+int64(i), 0)), EndedAt: crm.At(time.Unix(1_700_001_000, 0)),
			}
			if i == 0 {
				c.Outcome = crm.Busy
			}
			row, err := stored.NewRow("default", c, stored.Added{Disposition: &crm.Disposition{Code: "sale"}})
			if err == nil {
				err = put(t.Context(), x, "default", []change{{row: row}})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	find := func(why string, known, want int) {
		t.Helper()
		err := s.write(t.Context(), "move the month from which they are known", func(x tx) error {
			_, err := x.exec(t.Context(), `UPDATE call_codes_known SET month = $1`, known)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		calls, _, err := s.Calls(t.Context(), "default", crm.CallFilter{Disposition: "sale", Outcome: crm.Busy}, crm.Page{})
		if err != nil || len(calls) != want {
			t.Errorf("%s: got %d calls, %v; want %d", why, len(calls), err, want)
		}
	}
	find("with the terms", 0, 1)
	find("with the terms, as if without", monthOf(2023, 12), 1)
	err = s.write(t.Context(), "take the terms", func(x tx) error {
		_, err := x.exec(t.Context(), `UPDATE calls SET terms = ts_delete(terms, ARRAY['sk:2810:default:sale', 'sm:2023-11:default:sale'])`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	find("without, as if with them", monthOf(2023, 11), 0)
	find("without the terms", monthOf(2023, 12), 1)
}
