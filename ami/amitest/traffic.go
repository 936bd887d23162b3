package amitest

import (
	"cmp"
	"iter"
	"time"
)

// Dialplan contexts of the simulated PBX, and what its numbers are.
const (
	fromInternal = "from-internal"
	fromTrunk    = "from-trunk"
	fromQueue    = "from-queue"

	companyNumber = "5551000"
	companyName   = "Example Ltd"
	didPrefix     = "5551" // DID of an extension: 5551 and its last three digits; of a queue: Queue.Number
	groupNumber   = "5551600"
	groupExten    = "600"
	outsidePrefix = "9" // dialled before an outside number
)

// Agent is a phone of the PBX.
type Agent struct {
	Extension string
	Name      string // shown as its caller id
}

// Queue is a queue of the PBX.
type Queue struct {
	Name     string
	Number   string        // DID that leads to it
	Strategy string        // linear, ringall or rrmemory; default linear
	Members  []string      // extensions
	Local    bool          // members are rung through Local channels, as distributions do
	Ring     time.Duration // at one member; default 6 s
	MaxWait  time.Duration // then the caller is sent away; default 60 s
}

// Traffic says which calls a PBX places. The zero Traffic is one call a second
// among the phones 1001 to 1006 and three queues, every scenario alike, for ever.
//
// The same Traffic gives the same calls: as a pure stream byte for byte; on a clock
// up to what its lateness changes.
type Traffic struct {
	Seed           uint64
	CallsPerSecond float64       // default 1, before Speed
	Steady         bool          // calls at equal distances, not at random ones
	MaxCalls       int           // default no end
	Delay          time.Duration // before the first call, so that clients can log in; divided by Speed
	MaxLive        int           // calls at a time; further ones wait; default 1000
	Speed          float64       // everything takes 1/Speed of its time; default 1
	Agents         []Agent
	Queues         []Queue
	Scenarios      []Scenario    // drawn alike, one listed twice twice as often; default AllScenarios
	Talk           time.Duration // mean of a conversation; default 8 s
	Lean           bool          // only channel, dial, bridge and queue events: no device states, music, variables
	Noise          float64       // VarSet and Newexten around the calls; 1 is as much as Asterisk 22 sends
	Focus          *Focus        // nil for none
}

// Focus makes one extension's phone ring regularly, beside the other calls.
type Focus struct {
	Extension string
	First     time.Duration // until the first ring; default 2 s
	Every     time.Duration // from ring to ring, at most and 1.5 s for a second try; default 8 s
}

func (t Traffic) withDefaults() Traffic {
	t.CallsPerSecond = cmp.Or(t.CallsPerSecond, 1)
	t.MaxLive = cmp.Or(t.MaxLive, 1000)
	t.Speed = cmp.Or(t.Speed, 1)
	t.Talk = cmp.Or(t.Talk, 8*time.Second)
	if len(t.Agents) == 0 {
		t.Agents = defaultAgents()
	}
	if len(t.Queues) == 0 {
		t.Queues = defaultQueues()
	}
	queues := make([]Queue, len(t.Queues))
	for i, q := range t.Queues {
		q.Strategy = cmp.Or(q.Strategy, "linear")
		q.Ring = cmp.Or(q.Ring, 6*time.Second)
		q.MaxWait = cmp.Or(q.MaxWait, time.Minute)
		queues[i] = q
	}
	t.Queues = queues
	if len(t.Scenarios) == 0 {
		t.Scenarios = AllScenarios()
	}
	if t.Focus != nil {
		f := *t.Focus
		f.First = cmp.Or(f.First, 2*time.Second)
		f.Every = cmp.Or(f.Every, 8*time.Second)
		t.Focus = &f
	}
	return t
}

// defaultAgents are the phones of the recorded traces.
func defaultAgents() []Agent {
	return []Agent{
		{"1001", "Alice Agent"}, {"1002", "Bob Agent"}, {"1003", "Carol Agent"},
		{"1004", "Dave Desk"}, {"1005", "Eve Desk"}, {"1006", "Frank Desk"},
	}
}

func defaultQueues() []Queue {
	return []Queue{
		{Name: "support", Number: "5551800", Members: []string{"1001", "1002"}},
		{Name: "sales", Number: "5551801", Strategy: "ringall", Members: []string{"1003", "1002"}},
		{Name: "locals", Number: "5551807", Members: []string{"1004", "1005"}, Local: true},
	}
}

// Extensions returns n agents from 1001 on, for load.
func Extensions(n int) []Agent {
	agents := make([]Agent, n)
	for i := range agents {
		ext := itoa(1001 + i)
		agents[i] = Agent{Extension: ext, Name: "Desk " + ext}
	}
	return agents
}

// Events returns the stream of n calls starting at start, without a clock: as fast
// as it is read. A config's Name, AMIVersion, SystemName and Timestamps apply, its
// Traffic is replaced by t. The ledger fills as the stream is read.
func (t Traffic) Events(c Config, start time.Time, n int) (iter.Seq[Event], *Ledger) {
	t.MaxCalls = n
	c.Traffic = &t
	c = c.withDefaults()
	ledger := newLedger(c.Name, nil)
	return func(yield func(Event) bool) {
		ledger.clear()
		x := newExchange(c, ledger, start)
		defer x.abandon()
		more := true
		x.emit = func(e Event) { more = more && yield(e) }
		x.start(start)
		for more && x.step() {
			continue
		}
	}, ledger
}

// Epoch is when generated streams begin if nothing else is said: a second that the
// recorded traces begin at, too.
func Epoch() time.Time { return time.Unix(1795311421, 0).UTC() }

// Generate returns the events of the n calls of a seed, as a default Config and
// Traffic make them, and what happened in them, in order of their start.
func Generate(seed uint64, n int) ([]Event, []Call) {
	seq, ledger := Traffic{Seed: seed, Noise: 0.2}.Events(Config{}, Epoch(), n)
	var events []Event
	for e := range seq {
		events = append(events, e)
	}
	return events, ledger.Calls()
}
