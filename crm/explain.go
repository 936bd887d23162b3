package crm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Verdict is a sentence in one word.
type Verdict string

// The verdicts on one agent and one ring, or on one agent and one call.
const (
	VerdictPopped       Verdict = "popped"
	VerdictPoppedLate   Verdict = "popped_late"   // the agent connected while the phone rang
	VerdictNotConnected Verdict = "not_connected" // nobody listened
	VerdictNoBinding    Verdict = "no_binding"    // nobody had the extension, or the agent had none
	VerdictRescinded    Verdict = "rescinded"     // over before a screen took it
	VerdictOverflow     Verdict = "overflow"      // the screen was too slow
	VerdictTooOld       Verdict = "too_old"
	VerdictGap          Verdict = "gap"        // the PBX was not heard
	VerdictPending      Verdict = "pending"    // under way
	VerdictUnknown      Verdict = "unknown"    // nothing is on record
	VerdictRang         Verdict = "rang"       // of a trace, where nobody has a screen
	VerdictTook         Verdict = "took"       // talked without having been rung: a pickup
	VerdictPlaced       Verdict = "placed"     // the agent is the caller
	VerdictNotRung      Verdict = "not_rung"   // the call was for others
	VerdictNotMember    Verdict = "not_member" // of the queue
	VerdictPaused       Verdict = "paused"
	VerdictInUse        Verdict = "in_use"
	VerdictUnavailable  Verdict = "unavailable"
	VerdictNotChosen    Verdict = "not_chosen" // free, and the queue rang others
)

// Explanation says how a call came to the screens it came to, and to no other.
type Explanation struct {
	CallID    string     `json:"call_id"`
	Sentences []Sentence `json:"sentences" nullable:"false"`
	Evidence  []Evidence `json:"evidence" nullable:"false"`
	More      int        `json:"more,omitempty"` // pieces of evidence that were not kept, for the call has so many
}

// Sentence is the answer for one agent and one ring; Agent is "" when nobody had the extension.
type Sentence struct {
	Agent     string  `json:"agent,omitempty"`
	Extension string  `json:"extension,omitempty"`
	Offer     string  `json:"offer,omitempty"`
	Verdict   Verdict `json:"verdict"`
	Sentence  string  `json:"sentence"`
	Next      string  `json:"next,omitempty"` // what to do about it; absent when nothing is wrong
}

// Case is everything that an explanation is made of.
type Case struct {
	Call     *Call
	Evidence []Evidence
	More     int
	Bindings []Binding      // of the tenant, past ones too
	Jobs     []Job          // of the call
	Agent    string         // explain it for this user alone; "": for everybody who was rung
	Others   []*Call        // other calls of Agent, in which he may have been talking
	Trace    bool           // the call is of a trace: there are neither users nor screens
	Zone     *time.Location // of the times in sentences; nil is UTC
	Now      time.Time
}

// Explain answers why each agent had a pop, or had none. It is a pure function.
func Explain(c Case) Explanation {
	x := Explanation{CallID: c.Call.ID, Sentences: []Sentence{}, Evidence: c.ordered(), More: c.More}
	for i := range c.Call.Offers {
		o := &c.Call.Offers[i]
		names := o.Users()
		if len(names) == 0 && c.Agent == "" {
			x.Sentences = append(x.Sentences, c.unbound(o))
		}
		for _, name := range names {
			if c.Agent == "" || strings.EqualFold(name, c.Agent) {
				x.Sentences = append(x.Sentences, c.offered(o, name))
			}
		}
	}
	if c.Agent != "" && len(x.Sentences) == 0 {
		x.Sentences = append(x.Sentences, c.whyNot())
	}
	if !c.Trace {
		for i := range x.Sentences {
			x.Sentences[i].Next = c.next(&x.Sentences[i])
		}
	}
	return x
}

// Only keeps what concerns the user: his own sentences, and evidence of him or of nobody.
// With calls false, of nobody either: for one who may not know the call.
func (x *Explanation) Only(user string, call bool) {
	x.Sentences = slices.DeleteFunc(x.Sentences, func(s Sentence) bool { return !strings.EqualFold(s.Agent, user) })
	x.Evidence = slices.DeleteFunc(x.Evidence, func(e Evidence) bool {
		if e.Agent == "" {
			return !call
		}
		return !strings.EqualFold(e.Agent, user)
	})
}

