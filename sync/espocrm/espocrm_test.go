package espocrm_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/espocrm"
	"patchcord/sync/espocrm/espocrmtest"
	"patchcord/sync/remotetest"
)

type installation struct {
	*espocrmtest.Server
	network   *remotetest.Network
	connector *espocrm.Connector
}

func open(t *testing.T, change func(*espocrmtest.Server, *espocrm.Config)) installation {
	t.Helper()
	fake := espocrmtest.New()
	i := installation{Server: fake, network: &remotetest.Network{Handler: fake}}
	cfg := espocrm.Config{URL: "http://crm.example.net/", Secret: crm.Secret(fake.Key), Client: crmsync.Client{Transport: i.network}}
	if change != nil {
		change(fake, &cfg)
	}
	var err error
	if i.connector, err = espocrm.New(cfg); err != nil {
		t.Fatal(err)
	}
	return i
}

func withPassword(s *espocrmtest.Server, c *espocrm.Config) {
	c.Username, c.Secret = s.User, crm.Secret(s.Password)
}

func signed(s *espocrmtest.Server, c *espocrm.Config) {
	s.Secret = "secret of the API user"
	c.APIKey, c.Secret = s.Key, crm.Secret(s.Secret)
}

func TestConnector(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		i := open(t, withPassword)
		return remotetest.Subject{Fake: i.Server, Network: i.network, Connector: i.connector, Sessions: true}
	})
}

func (i installation) push(t *testing.T, c *crm.Call, owners map[string]string) error {
	t.Helper()
	return remotetest.Push(t, "espo", i.connector, c, owners)
}

func TestWhatACallSays(t *testing.T) {
	i := open(t, nil)
	contact, owner := i.Put("Contact", espocrmtest.Row{"name": "Ann"}), i.Put("User", espocrmtest.Row{"name": "Alice"})
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Contact = &crm.Match{ID: "espo:Contact:" + contact}
	if err := i.push(t, c, map[string]string{"alice": owner}); err != nil {
		t.Fatal(err)
	}
	key := crmsync.Key("default", c.ID)
	want := espocrmtest.Row{
		"name": "Inbound call +442079460000: resolved", "status": "Held", "direction": "Inbound", "dateStart": "2026-11-22 01:02:03", "dateEnd": "2026-11-22 01:04:13",
		"assignedUserId": owner, "parentType": "Contact", "parentId": contact, "description": "O'Brien: 50% {off}\n\n[" + key + "]",
	}
	got := i.Call(key)
	for field, v := range want {
		if got[field] != v {
			t.Errorf("%s is %v, want %v", field, got[field], v)
		}
	}
	if fmt.Sprint(got["contactsIds"]) != "["+contact+"]" {
		t.Errorf("the contacts are %v", got["contactsIds"])
	}
	got["contactsIds"] = []any{contact, "whom a person added"}
	c.Disposition.Code = "callback"
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	got = i.Call(key)
	if got["name"] != "Inbound call +442079460000: callback" || len(got["contactsIds"].([]any)) != 2 || got["assignedUserId"] != owner {
		t.Errorf("after an edit it is %v", got)
	}
}

func TestANameThatNoFieldTakes(t *testing.T) {
	i := open(t, nil)
	c := remotetest.Ended("hq:1.1", "resolved")
	c.From.E164, c.From.Number = "", ""
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	if got := i.Call(crmsync.Key("default", c.ID)); got["name"] != `Inbound call Ann's "Bar" &  b Grill /b : resolved` || got["assignedUserId"] != "u0" {
		t.Errorf("got %v", got)
	}
}

func TestALinkThatIsGoneIsLeftOut(t *testing.T) {
	for name, terse := range map[string]bool{"by its label": false, "by the reason alone": true} {
		t.Run(name, func(t *testing.T) {
			i := open(t, func(s *espocrmtest.Server, _ *espocrm.Config) { s.Terse = terse })
			c := remotetest.Ended("hq:1.1", "resolved")
			c.Contact = &crm.Match{ID: "espo:Lead:gone"}
			if err := i.push(t, c, map[string]string{"alice": "left"}); err != nil {
				t.Fatal(err)
			}
			if got := i.Call(crmsync.Key("default", c.ID)); got["parentId"] != nil || got["leadsIds"] != nil || got["assignedUserId"] != "u0" || got["status"] != "Held" {
				t.Errorf("got %v, want the call without the lead, assigned to us", got)
			}
		})
	}
}

func TestARoleThatMayAssignToNobodyNeedsAPerson(t *testing.T) {
	i := open(t, func(s *espocrmtest.Server, _ *espocrm.Config) { s.Teamless = true })
	c := remotetest.Ended("hq:1.1", "resolved")
	if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Auth || p.After == 0 || !strings.Contains(p.Reason, "Assignment failure") {
		t.Errorf("got %v", p)
	}
}

