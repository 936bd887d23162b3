package desk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/gorilla/websocket"

	"patchcord/crm"
)

// TestInABrowser has one browser for all; each test has a profile of its own in it.
func TestInABrowser(t *testing.T) {
	br := launch(t)
	tests := map[string]func(*testing.T, browser){
		"a wrong password is told and a right one lets in": aWrongPasswordIsToldAndARightOneLetsIn,
		"a pop follows its call":                           aPopFollowsItsCall,
		"a pop goes away when somebody else answers":       aPopGoesAwayWhenSomebodyElseAnswers,
		"hostile names are text":                           hostileNamesAreText,
		"a disposition by keyboard alone":                  aDispositionByKeyboardAlone,
		"loss and return without a reload":                 lossAndReturnWithoutAReload,
		"a PBX that is away is named":                      aPBXThatIsAwayIsNamed,
		"a supervisor sees every live call":                aSupervisorSeesEveryLiveCall,
		"a phone that nobody has is given away":            aPhoneThatNobodyHasIsGivenAway,
		"logging out ends the session":                     loggingOutEndsTheSession,
		"the first starts link makes the owner":            theFirstStartsLinkMakesTheOwner,
		"the login is renewed before it ends":              theLoginIsRenewedBeforeItEnds,
		"a call of before can be finished":                 aCallOfBeforeCanBeFinished,
		"the window that is one too many says so":          theWindowThatIsOneTooManySaysSo,
		"an old offer does not pop":                        anOldOfferDoesNotPop,
		"a gap is a PBX that is away":                      aGapIsAPBXThatIsAway,
		"a computer's wrong clock counts for nothing":      aComputersWrongClockCountsForNothing,
		"the CRM shows who calls":                          theCRMShowsWhoCalls,
		"what a call is to an agent":                       whatACallIsToAnAgent,
		"an expired login loses nothing":                   anExpiredLoginLosesNothing,
		"a server error is tried again":                    aServerErrorIsTriedAgain,
		"escape keeps what was typed":                      escapeKeepsWhatWasTyped,
		"a merged call keeps what was typed":               aMergedCallKeepsWhatWasTyped,
		"an old list turns no call back":                   anOldListTurnsNoCallBack,
		"the same words are said again":                    theSameWordsAreSaidAgain,
		"the tab key goes down the page":                   theTabKeyGoesDownThePage,
		"the keys find the call to write on":               theKeysFindTheCallToWriteOn,
		"contacts beyond the first five are counted":       contactsBeyondTheFirstFiveAreCounted,
		"a silent line is noticed":                         aSilentLineIsNoticed,
		"a page that slept looks at once":                  aPageThatSleptLooksAtOnce,
		"a change of the network is checked at once":       aChangeOfTheNetworkIsCheckedAtOnce,
		"a call that nobody knows of does not ring on":     aCallThatNobodyKnowsOfDoesNotRingOn,
		"a newer page is offered":                          aNewerPageIsOffered,
		"a clock that is set keeps pops coming":            aClockThatIsSetKeepsPopsComing,
		"somebody else's login ends the page":              somebodyElsesLoginEndsThePage,
		"two windows of one agent":                         twoWindowsOfOneAgent,
		"many calls at once":                               manyCallsAtOnce,
		"a press is for what stood there":                  aPressIsForWhatStoodThere,
		"a pressed row is not exchanged":                   aPressedRowIsNotExchanged,
		"the desktop tells of calls behind another window": theDesktopTellsOfCallsBehindAnotherWindow,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, br) })
	}
}

func aWrongPasswordIsToldAndARightOneLetsIn(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.shoot("login")
	b.keys("anna" + kb.Tab + "wrong" + kb.Enter)
	b.sees("#login-error", "do not match")
	b.run(chromedp.Focus("#username"))
	b.holds(`document.querySelector('#login').reset() === undefined`)
	b.login("anna")
	b.sees("#idle", "Ready for the next call")
	b.shoot("idle")
	if b.holds(`localStorage.length > 0 || document.cookie !== '' || Object.values(sessionStorage).some((v) => v.includes('access'))`) {
		t.Error("something of the login is where scripts can read it")
	}
}

