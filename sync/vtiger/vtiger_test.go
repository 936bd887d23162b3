package vtiger_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/remotetest"
	"patchcord/sync/vtiger"
	"patchcord/sync/vtiger/vtigertest"
)

type installation struct {
	*vtigertest.Server
	network   *remotetest.Network
	connector *vtiger.Connector
}

func open(t *testing.T, change func(*vtigertest.Server, *vtiger.Config)) installation {
	t.Helper()
	fake := vtigertest.New()
	i := installation{Server: fake, network: &remotetest.Network{Handler: fake}}
	cfg := vtiger.Config{URL: "http://crm.example.net/", Username: "sync", AccessKey: crm.Secret(fake.AccessKey), Client: crmsync.Client{Transport: i.network}}
	if change != nil {
		change(fake, &cfg)
	}
	var err error
	if i.connector, err = vtiger.New(cfg); err != nil {
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

// TestEventsThatItMayNotSeeAreNotDoubled: our user is no administrator, and the calendar of others is not shared with it.
func TestEventsThatItMayNotSeeAreNotDoubled(t *testing.T) {
	remotetest.Unseen(t, func(t *testing.T) (remotetest.Subject, string) {
		i := open(t, nil)
		i.Put("Users", vtigertest.Row{}) // ours, 19x1
		alice := i.Put("Users", vtigertest.Row{})
		i.Demote()
		return remotetest.Subject{Fake: i.Server, Connector: i.connector}, alice
	})
}

func (i installation) push(t *testing.T, c *crm.Call, owners map[string]string) error {
	t.Helper()
	return remotetest.Push(t, "vt", i.connector, c, owners)
}

func want(t *testing.T, got, want vtigertest.Row) {
	t.Helper()
	for field, v := range want {
		if got[field] != v {
			t.Errorf("%s is %q, want %q", field, got[field], v)
		}
	}
}

func TestWhatAnEventSays(t *testing.T) {
	i := open(t, nil)
	contact, owner := i.Put("Contacts", vtigertest.Row{"lastname": "Ann"}), i.Put("Users", vtigertest.Row{})
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Contact = &crm.Match{ID: "vt:Contacts:" + contact}
	if err := i.push(t, c, map[string]string{"alice": strings.TrimPrefix(owner, "19x")}); err != nil {
		t.Fatal(err)
	}
	key := crmsync.Key("default", c.ID)
	want(t, i.Event(key), vtigertest.Row{
		"subject": "Inbound call +442079460000: resolved", "activitytype": "Call", "eventstatus": "Held", "date_start": "2026-11-22", "time_start": "01:02:03",
		"due_date": "2026-11-22", "time_end": "01:04:13", "duration_hours": "0", "duration_minutes": "2", "assigned_user_id": owner, "contact_id": contact,
		"description": "O'Brien: 50% {off}\n\n[" + key + "]", "visibility": "Public",
	})
	i.Event(key)["visibility"] = "Private" // a person's wish
	c.Disposition.Code = "callback"
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	want(t, i.Event(key), vtigertest.Row{"subject": "Inbound call +442079460000: callback", "visibility": "Private", "assigned_user_id": owner, "contact_id": contact})
}

// TestAnEventIsAsLongAsTheCall also where our user's dates have a form in which the program cannot read the 22nd day of a month.
func TestAnEventIsAsLongAsTheCall(t *testing.T) {
	for american, requests := range map[bool][]int{false: {5, 3}, true: {6, 4}} { // challenge, login, look-up, event, look-up; then look-up, contacts, event
		i := open(t, func(s *vtigertest.Server, _ *vtiger.Config) { s.American = american })
		for n, code := range []string{"resolved", "callback"} {
			before := i.network.Requests()
			c := remotetest.Ended("hq:1.1", code)
			c.EndedAt = crm.At(c.StartedAt.Add(62*time.Minute + 5*time.Second))
			if err := i.push(t, c, nil); err != nil {
				t.Fatal(err)
			}
			want(t, i.Event(crmsync.Key("default", c.ID)), vtigertest.Row{
				"duration_hours": "1", "duration_minutes": "2", "date_start": "2026-11-22", "time_end": "02:04:08", "subject": "Inbound call +442079460000: " + code,
			})
			if got := i.network.Requests() - before; got != requests[n] {
				t.Errorf("american %v: %d requests, want %d", american, got, requests[n])
			}
		}
	}
}

func TestTheClockOfTheServerIsLearned(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	for name, zone := range map[string]string{"learned": "", "configured": "Asia/Tokyo"} {
		t.Run(name, func(t *testing.T) {
			i := open(t, func(s *vtigertest.Server, c *vtiger.Config) { s.Zone, c.Zone = tokyo, zone })
			requests := []int{6, 3} // challenge, login, look-up, event, its times again, look-up; then look-up, event and look-up
			if zone != "" {
				requests[0] = 5
			}
			for n, id := range []string{"hq:1.1", "hq:2.1"} {
				before := i.network.Requests()
				c := remotetest.Ended(id, "resolved")
				if err := i.push(t, c, nil); err != nil {
					t.Fatal(err)
				}
				want(t, i.Event(crmsync.Key("default", id)), vtigertest.Row{"date_start": "2026-11-22", "time_start": "10:02:03", "time_end": "10:04:13"})
				if got := i.network.Requests() - before; got != requests[n] {
					t.Errorf("call %d took %d requests, want %d", n, got, requests[n])
				}
			}
		})
	}
}

func TestACallWithoutLengthIsNoneOfADay(t *testing.T) {
	i := open(t, nil)
	c := remotetest.Ended("hq:1.1", "resolved")
	c.EndedAt, c.AnsweredAt, c.Outcome = c.StartedAt, crm.Time{}, crm.Failed
	c.From = crm.Party{Name: "caller 🙂"}
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	want(t, i.Event(crmsync.Key("default", c.ID)), vtigertest.Row{
		"time_end": "01:02:04", "duration_hours": "0", "duration_minutes": "0", "eventstatus": "Not Held", "subject": "Inbound call caller \uFFFD: resolved",
		"assigned_user_id": "19x1",
	})
}

func TestRefusals(t *testing.T) {
	t.Run("an answer that breaks off", func(t *testing.T) {
		i := open(t, nil)
		i.Break(1)
		c := remotetest.Ended("hq:1.1", "resolved")
		if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Ambiguous {
			t.Errorf("got %v", p)
		}
		if err := i.push(t, c, nil); err != nil || i.Rows()[crmsync.Key("default", c.ID)] != 1 {
			t.Errorf("then %v, %v", err, i.Rows())
		}
	})
	t.Run("a warning before the answer", func(t *testing.T) {
		i := open(t, func(s *vtigertest.Server, _ *vtiger.Config) {
			s.Warning = "<br />\n<b>Warning</b>:  Undefined array key {\"a\"}<br />\n"
		})
		if err := i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("an owner and a contact that it does not take", func(t *testing.T) {
		i := open(t, nil)
		i.Demote()
		c := remotetest.Ended("hq:1.1", "resolved")
		c.Contact = &crm.Match{ID: "vt:Contacts:99x5"}
		if err := i.push(t, c, map[string]string{"alice": "19x77"}); err != nil {
			t.Fatal(err)
		}
		want(t, i.Event(crmsync.Key("default", c.ID)), vtigertest.Row{"assigned_user_id": "19x1", "contact_id": "", "eventstatus": "Held"})
	})
	t.Run("a refused event", func(t *testing.T) {
		i := open(t, nil)
		c := remotetest.Ended("hq:1.1", "resolved")
		c.Disposition.Note = i.Bad()
		if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Permanent || !strings.Contains(p.Reason, "ACCESS_DENIED") {
			t.Errorf("got %v", p)
		}
	})
	t.Run("a wrong access key is asked about once", func(t *testing.T) {
		i := open(t, func(_ *vtigertest.Server, c *vtiger.Config) { c.AccessKey = "wrong" })
		for range 3 {
			if p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)); p.Class != crmsync.Auth || !strings.Contains(p.Reason, "INVALID_USER_CREDENTIALS") {
				t.Errorf("got %v", p)
			}
		}
		if n := i.network.Requests(); n != 2 {
			t.Errorf("%d requests, want one challenge and one login", n)
		}
	})
	t.Run("a field for the key that is not there", func(t *testing.T) {
		i := open(t, func(_ *vtigertest.Server, c *vtiger.Config) { c.KeyField = "cf_853" })
		if p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)); p.Class != crmsync.Auth || !strings.Contains(p.Reason, "access cf_853 attribute") || !strings.Contains(p.Reason, "key_field") {
			t.Errorf("got %v", p)
		}
	})
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	i := open(t, func(s *vtigertest.Server, c *vtiger.Config) { s.KeyField, c.KeyField = "cf_853", "cf_853" })
	c := remotetest.Ended("hq:1.1", "resolved")
	for range 2 {
		if err := i.push(t, c, nil); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 150 {
		i.Put("Events", vtigertest.Row{"date_start": "2026-11-22", "cf_853": fmt.Sprintf("pc%032x", n)})
	}
	i.Put("Events", vtigertest.Row{"date_start": "2026-11-22"})
	at, keys, cursor := c.StartedAt.Time, map[string]crmsync.Standing{}, ""
	for first := true; first || cursor != ""; first = false {
		list, next, err := i.connector.Activities(t.Context(), at, at.Add(time.Hour), cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			keys[s.Key] = s
		}
		cursor = next
	}
	if got := keys[crmsync.Key("default", c.ID)]; len(keys) != 151 || got.Fields["subject"] != "Inbound call +442079460000: resolved" {
		t.Errorf("%d keys, ours is %+v", len(keys), got)
	}
	if list, _, err := i.connector.Activities(t.Context(), at.AddDate(0, 0, 1), at.AddDate(0, 0, 2), ""); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v of another day", list, err)
	}
}

