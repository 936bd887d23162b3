package desk_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"patchcord/crm"
)

// line is the network between the page and the backend. Cut, it carries nothing and says nothing: connections stay open.
type line struct {
	url  string
	to   string
	mu   sync.Mutex
	wait *sync.Cond
	cut  bool // guarded by mu
	over bool // guarded by mu: the test has ended
}

func (b *backend) line() *line {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	ln := &line{url: "http://" + l.Addr().String(), to: b.addr}
	ln.wait = sync.NewCond(&ln.mu)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { ln.carry(near, &wg) })
		}
	})
	b.t.Cleanup(func() {
		l.Close()
		ln.set(func() { ln.over = true })
		b.stop()
		wg.Wait()
	})
	return ln
}

func (ln *line) set(change func()) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	change()
	ln.wait.Broadcast()
}

func (ln *line) silent(cut bool) { ln.set(func() { ln.cut = cut }) }

// passes waits while the line is cut.
func (ln *line) passes() bool {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	for ln.cut && !ln.over {
		ln.wait.Wait()
	}
	return !ln.over
}

func (ln *line) carry(near net.Conn, wg *sync.WaitGroup) {
	defer near.Close()
	if !ln.passes() {
		return
	}
	far, err := net.Dial("tcp", ln.to)
	if err != nil {
		return
	}
	defer far.Close()
	wg.Go(func() { ln.copy(far, near); far.Close(); near.Close() })
	ln.copy(near, far)
}

func (ln *line) copy(to io.Writer, from io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && ln.passes() {
			_, err = to.Write(b[:n])
		}
		if err != nil {
			return
		}
	}
}

func aSilentLineIsNoticed(t *testing.T, br browser) {
	s := newBackend(t)
	s.stop()
	s.keepalive = time.Second
	s.start("127.0.0.1:0")
	ln := s.line()
	b := br.open(t, ln.url)
	b.login("anna")
	still := ringing("hq:1", "0301111111", "Still")
	s.tell(crm.OfferCreated, still, still.Offers[0].ID)
	b.sees(".card .badge", "Ringing")
	began := time.Now()
	ln.silent(true)
	b.until(`document.querySelector('#link').innerText.includes('Not connected') || document.querySelector('#banner').innerText !== ''`)
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("noticed after %v, though the server is heard every second", d)
	}
	b.sees("#banner", "Nothing is heard from patchcord. Phones ring on, but calls are not shown here. Since ")
	b.until(`document.title === '⚠ Not connected – patchcord' && document.querySelector('link[rel=icon]').href.endsWith('icon-off.svg')`)
	b.until(`(() => { const [, m, s] = /\((\d+):(\d+)\)/.exec(document.querySelector('#banner .running').textContent); return m * 60 + +s >= 3; })()`)
	b.until(`document.querySelector('.card').dataset.past === 'yes' && document.querySelector('.badge').textContent === 'Was ringing'`)
	b.holds(`(globalThis.frozen = document.querySelector('.card .timer').textContent) !== ''`)
	b.shoot("silent")

	// One rings and is gone again before the page hears of it, one rings on.
	gone, waits := ringing("hq:2", "0302222222", "Gone"), ringing("hq:3", "0303333333", "Waits")
	s.tell(crm.OfferCreated, gone, gone.Offers[0].ID)
	s.tell(crm.OfferRescinded, takenBy(gone, "102"), gone.Offers[0].ID)
	s.tell(crm.CallEnded, over(takenBy(gone, "102")), "")
	s.tell(crm.OfferCreated, waits, waits.Offers[0].ID)
	if b.holds(`document.querySelector('.card .timer').textContent !== frozen`) {
		t.Error("the wait of a call that nothing is heard of goes on")
	}
	b.holds(`globalThis.said = [], new MutationObserver(() => said.push(document.querySelector('#announce').textContent)).observe(document.querySelector('#announce'), { childList: true }), true`)
	ln.silent(false)
	b.sees("#link", "Connected")
	b.until(`document.querySelector('#banner').innerText === ''`)
	b.until(`[...document.querySelectorAll('.card')].some((c) => c.innerText.includes('Waits'))`)
	b.until(`document.title === '☎ Waits is calling'`)
	b.until(`said.length > 0`)
	if b.holds(`said.length !== 1 || !said[0].includes('Waits') || document.querySelectorAll('.card').length !== 2`) {
		t.Errorf("a call that was gone pops: %s", b.text("#cards"))
	}
	s.wait("the ack of the call that rings on", func() bool { return len(s.acks) == 2 })
	b.sees("#recent-list", "Answered by bert (102)")
}

