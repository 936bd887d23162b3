package hubspot_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/hubspot"
	"patchcord/sync/hubspot/hubspottest"
	"patchcord/sync/remotetest"
)

type account struct {
	*hubspottest.Server
	network   *remotetest.Network
	connector *hubspot.Connector
	quota     *crmsync.Quota
}

func open(t *testing.T, change func(*hubspot.Config)) account {
	t.Helper()
	fake := hubspottest.New()
	a := account{Server: fake, network: &remotetest.Network{Handler: fake}, quota: &crmsync.Quota{}}
	c := hubspot.Config{URL: "http://api.example.net", Token: hubspottest.Token, Client: crmsync.Client{Transport: a.network}, Quota: a.quota}
	if change != nil {
		change(&c)
	}
	var err error
	if a.connector, err = hubspot.New(c); err != nil {
		t.Fatal(err)
	}
	return a
}

func oauth(c *hubspot.Config) {
	c.Token, c.ClientID, c.ClientSecret, c.RefreshToken = "", "app", "hush", "again"
}

func TestConnector(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		a := open(t, oauth)
		return remotetest.Subject{Fake: a.Server, Network: a.network, Connector: a.connector, Sessions: true}
	})
}

func (a account) records(t *testing.T, calls remotetest.Calls, owners map[string]string) *crmsync.Records {
	t.Helper()
	return remotetest.Records(t, "hs", a.connector, calls, owners)
}

func (a account) push(t *testing.T, c *crm.Call, owners map[string]string) *crmsync.PushError {
	t.Helper()
	r := a.records(t, remotetest.Calls{c.ID: c}, owners)
	err := r.Push(t.Context(), r.Repair(c.ID, "x"))
	var p *crmsync.PushError
	if err != nil && !errors.As(err, &p) {
		t.Fatal(err)
	}
	return p
}

func TestWhatACallSays(t *testing.T) {
	a := open(t, nil)
	ann := a.Put("contacts", "", map[string]string{"firstname": "Ann"})
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Contact = &crm.Match{ID: "hs:contacts:" + ann}
	c.Disposition.Note = "<b>bold</b>\nO'Brien"
	if p := a.push(t, c, map[string]string{"alice": "77"}); p != nil {
		t.Fatal(p)
	}
	got, links := a.Call(crmsync.Key("default", c.ID))
	want := map[string]string{
		"hs_timestamp": "1795309323000", "hs_call_title": "Inbound call +442079460000: resolved", "hs_call_direction": "INBOUND",
		"hs_call_duration": "125000", "hs_call_status": "COMPLETED", "hs_call_disposition": hubspottest.Resolved, "hubspot_owner_id": "77",
		"hs_call_from_number": "+442079460000", "hs_call_to_number": "100", "hs_call_body": "&lt;b&gt;bold&lt;/b&gt;<br>O&#39;Brien",
	}
	for property, v := range want {
		if got[property] != v {
			t.Errorf("%s is %q, want %q", property, got[property], v)
		}
	}
	if !links["contacts/"+ann] || len(links) != 1 {
		t.Errorf("it is linked to %v", links)
	}
	c.Disposition.Code = "callback" // of which the account has no disposition
	if p := a.push(t, c, nil); p != nil {
		t.Fatal(p)
	}
	got, _ = a.Call(crmsync.Key("default", c.ID))
	if old, has := got["hs_call_disposition"]; has || got["hs_call_title"] != "Inbound call +442079460000: callback" {
		t.Errorf("after an edit: %v; want another title, and %q gone", got, old)
	}
}

func TestWhoIsGoneIsLeftOut(t *testing.T) {
	for _, whole := range []bool{false, true} {
		a := open(t, nil)
		a.Whole = whole
		ann, bob := a.Put("contacts", "", nil), a.Put("contacts", "", nil)
		a.Delete("contacts", bob)
		calls, owners := remotetest.Calls{}, map[string]string{"alice": "77", "bob": "404"}
		r := a.records(t, calls, owners)
		var jobs []crm.Job
		for i, who := range []struct{ contact, by string }{{ann, "alice"}, {bob, "bob"}, {ann, "bob"}} {
			c := remotetest.Ended(fmt.Sprintf("hq:%d.1", i), "resolved")
			c.Contact, c.Disposition.By = &crm.Match{ID: "hs:contacts:" + who.contact}, who.by
			calls[c.ID] = c
			jobs = append(jobs, r.Repair(c.ID, "x"))
		}
		errs := r.PushBulk(t.Context(), jobs)
		if whole { // the engine bisects
			errs = nil
			for _, j := range jobs {
				errs = append(errs, r.Push(t.Context(), j))
			}
		}
		for i, linked := range []int{1, 0, 1} {
			got, links := a.Call(crmsync.Key("default", fmt.Sprintf("hq:%d.1", i)))
			if errs[i] != nil || len(links) != linked || (got["hubspot_owner_id"] == "77") != (i == 0) {
				t.Errorf("whole %v: call %d came to %v: %v, %v", whole, i, errs[i], got, links)
			}
		}
	}
}

