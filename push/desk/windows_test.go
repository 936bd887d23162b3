package desk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"patchcord/crm"
)

// another opens the page in a second window of the same browser, where a cookie logs in.
func (b *tab) another(url string) *tab {
	b.t.Helper()
	ctx, done := chromedp.NewContext(b.ctx)
	b.t.Cleanup(done)
	w := &tab{b.t, ctx}
	w.run(chromedp.Navigate(url))
	w.sees("#link", "Connected")
	return w
}

func somebodyElsesLoginEndsThePage(t *testing.T, br browser) {
	s := newBackend(t)
	s.life = 2
	b := br.open(t, s.url)
	b.login("anna")
	c := ringing("hq:1", "0301234567", "Ada")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	b.sees(".card", "Ada")
	login := fmt.Sprintf(`fetch('/v1/auth/login', { method: 'POST', body: JSON.stringify({ username: 'bert', password: %q, cookie: true }) }).then((r) => r.ok)`, password)
	if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](login, chromedp.EvalAwaitPromise)); err != nil || !ok {
		t.Fatalf("bert cannot log in: %v", err)
	}
	b.sees("#login-error", "bert has logged in in another window")
	b.until(`document.title === '⚠ Logged out – patchcord'`)
	if b.holds(`document.querySelectorAll('.card').length > 0`) {
		t.Error("anna's calls are still shown")
	}
}

func twoWindowsOfOneAgent(t *testing.T, br browser) {
	s := newBackend(t)
	a := br.open(t, s.url)
	a.login("anna")
	b := a.another(s.url)
	c := ringing("hq:1", "0301234567", "Ada")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	s.tell(crm.CallEnded, over(answered(c)), "")
	for _, w := range []*tab{a, b} {
		w.until(`document.querySelector('.card')?.dataset.state === 'ended'`)
	}
	choose := func(w *tab, code string) {
		w.holds(fmt.Sprintf(`((i) => { i.focus(); i.click(); return true; })(document.querySelector('.card input[value=%s]'))`, code))
	}
	press := func(w *tab) { w.holds(`document.querySelector('.card .primary').click() === undefined`) }

	// The other one follows, and keeps what is being typed in it.
	b.holds(`(() => { const t = document.querySelector('.card textarea'); t.focus(); t.value = 'half a no'; return t.dispatchEvent(new Event('input', { bubbles: true })); })()`)
	choose(a, "resolved")
	press(a)
	a.sees(".card .result", "Saved at")
	b.sees(".card .result", "“Resolved” was saved in another window at")
	b.sees(".card .result", "What you typed is kept")
	if !b.holds(`document.querySelector('.card textarea').value === 'half a no' && !document.querySelector('.card input:checked')`) {
		t.Error("what was typed is not there any more")
	}
	b.sees("#recent-list", "Resolved")
	b.shoot("typed")
	choose(b, "callback")
	press(b)
	b.sees(".card .result", "Saved at")
	a.sees(".card .result", "“Call back” with the note “half a no” was saved in another window at")
	a.until(`document.querySelector('.card input:checked').value === 'callback'`)

	// Neither has heard of the other's: who is second is told.
	s.mu.Lock()
	d := s.calls["hq:1"].Clone()
	s.mu.Unlock()
	d.Disposition = &crm.Disposition{Code: "escalated", By: "bert", At: crm.At(time.Now().Add(time.Second))}
	s.put(d)
	choose(a, "resolved")
	press(a)
	a.sees(".card .result", "Not saved: “Escalated” was saved by bert at")
	a.shoot("loser")
	s.mu.Lock()
	if got := s.calls["hq:1"].Disposition.Code; got != "escalated" {
		t.Errorf("%q has replaced what was not seen", got)
	}
	s.mu.Unlock()
	press(a)
	a.sees(".card .result", "Saved at")
	s.wait("the second answer", func() bool { return s.calls["hq:1"].Disposition.Code == "resolved" })
}

// notification notes what the desktop is told, as the browser's own would.
const notification = `(() => {
	globalThis.told = [];
	globalThis.Notification = class extends EventTarget {
		static permission = 'default';
		static async requestPermission() { Notification.permission = 'granted'; }
		constructor(title, { body, tag }) { super(); told.push(this); Object.assign(this, { title, body, tag, open: true }); }
		close() { this.open = false; }
	};
	return true;
})()`

func theDesktopTellsOfCallsBehindAnotherWindow(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.holds(notification)
	b.login("anna")
	b.run(chromedp.Click("#notify"))
	b.until(`document.querySelector('#notify').hidden`)
	c := ringing("hq:1", "0301234567", `<b>Ada</b>`)
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	b.sees(".card", "Ada")
	if b.holds(`told.length > 0`) {
		t.Error("the desktop tells of a call that is in sight")
	}
	b.holds(`(document.hasFocus = () => false, true)`)
	d := ringing("hq:2", "0302222222", "Grace")
	s.tell(crm.OfferCreated, d, d.Offers[0].ID)
	b.until(`told.length === 1 && told[0].title === '☎ Grace is calling' && told[0].body === '0302222222' && told[0].tag === 'hq:2' && told[0].open`)
	s.tell(crm.OfferRescinded, takenBy(d, "102"), d.Offers[0].ID)
	b.until(`!told[0].open`)
}
