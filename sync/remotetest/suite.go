package remotetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Fake is a CRM in this process.
type Fake interface {
	http.Handler
	// Rows returns how many activities carry each key.
	Rows() map[string]int
	// ExpireSessions makes every token or session given out so far worthless.
	ExpireSessions()
	// Writes reports whether the request creates or changes activities.
	Writes(*http.Request) bool
	// Bad is a text that a validation rule of the CRM refuses anywhere in an activity.
	Bad() string
}

// Subject is a connector and the CRM it speaks with.
type Subject struct {
	Fake      Fake
	Network   *Network
	Connector crmsync.Connector
	// Sessions says that the CRM has tokens or sessions that end.
	Sessions bool
	// Mapping is what an administrator must say: of notes, where the CRM has no field for them of its own.
	Mapping crmsync.Mapping
}

// Calls is the calls of a store. The zero value has none.
type Calls map[string]*crm.Call

// CallsWithJobs implements what crmsync.Records needs: no call has a job that was done.
func (c Calls) CallsWithJobs(_ context.Context, _, _ string, ids []string) ([]crm.CallWithJobs, error) {
	found := make([]crm.CallWithJobs, len(ids))
	for i, id := range ids {
		found[i].Call = c[id]
	}
	return found, nil
}

// Contact implements what crmsync.Records needs: whoever is named is there.
func (Calls) Contact(_ context.Context, _, id string) (crm.Contact, error) {
	return crm.Contact{ID: id}, nil
}

// MatchNumber implements what crmsync.Records needs: nobody has any number.
func (Calls) MatchNumber(context.Context, string, crm.Number) ([]crm.Contact, error) { return nil, nil }

// Events implements what crmsync.Records needs: the log is empty.
func (Calls) Events(context.Context, string, int64, int) ([]crm.StoredEvent, error) { return nil, nil }

// Ended returns a call that has ended, with a disposition.
func Ended(id, code string) *crm.Call {
	at := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	return &crm.Call{
		ID: id, PBX: "hq", Tenant: "default", Direction: crm.Inbound, Outcome: crm.Answered,
		From:      crm.Party{Number: "020 7946 0000", E164: "+442079460000", Name: "Ann's \"Bar\" & <b>Grill</b>"},
		To:        crm.Party{Number: "100"},
		StartedAt: crm.At(at), AnsweredAt: crm.At(at.Add(5 * time.Second)), EndedAt: crm.At(at.Add(130 * time.Second)),
		TalkMS: crm.MillisOf(125 * time.Second), Disposition: &crm.Disposition{Code: code, By: "alice", Note: "O'Brien: 50% {off}"},
	}
}

// Records returns the engine's half over the connector.
func (s Subject) Records(t *testing.T, calls Calls) *crmsync.Records {
	t.Helper()
	r, err := crmsync.NewRecords(crmsync.RecordsConfig{Name: "crm", Tenant: "default", Connector: s.Connector, Calls: calls, Mapping: s.Mapping})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestConnector runs the suite; each case gets a new Subject.
func TestConnector(t *testing.T, open func(t *testing.T) Subject) {
	cases := map[string]func(*testing.T, Subject){
		"a call is one activity, however often it is written": writesOnce,
		"answers lost after the write":                        losesAnswers,
		"a batch does what can be done":                       refusesOne,
		"a session that ended is opened again once":           endsSessions,
		"what is not there is not found":                      findsNothing,
		"a call that became part of another is not a second":  absorbs,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) { run(t, open(t)) })
	}
	t.Run("a wrong address parks nothing", func(t *testing.T) { addresses(t, open) })
}

func class(err error) crmsync.Class {
	var p *crmsync.PushError
	if errors.As(err, &p) {
		return p.Class
	}
	return crmsync.Transient
}

