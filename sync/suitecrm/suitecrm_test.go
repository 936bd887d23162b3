package suitecrm_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/remotetest"
	"patchcord/sync/suitecrm"
	"patchcord/sync/suitecrm/suitecrmtest"
)

type installation struct {
	*suitecrmtest.Server
	network   *remotetest.Network
	connector *suitecrm.Connector
}

func open(t *testing.T, change func(*suitecrmtest.Server, *suitecrm.Config)) installation {
	t.Helper()
	fake := suitecrmtest.New()
	i := installation{Server: fake, network: &remotetest.Network{Handler: fake}}
	cfg := suitecrm.Config{URL: "http://crm.example.net/", ClientID: "client", Secret: "hush", Client: crmsync.Client{Transport: i.network}}
	if change != nil {
		change(fake, &cfg)
	}
	var err error
	if i.connector, err = suitecrm.New(cfg); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestConnector(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		i := open(t, nil)
		return remotetest.Subject{Fake: i.Server, Network: i.network, Connector: i.connector, Sessions: true}
	})
}

func (i installation) push(t *testing.T, c *crm.Call, owners map[string]string) error {
	t.Helper()
	return remotetest.Push(t, "suite", i.connector, c, owners)
}

func want(t *testing.T, got, want suitecrmtest.Row) {
	t.Helper()
	for field, v := range want {
		if got[field] != v {
			t.Errorf("%s is %q, want %q", field, got[field], v)
		}
	}
}

// TestWhatPHPPrintsAroundAnAnswer: a refusal, a token that ended and an answer that holds nothing are told from the others all the same.
func TestWhatPHPPrintsAroundAnAnswer(t *testing.T) {
	const warning = "<br />\n<b>Deprecated</b>:  Creation of dynamic property Call::$x is deprecated in <b>/var/www/html/data/SugarBean.php</b> on line <b>1</b><br />\n"
	for name, printed := range map[string][2]string{"before": {warning + warning, ""}, "behind": {"", warning}, "both": {warning, warning}} {
		t.Run(name, func(t *testing.T) {
			i := open(t, func(s *suitecrmtest.Server, _ *suitecrm.Config) { s.Before, s.Behind = printed[0], printed[1] })
			contact := i.Put("Contacts", suitecrmtest.Row{"last_name": "Ann", "phone_work": "020 7946 0000"})
			c := remotetest.Ended("hq:1.1", "resolved")
			c.Contact = &crm.Match{ID: "suite:Contacts:" + contact}
			for _, c.Disposition.Code = range []string{"resolved", "callback"} {
				if err := i.push(t, c, nil); err != nil {
					t.Fatal(err)
				}
				i.ExpireSessions()
			}
			if got := i.Call(crmsync.Key("default", c.ID)); !strings.Contains(got["name"], "callback") || got["parent_id"] != contact {
				t.Errorf("got %v", got)
			}
			c.Disposition.Note = i.Bad()
			if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Permanent {
				t.Errorf("a refusal came to %v", p)
			}
			page, err := i.connector.Pull(t.Context(), "")
			if err != nil || len(page.Changed) != 1 {
				t.Errorf("contacts are %v, %v", page.Changed, err)
			}
		})
	}
}

func TestWhatACallSays(t *testing.T) {
	for _, old := range []bool{false, true} {
		t.Run(fmt.Sprint("old ", old), func(t *testing.T) { whatACallSays(t, old) })
	}
}

