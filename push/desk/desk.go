// Package desk is the page that agents have open all day: calls that ring at
// them, what they say a call came to, and whether anything is disconnected.
// Supervisors see every live call on it. It is one template and a few scripts,
// compiled in; it keeps no state and knows no one: everything a person sees comes
// from the API and the WebSocket, with that person's login.
package desk

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed page.html
var pageText string

//go:embed assets
var assets embed.FS

// policy lets the page use our own files and nothing else, and makes turning a
// string into markup an error.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// Config says what the page shows of its surroundings.
type Config struct {
	Version string // of the daemon; default none
	Embed   *Embed // nil: there is no /embed
}

// Handler serves "/", "/assets/…" and, if configured, "/embed", and 404 for every other path. Files are
// under a path that changes with their content, so browsers may keep them for ever.
func Handler(cfg Config) (http.Handler, error) {
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, fmt.Errorf("open the desk's files: %w", err)
	}
	sum, err := digest(files)
	if err != nil {
		return nil, err
	}
	base := "/assets/" + sum + "/"
	page, err := render(cfg, base, nil)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { writePage(w, page) })
	if cfg.Embed != nil {
		embedded, err := render(cfg, base, cfg.Embed)
		if err != nil {
			return nil, err
		}
		mux.HandleFunc("GET /embed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", cfg.Embed.policy())
			writePage(w, embedded)
		})
	}
	serve := http.StripPrefix(base, http.FileServerFS(files))
	mux.HandleFunc("GET "+base, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		serve.ServeHTTP(w, r)
	})
	return secure(mux), nil
}

func writePage(w http.ResponseWriter, page []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(page) // the client is gone when this fails
}

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		next.ServeHTTP(w, r)
	})
}

func render(cfg Config, base string, embed *Embed) ([]byte, error) {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("parse the desk's page: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, struct {
		Base, Version string
		Embed         *Embed
	}{base, cfg.Version, embed}); err != nil {
		return nil, fmt.Errorf("render the desk's page: %w", err)
	}
	return b.Bytes(), nil
}

// digest is made of every file's name and content.
func digest(files fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%s\n%d\n%s", name, len(b), b)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the desk's files: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
