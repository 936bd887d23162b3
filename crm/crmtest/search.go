package crmtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"patchcord/crm"
)

// HistoryMonths is how many months a long history has: one month of a History, again and again.
const HistoryMonths = 24

// Stored is a long history in a store.
type Stored struct {
	History // its first month
	Store   crm.Store
	Name    string               // of the store
	Total   int                  // calls in all
	CPU     func() time.Duration // processor time of all that takes part
	factor  float64              // by how much pages may be slower than the goal at 5 million calls
	random  *rand.Rand
}

// NewStored describes a history of that many calls (PATCHCORD_CALLS, or 200,000); its
// store is yet to be filled.
func NewStored(t *testing.T, name string) *Stored {
	t.Helper()
	n := 200_000
	if s := os.Getenv("PATCHCORD_CALLS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	month := n / HistoryMonths
	first := time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC)
	factor := 1.0
	if n > 5_000_000 {
		factor = 2.5
	}
	return &Stored{
		History: History{Calls: month, Month: first}, Name: name, Total: month * HistoryMonths, factor: factor,
		random: rand.New(rand.NewPCG(1, 1)),
	}
}

// when returns an instant of the history.
func (h *Stored) when() time.Time {
	return h.Month.Add(time.Duration(h.random.Int64N(int64(HistoryMonths * 30 * 24 * time.Hour))))
}

// number returns the number of a caller of the history.
func (h *Stored) number() string {
	for {
		if c := h.Call(h.random.IntN(h.Calls)); c.Direction == crm.Inbound {
			return string(c.From.E164)
		}
	}
}

// ask reads a page, and the one after it when deep, and returns how long the last took.
func (h *Stored) ask(t *testing.T, f crm.CallFilter, deep bool) (n int, took time.Duration) {
	t.Helper()
	p := crm.Page{}
	if deep {
		_, next, err := h.Store.Calls(t.Context(), tenant, f, p)
		check(t, err)
		p.Cursor = next
	}
	start := time.Now()
	calls, _, err := h.Store.Calls(t.Context(), tenant, f, p)
	took = time.Since(start)
	check(t, err)
	return len(calls), took
}

// Pages measures pages of the list, of an agent and of a queue, from any place of the history.
func (h *Stored) Pages(t *testing.T, rounds int) {
	t.Helper()
	var all, near, far, floor []time.Duration
	oldest := h.Month.Add(40 * 24 * time.Hour)
	before := h.CPU()
	for range rounds {
		for _, f := range []crm.CallFilter{{}, {Agent: h.Agent(h.random.IntN(HistoryAgents))}, {Queue: h.Queue(h.random.IntN(HistoryQueues))}} {
			_, took := h.ask(t, f, false)
			near = append(near, took)
			f.Until = h.when()
			_, took = h.ask(t, f, true)
			all = append(all, took)
			f.Until = oldest
			_, took = h.ask(t, f, true)
			far = append(far, took)
		}
	}
	used := (h.CPU() - before) / time.Duration(15*rounds) // pages, those that led to deep ones included
	for range 3 * rounds {
		floor = append(floor, h.floor(t))
	}
	void := Percentile(floor, 0.99) > maxFloor
	more := fmt.Sprintf("%d calls; CPU %.3g ms a page; a ping: p50 %.3g ms, p99 %.3g ms", h.Total, ms(used), ms(Percentile(floor, 0.5)), ms(Percentile(floor, 0.99)))
	Timed(t, void, h.Name+": page anywhere, p50", 2*h.factor, ms(Percentile(all, 0.5)), "ms", more)
	Timed(t, void, h.Name+": page anywhere, p99", 10*h.factor, ms(Percentile(all, 0.99)), "ms", more)
	Timed(t, void, h.Name+": page at the far end against the first", 1.5, float64(Percentile(far, 0.5))/float64(Percentile(near, 0.5)), "times",
		fmt.Sprintf("medians %.3g and %.3g ms", ms(Percentile(far, 0.5)), ms(Percentile(near, 0.5))))
}

