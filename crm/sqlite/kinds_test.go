package sqlite

import (
	"fmt"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// TestCallsWithoutKindsAreFound has calls of a patchcord that stored no kinds.
func TestCallsWithoutKindsAreFound(t *testing.T) {
	s := openTemp(t)
	s.budget = stored.Budget{Walk: 5, Ask: 50}
	err := s.write(t.Context(), "store calls", func(x tx) error {
		for i := range 20 {
			c := &crm.Call{
				ID: fmt.Sprintf("hq:%d.1", i), PBX: "hq", StartedAt: crm.At(time.Unix(1_700_000_000+int64(i), 0)), EndedAt: crm.At(time.Unix(1_700_001_000, 0)),
				Direction: crm.Inbound, Outcome: crm.Answered,
			}
			if i == 0 {
				c.Outcome = crm.Busy
			}
			if _, err := putRecords(t.Context(), x, "default", []*crm.Call{c}); err != nil {
				return err
			}
		}
		_, err := x.exec(t.Context(), `DELETE FROM call_kinds`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for known, want := range map[int]int{monthOf(2023, 11): 0, monthOf(2023, 12): 1} {
		err := s.write(t.Context(), "move the month from which kinds are known", func(x tx) error {
			_, err := x.exec(t.Context(), `UPDATE call_kinds_known SET month = $1`, known)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		calls, _, err := s.Calls(t.Context(), "default", crm.CallFilter{Direction: crm.Inbound, Outcome: crm.Busy}, crm.Page{})
		if err != nil || len(calls) != want {
			t.Errorf("known from %d: got %d calls, %v; want %d", known, len(calls), err, want)
		}
	}
}

func monthOf(year, month int) int { return 12*year + month - 1 }
