package calls

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"patchcord/ami"
	"patchcord/crm"
)

const (
	maxNoted   = 1000    // pieces of evidence of one call between two Drains; further ones are not kept
	maxMembers = 1 << 16 // members of all queues that are followed; further ones are not known
	maxShown   = 200     // members of one queue in one piece of evidence
)

// notes is what a Tracker keeps for the evidence of calls, beside their facts. A
// fold without it is none the wiser, only quicker: nothing is concluded from notes.
type notes struct {
	at      time.Time // when the input being applied was received
	noted   map[*call]struct{}
	queues  map[string]map[string]crm.QueueMember // by queue and interface
	listed  map[string]bool                       // queues whose members were listed, so that all are known
	members int
}

// noted is what was noted of one call.
type noted struct {
	items     []crm.Evidence // since the last Drain, or since nobody could know of the call yet
	direction crm.Direction  // that was noted last
}

func newNotes() *notes {
	return &notes{noted: map[*call]struct{}{}, queues: map[string]map[string]crm.QueueMember{}, listed: map[string]bool{}}
}

// note adds a piece of evidence to the call.
func (t *Tracker) note(c *call, e crm.Evidence) {
	if c == nil || len(c.noted.items) >= maxNoted {
		return
	}
	at := t.notes.at
	if at.IsZero() {
		at = t.at // a trace without a clock
	}
	e.At, e.Pos = crm.At(at), t.pos
	c.noted.items = append(c.noted.items, e)
	t.notes.noted[c] = struct{}{}
}

// drainNotes hands out what was noted of calls that events have told of.
func (t *Tracker) drainNotes() []crm.CallEvidence {
	if t.notes == nil {
		return nil
	}
	var out []crm.CallEvidence
	for c := range t.notes.noted {
		if c.Told == nil && c.alive > 0 {
			continue // nobody knows yet what it becomes, or a part of what
		}
		if c.Told != nil {
			out = append(out, crm.CallEvidence{CallID: c.ID, Items: c.noted.items})
		}
		c.noted.items = nil
		delete(t.notes.noted, c)
	}
	slices.SortFunc(out, func(a, b crm.CallEvidence) int { return cmp.Compare(a.CallID, b.CallID) })
	return out
}

// noteMerge moves what was noted of b to a, which absorbs it.
func (t *Tracker) noteMerge(a, b *call) {
	if t.notes == nil {
		return
	}
	a.noted.items = append(a.noted.items, b.noted.items...)
	b.noted.items = nil
	delete(t.notes.noted, b)
	t.note(a, crm.Evidence{
		Kind: crm.EvidenceIdentity, Name: "Linkedid", Text: "Linkedid " + b.Linkedids[0] + " became part of " + a.Linkedids[0],
	})
}

// noteFrame notes what the frame in t.f said, once it was handled.
func (t *Tracker) noteFrame(name string, ch *channel) {
	if t.notes == nil {
		return
	}
	f := &t.f
	for _, id := range []string{f.uniqueid, f.destUniqueid, f.localOne, f.transferer, f.parkee} {
		if ch == nil {
			ch = t.chans[id]
		}
	}
	if ch == nil {
		return
	}
	text := t.phrase(name, ch)
	if text == "" {
		return
	}
	kind := crm.EvidenceFrame
	if name == "LocalBridge" {
		kind = crm.EvidenceIdentity
	}
	t.note(ch.call, crm.Evidence{Kind: kind, Name: name, Channel: safeChannel(ch.Name), Extension: ch.Ext, Text: text})
	if name == "QueueCallerJoin" || name == "QueueCallerLeave" {
		t.noteMembers(ch.call, f.queue, name)
	}
}

