package backfill

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"patchcord/ami"
	"patchcord/ami/calls"
	"patchcord/crm"
)

// A teller tells rows again as the AMI frames that the PBX sent with them, as far as
// CEL knows what was in them. What it has to assume (that a phone rang at once) is
// taken out of the records again.
type teller struct {
	apply func(calls.Input)
	trunk func(channel string) bool
	rows  []CEL
	legs  []*leg
	by    map[string]*leg
	pos   crm.Position
	shown map[string]string // by Uniqueid: the dialplan's step last told
	queue map[string]string // by Uniqueid: the queue that it waits in
	place map[string]*leg   // by Uniqueid: who has taken the channel's place in a queue
	was   map[string]bool   // by Uniqueid: a member answered it, and Queue() goes on
	// guessed are the times at which a caller is said to have entered a queue, but
	// was seen in it first.
	guessed map[crm.Time]bool
	cut     bool            // the PBX died with it
	unclear map[string]bool // by Uniqueid: a ring of which is not known why it ended
}

func newTeller(rows []CEL, trunk func(channel string) bool, apply func(calls.Input)) *teller {
	rows = transfersFirst(rows)
	t := &teller{
		apply: apply, trunk: trunk, rows: rows, pos: crm.Position{Epoch: 1},
		shown: map[string]string{}, queue: map[string]string{}, place: map[string]*leg{}, was: map[string]bool{}, guessed: map[crm.Time]bool{}, unclear: map[string]bool{},
	}
	t.legs, t.by = legs(rows)
	findDiallers(rows, t.legs)
	return t
}

// sameInstant is how long after one another rows are written in any order.
const sameInstant = 20 * time.Millisecond

// transfersFirst returns the rows with each blind transfer before the channels that were
// made for it: the bridge and the party that was sent off write theirs at the same time.
func transfersFirst(rows []CEL) []CEL {
	out := slices.Clone(rows)
	for i := range out {
		if out[i].Type != "BLINDTRANSFER" {
			continue
		}
		first := i
		for j := i - 1; j >= 0 && out[i].At.Sub(out[j].At) <= sameInstant; j-- {
			if out[j].Type == "CHAN_START" {
				first = j
			}
		}
		row := out[i]
		copy(out[first+1:i+1], out[first:i])
		out[first] = row
	}
	return out
}

// input gives one entry to the fold.
func (t *teller) input(in calls.Input) {
	t.pos.Seq++
	in.Pos = t.pos
	t.apply(in)
}

// frame tells one event; headers without a value are left out.
func (t *teller) frame(at time.Time, event string, headers ...string) {
	var b strings.Builder
	b.WriteString("Event: " + event + "\r\n")
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			b.WriteString(headers[i] + ": " + oneLine(headers[i+1]) + "\r\n")
		}
	}
	// No two frames are alike, so that none is taken for an echo of another.
	b.WriteString("Row: " + strconv.FormatUint(t.pos.Seq, 10) + "\r\n")
	t.input(calls.Input{At: at, Kind: calls.Frame, Msg: ami.NewMessage(b.String())})
}

// oneLine keeps what a caller sent within its header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s)
}

// escaped writes a name as Asterisk does in a manager event.
var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `'`, `\'`, `?`, `\?`)

// all tells every row.
func (t *teller) all() {
	for i := range t.rows {
		r := &t.rows[i]
		l := t.by[r.Uniqueid]
		if r.Type != "CHAN_START" {
			t.step(r, l)
		}
		t.row(r, l)
	}
}

func (t *teller) row(r *CEL, l *leg) {
	switch r.Type {
	case "CHAN_START":
		t.begin(r, l)
	case "ANSWER":
		t.answered(r, l)
	case "BRIDGE_ENTER":
		t.enter(r, l)
	case "BRIDGE_EXIT":
		t.frame(r.At, "BridgeLeave", "Uniqueid", r.Uniqueid, "Linkedid", r.Linkedid, "BridgeUniqueid", extraOf(r).Bridge)
	case "HANGUP":
		t.hangup(r, l)
	case "CHAN_END":
		t.gone(r, l)
	default:
		t.rare(r)
	}
}

// begin tells that a channel was made and, when it was called, by whom. That it rang
// is assumed of every phone that could be reached.
func (t *teller) begin(r *CEL, l *leg) {
	state := "4" // it calls us
	if l.dialed {
		state = "0"
	}
	t.frame(r.At, "Newchannel", "Uniqueid", r.Uniqueid, "Linkedid", r.Linkedid, "Channel", r.Channel, "ChannelState", state,
		"CallerIDNum", r.Num, "CallerIDName", escaped.Replace(r.Name), "Exten", r.Exten)
	if l.dialed && !l.sent { // else it is dialled when the row of the forwarding comes
		t.dial(r, l)
	}
}

