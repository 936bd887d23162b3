package amitest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Time is an instant that JSON shows as RFC 3339 UTC with milliseconds.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

// Call is what really happened in one generated call. Fields that a call record has
// bear its JSON names and mean the same; absent means that there was none.
type Call struct {
	ID        string   `json:"id"` // "<pbx>:<linkedid>"
	PBX       string   `json:"pbx"`
	Scenario  Scenario `json:"scenario"`
	Linkedids []string `json:"linkedids"`
	Uniqueids []string `json:"uniqueids"` // of all its channels, in order
	Boot      Time     `json:"boot,omitzero"`
	Direction string   `json:"direction,omitempty"`
	From      Party    `json:"from,omitzero"`
	To        Party    `json:"to,omitzero"`
	Outcome   string   `json:"outcome,omitempty"`
	Answered  bool     `json:"answered"` // a person was reached: what CDR should say and does not always

	StartedAt  Time `json:"started_at,omitzero"`
	AnsweredAt Time `json:"answered_at,omitzero"`
	EndedAt    Time `json:"ended_at,omitzero"` // absent while it goes on

	WaitMS int64  `json:"wait_ms"`
	RingMS *int64 `json:"ring_ms,omitempty"` // of the first accepted offer
	TalkMS int64  `json:"talk_ms"`
	HoldMS int64  `json:"hold_ms"`

	EndedBy  string `json:"ended_by,omitempty"`
	Cause    int    `json:"cause,omitempty"`
	Complete bool   `json:"complete"` // false when the PBX died in mid-call, or was told to hang up by a client

	QueueVisits []QueueVisit `json:"queue_visits,omitempty"`
	Offers      []Offer      `json:"offers,omitempty"`
	Talks       []Talk       `json:"talks,omitempty"`
	FarEnds     []FarEnd     `json:"far_ends,omitempty"`
	Transfers   []Transfer   `json:"transfers,omitempty"`
}

// Party is one side of a call; the name as a person would read it.
type Party struct {
	Number string `json:"number,omitempty"`
	Name   string `json:"name,omitempty"`
}

// Offer is one ring of one extension's phone.
type Offer struct {
	ID        string `json:"id"` // "<pbx>:<uniqueid of the phone's channel>"
	Extension string `json:"extension"`
	Queue     string `json:"queue,omitempty"`
	StartedAt Time   `json:"started_at,omitzero"`
	RangAt    Time   `json:"rang_at,omitzero"` // first Ringing; not part of a call record
	EndedAt   Time   `json:"ended_at,omitzero"`
	RingMS    int64  `json:"ring_ms"`
	Result    string `json:"result,omitempty"` // absent while it rings
	By        string `json:"by,omitempty"`
}

// Talk is one extension's conversation with the first party of the call.
type Talk struct {
	Extension string `json:"extension,omitempty"`
	With      string `json:"with,omitempty"`
	Via       string `json:"via,omitempty"` // dial, queue or transfer
	StartedAt Time   `json:"started_at,omitzero"`
	EndedAt   Time   `json:"ended_at,omitzero"`
	HoldMS    int64  `json:"hold_ms"`
}

// FarEnd is a leg over the trunk.
type FarEnd struct {
	Number    string `json:"number,omitempty"`
	StartedAt Time   `json:"started_at,omitzero"`
	RangAt    Time   `json:"rang_at,omitzero"` // not part of a call record
	EndedAt   Time   `json:"ended_at,omitzero"`
	RingMS    int64  `json:"ring_ms"`
	Result    string `json:"result,omitempty"`
}

// QueueVisit is one stay in a queue.
type QueueVisit struct {
	Queue     string `json:"queue"`
	EnteredAt Time   `json:"entered_at,omitzero"`
	LeftAt    Time   `json:"left_at,omitzero"`
	Position  int    `json:"position"`
	WaitMS    int64  `json:"wait_ms"`
	Result    string `json:"result,omitempty"`
}

