package postgres

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/crmtest"
	"patchcord/crm/internal/stored"
	"patchcord/crm/postgres/pgtest"
)

var yes = true

// unordered is what the plan of a walk must not have.
var unordered = []string{"Seq Scan", "Sort", "Bitmap", "Hash", "Merge Join", "Semi Join", "Gather"}

// TestWalksFollowAnIndexInOrder reads the plan of a walk for every filter and wants
// no scan of the calls, no sort and no join but row by row: a page must cost the
// same in any history. The planner has no statistics here, so it would rather sort.
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
				plan := explain(t, s, f, walkIndexes, func(x *finder) *builder { return x.walk(below, 51, budget) })
				for _, bad := range unordered {
					if strings.Contains(plan, bad) {
						t.Errorf("%s, below %v, budget %d: the walk has a %s:\n%s", name, below, budget, bad, plan)
					}
				}
			}
		}
	}
}

// TestQuestionsGoToTheInvertedIndex also fills the table so that the planner has
// reason to believe in the index of time: every call is of the time that is asked for.
func TestQuestionsGoToTheInvertedIndex(t *testing.T) {
	s := openTemp(t)
	fill(t, s, 2000)
	for name, f := range map[string]crm.CallFilter{
		"words":  {Q: "ada king", From: time.Unix(1, 0)},
		"ending": {Number: "0123"},
		"talk":   {MinTalk: time.Second},
		"agent":  {Agent: "ann", Outcome: crm.Busy, Until: time.Unix(1<<31, 0)},
	} {
		plan := explain(t, s, f, askTerms, func(x *finder) *builder {
			return x.ask("m:2026-03:default", 0, &stored.Place{Started: 1 << 40, ID: "x"}, 51, 5000)
		})
		if !strings.Contains(plan, "calls_terms") {
			t.Errorf("%s: the terms are not looked for in their index:\n%s", name, plan)
		}
		for _, bad := range []string{"Seq Scan", "calls_started", "Hash", "Merge Join", "Gather"} {
			if strings.Contains(plan, bad) {
				t.Errorf("%s: the question has a %s:\n%s", name, bad, plan)
			}
		}
	}
}

// TestSearchesArePlannedForTheirArguments repeats searches until PostgreSQL would
// plan a prepared statement for all arguments at once (from the sixth execution on),
// and wants none of what has conditions to be prepared.
func TestSearchesArePlannedForTheirArguments(t *testing.T) {
	prepared := preparedBy(t, crm.CallFilter{Q: "absent"}, crm.CallFilter{Agent: "ann", Queue: "sales"}, crm.CallFilter{Number: "0123"})
	for _, text := range prepared {
		if strings.Contains(text, "terms") {
			t.Errorf("this search is prepared:\n%s", text)
		}
	}
}

func TestPagesArePrepared(t *testing.T) {
	for _, f := range []crm.CallFilter{{}, {Agent: "ann"}, {Until: time.Unix(1, 0)}} {
		prepared := preparedBy(t, f)
		if len(prepared) != 1 {
			t.Errorf("%+v: what is prepared is %q", f, prepared)
		}
	}
}

