package crm

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Direction says where a call's first party came from.
type Direction string

// The directions of a call; the empty one is unknown.
const (
	Inbound  Direction = "inbound"  // the first party came by a trunk
	Outbound Direction = "outbound" // an extension's call reached for a trunk
	Internal Direction = "internal"
)

// Outcome says what a call came to.
type Outcome string

// The outcomes of a call; an open call has none.
const (
	Answered    Outcome = "answered"
	Voicemail   Outcome = "voicemail"
	Abandoned   Outcome = "abandoned"
	Cancelled   Outcome = "cancelled"
	Busy        Outcome = "busy"
	Failed      Outcome = "failed"
	NoAnswer    Outcome = "no_answer"
	SelfService Outcome = "self_service"
)

// EndedBy says who ended a call.
type EndedBy string

// Who can end a call; the empty one is unknown.
const (
	EndedByCaller   EndedBy = "caller"
	EndedByCallee   EndedBy = "callee"
	EndedByTransfer EndedBy = "transfer"
	EndedBySystem   EndedBy = "system"
)

// Result is how an offer, or a leg to the outside, ended. While it rings there is none.
type Result string

// The results of an offer.
const (
	ResultAccepted  Result = "accepted"
	ResultNoAnswer  Result = "no_answer"
	ResultBusy      Result = "busy"
	ResultRejected  Result = "rejected"
	ResultRescinded Result = "rescinded" // answered elsewhere, or the caller gave up
	ResultFailed    Result = "failed"
)

// Call is the record of one call. Absent fields are unknown; a known zero is 0. What
// its fields mean is told to clients too, by the tag doc.
// A Call that was handed out is never changed: whoever changes one works on a Clone.
type Call struct {
	ID        string    `json:"id" doc:"PBX and oldest Linkedid, as hq:1700000000.7; with ~2, ~3 when it comes again in a later life of that Asterisk. When two calls merge, the older id stays and the other leads to it"`
	PBX       string    `json:"pbx"`
	Tenant    string    `json:"tenant,omitempty"`
	Boot      Time      `json:"boot,omitzero" doc:"Start of the Asterisk process"`
	Linkedids []string  `json:"linkedids" doc:"Every Linkedid that merged into the call, the oldest first"`
	Direction Direction `json:"direction,omitempty" enum:"inbound,outbound,internal" doc:"inbound: the first party came by a trunk; outbound: the call of an extension reached for a trunk"`
	From      Party     `json:"from,omitzero" doc:"The first party"`
	To        Party     `json:"to,omitzero" doc:"What was dialled first"`
	Outcome   Outcome   `json:"outcome,omitempty" enum:"answered,voicemail,abandoned,cancelled,busy,failed,no_answer,self_service" doc:"Absent while the call is open. answered: two people spoke; abandoned: an outside caller hung up after a ring or a queue; cancelled: whoever placed it did; self_service: the PBX alone answered"`

	StartedAt  Time `json:"started_at,omitzero"`
	AnsweredAt Time `json:"answered_at,omitzero" doc:"When the first party was connected with a person"`
	EndedAt    Time `json:"ended_at,omitzero" doc:"Absent while the call is open"`

	WaitMS *Millis `json:"wait_ms,omitempty" doc:"In queues, ringing there included"`
	RingMS *Millis `json:"ring_ms,omitempty" doc:"Of the first accepted offer"`
	TalkMS *Millis `json:"talk_ms,omitempty" doc:"Over all talks"`
	HoldMS *Millis `json:"hold_ms,omitempty" doc:"Over all talks"`

	EndedBy EndedBy `json:"ended_by,omitempty" enum:"caller,callee,transfer,system" doc:"caller: the first party; callee: whoever else was in it; transfer: the last party left this PBX by one; system: nobody on the line asked"`
	Cause   int     `json:"cause,omitempty" doc:"Q.850 cause of the last Hangup of the first party"`

	QueueVisits []QueueVisit `json:"queue_visits,omitempty"`
	Offers      []Offer      `json:"offers,omitempty" doc:"Rings of extensions, by their start"`
	Talks       []Talk       `json:"talks,omitempty" doc:"Stretches in which an extension talked with the first party"`
	FarEnds     []FarEnd     `json:"far_ends,omitempty" doc:"Legs over trunks that the call dialled"`
	Transfers   []Transfer   `json:"transfers,omitempty"`
	Parked      []Parked     `json:"parked,omitempty"`
	Conferences []Conference `json:"conferences,omitempty"`
	Recordings  []Recording  `json:"recordings,omitempty"`

	Attributes map[string]string `json:"attributes,omitempty" doc:"Channel variables and fields of UserEvents that the configuration names"`

	Complete bool      `json:"complete" doc:"false when something of it may have been missed"`
	Gaps     []CallGap `json:"gaps,omitempty" doc:"Those that it overlaps"`

	Disposition *Disposition `json:"disposition,omitempty"`
	Notes       []Note       `json:"notes,omitempty"`
	Contact     *Match       `json:"contact,omitempty"`
}

