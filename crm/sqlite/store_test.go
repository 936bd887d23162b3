package sqlite

import (
	"path/filepath"
	"testing"

	"patchcord/crm"
	"patchcord/crm/crmtest"
	"patchcord/crm/internal/stored"
	"patchcord/crm/sqlite/sqlitetest"
)

func openTemp(t *testing.T) *Store {
	t.Helper()
	return sqlitetest.Open(t, filepath.Join(t.TempDir(), "a ?%#b", "crm.db"), Open)
}

func TestConformance(t *testing.T) {
	crmtest.TestStore(t, func(t *testing.T) crm.Store {
		s := openTemp(t)
		s.budget = stored.Budget{Walk: 20, Ask: 100} // the suite stores more calls than that
		return s
	})
}
