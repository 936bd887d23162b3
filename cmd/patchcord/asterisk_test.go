package main

import (
	"strings"
	"testing"
	"time"

	"patchcord/ami/amitest/lab"
)

// The figures of real Asterisks: what is said of calls under load is what the PBX
// did. `make test-asterisk` runs both versions; PATCHCORD_LOAD=500 is the load of
// the figure, PATCHCORD_SCENARIOS=NAME,NAME… places other calls of the lab.
func TestAsterisk22(t *testing.T) { testAsterisk(t, lab.Config{Version: "22"}) }

func TestAsterisk16(t *testing.T) { testAsterisk(t, lab.Config{Version: "16"}) }

// usualScenarios are the calls that are placed beside the load.
const usualScenarios = "inbound-queue-answered,inbound-queue-rna-second-answers,ringgroup-one-answers," +
	"direct-busy,direct-caller-cancels,outbound-trunk-answered,blind-transfer-refer,attended-transfer-refer,originate-answered"

// testAsterisk runs the daemon against a real Asterisk, places real SIP calls, and
// compares what it says with what that Asterisk wrote itself.
func testAsterisk(t *testing.T, cfg lab.Config) {
	pbx := lab.Up(t, cfg)
	site := newSite(t, pbx, pbx.Addr, "")
	site.serve(t)
	heard := site.listenAsEverybody(t)
	placed := make(chan error, 1)
	l := load(number(t, "PATCHCORD_LOAD", 100))
	go func() { placed <- pbx.Load(t.Context(), l) }()
	for _, name := range strings.Split(text("PATCHCORD_SCENARIOS", usualScenarios), ",") {
		t.Run(name, func(t *testing.T) {
			place(t, pbx, name)
		})
	}
	if err := <-placed; err != nil {
		t.Fatal(err)
	}
	all := site.compare(t, pbx, nil, 10*time.Second)
	for _, wrong := range all.wrong {
		t.Error(wrong)
	}
	if all.partial > 0 {
		t.Errorf("%d records say that something was missed, and nothing was: %+v", all.partial, all.gaps)
	}
	if len(all.told) < l.Calls {
		t.Errorf("CEL has %d Linkedids, %d calls were placed", len(all.told), l.Calls)
	}
	rung := heard.check(t, all.told, site.agents)
	t.Logf("%d Linkedids in CEL, each in one record; two people spoke in %d; %d phones called, popped before the answer", len(all.told), all.spoken(), rung)
}

// place runs a scenario. On a busy machine a phone may be registered too late for
// its part; then the call was another than meant, is compared like every other, and
// the scenario is run once more.
func place(t *testing.T, pbx *lab.PBX, scenario string) {
	t.Helper()
	_, err := pbx.Call(t.Context(), scenario)
	if err == nil {
		return
	}
	t.Logf("once more, because: %v", err)
	if _, err := pbx.CLI(t.Context(), "channel request hangup all"); err != nil {
		t.Fatal(err)
	}
	if _, err := pbx.Call(t.Context(), scenario); err != nil {
		t.Error(err)
	}
}

// load is half calls to a queue and half straight to a phone, ten a second.
func load(calls int) lab.Load {
	return lab.Load{Calls: calls, PerSecond: 10, Number: "5559000,5559001", Talk: time.Second}
}
