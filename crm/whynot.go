package crm

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// whyNot explains why a call rang no phone of c.Agent.
func (c *Case) whyNot() Sentence {
	exts := c.extensions()
	s := Sentence{Agent: c.Agent, Extension: strings.Join(exts, ", "), Verdict: VerdictNoBinding}
	if len(exts) == 0 {
		s.Sentence = c.noExtension()
		return s
	}
	if text := c.othersRing(exts); text != "" {
		s.Sentence = text
		return s
	}
	if slices.Contains(exts, string(c.Call.From.Number)) && c.Call.Direction != Inbound {
		s.Verdict, s.Sentence = VerdictPlaced, "the call was placed from "+string(c.Call.From.Number)+"; who calls is not rung"
		return s
	}
	for i := range c.Call.Talks {
		if t := &c.Call.Talks[i]; t.Has(c.Agent) {
			s.Verdict, s.Sentence = VerdictTook, t.Extension+" took the call without being rung (via "+t.Via+")"
			return s
		}
	}
	reasons := []string{}
	s.Verdict = ""
	for _, queue := range c.queues() {
		v, reason := c.notRung(queue, exts)
		s.Verdict, reasons = graver(s.Verdict, v), append(reasons, reason)
	}
	if why := c.unregistered(exts); why != "" {
		s.Verdict, reasons = VerdictUnavailable, append(reasons, why)
	}
	if len(reasons) == 0 {
		s.Verdict = VerdictNotRung
		reasons = append(reasons, c.rungInstead())
	}
	if n := len(c.Call.Gaps); n > 0 {
		reasons = append(reasons, c.unheard(c.Call.Gaps[n-1])+", so a ring may be missing here")
		if s.Verdict == VerdictNotRung || s.Verdict == VerdictUnknown {
			s.Verdict = VerdictGap
		}
	}
	if busy := c.talking(); busy != "" {
		reasons = append(reasons, busy)
	}
	s.Sentence = "not offered: no phone of " + c.Agent + " (" + strings.Join(exts, ", ") + ") was rung; " + strings.Join(reasons, "; ")
	return s
}

// othersRing explains a ring of an extension that the agent had at another time of the
// call, or that somebody else had logged in at; "" when there was none.
func (c *Case) othersRing(exts []string) string {
	for i := range c.Call.Offers {
		o := &c.Call.Offers[i]
		if !slices.Contains(exts, o.Extension) || o.StartedAt.IsZero() {
			continue
		}
		head := o.Extension + " began to ring at " + c.clock(o.StartedAt) + ", when it was " + cmp.Or(strings.Join(o.Users(), ", "), "nobody") + "'s"
		for _, b := range c.Bindings {
			if !strings.EqualFold(b.User, c.Agent) || b.PBX != c.Call.PBX || b.Extension != o.Extension || b.From.Equal(b.Until.Time) {
				continue
			}
			switch {
			case b.From.After(o.StartedAt.Time):
				return "not offered: " + head + "; it is " + c.Agent + "'s only since " + c.when(b.From)
			case !b.Until.IsZero() && !b.Until.After(o.StartedAt.Time):
				return "not offered: " + head + "; it was " + c.Agent + "'s until " + c.when(b.Until)
			}
		}
		if e := c.seat(o); e != nil && strings.Contains(e.Text, loggedIn) {
			return "not offered: " + o.Extension + " began to ring at " + c.clock(o.StartedAt) + " for somebody else: " + e.Text
		}
	}
	return ""
}

// unregistered says that the PBX did not reach the phone that the call asked for; "" else.
func (c *Case) unregistered(exts []string) string {
	for i := range c.Evidence {
		e := &c.Evidence[i]
		if e.Kind == EvidenceIdentity && e.Name == PhoneUnreachable && slices.Contains(exts, e.Extension) {
			return "the PBX did not reach the phone " + e.Extension + " at " + c.clock(e.At)
		}
	}
	return ""
}

// window returns from when until when the call went on; what is unknown is now.
func (c *Case) window() (from, until time.Time) {
	from, until = c.Call.StartedAt.Time, c.Call.EndedAt.Time
	if until.IsZero() {
		until = c.Now
	}
	if from.IsZero() {
		from = until
	}
	return from, until
}

// extensions returns what the agent had on the call's PBX at any time during the call.
func (c *Case) extensions() []string {
	from, until := c.window()
	var exts []string
	for _, b := range c.Bindings {
		held := !b.From.After(until) && (b.Until.IsZero() || b.Until.After(from))
		if strings.EqualFold(b.User, c.Agent) && b.PBX == c.Call.PBX && held && !slices.Contains(exts, b.Extension) {
			exts = append(exts, b.Extension)
		}
	}
	slices.Sort(exts)
	return exts
}

