package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/ami/amitest/lab"
)

// TestAsteriskFaults places the load while the manager connection is cut, the
// daemon killed and Asterisk killed, one after the other at random, 1 to 10 s
// apart. Afterwards every call that Asterisk knows of is one record, and whatever
// was not heard whole says so. At full size it is PATCHCORD_CUTS=50
// PATCHCORD_KILLS=50 PATCHCORD_ASTERISK_KILLS=10.
func TestAsteriskFaults(t *testing.T) {
	plan := planFaults(t)
	pbx := lab.Up(t, lab.Config{Version: text("PATCHCORD_ASTERISK_VERSION", "22")})
	h := newHarm(t, pbx)
	placed := make(chan error, 1)
	l := plan.load(t)
	go func() { placed <- pbx.Load(t.Context(), l) }()
	for _, f := range plan {
		time.Sleep(f.after) // a random moment is what is tested
		h.strike(t, f.kind)
	}
	if err := <-placed; err != nil {
		t.Fatal(err)
	}
	hangUpRest(t, pbx)
	h.site.connected(t)
	k := h.site.compare(t, pbx, h.outages, 90*time.Second)
	for _, wrong := range k.wrong {
		t.Error(wrong)
	}
	if len(k.told) < l.Calls/2 {
		t.Errorf("CEL has %d Linkedids of %d calls that were placed", len(k.told), l.Calls)
	}
	cut := 0
	for _, c := range k.told {
		if c.cutShort() {
			cut++
		}
	}
	t.Logf("%d Linkedids in CEL, each in one record; two people spoke in %d; %d cut short by a killed Asterisk; %d gaps; %d records say that they are incomplete, %d of them differ",
		len(k.told), k.spoken(), cut, len(k.gaps), k.partial, k.altered)
	h.daemon.end(syscall.SIGTERM)
	if t.Failed() {
		t.Logf("the last daemon's log:\n%s", requests.ReplaceAllString(h.daemon.err.String(), ""))
	}
}

var requests = regexp.MustCompile(`(?m)^.* msg=request .*\n`)

type faultKind string

const (
	cutConnection faultKind = "cut"
	killDaemon    faultKind = "kill the daemon"
	killAsterisk  faultKind = "kill Asterisk"
)

type fault struct {
	after time.Duration // since the one before
	kind  faultKind
}

type faultPlan []fault

func planFaults(t *testing.T) (plan faultPlan) {
	cuts, kills, restarts := number(t, "PATCHCORD_CUTS", 5), number(t, "PATCHCORD_KILLS", 5), number(t, "PATCHCORD_ASTERISK_KILLS", 1)
	seed := uint64(number(t, "PATCHCORD_SEED", int(time.Now().UnixNano()%1e6)))
	t.Logf("the same again: PATCHCORD_ASTERISK=1 PATCHCORD_CUTS=%d PATCHCORD_KILLS=%d PATCHCORD_ASTERISK_KILLS=%d PATCHCORD_SEED=%d go test -run %s ./cmd/patchcord",
		cuts, kills, restarts, seed, t.Name())
	for _, of := range []struct {
		kind faultKind
		n    int
	}{{cutConnection, cuts}, {killDaemon, kills}, {killAsterisk, restarts}} {
		for range of.n {
			plan = append(plan, fault{kind: of.kind})
		}
	}
	random := rand.New(rand.NewPCG(seed, 2))
	random.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	for i := range plan {
		plan[i].after = time.Second + rand2(random, 9*time.Second)
	}
	return plan
}

// load is placed as long as the faults last. Its calls are long enough for some to
// ring, and some to talk, on both sides of a gap.
func (p faultPlan) load(t *testing.T) lab.Load {
	t.Helper()
	whole := 5 * time.Second
	for _, f := range p {
		whole += f.after
		if f.kind == killAsterisk {
			whole += 3 * time.Second // until it has booted again
		}
	}
	l := load(0)
	l.Calls = max(number(t, "PATCHCORD_LOAD", 100), int(whole.Seconds())*l.PerSecond)
	l.Ring, l.Talk = time.Second, 3*time.Second
	return l
}

// harm is what the faults are done to.
type harm struct {
	pbx     *lab.PBX
	proxy   *amitest.Proxy
	site    *site
	daemon  *process
	outages []outage
}

func newHarm(t *testing.T, pbx *lab.PBX) *harm {
	t.Helper()
	proxy, err := amitest.NewProxy(t.Context(), pbx.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	backfill := fmt.Sprintf("    backfill: {cdr_csv: %s, cel_csv: %s}\n", pbx.CDRPath, pbx.CELPath)
	h := &harm{pbx: pbx, proxy: proxy, site: newSite(t, pbx, proxy.Addr(), backfill)}
	h.daemon = spawn(t, "serve", "--config", h.site.config)
	h.site.connected(t)
	return h
}

func (h *harm) strike(t *testing.T, kind faultKind) {
	t.Helper()
	at := time.Now()
	switch kind {
	case cutConnection:
		h.proxy.Cut(true)
	case killDaemon:
		h.daemon.end(syscall.SIGKILL)
		h.daemon = spawn(t, "serve", "--config", h.site.config)
	case killAsterisk:
		if err := h.pbx.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.pbx.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.outages = append(h.outages, outage{at, time.Now()})
	}
	t.Logf("%s %s", clock(at), kind)
}

// hangUpRest waits until no channel is left. Callers whose Asterisk was killed
// may never have heard the end of it; theirs are hung up.
func hangUpRest(t *testing.T, pbx *lab.PBX) {
	t.Helper()
	none := func() bool {
		said, err := pbx.CLI(t.Context(), "core show channels count")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(said, "\n0 active channels") || strings.HasPrefix(said, "0 active channels")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for !none() {
		if ctx.Err() == nil {
			time.Sleep(200 * time.Millisecond)
			continue
		}
		if _, err := pbx.CLI(t.Context(), "channel request hangup all"); err != nil {
			t.Fatal(err)
		}
		waitFor(t, 10*time.Second, "the last channel to end", none)
	}
}