// phrase says in a few words what a frame is about; "" for frames that explain nothing.
// Outside numbers do not come into it.
func (t *Tracker) phrase(name string, ch *channel) string {
	f := &t.f
	dest := safeChannel(f.destChannel)
	switch name {
	case "Newchannel":
		return "is there: " + kindWord(ch)
	case "Newstate":
		switch f.state {
		case stateRinging:
			return "rings"
		case stateUp:
			return "is up"
		}
	case "Hangup":
		return "is gone, cause " + f.cause
	case "HangupRequest":
		return "hangs up"
	case "SoftHangupRequest":
		return "is hung up by the PBX"
	case "LocalBridge":
		if one, two := t.chans[f.localOne], t.chans[f.localTwo]; one != nil && two != nil {
			return safeChannel(one.Name) + " and " + safeChannel(two.Name) + " are two ends of one line"
		}
	case "DialBegin":
		return "calls " + dest
	case "DialState":
		return dest + ": " + strings.ToLower(f.dialStatus)
	case "DialEnd":
		return dest + ": " + strings.ToLower(f.dialStatus)
	case "BridgeEnter":
		return "enters bridge " + short(f.bridge)
	case "BridgeLeave":
		return "leaves bridge " + short(f.bridge)
	case "Hold":
		return "holds"
	case "Unhold":
		return "takes back"
	}
	return t.rarePhrase(name, dest)
}

func (t *Tracker) rarePhrase(name, dest string) string {
	f := &t.f
	switch name {
	case "QueueCallerJoin":
		return "joins queue " + f.queue + " at position " + f.position
	case "QueueCallerLeave":
		return "leaves queue " + f.queue
	case "QueueCallerAbandon":
		return "leaves queue " + f.queue + " unserved"
	case "AgentCalled":
		return "queue " + f.queue + " calls " + dest
	case "AgentConnect":
		return "queue " + f.queue + " connects " + dest
	case "BlindTransfer":
		return "is transferred to " + safeNumber(f.extension) + ": " + strings.ToLower(f.result)
	case "AttendedTransfer":
		return "transfers after a consultation: " + strings.ToLower(f.result)
	case "ParkedCall":
		return "is parked"
	case "UnParkedCall":
		return "is retrieved"
	case "ParkedCallTimeOut":
		return "was parked too long"
	case "ParkedCallGiveUp":
		return "hangs up while parked"
	case "Pickup":
		return "picks up"
	case "ConfbridgeJoin":
		return "joins conference " + f.conference
	case "ConfbridgeLeave":
		return "leaves conference " + f.conference
	case "MixMonitorStart":
		return "is recorded"
	case "MixMonitorStop":
		return "is recorded no more"
	case "UserEvent":
		return "user event " + f.userEvent
	}
	return ""
}

func kindWord(ch *channel) string {
	switch {
	case ch.Kind == extension && ch.Ext != "":
		return "a phone of extension " + ch.Ext
	case ch.Kind == extension:
		return "a phone"
	case ch.Kind == trunk:
		return "a trunk"
	}
	return "plumbing"
}

// short returns the beginning of a bridge's id, which is enough to tell it from others.
func short(id string) string {
	return id[:min(len(id), maxInHouse)]
}

// maxInHouse is how many digits a number of the house may have to be named.
const maxInHouse = 6

// safeNumber returns a number of the house as it is, and of any other its end.
func safeNumber(s string) string {
	if len(s) <= maxInHouse {
		return s
	}
	return "…" + s[len(s)-2:]
}

// safeChannel returns a channel's name without outside numbers in it: a Local channel,
// and a device, may be named by the number it leads to.
func safeChannel(name string) string {
	end := strings.LastIndexByte(name, '-')
	if end < 0 {
		end = len(name)
	}
	var b strings.Builder
	head := name[:end]
	for i := 0; i < len(head); {
		n := i
		for n < len(head) && head[n] >= '0' && head[n] <= '9' {
			n++
		}
		if n == i {
			b.WriteByte(head[i])
			i++
			continue
		}
		b.WriteString(safeNumber(head[i:n]))
		i = n
	}
	return b.String() + name[end:]
}

