package crmtest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
)

const lease = time.Minute

func job(lane, key string, run crm.Time) crm.Job {
	return crm.Job{Lane: lane, Key: key, Kind: "event", Payload: []byte(key + "\x00"), RunAt: run.Time}
}

// enqueue stores jobs of "hook" after those that are there.
func enqueue(t *testing.T, s crm.Store, jobs ...crm.Job) {
	t.Helper()
	n, err := s.OutboxCursor(t.Context(), "hook")
	check(t, err)
	check(t, s.Enqueue(t.Context(), "hook", n, n+1, jobs))
}

// claim claims up to ten jobs of "hook" at that minute.
func claim(t *testing.T, s crm.Store, minute int) []crm.Job {
	t.Helper()
	jobs, err := s.Claim(t.Context(), "hook", at(minute).Time, lease, 10)
	check(t, err)
	return jobs
}

func keys(jobs []crm.Job) []string {
	out := []string{}
	for _, j := range jobs {
		out = append(out, j.Key)
	}
	return out
}

func finish(t *testing.T, s crm.Store, j crm.Job, r crm.JobResult) {
	t.Helper()
	check(t, s.Finish(t.Context(), j.End(r)))
}

var outboxTests = []test{
	{"the cursor moves with the jobs, and only from where it is", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		n, err := s.OutboxCursor(ctx, "hook")
		check(t, err)
		equal(t, "cursor at first", n, 0)
		check(t, s.Enqueue(ctx, "hook", 0, 7, []crm.Job{job("a", "k1", at(0))}))
		wantErr(t, s.Enqueue(ctx, "hook", 0, 7, []crm.Job{job("a", "k2", at(0))}), crm.ErrConflict)
		n, err = s.OutboxCursor(ctx, "hook")
		check(t, err)
		equal(t, "cursor", n, 7)
		check(t, s.Enqueue(ctx, "crm", 0, 3, nil)) // another destination has its own
		check(t, s.Enqueue(ctx, "hook", 7, 9, []crm.Job{job("a", "k1", at(0)), job("a", "k3", at(0))}))
		jobs, err := s.Jobs(ctx, "hook", crm.JobReady, 10)
		check(t, err)
		equal(t, "jobs, each key once", keys(jobs), []string{"k1", "k3"})
	}},
	{"a claimed job has all it was given, a lease and a new generation", func(t *testing.T, s crm.Store) {
		enqueue(t, s, job("a", "k1", at(0)))
		jobs := claim(t, s, 1)
		if len(jobs) != 1 {
			t.Fatalf("got %d jobs, want 1", len(jobs))
		}
		want := job("a", "k1", crm.At(at(1).Add(lease)))
		want.ID, want.Dest, want.State, want.Attempts, want.Gen = jobs[0].ID, "hook", crm.JobLeased, 1, 1
		equal(t, "job", jobs[0], want)
		equal(t, "claimed again", keys(claim(t, s, 1)), []string{})
		other, err := s.Claim(t.Context(), "crm", at(1).Time, lease, 10)
		check(t, err)
		equal(t, "another destination's", len(other), 0)
	}},
	{"a job waits until it is due", func(t *testing.T, s crm.Store) {
		enqueue(t, s, job("a", "k1", at(5)), job("b", "k2", at(3)))
		equal(t, "too early", keys(claim(t, s, 2)), []string{})
		equal(t, "first due", keys(claim(t, s, 3)), []string{"k2"})
		equal(t, "then", keys(claim(t, s, 5)), append([]string{"k1"}, "k2")) // the lease of k2 ran out
	}},
	{"a lane keeps its order", lanesKeepOrder},
	{"at most as many as asked for, those due longest, oldest first", func(t *testing.T, s crm.Store) {
		for i := range 5 {
			enqueue(t, s, job(fmt.Sprint(i), fmt.Sprintf("k%d", i), at(5-i)))
		}
		jobs, err := s.Claim(t.Context(), "hook", at(10).Time, lease, 3)
		check(t, err)
		equal(t, "jobs", keys(jobs), []string{"k2", "k3", "k4"})
		left, err := s.Jobs(t.Context(), "hook", crm.JobReady, 1)
		check(t, err)
		equal(t, "listed", keys(left), []string{"k0"})
	}},
	{"what waits behind a job is due again with it", laneWaits},
	{"a lease that ran out is claimable again, unsure, and its holder is fenced", leaseRunsOut},
	{"an attempt that failed comes back when it is due", func(t *testing.T, s crm.Store) {
		enqueue(t, s, job("a", "k1", at(0)))
		j := claim(t, s, 1)[0]
		finish(t, s, j, crm.JobResult{State: crm.JobReady, RunAt: at(9).Time, Err: "503"})
		equal(t, "before", keys(claim(t, s, 8)), []string{})
		j = claim(t, s, 9)[0]
		if j.Attempts != 2 || j.Gen != 2 || j.LastErr != "503" || j.Unsure {
			t.Errorf("got %+v, want attempt 2, generation 2, its error, sure", j)
		}
		finish(t, s, j, crm.JobResult{State: crm.JobReady, RunAt: at(9).Time, Free: true})
		j = claim(t, s, 9)[0]
		if j.Attempts != 2 || j.Gen != 3 {
			t.Errorf("got attempt %d, generation %d after a free one, want 2 and 3", j.Attempts, j.Gen)
		}
	}},
	{"a parked job waits for a person", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		enqueue(t, s, job("a", "k1", at(0)))
		j := claim(t, s, 1)[0]
		wantErr(t, s.Redrive(ctx, j.ID, at(2).Time), crm.ErrConflict)
		finish(t, s, j, crm.JobResult{State: crm.JobParked, Err: "400"})
		equal(t, "claimed", keys(claim(t, s, 100)), []string{})
		parked, err := s.Jobs(ctx, "hook", crm.JobParked, 10)
		check(t, err)
		equal(t, "parked", keys(parked), []string{"k1"})
		check(t, s.Redrive(ctx, j.ID, at(2).Time))
		got := claim(t, s, 2)
		if len(got) != 1 || got[0].Attempts != 1 {
			t.Fatalf("got %+v after redriving, want the job at its first attempt", got)
		}
		wantErr(t, s.Redrive(ctx, j.ID+1000, at(2).Time), crm.ErrNotFound)
	}},
	{"an end of unknown outcome may be repeated, another may not", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		enqueue(t, s, job("a", "k1", at(0)))
		j := claim(t, s, 1)[0]
		finish(t, s, j, crm.JobResult{State: crm.JobDone})
		finish(t, s, j, crm.JobResult{State: crm.JobDone})
		wantErr(t, s.Finish(ctx, j.End(crm.JobResult{State: crm.JobParked})), crm.ErrFenced)
		wantErr(t, s.Finish(ctx, crm.JobEnd{ID: j.ID + 1000, Gen: 1, JobResult: crm.JobResult{State: crm.JobDone}}), crm.ErrNotFound)
		if err := s.Finish(ctx, j.End(crm.JobResult{State: crm.JobLeased})); err == nil {
			t.Error("a job ended as leased")
		}
		done, err := s.Jobs(ctx, "hook", crm.JobDone, 10)
		check(t, err)
		equal(t, "done", keys(done), []string{"k1"})
	}},
	{"of several ends one that is refused stops none", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		enqueue(t, s, job("a", "k1", at(0)), job("b", "k2", at(0)), job("c", "k3", at(0)))
		jobs := claim(t, s, 1)
		check(t, s.Finish(ctx))
		ends := []crm.JobEnd{jobs[0].End(crm.JobResult{State: crm.JobDone}), jobs[1].End(crm.JobResult{State: crm.JobDone}), jobs[2].End(crm.JobResult{State: crm.JobParked})}
		ends[1].Gen++
		wantErr(t, s.Finish(ctx, ends...), crm.ErrFenced)
		for state, want := range map[crm.JobState]string{crm.JobDone: "k1", crm.JobLeased: "k2", crm.JobParked: "k3"} {
			got, err := s.Jobs(ctx, "hook", state, 10)
			check(t, err)
			equal(t, string(state), keys(got), []string{want})
		}
		ends[1].Gen--
		check(t, s.Finish(ctx, ends...))
	}},
	{"sixteen workers claim every job once, each lane in order", racingWorkers},
}