func TestContactsAreReadOnceAndThenTheirChanges(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	i := open(t, nil)
	i.Now = func() time.Time { return now }
	account := i.Put("Accounts", vtigertest.Row{"accountname": "Acme", "phone": "+44 20 7946 9999"})
	var first string
	for n := range 250 {
		id := i.Put("Contacts", vtigertest.Row{"firstname": "C", "lastname": fmt.Sprint(n), "phone": fmt.Sprintf("020 7946 0%03d", n), "homephone": "07700 900123", "account_id": account})
		if n == 0 {
			first = id
		}
		if n%80 == 79 {
			now = now.Add(time.Second)
		}
	}
	lead := i.Put("Leads", vtigertest.Row{"lastname": "Lou", "company": "New Ltd", "mobile": "07700 900999"})
	people, token, pages := map[string]crmsync.Person{}, "", 0
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
			token, more = page.Token, page.More
		}
	}
	now = now.Add(time.Minute)
	read()
	if got := people[first]; len(people) != 252 || got.Name != "C 0" || got.Company != "Acme" || fmt.Sprint(got.Numbers) != "[020 7946 0000 07700 900123]" ||
		got.URL != "http://crm.example.net/index.php?module=Contacts&view=Detail&record=2" || people[lead].Company != "New Ltd" {
		t.Fatalf("%d people, %+v", len(people), got)
	}
	i.Delete("Contacts", first)
	i.Put("Leads", vtigertest.Row{"id": lead, "lastname": "Renamed"})
	read()
	i.Delete("Leads", lead) // in the second that was read already
	read()
	if len(people) != 250 {
		t.Errorf("%d people", len(people))
	}
}

