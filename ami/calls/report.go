package calls

import (
	"maps"

	"patchcord/crm"
)

// told is what events have said of a call, so that each thing is said once.
type told struct {
	Offers    map[string]crm.Result `json:"offers,omitempty"` // by id
	Answered  bool                  `json:"answered,omitempty"`
	Transfers int                   `json:"transfers,omitempty"`
	TalksOver int                   `json:"over,omitempty"`
	Ended     bool                  `json:"ended,omitempty"`
	Picture   picture               `json:"picture,omitzero"`
}

// with returns what was told of two calls that have become one.
func (k *told) with(other *told) *told {
	if k == nil || other == nil {
		if k == nil {
			return other
		}
		return k
	}
	sum := *k
	sum.Offers = maps.Clone(k.Offers)
	if sum.Offers == nil {
		sum.Offers = map[string]crm.Result{}
	}
	maps.Copy(sum.Offers, other.Offers)
	return &sum
}

// report concludes the record of a call that changed, and tells what is new in it.
func (t *Tracker) report(c *call) {
	now := t.record(c)
	c.last = now
	if now == nil {
		return
	}
	if c.Told == nil {
		c.Told = &told{Offers: map[string]crm.Result{}, Picture: shown(now)}
		t.tell(crm.Event{Type: crm.CallStarted, Call: now, At: now.StartedAt})
	}
	n := len(t.out)
	t.reportOffers(c.Told, now)
	t.reportTalks(c.Told, now)
	if !c.Told.Answered && now.Outcome == crm.Answered {
		c.Told.Answered = true
		t.tell(crm.Event{Type: crm.CallAnswered, Call: now, At: now.AnsweredAt})
	}
	for ; c.Told.Transfers < len(now.Transfers); c.Told.Transfers++ {
		t.tell(crm.Event{Type: crm.CallTransferred, Call: now})
	}
	if !c.Told.Ended && !now.EndedAt.IsZero() {
		c.Told.Ended = true
		t.tell(crm.Event{Type: crm.CallEnded, Call: now, At: now.EndedAt})
	}
	if p := shown(now); c.Told.Picture != p {
		c.Told.Picture = p
		if len(t.out) == n {
			t.tell(crm.Event{Type: crm.CallUpdated, Call: now})
		}
	}
}

func (t *Tracker) tell(e crm.Event) { t.out = append(t.out, e) }

// reportOffers tells of offers that began, and of those that ended or came out otherwise than thought.
func (t *Tracker) reportOffers(was *told, now *crm.Call) {
	if was.Offers == nil {
		was.Offers = map[string]crm.Result{} // as Restore leaves it when there were none
	}
	for i := range now.Offers {
		o := &now.Offers[i]
		result, known := was.Offers[o.ID]
		if !known {
			t.tell(crm.Event{Type: crm.OfferCreated, Call: now, OfferID: o.ID, At: o.StartedAt})
			t.agentState(o)
		}
		if known && o.Result == result || !known && o.Result == "" {
			was.Offers[o.ID] = o.Result
			continue
		}
		was.Offers[o.ID] = o.Result
		if o.Result == "" {
			continue // thought to be over, and is not
		}
		e := crm.Event{Type: crm.OfferEnded, Call: now, OfferID: o.ID}
		switch o.Result {
		case crm.ResultAccepted:
			e.Type = crm.OfferAccepted
		case crm.ResultRescinded:
			e.Type = crm.OfferRescinded
		}
		t.tell(e)
		t.agentState(o)
	}
}

// reportTalks tells that extensions whose talk ended are idle.
func (t *Tracker) reportTalks(was *told, now *crm.Call) {
	over := 0
	for i := range now.Talks {
		k := &now.Talks[i]
		if k.EndedAt.IsZero() {
			continue
		}
		if over++; over > was.TalksOver && k.Extension != "" {
			t.agent(k.Extension, k.Desk, "idle")
		}
	}
	was.TalksOver = over
}

func (t *Tracker) agentState(o *crm.Offer) {
	switch o.Result {
	case "":
		t.agent(o.Extension, o.Desk, "ringing")
	case crm.ResultAccepted:
		t.agent(o.Extension, o.Desk, "talking")
	default:
		t.agent(o.Extension, o.Desk, "idle")
	}
}

// doing returns what an extension does, as agent takes it.
func (t *Tracker) doing(ext string) string {
	for _, ch := range t.phones[ext] {
		if ch.Ring.set() && !ch.Up.set() {
			return "ringing"
		}
	}
	return "idle"
}

// agent tells what an extension does; one that has another channel up goes on talking.
func (t *Tracker) agent(ext string, desk crm.Desk, state string) {
	for _, ch := range t.phones[ext] {
		if state == "idle" && ch.Up.set() {
			state = "talking"
		}
	}
	if state == "idle" && t.unreachable(ext) {
		state = "unavailable"
	}
	t.tell(crm.Event{Type: crm.AgentStateEvent, Agent: &crm.AgentState{
		PBX: t.cfg.PBX, Extension: ext, State: state, Paused: t.paused(ext), Since: crm.At(t.at), Desk: desk,
	}})
}

// A picture is what somebody who watches a call would see change.
type picture struct {
	Direction  crm.Direction `json:"d,omitempty"`
	From       crm.Party     `json:"f,omitzero"`
	To         crm.Party     `json:"t,omitzero"`
	Outcome    crm.Outcome   `json:"o,omitempty"`
	By         crm.EndedBy   `json:"b,omitempty"`
	Cause      int           `json:"c,omitempty"`
	Complete   bool          `json:"ok,omitempty"`
	Parts      [11]int       `json:"p"` // how many of each list, and how many of them are over
	Wait, Hold crm.Millis    `json:",omitempty"`
}

func shown(c *crm.Call) picture {
	p := picture{
		Direction: c.Direction, From: c.From, To: c.To, Outcome: c.Outcome, By: c.EndedBy, Cause: c.Cause, Complete: c.Complete,
		Parts: [11]int{
			len(c.QueueVisits), len(c.Talks), len(c.Parked), len(c.Conferences), len(c.Recordings), len(c.FarEnds), len(c.Attributes), len(c.Gaps),
		},
		Wait: crm.Millis(c.WaitMS.Duration().Milliseconds()), Hold: crm.Millis(c.HoldMS.Duration().Milliseconds()),
	}
	for _, q := range c.QueueVisits {
		if q.Result != "" || !q.LeftAt.IsZero() {
			p.Parts[8]++
		}
	}
	for _, k := range c.Parked {
		if k.Result != "" {
			p.Parts[9]++
		}
	}
	for _, f := range c.FarEnds {
		if f.Result != "" {
			p.Parts[10]++
		}
	}
	return p
}