func (h *Stored) floor(t *testing.T) time.Duration {
	t.Helper()
	start := time.Now()
	check(t, h.Store.Ping(t.Context()))
	return time.Since(start)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Searches measures every filter of the list, where it finds something and where not,
// and combinations of them.
func (h *Stored) Searches(t *testing.T, rounds int) {
	t.Helper()
	var worst, dearest time.Duration
	var floor []time.Duration
	var which, dear string
	for _, s := range h.searches() {
		var took []time.Duration
		least, most := h.Total, 0
		before := h.CPU()
		for range rounds {
			n, d := h.ask(t, s.filter(), false)
			took = append(took, d)
			least, most = min(least, n), max(most, n)
		}
		if s.empty != (most == 0) {
			t.Errorf("%s: pages have %d to %d calls", s.name, least, most)
		}
		used := (h.CPU() - before) / time.Duration(rounds)
		for range rounds {
			floor = append(floor, h.floor(t))
		}
		p50, p99 := Percentile(took, 0.5), Percentile(took, 0.99)
		t.Logf("%-48s %3d to %2d calls  p50 %7.2f  p99 %7.2f ms  CPU %.2f ms", s.name, least, most, ms(p50), ms(p99), ms(used))
		if p99 > worst {
			worst, which = p99, s.name
		}
		if used > dearest {
			dearest, dear = used, s.name
		}
	}
	void := Percentile(floor, 0.99) > maxFloor
	Figure(t, h.Name+": dearest search, CPU", 50, ms(dearest), "ms", false, fmt.Sprintf("%s; client and server, mean of %d; %d calls", dear, rounds, h.Total))
	Timed(t, void, h.Name+": slowest search, p99", 50, ms(worst), "ms", fmt.Sprintf("%s; %d calls, %d searches; a ping: p99 %.3g ms",
		which, h.Total, len(h.searches()), ms(Percentile(floor, 0.99))))
}

type search struct {
	name   string
	empty  bool // nothing is found
	filter func() crm.CallFilter
}

func (h *Stored) searches() []search {
	yes, no := true, false
	is := func(f crm.CallFilter) func() crm.CallFilter { return func() crm.CallFilter { return f } }
	agent := func() string { return h.Agent(h.random.IntN(HistoryAgents)) }
	queue := func() string { return h.Queue(h.random.IntN(HistoryQueues)) }
	digits := func() string { return fmt.Sprintf("%04d", h.random.IntN(10_000)) }
	old := h.Month.Add(200 * 24 * time.Hour)
	return []search{
		{"a day", false, func() crm.CallFilter { w := h.when(); return crm.CallFilter{From: w.Add(-96 * time.Hour), Until: w} }},
		{"from the future", true, is(crm.CallFilter{From: h.Month.AddDate(9, 0, 0)})},
		{"4 digits", false, func() crm.CallFilter { return crm.CallFilter{Number: digits()} }},
		{"7 digits", false, func() crm.CallFilter { n := h.number(); return crm.CallFilter{Number: n[len(n)-7:]} }},
		{"7 digits that nobody has", true, is(crm.CallFilter{Number: "1110000"})},
		{"E.164", false, func() crm.CallFilter { return crm.CallFilter{Number: h.number()} }},
		{"E.164 that nobody has", true, is(crm.CallFilter{Number: "+441610000000"})},
		{"agent", false, func() crm.CallFilter { return crm.CallFilter{Agent: agent()} }},
		{"unknown agent", true, is(crm.CallFilter{Agent: "nobody"})},
		{"extension", false, func() crm.CallFilter {
			return crm.CallFilter{Extension: fmt.Sprint(1000 + h.random.IntN(HistoryAgents))}
		}},
		{"unknown extension", true, is(crm.CallFilter{Extension: "9999"})},
		{"queue", false, func() crm.CallFilter { return crm.CallFilter{Queue: queue()} }},
		{"unknown queue", true, is(crm.CallFilter{Queue: "nowhere"})},
		{"inbound", false, is(crm.CallFilter{Direction: crm.Inbound})},
		{"internal, of which there is none", true, is(crm.CallFilter{Direction: crm.Internal})},
		{"answered", false, is(crm.CallFilter{Outcome: crm.Answered})},
		{"busy, one of 700", false, is(crm.CallFilter{Outcome: crm.Busy})},
		{"voicemail, of which there is none", true, is(crm.CallFilter{Outcome: crm.Voicemail})},
		{"talk of a minute", false, is(crm.CallFilter{MinTalk: time.Minute})},
		{"talk of ten minutes", false, is(crm.CallFilter{MinTalk: 10 * time.Minute})},
		{"talk of 25 minutes", false, is(crm.CallFilter{MinTalk: 25 * time.Minute})},
		{"talk of ten hours", true, is(crm.CallFilter{MinTalk: 10 * time.Hour})},
		{"disposition", false, is(crm.CallFilter{Disposition: "callback"})},
		{"unknown disposition", true, is(crm.CallFilter{Disposition: "unheard"})},
		{"recorded", false, is(crm.CallFilter{HasRecording: &yes})},
		{"not recorded", false, is(crm.CallFilter{HasRecording: &no})},
		{"common word", false, is(crm.CallFilter{Q: CommonWord})},
		{"rare word", false, is(crm.CallFilter{Q: RareWord})},
		{"absent word", true, is(crm.CallFilter{Q: "xylophone"})},
		{"name", false, is(crm.CallFilter{Q: "grace turner"})},
		{"two common words", false, is(crm.CallFilter{Q: "refund " + CommonWord})},
		{"common and absent word", true, is(crm.CallFilter{Q: CommonWord + " xylophone"})},
		{"common word, long ago", false, is(crm.CallFilter{Q: CommonWord, Until: old})},
		{"rare word, long ago", false, is(crm.CallFilter{Q: RareWord, Until: old})},
		{"agent and queue", false, func() crm.CallFilter { return crm.CallFilter{Agent: agent(), Queue: queue()} }},
		{"agent and queue, 7 days", false, func() crm.CallFilter {
			w := h.when()
			return crm.CallFilter{Agent: agent(), Queue: queue(), From: w.Add(-7 * 24 * time.Hour), Until: w}
		}},
		{"agent and unknown queue", true, func() crm.CallFilter { return crm.CallFilter{Agent: agent(), Queue: "nowhere"} }},
		{"outbound out of a queue, of which there is none", true, func() crm.CallFilter { return crm.CallFilter{Direction: crm.Outbound, Queue: queue()} }},
		{"inbound and busy, of which there is none", true, is(crm.CallFilter{Direction: crm.Inbound, Outcome: crm.Busy})},
		{"agent and common word", false, func() crm.CallFilter { return crm.CallFilter{Agent: agent(), Q: CommonWord} }},
		{"agent and absent word", true, func() crm.CallFilter { return crm.CallFilter{Agent: agent(), Q: "xylophone"} }},
		{"agent and long talk", false, func() crm.CallFilter { return crm.CallFilter{Agent: agent(), MinTalk: 20 * time.Minute} }},
		{"4 digits and queue", false, func() crm.CallFilter { return crm.CallFilter{Number: digits(), Queue: queue()} }},
		{"recorded, answered, common word, callback", false, is(crm.CallFilter{HasRecording: &yes, Outcome: crm.Answered, Q: CommonWord, Disposition: "callback"})},
	}
}