// TestContactsWithoutTheOperationSync are read by queries: at first all, then what changed; what is deleted or converted is
// found by looking for it. Bulk changes of one second are none that a pull stands still at.
func TestContactsWithoutTheOperationSync(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		zone string
		php8 bool
	}{
		"no administrator, in a zone that is not known": {},
		"no administrator, in a known zone":             {zone: "Asia/Tokyo"},
		"an administrator, and PHP 8":                   {php8: true},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
			i := open(t, func(s *vtigertest.Server, c *vtiger.Config) { s.Zone, s.PHP8, c.Zone = tokyo, tt.php8, tt.zone })
			i.Now = func() time.Time { return now }
			if !tt.php8 {
				i.Demote()
			}
			account := i.Put("Accounts", vtigertest.Row{"accountname": "Acme"})
			var first string
			for n := range 250 {
				first = i.Put("Contacts", vtigertest.Row{"firstname": "C", "lastname": fmt.Sprint(n), "mobile": "07700 900123", "account_id": account})
			}
			token, changed := "", map[string]crmsync.Person{}
			read := func() (pages int) {
				t.Helper()
				clear(changed)
				for more := true; more; pages++ {
					page, err := i.connector.Pull(t.Context(), token)
					if err != nil || pages > 10 {
						t.Fatal(pages, err)
					}
					for _, p := range page.Changed {
						changed[p.ID] = p
					}
					token, more = page.Token, page.More
				}
				return pages
			}
			now = now.Add(time.Minute)
			read()
			if len(changed) != 251 || changed[first].Company != "Acme" || changed[first].Name != "C 249" || fmt.Sprint(changed[first].Numbers) != "[07700 900123]" {
				t.Fatalf("%d people, %+v", len(changed), changed[first])
			}
			i.Put("Contacts", vtigertest.Row{"id": first, "lastname": "Renamed"})
			now = now.Add(time.Minute)
			read()
			if changed[first].Name != "Renamed" {
				t.Errorf("the change is not among %d", len(changed))
			}
			read()
			if len(changed) > 2 {
				t.Errorf("%d people are read again though nothing changed", len(changed))
			}
			i.Delete("Contacts", first)
			there, err := i.connector.Existing(t.Context(), "Contacts", []string{first, "12x2", "nonsense"})
			if err != nil || fmt.Sprint(there) != "map[12x2:true]" {
				t.Errorf("there are %v, %v", there, err)
			}
		})
	}
}

