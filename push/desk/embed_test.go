package desk_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"patchcord/crm"
	"patchcord/push/desk"
)

func TestOnlyWhoIsConfiguredMayFrameThePage(t *testing.T) {
	if w := get(t, handler(t), "/embed"); w.Code != http.StatusNotFound {
		t.Errorf("/embed is %d without a configuration", w.Code)
	}
	const script = "https://acme.my.salesforce.com/support/api/66.0/lightning/opencti_min.js"
	h, err := desk.Handler(desk.Config{Embed: &desk.Embed{
		Ancestors: []string{"https://acme.lightning.force.com", "https://acme.my.salesforce.com"}, Script: script, CRM: `sf" onload="x`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := get(t, h, "/embed")
	policy, page := w.Header().Get("Content-Security-Policy"), w.Body.String()
	for _, want := range []string{
		"frame-ancestors https://acme.lightning.force.com https://acme.my.salesforce.com;", "script-src 'self' " + script + ";",
		"default-src 'none'", "connect-src 'self'",
	} {
		if !strings.Contains(policy+";", want) {
			t.Errorf("%s is not in %s", want, policy)
		}
	}
	if w.Code != http.StatusOK || !strings.Contains(page, `<script src="`+script+`">`) || strings.Contains(page, `sf" onload`) {
		t.Errorf("the page is %d: %.600s", w.Code, page)
	}
	if got := get(t, h, "/").Header().Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'none'") || strings.Contains(got, "salesforce") {
		t.Errorf("the page itself has %s", got)
	}
	plain, err := desk.Handler(desk.Config{Embed: &desk.Embed{Ancestors: []string{"https://acme.lightning.force.com"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, plain, "/embed"); !strings.Contains(got.Header().Get("Content-Security-Policy"), "require-trusted-types-for") || strings.Contains(got.Body.String(), "opencti") {
		t.Errorf("without a script: %v", got.Header())
	}
}

// openCTI notes what it is asked, as Salesforce's script would be.
const openCTI = `window.asked = []; window.sforce = { opencti: {
	SCREENPOP_TYPE: { SOBJECT: 'sobject' }, CALL_TYPE: { INBOUND: 'inbound' },
	screenPop: (a) => asked.push('pop ' + a.type + ' ' + a.params.recordId),
	searchAndScreenPop: (a) => asked.push('search ' + a.searchParams + ' ' + a.callType),
	disableClickToDial: () => asked.push('no dialling'),
} };`

// theCRMShowsWhoCalls: the embedded page logs in without a cookie, again and again, and has the CRM show the record.
func theCRMShowsWhoCalls(t *testing.T, br browser) {
	s := newBackend(t)
	s.life = 2
	b := br.open(t, s.url+"/embed")
	b.login("anna")
	known := ringing("hq:1", "+442079460123", "Ada Lovelace")
	s.tell(crm.OfferCreated, known, known.Offers[0].ID, crm.Match{ID: "sf:Contact:003000000000001AAA", Name: "Ada", Score: 1, Reason: "number"},
		crm.Match{ID: "other:contact:7", Name: "Ada", Score: 1, Reason: "number"})
	b.until(`asked.join() === 'no dialling,pop sobject 003000000000001AAA'`)
	s.tell(crm.CallUpdated, known, known.Offers[0].ID)
	unknown := ringing("hq:2", "+442079460999", "")
	s.tell(crm.OfferCreated, unknown, unknown.Offers[0].ID)
	b.until(`asked.slice(2).join() === 'search 442079460999 inbound'`)
	s.wait("the login to be renewed twice", func() bool { return s.refreshed >= 2 })
	if b.holds(`document.cookie !== '' || localStorage.length > 0 || Object.values(sessionStorage).some((v) => v.includes('access'))`) {
		t.Error("something of the login is where it can be read")
	}
	if len(s.cookies) != 0 {
		t.Errorf("cookies came: %v", s.cookies)
	}
	b.run(chromedp.Reload())
	b.until(`document.activeElement.id === 'username'`)
}
