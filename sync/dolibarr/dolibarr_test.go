package dolibarr_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/dolibarr"
	"patchcord/sync/dolibarr/dolibarrtest"
	"patchcord/sync/remotetest"
)

type installation struct {
	*dolibarrtest.Server
	network   *remotetest.Network
	connector *dolibarr.Connector
}

func open(t *testing.T) installation {
	t.Helper()
	fake := dolibarrtest.New()
	i := installation{Server: fake, network: &remotetest.Network{Handler: fake}}
	var err error
	i.connector, err = dolibarr.New(dolibarr.Config{URL: "http://erp.example.net/", Key: crm.Secret(fake.Key), Client: crmsync.Client{Transport: i.network}})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestConnector(t *testing.T) {
	for version, recent := range map[string]bool{"16": false, "22": true} {
		t.Run(version, func(t *testing.T) {
			remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
				i := open(t)
				i.Recent = recent
				return remotetest.Subject{Fake: i.Server, Network: i.network, Connector: i.connector}
			})
		})
	}
}

// TestEventsThatItMayNotSeeAreNotDoubled: our user sees its own customers alone, and the caller is nobody's.
func TestEventsThatItMayNotSeeAreNotDoubled(t *testing.T) {
	remotetest.Unseen(t, func(t *testing.T) (remotetest.Subject, string) {
		i := open(t)
		i.Sales = true
		return remotetest.Subject{Fake: i.Server, Connector: i.connector}, "1"
	})
}

func (i installation) push(t *testing.T, c *crm.Call, owners map[string]string) error {
	t.Helper()
	return remotetest.Push(t, "doli", i.connector, c, owners)
}

func want(t *testing.T, got, want dolibarrtest.Row) {
	t.Helper()
	for field, v := range want {
		if fmt.Sprint(got[field]) != fmt.Sprint(v) {
			t.Errorf("%s is %v, want %v", field, got[field], v)
		}
	}
}

func TestWhatAnEventSays(t *testing.T) {
	i := open(t)
	party := i.Put("thirdparties", dolibarrtest.Row{"name": "Acme"})
	contact := i.Put("contacts", dolibarrtest.Row{"lastname": "Ann", "socid": party})
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Contact = &crm.Match{ID: fmt.Sprint("doli:contacts:", contact)}
	if err := i.push(t, c, map[string]string{"alice": "7"}); err != nil {
		t.Fatal(err)
	}
	key := crmsync.Key("default", c.ID)
	want(t, i.Event(key), dolibarrtest.Row{
		"type_code": "AC_TEL", "label": "Inbound call +442079460000: resolved", "datep": float64(c.StartedAt.Unix()), "datef": float64(c.EndedAt.Unix()),
		"percentage": 100, "userownerid": 7, "contact_id": contact, "socid": party, "socpeopleassigned": map[string]any{fmt.Sprint(contact): map[string]any{"id": contact}},
		"note_private": "O'Brien: 50% {off}\n\n[" + key + "]",
	})
	i.Event(key)["socpeopleassigned"] = "whom people added"
	c.Disposition.Code = "callback"
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	want(t, i.Event(key), dolibarrtest.Row{"label": "Inbound call +442079460000: callback", "userownerid": 7, "socpeopleassigned": "whom people added", "type_code": "AC_TEL"})
}