// TestAShortPageIsNotTheLast: an installation may give fewer rows than are asked for. Only what holds none is the end.
func TestAShortPageIsNotTheLast(t *testing.T) {
	now := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	i := open(t, func(s *vtigertest.Server, c *vtiger.Config) {
		s.Most, c.Zone, s.KeyField, c.KeyField = 40, "UTC", "cf_853", "cf_853"
	})
	i.Now = func() time.Time { return now }
	i.Demote()
	for n := range 130 {
		i.Put("Contacts", vtigertest.Row{"lastname": fmt.Sprint(n), "mobile": "07700 900123"})
		i.Put("Events", vtigertest.Row{"date_start": "2026-11-22", "assigned_user_id": "19x1", "cf_853": fmt.Sprintf("pc%032x", n)})
	}
	now = now.Add(time.Minute)
	people, token := map[string]bool{}, ""
	for pages, more := 0, true; more; pages++ {
		page, err := i.connector.Pull(t.Context(), token)
		if err != nil || pages > 20 {
			t.Fatal(pages, err)
		}
		for _, p := range page.Changed {
			people[p.ID] = true
		}
		token, more = page.Token, page.More
	}
	if len(people) != 130 {
		t.Errorf("%d of 130 people", len(people))
	}
	keys, cursor := map[string]bool{}, ""
	for first := true; first || cursor != ""; first = false {
		list, next, err := i.connector.Activities(t.Context(), now, now, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			keys[s.Key] = true
		}
		cursor = next
	}
	if len(keys) != 130 {
		t.Errorf("%d of 130 events", len(keys))
	}
}

// TestAChangeLeavesAnEventItsContacts that people gave it.
func TestAChangeLeavesAnEventItsContacts(t *testing.T) {
	for name, american := range map[string]bool{"a change": false, "a change whose length is measured again": true} {
		t.Run(name, func(t *testing.T) {
			i := open(t, func(s *vtigertest.Server, _ *vtiger.Config) { s.American = american })
			first, bob, cat := i.Put("Contacts", vtigertest.Row{}), i.Put("Contacts", vtigertest.Row{}), i.Put("Contacts", vtigertest.Row{})
			c := remotetest.Ended("hq:1.1", "resolved")
			if err := i.push(t, c, nil); err != nil {
				t.Fatal(err)
			}
			key := crmsync.Key("default", c.ID)
			contacts := func(code, contact string, want ...string) {
				t.Helper()
				c.Disposition.Code, c.Contact = code, nil
				if contact != "" {
					c.Contact = &crm.Match{ID: "vt:Contacts:" + contact}
				}
				if err := i.push(t, c, nil); err != nil {
					t.Fatal(err)
				}
				if got := i.Contacts(key); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) || !strings.HasSuffix(i.Event(key)["subject"], code) {
					t.Errorf("%s: its contacts are %v, want %v", code, got, want)
				}
			}
			contacts("with one", first, first)
			i.Join(key, bob)
			i.Join(key, cat)
			contacts("with three", first, first, bob, cat)
			contacts("with no word of any", "", first, bob, cat)
			contacts("with what is no contact", "99x5", first, bob, cat)
			i.Delete("Contacts", first)
			contacts("with the first of them deleted", "", bob, cat)
			i.Join(key, first)
			i.Veil("contact_id") // which our user may not ask about then
			contacts("with a profile that does not show them", "", bob)
		})
	}
}

// TestAnOutageIsNoReasonForQueries: they would fail as well, and the next pull asks for the operation again.
func TestAnOutageIsNoReasonForQueries(t *testing.T) {
	i := open(t, nil)
	id := i.Put("Contacts", vtigertest.Row{"lastname": "Ann"})
	i.network.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("operation") == "sync" || r.URL.Query().Get("operation") == "query" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		i.Server.ServeHTTP(w, r)
	})
	if p := remotetest.Failure(t, func() error { _, err := i.connector.Pull(t.Context(), ""); return err }()); p.Class != crmsync.Transient {
		t.Errorf("got %v", p)
	}
	i.network.Handler = i.Server
	page, err := i.connector.Pull(t.Context(), "")
	if err != nil || len(page.Changed) != 1 || page.Changed[0].ID != id || !strings.Contains(page.Token, "since") {
		t.Errorf("then %+v, %v; want the contact by the operation sync", page, err)
	}
}

func TestAConfigurationIsChecked(t *testing.T) {
	_, err := vtiger.New(vtiger.Config{KeyField: "x' OR", Zone: "Nowhere", Contacts: []string{"Events"}})
	for _, field := range []string{"url", "username", "secret_file", "key_field", "timezone", "contacts"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}
