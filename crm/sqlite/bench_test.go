package sqlite

import (
	"testing"
	"time"

	"patchcord/crm/crmtest"
)

// TestUpsertFigures measures how many call records a second of one core are stored in
// batches of 100, in a file that has none yet.
func TestUpsertFigures(t *testing.T) {
	crmtest.OnDemand(t)
	s := openTemp(t)
	cpu := func() time.Duration { return crmtest.OwnCPU(t) }
	fresh, again := crmtest.Upserts(t, s, 20_000, cpu)
	perCore := func(d time.Duration) float64 { return float64(time.Second) / float64(d) }
	crmtest.Figure(t, "SQLite: new call records, 100 a batch", 0, perCore(fresh), "a second per core", true, fresh.String()+" each")
	crmtest.Figure(t, "SQLite: changed call records, 100 a batch", 0, perCore(again), "a second per core", true, again.String()+" each")
}
