package postgres

import (
	"context"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/crmtest"
)

// TestLeasesDoNotWaitForCommits: while every connection for what PBXs say is busy, as it is when many
// PBXs catch up at once, a node still keeps its PBXs and sees who has which.
func TestLeasesDoNotWaitForCommits(t *testing.T) {
	s := openTemp(t)
	epoch, err := s.TakePBX(t.Context(), "hq", "default", "a")
	if err != nil {
		t.Fatal(err)
	}
	for range s.in.Config().MaxConns {
		c, err := s.in.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.RenewPBX(ctx, "hq", "a", epoch, true); err != nil {
		t.Error(err)
	}
	if err := s.Beat(ctx, crm.Node{ID: "a"}); err != nil {
		t.Error(err)
	}
	if c, err := s.Cluster(ctx); err != nil || len(c.Leases) != 1 || len(c.Nodes) != 1 {
		t.Errorf("%+v, %v; want one node with one PBX", c, err)
	}
}

func TestLongReadsDelayNobody(t *testing.T) {
	s := openTemp(t)
	crmtest.LongReads(t, s, func() {
		for range s.report.Config().MaxConns {
			x, err := s.report.BeginTx(t.Context(), oneView())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = x.Rollback(context.WithoutCancel(t.Context())) })
			if _, err := x.Exec(t.Context(), `SELECT count(*) FROM calls, events`); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestReadAhead: a connection has the server read several pages at a time.
func TestReadAhead(t *testing.T) {
	s := openTemp(t)
	var pages int
	err := s.read(t.Context(), "ask", func(x tx) error {
		return x.one(t.Context(), `SELECT current_setting('effective_io_concurrency')::int`, nil, &pages)
	})
	if err != nil || pages < 16 {
		t.Errorf("%d pages at a time and error %v, want 16 at least", pages, err)
	}
}
