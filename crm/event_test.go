package crm

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEventTypesAreAllThatAreDeclared(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for spec := range ast.Preorder(file) {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if typ, ok := v.Type.(*ast.Ident); !ok || typ.Name != "EventType" {
			continue
		}
		n++
		if lit := v.Values[0].(*ast.BasicLit).Value; !slices.Contains(EventTypes[:], EventType(strings.Trim(lit, `"`))) {
			t.Errorf("%s is not in EventTypes", lit)
		}
	}
	if n != len(EventTypes) {
		t.Errorf("%d are declared, %d listed", n, len(EventTypes))
	}
}

func TestEventJSONComesBackTheSame(t *testing.T) {
	at := At(time.Date(2026, 11, 1, 12, 0, 0, 123e6, time.UTC))
	ring := Millis(0)
	call := &Call{
		ID: "hq:1700000000.1", PBX: "hq", Tenant: "default", Linkedids: []string{"1700000000.1"},
		From:      Party{Number: "441632960001", Name: `"><img src=x onerror=alert(1)>`},
		StartedAt: at, Complete: true,
		Offers: []Offer{{ID: "hq:1700000000.2", Extension: "1001", StartedAt: at, RingMS: &ring}},
	}
	tests := map[string]Event{
		"an offer of a PBX": {
			PBX: "hq", Pos: Position{Epoch: 3, Seq: 12}, N: 1, Type: OfferCreated, At: at, Tenant: "default",
			Call: call, OfferID: "hq:1700000000.2", Matches: []Match{{ID: "c1", Name: "Jane Doe", Score: 1, Reason: "number"}},
		},
		"an offer of nobody known": {PBX: "hq", Pos: Position{Epoch: 3, Seq: 13}, Type: OfferEnded, At: at, Tenant: "default", Call: call, OfferID: "hq:1700000000.2"},
		"what people did":          {Pos: Position{Seq: 7}, Type: CallUpdated, At: at, Tenant: "default", Call: call},
		"a merge":                  {PBX: "hq", Pos: Position{Epoch: 1, Seq: 1}, Type: CallMerged, At: at, Tenant: "default", Call: call, Into: "hq:1.1"},
		"a gap":                    {PBX: "a/b", Pos: Position{Epoch: 1}, Type: GapOpened, At: at, Gap: &Gap{ID: "g", PBX: "a/b", Cause: GapDisconnect}},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(&want)
			if err != nil {
				t.Fatal(err)
			}
			var got Event
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v\njson %s", got, want, b)
			}
			if got.ID() != want.ID() {
				t.Errorf("id %q, want %q", got.ID(), want.ID())
			}
		})
	}
}

func TestOffersAlwaysSayWhoMayBeCalling(t *testing.T) {
	call := &Call{ID: "hq:1", Offers: []Offer{{ID: "hq:2"}}}
	for typ, want := range map[EventType]string{OfferCreated: "[]", CallUpdated: ""} {
		e := Event{Type: typ, Call: call}
		if typ == OfferCreated {
			e.OfferID = "hq:2"
		}
		b, err := json.Marshal(&e)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Data struct {
				Contacts json.RawMessage `json:"contacts"`
			} `json:"data"`
		}
		if err := json.Unmarshal(b, &got); err != nil || string(got.Data.Contacts) != want {
			t.Errorf("%s: contacts %q, want %q (%v)", typ, got.Data.Contacts, want, err)
		}
	}
}

func TestEventRefusesABrokenID(t *testing.T) {
	for _, id := range []string{"", "x", "pbx/hq/1-2", "pbx/hq/1-2/x", "pbx/hq/1/0", "log/a-b/0"} {
		b := []byte(`{"id":"` + id + `"}`)
		var e Event
		if err := json.Unmarshal(b, &e); err == nil {
			t.Errorf("id %q was taken: %+v", id, e)
		}
	}
}
