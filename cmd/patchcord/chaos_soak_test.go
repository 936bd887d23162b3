package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/crm"
)

// What comes with each reconnect of a soak. 5,000 of them are a day of an office with 200,000 calls, in half an hour.
const (
	soakCalls  = 40
	soakEvery  = 360 * time.Millisecond
	soakFull   = 5000
	soakWarm   = 400              // reconnects, a fifth of all at most, before the base is taken: then what is kept for sockets that come back is at its bound
	soakRest   = 65 * time.Second // of a large one, before it is measured: a minute after its end a call is let go
	soakPooled = 16               // descriptors: log and store have up to 4 connections each that read, of two files, and open them when they are needed
)

// TestChaosSoak has a daemon live through a day in a hurry: reconnects and calls of many PBXs. Afterwards
// its heap, goroutines and descriptors are what they were before, and its records are held against the ledgers.
func TestChaosSoak(t *testing.T) {
	rounds(t, "soak", "reconnects of a day", soakFull, func(t *testing.T, reconnects int, random *rand.Rand) tally {
		o := newOffice(t, min(max(reconnects/20, 5), 50), random)
		defer o.tellIfFailed(t)
		warm := min(max(reconnects/5, 5), soakWarm)
		o.live(t, warm, random)
		base := o.measure(t, reconnects, footprint{1e12, 1e12, 1e12})
		before := o.sent()
		o.live(t, reconnects, random)
		end := o.measure(t, reconnects, base)
		all := o.check(t)
		soakFigures(t, base, end, o.bounded(t, warm, all.calls), fmt.Sprintf("%d events, %d calls, %d reconnects of %d PBXs", o.sent()-before, all.calls, reconnects, len(o.pbxs)))
		return all
	})
}

// bounded returns how many bytes may come to a heap after so many reconnects: what is kept up to a
// bound may not be there yet. It is what folds keep of calls that are over, and 64 MiB of events.
func (o *office) bounded(t *testing.T, warm, calls int) float64 {
	const events, most = 32 << 10, 64 << 20 // of a call
	pbxs := len(o.pbxs)
	bytes := float64(pbxs) * max(0, keptOf(t, calls/pbxs)-keptOf(t, warm*soakCalls/pbxs))
	if warm < soakWarm {
		bytes += float64(min(events*calls, most))
	}
	return bytes
}

// soakFigures wants nothing to grow but by what is bounded.
func soakFigures(t *testing.T, base, end footprint, bounded float64, what string) {
	t.Helper()
	growth := 1.01*base.heap + bounded
	fmt.Printf("NOTE\tsoak: %s; heap after collection %.1f MiB, then %.1f; goroutines %.0f, then %.0f; descriptors %.0f, then %.0f\n",
		what, base.heap/(1<<20), end.heap/(1<<20), base.goroutines, end.goroutines, base.descriptors, end.descriptors)
	figure(t, "heap after a day in a hurry", growth/(1<<20), end.heap/(1<<20), "MiB", fmt.Sprintf("%.1f before; %s", base.heap/(1<<20), what))
	figure(t, "goroutines after it", base.goroutines, end.goroutines, "goroutines", fmt.Sprintf("%.0f before", base.goroutines))
	figure(t, "descriptors after it", base.descriptors+soakPooled, end.descriptors, "descriptors", fmt.Sprintf("%.0f before", base.descriptors))
}

// office is a daemon on embedded storage with many PBXs.
type office struct {
	pbxs    []*amitest.PBX
	metrics string // URL
	daemon  *process
	store   crm.Store
	met     time.Time // when every PBX was logged in to
}

