package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm/postgres/pgtest"
)

const (
	loadPerSecond = 10_000
	loadSeconds   = 20
	loadPhones    = 1000
	loadGoal      = 120 // µs of CPU an event: 1.2 cores at that rate
)

// TestLoadFigure measures what an event costs from the PBX's socket into the durable
// log and the record, at 10,000 a second: "Sustained load" of the figures.
func TestLoadFigure(t *testing.T) {
	onDemand(t)
	t.Run("embedded", func(t *testing.T) { loadFigure(t, "an event into the embedded log and SQLite") })
	t.Run("servers", func(t *testing.T) {
		url, _ := redistest.Start(t)
		t.Setenv("PATCHCORD_BUFFER", url)
		t.Setenv("PATCHCORD_STORE", pgtest.Start(t))
		loadFigure(t, "an event into Redis and PostgreSQL")
	})
}

// loadFigure counts the CPU from the first event until every call is recorded.
func loadFigure(t *testing.T, name string) {
	t.Helper()
	perSecond := float64(number(t, "PATCHCORD_LOAD_EVENTS", loadPerSecond))
	b := newBench(t)
	length := time.Duration(number(t, "PATCHCORD_LOAD_SECONDS", loadSeconds)) * time.Second
	sc := writeScript(t, uint64(number(t, "PATCHCORD_SEED", 1)), loadPhones, perSecond, length)
	b.start(t)
	daemon := b.daemon.cmd.Process.Pid
	own, servers := processorTime(t, daemon), serversTime(t)
	b.profile()
	began := b.pbx.play(t, sc, perSecond)
	sent := time.Now()
	waitFor(t, 2*time.Minute, "every call to be recorded", func() bool { return b.ended(t, sc.calls) })
	drained := time.Since(sent)
	b.profile()
	own, servers = processorTime(t, daemon)-own, serversTime(t)-servers
	b.checkStored(t, sc.calls)
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(len(sc.events)) }
	figure(t, fmt.Sprintf("%s at %.0f a second", name, perSecond), loadGoal, each(own), "µs of CPU",
		fmt.Sprintf("%d events, %d calls; sent in %.1f s, recorded %.1f s later; servers %.0f µs more",
			len(sc.events), len(sc.calls), sent.Sub(began).Seconds(), drained.Seconds(), each(servers)))
}

// serversTime returns how much the servers that this process started have used so far.
func serversTime(t *testing.T) (sum time.Duration) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parents, servers := map[int]int{}, []int(nil)
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		head, rest, _ := strings.Cut(string(b), ") ")
		id, name, _ := strings.Cut(head, " (")
		pid, _ := strconv.Atoi(id)
		parents[pid], _ = strconv.Atoi(strings.Fields(rest)[1])
		if strings.HasPrefix(name, "redis-server") || strings.HasPrefix(name, "postgres") {
			servers = append(servers, pid)
		}
	}
	for _, pid := range servers {
		for p := pid; p > 1; p = parents[p] {
			if p == os.Getpid() {
				sum += processorTime(t, pid)
				break
			}
		}
	}
	return sum
}
