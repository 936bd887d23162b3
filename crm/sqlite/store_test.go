package sqlite

import (
	"path/filepath"
	"testing"

	"patchcord/crm"
	"patchcord/crm/crmtest"
	"patchcord/crm/internal/stored"
)

func openTemp(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "a ?%#b", "crm.db"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	crmtest.TestStore(t, func(t *testing.T) crm.Store {
		s := openTemp(t)
		s.budget = stored.Budget{Walk: 20, Ask: 100} // the suite stores more calls than that
		return s
	})
}
