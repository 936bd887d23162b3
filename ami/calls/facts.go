package calls

import (
	"time"

	"patchcord/crm"
)

// A mark is one instant: its place in the order of inputs, and its time when known.
type mark struct {
	Seq uint64    `json:"s,omitempty"` // 0: has not happened
	At  time.Time `json:"t,omitzero"`
}

func (m mark) set() bool { return m.Seq != 0 }

// within reports whether n follows m by at most d; true when a time is unknown.
func (m mark) within(n mark, d time.Duration) bool {
	return m.At.IsZero() || n.At.IsZero() || n.At.Sub(m.At) <= d
}

// together reports whether two instants, in whichever order, are no further apart than a move takes.
func together(m, n mark) bool { return m.within(n, moveTime) && n.within(m, moveTime) }

func (m mark) time() crm.Time { return crm.At(m.At) }

// between returns the time from m to n; nil when it is not known.
func between(m, n mark) *crm.Millis {
	if !m.set() || !n.set() || m.At.IsZero() || n.At.IsZero() {
		return nil
	}
	return crm.MillisOf(max(0, n.time().Sub(m.time().Time)))
}

// A span is a stretch of time; it lasts while To is not set.
type span struct {
	From mark `json:"f,omitzero"`
	To   mark `json:"o,omitzero"`
}

// left returns when it ended; never is the greatest.
func (s span) left() uint64 {
	if !s.To.set() {
		return ^uint64(0)
	}
	return s.To.Seq
}

func (s span) covers(seq uint64) bool {
	return s.From.Seq <= seq && (!s.To.set() || seq <= s.To.Seq)
}

// call is what is known of one call: facts only, the record is concluded from them.
// Channels are named by their place in Chans, and none by -1.
type call struct {
	ID         string            `json:"id"`
	Boot       time.Time         `json:"boot,omitzero"`
	Linkedids  []string          `json:"lids"`
	Origins    []origin          `json:"orig"`
	Chans      []*channel        `json:"ch"`
	Dials      []*dial           `json:"dials,omitempty"`
	Visits     []*visit          `json:"visits,omitempty"`
	Transfers  []*transfer       `json:"xfers,omitempty"`
	Parks      []*park           `json:"parks,omitempty"`
	Rooms      []*room           `json:"rooms,omitempty"`
	Recs       []*recording      `json:"recs,omitempty"`
	Pickups    []pickup          `json:"pickups,omitempty"`
	Takings    []taking          `json:"takings,omitempty"`
	Consults   []consult         `json:"consults,omitempty"`
	Mails      []mailing         `json:"vm,omitempty"`
	Attributes map[string]string `json:"attrs,omitempty"`
	Gaps       []crm.CallGap     `json:"gaps,omitempty"`
	Missed     bool              `json:"missed,omitempty"` // frames of it were not seen
	Cut        mark              `json:"cut,omitzero"`     // removed without a Hangup: restart, or absent from lists
	Told       *told             `json:"told,omitempty"`   // what events have said of it

	alive int       // channels not hung up
	last  *crm.Call // as it was concluded last; nil when facts have changed since
	noted noted
}

// An origin is one of the calls that a call was joined from.
type origin struct {
	Linkedid string `json:"l"`
	First    int    `json:"f"`           // its first channel
	Seq      uint64 `json:"s"`           // of its first frame
	Joined   uint64 `json:"j,omitempty"` // when it was first joined with another; 0: never
}

// channel is one channel of Asterisk.
type channel struct {
	ID       string `json:"id"`
	Name     string `json:"n"`
	Linkedid string `json:"l"`
	Kind     kind   `json:"k"`
	Ext      string `json:"e,omitempty"` // of an extension: its number; "" when the device's name does not tell
	Origin   int    `json:"or,omitempty"`
	Peer     int    `json:"p"` // other half of a Local pair, or -1

	Num    string `json:"num,omitempty"`  // caller id at Newchannel
	Label  string `json:"lab,omitempty"`  // its name, unescaped
	Exten  string `json:"ext,omitempty"`  // at Newchannel
	Last   string `json:"last,omitempty"` // dialplan position that looked like a number, last seen
	Ran    string `json:"ran,omitempty"`  // first position at which the dialplan ran on it after it was answered
	LegNum string `json:"leg,omitempty"`  // caller id number given to a called channel

	LastSeq uint64 `json:"lseq,omitempty"` // since when Last is so
	Login   string `json:"log,omitempty"`  // of a phone: the number of who had logged in there, when it is not its own
	Member  string `json:"mem,omitempty"`  // likewise: the name of who had logged into queues there

	Born      mark `json:"b,omitzero"`
	Ring      mark `json:"r,omitzero"`
	Up        mark `json:"u,omitzero"`
	Gone      mark `json:"g,omitzero"`
	Served    mark `json:"sv,omitzero"` // the dialplan last did something for it: played, recorded, queued
	Tone      mark `json:"tn,omitzero"` // refused: Busy() or Congestion() before it was answered
	Asked     mark `json:"a,omitzero"`  // first HangupRequest
	Softly    mark `json:"so,omitzero"` // first SoftHangupRequest
	Away      mark `json:"aw,omitzero"` // the PBX told the far end to call elsewhere, and it will
	AskCause  int  `json:"ac,omitempty"`
	Cause     int  `json:"c,omitempty"`
	Vars      bool `json:"v,omitempty"` // VarSet of it is received
	Listed    bool `json:"ls,omitempty"`
	Absent    mark `json:"ab,omitzero"` // first missed in a list that was whole
	Until     mark `json:"un,omitzero"` // of an absent one: the last that is known of it
	Stays     []stay
	Holds     []span `json:"h,omitempty"`
	Recording string `json:"rec,omitempty"` // file of the next MixMonitorStart
	Queue     string `json:"q,omitempty"`   // that the dialplan last sent it to

	call  *call
	at    int    // place in call.Chans
	offer string // id of the offer that its ringing is; "" until it is needed
}