func whatACallSays(t *testing.T, old bool) {
	i := open(t, func(s *suitecrmtest.Server, _ *suitecrm.Config) { s.Old = old })
	contact := i.Put("Contacts", suitecrmtest.Row{"last_name": "Ann"})
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Contact = &crm.Match{ID: "suite:Contacts:" + contact}
	if err := i.push(t, c, map[string]string{"alice": "1"}); err != nil {
		t.Fatal(err)
	}
	key := crmsync.Key("default", c.ID)
	want(t, i.Call(key), suitecrmtest.Row{
		"id": crmsync.UUID(key), "name": "Inbound call +442079460000: resolved", "status": "Held", "direction": "Inbound", "date_start": "2026-11-22 01:02:03",
		"date_end": "2026-11-22 01:05:03", "duration_hours": "0", "duration_minutes": "3", "assigned_user_id": "1", "parent_type": "Contacts", "parent_id": contact, "contact_id": contact,
		"description": "O'Brien: 50% {off}\n\n[" + key + "]",
	})
	before := i.network.Requests()
	c.Disposition.Code = "callback"
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	want(t, i.Call(key), suitecrmtest.Row{"name": "Inbound call +442079460000: callback", "assigned_user_id": "1"})
	if got := i.network.Requests() - before; got != 2 {
		t.Errorf("a change took %d requests", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Run("a link that Calls do not have is left out", func(t *testing.T) {
		i := open(t, func(s *suitecrmtest.Server, _ *suitecrm.Config) { s.NoLink = "contact_id" })
		c := remotetest.Ended("hq:1.1", "resolved")
		c.Contact = &crm.Match{ID: "suite:Contacts:5"}
		if err := i.push(t, c, nil); err != nil {
			t.Fatal(err)
		}
		want(t, i.Call(crmsync.Key("default", c.ID)), suitecrmtest.Row{"contact_id": "", "parent_id": "5"})
	})
	t.Run("a call that people deleted is not made again", func(t *testing.T) {
		i := open(t, nil)
		c := remotetest.Ended("hq:1.1", "resolved")
		if err := i.push(t, c, nil); err != nil {
			t.Fatal(err)
		}
		i.Delete(crmsync.UUID(crmsync.Key("default", c.ID)))
		if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Permanent || !strings.Contains(p.Reason, "deleted") {
			t.Errorf("got %v", p)
		}
	})
	t.Run("a hook's words are not told", func(t *testing.T) {
		i := open(t, nil)
		c := remotetest.Ended("hq:1.1", "resolved")
		c.Disposition.Note = i.Bad() + " secret"
		if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Permanent || strings.Contains(p.Reason, "secret") {
			t.Errorf("got %v", p)
		}
	})
	t.Run("a wrong secret is asked about once", func(t *testing.T) {
		i := open(t, func(_ *suitecrmtest.Server, c *suitecrm.Config) { c.Secret = "wrong" })
		for range 3 {
			if p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)); p.Class != crmsync.Auth || !strings.Contains(p.Reason, "invalid_client") {
				t.Errorf("got %v", p)
			}
		}
		if n := i.network.Requests(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestOurUserMayNot: nearly everything is a 400, and one that is about our user parks no call, nor is a contact gone for it.
func TestOurUserMayNot(t *testing.T) {
	for detail, hint := range map[string]string{
		"[SuiteCRM] [AccessDeniedException] ":                                         "roles",
		"[SuiteCRM] [Not Allowed] The API user does not have access to this module. ": "displayed modules",
		"Module id is empty when trying to get Users":                                 "associated user",
		"Users module with id 4711 is not found":                                      "deleted",
		"Not found":                                                                   "active",
	} {
		i := open(t, nil)
		i.Unfit = detail
		if p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)); p.Class != crmsync.Auth || p.After == 0 || !strings.Contains(p.Reason, hint) {
			t.Errorf("%q is %v", detail, p)
		}
		if there, err := i.connector.Existing(t.Context(), "Contacts", []string{"5"}); err == nil {
			t.Errorf("%q: of the contacts there are %v", detail, there)
		}
		if found, err := i.connector.Find(t.Context(), []string{crmsync.Key("default", "hq:1.1")}); remotetest.Failure(t, err).Class != crmsync.Auth {
			t.Errorf("%q: a check finds %v, %v", detail, found, err)
		}
	}
}

func TestTheAPIOfVersion8AndAUsersPassword(t *testing.T) {
	i := open(t, func(s *suitecrmtest.Server, c *suitecrm.Config) {
		s.Base = "/legacy"
		c.Username, c.Secret = "sync", crm.Secret("hush\n"+s.Password)
	})
	contact := i.Put("Contacts", suitecrmtest.Row{"last_name": "Ann"})
	if err := i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); err != nil {
		t.Fatal(err)
	}
	page, err := i.connector.Pull(t.Context(), "")
	if err != nil || len(page.Changed) != 1 || page.Changed[0].URL != "http://crm.example.net/#/contacts/record/"+contact {
		t.Errorf("got %+v, %v", page, err)
	}
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	for _, old := range []bool{false, true} {
		t.Run(fmt.Sprint("old ", old), func(t *testing.T) { readsWhatIsThere(t, old) })
	}
}

func readsWhatIsThere(t *testing.T, old bool) {
	i := open(t, func(s *suitecrmtest.Server, _ *suitecrm.Config) { s.Old = old })
	c := remotetest.Ended("hq:1.1", "it's done")
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	i.Put("Calls", suitecrmtest.Row{"name": "a person's", "date_start": "2026-11-22 01:02:03"})
	list, next, err := i.connector.Activities(t.Context(), c.StartedAt.Time, c.StartedAt.Add(time.Second), "")
	if err != nil || next != "" || len(list) != 1 || list[0].Key != crmsync.Key("default", c.ID) || list[0].Fields["name"] != "Inbound call +442079460000: it's done" {
		t.Errorf("got %v, %q, %v", list, next, err)
	}
	if list, _, err := i.connector.Activities(t.Context(), c.StartedAt.Add(time.Second), c.StartedAt.Add(time.Hour), ""); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v of another hour", list, err)
	}
}

