package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm/postgres/pgtest"
)

const (
	loadPerSecond = 10_000
	loadSeconds   = 20
	loadPhones    = 1000
	loadGoal      = 120 // µs of CPU an event: 1.2 cores at that rate

	manyPBXs      = 4
	manyPerSecond = 20_000               // of all together
	loadGrain     = 2 * time.Millisecond // of pacing: who sends is to leave the processors to who records
	manyBehind    = 5                    // seconds after the last event that the last record may come: it did not fall behind
)

// TestLoadFigure measures what an event costs from the PBX's socket into the durable log and
// the record, at 10,000 a second from one PBX and 20,000 from several: "Sustained load" of the figures.
func TestLoadFigure(t *testing.T) {
	onDemand(t)
	for _, x := range []struct {
		name      string
		pbxs      int
		perSecond int
	}{{"one", 1, loadPerSecond}, {"several", manyPBXs, manyPerSecond}} {
		perSecond := float64(number(t, "PATCHCORD_LOAD_EVENTS", x.perSecond))
		t.Run(x.name+"/embedded", func(t *testing.T) {
			loadFigure(t, "an event into the embedded log and SQLite", x.pbxs, perSecond)
		})
		t.Run(x.name+"/servers", func(t *testing.T) {
			url, _ := redistest.Start(t)
			t.Setenv("PATCHCORD_BUFFER", url)
			t.Setenv("PATCHCORD_STORE", pgtest.Start(t))
			loadFigure(t, "an event into Redis and PostgreSQL", x.pbxs, perSecond)
		})
	}
}

// loadFigure counts the CPU from the first event until every call is recorded.
func loadFigure(t *testing.T, name string, pbxs int, perSecond float64) {
	t.Helper()
	b := newBench(t)
	for i := 1; i < pbxs; i++ {
		b.more = append(b.more, newStageOf(t, fmt.Sprint("branch", i)))
	}
	length := time.Duration(number(t, "PATCHCORD_LOAD_SECONDS", loadSeconds)) * time.Second
	seed := uint64(number(t, "PATCHCORD_SEED", 1))
	var scripts []*script
	var truth []amitest.Call
	events := 0
	for i, p := range b.pbxs() {
		p.grain = loadGrain
		sc := writeScriptOf(t, p.name, seed+uint64(i), loadPhones, perSecond/float64(pbxs), length)
		scripts, truth, events = append(scripts, sc), append(truth, sc.calls...), events+len(sc.events)
	}
	b.start(t)
	daemon := b.daemon.cmd.Process.Pid
	own, servers := processorTime(t, daemon), serversTime(t)
	b.profile()
	began := time.Now()
	var playing sync.WaitGroup
	for i, p := range b.pbxs() {
		playing.Go(func() {
			if _, err := p.play(t.Context(), scripts[i], perSecond/float64(pbxs)); err != nil {
				t.Error(err)
			}
		})
	}
	playing.Wait()
	sent := time.Now()
	waitFor(t, 2*time.Minute, "every call to be recorded", func() bool { return b.ended(t, truth) })
	drained := time.Since(sent)
	b.profile()
	own, servers = processorTime(t, daemon)-own, serversTime(t)-servers
	b.checkStored(t, truth)
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(events) }
	name = fmt.Sprintf("%s at %.0f a second from %d PBXs", name, perSecond, pbxs)
	figure(t, name, loadGoal, each(own), "µs of CPU", fmt.Sprintf("%d events, %d calls; sent in %.1f s, recorded %.1f s later; servers %.0f µs more",
		events, len(truth), sent.Sub(began).Seconds(), drained.Seconds(), each(servers)))
	figure(t, name+": behind at its end", manyBehind, drained.Seconds(), "s", fmt.Sprintf("%.0f a second came", float64(events)/sent.Sub(began).Seconds()))
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
