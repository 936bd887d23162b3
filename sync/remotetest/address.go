package remotetest

import (
	"net/http"
	"strings"
	"testing"

	crmsync "patchcord/sync"
)

// others are programs that answer in place of the CRM, by what is to be said of them.
var others = map[string]http.HandlerFunc{
	"is the address right": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("<html><h1>Not Found</h1></html>"))
	},
	"https://new.example.net": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://new.example.net"+r.URL.RequestURI())
		w.WriteHeader(http.StatusMovedPermanently)
	},
}

// addresses has one of them answer from the first request on, or after a write.
func addresses(t *testing.T, open func(t *testing.T) Subject) {
	for says, other := range others {
		for name, before := range map[string]int{"from the first": 0, "after a write": 1} {
			t.Run(says+" "+name, func(t *testing.T) {
				s := open(t)
				calls := Calls{"hq:1.1": Ended("hq:1.1", "resolved"), "hq:2.1": Ended("hq:2.1", "resolved")}
				r := s.Records(t, calls)
				for range before {
					if err := r.Push(t.Context(), r.Repair("hq:1.1", "x")); err != nil {
						t.Fatal(err)
					}
				}
				s.Network.Handler = other
				if err := r.Push(t.Context(), r.Repair("hq:2.1", "x")); !kept(err) || !strings.Contains(err.Error(), says) {
					t.Errorf("it came to %v, want that the call is kept, and that it says %q", err, says)
				}
			})
		}
	}
}

// kept reports whether a push failed, and its job stays for later.
func kept(err error) bool {
	c := class(err)
	return err != nil && c != crmsync.Permanent && c != crmsync.Split && c != crmsync.Gone
}
