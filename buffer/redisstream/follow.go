package redisstream

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"patchcord/buffer"
	"patchcord/crm"
)

var _ buffer.Follower = (*Log)(nil)

// maxFollowed is how many connections may wait for entries: each waits alone, so
// they come from a pool that nobody else uses.
const maxFollowed = 1000

// dialFollower makes the client that waits. It connects when it is first used.
func dialFollower(address string, timeout time.Duration) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the URL cannot be read") // dial has said why, without the password
	}
	q := u.Query()
	q.Set("pool_size", strconv.Itoa(maxFollowed))
	u.RawQuery = q.Encode()
	return dial(u.String(), timeout, nil)
}

// Follow implements buffer.Follower, with XREAD BLOCK.
func (l *Log) Follow(ctx context.Context, pbx string, after crm.Position, limit int, wait time.Duration) ([]buffer.Entry, error) {
	if limit <= 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	streams, err := l.follow.XRead(ctx, &redis.XReadArgs{
		Streams: []string{l.key(pbx), after.String()}, Count: int64(limit), Block: max(wait, time.Millisecond),
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, unavailable(ctx, "follow log of "+pbx, err)
	}
	return parseAll(pbx, streams[0].Messages)
}
