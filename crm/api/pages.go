package api

import (
	"net/http"
	"strings"
)

// HandlePages adds h for everything that no other route takes: pages and their files. What it does not have, or has not for the method, is
// answered with a problem document, unless a person asks, whose browser wants HTML.
func (a *API) HandlePages(h http.Handler) {
	a.outer.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			w = &pageWriter{ResponseWriter: w}
		}
		h.ServeHTTP(w, r)
	})
}

// pageWriter puts a problem document in the place of a refusal in plain text.
type pageWriter struct {
	http.ResponseWriter
	refused bool
}

// WriteHeader implements http.ResponseWriter.
func (p *pageWriter) WriteHeader(status int) {
	switch status {
	case http.StatusNotFound:
		p.refused = true
		writeProblem(p.ResponseWriter, nowhere())
	case http.StatusMethodNotAllowed:
		p.refused = true
		writeProblem(p.ResponseWriter, &Problem{Status: status, Detail: "This page takes " + p.Header().Get("Allow") + "."})
	default:
		p.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (p *pageWriter) Write(b []byte) (int, error) {
	if p.refused {
		return len(b), nil
	}
	return p.ResponseWriter.Write(b)
}
