package postgres

import (
	"testing"
	"time"

	"patchcord/crm/crmtest"
)

// TestUpsertFigures measures how many call records a second of one core, of client and
// server together, are stored in batches of 100, on a server that has none yet.
func TestUpsertFigures(t *testing.T) {
	crmtest.OnDemand(t)
	s := openTemp(t)
	var postmaster int
	err := s.read(t.Context(), "find the server", func(x tx) error {
		return x.one(t.Context(), `SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int`, nil, &postmaster)
	})
	if err != nil {
		t.Fatal(err)
	}
	cpu := func() time.Duration { return crmtest.OwnCPU(t) + crmtest.CPUOf(t, postmaster) }
	fresh, again := crmtest.Upserts(t, s, 20_000, cpu)
	perCore := func(d time.Duration) float64 { return float64(time.Second) / float64(d) }
	crmtest.Figure(t, "PostgreSQL: new call records, 100 a batch", 10_000, perCore(fresh), "a second per core", true, fresh.String()+" each")
	crmtest.Figure(t, "PostgreSQL: changed call records, 100 a batch", 10_000, perCore(again), "a second per core", true, again.String()+" each")
}
