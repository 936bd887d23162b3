// Package redisstream is a buffer.Log in Redis: one stream per PBX, the position
// as explicit id. A stream takes ids only in ascending order, which makes a
// repeated append harmless and shuts out an older owner.
//
// What "durable" means when Append returns, by [Mode]:
//
//	mode   waits for                       Redis dies   its host loses power   failover
//	fast   the answer                      nothing      up to 2 s lost (1)     what was not replicated is appended again (3)
//	safe   its disk: WAITAOF 1 0 (2)       nothing      nothing                as fast
//	ha     two disks: WAITAOF 1 1 (2)      nothing      nothing                nothing, unless two faults meet
//
// (1) With appendfsync everysec; nothing with always; everything since the last
// snapshot without an append-only file.
// (2) WAITAOF came with Redis 7.2. On an older server safe equals fast, so set
// appendfsync to always there; ha waits for one replica's memory (WAIT 1). Open warns.
// (3) The process that wrote it appends it again from memory, if it has all of it; else Append
// returns buffer.ErrRegressed. A new owner finds Top below his checkpoint.
//
// The server is asked whether it keeps what it is given at Open, every minute, and after every
// failure and new connection; while it would evict the log, Append stores nothing. Valkey 7.2 and later says the
// same as Redis and is used alike; other servers of the protocol are not supported.
//
// The package uses no consumer groups: who reads keeps the position elsewhere.
package redisstream

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"patchcord/buffer"
	"patchcord/crm"
)

// Config is how the log is kept; the zero value is ready to use.
type Config struct {
	Prefix  string        // of every key: "<prefix>{<pbx>}:log"; "" means "pc:"
	Mode    Mode          // "" means Safe
	Timeout time.Duration // of one attempt to connect, and to read an answer; 0 means 3 s, at least 1 s
	// TailBytes is how much of the end of each PBX's log stays in memory, for a minute at most, to
	// be appended again when a failover lost it; 0 means 16 MiB.
	TailBytes int
	// Later lets Open succeed while no server can be reached: the log is away then, as it may be later.
	// What a server answers is an error of Open all the same.
	Later  bool
	Logger *slog.Logger // nil means slog.Default()
}

// Log is a buffer.Log in Redis.
type Log struct {
	cfg    Config
	client redis.UniversalClient
	follow redis.UniversalClient // for Follow, whose commands block

	mu      sync.Mutex
	durable map[string]crm.Position // guarded by mu; last position this process knows durable, by PBX
	tails   map[string]*tail        // guarded by mu; by PBX
	wait    *wait                   // guarded by mu; what Append waits for after writing; nil for nothing
	checked time.Time               // guarded by mu; when the servers were asked last; zero when they are to be asked again
	servers []server                // guarded by mu; what they said
	refused error                   // guarded by mu; why they may not be used; nil when they may
}

//go:embed append.lua
var appendLua string

var appendScript = redis.NewScript(appendLua)

// Open connects to the server at url: redis://, rediss://, unix://,
// redis-sentinel://host:26379?master_name=NAME&addr=…, redis-cluster://host:6379?addr=…
// with user, password and options as github.com/redis/go-redis has them; rediss-sentinel and
// rediss-cluster use TLS. It refuses a server that would evict the log, and one that cannot be
// reached unless Config.Later is set.
func Open(ctx context.Context, url string, cfg Config) (*Log, error) {
	cfg.Prefix, cfg.Mode = cmp.Or(cfg.Prefix, "pc:"), cmp.Or(cfg.Mode, Safe)
	cfg.Timeout = max(cmp.Or(cfg.Timeout, 3*time.Second), time.Second)
	cfg.TailBytes, cfg.Logger = cmp.Or(cfg.TailBytes, 16<<20), cmp.Or(cfg.Logger, slog.Default())
	if !cfg.Mode.valid() {
		return nil, fmt.Errorf("open log: unknown mode %q: want fast, safe or ha", cfg.Mode)
	}
	l := &Log{cfg: cfg, durable: map[string]crm.Position{}, tails: map[string]*tail{}}
	var err error
	if l.client, err = dial(url, cfg.Timeout, l.doubt); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if l.follow, err = dialFollower(url, cfg.Timeout); err != nil {
		return nil, errors.Join(fmt.Errorf("open log: %w", err), l.client.Close())
	}
	err = l.check(ctx)
	if err != nil && cfg.Later && ctx.Err() == nil && away(err) {
		cfg.Logger.Warn("redis cannot be reached; it is tried again until it answers", "err", err)
		l.doubt()
		err = nil
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open log: %w%s", err, hint(err)), l.Close())
	}
	return l, nil
}

