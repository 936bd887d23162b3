package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/crm"
	"patchcord/crm/sqlite"
)

// The parts of `make chaos` are the tests TestChaos…: each puts load on daemons, draws faults
// from a seed meanwhile, and holds what was recorded against the ledger of the PBX. How many
// faults there are is said by variables, of which .ci/chaos has the usual ones.

// rounds calls f for every round of a part, of at most size faults each, several at once, and adds up
// what they found. A round has a seed of its own; one that fails ends the part, and says how to run it alone.
func rounds(t *testing.T, part, what string, size int, f func(t *testing.T, faults int, random *rand.Rand) tally) {
	t.Helper()
	if os.Getenv("PATCHCORD_CHAOS") == "" {
		t.Skip("faults under load: run it with `make chaos`")
	}
	t.Parallel()
	left, first := number(t, "PATCHCORD_"+strings.ToUpper(part)+"_FAULTS", size), uint64(number(t, "PATCHCORD_SEED", 1))
	began := time.Now()
	var mu sync.Mutex
	var all tally            // guarded by mu
	faults, last := 0, first // guarded by mu
	t.Run("rounds", func(t *testing.T) {
		for seed := first; left > 0; seed++ {
			n := min(left, size)
			left -= n
			t.Run(fmt.Sprint("seed ", seed), func(one *testing.T) {
				one.Parallel()
				if t.Failed() {
					one.Skip("a round before it failed")
				}
				defer func() {
					if one.Failed() {
						fmt.Printf("REPLAY\tmake chaos ONLY=%s COUNT=%d PATCHCORD_SEED=%d\n", part, n, seed)
					}
				}()
				found := f(one, n, rand.New(rand.NewPCG(seed, uint64(n))))
				mu.Lock()
				defer mu.Unlock()
				all, faults, last = all.plus(found), faults+n, max(last, seed)
			})
		}
	})
	verdict := "held"
	if t.Failed() {
		verdict = "BROKEN"
	}
	fmt.Printf("CHAOS\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", what, faults, all.calls, all.right, all.marked,
		all.gaps, all.lost, all.twice, all.altered, seeds(first, last)+", "+time.Since(began).Round(time.Second).String(), verdict)
}

func seeds(first, last uint64) string {
	if first == last {
		return fmt.Sprint("seed ", first)
	}
	return fmt.Sprintf("seeds %d to %d", first, last)
}

func (y tally) plus(z tally) tally {
	return tally{
		calls: y.calls + z.calls, right: y.right + z.right, marked: y.marked + z.marked, gaps: y.gaps + z.gaps,
		lost: y.lost + z.lost, twice: y.twice + z.twice, altered: y.altered + z.altered,
	}
}

// between draws a time. That it is at random is what these tests are for.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// chaosTraffic is eight calls a second, each at twenty times its speed.
func chaosTraffic(random *rand.Rand) *amitest.Traffic {
	return &amitest.Traffic{Seed: random.Uint64(), Speed: 20, CallsPerSecond: 0.4, Noise: 0.2}
}

// servePBX runs a simulated PBX on the address until the test ends.
func servePBX(t *testing.T, address string, traffic *amitest.Traffic) (*amitest.PBX, string) {
	t.Helper()
	return serveAs(t, "hq", address, traffic)
}

// serveAs is servePBX of a PBX with that name.
func serveAs(t *testing.T, name, address string, traffic *amitest.Traffic) (*amitest.PBX, string) {
	t.Helper()
	// A busy machine may keep a daemon from reading for more than Asterisk's 100 ms.
	pbx := amitest.New(amitest.Config{Name: name, Timestamps: true, WriteTimeout: 5 * time.Second, Traffic: traffic})
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- pbx.Serve(ctx, ln) }()
	t.Cleanup(func() { stop(); <-served })
	return pbx, ln.Addr().String()
}

// victim is a daemon in a process of its own that is started again and again on the same folder.
type victim struct {
	t       *testing.T
	dir     string
	args    []string
	environ []string
	pbx     *amitest.PBX
	met     time.Time // when it was logged in first; what was before nobody promised to hear
	*process
}

// newVictim starts one on the PBX, with more variables in its environment, and waits until it is logged in.
func newVictim(t *testing.T, pbx *amitest.PBX, address string, environ ...string) *victim {
	t.Helper()
	return newVictimIn(t, t.TempDir(), pbx, address, environ...)
}

// newVictimIn is newVictim on that folder.
func newVictimIn(t *testing.T, dir string, pbx *amitest.PBX, address string, environ ...string) *victim {
	t.Helper()
	v := &victim{t: t, dir: dir, environ: environ, pbx: pbx}
	secret := filepath.Join(v.dir, "hq.secret")
	if err := os.WriteFile(secret, []byte(amitest.DefaultUser().Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	v.args = []string{
		"serve", "--listen", "127.0.0.1:0", "--data-dir", v.dir, "--pbx-name", "hq", "--pbx-address", address,
		"--pbx-username", amitest.DefaultUser().Name, "--pbx-secret-file", secret,
	}
	v.start()
	waitFor(t, 30*time.Second, "the daemon to log in", func() bool { return pbx.Sessions() > 0 })
	v.met = time.Now()
	return v
}

func (v *victim) start() { v.process = spawnWith(v.t, v.environ, v.args...) }

// finish lets the calls end, and the lists come by which those end that ended unheard. It stops
// the daemon, and returns the calls that are owed.
func (v *victim) finish(s crm.Store) []amitest.Call {
	v.t.Helper()
	v.pbx.Rest()
	waitFor(v.t, time.Minute, "every call to end", func() bool { return settled(v.pbx.Ledger().Calls()) })
	waitFor(v.t, time.Minute, "the daemon to log in", func() bool { return v.pbx.Sessions() > 0 })
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		time.Sleep(time.Second) // for what is in the sockets
		records, _ := recordsOf(v.t, s)
		if !slices.ContainsFunc(records, func(c *crm.Call) bool { return c.Open() }) {
			break // else the comparison says which is open
		}
	}
	v.end(os.Interrupt)
	return slices.DeleteFunc(v.pbx.Ledger().Calls(), func(c amitest.Call) bool { return c.StartedAt.Before(v.met) })
}

// tellIfFailed shows the log of the last daemon when something is wrong.
func (v *victim) tellIfFailed() {
	if v.t.Failed() {
		v.t.Logf("the last daemon's log:\n%s", v.err)
	}
}

// TestChaosDaemon kills a daemon on embedded storage with SIGKILL, at every stage of its life.
func TestChaosDaemon(t *testing.T) {
	rounds(t, "daemon", "daemon killed", 50, func(t *testing.T, kills int, random *rand.Rand) tally {
		pbx, address := servePBX(t, "127.0.0.1:0", chaosTraffic(random))
		v := newVictim(t, pbx, address)
		defer v.tellIfFailed()
		for i := range kills {
			if i%2 == 0 { // however long a busy machine takes for a start: it hears something in every other life
				waitFor(t, 30*time.Second, "the daemon to log in", func() bool { return pbx.Sessions() > 0 })
			}
			time.Sleep(between(random, 20*time.Millisecond, 1200*time.Millisecond))
			v.end(os.Kill)
			v.start()
		}
		store := openSQLite(t, v.dir)
		truth := v.finish(store)
		return checkAgainstLedger(t, v.dir, truth)
	})
}

func openSQLite(t *testing.T, dir string) crm.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "patchcord.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