// dial tells that l is called, at the time of the row.
func (t *teller) dial(r *CEL, l *leg) {
	if l.called == byDial && l.src != nil && t.queue[l.src.id] != "" {
		t.leave(r.At, l.src) // he dials, so he waits no more
	}
	if l.called == byQueue && l.src != nil && t.queue[l.src.id] == "" {
		t.join(r.At, l.src, t.nextQueue(l.src, l.first), true)
	}
	src := []string{}
	if l.src != nil {
		src = []string{"Uniqueid", l.src.id}
	}
	num := l.num
	if t.onlyDID(l) {
		num = ""
	}
	t.frame(r.At, "DialBegin", append(src, "DestUniqueid", l.id, "DestLinkedid", r.Linkedid, "DestChannel", l.name,
		"DestCallerIDNum", num, "DialString", t.dialString(l))...)
	if l.reached() {
		t.frame(r.At, "DialState", "DestUniqueid", l.id, "DialStatus", "RINGING")
	}
}

// dialString returns what was dialled to call the channel. Where no row shows it, a
// trunk was called for the number that the dialplan was at.
func (t *teller) dialString(l *leg) string {
	if l.string != "" || l.src == nil {
		return l.string
	}
	at := l.src.at(t.rows, l.first)
	if t.onlyDID(l) {
		return ""
	}
	if at == "" || strings.HasPrefix(l.name, "Local/") {
		return at
	}
	return at + "@" + device(l.name)
}

// onlyDID reports whether the only number known of a leg over a trunk is the one by
// which the caller, who came by a trunk too, got here: that is not what was dialled.
func (t *teller) onlyDID(l *leg) bool {
	return l.string == "" && l.src != nil && t.trunk(l.name) && t.trunk(l.src.name) &&
		l.src.called == "" && l.src.at(t.rows, l.first) == t.rows[l.src.first].Exten
}

// reached reports whether the far device can have rung.
func (l *leg) reached() bool {
	if l.cause == 19 && l.answer.IsZero() && l.end.Sub(l.start) <= together {
		return false // not to be disturbed: nobody has left it unanswered so soon
	}
	switch l.cause {
	case 0, 16, 17, 18, 19, 21, 26, 31, 127:
		return true
	}
	return !l.answer.IsZero()
}

func (t *teller) answered(r *CEL, l *leg) {
	t.frame(r.At, "Newstate", "Uniqueid", r.Uniqueid, "Linkedid", r.Linkedid, "ChannelState", "6")
	if l.dialed && !l.confirms() {
		t.dialEnd(r.At, l, "ANSWER", "")
	}
	if l.took != nil {
		t.frame(r.At, "Pickup", "Uniqueid", l.id, "TargetUniqueid", l.took.id)
	}
}

// confirms reports whether somebody answered Dial() and was not let in at once: he had
// to press a key.
func (l *leg) confirms() bool {
	_, half := l.localHalf()
	return l.called == byDial && half == 0 && l.hasEnd && (l.bridged.IsZero() || l.bridged.Sub(l.answer) > together)
}

func (t *teller) dialEnd(at time.Time, l *leg, status, forward string) {
	src := ""
	if l.src != nil {
		src = l.src.id
	}
	l.ended = true
	t.frame(at, "DialEnd", "Uniqueid", src, "DestUniqueid", l.id, "DialStatus", status, "Forward", forward)
}

func (t *teller) enter(r *CEL, l *leg) {
	e := extraOf(r)
	if l.dialed && !l.ended {
		t.dialEnd(r.At, l, "ANSWER", "")
	}
	if l.called == byQueue && l.src != nil {
		t.served(r.At, l.src)
	} else if r.App == "Queue" {
		t.served(r.At, l)
	}
	kind, creator := "", ""
	if e.Technology == "holding_bridge" {
		kind = "holding"
	}
	room := ""
	if r.App == "ConfBridge" {
		creator = r.App
		room, _, _ = strings.Cut(r.Data, ",")
	}
	t.frame(r.At, "BridgeEnter", "Uniqueid", r.Uniqueid, "Linkedid", r.Linkedid, "BridgeUniqueid", e.Bridge, "SwapUniqueid", t.replaced(r, l),
		"BridgeType", kind, "BridgeCreator", creator, "BridgeName", room)
}

