package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"patchcord/ami/amitest"
	crmsync "patchcord/sync"
	"patchcord/sync/dataverse/dataversetest"
	"patchcord/sync/espocrm/espocrmtest"
	"patchcord/sync/remotetest"
	"patchcord/sync/salesforce/salesforcetest"
)

// TestPopsBesideFailingCRMsFigure is the road of a pop while three CRMs fail, each in its own way,
// measured as "Ring to socket" is; and when they work again, every call is in each of them once.
func TestPopsBesideFailingCRMsFigure(t *testing.T) {
	onDemand(t)
	b := newBench(t)
	crms := failingCRMs(t, b)
	calls := b.ringPairs(t, "ring to socket, three CRMs failing", nil)
	waitFor(t, 2*time.Minute, "every call to be recorded", func() bool { return b.ended(t, calls) })
	crms.heal()
	began := time.Now()
	crms.await(t, calls, 4*time.Minute+time.Duration(len(calls))*time.Second/100) // leases of doubtful jobs, and half of what the rate allows
	fmt.Printf("FIGURE\t%d calls in three CRMs that had failed\tonce each\t%.0f s after\treached\t%s\n", len(calls), time.Since(began).Seconds(), crms)
	crms.wantOnce(t, calls)
	b.checkStored(t, calls)
}

// TestWhatFailingCRMsCostFigure is the processor time of an event in a daemon beside three failing CRMs, against one that has none: in
// turns, with the same events, so that a busy machine is busy for both.
func TestWhatFailingCRMsCostFigure(t *testing.T) {
	onDemand(t)
	const sockets, perSecond, after = 200, 2000, 5 * time.Second
	none, beside := newBench(t), newBench(t)
	crms := failingCRMs(t, beside)
	var desks []*desks
	for _, b := range []*bench{none, beside} {
		staff := hire(t, b.dir, sockets, sockets)
		b.start(t)
		desks = append(desks, b.seat(t, staff))
	}
	var ratios, alone, both []float64
	for seed := range uint64(number(t, "PATCHCORD_BENCH_PAIRS", ringPairs)) {
		sc := writeScript(t, seed+1, sockets, perSecond, ringLength)
		var cost [2]float64
		for _, n := range [][]int{{0, 1}, {1, 0}}[seed%2] {
			b := []*bench{none, beside}[n]
			before := processorTime(t, b.daemon.cmd.Process.Pid)
			if b == beside { // a profile is of this one
				b.profile()
			}
			b.measure(t, desks[n], sc, perSecond)
			time.Sleep(after) // what it does with them a little later is counted too
			if b == beside {
				b.profile()
			}
			cost[n] = float64((processorTime(t, b.daemon.cmd.Process.Pid) - before).Microseconds()) / float64(len(sc.events))
		}
		t.Logf("seed %d: %.0f µs an event without CRMs, %.0f beside three that fail", seed+1, cost[0], cost[1])
		ratios, alone, both = append(ratios, cost[1]/cost[0]), append(alone, cost[0]), append(both, cost[1])
	}
	fmt.Printf("FIGURE\tprocessor time of an event beside three failing CRMs\t\t%.2f times\t\t%d turns from %.2f to %.2f; %.0f µs, and %.0f without CRMs; %s\n",
		median(ratios), len(ratios), slices.Min(ratios), slices.Max(ratios), median(both), median(alone), crms)
	crms.heal() // so that the daemon can end
}

// TestFailingCRMsDelayNoPopAndNoOther is the same under a small load: no pop waits for the CRM that
// takes as long as it may, and neither does the CRM that works.
func TestFailingCRMsDelayNoPopAndNoOther(t *testing.T) {
	t.Parallel()
	const sockets, perSecond = 20, 300
	b := newBench(t)
	crms := failingCRMs(t, b)
	staff := hire(t, b.dir, sockets, sockets)
	b.start(t)
	desk := b.seat(t, staff)
	sc := writeScript(t, 1, sockets, perSecond, 2*time.Second)
	took := b.measure(t, desk, sc, perSecond)
	if worst := took[len(took)-1]; worst > slowCRM/2 {
		t.Errorf("a pop took %v", worst)
	}
	crms.refusals.Store(0) // this one works from now on, the others do not
	waitFor(t, 30*time.Second, "every call to be in the CRM that works", func() bool { return has(crms.throttling, sc.calls) })
	if n := len(crms.slow.Rows()); n != 0 {
		t.Errorf("%d calls are in the slow CRM already", n)
	}
	crms.wantOnce(t, nil)
	crms.heal() // so that the daemon can end
	b.checkStored(t, sc.calls)
}

// slowCRM is how long the slow one takes for a request: less than a client waits for.
const slowCRM = 25 * time.Second

