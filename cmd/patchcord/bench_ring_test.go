package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/crmtest/child"
)

const (
	ringSockets   = 1000
	ringPerSecond = 5000
	ringLength    = 10 * time.Second
	ringPairs     = 5
	ringVoids     = 5                    // pairs that may be repeated
	ringFloor     = 2 * time.Millisecond // an echo slower than this says that the machine is busy
	ringGoal      = 1.0                  // ms above the echo
)

// TestRingToSocketFigure measures the road of a pop, from the PBX's socket to the
// agent's, against a TCP echo of the same bytes: "Ring to socket" of the figures.
func TestRingToSocketFigure(t *testing.T) {
	onDemand(t)
	t.Run("least", func(t *testing.T) {
		b := &bench{pbx: newStage(t)}
		b.startLeast(t)
		b.pairs(t, "ring to socket, a server that does nothing else", b.seat(t, leastStaff(ringSockets)), nil)
	})
	t.Run("embedded", func(t *testing.T) { ringFigure(t, "ring to socket, embedded log", nil) })
	t.Run("redis", func(t *testing.T) {
		url, _ := redistest.Start(t)
		t.Setenv("PATCHCORD_BUFFER", url)
		ringFigure(t, "ring to socket, Redis", nil)
	})
	t.Run("redis stopped", func(t *testing.T) {
		url, redis := redistest.Start(t)
		t.Setenv("PATCHCORD_BUFFER", url)
		ringFigure(t, "ring to socket, Redis stopped for 5 s", redis)
	})
}

// TestPopsReachEverySocketOnce is the same road under a small load, for every test
// run: each pop once at the agent it is for, every call recorded.
func TestPopsReachEverySocketOnce(t *testing.T) {
	t.Parallel()
	const sockets, perSecond = 20, 300
	b := newBench(t)
	staff := hire(t, b.dir, sockets, sockets)
	b.start(t)
	desk := b.seat(t, staff)
	sc := writeScript(t, 1, sockets, perSecond, 2*time.Second)
	floor := newEcho(t).measure(t, sc, perSecond)
	if len(floor) != len(sc.rings) {
		t.Errorf("the echo brought %d of %d", len(floor), len(sc.rings))
	}
	b.measure(t, desk, sc, perSecond)
	b.checkStored(t, sc.calls)
}

func ringFigure(t *testing.T, name string, redis *redistest.Server) {
	b := newBench(t)
	b.checkStored(t, b.ringPairs(t, name, redis))
}

// ringPairs takes the figure of pops against the echo, and returns what was called.
func (b *bench) ringPairs(t *testing.T, name string, redis *redistest.Server) (calls []amitest.Call) {
	staff := hire(t, b.dir, ringSockets, ringSockets)
	b.start(t)
	return b.pairs(t, name, b.seat(t, staff), redis)
}

// pairs is ringPairs of a server that runs, with its sockets.
func (b *bench) pairs(t *testing.T, name string, desk *desks, redis *redistest.Server) (calls []amitest.Call) {
	// The paced writer sits in system calls: let it have a processor of its own to hold on to.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 2))
	seed, pairs := uint64(number(t, "PATCHCORD_SEED", 1)), number(t, "PATCHCORD_BENCH_PAIRS", ringPairs)
	floor := newEcho(t)
	var above, floors, p50s, cpu []float64
	voids := number(t, "PATCHCORD_BENCH_VOIDS", ringVoids)
	for ; len(above) < pairs && voids >= 0; seed++ {
		sc := writeScript(t, seed, ringSockets, ringPerSecond, ringLength)
		calls = append(calls, sc.calls...)
		echoed := floor.measure(t, sc, ringPerSecond)
		before := processorTime(t, b.daemon.cmd.Process.Pid)
		b.profile()
		resume := pauseMidway(redis)
		rung := b.measure(t, desk, sc, ringPerSecond)
		resume()
		b.profile()
		used := processorTime(t, b.daemon.cmd.Process.Pid) - before
		e, r := percentile(echoed, 0.99), percentile(rung, 0.99)
		t.Logf("pair %d: echo p50 %.2f p99 %.2f ms, pops p50 %.2f p99 %.2f max %.2f ms (%d), daemon %v CPU", seed, millis(percentile(echoed, 0.5)), millis(e),
			millis(percentile(rung, 0.5)), millis(r), millis(rung[len(rung)-1]), len(rung), used)
		if e > ringFloor {
			voids--
			continue
		}
		above, floors = append(above, millis(r-e)), append(floors, millis(e))
		p50s = append(p50s, millis(percentile(rung, 0.5)))
		cpu = append(cpu, float64(used.Microseconds())/float64(len(sc.events)))
	}
	if len(above) < pairs {
		t.Errorf("%s: only %d of %d pairs had an echo p99 within %v; this machine is too busy to measure on", name, len(above), pairs, ringFloor)
		return calls
	}
	figure(t, name+": p99 above the echo's", ringGoal, median(above), "ms",
		fmt.Sprintf("median of %d pairs from %.2f to %.2f; echo p99 %.2f, pops p50 %.2f ms; daemon %.0f µs CPU an event", len(above), slices.Min(above), slices.Max(above), median(floors), median(p50s), median(cpu)))
	return calls
}

