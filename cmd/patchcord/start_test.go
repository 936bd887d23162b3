package main

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm/postgres/pgtest"
)

// TestDaemonStartsWhileRedisIsAway: it serves what needs no log at once, and hears its PBX once Redis is there.
func TestDaemonStartsWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	url, redis := redistest.Start(t)
	c := newClusterOn(t, amitest.Traffic{Seed: 1, Speed: 4, CallsPerSecond: 0.5, MaxCalls: 1}, true, pgtest.Start(t), url)
	redis.Kill()
	n := c.start(t, "a")
	login(t, n.url, "agent1001", nodePassword)
	n.becomes(t, "disconnected", 20*time.Second)
	redis.Restart()
	took := n.becomes(t, "connected", 20*time.Second)
	t.Logf("connected %v after Redis came", took.Round(time.Millisecond))
}

// TestPBXThatNobodyHearsIsSaidSo: without its buffer a daemon hears no PBX, and who watches it must not be told that all is well.
func TestPBXThatNobodyHearsIsSaidSo(t *testing.T) {
	t.Parallel()
	_, address := simulated(t, amitest.Config{Name: "hq"})
	var tried atomic.Int32
	redis := answering(t, func(net.Conn) { tried.Add(1) })
	d, boss := serve(t, configFor(t, address, "buffer: redis://"+redis+"\n"))
	var ready struct {
		Status string
		PBXs   []struct{ State, Detail string }
	}
	waitFor(t, 30*time.Second, "the PBX to be known as unheard", func() bool {
		boss.do(t, "GET", "/readyz", nil, &ready)
		return ready.PBXs[0].State == "disconnected"
	})
	if ready.Status != "degraded" || !strings.Contains(ready.PBXs[0].Detail, "buffer") {
		t.Errorf("/readyz: %+v; want it degraded, and the buffer named", ready)
	}
	told := tried.Load()
	waitFor(t, 30*time.Second, "it to be tried again", func() bool { return tried.Load() > told+5 })
	if n := strings.Count(d.err.String(), "the line to the PBX stopped"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, d.err)
	}
}