// troubledCRMs are three CRMs: one answers late, one answers 500 or not at all after it has written, and knows
// no key; one refuses most requests for a while, and ends sessions.
type troubledCRMs struct {
	slow       *salesforcetest.Server
	dropping   *espocrmtest.Server
	throttling *dataversetest.Server
	healthy    chan struct{} // closed by heal
	refusals   atomic.Int64  // of ten requests
	n          atomic.Int64  // requests to the throttling one
	dropped    atomic.Int64  // answers that were lost after a write
}

// failingCRMs starts them and puts them into the configuration of b.
func failingCRMs(t *testing.T, b *bench) *troubledCRMs {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &troubledCRMs{
		slow:     salesforcetest.New("3MVG9", "sync@example.net", &key.PublicKey),
		dropping: espocrmtest.New(), throttling: dataversetest.New(), healthy: make(chan struct{}),
	}
	c.refusals.Store(7)
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	t.Cleanup(c.heal) // before the servers close: that waits for answers
	strict := serve(c.strict)
	b.crms = fmt.Sprintf(`
crms:
  - {name: slow, kind: salesforce, url: %q, allow_plain: true, client_id: 3MVG9, username: sync@example.net, secret_file: slow.key, rate: 100}
  - {name: dropping, kind: espocrm, url: %q, allow_plain: true, secret_file: dropping.key, rate: 100}
  - {name: throttling, kind: dataverse, url: %q, allow_plain: true, client_id: app, secret_file: throttling.key, rate: 100,
     settings: {tenant_id: t1, login_url: %q}}
`, serve(c.late), serve(c.lossy), strict, strict)
	for name, secret := range map[string][]byte{
		"slow.key":     pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		"dropping.key": []byte(c.dropping.Key), "throttling.key": []byte("hush"),
	} {
		if err := os.WriteFile(filepath.Join(b.dir, name), secret, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// heal ends all trouble; it may be called again.
func (c *troubledCRMs) heal() {
	c.refusals.Store(0)
	select {
	case <-c.healthy:
	default:
		close(c.healthy)
	}
}

func (c *troubledCRMs) well() bool {
	select {
	case <-c.healthy:
		return true
	default:
		return false
	}
}

func (c *troubledCRMs) late(w http.ResponseWriter, r *http.Request) {
	timer := time.NewTimer(slowCRM)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.healthy:
	}
	c.slow.ServeHTTP(w, r)
}

// lossy does what it is asked; of four writes one is refused before, and one answer is lost.
func (c *troubledCRMs) lossy(w http.ResponseWriter, r *http.Request) {
	if c.well() || !c.dropping.Writes(r) {
		c.dropping.ServeHTTP(w, r)
		return
	}
	switch c.dropped.Load() % 4 {
	case 0:
		c.dropped.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	case 1:
		c.dropped.Add(1)
		c.dropping.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		c.dropped.Add(1)
		c.dropping.ServeHTTP(w, r)
	}
}

// strict throttles most requests, and ends every session after ten.
func (c *troubledCRMs) strict(w http.ResponseWriter, r *http.Request) {
	n := c.n.Add(1)
	if !c.well() && n%10 == 0 {
		c.throttling.ExpireSessions()
	}
	if n%10 < c.refusals.Load() {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	c.throttling.ServeHTTP(w, r)
}

func (c *troubledCRMs) fakes() map[string]remotetest.Fake {
	return map[string]remotetest.Fake{"slow": c.slow, "dropping": c.dropping, "throttling": c.throttling}
}

func has(f remotetest.Fake, calls []amitest.Call) bool {
	rows := f.Rows()
	for _, call := range calls {
		if rows[crmsync.Key(defaultTenant, call.ID)] == 0 {
			return false
		}
	}
	return true
}

// await waits until every call is in every CRM. It looks seldom: counting holds up the CRMs, which are in this process.
func (c *troubledCRMs) await(t *testing.T, calls []amitest.Call, within time.Duration) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Second) {
		missing, late := "", time.Since(began) > within
		for name, f := range c.fakes() {
			if rows := f.Rows(); len(rows) < len(calls) {
				missing += fmt.Sprintf(" %s has %d", name, len(rows))
			}
		}
		switch {
		case missing == "":
			return
		case late:
			t.Fatalf("waited %v for %d calls to be in every CRM:%s", within, len(calls), missing)
		}
	}
}

// wantOnce checks that nothing stands in a CRM twice, and that all those calls are there.
func (c *troubledCRMs) wantOnce(t *testing.T, calls []amitest.Call) {
	t.Helper()
	for name, f := range c.fakes() {
		rows := f.Rows()
		for key, n := range rows {
			if n != 1 {
				t.Errorf("%s has %d activities of %s", name, n, key)
			}
		}
		if calls != nil && len(rows) != len(calls) {
			t.Errorf("%s has %d activities of %d calls", name, len(rows), len(calls))
		}
	}
}

// String says what was done to them.
func (c *troubledCRMs) String() string {
	return fmt.Sprintf("%d writes refused, lost or taken by the one without a key, %d requests to the throttling one", c.dropped.Load(), c.n.Load())
}