func aPopFollowsItsCall(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	c := ringing("hq:1", "+442079460123", "Ada Lovelace")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID, crm.Match{ID: "c1", Name: "Ada Lovelace, Engines Ltd", Score: 1, Reason: "number"})
	b.sees(".card .number", "+442079460123")
	b.sees(".card .name", "Ada Lovelace")
	b.sees(".card .facts", "support")
	b.sees(".card .timer", "waiting 0:3")
	b.sees(".card .people", "Engines Ltd")
	b.until(`document.title.includes('Ada Lovelace is calling')`)
	b.sees("#announce", "Incoming call from Ada Lovelace, +442079460123, queue support")
	b.until(`document.activeElement.className === 'card'`)
	b.shoot("ringing")
	s.waitAck(c.Offers[0].ID)

	talk := answered(c)
	s.tell(crm.OfferAccepted, talk, c.Offers[0].ID)
	s.tell(crm.CallAnswered, talk, "")
	b.until(`document.querySelector('.card').dataset.state === 'talking'`)
	b.sees(".card .facts", "Waited 0:3")
	b.until(`/^0:0[1-9]$/.test(document.querySelector('.card .timer').textContent)`)
	b.shoot("talking")
	s.tell(crm.CallEnded, over(talk), "")
	b.until(`document.querySelector('.card').dataset.state === 'ended'`)
	b.sees("#recent-list", "To finish")
	b.shoot("ended")
	b.run(chromedp.EmulateViewport(390, 800))
	b.shoot("narrow")
	if b.holds(`document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the page is wider than a narrow screen")
	}
}

func (b *backend) waitAck(offer string) {
	b.t.Helper()
	b.wait("the ack of "+offer, func() bool {
		return len(b.acks) == 1 && b.acks[0].OfferID == offer && b.acks[0].User == "anna" && b.acks[0].Latency > 0
	})
}

func aPopGoesAwayWhenSomebodyElseAnswers(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	c := ringing("hq:1", "0301234567", "")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	b.sees(".card .badge", "Ringing")
	b.sees("#recent-list", "now")
	s.tell(crm.OfferRescinded, takenBy(c, "102"), c.Offers[0].ID)
	b.sees(".card .what", "Answered by bert (102)")
	b.run(chromedp.Click(".card .top button"))
	s.tell(crm.CallEnded, over(takenBy(c, "102")), "")
	b.sees("#recent-list", "Answered by bert (102)") // though its card is gone
	b.until(`document.title === 'patchcord'`)
	b.shoot("gone")
}

func hostileNamesAreText(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	name := `"><img src=x onerror=alert(1)>`
	c := ringing("hq:1", "0301234567", name)
	s.tell(crm.OfferCreated, c, c.Offers[0].ID, crm.Match{ID: "c1", Name: `<svg onload=alert(2)>`, Reason: `<b>`})
	b.sees(".card .name", name)
	b.sees(".card .people", `<svg onload=alert(2)>`)
	if b.holds(`document.querySelectorAll('.card img, .card svg, .card b, .recent img').length > 0`) {
		t.Error("markup from a caller's name is in the page")
	}

	long := ringing("hq:2", "0301234568", "\u202eevil\u2066"+strings.Repeat("Z\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309", 10)+strings.Repeat("W", 10_000))
	s.tell(crm.OfferCreated, long, long.Offers[0].ID)
	b.until(`document.querySelectorAll('.card').length === 2`)
	b.until(`[...document.querySelectorAll('.card .name')].some((n) => n.textContent.startsWith('evil') && n.textContent.endsWith('…'))`)
	if b.holds(`[...document.querySelectorAll('.card .name')].some((n) => /[\u202a-\u202e\u2066-\u2069]/.test(n.textContent) || [...new Intl.Segmenter().segment(n.textContent)].length > 80)`) {
		t.Error("controls of direction or an overlong name are in the page")
	}
	if b.holds(`document.documentElement.scrollWidth > innerWidth`) {
		t.Error("a long name broke the layout")
	}
	b.shoot("hostile")
}