// noteEvents notes the rules that fired: every conclusion is in an event.
func (t *Tracker) noteEvents() {
	for i := range t.out {
		e := &t.out[i]
		if e.Call == nil || e.Type == crm.CallMerged {
			continue
		}
		c := t.calls[e.Call.Linkedids[0]]
		if c == nil {
			continue
		}
		if d := e.Call.Direction; d != c.noted.direction {
			c.noted.direction = d
			t.note(c, t.directionRule(c, d))
		}
		switch e.Type {
		case crm.CallStarted:
			t.noteUnreachable(c, string(e.Call.To.Number))
		case crm.OfferCreated, crm.OfferAccepted, crm.OfferRescinded, crm.OfferEnded:
			t.noteOffer(c, e.Call, e.OfferID)
		case crm.CallAnswered:
			t.note(c, rule("answered_at", "somebody is connected with the first party"))
		case crm.CallTransferred:
			if n := len(e.Call.Transfers); n > 0 {
				x := e.Call.Transfers[n-1]
				t.note(c, rule("transfers", x.Kind+" transfer by "+safeNumber(x.By)+" to "+safeNumber(x.To)))
			}
		case crm.CallEnded:
			t.note(c, rule("outcome", string(e.Call.Outcome)+": "+outcomeRule(e.Call)))
		}
	}
}

// noteUnreachable notes that the phone which a call asks for cannot be rung.
func (t *Tracker) noteUnreachable(c *call, ext string) {
	if t.unreachable(ext) {
		t.note(c, crm.Evidence{
			Kind: crm.EvidenceIdentity, Name: crm.PhoneUnreachable, Extension: ext, Text: "the PBX reaches no phone of extension " + ext,
		})
	}
}

func rule(name, text string) crm.Evidence {
	return crm.Evidence{Kind: crm.EvidenceRule, Name: name, Text: text}
}

func (t *Tracker) directionRule(c *call, d crm.Direction) crm.Evidence {
	v := t.look(c)
	e := rule("direction", "unknown: nothing says where it came from or went to")
	if v.from >= 0 {
		e.Channel, e.Extension = safeChannel(v.Chans[v.from].Name), v.Chans[v.from].Ext
	}
	switch d {
	case crm.Inbound:
		e.Text = "inbound: the first party came by a trunk"
	case crm.Outbound:
		e.Text = "outbound: an extension's call reached for a trunk"
	case crm.Internal:
		e.Text = "internal: an extension calls, and no trunk is reached for"
	}
	return e
}

func (t *Tracker) noteOffer(c *call, r *crm.Call, id string) {
	o := r.Offer(id)
	if o == nil {
		return
	}
	e := crm.Evidence{Kind: crm.EvidenceOffer, Name: string(o.Result), Offer: id, Extension: o.Extension, Queue: o.Queue}
	if i := c.find(strings.TrimPrefix(id, t.cfg.PBX+":")); i >= 0 {
		e.Channel = safeChannel(c.Chans[i].Name)
	}
	switch o.Result {
	case "":
		e.Name, e.Text = "created", o.Extension+" is rung"
	case crm.ResultAccepted:
		e.Text = o.Extension + " answered"
	case crm.ResultRescinded:
		e.Text = o.Extension + " is rung no more: " + rescindedBy(r, o.By)
	case crm.ResultNoAnswer:
		e.Text = o.Extension + " was not answered in time"
	case crm.ResultBusy:
		e.Text = o.Extension + " was busy"
	case crm.ResultRejected:
		e.Text = o.Extension + " declined"
	default:
		e.Text = o.Extension + " could not be reached"
	}
	t.note(c, e)
}

func rescindedBy(r *crm.Call, by string) string {
	if by == "" || by == string(crm.EndedByCaller) {
		return "the caller gave up"
	}
	return safeNumber(by) + " answered"
}

