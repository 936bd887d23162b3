package desk_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"patchcord/crm"
)

// talks shows anna in a call, writing its note.
func (b *tab) talks(s *backend, id, note string) *crm.Call {
	b.t.Helper()
	c := ringing(id, "0301234567", "Ada")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	talk := answered(c)
	s.tell(crm.CallAnswered, talk, "")
	b.until(`document.querySelector('.card')?.dataset.state === 'talking'`)
	b.keys(kb.F4 + note)
	b.until(`document.activeElement.value === ` + quoted(note))
	return talk
}

func anExpiredLoginLosesNothing(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	s.tell(crm.CallEnded, over(b.talks(s, "hq:1", "calls back at nine")), "")
	b.until(`document.querySelector('.card').dataset.state === 'ended'`)
	b.keys(kb.F8 + " ")
	b.until(`document.querySelector('.card input:checked') !== null`)
	expire := func() {
		s.mu.Lock()
		s.expired = true
		s.mu.Unlock()
		b.keys(kb.Enter)
		b.sees("#login-error", "what you typed is kept")
		b.holds(`document.querySelector('#login').reset() === undefined`)
	}
	expire()
	b.login("anna")
	b.sees(".card .badge", "Ended")
	b.until(`document.querySelector('.card textarea').value === 'calls back at nine'`)
	b.until(`document.querySelector('.card input:checked')?.value === 'resolved'`)
	b.keys(kb.F8)
	b.until(`document.activeElement.type === 'radio'`)
	expire()
	b.login("bert")
	b.sees("#recent-list", "Ada")
	b.keys(kb.F9 + kb.Enter)
	b.until(`document.activeElement.className === 'card'`)
	if b.holds(`document.querySelector('.card textarea').value !== ''`) {
		t.Error("the next to log in sees what anna typed")
	}
}

func aServerErrorIsTriedAgain(t *testing.T, br browser) {
	s := newBackend(t)
	s.pending, s.failing = 1, 500
	b := br.open(t, s.url)
	b.login("anna")
	s.tell(crm.CallEnded, over(b.talks(s, "hq:1", "one")), "")
	b.until(`document.querySelector('.card').dataset.state === 'ended'`)
	b.keys(kb.F8 + " " + kb.Tab + kb.Tab + kb.Enter)
	b.sees(".card .result", "Not saved yet")
	if !b.holds(`document.activeElement.className === 'primary'`) {
		t.Error("the button loses the focus while it saves")
	}
	b.keys(kb.F4 + kb.End + " two") // is part of the next attempt
	b.sees(".card .result", "Saved at")
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.saved["hq:1"].Note; got != "one two" {
		t.Errorf("saved the note %q, want what stood there at the last attempt", got)
	}
}

func escapeKeepsWhatWasTyped(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	s.tell(crm.CallEnded, over(b.talks(s, "hq:1", "half a no")), "")
	b.until(`document.querySelector('.card').dataset.state === 'ended'`)
	b.keys(kb.Escape + "te")
	b.until(`document.querySelector('.card textarea')?.value === 'half a note'`)
}

func aMergedCallKeepsWhatWasTyped(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	first := ringing("hq:0", "0307777777", "First")
	s.tell(crm.OfferCreated, first, first.Offers[0].ID)
	first = answered(first)
	s.tell(crm.CallAnswered, first, "")
	b.until(`document.querySelector('.card')?.dataset.state === 'talking'`)
	consult := b.consults(s)
	b.keys(kb.F2 + kb.F4 + "wants a refu")
	b.until(`document.activeElement.value === 'wants a refu'`)
	s.merge(consult, first)
	b.until(`document.querySelectorAll('.card').length === 1`)
	b.keys("nd")
	b.until(`document.activeElement.value === 'wants a refund'`)
}

// consults has anna in a second call, newer than the first.
func (b *tab) consults(s *backend) *crm.Call {
	b.t.Helper()
	c := ringing("hq:2", "0308888888", "Consult")
	c.StartedAt = c.Offers[0].StartedAt
	c = answered(c)
	s.tell(crm.CallAnswered, c, "")
	b.until(`document.querySelectorAll('.card').length === 2`)
	return c
}

func anOldListTurnsNoCallBack(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	talk := b.talks(s, "hq:1", "x")
	s.tell(crm.CallEnded, over(talk), "")
	b.until(`document.querySelector('.card').dataset.state === 'ended'`)
	s.put(talk) // the list is older than the socket
	b.sees("#recent-list", "now")
	b.keys(kb.F9 + kb.Enter)
	b.until(`document.activeElement.className === 'card'`)
	if !b.holds(`document.activeElement.dataset.state === 'ended'`) {
		t.Error("a call that has ended is talking again")
	}
}

func theSameWordsAreSaidAgain(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	b.holds(`globalThis.said = 0, new MutationObserver(() => said++).observe(document.querySelector('#announce'), { childList: true }), true`)
	for i := range 2 {
		c := ringing(fmt.Sprintf("hq:%d", i), "", "")
		s.tell(crm.OfferCreated, c, c.Offers[0].ID)
		b.until(fmt.Sprintf(`document.querySelectorAll('.card').length === %d`, i+1))
	}
	b.sees("#announce", "an unknown name, no number")
	b.until(`globalThis.said === 2`)
}

func theTabKeyGoesDownThePage(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	b.talks(s, "hq:1", "x")
	next := ringing("hq:2", "0302222222", "Next")
	s.tell(crm.OfferCreated, next, next.Offers[0].ID)
	b.until(`document.querySelectorAll('.card').length === 2`)
	s.tell(crm.OfferRescinded, takenBy(next, "102"), next.Offers[0].ID)
	b.until(`[...document.querySelectorAll('.card')].some((c) => c.dataset.state === 'gone')`)
	if !b.holds(`[...document.querySelectorAll('.card')].map((c) => c.dataset.state).join() === 'talking,gone'`) {
		t.Error("the cards are in another order for the tab key than for the eye")
	}
	b.keys("y")
	b.until(`document.activeElement.value === 'xy'`)
}

func theKeysFindTheCallToWriteOn(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	c := answered(ringing("hq:1", "0301234567", "Ada"))
	s.tell(crm.CallAnswered, c, "")
	b.sees(".card .badge", "Talking")
	next := ringing("hq:2", "0302222222", "Next")
	s.tell(crm.OfferCreated, next, next.Offers[0].ID)
	b.until(`document.activeElement.dataset.state === 'ringing'`)
	b.keys(kb.F4 + "note")
	b.until(`document.querySelector('.card[data-state=talking] textarea').value === 'note'`)
}

func contactsBeyondTheFirstFiveAreCounted(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	many := make([]crm.Match, 12)
	for i := range many {
		many[i] = crm.Match{ID: fmt.Sprint(i), Name: fmt.Sprint("Contact ", i), Reason: "number"}
	}
	c := ringing("hq:1", "0301234567", "")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID, many...)
	b.sees(".card .people", "and 7 more")
	b.sees("#announce", "an unknown name")
	one := ringing("hq:2", "0302222222", "")
	s.tell(crm.OfferCreated, one, one.Offers[0].ID, crm.Match{ID: "c", Name: "王小明 🎉", Reason: "number"})
	b.sees("#announce", "Incoming call from 王小明 🎉, 0302222222")
}