func writesOnce(t *testing.T, s Subject) {
	calls := Calls{"hq:1.1": Ended("hq:1.1", "callback")}
	r := s.Records(t, calls)
	for range 3 {
		if err := r.Push(t.Context(), r.Repair("hq:1.1", "x")); err != nil {
			t.Fatal(err)
		}
		calls["hq:1.1"] = Ended("hq:1.1", "resolved")
	}
	key := crmsync.Key("default", "hq:1.1")
	if got := s.Fake.Rows(); got[key] != 1 || len(got) != 1 {
		t.Errorf("got rows %v, want one with key %s", got, key)
	}
	ids, err := s.Connector.Find(t.Context(), []string{key})
	if err != nil || len(ids[key]) != 1 {
		t.Errorf("found %v, %v; want one", ids, err)
	}
}

// trialsVariable says how often; the figures want 10,000.
const trialsVariable = "PATCHCORD_TRIALS"

// Trials is how often something is tried that the figures want tried 10,000 times: 500 times in every
// test run, as often as PATCHCORD_TRIALS says for the figures.
func Trials(t *testing.T) int {
	t.Helper()
	text := os.Getenv(trialsVariable)
	if text == "" {
		return 500
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number, from 1", trialsVariable, text)
	}
	return n
}

// doubt is a write whose answer is lost: the jobs of it, and how many activities there are when they are done, beside others.
type doubt struct {
	jobs []crm.Job
	rows int
}

// shapes is the ways in which activities are written. Each prepares what is there before.
var shapes = []func(t *testing.T, r *crmsync.Records, calls Calls, id string) doubt{
	func(_ *testing.T, r *crmsync.Records, calls Calls, id string) doubt { // a new one
		calls[id] = Ended(id, "resolved")
		return doubt{[]crm.Job{r.Repair(id, "x")}, 1}
	},
	func(t *testing.T, r *crmsync.Records, calls Calls, id string) doubt { // one that is there already
		calls[id] = Ended(id, "resolved")
		if err := r.Push(t.Context(), r.Repair(id, "x")); err != nil {
			t.Fatal(err)
		}
		calls[id] = Ended(id, "callback")
		return doubt{[]crm.Job{r.Repair(id, "y")}, 1}
	},
	func(t *testing.T, r *crmsync.Records, calls Calls, id string) doubt { // one whose call becomes part of another, and that
		loser, winner := Ended(id, "resolved"), Ended(id+"w", "resolved")
		calls[id] = loser
		if err := r.Push(t.Context(), r.Repair(id, "x")); err != nil {
			t.Fatal(err)
		}
		calls[id], calls[winner.ID] = winner, winner
		jobs, err := r.Jobs(Merged(t, loser, winner))
		if err != nil {
			t.Fatal(err)
		}
		return doubt{jobs, 2}
	},
	func(_ *testing.T, r *crmsync.Records, calls Calls, id string) doubt { // as many at once as there can be, to eight
		var d doubt
		for n := range min(8, r.MaxBatch()) {
			one := fmt.Sprint(id, ".", n)
			calls[one] = Ended(one, "resolved")
			d.jobs, d.rows = append(d.jobs, r.Repair(one, "x")), d.rows+1
		}
		return d
	},
}