func newOffice(t *testing.T, pbxs int, random *rand.Rand) *office {
	t.Helper()
	o := &office{}
	dir, scraped := t.TempDir(), freeAddress(t)
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(amitest.DefaultUser().Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	const speed = 20
	perSecond := soakCalls / soakEvery.Seconds() / float64(pbxs) / speed
	text := &strings.Builder{}
	fmt.Fprintf(text, "listen: 127.0.0.1:0\nmetrics_listen: %s\ndata_dir: %q\npbxs:\n", scraped, dir)
	for i := range pbxs {
		name := "p" + strconv.Itoa(i)
		pbx, address := serveAs(t, name, "127.0.0.1:0", &amitest.Traffic{Seed: random.Uint64(), Speed: speed, CallsPerSecond: perSecond})
		pbx.Rest()
		o.pbxs = append(o.pbxs, pbx)
		fmt.Fprintf(text, "  - {name: %s, address: %q, reader: {username: %s, secret_file: secret}}\n", name, address, amitest.DefaultUser().Name)
	}
	file := filepath.Join(dir, "patchcord.yml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	o.metrics = "http://" + scraped + "/metrics"
	o.daemon = spawn(t, "serve", "--config", file, "--log-level", "error")
	o.awaitSessions(t)
	o.met = time.Now()
	o.store = openSQLite(t, dir)
	return o
}

func (o *office) awaitSessions(t *testing.T) {
	t.Helper()
	waitFor(t, 2*time.Minute, "the daemon to log in to every PBX", func() bool {
		for _, p := range o.pbxs {
			if p.Sessions() != 1 {
				return false
			}
		}
		return true
	})
}

// live has the PBXs place calls while connections are cut, and returns when all is over and recorded.
func (o *office) live(t *testing.T, reconnects int, random *rand.Rand) {
	t.Helper()
	for _, p := range o.pbxs {
		p.Work()
	}
	for range reconnects {
		time.Sleep(between(random, 0, 2*soakEvery))
		o.pbxs[random.IntN(len(o.pbxs))].Drop(random.IntN(2) == 0)
	}
	for _, p := range o.pbxs {
		p.Rest()
	}
	waitFor(t, 2*time.Minute, "every call to end", func() bool {
		for _, p := range o.pbxs {
			for _, c := range p.Ledger().Calls() {
				if c.EndedAt.IsZero() {
					return false
				}
			}
		}
		return true
	})
	o.awaitSessions(t)
	waitFor(t, 2*time.Minute, "every record to end", func() bool {
		open, _, err := o.store.Calls(t.Context(), defaultTenant, crm.CallFilter{OpenOnly: true}, crm.Page{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		return len(open) == 0
	})
}

func (o *office) sent() (events uint64) {
	for _, p := range o.pbxs {
		heard, lost := p.Sent()
		events += heard + lost
	}
	return events
}

// footprint is what a daemon at rest takes.
type footprint struct{ heap, goroutines, descriptors float64 }

// measure returns the least of what the daemon takes in some seconds of rest, each time
// after its garbage was collected.
//
// At the end it looks up to ten times as often, until there is no more than at the base: what is
// just at work goes, and what leaks stays.
func (o *office) measure(t *testing.T, reconnects int, base footprint) footprint {
	t.Helper()
	if reconnects >= soakFull/10 {
		time.Sleep(soakRest)
	}
	least := footprint{1e12, 1e12, 1e12}
	for look := 0; look < 4 || look < 40 && (least.goroutines > base.goroutines || least.descriptors > base.descriptors+soakPooled); look++ {
		o.daemon.cmd.Process.Signal(syscall.SIGUSR1)
		time.Sleep(500 * time.Millisecond) // for what is closed a while after its last use
		f := o.scrape(t)
		least = footprint{min(least.heap, f.heap), min(least.goroutines, f.goroutines), min(least.descriptors, f.descriptors)}
	}
	return least
}

func (o *office) scrape(t *testing.T) (f footprint) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.metrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		into := map[string]*float64{"go_memstats_heap_alloc_bytes": &f.heap, "go_goroutines": &f.goroutines, "process_open_fds": &f.descriptors}[name]
		if into == nil {
			continue
		}
		if *into, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal(err)
		}
	}
	if f.heap == 0 || f.goroutines == 0 || f.descriptors == 0 {
		t.Fatalf("the daemon tells %+v of itself", f)
	}
	return f
}

// check holds what was recorded of each PBX against its ledger.
func (o *office) check(t *testing.T) (all tally) {
	t.Helper()
	o.daemon.end(os.Interrupt)
	records, gaps := recordsOf(t, o.store)
	for _, p := range o.pbxs {
		truth := p.Ledger().Calls()
		name, _, _ := strings.Cut(truth[0].ID, ":")
		var own []*crm.Call
		for _, c := range records {
			if c.PBX == name {
				own = append(own, c)
			}
		}
		var missed []crm.Gap
		for _, g := range gaps {
			if g.PBX == name {
				missed = append(missed, g)
			}
		}
		all = all.plus(compareWithLedger(t, own, missed, nil, truth))
	}
	return all
}

func (o *office) tellIfFailed(t *testing.T) {
	if t.Failed() {
		t.Logf("the daemon's log:\n%s", o.daemon.err)
	}
}
