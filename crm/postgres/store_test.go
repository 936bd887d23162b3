package postgres

import (
	"testing"

	"patchcord/crm"
	"patchcord/crm/crmtest"
	"patchcord/crm/internal/stored"
	"patchcord/crm/postgres/pgtest"
)

func openTemp(t *testing.T) *Store {
	t.Helper()
	return openAt(t, pgtest.Start(t))
}

func openAt(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, Config{})
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
