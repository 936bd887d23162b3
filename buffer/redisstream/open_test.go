package redisstream_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"patchcord/buffer"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
)

func TestOpenRefuses(t *testing.T) {
	evicting, _ := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	master, srv := redistest.Start(t)
	host, port, _ := strings.Cut(srv.Addr(), ":")
	replica, _ := redistest.Start(t, "--replicaof", host+" "+port)
	guarded, guard := redistest.Start(t)
	if err := guard.Client().ConfigSet(t.Context(), "requirepass", "sesame").Err(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		url, want string
		mode      redisstream.Mode
	}{
		"a server that evicts":        {url: evicting, want: "noeviction"},
		"a replica":                   {url: replica, want: "replica"},
		"a wrong password":            {url: strings.Replace(guarded, "//", "//:hunter2@", 1), want: "WRONGPASS"},
		"no password":                 {url: guarded, want: "redis://:password@host"},
		"nobody there":                {url: "redis://127.0.0.1:1/0", want: "refused; see that Redis runs there"},
		"an unknown mode":             {url: master, mode: "careful", want: "careful"},
		"an unknown scheme":           {url: "amqp://localhost", want: "amqp"},
		"an unknown kind":             {url: "redis-farm://localhost", want: `"redis-farm"`},
		"a sentinel without a master": {url: "redis-sentinel://localhost:26379", want: "master_name"},
		"a broken URL":                {url: "redis://:hunter2@host:port/x", want: "port"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := redisstream.Open(t.Context(), tt.url, redisstream.Config{Mode: tt.mode})
			if err == nil {
				_ = l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

// TestOpenLater: a server that is away may come later; one that answers that it does not want us, or
// would lose what it is given, is an error at once.
func TestOpenLater(t *testing.T) {
	evicting, _ := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	guarded, guard := redistest.Start(t)
	if err := guard.Client().ConfigSet(t.Context(), "requirepass", "sesame").Err(); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{evicting, guarded} {
		if l, err := redisstream.Open(t.Context(), url, redisstream.Config{Later: true}); err == nil {
			l.Close()
			t.Errorf("%s was opened", url)
		}
	}
	url, srv := redistest.Start(t)
	srv.Kill()
	l, err := redisstream.Open(t.Context(), url, redisstream.Config{Later: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	entries := []buffer.Entry{{Pos: crm.Position{Epoch: 1}, Kind: buffer.Mark}}
	if _, err := l.Append(t.Context(), "hq", entries); !errors.Is(err, buffer.ErrUnavailable) {
		t.Errorf("append while the server is away: %v", err)
	}
	if _, err := l.Top(t.Context(), "hq"); !errors.Is(err, buffer.ErrUnavailable) {
		t.Errorf("top while the server is away: %v", err)
	}
	srv.Restart()
	if n, err := l.Append(t.Context(), "hq", entries); n != 1 || err != nil {
		t.Errorf("append once it is there: %d, %v", n, err)
	}
}

func TestOpenWarns(t *testing.T) {
	for name, tt := range map[string]struct {
		args    []string
		waitAOF bool
		mode    redisstream.Mode
		want    string
	}{
		"no append-only file":      {args: []string{"--appendonly", "no"}, want: "appendonly yes"},
		"everysec without WAITAOF": {want: "2 s"},
		"always":                   {args: []string{"--appendfsync", "always"}, want: ""},
		"everysec with WAITAOF":    {waitAOF: true, want: ""},
		"fast does not care":       {mode: redisstream.Fast, want: ""},
		"one that is nearly full":  {args: []string{"--appendfsync", "always", "--maxmemory", "1mb"}, want: "70 %"},
		"ha without WAITAOF":       {mode: redisstream.HA, want: "replica's memory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, srv := redistest.Start(t, tt.args...)
			f := startFront(t, srv.Addr())
			f.old = !tt.waitAOF
			var log bytes.Buffer
			openLog(t, f.url, redisstream.Config{Mode: tt.mode, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if got := log.String(); !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
				t.Errorf("logged %q, want %q", got, tt.want)
			}
		})
	}
}

func TestForeignEntryIsDamage(t *testing.T) {
	url, srv := redistest.Start(t)
	l := openLog(t, url, redisstream.Config{Prefix: "other:"})
	mustAppend(t, l, entries(1, 1, 2))
	if err := srv.Client().Do(t.Context(), "XADD", "other:{hq}:log", "1-3", "x", "y").Err(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, entries(1, 4, 4))
	got, err := l.Read(t.Context(), "hq", crm.Position{}, 10)
	if err != nil || len(got) != 2 {
		t.Fatalf("got %d entries, %v; want 2", len(got), err)
	}
	var damaged *buffer.DamagedError
	if _, err = l.Read(t.Context(), "hq", got[1].Pos, 10); !errors.As(err, &damaged) || damaged.Pos.Seq != 3 {
		t.Fatalf("got %v, want a DamagedError of 1-3", err)
	}
	if got, err = l.Read(t.Context(), "hq", damaged.Pos, 10); err != nil || len(got) != 1 {
		t.Errorf("got %d entries, %v; want 1", len(got), err)
	}
}

func TestCluster(t *testing.T) {
	url, srv := redistest.Start(t, "--cluster-enabled", "yes")
	admin := srv.Client()
	if err := admin.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the cluster is up", func() bool {
		return strings.Contains(admin.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	l := openLog(t, strings.Replace(strings.TrimSuffix(url, "/0"), "redis://", "redis-cluster://", 1), redisstream.Config{})
	mustAppend(t, l, entries(1, 1, 600))
	mustAppend(t, l, entries(1, 500, 700))
	if top, err := l.Top(t.Context(), "hq"); err != nil || top.Seq != 700 {
		t.Errorf("got top %s, %v; want 1-700", top, err)
	}
	if err := l.Trim(t.Context(), "hq", crm.Position{Epoch: 2}); err != nil {
		t.Error(err)
	}
}
