package intake

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

func sharedDesk(t *testing.T) *People {
	t.Helper()
	p := NewPeople(bindings{
		{User: "zoe", PBX: "hq", Extension: "1001", From: crm.At(noon)},
		{User: "ann", PBX: "hq", Extension: "1001", From: crm.At(noon.Add(time.Hour)), Until: crm.At(noon.Add(3 * time.Hour))},
	}, []string{"default"}, slog.New(slog.DiscardHandler))
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestASharedExtensionHasAllItsUsers(t *testing.T) {
	p := sharedDesk(t)
	for name, tt := range map[string]struct {
		at   crm.Time
		one  string
		list []string
	}{
		"one user":   {crm.At(noon), "zoe", nil},
		"two users":  {crm.At(noon.Add(2 * time.Hour)), "ann", []string{"ann", "zoe"}},
		"one is off": {crm.At(noon.Add(4 * time.Hour)), "zoe", nil},
		"nobody yet": {crm.At(noon.Add(-time.Hour)), "", nil},
	} {
		c := &crm.Call{Tenant: "default", PBX: "hq", Offers: []crm.Offer{{Extension: "1001", StartedAt: tt.at}}, Talks: []crm.Talk{{Extension: "1001", StartedAt: tt.at}}}
		p.Dress(c)
		o, k := c.Offers[0], c.Talks[0]
		if o.Agent != tt.one || !slices.Equal(o.Agents, tt.list) || k.Agent != tt.one || !slices.Equal(k.Agents, tt.list) {
			t.Errorf("%s: offer %q %q, talk %q %q", name, o.Agent, o.Agents, k.Agent, k.Agents)
		}
	}
}

func TestARingOfUnknownBeginIsWhoeverHasThePhoneNow(t *testing.T) {
	p := NewPeople(bindings{{User: "zoe", PBX: "hq", Extension: "1001", From: crm.At(noon)}}, []string{"default"}, slog.New(slog.DiscardHandler))
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.Agents("default", "hq", "1001", time.Time{}); !slices.Equal(got, []string{"zoe"}) {
		t.Errorf("got %q", got)
	}
}

func TestEvidenceSaysWhoseExtensionRang(t *testing.T) {
	p := sharedDesk(t)
	ring := func(extension string) crm.Event {
		c := &crm.Call{ID: "hq:1.1", Tenant: "default", PBX: "hq", Offers: []crm.Offer{{ID: "hq:1.2", Extension: extension, StartedAt: crm.At(noon.Add(2 * time.Hour))}}}
		p.Dress(c)
		return crm.Event{Type: crm.OfferCreated, PBX: "hq", Pos: crm.Position{Epoch: 1, Seq: 7}, Call: c, OfferID: "hq:1.2", Heard: noon}
	}
	other := crm.Event{Type: crm.CallStarted, Call: ring("1001").Call}
	noted := []crm.CallEvidence{{CallID: "hq:0.1"}}
	got := p.withBindings(noted, []crm.Event{other, ring("1001"), ring("1009")})
	if len(got) != 3 || got[0].CallID != "hq:0.1" || got[1].CallID != "hq:1.1" {
		t.Fatalf("got %+v", got)
	}
	var said []string
	for _, e := range slices.Concat(got[1].Items, got[2].Items) {
		said = append(said, e.Agent+": "+e.Text)
		if e.Kind != crm.EvidenceIdentity || e.Offer != "hq:1.2" || e.Pos.Seq != 7 || !e.At.Equal(noon) {
			t.Errorf("got %+v", e)
		}
	}
	if want := []string{"ann: hq/1001 is ann's", "zoe: hq/1001 is zoe's", ": no user is bound to hq/1009"}; !slices.Equal(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
}

func TestEvidenceOfACommitThatDidNotSucceedIsKept(t *testing.T) {
	fold, err := calls.New(noting(calls.Config{PBX: "hq"}))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{fold: fold, held: &calls.Changes{Evidence: []crm.CallEvidence{{CallID: "hq:1.1"}}}}
	if got := r.pending().Evidence; len(got) != 1 || got[0].CallID != "hq:1.1" {
		t.Errorf("got %+v", got)
	}
}

func TestCallsThatGoOnAreToldOfTheirOwner(t *testing.T) {
	going := []*crm.Call{{ID: "hq:1.1"}, {ID: "hq:2.1"}}
	for want, m := range map[string]marker{
		"patchcord was started again":                                                        {Node: "0a"},
		"node b listens to the PBX from here on":                                             {Node: "0b", Name: "b"},
		"node b listens to the PBX from here on; it was handed over, and nothing was missed": {Node: "0b", Name: "b", Handed: true},
	} {
		e := buffer.Entry{Pos: crm.Position{Epoch: 2}, At: noon, Kind: buffer.SessionOpen, Data: m.encode()}
		got := ownerOf(e, going)
		if len(got) != 2 || got[1].CallID != "hq:2.1" || got[1].Items[0].Text != want || !got[1].Items[0].At.Equal(noon) || got[1].Items[0].Pos.Epoch != 2 {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
	if got := ownerOf(buffer.Entry{Data: []byte("{")}, going); got != nil {
		t.Errorf("of what is not understood: %+v", got)
	}
}
