package amitest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Scenario names a kind of call.
type Scenario string

// The scenarios, named as the recorded traces are.
const (
	QueueAnswered     Scenario = "queue-answered"
	QueueAbandoned    Scenario = "queue-abandoned"
	QueueSecondAgent  Scenario = "queue-rna-second-answers"
	QueueBusyMember   Scenario = "queue-member-busy"
	QueueRingAll      Scenario = "queue-ringall"
	QueueTimeout      Scenario = "queue-timeout"
	QueueLocal        Scenario = "queue-local-members"
	QueueTransfer     Scenario = "queue-blind-transfer"
	DirectAnswered    Scenario = "did-direct"
	DirectNoAnswer    Scenario = "did-noanswer"
	DirectCancelled   Scenario = "did-caller-cancels"
	DirectBusy        Scenario = "did-busy"
	DirectDeclined    Scenario = "did-declined"
	DirectOffline     Scenario = "did-unregistered"
	RingGroup         Scenario = "ringgroup-one-answers"
	RingGroupNobody   Scenario = "ringgroup-nobody"
	Hold              Scenario = "hold-unhold"
	BlindTransfer     Scenario = "blind-transfer-refer"
	InternalAnswered  Scenario = "internal-answered"
	InternalNoAnswer  Scenario = "internal-noanswer"
	OutboundAnswered  Scenario = "outbound-trunk-answered"
	OutboundBusy      Scenario = "outbound-trunk-busy"
	OutboundCancelled Scenario = "outbound-trunk-cancelled"
	ClickToCall       Scenario = "originate-trunk-answered"
	ClickInternal     Scenario = "originate-answered"
	ClickNoAnswer     Scenario = "originate-agent-noanswer"
)

// AllScenarios returns every scenario.
func AllScenarios() []Scenario {
	return []Scenario{
		QueueAnswered, QueueAbandoned, QueueSecondAgent, QueueBusyMember, QueueRingAll, QueueTimeout, QueueLocal,
		QueueTransfer, DirectAnswered, DirectNoAnswer, DirectCancelled, DirectBusy, DirectDeclined, DirectOffline,
		RingGroup, RingGroupNobody, Hold, BlindTransfer, InternalAnswered, InternalNoAnswer,
		OutboundAnswered, OutboundBusy, OutboundCancelled, ClickToCall, ClickInternal, ClickNoAnswer,
	}
}

type reactionKind int

const (
	silent   reactionKind = iota // rings until somebody stops it
	answers                      // after ringing for so long
	busy                         // at once, 486
	declines                     // after ringing for so long, 603
)

// A reaction is what a called party does.
type reaction struct {
	kind  reactionKind
	after time.Duration
}

// A plan is everything about a call that does not depend on other calls.
type plan struct {
	scenario   Scenario
	caller     Party  // from outside; the ledger's view, the zero Party for a withheld number
	anonymous  bool   // withheld: how the channel shows it differs from caller
	by         string // extension that places the call
	to         string // extension or outside number that is reached for
	queue      string
	group      []string      // extensions of the ring group
	reactions  []reaction    // of the phones, in order of ringing; the last one repeats
	patience   time.Duration // then the caller hangs up unanswered; 0 for never
	talk       time.Duration
	callerEnds bool
	holds      []time.Duration // talk before, hold, talk before, hold ...
	transferTo string
	transferAt time.Duration
	actionID   string // of the Originate that asked for it
	shownNum   string // CallerID of the Originate
	shownName  string
}

func (p plan) direction() string {
	switch p.scenario {
	case InternalAnswered, InternalNoAnswer, ClickInternal, ClickNoAnswer:
		return "internal"
	case OutboundAnswered, OutboundBusy, OutboundCancelled, ClickToCall:
		return "outbound"
	}
	return "inbound"
}

func (p plan) script() func(*call) error {
	switch p.scenario {
	case QueueAnswered, QueueAbandoned, QueueSecondAgent, QueueBusyMember, QueueRingAll, QueueTimeout, QueueLocal, QueueTransfer:
		return (*call).queueCall
	case RingGroup, RingGroupNobody:
		return (*call).groupCall
	case OutboundAnswered, OutboundBusy, OutboundCancelled:
		return (*call).outboundCall
	case InternalAnswered, InternalNoAnswer:
		return (*call).internalCall
	case ClickToCall, ClickInternal, ClickNoAnswer:
		return (*call).clickCall
	}
	return (*call).directCall
}

// reaction returns what the nth phone rung does.
func (p plan) reaction(n int) reaction {
	if len(p.reactions) == 0 {
		return reaction{}
	}
	return p.reactions[min(n, len(p.reactions)-1)]
}

// outsider makes up a caller: a number of the range that the United Kingdom keeps
// for drama, and a name that is nobody's.
func outsider(r *rand.Rand) (p Party, anonymous bool) {
	if r.IntN(16) == 0 {
		return Party{}, true
	}
	names := []string{
		"Jane Doe", "Jane Caller", "Harbour Street", "Mill Lane", "North Quay", "Old Town", "Reception", "",
		`"><img src=x onerror=alert(1)>`, "O'Brien, Sons & Co; <x> = y: z", "Zoë Müller-Łukasz 日本", `Say "Hi" \ there`,
		strings.Repeat("x", 79),
	}
	i := r.IntN(2 * len(names))
	if i >= len(names) {
		i = r.IntN(7) // half of the callers have a plain name
	}
	return Party{Number: fmt.Sprintf("441632960%03d", r.IntN(1000)), Name: names[i]}, false
}

// wireName escapes a name as chan_pjsip and the manager do: the quotes of the SIP
// display name once, then everything as in C.
func wireName(name string) string {
	if !strings.ContainsAny(name, `"\'`) {
		return name
	}
	sip := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `'`, `\'`).Replace(sip)
}

func itoa(n int) string { return strconv.Itoa(n) }
