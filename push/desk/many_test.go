package desk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"patchcord/crm"
)

func manyCallsAtOnce(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	talk := answered(ringing("hq:talk", "0301234567", "Talks"))
	s.tell(crm.CallAnswered, talk, "")
	b.until(`document.querySelector('.card')?.dataset.state === 'talking'`)
	b.run(chromedp.EmulateViewport(1366, 768))
	b.holds(`document.querySelector('.card textarea').focus() === undefined`)
	for i := range 60 {
		c := ringing(fmt.Sprint("hq:", i), fmt.Sprintf("03011111%02d", i), fmt.Sprint("Caller ", i))
		c.StartedAt = crm.At(c.StartedAt.Add(-time.Duration(i) * time.Minute)) // who waits longest rings last
		c.Offers[0].StartedAt = crm.At(time.Now().Add(time.Duration(i) * time.Millisecond))
		s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	}
	b.until(`document.querySelectorAll('.card').length === 61`)
	b.until(`document.querySelector('.card').innerText.includes('Caller 59')`)
	b.shoot("sixty")
	b.holds(`document.activeElement.scrollIntoView() === undefined`)
	b.until(`scrollY > 500`)
	if !b.holds(`(() => { const r = document.querySelector('.card').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; })()`) {
		t.Error("the newest call that rings is out of sight of who writes a note")
	}
	if !b.holds(`(() => { const r = document.activeElement.getBoundingClientRect(); return document.elementFromPoint(r.x + 9, r.y + 9) === document.activeElement; })()`) {
		t.Error("the newest call covers the note that is being written")
	}
	if b.holds(`document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the page is wider than the screen")
	}
}

// aPressIsForWhatStoodThere: a call that comes must not bring its note under the pointer of who is about to write on another.
func aPressIsForWhatStoodThere(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	first, next := ringing("hq:1", "0301111111", "First"), ringing("hq:2", "0302222222", "Next")
	s.tell(crm.OfferCreated, first, first.Offers[0].ID)
	s.tell(crm.CallEnded, over(answered(first)), "")
	b.until(`document.querySelector('.card')?.dataset.state === 'ended'`)
	b.holds(`document.activeElement.blur() === undefined`)
	x, y := b.centre(".card textarea")
	b.run(chromedp.MouseEvent("mouseMoved", x, y))
	s.tell(crm.CallAnswered, answered(next), "")
	b.until(fmt.Sprintf(`document.elementFromPoint(%f, %f).closest('.card textarea') && document.elementFromPoint(%f, %f).closest('.card').dataset.call === 'hq:2'`, x, y, x, y))
	b.run(chromedp.MouseClickXY(x, y))
	if b.holds(`document.activeElement.tagName === 'TEXTAREA'`) {
		t.Fatal("a click on the note of one call goes to the other, which took its place in that moment")
	}
	b.run(chromedp.MouseEvent("mouseMoved", x+2, y+1), chromedp.MouseClickXY(x+2, y+1))
	b.until(`document.activeElement.closest('[data-call="hq:2"]') && document.activeElement.tagName === 'TEXTAREA'`)
}

func (b *tab) centre(selector string) (x, y float64) {
	b.t.Helper()
	js := fmt.Sprintf(`(() => { const r = document.querySelector(%s).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, quoted(selector))
	at, err := chromedp.Run(b.ctx, chromedp.Evaluate[[2]float64](js))
	if err != nil {
		b.t.Fatal(err)
	}
	return at[0], at[1]
}

// aPressedRowIsNotExchanged: the list of recent calls is read anew all the time, and a press takes a tenth of a second.
func aPressedRowIsNotExchanged(t *testing.T, br browser) {
	s := newBackend(t)
	s.put(over(answered(ringing("hq:1", "0301234567", "Ada"))))
	b := br.open(t, s.url)
	b.login("anna")
	b.sees("#recent-list", "Ada")
	x, y := b.centre("#recent-list button")
	b.run(chromedp.MouseEvent("mouseMoved", x, y), chromedp.MouseEvent("mousePressed", x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	for range 2 { // when it is read once more, what was read before has come
		lists := s.lists()
		s.tell(crm.CallEnded, over(answered(ringing("hq:2", "0302222222", "Next"))), "")
		s.wait("the list to be read anew", func() bool { return s.listed > lists })
	}
	b.run(chromedp.MouseEvent("mouseReleased", x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	b.sees(".card", "Ada")
	b.sees("#recent-list", "Next")
}

func (b *backend) lists() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.listed
}
