package buffer

import (
	"context"
	"time"

	"patchcord/crm"
)

// Follower is a Log that other nodes write to as well, so that it can be waited
// on. A log on one node's disk is none.
type Follower interface {
	// Follow is Log's Read that waits up to wait for the first entry; none is no
	// error. What it returns need not be durable yet. It may overstay ctx by wait.
	Follow(ctx context.Context, pbx string, after crm.Position, limit int, wait time.Duration) ([]Entry, error)
}