// ordered returns the evidence by time, each piece once, and with what is known from elsewhere.
func (c *Case) ordered() []Evidence {
	list := slices.Clone(c.Evidence)
	for _, g := range c.Call.Gaps {
		text := "the PBX was not heard"
		if !g.EndedAt.IsZero() {
			text += " until " + c.clock(g.EndedAt)
		}
		list = append(list, Evidence{At: g.StartedAt, Kind: EvidenceGap, Name: string(g.Cause), Text: text})
	}
	seen := map[string]bool{}
	list = slices.DeleteFunc(list, func(e Evidence) bool {
		b, err := json.Marshal(e)
		was := seen[string(b)]
		seen[string(b)] = true
		return was && err == nil
	})
	for _, j := range c.Jobs {
		list = append(list, written(j))
	}
	slices.SortStableFunc(list, func(a, b Evidence) int {
		if x, y := undated(a), undated(b); x != y {
			return cmp.Compare(x, y) // a write of which it is not known when comes last
		}
		return cmp.Or(a.At.Compare(b.At.Time), a.Pos.Compare(b.Pos))
	})
	if list == nil {
		list = []Evidence{}
	}
	return list
}

// written tells of a write to another system: when it ended, or is tried next.
func written(j Job) Evidence {
	e := Evidence{At: At(j.RunAt), Kind: EvidenceWrite, Name: j.Dest, Attempts: j.Attempts, Text: j.Kind + ": " + string(j.State)}
	if j.LastErr != "" {
		e.Text += ", last error: " + j.LastErr
	}
	return e
}

func undated(e Evidence) int {
	if e.Kind == EvidenceWrite && e.At.IsZero() {
		return 1
	}
	return 0
}

// unbound explains a ring of an extension that nobody had.
func (c *Case) unbound(o *Offer) Sentence {
	s := Sentence{Extension: o.Extension, Offer: o.ID, Verdict: VerdictNoBinding}
	if c.Trace {
		s.Verdict, s.Sentence = VerdictRang, c.rang(o)+c.ending(o)
		return s
	}
	s.Sentence = "no user is bound to extension " + o.Extension
	for _, b := range c.Bindings {
		if b.PBX == c.Call.PBX && b.Extension == o.Extension && b.Until.IsZero() && b.From.After(o.StartedAt.Time) {
			s.Sentence = fmt.Sprintf("no user was bound to extension %s when it rang; %s has it since %s", o.Extension, b.User, c.when(b.From))
		}
	}
	if e := c.seat(o); e != nil && strings.Contains(e.Text, loggedIn) {
		s.Sentence = e.Text
	}
	if !o.StartedAt.IsZero() {
		s.Sentence = "rang at " + c.clock(o.StartedAt) + " and popped nowhere: " + s.Sentence
	}
	s.Sentence += c.ending(o)
	return s
}

func (c *Case) rang(o *Offer) string {
	if o.StartedAt.IsZero() {
		return "was rung"
	}
	return "was rung at " + c.clock(o.StartedAt)
}

// loggedIn is what evidence says of a phone at which somebody logged in.
const loggedIn = "is logged in"

// seat returns what was noted of whose phone rang; nil when nothing was.
func (c *Case) seat(o *Offer) *Evidence {
	for i := range c.Evidence {
		if e := &c.Evidence[i]; e.Kind == EvidenceIdentity && e.Offer == o.ID && e.Name == "binding" {
			return e
		}
	}
	return nil
}

// way is what became of one pop on its way to one user.
type way struct {
	published, written, dropped, old, ack *Evidence
}

func (c *Case) wayOf(o *Offer, name string) way {
	var w way
	first := func(p **Evidence, e *Evidence) {
		if *p == nil {
			*p = e
		}
	}
	for i := range c.Evidence {
		e := &c.Evidence[i]
		if e.Offer != o.ID || !strings.EqualFold(e.Agent, name) {
			continue
		}
		switch {
		case e.Kind == EvidenceAck:
			first(&w.ack, e)
		case e.Kind != EvidenceDelivery:
		case e.Name == PopPublished:
			w.published = both(w.published, e)
		case e.Name == PopWritten, e.Name == PopCaught:
			first(&w.written, e)
		case e.Name == PopDropped:
			first(&w.dropped, e)
		case e.Name == PopTooOld:
			first(&w.old, e)
		}
	}
	return w
}

