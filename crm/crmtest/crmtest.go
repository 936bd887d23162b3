// Package crmtest is the suite that every crm.Store passes. A test of it is named
// by the promise it checks; what it needs of the store it makes through the store.
package crmtest

import (
	"errors"
	"testing"
	"time"

	"patchcord/crm"
)

const tenant = "default"

// base is when the calls of the suite begin.
var base = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

type test struct {
	name string
	run  func(t *testing.T, s crm.Store)
}

// TestStore checks every promise of crm.Store. open returns an empty store, a new
// one for every call, and closes it with the test.
func TestStore(t *testing.T, open func(t *testing.T) crm.Store) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"ingest", ingestTests},
		{"lease", leaseTests},
		{"additions", additionTests},
		{"matched contacts", matchedTests},
		{"merge", mergeTests},
		{"list", listTests},
		{"text", textTests},
		{"backfill", backfillTests},
		{"events", eventTests},
		{"contacts", contactTests},
		{"users", userTests},
		{"sessions", sessionTests},
		{"outbox", outboxTests},
		{"jobs", jobTests},
		{"evidence", evidenceTests},
		{"retention", retentionTests},
		{"store", storeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.tests {
				t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
			}
		})
	}
}

var storeTests = []test{
	{"a store that was closed is unavailable", func(t *testing.T, s crm.Store) {
		check(t, s.Ping(t.Context()))
		check(t, s.Close())
		wantErr(t, s.Ping(t.Context()), crm.ErrUnavailable)
		_, err := s.Call(t.Context(), tenant, "x")
		wantErr(t, err, crm.ErrUnavailable)
		wantErr(t, s.SetSetting(t.Context(), "k", nil, false), crm.ErrUnavailable)
	}},
	{"settings are kept, replaced, and guarded when only new ones are asked for", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		_, err := s.Setting(ctx, "k")
		wantErr(t, err, crm.ErrNotFound)
		check(t, s.SetSetting(ctx, "k", []byte("1"), true))
		wantErr(t, s.SetSetting(ctx, "k", []byte("2"), true), crm.ErrConflict)
		got, err := s.Setting(ctx, "k")
		check(t, err)
		equal(t, "guarded value", string(got), "1")
		check(t, s.SetSetting(ctx, "k", []byte{0, 255}, false))
		got, err = s.Setting(ctx, "k")
		check(t, err)
		equal(t, "replaced value", string(got), "\x00\xff")
	}},
}

// check fails the test on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

// wantInput wants an *InputError of that field.
func wantInput(t *testing.T, err error, field string) {
	t.Helper()
	var in *crm.InputError
	if !errors.As(err, &in) || in.Field != field {
		t.Fatalf("got error %v, want an InputError of field %q", err, field)
	}
}
