package crmtest

import (
	"testing"
	"time"

	"patchcord/crm"
)

// park stores a job of "hook", has it refused, and returns it.
func park(t *testing.T, s crm.Store, lane, key string) crm.Job {
	t.Helper()
	enqueue(t, s, job(lane, key, at(0)))
	jobs := claim(t, s, 1)
	if len(jobs) != 1 {
		t.Fatalf("claimed %d jobs, want 1", len(jobs))
	}
	finish(t, s, jobs[0], crm.JobResult{State: crm.JobParked, Err: "400"})
	return jobs[0]
}

var jobTests = []test{
	{"a job is found at its destination alone", func(t *testing.T, s crm.Store) {
		j := park(t, s, "a", "k1")
		got, err := s.Job(t.Context(), "hook", j.ID)
		check(t, err)
		if got.Key != "k1" || got.State != crm.JobParked || got.LastErr != "400" {
			t.Errorf("got %+v", got)
		}
		_, err = s.Job(t.Context(), "crm", j.ID)
		wantErr(t, err, crm.ErrNotFound)
	}},
	{"jobs are counted by state", func(t *testing.T, s crm.Store) {
		park(t, s, "a", "k1")
		park(t, s, "b", "k2")
		enqueue(t, s, job("c", "k3", at(0)), job("d", "k4", at(9)), job("e", "k5", at(0)))
		for _, j := range claim(t, s, 1)[:1] {
			finish(t, s, j, crm.JobResult{State: crm.JobDone})
		}
		got, err := s.CountJobs(t.Context(), "hook")
		check(t, err)
		equal(t, "counts", got, map[crm.JobState]int{crm.JobParked: 2, crm.JobReady: 1, crm.JobLeased: 1})
		got, err = s.CountJobs(t.Context(), "nowhere")
		check(t, err)
		equal(t, "counts of nothing", got, map[crm.JobState]int{})
	}},
	{"the oldest job that waits is known by its time", func(t *testing.T, s crm.Store) {
		none, err := s.OldestJob(t.Context(), "hook")
		check(t, err)
		if !none.IsZero() {
			t.Errorf("of no jobs the oldest is of %v", none)
		}
		park(t, s, "a", "k1") // a person's business
		before := time.Now()
		enqueue(t, s, job("b", "k2", at(9)))
		got, err := s.OldestJob(t.Context(), "hook")
		check(t, err)
		if age := before.Sub(got).Abs(); age > time.Minute { // by the store's clock, of whole seconds in one of them
			t.Errorf("it is of %v, now is %v", got, before)
		}
		claim(t, s, 10)
		again, err := s.OldestJob(t.Context(), "hook")
		check(t, err)
		if !again.Equal(got) {
			t.Errorf("once it is under way it is of %v, not %v", again, got)
		}
	}},
	{"every parked job of a destination is tried again", func(t *testing.T, s crm.Store) {
		park(t, s, "a", "k1")
		park(t, s, "b", "k2")
		n, err := s.RedriveAll(t.Context(), "crm", at(3).Time)
		check(t, err)
		equal(t, "of another destination", n, 0)
		n, err = s.RedriveAll(t.Context(), "hook", at(3).Time)
		check(t, err)
		equal(t, "redriven", n, 2)
		jobs := claim(t, s, 3)
		equal(t, "claimed", keys(jobs), []string{"k1", "k2"})
		equal(t, "attempts", jobs[0].Attempts, 1)
	}},
	{"a parked job is edited, and only a parked one", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		j := park(t, s, "a", "k1")
		check(t, s.EditJob(ctx, j.ID, []byte("new\x00")))
		check(t, s.Redrive(ctx, j.ID, at(2).Time))
		wantErr(t, s.EditJob(ctx, j.ID, []byte("late")), crm.ErrConflict)
		equal(t, "payload", string(claim(t, s, 2)[0].Payload), "new\x00")
		wantErr(t, s.EditJob(ctx, j.ID+1000, nil), crm.ErrNotFound)
	}},
	{"a lane goes on behind a skipped job", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		j := park(t, s, "a", "k1")
		enqueue(t, s, job("a", "k2", at(0)))
		equal(t, "behind a parked one", keys(claim(t, s, 1)), []string{})
		check(t, s.SkipJob(ctx, j.ID, "not wanted"))
		equal(t, "behind a skipped one", keys(claim(t, s, 1)), []string{"k2"})
		wantErr(t, s.SkipJob(ctx, j.ID, "again"), crm.ErrConflict)
		wantErr(t, s.Redrive(ctx, j.ID, at(2).Time), crm.ErrConflict)
		skipped, err := s.Jobs(ctx, "hook", crm.JobSkipped, 10)
		check(t, err)
		if len(skipped) != 1 || skipped[0].LastErr != "not wanted" {
			t.Errorf("skipped: %+v", skipped)
		}
	}},
}