func aDispositionByKeyboardAlone(t *testing.T, br browser) {
	s := newBackend(t)
	s.pending = 1
	b := br.open(t, s.url)
	b.login("anna")
	c := ringing("hq:1", "0301234567", "Ada")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	b.sees(".card .badge", "Ringing")
	talk := answered(c)
	s.tell(crm.CallAnswered, talk, "")
	b.until(`document.querySelector('.card').dataset.state === 'talking'`)
	b.keys(kb.F4 + "will call ba")
	b.until(`document.activeElement.tagName === 'TEXTAREA'`)

	next := ringing("hq:2", "0309999999", "Next")
	s.tell(crm.OfferCreated, next, next.Offers[0].ID)
	b.until(`document.querySelectorAll('.card').length === 2`)
	b.keys("ck")
	b.until(`document.activeElement.tagName === 'TEXTAREA' && document.activeElement.value === 'will call back'`)
	s.tell(crm.OfferRescinded, takenBy(next, "102"), next.Offers[0].ID)
	s.tell(crm.CallEnded, over(talk), "")
	b.until(`document.activeElement.closest('.card')?.dataset.state === 'ended'`)
	b.keys(kb.F8 + kb.ArrowDown)
	b.until(`document.activeElement.value === 'callback' && document.activeElement.checked`)
	b.shoot("focus")
	b.keys(kb.Enter)
	b.until(`[...document.querySelectorAll('.card .result')].some((n) => n.textContent.includes('trying again'))`)
	b.until(`[...document.querySelectorAll('.card .result')].some((n) => n.textContent.startsWith('Saved at'))`)
	b.sees("#recent-list", "Call back")
	s.mu.Lock()
	got := s.saved["hq:1"]
	s.mu.Unlock()
	if got.Code != "callback" || got.Note != "will call back" || got.By != "anna" {
		t.Errorf("saved is %+v, want callback with the note by anna", got)
	}
	b.keys(kb.Escape)
	b.until(`![...document.querySelectorAll('.card')].some((c) => c.dataset.state === 'ended')`)
}

func lossAndReturnWithoutAReload(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	c := ringing("hq:1", "0301234567", "Ada")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	talk := answered(c)
	s.tell(crm.CallAnswered, talk, "")
	b.until(`document.querySelector('.card').dataset.state === 'talking'`)
	b.keys(kb.F4 + "half a no")
	s.stop()
	b.sees("#banner", "Since ")
	b.sees("#link", "Not connected")
	b.shoot("lost")

	s.put(over(talk))
	second := ringing("hq:2", "0302222222", "Second")
	s.put(second)
	s.start(s.addr)
	b.sees("#link", "Connected")
	b.until(`document.querySelector('#banner').innerText === ''`)
	b.until(`[...document.querySelectorAll('.card')].some((c) => c.dataset.state === 'ended')`)
	b.until(`[...document.querySelectorAll('.card')].some((c) => c.dataset.state === 'ringing' && c.innerText.includes('Second'))`)
	b.until(`document.querySelector('textarea').value.length > 0 || [...document.querySelectorAll('textarea')].some((t) => t.value === 'half a no')`)

	b.run(chromedp.Reload())
	b.sees("#link", "Connected")
	b.sees(".card", "Second")
}