func lanesKeepOrder(t *testing.T, s crm.Store) {
	enqueue(t, s, job("a", "a1", at(5)), job("a", "a2", at(0)), job("b", "b1", at(0)), job("b", "b2", at(0)))
	jobs := claim(t, s, 1)
	equal(t, "heads that are due", keys(jobs), []string{"b1"})
	finish(t, s, jobs[0], crm.JobResult{State: crm.JobParked})
	equal(t, "behind a parked one", keys(claim(t, s, 1)), []string{})
	check(t, s.Redrive(t.Context(), jobs[0].ID, at(1).Time))
	jobs = claim(t, s, 5)
	equal(t, "heads", keys(jobs), []string{"a1", "b1"})
	for _, j := range jobs {
		finish(t, s, j, crm.JobResult{State: crm.JobDone})
	}
	equal(t, "next", keys(claim(t, s, 5)), []string{"a2", "b2"})
}

// laneWaits has jobs behind one that is tried later, parked, skipped and redriven: none is forgotten.
func laneWaits(t *testing.T, s crm.Store) {
	ctx := t.Context()
	due := func() map[string]time.Time {
		out := map[string]time.Time{}
		jobs, err := s.Jobs(ctx, "hook", crm.JobReady, 10)
		check(t, err)
		for _, j := range jobs {
			out[j.Key] = j.RunAt
		}
		return out
	}
	enqueue(t, s, job("a", "a1", at(0)), job("b", "b1", at(0)), job("a", "a2", at(0)), job("b", "b2", at(0)), job("a", "a3", at(9)))
	jobs := claim(t, s, 1)
	equal(t, "heads", keys(jobs), []string{"a1", "b1"})
	finish(t, s, jobs[0], crm.JobResult{State: crm.JobReady, RunAt: at(5).Time})
	equal(t, "what is behind", due(), map[string]time.Time{"a1": at(5).Time, "a2": at(5).Time, "b2": at(0).Time, "a3": at(9).Time})
	finish(t, s, jobs[1], crm.JobResult{State: crm.JobReady, RunAt: at(6).Time})
	equal(t, "before", keys(claim(t, s, 4)), []string{})
	jobs = claim(t, s, 6)
	equal(t, "again", keys(jobs), []string{"a1", "b1"})
	for _, j := range jobs {
		finish(t, s, j, crm.JobResult{State: crm.JobParked})
	}
	enqueue(t, s, job("b", "b3", at(0)))
	equal(t, "behind parked ones", due(), map[string]time.Time{"a2": {}, "a3": {}, "b2": {}, "b3": at(0).Time})
	equal(t, "claimed", keys(claim(t, s, 100)), []string{})
	check(t, s.SkipJob(ctx, jobs[0].ID, "not wanted"))
	a2 := claim(t, s, 100)
	equal(t, "behind the skipped one", keys(a2), []string{"a2"})
	finish(t, s, a2[0], crm.JobResult{State: crm.JobParked})
	n, err := s.RedriveAll(ctx, "hook", at(100).Time)
	check(t, err)
	equal(t, "redriven", n, 2)
	for _, want := range [][]string{{"b1", "a2"}, {"b2", "a3"}, {"b3"}, {}} {
		jobs := claim(t, s, 100)
		equal(t, "at last", keys(jobs), want)
		for _, j := range jobs {
			finish(t, s, j, crm.JobResult{State: crm.JobDone})
		}
	}
}