// both joins what two nodes published: the screens of both, and the last that closed.
func both(a, b *Evidence) *Evidence {
	if a == nil {
		return b
	}
	sum := *a
	n := 0
	for _, e := range []*Evidence{a, b} {
		if e.Sockets != nil {
			n += *e.Sockets
		}
		if e.Since.After(sum.Since.Time) {
			sum.Since = e.Since
		}
	}
	sum.Sockets = &n
	return &sum
}

// offered explains one ring to one user whose extension it was.
func (c *Case) offered(o *Offer, name string) Sentence {
	s := Sentence{Agent: name, Extension: o.Extension, Offer: o.ID}
	w := c.wayOf(o, name)
	switch {
	case w.written != nil:
		s.Verdict, s.Sentence = c.popped(o, name, w)
	case w.old != nil:
		s.Verdict = VerdictTooOld
		s.Sentence = fmt.Sprintf("not shown: the ring was %s old when it was heard, and only rings up to 30 s old are", span(w.old.LatencyMS.Duration())) + c.ending(o)
	case w.dropped != nil:
		s.Verdict = VerdictOverflow
		s.Sentence = "the pop was lost with " + name + "'s screen, which was disconnected: " + w.dropped.Text + c.ending(o)
	case w.published != nil && w.published.Sockets != nil && *w.published.Sockets == 0:
		s.Verdict, s.Sentence = VerdictNotConnected, c.away(name, w.published)+c.ending(o)
	case w.published != nil:
		s.Verdict, s.Sentence = c.unwritten(o, w.published)
	default:
		s.Verdict, s.Sentence = c.silent(o)
	}
	switch s.Verdict {
	case VerdictNotConnected, VerdictRescinded, VerdictOverflow, VerdictTooOld, VerdictGap:
		if !o.StartedAt.IsZero() {
			s.Sentence = "rang at " + c.clock(o.StartedAt) + ", but " + s.Sentence
		}
	}
	s.Sentence += c.handedOn(o, name)
	return s
}

// handedOn says, as the rest of a sentence, that the user lost the extension while it rang;
// the ring stays his, what comes next is not.
func (c *Case) handedOn(o *Offer, name string) string {
	end := o.EndedAt
	if end.IsZero() {
		end = At(c.Now)
	}
	for _, b := range c.Bindings {
		mine := strings.EqualFold(b.User, name) && b.PBX == c.Call.PBX && b.Extension == o.Extension
		if !mine || b.Until.IsZero() || !b.Until.After(o.StartedAt.Time) || !b.Until.Before(end.Time) {
			continue
		}
		var heirs []string
		for _, h := range c.Bindings {
			if h.PBX == b.PBX && h.Extension == b.Extension && h.User != b.User && h.Holds(b.Until.Time) {
				heirs = append(heirs, h.User)
			}
		}
		return fmt.Sprintf("; while it rang, at %s, the extension became %s's, and so is what comes next", c.when(b.Until), cmp.Or(strings.Join(heirs, ", "), "nobody"))
	}
	return ""
}

func (c *Case) popped(o *Offer, name string, w way) (Verdict, string) {
	v, text := VerdictPopped, "popped at "+c.clock(w.written.At)
	if w.written.Name == PopCaught {
		v = VerdictPoppedLate
		text += ", when " + name + "'s screen connected"
	} else {
		n := 1
		if w.published != nil && w.published.Sockets != nil {
			n = *w.published.Sockets
		}
		text += fmt.Sprintf(" on %d %s", n, plural(n, "screen"))
		if w.written.LatencyMS != nil {
			text += fmt.Sprintf(", %s after the phone began to ring", span(w.written.LatencyMS.Duration()))
		}
	}
	switch {
	case w.ack != nil:
		text += ", acknowledged after " + span(max(0, w.ack.At.Sub(w.written.At.Time)))
	case o.Result != "":
		text += neverAcknowledged
	default:
		text += ", not acknowledged yet"
	}
	return v, text + c.ending(o)
}