func aPBXThatIsAwayIsNamed(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	c := answered(ringing("hq:1", "0301234567", "Ada"))
	c.Talks[0].StartedAt = crm.At(time.Now().Add(-2 * time.Minute))
	s.tell(crm.CallAnswered, c, "")
	b.sees(".card .timer", "2:0")
	since := time.Now().Add(-90 * time.Second)
	away := pbxState("disconnected", since)
	s.hub.SetPBX("t", away)
	b.until(`document.querySelector('.card').dataset.past === 'yes' && /^0:(29|30)$/.test(document.querySelector('.card .timer').textContent)`)
	b.sees("#banner", "The PBX hq is disconnected")
	b.sees("#banner", "Since "+since.Local().Format("15:04:05"))
	b.shoot("pbx")
	b.run(chromedp.Reload())
	b.sees("#banner", "The PBX hq is disconnected")
	s.hub.SetPBX("t", pbxState("connected", time.Now()))
	b.until(`document.querySelector('#banner').innerText === ''`)
	b.until(`document.querySelector('.card').dataset.past === '' && document.querySelector('.card .timer').textContent.startsWith('2:')`)
}

func aSupervisorSeesEveryLiveCall(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	s.put(ringing("hq:1", "0301111111", "First of "+strings.Repeat("many", 15)))
	b.login("sue")
	b.sees("#board-rows", "rings at anna (100)")
	c := ringing("hq:2", "0302222222", "Second")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	b.sees("#board-rows", "Second")
	s.tell(crm.CallAnswered, answered(c), "")
	b.sees("#board-rows", "with anna (100)")
	b.until(`document.querySelectorAll('#board-rows bdi.number').length === 4`)
	if b.holds(`[...document.querySelectorAll('#board-rows bdi.number')].some((n) => n.getClientRects().length > 1)`) {
		t.Error("a number is broken over two lines")
	}
	if !b.holds(`[...document.querySelectorAll('#board-rows bdi.number')].every((n) => getComputedStyle(n).fontSize === getComputedStyle(document.body).fontSize)`) {
		t.Error("a number on the board is of the size of a pop's, and leaves no room for the rest")
	}
	b.shoot("board")
	b.run(chromedp.EmulateViewport(400, 800))
	b.until(`document.documentElement.clientWidth === 400`)
	if b.holds(`document.documentElement.scrollWidth > 400`) {
		t.Error("the board makes the page of a telephone wider than its screen")
	}
	if b.holds(`document.querySelectorAll('.card').length > 0`) {
		t.Error("an agent's pop is on the supervisor's page")
	}
	s.tell(crm.CallEnded, over(answered(c)), "")
	b.until(`!document.querySelector('#board-rows').innerText.includes('Second')`)
	b.sees("#recent-list", "answered")
}

func loggingOutEndsTheSession(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	b.run(chromedp.Click("#logout"))
	b.sees("#login-error", "logged out")
	b.run(chromedp.Reload())
	b.until(`document.body.dataset.view === 'login'`)
}

func theFirstStartsLinkMakesTheOwner(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url+"/#setup=one%2Ftime")
	b.sees("#login-title", "Create the owner")
	if b.holds(`location.hash !== ''`) {
		t.Error("the token stays in the address")
	}
	b.login("olga")
	b.sees("#board", "No call at the moment")
}

func theLoginIsRenewedBeforeItEnds(t *testing.T, br browser) {
	s := newBackend(t)
	s.life = 2
	b := br.open(t, s.url)
	b.login("anna")
	b.until(`document.body.dataset.view === 'desk'`)
	s.wait("the login to be renewed twice", func() bool { return s.refreshed >= 3 }) // one was the page's start
	b.sees("#link", "Connected")
}