// hangup tells who asked for it, and how the dial ended.
func (t *teller) hangup(r *CEL, l *leg) {
	if refusal(l.cause) && !l.dialed && l.answer.IsZero() && (!t.dialled(l) || l.status == "CONGESTION" || l.status == "CHANUNAVAIL") {
		t.frame(r.At, "Newstate", "Uniqueid", r.Uniqueid, "Linkedid", r.Linkedid, "ChannelState", "7") // the dialplan told him busy
	}
	t.asked(r.At, l)
	if !l.hasEnd {
		t.gone(r, l)
	}
}

// asked tells that the channel's own side asked for the hang-up, if it did.
func (t *teller) asked(at time.Time, l *leg) {
	if l.hungBy == l.name {
		t.frame(at, "HangupRequest", "Uniqueid", l.id, "Cause", strconv.Itoa(l.cause))
	}
}

// refusal reports whether the cause is one that Busy() and Congestion() give.
func refusal(cause int) bool { return cause == 17 || cause == 34 || cause == 42 }

// dialled reports whether the channel dialled anybody.
func (t *teller) dialled(l *leg) bool {
	return slices.ContainsFunc(t.legs, func(o *leg) bool { return o.src == l })
}

func (t *teller) gone(r *CEL, l *leg) {
	if l.dialed && !l.ended && l.answer.IsZero() {
		status := t.unanswered(l)
		if status == "CANCEL" && t.callerLeft(l) {
			t.asked(r.At, l.src) // his own rows come after those of the phones that he rang
		}
		t.dialEnd(r.At, l, status, "")
	}
	if l.dialed && !l.ended {
		t.dialEnd(r.At, l, "CONTINUE", "") // nobody was connected, whatever the word for it was
	}
	delete(t.queue, l.id)
	t.frame(r.At, "Hangup", "Uniqueid", r.Uniqueid, "Linkedid", r.Linkedid, "Cause", strconv.Itoa(l.cause))
}

// together is how long after one another rows are written that belong to one thing.
const together = 300 * time.Millisecond

// unanswered concludes the DialStatus of a dial that nobody answered.
func (t *teller) unanswered(l *leg) string {
	switch l.cause {
	case 17:
		return "BUSY"
	case 21:
		return "NOANSWER" // the cause in its Hangup says that it was refused
	}
	if !l.reached() {
		return "CHANUNAVAIL"
	}
	if l.src == nil {
		return "NOANSWER"
	}
	if t.takenElsewhere(l) {
		return "CANCEL"
	}
	if far := otherHalf(t.legs, l); far != nil && far.status == "BUSY" && far.end.Sub(l.end) <= together {
		return "BUSY" // its own cause does not tell what the pair came to
	}
	if t.callerLeft(l) {
		return "CANCEL"
	}
	if l.called == byQueue && t.wentOn(l) {
		t.unclear[l.id] = true
	}
	return "NOANSWER"
}

// callerLeft reports whether a ring ended because he who dialled left, and not because
// the PBX sent him away when its time was over.
func (t *teller) callerLeft(l *leg) bool {
	src := l.src
	return src != nil && src.hungUp && src.end.Sub(l.end) <= together &&
		(src.status == "CANCEL" || src.hungBy == src.name && !t.sentAway(src))
}

// sentAway reports whether the PBX told a caller busy or congestion, which he answers
// by hanging up: the cause of his hang-up is one that no phone he rang gave.
func (t *teller) sentAway(l *leg) bool {
	return refusal(l.cause) && !slices.ContainsFunc(t.legs, func(o *leg) bool { return o.src == l && o.cause == l.cause })
}

// wentOn reports whether he who dialled l did something else as soon as l ended: then
// the ring time of l need not have been over.
func (t *teller) wentOn(l *leg) bool {
	soon := l.end.Add(together)
	for _, o := range t.legs {
		if o.src == l.src && o.called == byDial && !o.start.Before(l.end.Add(-together)) && !o.start.After(soon) {
			return true
		}
	}
	for _, i := range l.src.rows {
		r := &t.rows[i]
		if i > l.first && r.App != "" && r.App != "Queue" && !r.At.After(soon) && !r.At.Before(l.end.Add(-together)) {
			return true
		}
	}
	return false
}

// takenElsewhere reports whether another phone that the same dial rang was answered,
// or picked up.
func (t *teller) takenElsewhere(l *leg) bool {
	return slices.ContainsFunc(t.legs, func(o *leg) bool {
		if o.src != l.src {
			return false
		}
		answered := o != l && !o.answer.IsZero() && !o.answer.After(l.end) && !o.answer.Before(l.start)
		return answered || t.pickedUp(o) || t.wasTaken(o)
	})
}

func (t *teller) pickedUp(l *leg) bool {
	for _, i := range l.rows {
		if t.rows[i].Type == "PICKUP" {
			return true
		}
	}
	return false
}