// Open reports whether the call has not ended.
func (c *Call) Open() bool { return c.EndedAt.IsZero() }

// Outside returns the party that is not ours: the caller, or who was called. Of an internal call it is the caller.
func (c *Call) Outside() Party {
	if c.Direction == Outbound {
		return c.To
	}
	return c.From
}

// Offer returns the offer called id, or nil.
func (c *Call) Offer(id string) *Offer {
	for i := range c.Offers {
		if c.Offers[i].ID == id {
			return &c.Offers[i]
		}
	}
	return nil
}

// Party is one side of a call.
type Party struct {
	Number Number `json:"number,omitempty" doc:"As the PBX sent it"`
	Name   string `json:"name,omitempty" doc:"From outside: text, never to be trusted"`
	E164   Number `json:"e164,omitempty"`
}

// IsZero reports whether nothing is known of the party.
func (p Party) IsZero() bool { return p == Party{} }

// QueueVisit is one stay in a queue.
type QueueVisit struct {
	Queue     string  `json:"queue"`
	EnteredAt Time    `json:"entered_at,omitzero"`
	LeftAt    Time    `json:"left_at,omitzero"`
	Position  int     `json:"position,omitempty" doc:"At the join, from 1"`
	WaitMS    *Millis `json:"wait_ms,omitempty"`
	Result    string  `json:"result,omitempty" enum:"connected,abandoned,timeout,key,empty,full,transferred"`
}

// Desk is what the PBX said of who sits at a phone, when it rang or its talk began. It
// is no part of a record, which names users: by this they are found.
type Desk struct {
	// LoggedIn is the number of the user who had logged in there, where that is not the
	// phone's own (FreePBX's device and user mode).
	LoggedIn string
	// Member is the name under which the queue that rang it knows its member, else under
	// which somebody had logged into queues there.
	Member string
}

// Offer is one ring of one extension's device by a call.
type Offer struct {
	ID        string   `json:"id" doc:"PBX and Uniqueid of the channel of the phone; the same in pops and acknowledgements"`
	Extension string   `json:"extension"`
	Agent     string   `json:"agent,omitempty" doc:"User name; absent when nobody has the extension"`
	Agents    []string `json:"agents,omitempty" doc:"All who had the extension then, by name, when they are several; agent is the one who got it last"`
	Queue     string   `json:"queue,omitempty"`
	ShownName string   `json:"shown_name,omitempty" doc:"The caller as that phone showed him, when it differs from the name in from"`
	StartedAt Time     `json:"started_at,omitzero"`
	EndedAt   Time     `json:"ended_at,omitzero"`
	RingMS    *Millis  `json:"ring_ms,omitempty" doc:"0 when it never rang"`
	Result    Result   `json:"result,omitempty" enum:"accepted,no_answer,busy,rejected,rescinded,failed" doc:"Absent while it rings. rescinded: somebody else took the call, or the caller gave up"`
	By        string   `json:"by,omitempty" doc:"Of a rescinded one: extension or number that took the call, or caller"`
	Desk      Desk     `json:"-"`
}

// Talk is one extension's stretch of conversation with the call's first party.
type Talk struct {
	Extension string   `json:"extension,omitempty" doc:"Absent for a far end that an inbound call reached"`
	Agent     string   `json:"agent,omitempty"`
	Agents    []string `json:"agents,omitempty" doc:"As in an offer"`
	With      string   `json:"with,omitempty" doc:"Number of the other side"`
	Via       string   `json:"via,omitempty" enum:"dial,queue,pickup,park,transfer,conference" doc:"How the extension got the first party"`
	StartedAt Time     `json:"started_at,omitzero"`
	EndedAt   Time     `json:"ended_at,omitzero"`
	HoldMS    *Millis  `json:"hold_ms,omitempty"`
	ConsultMS *Millis  `json:"consult_ms,omitempty" doc:"In consultations within the talk"`
	Desk      Desk     `json:"-"`
}

// FarEnd is one leg over a trunk that the call dialled.
type FarEnd struct {
	Number    Number  `json:"number,omitempty"`
	For       string  `json:"for,omitempty" doc:"Extension or group whose dial led to it"`
	StartedAt Time    `json:"started_at,omitzero"`
	EndedAt   Time    `json:"ended_at,omitzero"`
	RingMS    *Millis `json:"ring_ms,omitempty"`
	Result    Result  `json:"result,omitempty" enum:"accepted,no_answer,busy,rejected,rescinded,failed"`
}