func aCallOfBeforeCanBeFinished(t *testing.T, br browser) {
	s := newBackend(t)
	s.put(over(answered(ringing("hq:1", "0301234567", "Ada"))))
	b := br.open(t, s.url)
	b.login("anna")
	b.sees("#recent-list", "To finish")
	b.keys(kb.F9 + kb.Enter)
	b.until(`document.activeElement.className === 'card'`)
	b.keys(kb.F8 + " ")
	b.until(`document.querySelector('.card input:checked')?.value === 'resolved'`)
	b.keys(kb.F4 + "done")
	b.until(`document.activeElement.value === 'done'`)
	b.run(chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.sees("#recent-list", "Resolved")
}

func theWindowThatIsOneTooManySaysSo(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	for range 5 {
		ticket := s.token(s.tickets, "anna")
		conn, _, err := websocket.DefaultDialer.Dial("ws://"+s.addr+"/v1/push", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"op":"hello","ticket":"`+ticket+`"}`)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := conn.ReadMessage(); err != nil {
			t.Fatal(err)
		}
	}
	b.sees("#banner", "more than five times")
	b.run(chromedp.Click("#banner button"))
	b.sees("#link", "Connected")
}

// What a record means to anna, decided by the page's own script.
func whatACallIsToAnAgent(t *testing.T, br browser) {
	ring := ringing("hq:1", "0301234567", "Ada")
	talk := answered(ring)
	with := func(c *crm.Call, change func(*crm.Call)) *crm.Call {
		d := c.Clone()
		change(d)
		return d
	}
	result := func(r crm.Result, by string) *crm.Call {
		return with(ring, func(c *crm.Call) { c.Offers[0].Result, c.Offers[0].EndedAt, c.Offers[0].By = r, c.StartedAt, by })
	}
	tests := map[string]struct {
		call        *crm.Call
		state, text string
	}{
		"rings":                       {ring, "ringing", ""},
		"rings, but has ended":        {with(ring, func(c *crm.Call) { c.EndedAt = c.StartedAt }), "gone", "Ended"},
		"is accepted, not yet talked": {with(talk, func(c *crm.Call) { c.Talks = nil }), "talking", "Ended"},
		"talks":                       {talk, "talking", ""},
		"has ended":                   {over(talk), "ended", "Ended"},
		"the caller gave up":          {result(crm.ResultRescinded, "caller"), "gone", "The caller hung up"},
		"somebody unknown took it":    {result(crm.ResultRescinded, "103"), "gone", "Answered by 103"},
		"went elsewhere":              {result(crm.ResultRescinded, ""), "gone", "Gone elsewhere"},
		"was declined":                {result(crm.ResultRejected, ""), "gone", "You declined"},
		"was busy":                    {result(crm.ResultBusy, ""), "gone", "Your phone was busy"},
		"was not answered":            {result(crm.ResultNoAnswer, ""), "gone", "Not answered"},
		"could not be rung":           {result(crm.ResultFailed, ""), "gone", "Your phone could not be rung"},
		"was passed on": {with(talk, func(c *crm.Call) {
			c.Talks[0].EndedAt = crm.At(time.Now())
			c.Transfers = []crm.Transfer{{Kind: "blind", By: "100", To: "104"}}
		}), "left", "Passed on to 104"},
		"never was his": {with(over(talk), func(c *crm.Call) { c.Offers, c.Talks = nil, nil }), "other", "Ended"},
		"rings again after it was passed on": {with(talk, func(c *crm.Call) {
			c.Talks[0].EndedAt = crm.At(time.Now())
			c.Offers = append(c.Offers, crm.Offer{ID: "2", Extension: "100", Agent: "anna", StartedAt: crm.At(time.Now().Add(time.Second))})
		}), "ringing", ""},
	}
	s := newBackend(t)
	b := br.open(t, s.url)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			record, err := json.Marshal(tt.call)
			if err != nil {
				t.Fatal(err)
			}
			js := fmt.Sprintf(`import(document.querySelector('script').src.replace('main.js', 'calls.js')).then((m) => m.part(%s, 'anna'))`, record)
			got, err := chromedp.Run(b.ctx, chromedp.Evaluate[struct{ State, Text string }](js, chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			if got.State != tt.state || got.Text != tt.text {
				t.Errorf("got %q %q, want %q %q", got.State, got.Text, tt.state, tt.text)
			}
		})
	}
}

func anOldOfferDoesNotPop(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	old := ringing("hq:1", "0301111111", "Old")
	old.Offers[0].StartedAt = crm.At(time.Now().Add(-40 * time.Second))
	s.tell(crm.OfferCreated, old, old.Offers[0].ID)
	fresh := ringing("hq:2", "0302222222", "Fresh")
	s.tell(crm.OfferCreated, fresh, fresh.Offers[0].ID)
	b.sees(".card", "Fresh")
	if b.holds(`document.querySelectorAll('.card').length !== 1`) {
		t.Error("an offer of 40 seconds ago pops")
	}
	s.waitAck(fresh.Offers[0].ID)
}

func aGapIsAPBXThatIsAway(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	gap := &crm.Gap{ID: "hq:1-1", PBX: "hq", StartedAt: crm.At(time.Now()), Cause: crm.GapDisconnect}
	s.hub.Publish(&crm.Event{PBX: "hq", Pos: crm.Position{Epoch: 9, Seq: 1}, Type: crm.GapOpened, Tenant: "t", Gap: gap})
	b.sees("#banner", "The PBX hq is disconnected")
	b.sees("#idle", "Calls do not appear here now")
	s.hub.Publish(&crm.Event{PBX: "hq", Pos: crm.Position{Epoch: 9, Seq: 2}, Type: crm.GapClosed, Tenant: "t", Gap: gap})
	b.until(`document.querySelector('#banner').innerText === ''`)
}

// aComputersWrongClockCountsForNothing: how long something has lasted is told by the server's clock.
func aComputersWrongClockCountsForNothing(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	if !b.holds(`((now) => { Date.now = () => now() + 3_600_000; return Date.now() > now() + 3_500_000; })(Date.now.bind(Date))`) {
		t.Fatal("the page's clock is as it was")
	}
	b.login("sue")
	s.hub.SetPBX("t", pbxState("disconnected", time.Now().Add(-10*time.Second)))
	b.until(`/^\(0:[1-3]\d\)$/.test(document.querySelector('#banner .running').textContent)`)
	c := answered(ringing("hq:1", "0301234567", ""))
	s.tell(crm.CallAnswered, c, "")
	b.until(`/\b0:\d\d\b/.test(document.querySelector('#board').innerText) && !/1:00:\d\d/.test(document.querySelector('#board').innerText)`)
	s.hub.SetPBX("t", pbxState("connected", time.Now()))
	b.until(`document.querySelector('#banner').innerText === ''`)
	s.stop()
	b.until(`/^\(0:0\d\)$/.test(document.querySelector('#banner .running').textContent)`)
}

func aPhoneThatNobodyHasIsGivenAway(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("sue")
	b.sees("#phones", "hq/105")
	if !b.holds(`[...document.querySelectorAll('#phones li:first-child option')].map((o) => o.value).join() === ',anna,bert'`) {
		t.Error("offered to others than the agents who may log in")
	}
	give := func(name string) {
		b.run(chromedp.SetValue(`#phones li:first-child select`, name))
		b.holds(`document.querySelector('#phones select').dispatchEvent(new Event('change'))`)
		b.run(chromedp.Click(`#phones li:first-child button`))
	}
	give("bert")
	b.sees("#announce", "105 is bert's from now on")
	s.wait("105 to be bert's", func() bool { return s.given["105"] == "bert" })
	give("anna")
	b.sees("#phones .error", "names a PBX that is not configured")
	b.shoot("phones")
	b.run(chromedp.Reload())
	b.sees("#phones", "hq/106")
	if b.holds(`document.querySelector('#phones').textContent.includes('hq/105')`) {
		t.Error("a phone that was given away is still shown as nobody's")
	}
}
