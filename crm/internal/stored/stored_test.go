package stored

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"patchcord/crm"
)

func TestJSONReplacesEscapedNULOnly(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"x"}`:               `{"a":"x"}`,
		`{"a":"\u0000"}`:          `{"a":"\ufffd"}`,
		`{"a":"\\u0000"}`:         `{"a":"\\u0000"}`,
		`{"a":"\\\u0000\u0000 "}`: `{"a":"\\\ufffd\ufffd "}`,
		`{"a":"\"\u0000`:          `{"a":"\"\ufffd`,
	} {
		if got := string(JSON([]byte(in))); got != want {
			t.Errorf("JSON(%s): got %s, want %s", in, got, want)
		}
	}
}

func TestAnyTextSurvivesAsCleanJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := string(rapid.SliceOf(rapid.Byte()).Draw(t, "raw"))
		b, err := json.Marshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := json.Unmarshal(JSON(b), &got); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsRune(got, 0) || !utf8.ValidString(got) {
			t.Fatalf("got %q of %q", got, raw)
		}
		if clean := Text(raw); strings.ContainsRune(clean, 0) || !utf8.ValidString(clean) {
			t.Fatalf("Text gave %q of %q", clean, raw)
		}
	})
}

func TestACursorComesBackAndAnyChangeIsSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Place{Started: rapid.Int64().Draw(t, "started"), ID: rapid.String().Draw(t, "id")}
		cursor := want.Cursor()
		got, err := ParsePlace(cursor)
		if err != nil || *got != want {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
		b := []byte(cursor)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		b[i] = rapid.Byte().Filter(func(c byte) bool { return c != b[i] }).Draw(t, "byte")
		var in *crm.InputError
		if _, err := ParsePlace(string(b)); !errors.As(err, &in) || in.Field != "cursor" {
			t.Fatalf("got error %v of a changed cursor, want an InputError", err)
		}
	})
}

func TestWordsAreFoldedSortedAndBounded(t *testing.T) {
	got := Words("Très URGENT, très", "İstanbul-42 straße", "日本語", strings.Repeat("ü", 100))
	want := []string{"42", "istanbul", "straße", "tres", "urgent", strings.Repeat("u", 64), "日本語"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var many strings.Builder
	for i := range 3 * maxWords {
		many.WriteString(string(rune('a'+i%26)) + strings.Repeat("x", i%40) + string(rune(0x4e00+i)) + " ")
	}
	if n := len(Words(many.String())); n != maxWords {
		t.Errorf("got %d words, want %d", n, maxWords)
	}
}

func TestNumbersAreFoundByTheirEnd(t *testing.T) {
	for _, c := range []struct {
		from, to crm.Party
		want     []string
	}{
		{crm.Party{Number: "02079460123", E164: "+442079460123"}, crm.Party{Number: "101"}, []string{"32106497020", "321064970244+"}},
		{crm.Party{Number: "2079460123", E164: "+442079460123"}, crm.Party{}, []string{"321064970244+"}},
		{crm.Party{Number: "+44-20"}, crm.Party{Number: "(0161) 496"}, []string{"0244+", "6941610"}},
		{crm.Party{Number: "anonymous"}, crm.Party{Number: "12"}, nil},
	} {
		if got := Numbers(&crm.Call{From: c.from, To: c.to}); !slices.Equal(got, c.want) {
			t.Errorf("%v, %v: got %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

func TestMergesEndAtTheLastSurvivor(t *testing.T) {
	merged := func(from, into string) crm.Event {
		return crm.Event{Type: crm.CallMerged, Call: &crm.Call{ID: from}, Into: into}
	}
	got := Merges([]crm.Event{
		merged("a", "b"), {Type: crm.CallEnded, Call: &crm.Call{ID: "x"}}, merged("b", "c"), merged("c", "d"), merged("e", "e"), merged("f", ""),
	})
	if len(got) != 3 || got["a"] != "d" || got["b"] != "d" || got["c"] != "d" {
		t.Errorf("got %v, want a, b and c into d", got)
	}
	Merges([]crm.Event{merged("a", "b"), merged("b", "a")}) // ends
}

func TestJoinKeepsTheLaterDispositionAndEveryNote(t *testing.T) {
	at := func(s string) (out crm.Time) {
		if err := json.Unmarshal([]byte(`"2026-03-02T`+s+`:00Z"`), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	early, late := &crm.Disposition{Code: "early", At: at("09:00")}, &crm.Disposition{Code: "late", At: at("10:00")}
	mine, theirs := &crm.Match{ID: "mine"}, &crm.Match{ID: "theirs"}
	n1, n2 := crm.Note{ID: "1", At: at("09:00")}, crm.Note{ID: "2", At: at("10:00")}
	got := Added{Disposition: early, Notes: []crm.Note{n2}, Contact: mine}.Join(Added{Disposition: late, Notes: []crm.Note{n1}, Contact: theirs})
	if got.Disposition != late || got.Contact != mine || !slices.Equal(got.Notes, []crm.Note{n1, n2}) {
		t.Errorf("got %+v", got)
	}
	got = Added{Disposition: late}.Join(Added{Disposition: early, Contact: theirs})
	if got.Disposition != late || got.Contact != theirs || len(got.Notes) != 0 {
		t.Errorf("got %+v", got)
	}
}
