package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
)

// docFiles is the page at /docs. It loads nothing from outside.
//
//go:embed docs
var docFiles embed.FS

// docsPolicy lets the page run its own script, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"

// serveDocs adds /openapi.json and the page that shows it.
func (a *API) serveDocs() error {
	spec, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return fmt.Errorf("api: openapi.json: %w", err)
	}
	a.routes.Handle("GET /openapi.json", static("application/json", spec))
	for path, file := range map[string]struct{ name, kind string }{
		"GET /docs":          {"docs/index.html", "text/html; charset=utf-8"},
		"GET /docs/docs.js":  {"docs/docs.js", "text/javascript; charset=utf-8"},
		"GET /docs/docs.css": {"docs/docs.css", "text/css; charset=utf-8"},
	} {
		b, err := docFiles.ReadFile(file.name)
		if err != nil {
			return fmt.Errorf("api: docs: %w", err)
		}
		a.routes.Handle(path, static(file.kind, b))
	}
	return nil
}

func static(kind string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Security-Policy", docsPolicy)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(body) // the client is gone; there is nobody to tell
	})
}
