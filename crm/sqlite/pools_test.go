package sqlite

import (
	"testing"

	"patchcord/crm/crmtest"
)

func TestLongReadsDelayNobody(t *testing.T) {
	s := openTemp(t)
	crmtest.LongReads(t, s, func() {
		for range s.report.Stats().MaxOpenConnections {
			x, err := s.report.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = x.Rollback() })
			if _, err := x.ExecContext(t.Context(), `SELECT count(*) FROM calls, events`); err != nil {
				t.Fatal(err)
			}
		}
	})
}
