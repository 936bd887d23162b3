package desk_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"patchcord/push/desk"
)

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func handler(t *testing.T) http.Handler {
	t.Helper()
	h, err := desk.Handler(desk.Config{Version: `1.0 <b>`})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestPageAndItsFiles(t *testing.T) {
	h := handler(t)
	page := get(t, h, "/")
	if page.Code != http.StatusOK || page.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("the page is %d with Cache-Control %q", page.Code, page.Header().Get("Cache-Control"))
	}
	if strings.Contains(page.Body.String(), "<b>") {
		t.Error("the version is not escaped")
	}
	files := regexp.MustCompile(`/assets/[0-9a-f]+/[a-z.]+`).FindAllString(page.Body.String(), -1)
	if len(files) < 3 {
		t.Fatalf("the page names %d files, want icon, style and script", len(files))
	}
	for _, f := range files {
		w := get(t, h, f)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s is %d with Cache-Control %q", f, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	dir := files[0][:strings.LastIndex(files[0], "/")+1]
	for _, path := range []string{"/nothing", "/assets/", dir, dir + "nothing.js", "/assets/0000/main.js", dir + "../../page.html"} {
		if w := get(t, h, path); w.Code == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}

func TestEveryAnswerIsLockedDown(t *testing.T) {
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
			"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
		"X-Content-Type-Options": "nosniff",
		"Referrer-Policy":        "no-referrer",
	}
	h := handler(t)
	for _, path := range []string{"/", "/nothing"} {
		for name, value := range want {
			if got := get(t, h, path).Header().Get(name); got != value {
				t.Errorf("%s of %s is %q, want %q", name, path, got, value)
			}
		}
	}
}

// What came through a phone call becomes text nodes only, and nothing is loaded
// from elsewhere.
func TestScriptsMakeNoMarkupAndLoadNothingForeign(t *testing.T) {
	h := handler(t)
	page := get(t, h, "/").Body.String()
	base := regexp.MustCompile(`/assets/[0-9a-f]+/`).FindString(page)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\b|new Function`)
	foreign := regexp.MustCompile(`(https?|wss?)://[^'"\s]*\.`)
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|\son[a-z]+=|\sstyle=`)
	if inline.MatchString(page) || foreign.MatchString(page) {
		t.Error("the page has inline script or style, or names another site")
	}
	for _, name := range []string{"main.js", "session.js", "socket.js", "desk.js", "card.js", "calls.js", "board.js", "recent.js", "banner.js", "text.js", "drafts.js", "crm.js", "phones.js", "notify.js", "save.js", "steady.js", "tab.js", "time.js", "version.js", "desk.css"} {
		w := get(t, h, base+name)
		body, err := io.ReadAll(w.Result().Body)
		if err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d, %v", name, w.Code, err)
		}
		if m := markup.Find(body); m != nil {
			t.Errorf("%s uses %s", name, m)
		}
		if m := foreign.Find(body); m != nil {
			t.Errorf("%s names %s", name, m)
		}
	}
}