func leaseRunsOut(t *testing.T, s crm.Store) {
	enqueue(t, s, job("a", "k1", at(0)))
	first := claim(t, s, 1)[0]
	second := claim(t, s, 2)
	if len(second) != 1 || !second[0].Unsure || second[0].Gen != 2 || second[0].Attempts != 2 {
		t.Fatalf("got %+v, want the job again, unsure, of generation 2", second)
	}
	err := s.Finish(t.Context(), first.End(crm.JobResult{State: crm.JobDone}))
	wantErr(t, err, crm.ErrFenced)
	finish(t, s, second[0], crm.JobResult{State: crm.JobReady, RunAt: at(3).Time})
	third := claim(t, s, 3)
	if len(third) != 1 || !third[0].Unsure {
		t.Fatalf("got %+v, want the job still unsure", third)
	}
	finish(t, s, third[0], crm.JobResult{State: crm.JobDone})
}

func racingWorkers(t *testing.T, s crm.Store) {
	const lanes, each = 10, 6
	var jobs []crm.Job
	for i := range each {
		for l := range lanes {
			jobs = append(jobs, job(fmt.Sprint(l), fmt.Sprintf("%d-%d", l, i), at(0)))
		}
	}
	enqueue(t, s, jobs...)
	var mu sync.Mutex
	got := map[string][]string{} // keys by lane as they were finished; guarded by mu
	done := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, keys := range got {
			n += len(keys)
		}
		return n
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for done() < lanes*each && t.Context().Err() == nil {
				some, err := s.Claim(t.Context(), "hook", at(1).Time, time.Hour, 3)
				if err != nil {
					t.Error(err)
					return
				}
				for _, j := range some {
					mu.Lock()
					got[j.Lane] = append(got[j.Lane], j.Key)
					mu.Unlock()
					if err := s.Finish(t.Context(), j.End(crm.JobResult{State: crm.JobDone})); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for l := range lanes {
		want := []string{}
		for i := range each {
			want = append(want, fmt.Sprintf("%d-%d", l, i))
		}
		equal(t, "lane", got[fmt.Sprint(l)], want)
	}
}
