package crm

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// Whatever is added to these types must be written here too: a field that AppendJSON
// forgets differs from what encoding/json writes.
func TestAppendJSONWritesWhatEncodingJSONWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var call Call
		var evidence Evidence
		var event Event
		for _, v := range []any{&call, &evidence, &event} {
			scribble(r, reflect.ValueOf(v).Elem())
		}
		if len(call.Offers) > 0 {
			event.Call, event.OfferID = &call, call.Offers[0].ID
		}
		same(t, call.AppendJSON(nil), &call)
		same(t, evidence.AppendJSON(nil), &evidence)
		same(t, event.AppendJSON(nil), asCloudEvent(&event))
	}
}

// asCloudEvent is the event as its reader sees it.
func asCloudEvent(e *Event) cloudEvent {
	c := cloudEvent{
		SpecVersion: "1.0", ID: e.ID(), Source: e.Source(), Type: e.Type, Subject: e.Subject(), Time: e.At,
		DataContentType: "application/json",
		Data:            eventData{Call: e.Call, Into: e.Into, Contacts: e.Matches, Agent: e.Agent, Queue: e.Queue, Gap: e.Gap},
	}
	switch {
	case len(e.Matches) > 0:
	case e.OfferID != "":
		c.Data.Contacts = []Match{}
	default:
		c.Data.Contacts = nil
	}
	if e.Call != nil && e.OfferID != "" {
		c.Data.Offer = e.Call.Offer(e.OfferID)
	}
	if e.Into != "" {
		c.Data.ID = e.Subject()
	}
	return c
}

func same(t *testing.T, got []byte, v any) {
	t.Helper()
	want, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Fatalf("%T:\ngot  %s\nwant %s", v, got, want)
	}
}

// scribble sets about half of what v is made of.
func scribble(r *rand.Rand, v reflect.Value) {
	texts := []string{"1001", "PJSIP/1001-0000001a", `"><img src=x>`, "Zoë\u2028", "a\x00b\\", "\xff\x7f", "&"}
	if t, ok := v.Addr().Interface().(*Time); ok {
		if r.IntN(2) == 0 {
			*t = Time{time.Unix(r.Int64N(1<<37)-1<<32, r.Int64N(1e9))}
		}
		return
	}
	if v.Type() == reflect.TypeFor[time.Time]() || r.IntN(2) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts[r.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(r.Int64N(1e6) - 1000)
	case reflect.Uint64:
		v.SetUint(r.Uint64N(1e6))
	case reflect.Float64:
		v.SetFloat(r.Float64())
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		scribble(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
		for i := range v.Len() {
			scribble(r, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"b": texts[r.IntN(len(texts))], "a": "1"}))
	case reflect.Struct:
		for i := range v.NumField() {
			scribble(r, v.Field(i))
		}
	}
}
