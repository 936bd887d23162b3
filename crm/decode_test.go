package crm

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Whatever is added to these types must be read in its place too: a record that ParseJSON
// does not read by itself takes ten times as long.
func TestParseJSONReadsWhatAppendJSONWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var want Call
		scribble(r, reflect.ValueOf(&want).Elem())
		within(&want)
		text := string(want.AppendJSON(nil))
		var c Call
		read := reader{text: text}
		c.parse(&read)
		if want.Linkedids != nil && (read.lost || read.at != len(text)) {
			t.Fatalf("is left to encoding/json after %q of\n%s", text[:read.at], text)
		}
		likeEncodingJSON(t, text)
	}
}

// within makes all times such as are sent.
func within(c *Call) {
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		if at, ok := v.Addr().Interface().(*Time); ok {
			if at.Year() > 9999 || at.Year() < 0 {
				*at = Time{time.Unix(1, 0)}
			}
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		}
	}
	walk(reflect.ValueOf(c).Elem())
}

// likeEncodingJSON wants ParseJSON to make of a text what encoding/json makes of it.
func likeEncodingJSON(t *testing.T, text string) {
	t.Helper()
	var got, want Call
	bad := json.Unmarshal([]byte(text), &want)
	err := got.ParseJSON(text)
	if (err == nil) != (bad == nil) || bad == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\ngot  %+v, %v\nwant %+v, %v", text, got, err, want, bad)
	}
}

const wholeRecord = `{"id":"hq:1.1","pbx":"hq","linkedids":["1.1"],"from":{"number":"101","name":"Zo\u00eb"},` +
	`"started_at":"2026-02-28T23:59:59.999Z","talk_ms":1200,"cause":16,"offers":[{"id":"o","extension":"101","agents":["ann","bob"]}],` +
	`"recordings":[{"file":"a.wav"}],"attributes":{"a":"]}"},"complete":true,"notes":[{"id":"n","text":"<b>\"hi\"","by":"ann","at":"2026-03-01T00:00:00.000Z"}],` +
	`"contact":{"id":"c","name":"Zoë","score":0.5,"reason":"number"}}`

func TestParseJSONLeavesWhatIsStrangeToEncodingJSON(t *testing.T) {
	for _, change := range [][2]string{
		{`{"id"`, `{ "id"`}, {`"hq:1.1"`, `null`}, {`"hq:1.1"`, `7`}, {`"hq"`, `"h\q"`}, {`"hq"`, `"` + "\x01" + `"`}, {`"hq"`, `"` + "\xff" + `"`},
		{`"pbx"`, `"PBX"`}, {`"pbx"`, `"later"`}, {`,"pbx"`, `"pbx"`}, {`{"id"`, `{,"id"`}, {`["1.1"]`, `[]`}, {`["1.1"]`, `["1.1",]`},
		{`["1.1"]`, `[,"1.1"]`}, {`["1.1"]`, `["1.1" "1.2"]`}, {`["1.1"]`, `null`}, {`02-28`, `02-30`}, {`02-28`, `02-29`}, {`02-28`, `13-28`},
		{`23:59:59`, `24:59:59`}, {`23:59:59`, `23:59:60`}, {`.999Z`, `Z`}, {`.999Z`, `.999+01:00`}, {`1200`, `12.5`}, {`1200`, `01200`},
		{`1200`, `-`}, {`1200`, `-0`}, {`1200`, `-01`}, {`1200`, `1e3`}, {`1200`, `99999999999999999999`}, {`1200`, `"1200"`}, {`true`, `tru`}, {`true`, `null`},
		{`"complete":true`, `"complete":true,"complete":false`}, {`0.5`, `"0.5"`}, {`"number"}}`, `"number"}} `}, {`"number"}}`, `"number"}}x`},
		{`"number"}}`, `"number"}`}, {`{"file":"a.wav"}`, `null`}, {`"]}"`, `7`}, {wholeRecord, ``}, {wholeRecord, `null`}, {wholeRecord, `[]`}, {wholeRecord, `{`}, {`x`, `x`},
	} {
		likeEncodingJSON(t, strings.Replace(wholeRecord, change[0], change[1], 1))
	}
	for i := range wholeRecord {
		likeEncodingJSON(t, wholeRecord[:i])
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add(wholeRecord)
	f.Add(`{}`)
	f.Fuzz(likeEncodingJSON)
}

func BenchmarkParseJSON(b *testing.B) {
	b.SetBytes(int64(len(wholeRecord)))
	for b.Loop() {
		var c Call
		if err := c.ParseJSON(wholeRecord); err != nil {
			b.Fatal(err)
		}
	}
}
