package redisstream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
)

// appendOn appends the entries however often it takes.
func appendOn(t *testing.T, l buffer.Log, es []buffer.Entry) {
	t.Helper()
	waitFor(t, "the log takes entries", func() bool {
		n, err := l.Append(t.Context(), "hq", es)
		if err != nil && !errors.Is(err, buffer.ErrUnavailable) {
			t.Fatal(err)
		}
		es = es[n:]
		return len(es) == 0
	})
}

func TestSentinelFailoverLosesNothing(t *testing.T) {
	_, master := redistest.Start(t)
	host, port, _ := strings.Cut(master.Addr(), ":")
	_, replica := redistest.Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	replicating(t, master, replica)
	url, sentinel := redistest.StartSentinel(t, master)
	waitFor(t, "the sentinel knows the replica", func() bool {
		info := sentinel.Client().Info(t.Context(), "sentinel").Val()
		return strings.Contains(info, "slaves=1")
	})

	l := openLog(t, url, redisstream.Config{Timeout: time.Second})
	mustAppend(t, l, entries(1, 1, 10))
	waitFor(t, "the replica has them", func() bool { return master.Client().Wait(t.Context(), 1, time.Second).Val() == 1 })
	replica.Stop() // what comes now it will not have
	mustAppend(t, l, entries(1, 11, 20))
	master.Kill()
	replica.Cont()
	appendOn(t, l, entries(1, 21, 22))
	es, err := l.Read(t.Context(), "hq", crm.Position{}, 100)
	if err != nil || len(es) != 22 {
		t.Errorf("the promoted replica has %d entries, %v; want 22", len(es), err)
	}
	if top, err := openLog(t, replica.URL(), redisstream.Config{}).Top(t.Context(), "hq"); err != nil || top.Seq != 22 {
		t.Errorf("the log on the replica ends at %s, %v; want 1-22", top, err)
	}
}

func replicating(t *testing.T, master, replica *redistest.Server) {
	t.Helper()
	waitFor(t, "the replica is in step", func() bool {
		return master.Client().Wait(t.Context(), 1, time.Second).Val() == 1 &&
			strings.Contains(replica.Client().Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
}

// TestClusterOfThree: every PBX has its stream on one of three servers.
func TestClusterOfThree(t *testing.T) {
	var nodes []*redistest.Server
	for range 3 {
		_, srv := redistest.Start(t, "--cluster-enabled", "yes")
		nodes = append(nodes, srv)
	}
	for i, n := range nodes {
		must(t, n, "CLUSTER", "ADDSLOTSRANGE", i*5461, min(i*5461+5460, 16383))
		host, port, _ := strings.Cut(n.Addr(), ":")
		must(t, nodes[0], "CLUSTER", "MEET", host, port)
	}
	must(t, nodes[2], "CLUSTER", "ADDSLOTS", 16383)
	for _, n := range nodes {
		waitFor(t, "the cluster is up", func() bool {
			info := n.Client().ClusterInfo(t.Context()).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	l := openLog(t, fmt.Sprintf("redis-cluster://%s?addr=%s", nodes[0].Addr(), nodes[1].Addr()), redisstream.Config{})
	for i := range 12 {
		if n, err := l.Append(t.Context(), fmt.Sprint("pbx", i), entries(1, 1, 600)); err != nil || n != 600 {
			t.Fatalf("append: %d, %v", n, err)
		}
	}
	used := 0
	for _, n := range nodes {
		if n.Client().DBSize(t.Context()).Val() > 0 {
			used++
		}
	}
	if used != 3 {
		t.Errorf("twelve PBXs are on %d of three servers", used)
	}
	for i := range 12 {
		if top, err := l.Top(t.Context(), fmt.Sprint("pbx", i)); err != nil || top.Seq != 600 {
			t.Errorf("pbx%d ends at %s, %v; want 1-600", i, top, err)
		}
	}
}

func must(t *testing.T, n *redistest.Server, args ...any) {
	t.Helper()
	if err := n.Client().Do(t.Context(), args...).Err(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}
