package push

import (
	"slices"
	"testing"

	"patchcord/crm"
)

// story is a call that rings at anna and bert; anna takes it and passes it on to bert.
func story() []*crm.Event {
	ring := ringing("hq:1", "anna", "bert")
	taken := ring.Clone()
	taken.Offers[0].Result, taken.Offers[0].EndedAt = crm.ResultAccepted, sec(3)
	taken.Offers[1].Result, taken.Offers[1].EndedAt, taken.Offers[1].By = crm.ResultRescinded, sec(3), "100"
	talk := taken.Clone()
	talk.AnsweredAt = sec(3)
	talk.Talks = []crm.Talk{{Extension: "100", Agent: "anna", StartedAt: sec(3)}}
	passed := talk.Clone()
	passed.Talks[0].EndedAt = sec(7)
	passed.Transfers = []crm.Transfer{{Kind: "blind", By: "100", To: "101", At: sec(7)}}
	again := passed.Clone()
	again.Offers = append(again.Offers, crm.Offer{ID: "hq:bert2", Extension: "101", Agent: "bert", StartedAt: sec(8)})
	late := again.Clone()
	late.Offers[2].Result, late.Offers[2].EndedAt = crm.ResultAccepted, sec(10)
	end := late.Clone()
	end.EndedAt = sec(11)
	return []*crm.Event{
		event(1, crm.CallStarted, ringing("hq:1"), ""),
		event(2, crm.OfferCreated, ring, "anna"),
		event(3, crm.OfferCreated, ring, "bert"),
		event(4, crm.OfferAccepted, taken, "anna"),
		event(5, crm.OfferRescinded, taken, "bert"),
		event(6, crm.CallAnswered, talk, ""),
		event(7, crm.CallTransferred, passed, ""),
		event(8, crm.CallUpdated, passed, ""),
		event(9, crm.OfferCreated, again, "bert2"),
		event(10, crm.OfferAccepted, late, "bert2"),
		event(11, crm.CallEnded, end, ""),
	}
}

func TestWhoSeesWhat(t *testing.T) {
	tests := map[string]struct {
		who  crm.Principal
		want []string
	}{
		"an agent sees his offers and the call until he passed it on": {anna, []string{
			"offer.created hq:anna", "offer.accepted hq:anna", "call.answered hq:1", "call.transferred hq:1",
		}},
		"an agent whose offer was rescinded sees no more until the next": {bert, []string{
			"offer.created hq:bert", "offer.rescinded hq:bert", "offer.created hq:bert2", "offer.accepted hq:bert2", "call.ended hq:1",
		}},
		"a supervisor sees all": {super, []string{
			"call.started hq:1", "offer.created hq:anna", "offer.created hq:bert", "offer.accepted hq:anna",
			"offer.rescinded hq:bert", "call.answered hq:1", "call.transferred hq:1", "call.updated hq:1",
			"offer.created hq:bert2", "offer.accepted hq:bert2", "call.ended hq:1",
		}},
		"another tenant's owner sees nothing": {other, nil},
		"an agent in no call sees nothing":    {crm.Principal{Tenant: "t", UserID: "u9", Name: "carl", Role: crm.RoleAgent}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := overTCP(t, Config{})
			c := r.connect(tt.who, "")
			for _, e := range story() {
				r.hub.Publish(e)
			}
			r.hub.SetPBX(tt.who.Tenant, PBX{Name: "end of the story"})
			var got []string
			for {
				m := c.next()
				if m.Op == "pbx" {
					break
				}
				got = append(got, m.describe())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestAudience(t *testing.T) {
	held := ringing("hq:1", "anna")
	held.Offers[0].Result, held.Offers[0].EndedAt = crm.ResultAccepted, sec(1)
	done := held.Clone()
	done.Talks = []crm.Talk{{Extension: "100", Agent: "anna", StartedAt: sec(1), EndedAt: sec(3)}}
	closed := done.Clone()
	closed.EndedAt = sec(9)
	gap := &crm.Event{Type: crm.GapOpened, Gap: &crm.Gap{PBX: "hq"}}
	tests := map[string]struct {
		before []*crm.Event
		e      *crm.Event
		want   audience
	}{
		"a gap is for everybody":                       {nil, gap, audience{all: true}},
		"an agent's state is for him":                  {nil, &crm.Event{Type: crm.AgentStateEvent, Agent: &crm.AgentState{Agent: "anna"}}, audience{agents: []string{"anna"}}},
		"the state of a phone without an agent is not": {nil, &crm.Event{Type: crm.AgentStateEvent, Agent: &crm.AgentState{}}, audience{}},
		"a queue's state is for supervisors":           {nil, &crm.Event{Type: crm.QueueStateEvent, Queue: &crm.QueueState{}}, audience{}},
		"an offer at nobody's phone is for nobody":     {nil, event(1, crm.OfferCreated, ringing("hq:1", ""), ""), audience{}},
		"accepted and not yet talking is in the call":  {nil, event(2, crm.CallUpdated, held, ""), audience{agents: []string{"anna"}}},
		"the end of a talk is for who talked": {
			[]*crm.Event{event(2, crm.CallUpdated, held, "")}, event(60, crm.CallUpdated, done, ""), audience{agents: []string{"anna"}},
		},
		"what comes after it is not": {
			[]*crm.Event{event(2, crm.CallUpdated, held, ""), event(3, crm.CallUpdated, done, "")}, event(4, crm.CallUpdated, done, ""), audience{},
		},
		"after a restart a part that just ended counts": {nil, event(4, crm.CallUpdated, done, ""), audience{agents: []string{"anna"}}},
		"after a restart an old part does not":          {nil, event(60, crm.CallUpdated, done, ""), audience{}},
		"what people add later is not pushed to agents": {nil, event(10, crm.CallUpdated, closed, ""), audience{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var f follower
			for _, e := range tt.before {
				f.audience(e)
			}
			got := f.audience(tt.e)
			if got.all != tt.want.all || !slices.Equal(got.agents, tt.want.agents) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestMergeCarriesAgentsOver(t *testing.T) {
	var f follower
	f.audience(event(1, crm.CallUpdated, ringing("hq:1", "anna"), ""))
	f.audience(event(2, crm.CallUpdated, ringing("hq:2", "bert"), ""))
	merged := event(3, crm.CallMerged, ringing("hq:2", "bert"), "")
	merged.Into = "hq:1"
	if got := f.audience(merged).agents; !slices.Equal(got, []string{"bert"}) {
		t.Errorf("the merge is for %q, want bert", got)
	}
	gone := ringing("hq:1", "anna")
	gone.Offers[0].Result, gone.Offers[0].EndedAt = crm.ResultRescinded, sec(3)
	if got := f.audience(event(90, crm.CallUpdated, gone, "")).agents; !slices.Equal(got, []string{"anna", "bert"}) {
		t.Errorf("the survivor's next event is for %q, want anna and bert", got)
	}
	if len(f.calls) != 1 {
		t.Errorf("%d calls are followed, want 1", len(f.calls))
	}
}

func TestFollowedCallsAreForgotten(t *testing.T) {
	var f follower
	for _, e := range story() {
		f.audience(e)
	}
	if len(f.calls) != 0 {
		t.Errorf("%d calls are followed after the end, want 0", len(f.calls))
	}
}