func TestAnAbsorbedCallPointsAtTheSurvivor(t *testing.T) {
	a := open(t, nil)
	calls := remotetest.Calls{"hq:1.1": remotetest.Ended("hq:1.1", "resolved"), "hq:2.1": remotetest.Ended("hq:2.1", "resolved")}
	r := a.records(t, calls, nil)
	if err := r.Push(t.Context(), r.Repair("hq:1.1", "x")); err != nil {
		t.Fatal(err)
	}
	calls["hq:1.1"] = calls["hq:2.1"] // as the store answers for an alias
	jobs, err := r.Jobs(remotetest.Merged(t, remotetest.Ended("hq:1.1", "resolved"), calls["hq:2.1"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.PushBulk(t.Context(), jobs) {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, _ := a.Call(crmsync.Key("default", "hq:1.1"))
	if got["hs_call_title"] != "Part of call hq:2.1" || len(a.Rows()) != 2 {
		t.Errorf("got %v of %v", got, a.Rows())
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		policy  string
		message string
		header  http.Header
		class   crmsync.Class
		after   time.Duration
	}{
		"ten seconds":   {429, "TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.", nil, crmsync.Throttle, 10 * time.Second},
		"the day":       {429, "DAILY", "You have reached your daily limit.", nil, crmsync.Throttle, time.Hour},
		"small letters": {429, "daily", "", nil, crmsync.Throttle, time.Hour},
		"a second":      {429, "", "You have reached your secondly limit.", nil, crmsync.Throttle, time.Second},
		"as told":       {429, "DAILY", "", http.Header{"Retry-After": {"7200"}}, crmsync.Throttle, 2 * time.Hour},
		"a lock":        {423, "", "", nil, crmsync.Transient, 2 * time.Second},
		"a move":        {477, "", "", http.Header{"Retry-After": {"3600"}}, crmsync.Throttle, time.Hour},
		"a bare 500":    {500, "", "", nil, crmsync.Ambiguous, 0},
		"no scope":      {403, "", "", nil, crmsync.Auth, 15 * time.Minute},
	} {
		a := open(t, nil)
		a.push(t, remotetest.Ended("hq:0.1", "resolved"), nil) // reads the dispositions
		a.Refuse(c.status, c.policy, c.message, c.header)
		if p := a.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); p == nil || p.Class != c.class || p.After != c.after {
			t.Errorf("%s: got %v after %v", name, p, p.After)
		}
	}
	a := open(t, nil)
	a.Daily = 3
	for range 3 {
		a.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)
	}
	if used, limit, _ := a.quota.Usage(); used != 4 && used != 3 || limit != 3 || a.quota.Spare() {
		t.Errorf("the quota says %d of %d", used, limit)
	}
}

func TestAConflictSpoilsItsBatchOnly(t *testing.T) {
	a := open(t, nil)
	c := remotetest.Ended("hq:1.1", "resolved")
	key := crmsync.Key("default", c.ID)
	a.Conflict(key, 1)
	if p := a.push(t, c, nil); p != nil { // as when two first writes raced
		t.Fatalf("a conflict that has gone came to %v", p)
	}
	a.Conflict(key, 100)
	calls := remotetest.Calls{}
	r := a.records(t, calls, nil)
	var jobs []crm.Job
	for i := range 8 {
		id := fmt.Sprintf("hq:%d.1", i)
		calls[id] = remotetest.Ended(id, "resolved")
		jobs = append(jobs, r.Repair(id, "x"))
	}
	for _, whole := range []bool{false, true} { // a conflict, and then a record that is refused without telling which
		a.Whole = whole
		for _, err := range r.PushBulk(t.Context(), jobs) {
			var p *crmsync.PushError
			if !errors.As(err, &p) || p.Class != crmsync.Split {
				t.Fatalf("whole %v: a batch with a bad record came to %v", whole, err)
			}
		}
		a.Conflict(key, 0)
		calls["hq:3.1"].Disposition.Note = a.Bad()
	}
}

func TestAPropertyThatIsMissingBlamesNoCall(t *testing.T) {
	a := open(t, func(c *hubspot.Config) { c.KeyField = "pbx_other" })
	if p := a.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); p == nil || p.Class != crmsync.Auth || !strings.Contains(p.Reason, "key_field") {
		t.Errorf("got %v", p)
	}
}

// TestTenThousandDispositionsInBatches is a figure of testdata/figures.md.
func TestTenThousandDispositionsInBatches(t *testing.T) {
	a := open(t, nil)
	ann := a.Put("contacts", "", nil)
	calls := remotetest.Calls{}
	var jobs []crm.Job
	r := a.records(t, calls, nil)
	for i := range 10_000 {
		id := fmt.Sprintf("hq:%d.1", i)
		calls[id] = remotetest.Ended(id, "resolved")
		calls[id].Contact = &crm.Match{ID: "hs:contacts:" + ann}
		jobs = append(jobs, r.Repair(id, "x"))
	}
	parked := remotetest.Drain(t, r, jobs)
	all, writes := a.Requests()
	t.Logf("%d calls, each linked, by %d requests that wrote of %d", len(a.Rows()), writes, all)
	if len(a.Rows()) != 10_000 || len(parked) > 0 || writes > 200 || all > writes+1 {
		t.Errorf("%d calls by %d requests of %d; want 100 upserts, 100 links and the dispositions", len(a.Rows()), writes, all)
	}
}

func contact(id string) crmsync.Ref { return crmsync.Ref{Object: "contacts", ID: id} }

func TestContactsAreReadOnceAndThenTheirChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, nil)
		a.Lag = 10 * time.Second
		first := a.Put("contacts", "", map[string]string{"firstname": "Ann", "lastname": "Lee", "phone": "020 7946 0000", "mobilephone": "07700 900123", "company": "Acme"})
		for n := range 450 { // an import: many of one millisecond
			a.Put("contacts", "", map[string]string{"firstname": fmt.Sprint("C", n)})
		}
		acme := a.Put("companies", "", map[string]string{"name": "Acme", "phone": "020 7946 9999"})
		time.Sleep(time.Minute)
		var book remotetest.Book
		read := func() { book.Read(t, a.connector) }
		read()
		if got := book.People[contact(first)]; len(book.People) != 452 || got.Name != "Ann Lee" || got.Company != "Acme" || len(got.Numbers) != 2 ||
			got.URL != "https://app-eu1.hubspot.com/contacts/4711/record/0-1/"+first || book.People[crmsync.Ref{Object: "companies", ID: acme}].Name != "Acme" {
			t.Fatalf("%d people, %+v", len(book.People), got)
		}
		a.Put("contacts", first, map[string]string{"lastname": "Late"})
		read() // the index does not have it yet
		time.Sleep(time.Minute)
		read()
		if book.People[contact(first)].Name != "Ann Late" {
			t.Errorf("a change is not seen: %+v", book.People[contact(first)])
		}
		loser := a.Put("contacts", "", map[string]string{"firstname": "Twin"})
		time.Sleep(time.Minute)
		read()
		a.Merge("contacts", loser, first)
		time.Sleep(time.Minute)
		read()
		if _, there := book.People[contact(loser)]; there || len(book.People) != 452 || book.Into[contact(loser)] != contact(first) {
			t.Errorf("%d people after a merge into %v", len(book.People), book.Into)
		}
		a.Delete("contacts", "502")
		there, err := a.connector.Existing(t.Context(), "contacts", []string{first, loser, "502", "503"})
		if err != nil || !there[first] || there[loser] || there["502"] || !there["503"] {
			t.Errorf("there are %v, %v", there, err)
		}
	})
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, nil)
		calls := remotetest.Calls{}
		r := a.records(t, calls, nil)
		var jobs []crm.Job
		at := remotetest.Ended("", "").StartedAt
		for i := range 450 {
			c := remotetest.Ended(fmt.Sprintf("hq:%d.1", i), "resolved")
			c.StartedAt = crm.At(at.Add(time.Duration(i/100) * time.Hour))
			calls[c.ID] = c
			jobs = append(jobs, r.Repair(c.ID, "x"))
		}
		for len(jobs) > 0 {
			n := min(100, len(jobs))
			for _, err := range r.PushBulk(t.Context(), jobs[:n]) {
				if err != nil {
					t.Fatal(err)
				}
			}
			jobs = jobs[n:]
		}
		found := map[string]crmsync.Standing{}
		for cursor, pages := "", 0; ; pages++ {
			list, next, err := a.connector.Activities(t.Context(), at.Time, at.Add(4*time.Hour), cursor)
			if err != nil || pages > 10 {
				t.Fatal(pages, err)
			}
			for _, s := range list {
				found[s.Key] = s
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		got := found[crmsync.Key("default", "hq:399.1")].Fields
		if len(found) != 400 || got["hs_call_duration"] != "125000" || !strings.HasSuffix(got["hs_call_title"], ": resolved") {
			t.Errorf("%d activities, %v", len(found), got)
		}
	})
}

func TestAConfigurationIsChecked(t *testing.T) {
	_, err := hubspot.New(hubspot.Config{ClientID: "x", KeyField: "no good", Version: "v2", Contacts: []string{"deals"}, Batch: 101})
	for _, field := range []string{"secret_file", "key_field", "api_version", "batch", "contacts"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}