// TestWhatPHPPrintsBeforeAnAnswer: then every status is 200, also that of what is not there, and of a refusal. It comes by a real
// connection: there an answer is compressed unless it is asked for as it is, but not what was printed.
func TestWhatPHPPrintsBeforeAnAnswer(t *testing.T) {
	for _, recent := range []bool{false, true} {
		i := open(t)
		i.Warns, i.Recent = true, recent
		server := httptest.NewServer(i.Server)
		t.Cleanup(server.Close)
		var err error
		if i.connector, err = dolibarr.New(dolibarr.Config{URL: server.URL, Key: crm.Secret(i.Key)}); err != nil {
			t.Fatal(err)
		}
		i.Put("contacts", dolibarrtest.Row{"lastname": "Ann", "phone_pro": "020 7946 0000"})
		c := remotetest.Ended("hq:1.1", "resolved")
		c.Contact = &crm.Match{ID: "doli:contacts:404"}
		for _, c.Disposition.Code = range []string{"resolved", "callback"} {
			if err := i.push(t, c, nil); err != nil {
				t.Fatal(err)
			}
		}
		key := crmsync.Key("default", c.ID)
		if got := i.Event(key); len(i.Rows()) != 1 || got["label"] != "Inbound call +442079460000: callback" || got["contact_id"] != nil {
			t.Errorf("recent %v: got %v of %v", recent, got, i.Rows())
		}
		c.Disposition.Note = i.Bad()
		if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Permanent {
			t.Errorf("recent %v: a refusal came to %v", recent, p)
		}
		page, err := i.connector.Pull(t.Context(), "")
		if err != nil || len(page.Changed) != 1 {
			t.Errorf("recent %v: contacts are %v, %v", recent, page.Changed, err)
		}
	}
}

func TestANoteIsWrittenWhole(t *testing.T) {
	for _, narrow := range []bool{false, true} {
		i := open(t)
		i.Narrow = narrow
		c := remotetest.Ended("hq:1.1", "resolved")
		c.Disposition.Note = "wants <5 of a < b, <b>now</b> 🙂"
		if err := i.push(t, c, nil); err != nil {
			t.Fatal(err)
		}
		key := crmsync.Key("default", c.ID)
		smile := "🙂"
		if narrow {
			smile = "\uFFFD"
		}
		want(t, i.Event(key), dolibarrtest.Row{"note_private": "wants < 5 of a < b, < b>now< /b> " + smile + "\n\n[" + key + "]"})
	}
}

func TestAContactThatIsGoneIsLeftOut(t *testing.T) {
	i := open(t)
	c := remotetest.Ended("hq:1.1", "resolved")
	c.From.E164, c.From.Number = "", ""
	c.Contact = &crm.Match{ID: "doli:thirdparties:99"}
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	want(t, i.Event(crmsync.Key("default", c.ID)), dolibarrtest.Row{"socid": nil, "userownerid": 1, "label": "Inbound call Ann's  Bar  &  b Grill /b : resolved"})
}

