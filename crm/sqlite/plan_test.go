package sqlite

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

var yes = true

// TestWalksFollowAnIndexInOrder reads the plan of a walk for every filter and wants
// no scan of the calls, and no sort: a page must cost the same in any history.
func TestWalksFollowAnIndexInOrder(t *testing.T) {
	s := openTemp(t)
	for name, f := range map[string]crm.CallFilter{
		"all":                {},
		"time":               {From: time.Unix(1, 0), Until: time.Unix(2, 0)},
		"agent":              {Agent: "ann"},
		"extension":          {Extension: "101"},
		"queue":              {Queue: "sales"},
		"direction, outcome": {Direction: crm.Inbound, Outcome: crm.Answered},
		"disposition":        {Disposition: "resolved"},
		"recorded":           {HasRecording: &yes},
		"open":               {OpenOnly: true},
		"ending":             {Number: "0123"},
		"E.164":              {Number: "+442079460123"},
		"words":              {Q: "ada king"},
		"talk":               {MinTalk: time.Second},
		"several":            {Agent: "ann", Queue: "sales", From: time.Unix(1, 0), OfferedTo: "bob", Q: "ada"},
	} {
		for _, below := range []*stored.Place{nil, {Started: 1, ID: "x"}} {
			for _, budget := range []int{0, 1000} {
				t.Run(fmt.Sprintf("%s below=%v budget=%d", name, below, budget), func(t *testing.T) {
					plan := explain(t, s, f, func(x *finder) *builder { return x.walk(below, 51, budget) })
					for line := range strings.Lines(plan) { // the subquery itself is read row by row
						if strings.Contains(line, "SCAN") && line != "SCAN k\n" || strings.Contains(line, "TEMP B-TREE") {
							t.Errorf("the walk scans or sorts:\n%s", plan)
						}
					}
				})
			}
		}
	}
}

func TestQuestionsGoToTheInvertedIndex(t *testing.T) {
	s := openTemp(t)
	for name, f := range map[string]crm.CallFilter{
		"words":  {Q: "ada king", From: time.Unix(1, 0)},
		"ending": {Number: "0123"},
		"talk":   {MinTalk: time.Second},
		"agent":  {Agent: "ann", Outcome: crm.Busy, Until: time.Unix(1<<31, 0)},
	} {
		plan := explain(t, s, f, func(x *finder) *builder {
			return x.ask("m:2026-03:default", 0, &stored.Place{Started: 1 << 40, ID: "x"}, 51, 5000)
		})
		if !strings.Contains(plan, "SCAN w VIRTUAL TABLE") || strings.Contains(plan, "SCAN c") || strings.Contains(plan, "calls_started") {
			t.Errorf("%s: the terms are not looked for in their index:\n%s", name, plan)
		}
	}
}

// TestClaimsFollowTheIndexOfWhatIsDue: each holds the one connection that writes.
func TestClaimsFollowTheIndexOfWhatIsDue(t *testing.T) {
	s := openTemp(t)
	var plan string
	err := s.read(t.Context(), "explain", func(x tx) (err error) {
		plan, err = lines(t.Context(), x, claimable, []any{"crm", 1, 1})
		return err
	})
	if err != nil || !strings.Contains(plan, "USING INDEX jobs_due") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("the plan is (%v):\n%s", err, plan)
	}
}

func explain(t *testing.T, s *Store, f crm.CallFilter, write func(*finder) *builder) string {
	t.Helper()
	q, err := stored.NewQuery(f, crm.Page{})
	if err != nil {
		t.Fatal(err)
	}
	var out string
	err = s.read(t.Context(), "explain", func(x tx) error {
		fi := &finder{t: x, tenant: "default", q: &q}
		if err := fi.choose(t.Context()); err != nil {
			return err
		}
		b := write(fi)
		out, err = lines(t.Context(), x, b.sql, b.args)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func lines(ctx context.Context, x tx, query string, args []any) (string, error) {
	var out strings.Builder
	err := x.each(ctx, "EXPLAIN QUERY PLAN "+query, args, func(scan scan) error {
		var id, parent, unused int
		var detail string
		err := scan(&id, &parent, &unused, &detail)
		out.WriteString(detail + "\n")
		return err
	})
	return out.String(), err
}
