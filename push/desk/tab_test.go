package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a browser's page under test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// browser is one that runs, for as long as the test that launched it.
type browser struct{ ctx context.Context }

func launch(t *testing.T) browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("REQUIRE_SERVERS") == "1" {
			t.Fatal("chromium is not installed: apt-get install chromium")
		}
		t.Skip("chromium is not installed")
	}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(1280, 860),
	}
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	ctx, done := chromedp.NewContext(alloc)
	t.Cleanup(func() { done(); cancel() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return browser{ctx}
}

// open shows the backend's page to somebody new.
func (br browser) open(t *testing.T, url string) *tab {
	t.Helper()
	ctx, done := chromedp.NewContext(br.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(done)
	b := &tab{t, ctx}
	b.run(chromedp.Navigate(url), chromedp.WaitVisible("#login"))
	return b
}

func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.shoot("failed")
		b.t.Fatal(err)
	}
}

// until waits for a condition of the page, in its own language. The page's policy
// forbids scripts made of text, so the condition is asked for from outside.
func (b *tab) until(js string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		// An error is a page that is being loaded.
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](js)); err == nil && ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.shoot("failed")
			b.t.Fatalf("waited in vain for %s; the page says: %s", js, b.text("body"))
		}
	}
}

// sees waits until the element that the selector finds holds the text.
func (b *tab) sees(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`(document.querySelector(%s)?.innerText ?? '').includes(%s)`, quoted(selector), quoted(text)))
}

func (b *tab) text(selector string) string {
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%s)?.innerText ?? ''`, quoted(selector))))
	if err != nil {
		return err.Error()
	}
	return s
}

func (b *tab) holds(js string) bool {
	b.t.Helper()
	ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](js))
	if err != nil {
		b.t.Fatal(err)
	}
	return ok
}

func (b *tab) keys(text string) {
	b.t.Helper()
	b.run(chromedp.KeyEvent(text))
}

func (b *tab) login(user string) {
	b.t.Helper()
	b.until(`document.activeElement.id === 'username'`)
	b.keys(user + kb.Tab + password + kb.Enter)
	b.sees("#link", "Connected")
}

// shoot keeps a picture when SCREENSHOTS names a folder.
func (b *tab) shoot(name string) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	if png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100)); err == nil {
		name = strings.ReplaceAll(b.t.Name(), "/", "-") + "-" + name + ".png"
		os.WriteFile(filepath.Join(dir, name), png, 0o644)
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}
