package intake

import (
	"fmt"
	"os"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
)

// TestResyncDelaysNoPop has a PBX tell all its live channels after a lost connection, while
// phones go on ringing. With PATCHCORD_BENCH set it takes the figure: 1,000 channels.
func TestResyncDelaysNoPop(t *testing.T) {
	live, figure := 60, os.Getenv("PATCHCORD_BENCH") != ""
	if figure {
		live = 500
	}
	log, err := embedded.Open(t.Context(), t.TempDir()+"/log.db", embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	r := newRigOn(t, &amitest.Traffic{
		Seed: 1, CallsPerSecond: float64(live) / 5, Agents: amitest.Extensions(4 * live), Talk: 10 * time.Minute, Lean: true,
		Scenarios: []amitest.Scenario{amitest.DirectAnswered},
	}, log)
	r.up(t)
	eventually(t, "enough calls to be going on", func() bool { return len(r.line.Open()) >= live })
	r.proxy.Cut(true)
	cut := time.Now()
	var took time.Duration
	channels := 0
	eventually(t, "the lists to be told whole", func() bool {
		took, channels = resynced(t, log, cut)
		return took > 0
	})
	eventually(t, "a phone to ring since", func() bool { _, pops := r.latestPop(cut); return pops > 0 })
	worst, pops := r.latestPop(cut)
	t.Logf("%d channels in %v; %d pops, the latest %v after it was heard", channels, took, pops, worst)
	if channels < live || pops == 0 {
		t.Errorf("%d channels of %d calls listed, %d pops since: that is no measurement", channels, live, pops)
	}
	if figure {
		for name, f := range map[string]struct{ goal, got time.Duration }{
			fmt.Sprintf("resync of %d live channels", channels): {2 * time.Second, took},
			"a pop during it, from its receipt":                 {100 * time.Millisecond, worst},
		} {
			verdict := "reached"
			if f.got > f.goal {
				verdict = "MISSED"
				t.Errorf("%s: %v, the goal is at most %v", name, f.got, f.goal)
			}
			fmt.Printf("FIGURE\t%s\tat most %d ms\t%.1f ms\t%s\t%d pops\n", name, f.goal.Milliseconds(), float64(f.got.Microseconds())/1000, verdict, pops)
		}
	}
}

// resynced returns how long the first resync after that time took, and how many
// channels it listed; 0 while it is not over.
func resynced(t *testing.T, log buffer.Log, after time.Time) (took time.Duration, channels int) {
	t.Helper()
	var began time.Time
	for at := (crm.Position{}); ; {
		entries, err := log.Read(t.Context(), "hq", at, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return 0, 0
		}
		for _, e := range entries {
			at = e.Pos
			switch {
			case e.At.Before(after):
			case e.Kind == buffer.ResyncBegin:
				began = e.At
			case e.Kind == buffer.ResyncEnd && !began.IsZero():
				return e.At.Sub(began), channels
			case e.Kind == buffer.Frame && string(e.Data[:min(len(e.Data), 24)]) == "Event: CoreShowChannel\r\n":
				channels++
			}
		}
	}
}
