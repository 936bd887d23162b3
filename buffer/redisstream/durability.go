package redisstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Mode is how much an entry must survive before it counts as durable; see the package's table.
type Mode string

// The modes.
const (
	Fast Mode = "fast"
	Safe Mode = "safe"
	HA   Mode = "ha"
)

func (m Mode) valid() bool { return m == Fast || m == Safe || m == HA }

// wait is a command that comes after the writes, and what it must answer at least.
type wait struct {
	args []any
	want []int64
}

// How long the server may take to confirm, in milliseconds: longer is an outage.
const (
	localWaitMS   = 200
	replicaWaitMS = 500
)

func waitFor(m Mode, s server) *wait {
	waitAOF := s.waitAOF && s.aof
	switch {
	case m == Safe && waitAOF:
		return &wait{args: []any{"WAITAOF", 1, 0, localWaitMS}, want: []int64{1, 0}}
	case m == HA && waitAOF:
		return &wait{args: []any{"WAITAOF", 1, 1, replicaWaitMS}, want: []int64{1, 1}}
	case m == HA:
		return &wait{args: []any{"WAIT", 1, replicaWaitMS}, want: []int64{1}}
	}
	return nil
}

// confirm compares the answer with what is wanted: these commands do not fail, they count.
func (w *wait) confirm(c *redis.Cmd) error {
	var got []int64
	var err error
	if len(w.want) == 1 {
		got = make([]int64, 1)
		got[0], err = c.Int64()
	} else {
		got, err = c.Int64Slice()
	}
	if err != nil {
		return err
	}
	for i, want := range w.want {
		if i >= len(got) || got[i] < want {
			return fmt.Errorf("stored but not confirmed: %s answered %v, want %v", w.args[0], got, w.want)
		}
	}
	return nil
}

// server is what one Redis says of itself.
type server struct {
	version   string
	policy    string // maxmemory-policy
	aof       bool
	fsync     string // appendfsync, "" when it does not tell
	waitAOF   bool
	isReplica bool
	tight     bool // more than fullShare of maxmemory is used
}

// fullShare is of maxmemory what is warned of: a full server takes nothing more, and what comes then fills the spool.
const fullShare = 0.7

// checkEvery is how often the servers are asked whether they still keep what they are given.
const checkEvery = time.Minute

// inspected asks the servers when that is due, and says why they may not be used.
func (l *Log) inspected(ctx context.Context) error {
	l.mu.Lock()
	due, refused := time.Since(l.checked) >= checkEvery, l.refused
	if due {
		l.checked = time.Now() // one of those who append asks, the others need not wait
	}
	l.mu.Unlock()
	if !due {
		return refused
	}
	err := l.check(ctx)
	if err != nil {
		l.doubt()
	}
	return err
}

// doubt says that the servers are to be asked before the next append: after a failure, or
// behind a new connection, there may be another one at the address.
func (l *Log) doubt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checked = time.Time{}
}

// waiting returns what Append waits for after writing.
func (l *Log) waiting() *wait {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wait
}

// check asks every server and settles what Append waits for.
func (l *Log) check(ctx context.Context) error {
	servers, err := l.inspectAll(ctx)
	if err != nil {
		return err
	}
	all := server{aof: true, waitAOF: true}
	var refused error
	for _, s := range servers {
		refused = cmp.Or(refused, s.refuse())
		all.aof, all.waitAOF = all.aof && s.aof, all.waitAOF && s.waitAOF
	}
	l.mu.Lock()
	news := !slices.Equal(l.servers, servers)
	l.checked, l.servers, l.refused, l.wait = time.Now(), servers, refused, waitFor(l.cfg.Mode, all)
	l.mu.Unlock()
	if refused == nil && news {
		for _, s := range servers {
			s.warn(l.cfg.Logger, l.cfg.Mode)
		}
	}
	return refused
}

// oldest is the major version of the oldest Redis that the log was tried on. Valkey says 7.2 for Redis's sake.
const oldest = 7

// errRefused is why a server that answers may not be used.
var errRefused = errors.New("it would not keep the log")

// away reports whether err means that no server could be asked, or that one is not ready yet: not that it
// does not want us, or we it.
func away(err error) bool {
	if errors.Is(err, errRefused) {
		return false
	}
	if _, bad := errors.AsType[*tls.CertificateVerificationError](err); bad {
		return false
	}
	answer, answered := errors.AsType[redis.Error](err)
	if !answered {
		return true
	}
	for _, soon := range []string{"LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"} {
		if strings.HasPrefix(answer.Error(), soon) {
			return true
		}
	}
	return false
}

// inspectAll returns what every server says, in an order of its own.
func (l *Log) inspectAll(ctx context.Context) (servers []server, err error) {
	var mu sync.Mutex
	err = l.eachNode(ctx, func(ctx context.Context, c *redis.Client) error {
		s, err := inspect(ctx, c)
		mu.Lock()
		defer mu.Unlock()
		servers = append(servers, s)
		return err
	})
	slices.SortFunc(servers, func(a, b server) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return servers, err
}

func inspect(ctx context.Context, c *redis.Client) (s server, err error) {
	info, err := c.Info(ctx).Result()
	if err != nil {
		return s, err
	}
	var used, most float64
	for line := range strings.Lines(info) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), ":"); key {
		case "redis_version":
			s.version = value
		case "maxmemory_policy":
			s.policy = value
		case "aof_enabled":
			s.aof = value == "1"
		case "role":
			s.isReplica = value == "slave"
		case "used_memory":
			used, _ = strconv.ParseFloat(value, 64)
		case "maxmemory":
			most, _ = strconv.ParseFloat(value, 64)
		}
	}
	s.tight = most > 0 && used > fullShare*most
	if cmds, err := c.Do(ctx, "COMMAND", "INFO", "WAITAOF").Slice(); err == nil && len(cmds) == 1 {
		s.waitAOF = cmds[0] != nil
	}
	if conf, err := c.ConfigGet(ctx, "appendfsync").Result(); err == nil { // may be forbidden
		s.fsync = conf["appendfsync"]
	}
	return s, nil
}

func (s server) refuse() error {
	if strings.HasPrefix(s.policy, "allkeys-") {
		return fmt.Errorf("%w: maxmemory-policy is %s, by which the server would silently evict it: set it to noeviction", errRefused, s.policy)
	}
	if major, _, _ := strings.Cut(s.version, "."); s.version != "" {
		if n, err := strconv.Atoi(major); err == nil && n < oldest {
			return fmt.Errorf("%w: its version is %s: %d.0 is the oldest that is supported", errRefused, s.version, oldest)
		}
	}
	if s.isReplica {
		return fmt.Errorf("%w: the server is a replica: give the address of its master, or a redis-sentinel URL", errRefused)
	}
	return nil
}

// warn says where the server keeps less than the mode promises.
func (s server) warn(log *slog.Logger, m Mode) {
	if s.tight {
		log.Warn("redis has used more than 70 % of its maxmemory; when that is full it takes nothing more, and frames go to the spool: raise it, or see who else fills it")
	}
	switch {
	case !s.aof:
		log.Warn("redis has no append-only file: the log is lost when it restarts; set appendonly yes", "mode", m)
	case m == Safe && !s.waitAOF && s.fsync != "always":
		log.Warn("redis has no WAITAOF (it came with 7.2): a power loss may take up to 2 s of the log; set appendfsync always",
			"mode", m, "version", s.version, "appendfsync", s.fsync)
	case m == HA && !s.waitAOF:
		log.Warn("redis has no WAITAOF (it came with 7.2): waiting for a replica's memory instead of its disk",
			"mode", m, "version", s.version)
	}
}
