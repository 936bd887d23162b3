package redisstream

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// quiet keeps go-redis from writing lines of its own to standard error at every attempt to connect: what
// they say is in the errors that it returns, which are logged once and in our form.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

// Printf implements go-redis's logger.
func (silent) Printf(context.Context, string, ...any) {}

// dial makes the client that the URL asks for; it connects when it is first used.
// The client does not retry: who appends does, and knows for how long. It tells of every
// connection that it makes, as another server may be behind it; connected may be nil.
func dial(url string, timeout time.Duration, connected func()) (redis.UniversalClient, error) {
	quiet()
	onConnect := func(context.Context, *redis.Conn) error {
		if connected != nil {
			connected()
		}
		return nil
	}
	scheme, rest, _ := strings.Cut(url, "://")
	base, kind, _ := strings.Cut(scheme, "-")
	switch kind {
	case "sentinel":
		o, err := redis.ParseFailoverURL(base + "://" + rest)
		if err != nil {
			return nil, badURL(scheme, err)
		}
		if o.MasterName == "" {
			return nil, fmt.Errorf("%s URL: name the master, as %s://host:26379?master_name=mymaster", scheme, scheme)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeout, timeout, timeout
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled, o.OnConnect = -1, 1, true, onConnect
		return redis.NewFailoverClient(o), nil
	case "cluster":
		o, err := redis.ParseClusterURL(base + "://" + rest)
		if err != nil {
			return nil, badURL(scheme, err)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeout, timeout, timeout
		o.DialerRetries, o.ContextTimeoutEnabled, o.OnConnect = 1, true, onConnect
		return redis.NewClusterClient(o), nil
	case "":
		o, err := redis.ParseURL(url)
		if err != nil {
			return nil, badURL(scheme, err)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeout, timeout, timeout
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled, o.OnConnect = -1, 1, true, onConnect
		return redis.NewClient(o), nil
	}
	return nil, fmt.Errorf("URL scheme %q: want redis, rediss, unix, redis-sentinel or redis-cluster", scheme)
}

// badURL leaves out what could be a password: url.Error repeats the whole URL.
func badURL(scheme string, err error) error {
	reason := err.Error()
	if i := strings.LastIndex(reason, `": `); i >= 0 {
		reason = reason[i+3:]
	}
	return fmt.Errorf("%s URL: %s", scheme, reason)
}

// node returns the client of the server that has the key.
func (l *Log) node(ctx context.Context, key string) (*redis.Client, error) {
	switch c := l.client.(type) {
	case *redis.ClusterClient:
		return c.MasterForKey(ctx, key)
	case *redis.Client:
		return c, nil
	default:
		return nil, fmt.Errorf("a %T has no nodes", c)
	}
}

// eachNode calls f for every server that writes, one after the other or at once.
func (l *Log) eachNode(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	switch c := l.client.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, f)
	case *redis.Client:
		return f(ctx, c)
	default:
		return fmt.Errorf("a %T has no nodes", c)
	}
}