// noExtension says that the agent had no phone on this PBX then, and what he has.
func (c *Case) noExtension() string {
	text := c.Agent + " had no extension on " + c.Call.PBX + " at that time"
	for _, b := range c.Bindings {
		if !strings.EqualFold(b.User, c.Agent) || !b.Until.IsZero() {
			continue
		}
		return text + "; " + b.PBX + "/" + b.Extension + " is bound since " + c.when(b.From)
	}
	text += ", and has none now"
	var last *Binding
	for i := range c.Bindings {
		b := &c.Bindings[i]
		if strings.EqualFold(b.User, c.Agent) && b.PBX == c.Call.PBX && (last == nil || b.Until.After(last.Until.Time)) {
			last = b
		}
	}
	if last != nil {
		text += "; " + last.PBX + "/" + last.Extension + " was " + c.Agent + "'s until " + c.when(last.Until)
	}
	return text
}

func (c *Case) queues() []string {
	var names []string
	for _, v := range c.Call.QueueVisits {
		if !slices.Contains(names, v.Queue) {
			names = append(names, v.Queue)
		}
	}
	return names
}

// notRung says why a queue that the call was in rang none of the extensions. What
// counts is how things stood when the call last joined or left it.
func (c *Case) notRung(queue string, exts []string) (Verdict, string) {
	members, at, known, partial := c.members(queue)
	head := "queue " + queue + " never rang " + strings.Join(exts, ", ") + ": "
	if !known {
		return VerdictUnknown, head + "who its members were is not on record"
	}
	verdict, reasons := Verdict(""), []string{}
	for _, m := range members {
		if !slices.Contains(exts, m.Extension) {
			continue
		}
		v, why := m.because()
		verdict, reasons = graver(verdict, v), append(reasons, m.Extension+" "+why)
	}
	switch {
	case len(reasons) == 0 && partial:
		return VerdictUnknown, head + "whether it is a member is not on record"
	case len(reasons) == 0:
		return VerdictNotMember, head + "not a member at " + c.clock(at)
	}
	return verdict, head + strings.Join(reasons, ", ") + " at " + c.clock(at)
}

// members returns who could have been rung by the queue, as last seen; the first
// sight of a pause counts more than a later one without it.
func (c *Case) members(queue string) (list []QueueMember, at Time, known, partial bool) {
	for i := range c.Evidence {
		e := &c.Evidence[i]
		if e.Kind != EvidenceQueue || e.Queue != queue {
			continue
		}
		if !known {
			at = e.At
		}
		known, partial = true, e.Partial
		for _, m := range e.Members {
			i := slices.IndexFunc(list, func(o QueueMember) bool { return o.Extension == m.Extension })
			switch {
			case i < 0:
				list = append(list, m)
			case list[i].ready():
				list[i] = m
			}
		}
	}
	return list, at, known, partial
}

func (m QueueMember) ready() bool {
	_, why := m.because()
	return why == wasFree
}

const wasFree = "was free, and the queue chose others"

// because says why a queue does not ring the member.
func (m QueueMember) because() (Verdict, string) {
	switch {
	case m.Paused && m.Reason != "":
		return VerdictPaused, "was paused (" + m.Reason + ")"
	case m.Paused:
		return VerdictPaused, "was paused"
	case m.Status == "unavailable", m.Status == "invalid":
		return VerdictUnavailable, "was " + m.Status
	case m.InCall:
		return VerdictInUse, "was in a call"
	case m.Status == "in use", m.Status == "busy", m.Status == "ringing", m.Status == "on hold":
		return VerdictInUse, "was " + m.Status
	}
	return VerdictNotChosen, wasFree
}

// graver returns which of two verdicts says more about why.
func graver(a, b Verdict) Verdict {
	order := []Verdict{"", VerdictUnknown, VerdictNotMember, VerdictNotChosen, VerdictUnavailable, VerdictInUse, VerdictPaused}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// rungInstead says whom the call rang.
func (c *Case) rungInstead() string {
	var exts []string
	for _, o := range c.Call.Offers {
		if !slices.Contains(exts, o.Extension) {
			exts = append(exts, o.Extension)
		}
	}
	if len(exts) == 0 {
		return "the call rang nobody"
	}
	return "the call rang " + strings.Join(exts, ", ")
}

// talking says in which other call the agent was talking meanwhile; "" in none.
func (c *Case) talking() string {
	from, until := c.window()
	for _, o := range c.Others {
		if o.ID == c.Call.ID {
			continue
		}
		for i := range o.Talks {
			t := &o.Talks[i]
			if !t.Has(c.Agent) || t.StartedAt.After(until) || !t.EndedAt.IsZero() && t.EndedAt.Before(from) {
				continue
			}
			text := c.Agent + " was talking on " + t.Extension + " in another call since " + c.clock(t.StartedAt)
			if !t.EndedAt.IsZero() {
				text += ", until " + c.clock(t.EndedAt)
			}
			return text
		}
	}
	return ""
}