// hint says what an administrator can do about a server that does not let us in; "" when that is said already.
func hint(err error) string {
	for _, refused := range []string{"NOAUTH", "WRONGPASS", "NOPERM"} {
		if answer, ok := errors.AsType[redis.Error](err); ok && strings.HasPrefix(answer.Error(), refused) {
			return "; user and password stand in the address: redis://user:password@host:6379, without the user redis://:password@host:6379"
		}
	}
	if !errors.Is(err, errRefused) && away(err) {
		return "; see that Redis runs there, and that host, port and TLS (rediss) are right"
	}
	return ""
}

// Read implements buffer.Log.
func (l *Log) Read(ctx context.Context, pbx string, after crm.Position, limit int) ([]buffer.Entry, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	msgs, err := l.client.XRangeN(ctx, l.key(pbx), "("+after.String(), "+", int64(limit)).Result()
	if err != nil {
		return nil, unavailable(ctx, "read log of "+pbx, err)
	}
	return parseAll(pbx, msgs)
}

func parseAll(pbx string, msgs []redis.XMessage) ([]buffer.Entry, error) {
	entries := make([]buffer.Entry, 0, len(msgs))
	for _, m := range msgs {
		e, err := parse(m)
		if err != nil && len(entries) > 0 {
			break // the next Read begins with the damaged one and says so
		}
		if err != nil {
			return nil, fmt.Errorf("read log of %s: %w", pbx, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func parse(m redis.XMessage) (buffer.Entry, error) {
	pos, err := crm.ParsePosition(m.ID)
	if err != nil {
		return buffer.Entry{}, err
	}
	rec, ok := m.Values["r"].(string)
	if !ok {
		return buffer.Entry{}, &buffer.DamagedError{Pos: pos, Reason: "it has no record"}
	}
	return buffer.ParseRecord(pos, []byte(rec))
}

// Top implements buffer.Log.
func (l *Log) Top(ctx context.Context, pbx string) (crm.Position, error) {
	info, err := l.client.XInfoStream(ctx, l.key(pbx)).Result()
	if err != nil && err.Error() == "ERR no such key" {
		return crm.Position{}, nil
	}
	if err != nil {
		return crm.Position{}, unavailable(ctx, "read top of log of "+pbx, err)
	}
	return crm.ParsePosition(info.LastGeneratedID)
}

// Trim implements buffer.Log. It removes whole nodes of the stream, so up to
// stream-node-max-entries (100 unless set otherwise) entries below the position stay.
func (l *Log) Trim(ctx context.Context, pbx string, below crm.Position) error {
	const perCall = 10000 // keeps the server's pauses short
	for {
		n, err := l.client.XTrimMinIDApprox(ctx, l.key(pbx), below.String(), perCall).Result()
		if err != nil {
			return unavailable(ctx, "trim log of "+pbx, err)
		}
		if n == 0 {
			return nil
		}
	}
}

// Close implements buffer.Log.
func (l *Log) Close() error {
	var errs []error
	for _, c := range []redis.UniversalClient{l.client, l.follow} {
		if err := c.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			errs = append(errs, fmt.Errorf("close log: %w", err))
		}
	}
	return errors.Join(errs...)
}

// key has the PBX in braces: all keys of a PBX are in one slot of a cluster.
func (l *Log) key(pbx string) string { return l.cfg.Prefix + "{" + pbx + "}:log" }

// unavailable says what err kept us from doing. A caller who gave up gets his own
// reason. Whatever the server refuses (loading, out of memory, read-only, moved,
// a password that was changed) may be put right there, so all of it is ErrUnavailable.
func unavailable(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%s: %w: %w", what, buffer.ErrUnavailable, err)
}
