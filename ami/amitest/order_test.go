package amitest

import (
	"errors"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patchcord/ami"
	"patchcord/ami/internal/race"
)

// recorded yields the messages of a trace.
func recorded(t *testing.T, path string) iter.Seq[string] {
	t.Helper()
	tr, err := ami.OpenTrace(path)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string) bool) {
		for {
			item, err := tr.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if item.Kind == ami.TraceFrame && !yield(item.Msg.Raw()) {
				return
			}
		}
	}
}

func raws(events iter.Seq[Event]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for e := range events {
			if !yield(e.Raw) {
				return
			}
		}
	}
}

func tracePaths(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/traces/*/*.ami*")
	if err != nil || len(paths) < 100 {
		t.Fatalf("found %d traces, %v; want the recorded ones", len(paths), err)
	}
	return paths
}

func TestTheCheckerAgreesWithRecordedTraces(t *testing.T) {
	held := map[string]int{}
	for _, path := range race.Sample(tracePaths(t), 4) {
		o := CheckOrder(recorded(t, path))
		for s, n := range o.Held {
			held[s] += n
		}
		for s, n := range o.Broken {
			if slices.Contains(strict(), s) {
				t.Errorf("%s: %q broken %d times: %v", path, s, n, o.Violations)
			}
		}
	}
	for _, s := range append(strict(), loose()...) {
		if s != StrictNothingAfter && held[s] < 10 {
			t.Errorf("%q held only %d times: the checker does not see it", s, held[s])
		}
	}
}

func strict() []string {
	return []string{
		StrictNewFirst, StrictNothingAfter, StrictLeaveHangup, StrictCreateEnter, StrictEnterLeave, StrictEmptyDestroy,
		StrictUpAnswer, StrictLeaveConnect, StrictConnectEnter, StrictCompleteFirst,
	}
}

func loose() []string {
	return []string{LooseDialBegin, LooseDialRinging, LooseRingingState, LooseAnswerEnter, LooseCompleteLeave, LooseUpOriginate}
}

func TestEveryScenarioKeepsAsterisksOrder(t *testing.T) {
	for _, s := range AllScenarios() {
		t.Run(string(s), func(t *testing.T) {
			for seed := range uint64(8) {
				seq, _ := Traffic{Seed: seed, Scenarios: []Scenario{s}, Noise: 0.5, CallsPerSecond: 0.1}.Events(Config{}, Epoch(), 3)
				checkGenerated(t, seed, CheckOrder(raws(seq)))
			}
		})
	}
}

func TestManyCallsAtOnceKeepAsterisksOrder(t *testing.T) {
	for seed := range uint64(40) {
		traffic := Traffic{Seed: seed, CallsPerSecond: 5, Lean: seed%2 == 0, Speed: 1 + float64(seed%3)}
		seq, _ := traffic.Events(Config{SystemName: "pbx1", Timestamps: true}, Epoch(), 60)
		checkGenerated(t, seed, CheckOrder(raws(seq)))
	}
}

// A generated call ends every dial that it begins itself.
func checkGenerated(t *testing.T, seed uint64, o Order) {
	t.Helper()
	for _, s := range append(strict(), LooseDialBegin, LooseDialRinging) {
		if o.Broken[s] > 0 {
			t.Fatalf("seed %d breaks %q: %v", seed, s, o.Violations)
		}
	}
	if len(o.Open) > 0 {
		t.Fatalf("seed %d leaves channels without a Hangup: %v", seed, o.Open)
	}
	if o.Events == 0 {
		t.Fatalf("seed %d has no events", seed)
	}
}

func TestTheCheckerSeesDisorder(t *testing.T) {
	events, _ := Generate(7, 5)
	texts := make([]string, len(events))
	for i, e := range events {
		texts[i] = e.Raw
	}
	for _, event := range []string{"BridgeLeave", "DialBegin", "QueueCallerLeave", "Newchannel", "BridgeCreate"} {
		moved := slices.Clone(texts)
		i := slices.IndexFunc(moved, func(s string) bool { return strings.HasPrefix(s, "Event: "+event+"\r\n") })
		if i < 0 {
			t.Fatalf("no %s in the stream", event)
		}
		moved = append(slices.Delete(moved, i, i+1), texts[i]) // it comes last
		o := CheckOrder(slices.Values(moved))
		if len(o.Violations) == 0 {
			t.Errorf("a late %s goes unnoticed", event)
		}
	}
}