func outcomeRule(r *crm.Call) string {
	switch r.Outcome {
	case crm.Answered:
		return "two people were connected"
	case crm.Voicemail:
		return "nobody answered, and the dialplan reached voicemail"
	case crm.Abandoned, crm.Cancelled:
		return fmt.Sprintf("who called hung up after %d rings and %d queue visits", len(r.Offers)+len(r.FarEnds), len(r.QueueVisits))
	case crm.Busy:
		return "everybody of the last attempt was busy"
	case crm.NoAnswer:
		return "nobody answered in time"
	case crm.SelfService:
		return "the PBX answered, and rang nobody"
	}
	return "nothing could be rung"
}

// isMember reports whether an event tells of the members of a queue.
func isMember(name string) bool {
	return strings.HasPrefix(name, "QueueMember") || name == "QueueParams"
}

// noteMember follows who is a member of which queue (QueueMember of QueueStatus, and
// the events of that kind; Asterisk 16 to 22, res/res_agi and apps/app_queue.c).
func (t *Tracker) noteMember(name string, m ami.Message) {
	if t.notes == nil {
		return
	}
	raw := m.Raw()
	queue, iface := header(raw, "Queue"), cmp.Or(header(raw, "Interface"), header(raw, "Location"))
	if name == "QueueParams" && queue != "" { // the list of its members follows
		t.notes.members -= len(t.notes.queues[queue])
		delete(t.notes.queues, queue)
		if len(t.notes.listed) < maxMembers {
			t.notes.listed[strings.Clone(queue)] = true
		}
		return
	}
	if queue == "" || iface == "" {
		return
	}
	members := t.notes.queues[queue]
	_, known := members[iface]
	if name == "QueueMemberRemoved" {
		if known {
			delete(members, iface)
			t.notes.members--
		}
		return
	}
	if !known {
		if t.notes.members >= maxMembers {
			return
		}
		t.notes.members++
	}
	if members == nil {
		members = map[string]crm.QueueMember{}
		t.notes.queues[strings.Clone(queue)] = members
	}
	members[strings.Clone(iface)] = crm.QueueMember{
		Extension: strings.Clone(t.dev.deviceOf(iface)), Status: statusWord(header(raw, "Status")),
		Paused: header(raw, "Paused") == "1", Reason: strings.Clone(header(raw, "PausedReason")), InCall: header(raw, "InCall") == "1",
	}
}

// statusWord names a device state (Asterisk include/asterisk/devicestate.h).
func statusWord(s string) string {
	words := []string{"", "free", "in use", "busy", "invalid", "unavailable", "ringing", "in use", "on hold"}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n >= len(words) {
		return ""
	}
	return words[n]
}

// noteMembers notes whom the queue can ring now; nothing when nothing is known of its members.
func (t *Tracker) noteMembers(c *call, queue, event string) {
	members, whole := t.notes.queues[queue], t.notes.listed[queue]
	if len(members) == 0 && !whole {
		return
	}
	list := make([]crm.QueueMember, 0, len(members))
	for _, m := range members {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b crm.QueueMember) int { return cmp.Compare(a.Extension, b.Extension) })
	e := crm.Evidence{Kind: crm.EvidenceQueue, Name: event, Queue: queue, Text: memberText(queue, list), Partial: !whole || len(list) > maxShown}
	e.Members = list[:min(len(list), maxShown)]
	t.note(c, e)
}

// memberText says how the first members stand.
func memberText(queue string, list []crm.QueueMember) string {
	const named = 8
	var words []string
	for _, m := range list[:min(len(list), named)] {
		state := cmp.Or(m.Status, "state unknown")
		if m.Paused {
			state = "paused"
		}
		words = append(words, m.Extension+" ("+state+")")
	}
	if n := len(list) - named; n > 0 {
		words = append(words, fmt.Sprintf("%d more", n))
	}
	if len(words) == 0 {
		return "queue " + queue + " has no members"
	}
	return "members of queue " + queue + ": " + strings.Join(words, ", ")
}
