package intake

import (
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"patchcord/crm"
)

// hotDesks is a house in which ann has 2001, ben the phone 1001, and dora 1001 from one o'clock on.
func hotDesks(t *testing.T) *People {
	t.Helper()
	p := NewPeople(bindings{
		{User: "ann", PBX: "hq", Extension: "2001", From: crm.At(noon)},
		{User: "ben", PBX: "hq", Extension: "1001", From: crm.At(noon), Until: crm.At(noon.Add(time.Hour))},
		{User: "dora", PBX: "hq", Extension: "1001", From: crm.At(noon.Add(time.Hour))},
	}, []string{"default"}, slog.New(slog.DiscardHandler))
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhoLoggedIntoAQueueHasDirectCallsToo(t *testing.T) {
	p := hotDesks(t)
	for extension, want := range map[string][2]string{
		"1009": {"cleo", "no user is bound to hq/1009, and cleo had logged into a queue there"},
		"1001": {"ben", "hq/1001 is ben's"},
	} {
		o := crm.Offer{ID: "hq:1.2", Extension: extension, StartedAt: crm.At(noon), Desk: crm.Desk{Member: "cleo"}}
		e := &crm.Event{Type: crm.OfferCreated, Tenant: "default", PBX: "hq", At: o.StartedAt, Heard: noon, OfferID: o.ID,
			Call: &crm.Call{ID: "hq:1.1", Tenant: "default", PBX: "hq", Offers: []crm.Offer{o}}}
		p.dressEvent(e)
		if got := [2]string{e.Call.Offers[0].Agent, p.binding(e, &e.Call.Offers[0])[0].Text}; got != want {
			t.Errorf("%s: got %q, want %q", extension, got, want)
		}
	}
}

func ringAt(p *People, extension string, d crm.Desk, at, heard time.Time) *crm.Event {
	c := &crm.Call{ID: "hq:1.1", Tenant: "default", PBX: "hq", Offers: []crm.Offer{
		{ID: "hq:1.2", Extension: extension, Queue: "support", StartedAt: crm.At(at), Desk: d},
	}}
	e := &crm.Event{Type: crm.OfferCreated, Tenant: "default", PBX: "hq", At: crm.At(at), Heard: heard, Call: c, OfferID: "hq:1.2"}
	p.dressEvent(e)
	return e
}

func TestWhoSitsAtAPhone(t *testing.T) {
	for name, tt := range map[string]struct {
		extension string
		desk      crm.Desk
		want      string // "" is nobody
		says      string
	}{
		"whose it is": {"1001", crm.Desk{}, "ben", "hq/1001 is ben's"},
		"who logged in there comes before whose it is": {
			"1001", crm.Desk{LoggedIn: "2001"}, "ann", "hq/1001, where 2001 is logged in, is ann's",
		},
		"who logged in there at a phone of nobody": {
			"1009", crm.Desk{LoggedIn: "2001"}, "ann", "hq/1009, where 2001 is logged in, is ann's",
		},
		"who logged in is no user": {
			"1001", crm.Desk{LoggedIn: "2009"}, "ben", "hq/1001, where 2009 is logged in, is ben's",
		},
		"nobody has one or the other": {
			"1009", crm.Desk{LoggedIn: "2009"}, "", "no user is bound to hq/1009, where 2009 is logged in, nor to hq/2009",
		},
		"the queue's name for its member, whatever its case": {
			"1009", crm.Desk{Member: "Cleo"}, "cleo", "no user is bound to hq/1009, and queue support calls its member there cleo",
		},
		"whose it is comes before the queue's name": {"1001", crm.Desk{Member: "cleo"}, "ben", "hq/1001 is ben's"},
		"a name that is no user's":                  {"1009", crm.Desk{Member: "Cleo Agent"}, "", "no user is bound to hq/1009"},
		"a user who is kept out":                    {"1009", crm.Desk{Member: "eve"}, "", "no user is bound to hq/1009"},
	} {
		t.Run(name, func(t *testing.T) {
			p := hotDesks(t)
			e := ringAt(p, tt.extension, tt.desk, noon, noon)
			if got := e.Call.Offers[0].Agent; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			talk := &crm.Call{Tenant: "default", PBX: "hq", Talks: []crm.Talk{{Extension: tt.extension, StartedAt: crm.At(noon), Desk: tt.desk}}}
			for _, name := range []string{"ann", "ben", "dora", "cleo", "eve"} {
				if got, want := p.takesPart(e.Call, name), name == tt.want; got != want || p.takesPart(talk, name) != want {
					t.Errorf("%s takes part: %v, and in the talk %v, want %v", name, got, p.takesPart(talk, name), want)
				}
			}
			items := p.binding(e, &e.Call.Offers[0])
			if len(items) != 1 || items[0].Text != tt.says || items[0].Agent != tt.want {
				t.Errorf("got %+v, want %q", items, tt.says)
			}
		})
	}
}

func TestBindingsBeginByOurClock(t *testing.T) {
	const behind = 5 * time.Minute // the PBX's clock
	shift := noon.Add(time.Hour)
	for name, tt := range map[string]struct {
		at, heard time.Time
		want      string
	}{
		"the PBX's clock is right":              {shift.Add(-time.Second), shift.Add(-time.Second), "ben"},
		"the frame takes a moment to come":      {shift.Add(-time.Second), shift.Add(time.Second / 2), "ben"},
		"the PBX's clock is behind, before":     {shift.Add(-time.Minute - behind), shift.Add(-time.Minute), "ben"},
		"the PBX's clock is behind, after":      {shift.Add(time.Minute - behind), shift.Add(time.Minute), "dora"},
		"the PBX's clock is ahead, before":      {shift.Add(-time.Minute + behind), shift.Add(-time.Minute), "ben"},
		"when it was heard is not known at all": {shift, time.Time{}, "dora"},
	} {
		t.Run(name, func(t *testing.T) {
			p := hotDesks(t)
			e := ringAt(p, "1001", crm.Desk{}, tt.at, tt.heard)
			if got := e.Call.Offers[0].Agent; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			again := e.Call.Clone() // as the record is dressed when it is stored
			p.Dress(again)
			if got := again.Offers[0].Agent; got != tt.want {
				t.Errorf("stored as %q's, want %q", got, tt.want)
			}
			if items := p.binding(e, &e.Call.Offers[0]); len(items) != 1 || items[0].Agent != tt.want {
				t.Errorf("explained as %+v", items)
			}
		})
	}
}

func TestATalkIsWhoeverHasThePhoneWhenItBegins(t *testing.T) {
	p := hotDesks(t)
	c := &crm.Call{Tenant: "default", PBX: "hq",
		Offers: []crm.Offer{{Extension: "1001", StartedAt: crm.At(noon.Add(time.Hour - time.Second))}},
		Talks:  []crm.Talk{{Extension: "1001", StartedAt: crm.At(noon.Add(time.Hour + time.Second))}},
	}
	p.Dress(c)
	if got := []string{c.Offers[0].Agent, c.Talks[0].Agent}; !slices.Equal(got, []string{"ben", "dora"}) {
		t.Errorf("offered to and talked by %q", got)
	}
}

func TestBoundToIsBoundForOneUser(t *testing.T) {
	p := NewPeople(bindings{
		{User: "ann", PBX: "hq", Extension: "1001", From: crm.At(noon)},
		{User: "ann", PBX: "hq", Extension: "1002", From: crm.At(noon), Until: crm.At(noon.Add(time.Hour))},
		{User: "ben", PBX: "hq", Extension: "1001", From: crm.At(noon.Add(time.Hour))}, // beside ann
		{User: "ann", PBX: "hq", Extension: "1002", From: crm.At(noon.Add(2 * time.Hour))},
		{User: "dora", PBX: "b", Extension: "1001", From: crm.At(noon)},
	}, []string{"default"}, slog.New(slog.DiscardHandler))
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ann", "ben", "dora", "eve"} {
		for hour := range 4 {
			at := noon.Add(time.Duration(hour)*time.Hour + time.Minute)
			his := map[string]bool{}
			for _, b := range p.Bound("default", at) {
				his[b.PBX+"/"+b.Extension] = his[b.PBX+"/"+b.Extension] || b.User == name
			}
			want := map[crm.Binding]bool{}
			for _, b := range p.Bound("default", at) {
				if his[b.PBX+"/"+b.Extension] {
					want[b] = true
				}
			}
			got := map[crm.Binding]bool{}
			for _, b := range p.BoundTo("default", name, at) {
				got[b] = true
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s after %d h: got %v, want %v", name, hour, got, want)
			}
		}
	}
}