func TestContactsAreReadOnceAndThenTheirChanges(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	i := open(t, nil)
	i.Now = func() time.Time { return now }
	var all []string
	for n := range 250 {
		all = append(all, i.Put("Contacts", suitecrmtest.Row{"first_name": "Ann", "last_name": fmt.Sprint("O'C", n), "phone_work": fmt.Sprintf("020 7946 0%03d", n), "phone_home": "07700 900123", "account_name": "Acme & Co"}))
	}
	lead := i.Put("Leads", suitecrmtest.Row{"last_name": "Lou", "phone_mobile": "07700 900999", "status": "New"})
	i.Put("Accounts", suitecrmtest.Row{"name": "Acme & Co", "phone_office": "+44 20 7946 9999"})
	people, into, token, pages := map[string]crmsync.Person{}, map[crmsync.Ref]crmsync.Ref{}, "", 0
	read := func() {
		t.Helper()
		for more := true; more; pages++ {
			page, err := i.connector.Pull(t.Context(), token)
			if err != nil || pages > 50 {
				t.Fatal(pages, err)
			}
			for _, p := range page.Changed {
				people[p.ID] = p
			}
			for _, ref := range page.Gone {
				delete(people, ref.ID)
			}
			maps.Copy(into, page.Into)
			token, more = page.Token, page.More
		}
	}
	now = now.Add(time.Minute)
	read()
	if got := people[all[0]]; len(people) != 252 || got.Name != "Ann O'C0" || got.Company != "Acme & Co" || len(got.Numbers) != 2 ||
		got.URL != "http://crm.example.net/index.php?module=Contacts&action=DetailView&record="+all[0] {
		t.Fatalf("%d people, %+v", len(people), got)
	}
	now = now.Add(time.Minute)
	for _, id := range all[:100] { // exactly a page
		i.Put("Contacts", suitecrmtest.Row{"id": id, "last_name": "Renamed"})
	}
	i.Put("Leads", suitecrmtest.Row{"id": lead, "status": "Converted", "contact_id": all[0]})
	now = now.Add(time.Minute)
	read()
	pages = 0
	now = now.Add(time.Minute)
	i.Put("Contacts", suitecrmtest.Row{"id": all[200], "last_name": "Late"})
	now = now.Add(time.Minute)
	read()
	if len(people) != 251 || people[all[99]].Name != "Renamed" || people[all[200]].Name != "Late" || pages != 4 || into[crmsync.Ref{Object: "Leads", ID: lead}].ID != all[0] {
		t.Errorf("%d people after %d pages", len(people), pages)
	}
	for _, old := range []bool{false, true} {
		i.Old = old
		i.Delete(all[3])
		there, err := i.connector.Existing(t.Context(), "Contacts", all[:few])
		if err != nil || there[all[3]] || !there[all[4]] {
			t.Errorf("old %v: there are %v, %v", old, there, err)
		}
	}
}

// few is no more than what an old version is asked about at once.
const few = 20

// TestNoToken is what a fresh installation answers, without keys, and of a client that it does not know.
func TestNoToken(t *testing.T) {
	for name, c := range map[string]struct {
		body  string
		class crmsync.Class
		says  string
	}{
		"no keys":           {"", crmsync.Transient, "private.key"},
		"an unknown client": {`{"error":"unknown_error","message":"OAuth2Clients module with id 4711 is not found"}`, crmsync.Auth, "id 4711 is not found"},
	} {
		t.Run(name, func(t *testing.T) {
			i := open(t, nil)
			i.network.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, c.body)
			})
			_, err := i.connector.Find(t.Context(), []string{crmsync.Key("default", "")})
			if p := remotetest.Failure(t, err); p.Class != c.class || !strings.Contains(p.Reason, c.says) {
				t.Errorf("got %v", p)
			}
		})
	}
}

func TestAConfigurationIsChecked(t *testing.T) {
	_, err := suitecrm.New(suitecrm.Config{Username: "u", Contacts: []string{"Calls"}})
	for _, field := range []string{"url", "client_id", "secret_file", "contacts"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}
