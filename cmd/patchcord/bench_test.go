package main

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/crm"
)

// asServer makes the test binary one of the servers that figures are measured
// against: "echo", "bare" or "least"; or "folds", which only counts.
const asServer = "PATCHCORD_TEST_AS_SERVER"

// beServer plays the role and does not come back.
func beServer(role string) {
	err := fmt.Errorf("there is no server %q", role)
	switch role {
	case "echo":
		err = echo(os.Getenv("PATCHCORD_TEST_PBX"), os.Getenv("PATCHCORD_TEST_BACK"))
	case "bare":
		err = serveBare()
	case "least":
		err = least(os.Getenv("PATCHCORD_TEST_PBX"))
	case "folds":
		err = tellKept()
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// startServer starts a process that plays the role, and returns it with its URL, which it prints first.
func startServer(t *testing.T, role string, environ ...string) (p *process, url string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p = startProcess(t, cmd, append(environ, asServer+"="+role))
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return p, "http://" + strings.TrimSpace(address)
}

// profileFile is where a daemon under test writes CPU profiles, each with a number; see onSignals.
const profileFile = "PATCHCORD_BENCH_PROFILE"

// onSignals makes a process that is measured collect its garbage and return memory to
// the system at SIGUSR1, with a profile of what is left, and begin or end a CPU profile at SIGUSR2, with one of what it allocated beside it.
func onSignals() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		var profile *os.File
		for n := 1; ; {
			s := <-asked
			switch {
			case s == syscall.SIGUSR1:
				runtime.GC()
				debug.FreeOSMemory()
				if name := os.Getenv(profileFile); name != "" {
					if f, err := os.Create(name + ".heap.part"); err == nil {
						pprof.WriteHeapProfile(f)
						f.Close()
						os.Rename(f.Name(), name+".heap") // whole, though this may be ended at any time
					}
				}
			case profile == nil:
				profile, _ = os.Create(fmt.Sprintf("%s.%d", os.Getenv(profileFile), n))
				pprof.StartCPUProfile(profile)
			default:
				pprof.StopCPUProfile()
				profile.Close()
				if f, err := os.Create(profile.Name() + ".allocs"); err == nil {
					pprof.Lookup("allocs").WriteTo(f, 0)
					f.Close()
				}
				profile = nil
				n++
			}
		}
	}()
}

// profile begins or ends a CPU profile of the daemon, if one is asked for.
func (b *bench) profile() {
	if os.Getenv(profileFile) != "" {
		b.daemon.cmd.Process.Signal(syscall.SIGUSR2)
	}
}

// onDemand skips a test that takes minutes and a quiet machine, unless `make bench` asks for it.
func onDemand(t *testing.T) {
	t.Helper()
	if os.Getenv("PATCHCORD_BENCH") == "" {
		t.Skip("a figure of minutes: run it with `make bench`")
	}
	usual := debug.SetGCPercent(400) // the measuring process is to be in nobody's way
	t.Cleanup(func() { debug.SetGCPercent(usual) })
}

// figure prints a line for `make bench`, and fails the test when the goal is missed.
func figure(t *testing.T, name string, goal, measured float64, unit, more string) {
	t.Helper()
	verdict := "reached"
	if !(measured <= goal) {
		verdict = "MISSED"
		t.Errorf("%s: %.2f %s, the goal is at most %.2f", name, measured, unit, goal)
	}
	fmt.Printf("FIGURE\t%s\tat most %.2f %s\t%.2f %s\t%s\t%s\n", name, goal, unit, measured, unit, verdict, more)
}

// percentile returns the p-th of the values, which it sorts.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(len(values)-1, int(p*float64(len(values))))]
}

func median(values []float64) float64 {
	values = slices.Clone(values)
	slices.Sort(values)
	return values[len(values)/2]
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// bench is a daemon in a process of its own, with PBXs that this process plays.
type bench struct {
	dir, url string
	pbx      *stage
	more     []*stage // PBXs beside it
	crms     string   // of the configuration
	daemon   *process
	records  crm.Store // that of the daemon; nil until store is called
}

const benchPBX = "hq"

// newBench makes a data folder and its PBX; the daemon is not started yet.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir(), pbx: newStage(t)}
	if err := os.WriteFile(filepath.Join(b.dir, "hq.secret"), []byte(amitest.DefaultUser().Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// start starts the daemon and waits until it has asked the PBX twice what is going on.
// Storage is as the PATCHCORD_ variables say.
func (b *bench) start(t *testing.T) {
	t.Helper()
	listen := freeAddress(t)
	b.url = "http://" + listen
	file := filepath.Join(b.dir, "patchcord.yml")
	text := "pbxs:\n"
	for _, p := range b.pbxs() {
		text += fmt.Sprintf("  - {name: %s, address: %q, reader: {username: %s, secret_file: hq.secret}}\n", p.name, p.address, amitest.DefaultUser().Name)
	}
	text += b.crms
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	looked := asking(t, b.pbxs())
	b.daemon = spawn(t, "serve", "--config", file, "--listen", listen, "--data-dir", b.dir, "--log-level", "warn")
	looked()
}

func (b *bench) pbxs() []*stage { return append([]*stage{b.pbx}, b.more...) }

// store opens the store of the daemon beside it.
func (b *bench) store(t *testing.T) crm.Store {
	t.Helper()
	if b.records == nil {
		cfg := &Config{DataDir: b.dir, Store: cmp.Or(os.Getenv("PATCHCORD_STORE"), sqliteStore)}
		s, err := openStore(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		b.records = s
	}
	return b.records
}

// stop ends the daemon as an administrator would.
func (b *bench) stop(t *testing.T) {
	t.Helper()
	b.daemon.end(syscall.SIGTERM)
	if state := b.daemon.cmd.ProcessState; !state.Success() || t.Failed() {
		t.Logf("the daemon ended with %v; its log:\n%s", state, b.daemon.err)
	}
}

// processorTime returns how much a process has used so far.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil { // utime, stime: proc(5)
		t.Fatal(err)
	}
	return time.Duration(user+system) * (time.Second / 100)
}