// A stay is a channel's time in a bridge.
type stay struct {
	span
	Bridge string `json:"b"`
	Kind   string `json:"k,omitempty"` // BridgeType when it is not a plain one
	Rings  bool   `json:"r,omitempty"` // a program put a phone there that still rang
}

// A dial is one attempt to reach a channel.
type dial struct {
	Src     int    `json:"s"` // -1: an Originate, or a consult by feature code
	Dst     int    `json:"d"`
	Begin   mark   `json:"b,omitzero"`
	End     mark   `json:"e,omitzero"`
	Status  string `json:"st,omitempty"` // of the first DialEnd
	String  string `json:"str,omitempty"`
	Queue   string `json:"q,omitempty"`
	Member  string `json:"m,omitempty"`  // name that the queue gives its member
	Shown   string `json:"sh,omitempty"` // the name that the called phone shows
	Forward string `json:"fw,omitempty"` // the phone sent the call on to there
	Listed  bool   `json:"ls,omitempty"` // concluded from a list: when it began is not known

	From    string `json:"at,omitempty"`  // where in the dialplan Src was: its Last, then
	FromSeq uint64 `json:"ats,omitempty"` // and LastSeq
}

func (d *dial) answered() bool { return d.Status == "ANSWER" }

// A visit is one stay in a queue.
type visit struct {
	Chan      int    `json:"c"`
	Queue     string `json:"q"`
	Position  int    `json:"p,omitempty"`
	Enter     mark   `json:"e,omitzero"`
	Leave     mark   `json:"l,omitzero"`
	Unserved  bool   `json:"u,omitempty"` // QueueCallerAbandon
	Connected bool   `json:"cn,omitempty"`
	Status    string `json:"st,omitempty"` // QUEUESTATUS
	Listed    bool   `json:"li,omitempty"` // a list told that he waits: since when is not known
	Unlisted  bool   `json:"ul,omitempty"` // a list told that he does not any more
}

// A transfer is a BlindTransfer or AttendedTransfer that succeeded.
type transfer struct {
	Blind      bool   `json:"bl,omitempty"`
	At         mark   `json:"at"`
	By         int    `json:"by"`
	Second     int    `json:"sec"` // of an attended one: the transferer's channel to the target
	Transferee int    `json:"ee"`
	Extension  string `json:"x,omitempty"`
	Bridge     string `json:"br,omitempty"` // of an attended one: of the second call
}

// A park is one stay in a parking lot.
type park struct {
	Chan      int    `json:"c"`
	Space     string `json:"s,omitempty"`
	By        string `json:"by,omitempty"`
	Retriever int    `json:"r"`
	Result    string `json:"res,omitempty"`
	span
}

// A room is the call's time in a conference.
type room struct {
	Name    string   `json:"n"`
	Bridge  string   `json:"b"`
	Members []member `json:"m"` // of this call
	Others  []member `json:"o"` // of other calls, while one of this call is in
}

type member struct {
	ID   string `json:"id"` // Uniqueid
	Who  string `json:"w,omitempty"`
	Chan int    `json:"c"` // of this call, or -1
	span
}

type recording struct {
	Chan int    `json:"c"`
	File string `json:"file,omitempty"`
	span
}

// A mailing is that a channel reached voicemail, or left it.
type mailing struct {
	ID string `json:"id"` // Uniqueid
	At mark   `json:"at"`
}

type pickup struct {
	Picker int  `json:"p"`
	Target int  `json:"t"`
	At     mark `json:"at"`
}

// A consult is a call that a phone makes on another line while it holds this one.
type consult struct {
	Chan int    `json:"c"` // the channel that holds
	Line string `json:"l"` // Uniqueid of the other line
	span
}

// find returns the place of the channel, or -1.
func (c *call) find(id string) int {
	if id == "" {
		return -1
	}
	for i, ch := range c.Chans {
		if ch.ID == id {
			return i
		}
	}
	return -1
}

// dialTo returns the last dial of the channel, or nil.
func (c *call) dialTo(ch int) *dial {
	for i := len(c.Dials) - 1; i >= 0; i-- {
		if c.Dials[i].Dst == ch {
			return c.Dials[i]
		}
	}
	return nil
}

func (ch *channel) bridge() *stay {
	if n := len(ch.Stays); n > 0 && !ch.Stays[n-1].To.set() {
		return &ch.Stays[n-1]
	}
	return nil
}