// losesAnswers loses the answers of writes of every shape, and has them done again: by the same process, by one that was started since, as
// when a person has parked jobs tried again, or in another order.
func losesAnswers(t *testing.T, s Subject) {
	trials := Trials(t)
	calls := Calls{}
	r := s.Records(t, calls)
	writes, lost, want := 0, 0, 0
	for i := range trials {
		d := shapes[i%len(shapes)](t, r, calls, fmt.Sprintf("hq:%d.1", i))
		want += d.rows
		s.Network.LoseAnswers(s.Fake.Writes)
		for n, err := range inBatches(t, r, d.jobs) {
			if err == nil || class(err) != crmsync.Ambiguous {
				t.Fatalf("trial %d: an answer was lost, and %s came to %v", i, d.jobs[n].Lane, err)
			}
			d.jobs[n].Unsure = true
			lost++
		}
		writes += len(d.jobs)
		s.Network.LoseAnswers(nil)
		again := r
		if i/len(shapes)%2 == 1 {
			again = s.Records(t, calls)
			slices.Reverse(d.jobs)
		}
		for n, err := range inBatches(t, again, d.jobs) {
			if err != nil {
				t.Fatalf("trial %d, %s again: %v", i, d.jobs[n].Lane, err)
			}
		}
		clear(calls)
	}
	rows, doubled := s.Fake.Rows(), 0
	for _, n := range rows {
		if n != 1 {
			doubled++
		}
	}
	if os.Getenv(trialsVariable) != "" {
		fmt.Printf("FIGURE\t%s: %d answers lost after the write\t0 doubled, all flagged\t%d doubled, %d of %d flagged\t%s\t%d activities\n", t.Name(), trials, doubled, lost, writes,
			map[bool]string{true: "reached", false: "MISSED"}[len(rows) == want && doubled == 0 && lost == writes], len(rows))
	}
	if len(rows) != want || doubled != 0 {
		t.Errorf("%d answers lost: %d activities, %d of them doubled; want %d, none", lost, len(rows), doubled, want)
	}
}

// inBatches pushes jobs as the Worker does, and returns what each came to.
func inBatches(t *testing.T, r *crmsync.Records, jobs []crm.Job) (errs []error) {
	t.Helper()
	for some := range slices.Chunk(jobs, r.MaxBatch()) {
		errs = append(errs, r.PushBulk(t.Context(), some)...)
	}
	return errs
}

// refusesOne pushes a batch of which the CRM refuses one, splitting it as the Worker does.
func refusesOne(t *testing.T, s Subject) {
	calls := Calls{}
	r := s.Records(t, calls)
	var jobs []crm.Job
	for i := range min(8, r.MaxBatch()) {
		id := fmt.Sprintf("hq:%d.1", i)
		calls[id] = Ended(id, "resolved")
		jobs = append(jobs, r.Repair(id, "x"))
	}
	last := jobs[len(jobs)-1]
	calls[last.Lane].Disposition.Note = s.Fake.Bad()
	errs := split(t.Context(), r, jobs)
	for i, err := range errs {
		if bad := jobs[i].Lane == last.Lane; bad && class(err) != crmsync.Permanent && class(err) != crmsync.Split || !bad && err != nil {
			t.Errorf("%s came to %v", jobs[i].Lane, err)
		}
	}
	if got := len(s.Fake.Rows()); got != len(jobs)-1 {
		t.Errorf("%d activities, want %d", got, len(jobs)-1)
	}
}

func split(ctx context.Context, r *crmsync.Records, jobs []crm.Job) []error {
	errs := r.PushBulk(ctx, jobs)
	if len(jobs) == 1 || errs[0] == nil || class(errs[0]) != crmsync.Split {
		return errs
	}
	return append(split(ctx, r, jobs[:len(jobs)/2]), split(ctx, r, jobs[len(jobs)/2:])...)
}

func endsSessions(t *testing.T, s Subject) {
	if !s.Sessions {
		return
	}
	calls := Calls{"hq:1.1": Ended("hq:1.1", "resolved")}
	r := s.Records(t, calls)
	for range 3 {
		if err := r.Push(t.Context(), r.Repair("hq:1.1", "x")); err != nil {
			t.Fatal(err)
		}
		s.Fake.ExpireSessions()
	}
	if got := len(s.Fake.Rows()); got != 1 {
		t.Errorf("%d activities, want 1", got)
	}
}

func findsNothing(t *testing.T, s Subject) {
	key := crmsync.Key("default", "hq:nobody")
	ids, err := s.Connector.Find(t.Context(), []string{key})
	if err != nil || len(ids[key]) != 0 {
		t.Errorf("found %v, %v", ids, err)
	}
}