// Transfer is one blind transfer.
type Transfer struct {
	Kind      string `json:"kind"`
	By        string `json:"by"`
	To        string `json:"to"`
	At        Time   `json:"at,omitzero"`
	Completed bool   `json:"completed"`
}

// Ledger is the truth about the calls of a PBX. It is safe for concurrent use,
// except that Config.OnEvent must not read it.
type Ledger struct {
	pbx string
	log io.Writer // nil for none

	mu    sync.Mutex
	calls []*Call // guarded by mu, in order of their start
	ended []Call  // guarded by mu: not yet written to log
}

func newLedger(pbx string, log io.Writer) *Ledger { return &Ledger{pbx: pbx, log: log} }

func (l *Ledger) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.ended = nil, nil
}

// Calls returns all calls so far, those that still go on without EndedAt. They are
// copies, in order of their start.
func (l *Ledger) Calls() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Call, len(l.calls))
	for i, c := range l.calls {
		out[i] = c.clone()
	}
	return out
}

// Len returns how many calls there were, those that go on included.
func (l *Ledger) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

// WriteTo writes all calls so far as JSON lines. Calls that go on have no ended_at.
func (l *Ledger) WriteTo(w io.Writer) (int64, error) { return writeCalls(w, l.Calls()) }

// ReadLedger reads what WriteTo or Config.LedgerLog wrote.
func ReadLedger(r io.Reader) ([]Call, error) {
	var calls []Call
	dec := json.NewDecoder(r)
	for dec.More() {
		var c Call
		if err := dec.Decode(&c); err != nil {
			return calls, fmt.Errorf("ledger line %d: %w", len(calls)+1, err)
		}
		calls = append(calls, c)
	}
	return calls, nil
}

func writeCalls(w io.Writer, calls []Call) (int64, error) {
	var n int64
	for _, c := range calls {
		line, err := json.Marshal(c)
		if err != nil {
			return n, fmt.Errorf("write ledger: %w", err)
		}
		m, err := w.Write(append(line, '\n'))
		n += int64(m)
		if err != nil {
			return n, fmt.Errorf("write ledger: %w", err)
		}
	}
	return n, nil
}

// flush writes the calls that ended since the last flush to the log.
func (l *Ledger) flush() error {
	if l.log == nil {
		return nil
	}
	l.mu.Lock()
	ended := l.ended
	l.ended = nil
	l.mu.Unlock()
	_, err := writeCalls(l.log, ended)
	return err
}

func (l *Ledger) open(c *Call) { l.calls = append(l.calls, c) }

// close adds the sums to a call that is over; mu is held.
func (l *Ledger) close(c *Call, now time.Time) {
	c.EndedAt = Time{now}
	for i := range c.Talks {
		c.TalkMS += ms(c.Talks[i].StartedAt, c.Talks[i].EndedAt)
		c.HoldMS += c.Talks[i].HoldMS
	}
	for _, v := range c.QueueVisits {
		c.WaitMS += v.WaitMS
	}
	for _, o := range c.Offers {
		if o.Result == "accepted" {
			c.RingMS = &o.RingMS
			break
		}
	}
	c.Answered = !c.AnsweredAt.IsZero()
	if l.log != nil {
		l.ended = append(l.ended, c.clone())
	}
}

func ms(from, to Time) int64 { return to.Sub(from.Time).Milliseconds() }

func (c *Call) clone() Call {
	out := *c
	out.Linkedids = slices.Clone(c.Linkedids)
	out.Uniqueids = slices.Clone(c.Uniqueids)
	out.QueueVisits = slices.Clone(c.QueueVisits)
	out.Offers = slices.Clone(c.Offers)
	out.Talks = slices.Clone(c.Talks)
	out.FarEnds = slices.Clone(c.FarEnds)
	out.Transfers = slices.Clone(c.Transfers)
	return out
}
