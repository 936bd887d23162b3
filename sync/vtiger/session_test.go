package vtiger

import (
	"bytes"
	"net/http"
	"testing"

	crmsync "patchcord/sync"
)

// FuzzRead: an answer that can be read says the same behind whatever PHP prints before it, and what cannot is a
// failure of a class that is looked into.
func FuzzRead(f *testing.F) {
	f.Add("<br />\n<b>Warning</b>: {x}", `{"success":true,"result":{"id":"18x3"}}`)
	f.Add("", `{"success":false,"error":{"code":"INVALID_SESSIONID","message":"Session"}}`)
	f.Add("<html>", "Fatal error")
	f.Add("", `{"success":null}`)
	f.Fuzz(func(t *testing.T, noise, body string) {
		plain, err := read(crmsync.Answer{Status: http.StatusOK, Body: []byte(body)}, false)
		if err != nil {
			p, ok := err.(*crmsync.PushError)
			if !ok || p.Class != crmsync.Ambiguous {
				t.Fatalf("got %v, want a doubtful write", err)
			}
			return
		}
		if bytes.Contains([]byte(noise), []byte(`{"success":`)) || !bytes.HasPrefix([]byte(body), []byte(`{"success":`)) {
			return
		}
		behind, err := read(crmsync.Answer{Status: http.StatusOK, Body: []byte(noise + body)}, false)
		if err != nil || !bytes.Equal(behind.Result, plain.Result) || (behind.Fault == nil) != (plain.Fault == nil) {
			t.Fatalf("behind %q it is %+v, %v; alone %+v", noise, behind, err, plain)
		}
	})
}
