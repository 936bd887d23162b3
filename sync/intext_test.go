package crmsync_test

import (
	"testing"

	crmsync "patchcord/sync"
)

func TestAKeyBehindAText(t *testing.T) {
	key := crmsync.Key("default", "hq:1.1")
	for name, text := range map[string]string{
		"of nothing": "", "of a note": "two\nlines", "of a note with another": crmsync.WithKey("x", crmsync.Key("default", "hq:2.1")),
	} {
		with := crmsync.WithKey(text, key)
		for _, end := range []string{"", "\n", " \r\n", "<br>", "<br />\n"} {
			if got := crmsync.KeyIn(with + end); got != key {
				t.Errorf("%s, then %q: got %q", name, end, got)
			}
		}
		if got := crmsync.KeyIn(with + " and what a person wrote"); got != "" {
			t.Errorf("%s: of a text that goes on got %q", name, got)
		}
	}
	if !crmsync.IsKey(key) || crmsync.IsKey(key+"'") || crmsync.IsKey("pc") || crmsync.IsKey("") {
		t.Error("what a key is is not known")
	}
}