// TestARoleThatShowsNoUsersParksNoCall: every call has an owner, so it is about none of them.
func TestARoleThatShowsNoUsersParksNoCall(t *testing.T) {
	for name, terse := range map[string]bool{"by its label": false, "by the reason alone": true} {
		t.Run(name, func(t *testing.T) {
			i := open(t, func(s *espocrmtest.Server, _ *espocrm.Config) { s.Userless, s.Terse = true, terse })
			p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil))
			if p.Class != crmsync.Auth || p.After == 0 || !strings.Contains(p.Reason, "read all users") {
				t.Errorf("got %v", p)
			}
		})
	}
}

// TestAnInstallationThatGivesShorterLists: what its setting allows is learned from its refusal, and nothing is left out.
func TestAnInstallationThatGivesShorterLists(t *testing.T) {
	i := open(t, func(s *espocrmtest.Server, _ *espocrm.Config) { s.MaxList = 20 })
	ids, want := []string{}, 45
	for n := range want {
		ids = append(ids, i.Put("Contact", espocrmtest.Row{"name": fmt.Sprint("C", n), "modifiedAt": "2020-01-01 00:00:00"}))
		if err := i.push(t, remotetest.Ended(fmt.Sprintf("hq:%d.1", n), "resolved"), nil); err != nil {
			t.Fatal(err)
		}
	}
	there, err := i.connector.Existing(t.Context(), "Contact", append(ids, "gone"))
	if err != nil || len(there) != want {
		t.Errorf("there are %d, %v", len(there), err)
	}
	read := 0
	for token, more := "", true; more; {
		page, err := i.connector.Pull(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		read += len(page.Changed)
		token, more = page.Token, page.More
	}
	at, keys := remotetest.Ended("hq:1.1", "resolved").StartedAt.Time, map[string]bool{}
	for cursor, first := "", true; first || cursor != ""; first = false {
		list, next, err := i.connector.Activities(t.Context(), at, at.Add(time.Second), cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			keys[s.Key] = true
		}
		cursor = next
	}
	if read != want || len(keys) != want {
		t.Errorf("%d contacts and %d calls are read, want %d of each", read, len(keys), want)
	}
}

func TestABareFiveHundred(t *testing.T) {
	i := open(t, nil)
	i.Break(1)
	c := remotetest.Ended("hq:1.1", "resolved")
	if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Ambiguous {
		t.Errorf("a bare 500 is %v", p)
	}
	if err := i.push(t, c, nil); err != nil || len(i.Rows()) != 1 {
		t.Errorf("then %v, %v", err, i.Rows())
	}
}

// TestARoleThatHidesCallsWritesNothing: a look-up that misses a call would write it a second time.
func TestARoleThatHidesCallsWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := open(t, withPassword)
		i.Put("User", espocrmtest.Row{"id": "u7"})
		c, owners := remotetest.Ended("hq:1.1", "callback"), map[string]string{"alice": "u7"}
		if err := i.push(t, c, owners); err != nil {
			t.Fatal(err)
		}
		i.Show("own")
		time.Sleep(time.Hour) // it is noticed
		i.ExpireSessions()    // also by who must log in for it
		c.Disposition.Code = "resolved"
		if p := remotetest.Failure(t, i.push(t, c, owners)); p.Class != crmsync.Auth || !strings.Contains(p.Reason, "own (a call that it does not see would be written twice: let it read all calls)") {
			t.Errorf("got %v", p)
		}
		i.Show("all")
		if err := i.push(t, c, owners); err != nil {
			t.Fatal(err)
		}
		if key := crmsync.Key("default", c.ID); i.Rows()[key] != 1 || !strings.Contains(i.Call(key)["name"].(string), "resolved") {
			t.Errorf("got %v", i.Rows())
		}
	})
}