func TestRefusals(t *testing.T) {
	t.Run("an owner for whom our user may make none", func(t *testing.T) {
		i := open(t)
		i.Modest = true
		c := remotetest.Ended("hq:1.1", "resolved")
		if err := i.push(t, c, map[string]string{"alice": "7"}); err != nil {
			t.Fatal(err)
		}
		want(t, i.Event(crmsync.Key("default", c.ID)), dolibarrtest.Row{"userownerid": 1})
	})
	t.Run("a user who may not even ask who it is", func(t *testing.T) {
		for _, recent := range []bool{false, true} {
			i := open(t)
			i.Shy, i.Recent = true, recent
			c := remotetest.Ended("hq:1.1", "resolved")
			if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Auth || p.After == 0 || !strings.Contains(p.Reason, "default_owner") {
				t.Errorf("got %v", p)
			}
			i.Modest = true // it is told in the refusal of an event of somebody else
			for range 2 {
				if err := i.push(t, c, nil); err != nil {
					t.Fatal(err)
				}
			}
			want(t, i.Event(crmsync.Key("default", c.ID)), dolibarrtest.Row{"userownerid": 1})
		}
	})
	t.Run("a trigger's words are not told", func(t *testing.T) {
		i := open(t)
		c := remotetest.Ended("hq:1.1", "resolved")
		c.Disposition.Note = i.Bad() + " secret"
		if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Permanent || strings.Contains(p.Reason, "secret") {
			t.Errorf("got %v", p)
		}
	})
	t.Run("a change that fails without a word is tried again", func(t *testing.T) {
		i := open(t)
		c := remotetest.Ended("hq:1.1", "resolved")
		if err := i.push(t, c, nil); err != nil {
			t.Fatal(err)
		}
		i.Mute(true)
		if p := remotetest.Failure(t, i.push(t, c, nil)); p.Class != crmsync.Transient {
			t.Errorf("got %v", p)
		}
	})
	t.Run("an event that was deleted since it was found is looked for again", func(t *testing.T) {
		c := remotetest.Ended("hq:1.1", "resolved")
		errs := open(t).connector.Write(t.Context(), []crmsync.Activity{{Key: crmsync.Key("default", c.ID), ID: "99", Call: c}})
		if p := remotetest.Failure(t, errs[0]); p.Class != crmsync.Transient {
			t.Errorf("got %v", p)
		}
	})
	for name, disable := range map[string]func(*dolibarrtest.Server){
		"the module API is not enabled":          func(s *dolibarrtest.Server) { s.NoAPI = true },
		"the module Agenda is not enabled in 16": func(s *dolibarrtest.Server) { s.NoAgenda = true },
		"the module Agenda is not enabled in 22": func(s *dolibarrtest.Server) { s.NoAgenda, s.Recent = true, true },
		"the administrator restricts the API":    nil,
	} {
		t.Run(name+": that needs a person", func(t *testing.T) {
			i := open(t)
			if disable == nil {
				i.network.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(http.StatusNotImplemented)
					_, _ = io.WriteString(w, "The API with endpoint /agendaevents is forbidden by config API_ENDPOINT_RULES")
				})
			} else {
				disable(i.Server)
			}
			if p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)); p.Class != crmsync.Auth || p.After == 0 || !strings.Contains(p.Reason, "module") {
				t.Errorf("got %v", p)
			}
		})
	}
	t.Run("an answer that breaks off is asked for again", func(t *testing.T) {
		i := open(t)
		i.network.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"id":"1","lab`) })
		if p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)); p.Class != crmsync.Transient {
			t.Errorf("got %v", p)
		}
	})
	t.Run("a filter that is not taken parks no job", func(t *testing.T) {
		i := open(t)
		i.network.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"code":400,"message":"Bad Request: Error when validating parameter sqlfilters -> Bad syntax of the search string"}}`)
		})
		if p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)); p.Class != crmsync.Auth || p.After == 0 {
			t.Errorf("got %v", p)
		}
	})
	t.Run("a wrong key needs a person", func(t *testing.T) {
		i := open(t)
		i.Key = "another"
		if p := remotetest.Failure(t, i.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)); p.Class != crmsync.Auth || p.After == 0 {
			t.Errorf("got %v", p)
		}
	})
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	i := open(t)
	c := remotetest.Ended("hq:1.1", "resolved")
	if err := i.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	i.Put("agendaevents", dolibarrtest.Row{"label": "a person's", "datep": float64(c.StartedAt.Unix())})
	list, next, err := i.connector.Activities(t.Context(), c.StartedAt.Time, c.StartedAt.Add(time.Second), "")
	if err != nil || next != "1" || len(list) != 1 || list[0].Key != crmsync.Key("default", c.ID) {
		t.Fatalf("got %v, %q, %v", list, next, err)
	}
	if got := list[0].Fields; got["label"] != "Inbound call +442079460000: resolved" || got["datep"] != fmt.Sprint(c.StartedAt.Unix()) {
		t.Errorf("got %v", got)
	}
	if list, next, err := i.connector.Activities(t.Context(), c.StartedAt.Time, c.StartedAt.Add(time.Second), next); err != nil || next != "" || len(list) != 0 {
		t.Errorf("behind it are %v, %q, %v", list, next, err)
	}
	if list, _, err := i.connector.Activities(t.Context(), c.StartedAt.AddDate(0, 0, 1), c.StartedAt.AddDate(0, 0, 2), ""); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v of another day", list, err)
	}
}

func TestContactsAreReadOnceAndThenTheirChanges(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	i := open(t)
	i.Now = func() time.Time { return now }
	people, token, pages := map[string]crmsync.Person{}, "", 0
	read := func() {
		t.Helper()
		for more := true; more; pages++ {
			page, err := i.connector.Pull(t.Context(), token)
			if err != nil || pages > 50 {
				t.Fatal(pages, err)
			}
			for _, p := range page.Changed {
				people[p.Object+p.ID] = p
			}
			for _, ref := range page.Gone {
				delete(people, ref.Object+ref.ID)
			}
			token, more = page.Token, page.More
		}
	}
	read()
	if len(people) != 0 || pages != 2 {
		t.Fatalf("%d people of an empty book after %d pages", len(people), pages)
	}
	party := i.Put("thirdparties", dolibarrtest.Row{"name": "Acme", "phone": "+44 20 7946 9999", "status": 1})
	first := 0
	for n := range 230 {
		id := i.Put("contacts", dolibarrtest.Row{"lastname": fmt.Sprint("C", n), "phone_pro": fmt.Sprintf("020 7946 0%03d", n), "phone_mobile": "07700 900123", "socname": "Acme", "status": "1"})
		if n == 0 {
			first = id
		}
	}
	token = ""
	now = now.Add(time.Minute)
	read()
	if got := people[fmt.Sprint("contacts", first)]; len(people) != 231 || got.Name != "C0" || got.Company != "Acme" || len(got.Numbers) != 2 ||
		got.URL != fmt.Sprint("http://erp.example.net/contact/card.php?id=", first) || people[fmt.Sprint("thirdparties", party)].Name != "Acme" {
		t.Fatalf("%d people, %+v", len(people), got)
	}
	now = now.Add(time.Minute)
	i.Put("contacts", dolibarrtest.Row{"id": first, "lastname": "Renamed"})
	i.Put("thirdparties", dolibarrtest.Row{"id": party, "name": "Acme", "status": 0})
	pages = 0
	read()
	if people[fmt.Sprint("contacts", first)].Name != "Renamed" || len(people) != 230 || pages != 3 { // the one third party is changed, so what comes before it is asked for
		t.Errorf("%d people after %d pages, %+v", len(people), pages, people[fmt.Sprint("contacts", first)])
	}
	i.Delete("contacts", first)
	there, err := i.connector.Existing(t.Context(), "contacts", []string{fmt.Sprint(first), fmt.Sprint(first + 1)})
	if err != nil || there[fmt.Sprint(first)] || !there[fmt.Sprint(first+1)] {
		t.Errorf("there are %v, %v", there, err)
	}
	if there, err := i.connector.Existing(t.Context(), "contacts", []string{fmt.Sprint(first)}); err != nil || len(there) != 0 {
		t.Errorf("of none there are %v, %v", there, err)
	}
}

// TestAShortListIsNotTheLast: it is without what could not be read.
func TestAShortListIsNotTheLast(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	i := open(t)
	i.Now = func() time.Time { return now }
	put := func() {
		for n := range 250 {
			r := dolibarrtest.Row{"lastname": fmt.Sprint(n), "phone_pro": "020 7946 0000", "status": "1"}
			if n%50 == 7 {
				r[dolibarrtest.Unread] = true
			}
			i.Put("contacts", r)
		}
		now = now.Add(time.Minute)
	}
	token := ""
	for round := range 2 {
		put()
		people := map[string]bool{}
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
		if len(people) != 245 {
			t.Errorf("round %d: %d of 245 people", round, len(people))
		}
	}
	for n := range 150 {
		r := dolibarrtest.Row{"ref_ext": "pc", "datep": float64(now.Unix()), "note_private": fmt.Sprintf("[pc%032x]", n)}
		if n == 3 {
			r[dolibarrtest.Unread] = true
		}
		i.Put("agendaevents", r)
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
	if len(keys) != 149 {
		t.Errorf("%d of 149 events", len(keys))
	}
}

func TestAConfigurationIsChecked(t *testing.T) {
	_, err := dolibarr.New(dolibarr.Config{Contacts: []string{"users"}})
	for _, field := range []string{"url", "secret_file", "contacts"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}
