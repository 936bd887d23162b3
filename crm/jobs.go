package crm

import (
	"context"
	"time"
)

// JobStore is what people do about jobs of the outbox.
type JobStore interface {
	// Job returns a job of dest; ErrNotFound when dest has no such job.
	Job(ctx context.Context, dest string, id int64) (Job, error)
	// CallsWithJobs returns for each id, in their order, what a Remote needs to write that call: the record as CallStore.Call gives
	// it, nil when there is none, and the jobs of dest whose lane is that very id, the oldest first. One read serves them all.
	CallsWithJobs(ctx context.Context, tenant, dest string, ids []string) ([]CallWithJobs, error)
	// CountJobs returns how many jobs of dest are in each state but done; states without a job are left out.
	CountJobs(ctx context.Context, dest string) (map[JobState]int, error)
	// OldestJob returns when the oldest job of dest that waits or is under way was stored, the zero time without one.
	OldestJob(ctx context.Context, dest string) (time.Time, error)
	// RedriveAll makes every parked job of dest ready again, with no attempts counted, and returns how many.
	RedriveAll(ctx context.Context, dest string, now time.Time) (int, error)
	// EditJob replaces the payload of a parked job; ErrConflict when it is not parked.
	EditJob(ctx context.Context, id int64, payload []byte) error
	// SkipJob ends a parked job undone, and its lane goes on; ErrConflict when it is not parked.
	// The reason becomes its LastErr.
	SkipJob(ctx context.Context, id int64, reason string) error
}

// CallWithJobs is a call and what is, or was, to be written of it to one destination.
type CallWithJobs struct {
	Call *Call
	Jobs []Job
}