// Transfer is one blind or attended transfer.
type Transfer struct {
	Kind      string `json:"kind" enum:"blind,attended"`
	By        string `json:"by,omitempty"`
	To        string `json:"to,omitempty"`
	At        Time   `json:"at,omitzero"`
	Completed bool   `json:"completed" doc:"A person, voicemail or conference then had the party"`
}

// Parked is one stay in a parking lot.
type Parked struct {
	Space       string `json:"space,omitempty"`
	By          string `json:"by,omitempty"`
	StartedAt   Time   `json:"started_at,omitzero"`
	EndedAt     Time   `json:"ended_at,omitzero"`
	Result      string `json:"result,omitempty" enum:"retrieved,timeout,abandoned"`
	RetrievedBy string `json:"retrieved_by,omitempty"`
}

// Conference is a call's time in a conference room.
type Conference struct {
	Room     string   `json:"room"`
	JoinedAt Time     `json:"joined_at,omitzero"`
	LeftAt   Time     `json:"left_at,omitzero"`
	With     []string `json:"with,omitempty"`
}

// Recording is a file that the PBX recorded the call into.
type Recording struct {
	File      string `json:"file,omitempty"`
	StartedAt Time   `json:"started_at,omitzero"`
	EndedAt   Time   `json:"ended_at,omitzero"`
}

// Disposition is what an agent says a call came to.
type Disposition struct {
	Code string `json:"code"`
	Note string `json:"note,omitempty"`
	By   string `json:"by"`
	At   Time   `json:"at"`
}

// Note is a text that somebody wrote about a call.
type Note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	By   string `json:"by"`
	At   Time   `json:"at"`
}

// SaidTag returns a short text that is another for another disposition or other notes:
// what people said of a call, whatever the PBX says of it meanwhile.
func SaidTag(d *Disposition, notes []Note) string {
	h := sha256.New()
	if d != nil {
		fmt.Fprintf(h, "%q %q %q %d", d.Code, d.Note, d.By, d.At.UnixMilli())
	}
	for _, n := range notes {
		fmt.Fprintf(h, " %q", n.ID)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// Match is a contact that may be the other party of a call, and why.
type Match struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Score  float64 `json:"score" doc:"0 to 1"`
	Reason string  `json:"reason"`
}

// Matches returns what contacts that have one number are to a call of that number. Several are
// each less sure than a single one: nobody picks "the first".
func Matches(contacts []Contact) []Match {
	found := make([]Match, 0, len(contacts))
	reason := "number"
	if len(contacts) > 1 {
		reason = "number, shared by several contacts"
	}
	for _, c := range contacts {
		found = append(found, Match{ID: c.ID, Name: c.Name, Score: 1 / float64(len(contacts)), Reason: reason})
	}
	return found
}

// GapCause says why frames may have been missed.
type GapCause string

// The causes of a gap.
const (
	GapDisconnect GapCause = "disconnect"
	GapPBXRestart GapCause = "pbx_restart"
	GapOverflow   GapCause = "overflow"
	GapReaderLag  GapCause = "reader_lag"
	GapDaemonDown GapCause = "daemon_down"
)

// CallGap is a gap as a call that overlaps it shows it.
type CallGap struct {
	StartedAt Time     `json:"started_at,omitzero"`
	EndedAt   Time     `json:"ended_at,omitzero"`
	Cause     GapCause `json:"cause" enum:"disconnect,pbx_restart,overflow,reader_lag,daemon_down"`
}

// Gap is an interval in which a PBX may have said things we did not hear.
type Gap struct {
	ID             string   `json:"id" doc:"PBX and position of the marker that opened it"`
	PBX            string   `json:"pbx"`
	StartedAt      Time     `json:"started_at,omitzero" doc:"When the last byte before it was received"`
	EndedAt        Time     `json:"ended_at,omitzero" doc:"Absent while it is open"`
	Cause          GapCause `json:"cause" enum:"disconnect,pbx_restart,overflow,reader_lag,daemon_down"`
	Detail         string   `json:"detail,omitempty"`
	ClosedBy       string   `json:"closed_by,omitempty" enum:"cel,cdr,resync,counters" doc:"How it was found out what happened in it; absent while that is still to be done"`
	MissedEstimate *int     `json:"missed_estimate,omitempty" doc:"How many calls of it are on no record, as far as the PBX counted"`
	Scans          int      `json:"-"` // scans of ledgers that are done, or were overtaken by a later one
}
