package amitest

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheSameSeedGivesTheSameCalls(t *testing.T) {
	a, callsA := Generate(42, 30)
	b, callsB := Generate(42, 30)
	if !slices.Equal(a, b) || !reflect.DeepEqual(callsA, callsB) {
		t.Error("two runs of a seed differ")
	}
	if c, _ := Generate(43, 30); slices.Equal(a, c) {
		t.Error("two seeds are alike")
	}
	if len(callsA) != 30 {
		t.Errorf("got %d calls, want 30", len(callsA))
	}
}

func TestTheLedgerAgreesWithTheEvents(t *testing.T) {
	for seed := range uint64(80) {
		events, calls := Generate(seed, 12)
		seen := tally(events)
		for _, c := range calls {
			checkCall(t, seed, c, seen)
		}
		if got := len(seen.channels); got != seen.inLedger {
			t.Fatalf("seed %d: %d channels were made, the ledger has %d", seed, got, seen.inLedger)
		}
	}
}

// facts is what the events say, counted simply.
type facts struct {
	channels map[string]Event // Newchannel by uniqueid
	hangups  map[string]Event
	answers  map[string]Event // last DialEnd ANSWER by the called uniqueid
	joins    map[string]int   // by linkedid
	rings    map[string]Event // first Newstate Ringing
	inLedger int
}

func tally(events []Event) *facts {
	f := &facts{map[string]Event{}, map[string]Event{}, map[string]Event{}, map[string]int{}, map[string]Event{}, 0}
	for _, e := range events {
		id := Header(e.Raw, "Uniqueid")
		switch e.Name {
		case "Newchannel":
			f.channels[id] = e
		case "Hangup":
			f.hangups[id] = e
		case "QueueCallerJoin":
			f.joins[Header(e.Raw, "Linkedid")]++
		case "Newstate":
			if _, rang := f.rings[id]; !rang && Header(e.Raw, "ChannelStateDesc") == "Ringing" {
				f.rings[id] = e
			}
		case "DialEnd":
			if Header(e.Raw, "DialStatus") == "ANSWER" {
				f.answers[Header(e.Raw, "DestUniqueid")] = e
			}
		}
	}
	return f
}

func checkCall(t *testing.T, seed uint64, c Call, f *facts) {
	t.Helper()
	f.inLedger += len(c.Uniqueids)
	linked := c.Linkedids[0]
	var last time.Time
	answered := false
	for _, id := range c.Uniqueids {
		if got := Header(f.channels[id].Raw, "Linkedid"); got != linked {
			t.Fatalf("seed %d, %s: channel %s has Linkedid %q", seed, c.ID, id, got)
		}
		if at := f.hangups[id].At; at.After(last) {
			last = at
		}
	}
	for _, o := range c.Offers {
		id := strings.TrimPrefix(o.ID, "pbx:")
		_, won := f.answers[id]
		answered = answered || won
		if won != (o.Result == "accepted") {
			t.Fatalf("seed %d, %s: offer %s is %q, answered: %v", seed, c.ID, o.ID, o.Result, won)
		}
		if ring := f.rings[id].At; !ring.Equal(o.RangAt.Time) {
			t.Fatalf("seed %d, %s: offer %s rang at %v, the event was at %v", seed, c.ID, o.ID, o.RangAt, ring)
		}
	}
	for _, far := range c.FarEnds {
		answered = answered || far.Result == "accepted"
	}
	first := f.channels[c.Uniqueids[0]]
	switch {
	case answered != c.Answered || c.Answered != (c.Outcome == "answered") || c.Answered != (len(c.Talks) > 0):
		t.Fatalf("seed %d, %s: answered %v, outcome %q, %d talks, events say %v", seed, c.ID, c.Answered, c.Outcome, len(c.Talks), answered)
	case !first.At.Equal(c.StartedAt.Time) || !last.Equal(c.EndedAt.Time):
		t.Fatalf("seed %d, %s: from %v to %v, events say %v to %v", seed, c.ID, c.StartedAt, c.EndedAt, first.At, last)
	case f.joins[linked] != len(c.QueueVisits):
		t.Fatalf("seed %d, %s: %d visits, %d joins", seed, c.ID, len(c.QueueVisits), f.joins[linked])
	case c.EndedBy == "" || c.Outcome == "":
		t.Fatalf("seed %d, %s: ended by %q, outcome %q", seed, c.ID, c.EndedBy, c.Outcome)
	}
}

func TestEveryOutcomeAndNumberIsMadeUp(t *testing.T) {
	_, calls := Generate(1, 2000)
	outcomes := map[string]int{}
	drama := regexp.MustCompile(`^(441632960\d{3}|100\d)?$`)
	odd := 0
	for _, c := range calls {
		outcomes[c.Outcome]++
		if !drama.MatchString(c.From.Number) {
			t.Errorf("caller %q is not of the range for drama", c.From.Number)
		}
		if c.From.Name == `"><img src=x onerror=alert(1)>` {
			odd++
		}
	}
	want := []string{"abandoned", "answered", "busy", "cancelled", "failed", "no_answer"}
	if got := slices.Sorted(maps.Keys(outcomes)); !slices.Equal(got, want) {
		t.Errorf("outcomes: got %v, want %v", got, want)
	}
	if odd < 10 {
		t.Errorf("the caller name with markup came %d times in %d calls", odd, len(calls))
	}
}

