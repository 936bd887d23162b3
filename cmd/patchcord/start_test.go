package main

import (
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
	if s := readyState(t, n.url, "hq"); s == "connected" {
		t.Errorf("the PBX is %s without a log", s)
	}
	redis.Restart()
	took := n.becomes(t, "connected", 20*time.Second)
	t.Logf("connected %v after Redis came", took.Round(time.Millisecond))
}