const neverAcknowledged = ", never acknowledged by the screen"

func (c *Case) away(name string, p *Evidence) string {
	if p.Since.IsZero() {
		return name + " was not connected: no screen of " + name + " had been open since the daemon started"
	}
	return name + " was not connected: the last screen closed at " + c.clock(p.Since)
}

func (c *Case) unwritten(o *Offer, p *Evidence) (Verdict, string) {
	if o.Result == "" {
		return VerdictPending, "published at " + c.clock(p.At) + "; no screen has taken it yet"
	}
	text := "over before a screen took the pop" + c.ending(o)
	if o.Result == ResultRescinded {
		text = c.rescinded(o) + ", before a screen took the pop"
	}
	return VerdictRescinded, text
}

// silent explains a ring of which no word of a pop is on record.
func (c *Case) silent(o *Offer) (Verdict, string) {
	for _, g := range c.Call.Gaps {
		if !g.EndedAt.IsZero() && !o.StartedAt.IsZero() && g.EndedAt.Before(o.StartedAt.Time) {
			continue
		}
		return VerdictGap, "no pop: " + c.unheard(g) + c.ending(o)
	}
	if o.Result == "" {
		return VerdictPending, c.rang(o) + "; no word of the pop has come yet"
	}
	return VerdictUnknown, c.rang(o) + "; nothing is on record of a pop: the ring was read later, or the record is older than this evidence" + c.ending(o)
}

// unheard says when a PBX was not heard, and why.
func (c *Case) unheard(g CallGap) string {
	text := "the PBX was not heard from " + c.when(g.StartedAt) + " on"
	if !g.EndedAt.IsZero() {
		text = "the PBX was not heard from " + c.when(g.StartedAt) + " to " + c.when(g.EndedAt)
	}
	for i := range c.Evidence {
		if e := &c.Evidence[i]; e.Kind == EvidenceOwner && g.Cause == GapDaemonDown && !e.At.Before(g.StartedAt.Time) {
			return text + " (" + string(g.Cause) + "; at " + c.clock(e.At) + " " + e.Text + ")"
		}
	}
	return text + " (" + string(g.Cause) + ")"
}

// ending says how a ring ended, as the rest of a sentence; "" while it rings.
func (c *Case) ending(o *Offer) string {
	after := ""
	if d, ok := c.lasted(o); ok {
		after = " after " + span(d)
	}
	switch o.Result {
	case ResultAccepted:
		return "; " + o.Extension + " answered" + after
	case ResultNoAnswer:
		return "; nobody answered there" + after
	case ResultBusy:
		return "; the phone was busy"
	case ResultRejected:
		return "; the ring was declined" + after
	case ResultFailed:
		return "; the phone could not be reached"
	case ResultRescinded:
		return "; " + c.rescinded(o)
	}
	return ""
}

func (c *Case) rescinded(o *Offer) string {
	text := "rescinded"
	if d, ok := c.lasted(o); ok {
		text += " after " + span(d)
	}
	return text + " because " + c.taker(o.By)
}

// taker names who took a call: never by an outside number.
func (c *Case) taker(by string) string {
	inHouse := slices.ContainsFunc(c.Call.Offers, func(o Offer) bool { return o.Extension == by }) ||
		slices.ContainsFunc(c.Call.Talks, func(t Talk) bool { return t.Extension == by })
	switch {
	case by == "" || by == string(EndedByCaller):
		return "the caller gave up"
	case inHouse:
		return by + " answered"
	}
	return "somebody outside answered"
}

func (c *Case) lasted(o *Offer) (time.Duration, bool) {
	if o.StartedAt.IsZero() || o.EndedAt.IsZero() {
		return 0, false
	}
	return max(0, o.EndedAt.Sub(o.StartedAt.Time)), true
}

func (c *Case) clock(t Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format("15:04:05.000")
}

// when is clock, with the date when that is not the call's.
func (c *Case) when(t Time) string {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	from, _ := c.window()
	if t.IsZero() || t.In(zone).Format(time.DateOnly) == from.In(zone).Format(time.DateOnly) {
		return c.clock(t)
	}
	return t.In(zone).Format("2006-01-02 15:04:05")
}

// span writes a duration as people say it: 42 ms, 1.2 s, 3 min.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