// preparedBy returns what statements on calls a connection has prepared after the searches.
func preparedBy(t *testing.T, filters ...crm.CallFilter) (texts []string) {
	t.Helper()
	s, err := Open(t.Context(), pgtest.Start(t), Config{APIConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 8 {
		for _, f := range filters {
			if _, _, err := s.Calls(t.Context(), "default", f, crm.Page{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = s.read(t.Context(), "look at what is prepared", func(x tx) error {
		return x.each(t.Context(), `SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%call%' AND statement NOT LIKE '%EXISTS%' AND statement NOT LIKE '%pg_prepared%'`,
			nil, func(scan scan) error {
				var text string
				err := scan(&text)
				texts = append(texts, text)
				return err
			})
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestPreparedPagesFollowAnIndexInOrder reads the plan for any arguments: once it is
// made it stays.
func TestPreparedPagesFollowAnIndexInOrder(t *testing.T) {
	s := openTemp(t)
	for _, f := range []crm.CallFilter{{}, {Agent: "ann"}, {Queue: "sales", From: time.Unix(1, 0), Until: time.Unix(2, 0)}} {
		for _, below := range []*stored.Place{nil, {Started: 1, ID: "x"}} {
			q, err := stored.NewQuery(f, crm.Page{})
			if err != nil {
				t.Fatal(err)
			}
			err = s.search(t.Context(), &q, "default", func(x *finder) error {
				if err := x.choose(t.Context()); err != nil {
					return err
				}
				b := x.walk(below, 51, 0)
				_, err := x.t.exec(t.Context(), eager+`; SET LOCAL plan_cache_mode = force_generic_plan; PREPARE page AS `+b.sql)
				if err != nil {
					return err
				}
				plan := lines(t, x.t, `EXECUTE page (NULL`+strings.Repeat(`, NULL`, len(b.args)-1)+`)`, nil)
				for _, bad := range unordered {
					if strings.Contains(plan, bad) {
						t.Errorf("%+v, below %v: the page has a %s:\n%s", f, below, bad, plan)
					}
				}
				_, err = x.t.exec(t.Context(), `DEALLOCATE page`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// eager makes the planner start other processes wherever it can, as it does for large
// tables in which it expects many calls.
const eager = `SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0;
	SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL min_parallel_index_scan_size = 0`

// explain returns the plan of what write writes, as the planner is told to plan it.
func explain(t *testing.T, s *Store, f crm.CallFilter, mode string, write func(*finder) *builder) (out string) {
	t.Helper()
	q, err := stored.NewQuery(f, crm.Page{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.search(t.Context(), &q, "default", func(fi *finder) error {
		x := fi.t
		if _, err := x.exec(t.Context(), eager); err != nil {
			return err
		}
		if err := fi.choose(t.Context()); err != nil {
			return err
		}
		if err := fi.tell(t.Context(), mode); err != nil {
			return err
		}
		b := write(fi)
		out = lines(t, x, b.sql, b.planned())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestClaimsFollowTheIndexOfWhatIsDue has a queue of thousands, and no statistics of it.
func TestClaimsFollowTheIndexOfWhatIsDue(t *testing.T) {
	s := openTemp(t)
	jobs := make([]crm.Job, 5000)
	for i := range jobs {
		lane := strconv.Itoa(i / 2)
		jobs[i] = crm.Job{Lane: lane, Key: strconv.Itoa(i), Kind: "call", RunAt: time.Unix(int64(i), 0)}
	}
	if err := s.Enqueue(t.Context(), "crm", 0, 1, jobs); err != nil {
		t.Fatal(err)
	}
	for _, analyze := range []bool{false, true} {
		var plan string
		err := s.write(t.Context(), "explain", func(x tx) (err error) {
			if analyze {
				_, err = x.exec(t.Context(), `ANALYZE jobs`)
			}
			plan = lines(t, x, claimable, []any{"crm", time.Unix(1<<31, 0), 1})
			return err
		})
		if err != nil || !strings.Contains(plan, "Index Scan using jobs_due") || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Hash") {
			t.Errorf("the plan is (%v), analyzed: %v\n%s", err, analyze, plan)
		}
	}
}

func lines(t *testing.T, x tx, query string, args []any) string {
	t.Helper()
	var out strings.Builder
	err := x.each(t.Context(), "EXPLAIN "+query, args, func(scan scan) error {
		var line string
		err := scan(&line)
		out.WriteString(line + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// fill stores calls and tells the planner about them.
func fill(t *testing.T, s *Store, n int) {
	t.Helper()
	crmtest.Upserts(t, s, n, func() time.Duration { return 0 })
	err := s.write(t.Context(), "analyze", func(x tx) error {
		_, err := x.exec(t.Context(), `ANALYZE calls; ANALYZE call_keys`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
