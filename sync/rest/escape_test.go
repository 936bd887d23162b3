package rest

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	crmsync "patchcord/sync"
)

// FuzzEscape holds that what is written into a body or an address is read there as it was, whatever it is.
func FuzzEscape(f *testing.F) {
	f.Add(`a"b\`, "\\\"\n")
	f.Add("../..", "</x>&{}")
	names := []string{"one", "two"}
	body, err := crmsync.ParseTemplate(`{{"a": "-{one}-{two}", "b": [{two}]}`, names)
	if err != nil {
		f.Fatal(err)
	}
	path, err := crmsync.ParseTemplate("/x/{one}?q={two}&r=1", names)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if !utf8.ValidString(one) || !utf8.ValidString(two) {
			return // JSON has no other texts
		}
		lookup := func(name string) any { return map[string]any{"one": one, "two": two}[name] }
		var got struct {
			A string
			B []string
		}
		if err := json.Unmarshal([]byte(body.Expand(lookup, jsonText)), &got); err != nil || got.A != "-"+one+"-"+two || got.B[0] != two {
			t.Errorf("JSON of %q and %q: %+v, %v", one, two, got, err)
		}
		u, err := url.Parse("http://crm.example.net" + path.Expand(lookup, pathText))
		if err != nil || u.Query().Get("q") != two || u.Query().Get("r") != "1" {
			t.Fatalf("address of %q and %q: %v, %v", one, two, u, err)
		}
		if u.Path != "/x/"+one || strings.Count(u.EscapedPath(), "/") != 2 {
			t.Errorf("path of %q: %q", one, u.EscapedPath())
		}
	})
}