// TestANewUserIsToldWhatItLacks: it has no role, or one that may not create calls. A look-up is all that a check does.
func TestANewUserIsToldWhatItLacks(t *testing.T) {
	for name, lack := range map[string]func(installation){
		"no role":         func(i installation) { i.Show("") },
		"no right to add": func(i installation) { i.Forbid("No create access.") },
	} {
		t.Run(name, func(t *testing.T) {
			i := open(t, nil)
			lack(i)
			_, err := i.connector.Find(t.Context(), []string{crmsync.Key("default", "")})
			if p := remotetest.Failure(t, err); p.Class != crmsync.Auth || p.After == 0 || !strings.Contains(p.Reason, "read, create and edit all calls") {
				t.Errorf("got %v", p)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	i := open(t, nil)
	c := remotetest.Ended("hq:1.1", "resolved")
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	for _, reason := range []string{"No create access.", "No edit access."} { // the role was changed since we asked for it
		i.Forbid(reason)
		other := c
		if strings.Contains(reason, "create") {
			other = remotetest.Ended("hq:2.1", "resolved")
		}
		if p := remotetest.Failure(t, i.push(t, other, nil)); p.Class != crmsync.Auth || !strings.Contains(p.Reason, strings.TrimSuffix(reason, ".")) || p.After == 0 {
			t.Errorf("a role without the right is %v", p)
		}
	}
	i.Forbid("")
	c.Disposition.Note = i.Bad()
	if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Permanent || !strings.Contains(p.Reason, "description") || strings.Contains(p.Reason, i.Bad()) {
		t.Errorf("a refused field is %v", p)
	}
	wrong := open(t, func(_ *espocrmtest.Server, c *espocrm.Config) { c.Secret = "wrong" })
	if p := remotetest.Failure(t, wrong.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)); p.Class != crmsync.Auth {
		t.Errorf("a wrong key is %v", p)
	}
}

func TestSignedRequestsAndAFieldForTheKey(t *testing.T) {
	i := open(t, func(s *espocrmtest.Server, c *espocrm.Config) {
		signed(s, c)
		s.KeyField, c.KeyField = "cPbxKey", "cPbxKey"
	})
	c := remotetest.Ended("hq:1.1", "callback")
	for range 2 {
		if err := i.push(t, c, nil); err != nil {
			t.Fatal(err)
		}
		c.Disposition.Code = "resolved"
	}
	key := crmsync.Key("default", c.ID)
	list, _, err := i.connector.Activities(t.Context(), c.StartedAt.Time, c.StartedAt.Add(time.Second), "")
	if err != nil || len(list) != 1 || list[0].Key != key || !strings.HasSuffix(list[0].Fields["name"], "resolved") {
		t.Errorf("got %v, %v", list, err)
	}
	if i.Call(key) != nil {
		t.Error("the key stands in the description as well")
	}
}

func TestAFieldForTheKeyThatIsNotThere(t *testing.T) {
	i := open(t, func(_ *espocrmtest.Server, c *espocrm.Config) { c.KeyField = "cPbxKey" })
	p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil))
	if p.Class != crmsync.Auth || p.After == 0 || !strings.Contains(p.Reason, "'cPbxKey'") || !strings.Contains(p.Reason, "Entity Manager") || len(i.Rows()) != 0 {
		t.Errorf("got %v, and %v are written", p, i.Rows())
	}
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	i := open(t, nil)
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Disposition.Note = strings.Repeat("long ", 4000)
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	i.Put("Call", espocrmtest.Row{"name": "a person's", "description": "[pc", "dateStart": "2026-11-22 01:02:03"})
	list, next, err := i.connector.Activities(t.Context(), c.StartedAt.Time, c.StartedAt.Add(time.Second), "")
	if err != nil || next != "" || len(list) != 1 || list[0].Key != crmsync.Key("default", c.ID) || list[0].Fields["status"] != "Held" {
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
	var first string
	for n := range 130 { // an import: all of one second, over three pages
		id := i.Put("Contact", espocrmtest.Row{"name": fmt.Sprint("C", n), "phoneNumber": fmt.Sprintf("+4420794600%02d", n), "accountName": "Acme",
			"phoneNumberData": []espocrmtest.Row{{"phoneNumber": "+447700900123"}}})
		if n == 0 {
			first = id
		}
	}
	lead := i.Put("Lead", espocrmtest.Row{"name": "Lou", "phoneNumber": "+447700900999", "status": "New"})
	account := i.Put("Account", espocrmtest.Row{"name": "Acme"})
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
	if got := people[first]; len(people) != 132 || got.Company != "Acme" || fmt.Sprint(got.Numbers) != "[+442079460000 +447700900123]" ||
		got.URL != "http://crm.example.net/#Contact/view/"+first || people[account].Name != "Acme" {
		t.Fatalf("%d people, %+v", len(people), got)
	}
	i.Put("Lead", espocrmtest.Row{"id": lead, "name": "Lou", "status": "Converted", "createdContactId": first})
	i.Put("Contact", espocrmtest.Row{"id": first, "name": "Renamed"})
	pages = 0
	read()
	read() // of the last seconds, once more
	now = now.Add(time.Minute)
	read()
	if people[first].Name != "Renamed" || len(people) != 131 || pages != 9 || into[crmsync.Ref{Object: "Lead", ID: lead}].ID != first {
		t.Errorf("%d people after %d pages, %+v", len(people), pages, people[first])
	}
	i.Delete("Contact", first)
	there, err := i.connector.Existing(t.Context(), "Contact", []string{first, "000000000000000aa", "00000000000000002"})
	if err != nil || there[first] || there["000000000000000aa"] || !there["00000000000000002"] {
		t.Errorf("there are %v, %v", there, err)
	}
}

func TestAConfigurationIsChecked(t *testing.T) {
	_, err := espocrm.New(espocrm.Config{APIKey: "a", Username: "b", KeyField: "x' OR", Contacts: []string{"Call"}})
	for _, field := range []string{"url", "secret_file", "username", "key_field", "contacts"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}
