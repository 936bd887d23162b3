package main

import (
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

func TestAPhoneIsGivenForAShift(t *testing.T) {
	path := writeConfig(t, onePBX)
	user := func(want int, args ...string) string {
		t.Helper()
		status, _, stderr := runCommand(t, "correct horse battery\n", append([]string{"user", "--config", path}, args...)...)
		if status != want {
			t.Fatalf("%q: status %d, stderr %q", args, status, stderr)
		}
		return stderr
	}
	shift := time.Now().Add(time.Hour).Truncate(time.Second)
	from, until := shift.Format(time.RFC3339), shift.Add(8*time.Hour).Format(time.RFC3339)
	user(0, "add", "jo", "--extension", "hq/1001", "--password-stdin")
	user(0, "add", "ann", "--extension", "hq/1001", "--from", from, "--until", until, "--password-stdin")
	user(0, "set", "ann", "--extension", "hq/1001", "--from", from, "--until", until, "--move")
	if said := user(1, "set", "ann", "--extension", "hq/1001", "--until", "2020-01-01T00:00:00Z"); !strings.Contains(said, "--until must be later") {
		t.Errorf("got %q", said)
	}
	cfg, err := loadConfig(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := openStore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	list, err := store.Bindings(t.Context(), defaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	holds := func(name string, at time.Time) (has bool) {
		for _, b := range list {
			has = has || b.User == name && b.Holds(at)
		}
		return has
	}
	for _, at := range []crm.Time{crm.At(shift.Add(-time.Minute)), crm.At(shift.Add(time.Minute)), crm.At(shift.Add(9 * time.Hour))} {
		inShift := at.After(shift) && at.Before(shift.Add(8*time.Hour))
		if holds("jo", at.Time) == inShift || holds("ann", at.Time) != inShift {
			t.Errorf("at %v jo has it: %v, ann has it: %v", at, holds("jo", at.Time), holds("ann", at.Time))
		}
	}
}
