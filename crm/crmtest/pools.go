package crmtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"patchcord/crm"
)

// LongReads tests that what reads along the whole history delays neither a page nor a commit.
// busy makes as many such reads begin as there may be at once; they go on until the test's end.
func LongReads(t *testing.T, s crm.Store, busy func()) {
	t.Helper()
	p := own(t, s, "hq", tenant)
	c := openCall("hq:1.1", 0)
	p.store(c)
	long := map[string]func(context.Context) error{
		"the event log":           func(ctx context.Context) error { _, err := s.Events(ctx, tenant, 0, 10); return err },
		"the event log for a CRM": func(ctx context.Context) error { _, _, err := s.EventsOf(ctx, tenant, 0, 10); return err },
		"all gaps":                func(ctx context.Context) error { _, err := s.Gaps(ctx, tenant, time.Time{}, time.Time{}); return err },
		"all extensions":          func(ctx context.Context) error { _, err := s.SeenExtensions(ctx, tenant, time.Time{}); return err },
		"all holds":               func(ctx context.Context) error { _, err := s.Holds(ctx, tenant); return err },
		"jobs of a CRM":           func(ctx context.Context) error { _, err := s.Jobs(ctx, "crm", crm.JobReady, 10); return err },
		"how many jobs":           func(ctx context.Context) error { _, err := s.CountJobs(ctx, "crm"); return err },
	}
	awaited := map[string]func(context.Context) error{
		"a page": func(ctx context.Context) error {
			_, _, err := s.Calls(ctx, tenant, crm.CallFilter{}, crm.Page{})
			return err
		},
		"a call":  func(ctx context.Context) error { _, err := s.Call(ctx, tenant, c.ID); return err },
		"a note":  func(ctx context.Context) error { _, err := s.AddNote(ctx, tenant, c.ID, crm.Note{ID: "1"}); return err },
		"a login": func(ctx context.Context) error { _, err := s.SigningKeys(ctx); return err },
		"a commit": func(ctx context.Context) error {
			b := p.batch(c)
			p.pos = b.To
			return s.Commit(ctx, b)
		},
		"its renewal": func(ctx context.Context) error { return s.RenewPBX(ctx, "hq", "node-a", p.epoch, true) },
	}
	busy()
	for name, do := range awaited {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := do(ctx); err != nil {
			t.Errorf("%s beside long reads: %v", name, err)
		}
		cancel()
	}
	for name, do := range long {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := do(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s beside as many long reads as there may be: %v, want it to wait", name, err)
		}
		cancel()
	}
}