// aPageThatSleptLooksAtOnce: the clock has gone on while no timer of the page has.
func aPageThatSleptLooksAtOnce(t *testing.T, br browser) {
	s := newBackend(t)
	s.stop()
	s.keepalive = time.Minute
	s.start("127.0.0.1:0")
	ln := s.line()
	b := br.open(t, ln.url)
	b.login("anna")
	ln.silent(true)
	b.holds(`((now) => { Date.now = () => now() + 7_200_000; return true; })(Date.now.bind(Date))`)
	b.sees("#link", "Checking the line")
	ln.silent(false)
	b.sees("#link", "Connected")
}

func aChangeOfTheNetworkIsCheckedAtOnce(t *testing.T, br browser) {
	s := newBackend(t)
	ln := s.line()
	b := br.open(t, ln.url)
	b.login("anna")
	b.sees("#idle", "Ready for the next call")
	ln.silent(true)
	b.holds(`dispatchEvent(new Event('online'))`)
	b.sees("#link", "Checking the line")
	b.sees("#idle", "Calls do not appear here now")
	if b.text("#banner") != "" {
		t.Error("a check raises the alarm")
	}
	ln.silent(false)
	b.sees("#link", "Connected")
	c := ringing("hq:1", "0301234567", "Ada")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	b.sees(".card", "Ada")
}

func aCallThatNobodyKnowsOfDoesNotRingOn(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	c := ringing("hq:1", "0301234567", "Ada")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	b.sees(".card .badge", "Ringing")
	s.stop()
	b.sees("#link", "Not connected")
	s.mu.Lock()
	delete(s.calls, c.ID)
	s.mu.Unlock()
	s.start(s.addr)
	b.sees(".card .what", "What became of this call is not known")
	b.until(`document.querySelector('.card').dataset.state === 'gone' && document.title === 'patchcord'`)
}

func aNewerPageIsOffered(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	s.stop()
	b.sees("#link", "Not connected")
	s.start(s.addr)
	b.sees("#link", "Connected")
	b.until(`document.querySelector('#banner').innerText === ''`)
	s.mu.Lock()
	s.newer = true
	s.mu.Unlock()
	s.stop()
	b.sees("#link", "Not connected")
	s.start(s.addr)
	b.sees("#banner", "This page is still the old one")
	b.shoot("newer")
	s.mu.Lock()
	s.newer = false
	s.mu.Unlock()
	b.run(chromedp.Click("#banner button"))
	b.until(`document.querySelector('#banner').innerText === '' && document.querySelector('#link').innerText.includes('Connected')`)
}

// aClockThatIsSetKeepsPopsComing: this computer's, while the page is open, and that of the PBX, which stamps its events.
func aClockThatIsSetKeepsPopsComing(t *testing.T, br browser) {
	s := newBackend(t)
	b := br.open(t, s.url)
	b.login("anna")
	b.holds(`((now) => { Date.now = () => now() + 3_600_000; return true; })(Date.now.bind(Date))`)
	c := ringing("hq:1", "0301234567", "Ada")
	s.tell(crm.OfferCreated, c, c.Offers[0].ID)
	b.sees(".card .name", "Ada")
	b.sees(".card .timer", "waiting 0:3")

	slow := ringing("hq:2", "0302222222", "By a slow clock")
	slow.Offers[0].StartedAt = crm.At(time.Now().Add(-5 * time.Minute))
	s.put(slow)
	s.hub.Publish(&crm.Event{
		PBX: "hq", Pos: next(), Type: crm.OfferCreated, At: slow.Offers[0].StartedAt, Tenant: "t", Call: slow, OfferID: slow.Offers[0].ID,
	})
	b.until(`[...document.querySelectorAll('.card')].some((c) => c.innerText.includes('By a slow clock'))`)
}
