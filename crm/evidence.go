package crm

// EvidenceKind says what sort of thing a piece of evidence is.
type EvidenceKind string

// The kinds of evidence.
const (
	EvidenceFrame    EvidenceKind = "frame"    // what the PBX said
	EvidenceIdentity EvidenceKind = "identity" // who a channel, device or extension is
	EvidenceRule     EvidenceKind = "rule"     // what was concluded, and from what
	EvidenceOffer    EvidenceKind = "offer"    // a ring of an agent began or ended
	EvidenceQueue    EvidenceKind = "queue"    // who a queue could have rung
	EvidenceDelivery EvidenceKind = "delivery" // what became of a pop; Name is its fate
	EvidenceAck      EvidenceKind = "ack"      // a screen said that it shows the pop
	EvidenceWrite    EvidenceKind = "write"    // a webhook or CRM write; Name is the destination
	EvidenceGap      EvidenceKind = "gap"      // the PBX was not heard
	EvidenceOwner    EvidenceKind = "owner"    // which node listens to the PBX from then on
)

// What can become of a pop, as Name of an EvidenceDelivery.
const (
	PopPublished = "published" // handed to Sockets sockets; 0: nobody was connected, since Since
	PopWritten   = "written"   // a socket has taken it, LatencyMS after the ring was heard
	PopCaught    = "caught"    // written to a socket that was opened while the phone rang
	PopDropped   = "dropped"   // a socket was closed before it was written
	PopTooOld    = "too_old"   // the ring was LatencyMS old when it was heard, and not shown
)

// PhoneUnreachable is the Name of an EvidenceIdentity of a phone that the PBX did not reach.
const PhoneUnreachable = "unreachable"

// Evidence is one thing that is known about how a call went. It holds no number
// of an outside party: those are in the record.
type Evidence struct {
	At        Time          `json:"at,omitzero"`  // by our clock: when it was received or done
	Pos       Position      `json:"pos,omitzero"` // in the PBX's log, of what a frame told
	Kind      EvidenceKind  `json:"kind"`
	Name      string        `json:"name,omitempty"` // of a frame its event, of a rule the field it decides
	Channel   string        `json:"channel,omitempty"`
	Extension string        `json:"extension,omitempty"`
	Queue     string        `json:"queue,omitempty"`
	Offer     string        `json:"offer,omitempty"` // id
	Agent     string        `json:"agent,omitempty"` // user name
	Text      string        `json:"text"`
	Sockets   *int          `json:"sockets,omitempty"`
	LatencyMS *Millis       `json:"latency_ms,omitempty"`
	Since     Time          `json:"since,omitzero"`
	Attempts  int           `json:"attempts,omitempty"`
	Members   []QueueMember `json:"members,omitempty"`
	Partial   bool          `json:"partial,omitempty"` // there may be more members than Members
}

// QueueMember is what a member of a queue was to it at one moment.
type QueueMember struct {
	Extension string `json:"extension"`
	Status    string `json:"status,omitempty"` // free, in use, busy, ringing, on hold, unavailable, invalid; "" is unknown
	Paused    bool   `json:"paused,omitempty"`
	Reason    string `json:"reason,omitempty"` // of the pause
	InCall    bool   `json:"in_call,omitempty"`
}

// CallEvidence is evidence of one call, in order.
type CallEvidence struct {
	CallID string
	Items  []Evidence
}