func TestTheLedgerSurvivesItsFile(t *testing.T) {
	_, calls := Generate(9, 20)
	var buf bytes.Buffer
	if _, err := writeCalls(&buf, calls); err != nil {
		t.Fatal(err)
	}
	back, err := ReadLedger(&buf)
	if err != nil {
		t.Fatal(err)
	}
	for i := range calls {
		want, _ := json.Marshal(calls[i])
		if got, _ := json.Marshal(back[i]); !bytes.Equal(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTheClockGivesTheCallsOfTheStream(t *testing.T) {
	traffic := Traffic{Seed: 11, MaxCalls: 40}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var log bytes.Buffer
		p, _, stop := servePipe(t, Config{Traffic: &traffic, LedgerLog: &log})
		time.Sleep(10 * time.Minute)
		stop()
		seq, stream := traffic.Events(Config{}, start, 40)
		for range seq {
			continue
		}
		got, want := p.Ledger().Calls(), stream.Calls()
		for i := range want {
			// Boot is an hour before New in both, and New was at the same instant.
			g, _ := json.Marshal(got[i])
			w, _ := json.Marshal(want[i])
			if !bytes.Equal(g, w) {
				t.Fatalf("call %d: on the clock\n%s\nin the stream\n%s", i, g, w)
			}
		}
		logged, err := ReadLedger(&log)
		if err != nil || len(logged) != len(want) {
			t.Errorf("the log has %d calls, %v; want %d", len(logged), err, len(want))
		}
	})
}

func TestFocusRingsInTimeAndAgain(t *testing.T) {
	for seed := range uint64(5) {
		traffic := Traffic{Seed: seed, CallsPerSecond: 0.2, Focus: &Focus{Extension: "1001"}}
		results := map[string]int{}
		start := Epoch()
		last := start
		seq, ledger := traffic.Events(Config{}, start, 1<<20)
		for e := range seq {
			if e.At.Sub(start) > 10*time.Minute {
				break
			}
			if e.Name == "Newstate" && Header(e.Raw, "ChannelStateDesc") == "Ringing" && strings.HasPrefix(Header(e.Raw, "Channel"), "PJSIP/1001-") {
				if gap := e.At.Sub(last); gap > 9900*time.Millisecond {
					t.Errorf("seed %d: no ring for %v until %v", seed, gap, e.At.Sub(start))
				}
				last = e.At
			}
		}
		queued := 0
		for _, c := range ledger.Calls() {
			for _, o := range c.Offers {
				if o.Extension == "1001" {
					results[o.Result]++
				}
				if o.Extension == "1001" && o.Queue != "" {
					queued++
				}
			}
		}
		if results["accepted"] < 10 || results["rescinded"] < 10 || queued < 10 {
			t.Errorf("seed %d: not much of a mix: %v, %d of them through a queue", seed, results, queued)
		}
	}
}

func TestListsShowTheChannelsThatLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var live []string // guarded by mu
		cfg := Config{Traffic: busyTraffic(12)}
		cfg.OnEvent = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			switch id := Header(e.Raw, "Uniqueid"); e.Name {
			case "Newchannel":
				live = append(live, id)
			case "Hangup":
				live = without(live, id)
			}
		}
		_, ln, stop := servePipe(t, cfg)
		defer stop()
		c := pipeClient(t, ln)
		c.ask("Action: Login|Username: crm|Secret: crmsecret|Events: off")
		for range 10 {
			time.Sleep(3 * time.Second)
			synctest.Wait()
			items, end := c.list("Action: CoreShowChannels", "CoreShowChannelsComplete")
			var got []string
			for _, item := range items {
				got = append(got, Header(item, "Uniqueid"))
			}
			mu.Lock()
			want := slices.Clone(live)
			mu.Unlock()
			if !slices.Equal(got, want) || Header(end, "ListItems") != itoa(len(want)) {
				t.Fatalf("listed %v (%s), live are %v", got, Header(end, "ListItems"), want)
			}
		}
		for action, complete := range map[string]string{
			"Status": "StatusComplete", "BridgeList": "BridgeListComplete", "QueueStatus": "QueueStatusComplete",
			"QueueSummary": "QueueSummaryComplete", "ExtensionStateList": "ExtensionStateListComplete",
		} {
			items, end := c.list("Action: "+action, complete)
			if len(items) == 0 && action != "BridgeList" || Header(end, "ListItems") != itoa(len(items)) {
				t.Errorf("%s: %d items, %q", action, len(items), end)
			}
		}
	})
}