// pauseMidway stops Redis for 5 s, from a fifth of the time on. The function it
// returns waits until Redis goes on.
func pauseMidway(redis *redistest.Server) (resumed func()) {
	if redis == nil {
		return func() {}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		time.Sleep(ringLength / 5)
		redis.Stop()
		time.Sleep(5 * time.Second)
		redis.Cont()
	})
	return wg.Wait
}

// measure plays the script to the daemon and returns how long each pop took, sorted:
// from when its DialBegin was due to its arrival.
func (b *bench) measure(t *testing.T, d *desks, sc *script, perSecond float64) []time.Duration {
	t.Helper()
	began, err := b.pbx.play(t.Context(), sc, perSecond)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, 30*time.Second, "every pop", func() bool { return d.count() >= len(sc.rings) })
	pops := d.take()
	took := make([]time.Duration, 0, len(sc.rings))
	for id, i := range sc.rings {
		got := pops[id]
		delete(pops, id)
		if len(got) != 1 || got[0].extension != sc.phones[id] {
			t.Errorf("%s rang %s and popped up at %v", id, sc.phones[id], got)
			continue
		}
		took = append(took, got[0].at.Sub(due(began, i, perSecond)))
	}
	if len(pops) > 0 {
		t.Errorf("%d pops of nothing that rang: %v", len(pops), pops)
	}
	slices.Sort(took)
	return took
}

// floor is the echo process and the PBX that plays to it.
type floor struct {
	pbx   *stage
	mu    sync.Mutex
	heard map[string]time.Time // guarded by mu; by offer id
}

func newEcho(t *testing.T) *floor {
	t.Helper()
	f := &floor{pbx: newStage(t), heard: map[string]time.Time{}}
	back, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { back.Close() })
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"=echo", "PATCHCORD_TEST_PBX="+f.pbx.address, "PATCHCORD_TEST_BACK="+back.Addr().String())
	if err := child.Start(cmd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	conn, err := back.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go listenBack(conn, func(id string, at time.Time) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.heard[id] = at
	})
	if err := f.pbx.pbx.WaitSessions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return f
}

// measure plays the script and returns how long each frame took that makes a phone ring, sorted.
func (f *floor) measure(t *testing.T, sc *script, perSecond float64) []time.Duration {
	t.Helper()
	began, err := f.pbx.play(t.Context(), sc, perSecond)
	if err != nil {
		t.Fatal(err)
	}
	count := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.heard)
	}
	waitFor(t, 30*time.Second, "the echo", func() bool { return count() >= len(sc.rings) })
	f.mu.Lock()
	defer f.mu.Unlock()
	took := make([]time.Duration, 0, len(sc.rings))
	for id, i := range sc.rings {
		at, ok := f.heard[id]
		if !ok {
			t.Fatalf("the echo of %s did not come", id)
		}
		took = append(took, at.Sub(due(began, i, perSecond)))
	}
	f.heard = map[string]time.Time{}
	slices.Sort(took)
	return took
}

// checkStored waits until the daemon has recorded everything, ends it, and holds the
// records against what really happened: nothing is lost, nothing twice, nothing marked.
func (b *bench) checkStored(t *testing.T, truth []amitest.Call) {
	t.Helper()
	waitFor(t, 2*time.Minute, "every call to be recorded", func() bool { return b.ended(t, truth) })
	b.stop(t)
	records, gaps := recordsOf(t, b.store(t))
	if len(records) != len(truth) || len(gaps) != 0 {
		t.Errorf("%d records of %d calls, %d gaps %v; want one each and none", len(records), len(truth), len(gaps), gaps)
	}
	byID := map[string]*crm.Call{}
	for _, c := range records {
		byID[c.ID] = c
	}
	wrong := 0
	for _, call := range truth {
		c := byID[call.ID]
		if c == nil {
			c = &crm.Call{}
		}
		if d := wordsOnly(differences(call, c)); (len(d) > 0 || !c.Complete) && wrong < 10 {
			wrong++
			t.Errorf("%s (%s), complete %v: %s", call.ID, call.Scenario, c.Complete, strings.Join(d, "; "))
		}
	}
}

// ended reports whether the store has the end of every call. Commits are in order, so
// it looks for the last one first.
func (b *bench) ended(t *testing.T, truth []amitest.Call) bool {
	t.Helper()
	for _, call := range slices.Backward(truth) {
		c, err := b.store(t).Call(t.Context(), defaultTenant, call.ID)
		if err != nil || c.Open() {
			return false
		}
	}
	return true
}

// wordsOnly leaves out what differs in time: a script is not played in its own time.
func wordsOnly(differences []string) []string {
	return slices.DeleteFunc(differences, func(d string) bool {
		field, _, _ := strings.Cut(d, ":")
		return strings.HasSuffix(field, "_at") || strings.HasSuffix(field, "_ms")
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
