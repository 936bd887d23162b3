package bitrix24_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/bitrix24"
	"patchcord/sync/bitrix24/bitrix24test"
	"patchcord/sync/remotetest"
)

type portal struct {
	*bitrix24test.Server
	network   *remotetest.Network
	connector *bitrix24.Connector
}

func open(t *testing.T) portal {
	t.Helper()
	fake := bitrix24test.New()
	p := portal{Server: fake, network: &remotetest.Network{Handler: fake}}
	var err error
	p.connector, err = bitrix24.New(bitrix24.Config{
		URL: "http://b24.example.net", User: bitrix24test.User, Secret: bitrix24test.Code, Unknown: "lead:12", Client: crmsync.Client{Transport: p.network},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConnector(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		p := open(t)
		return remotetest.Subject{Fake: p.Server, Network: p.network, Connector: p.connector}
	})
}

func (p portal) records(t *testing.T, calls remotetest.Calls, owners map[string]string) *crmsync.Records {
	t.Helper()
	return remotetest.Records(t, "b24", p.connector, calls, owners)
}

func (p portal) push(t *testing.T, c *crm.Call, owners map[string]string) *crmsync.PushError {
	t.Helper()
	r := p.records(t, remotetest.Calls{c.ID: c}, owners)
	err := r.Push(t.Context(), r.Repair(c.ID, "x"))
	var failure *crmsync.PushError
	if err != nil && !errors.As(err, &failure) {
		t.Fatal(err)
	}
	return failure
}

func check(t *testing.T, got, want bitrix24test.Row) {
	t.Helper()
	for field, v := range want {
		if got[field] != v {
			t.Errorf("%s is %v, want %v", field, got[field], v)
		}
	}
}

func TestWhatAnActivitySays(t *testing.T) {
	p := open(t)
	ann := p.Put("contact", bitrix24test.Row{"NAME": "Ann"})
	c := remotetest.Ended("hq:1.1", "callback")
	c.Contact = &crm.Match{ID: "b24:contact:" + ann}
	c.Disposition.Note = "a=b&c[d]=%20\n?ü"
	key := crmsync.Key("default", c.ID)
	if f := p.push(t, c, map[string]string{"alice": bitrix24test.Manager}); f != nil {
		t.Fatal(f)
	}
	check(t, p.Activity(key), bitrix24test.Row{
		"SUBJECT": "Inbound call +442079460000: callback", "DESCRIPTION": "a=b&c[d]=%20\n?ü", "START_TIME": "2026-11-22T01:02:03Z", "END_TIME": "2026-11-22T01:04:13Z",
		"DIRECTION": "1", "COMPLETED": "Y", "RESPONSIBLE_ID": bitrix24test.Manager, "OWNER_TYPE_ID": "3", "OWNER_ID": ann, "ORIGINATOR_ID": "patchcord", "ORIGIN_ID": key,
		"COMMUNICATIONS[0][VALUE]": "+442079460000",
	})
	c.Disposition.Code = "resolved" // late: the activity is changed
	if f := p.push(t, c, nil); f != nil {
		t.Fatal(f)
	}
	check(t, p.Activity(key), bitrix24test.Row{"SUBJECT": "Inbound call +442079460000: resolved", "OWNER_ID": ann, "RESPONSIBLE_ID": bitrix24test.Manager})
	if got := p.Rows(); got[key] != 1 {
		t.Errorf("there are %v", got)
	}
}

// TestACallWithoutANumber is written all the same, and keeps what is written of its number.
func TestACallWithoutANumber(t *testing.T) {
	p := open(t)
	c := remotetest.Ended("hq:1.1", "resolved")
	c.From = crm.Party{}
	for _, c.Disposition.Code = range []string{"resolved", "callback"} {
		if f := p.push(t, c, nil); f != nil {
			t.Fatal(f)
		}
		check(t, p.Activity(crmsync.Key("default", c.ID)), bitrix24test.Row{"COMMUNICATIONS[0][VALUE]": "anonymous", "SUBJECT": "Inbound call : " + c.Disposition.Code})
	}
}

func TestWhoIsUnknownOrGone(t *testing.T) {
	p := open(t)
	c := remotetest.Ended("hq:1.1", "resolved")
	if f := p.push(t, c, nil); f != nil {
		t.Fatal(f)
	}
	atUnknown := bitrix24test.Row{"OWNER_TYPE_ID": "1", "OWNER_ID": "12", "RESPONSIBLE_ID": bitrix24test.User}
	check(t, p.Activity(crmsync.Key("default", c.ID)), atUnknown)
	c.ID, c.Contact = "hq:2.1", &crm.Match{ID: "b24:company:404"}
	if f := p.push(t, c, map[string]string{"alice": "404"}); f != nil {
		t.Fatal(f)
	}
	check(t, p.Activity(crmsync.Key("default", c.ID)), atUnknown)
	c.ID, c.Disposition.Note = "hq:3.1", p.Bad()
	if f := p.push(t, c, nil); f == nil || f.Class != crmsync.Permanent || strings.Contains(f.Reason, p.Bad()) {
		t.Errorf("a refusal came to %v", f)
	}
}

func TestLimits(t *testing.T) {
	p := open(t)
	c := remotetest.Ended("hq:1.1", "resolved")
	p.Limited = true
	p.Fill()
	if f := p.push(t, c, nil); f == nil || f.Class != crmsync.Throttle || f.After != 2*time.Second {
		t.Errorf("too many requests are %v", f)
	}
	p = open(t)
	p.Block("crm.activity.add", 1)
	if f := p.push(t, c, nil); f == nil || f.Class != crmsync.Throttle || f.After < 80*time.Second || f.After > 90*time.Second {
		t.Errorf("a method that took too long is %v", f)
	}
	if f := p.push(t, c, nil); f != nil || len(p.Rows()) != 1 {
		t.Errorf("then %v, %v", f, p.Rows())
	}
}

func TestAWrongWebhook(t *testing.T) {
	p := open(t)
	c, err := bitrix24.New(bitrix24.Config{URL: "http://b24.example.net", User: "1", Secret: "wrong", Unknown: "lead:12", Client: crmsync.Client{Transport: p.network}})
	if err != nil {
		t.Fatal(err)
	}
	p.connector = c
	if f := p.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); f == nil || f.Class != crmsync.Auth || strings.Contains(f.Error(), "wrong") {
		t.Errorf("got %v", f)
	}
}

func TestAFullBatchIsTwoRequests(t *testing.T) {
	p := open(t)
	calls := remotetest.Calls{"hq:0.0": remotetest.Ended("hq:0.0", "resolved")}
	r := p.records(t, calls, nil)
	if err := r.Push(t.Context(), r.Repair("hq:0.0", "x")); err != nil { // the first is looked up when it is written, too
		t.Fatal(err)
	}
	before := p.Requests()
	var jobs []crm.Job
	for i := range r.MaxBatch() {
		id := fmt.Sprintf("hq:%d.1", i)
		calls[id] = remotetest.Ended(id, "resolved")
		jobs = append(jobs, r.Repair(id, "x"))
	}
	for _, err := range r.PushBulk(t.Context(), jobs) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Requests() - before; len(p.Rows()) != 51 || n != 2 {
		t.Errorf("%d activities, the last fifty by %d requests, want a look-up and a write", len(p.Rows()), n)
	}
}

func TestContactsAreReadOnceAndThenTheirChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t)
		p.Limited = true
		var first string
		for n := range 3_000 { // more pages than the bucket holds
			id := p.Put("contact", bitrix24test.Row{"NAME": "Ann", "LAST_NAME": fmt.Sprint(n), "PHONE": []bitrix24test.Row{{"VALUE": "020 7946 0000"}, {"VALUE": "07700 900123"}}, "EMAIL": []bitrix24test.Row{{"VALUE": "a@b"}}})
			if n == 0 {
				first = id
			}
		}
		acme := p.Put("company", bitrix24test.Row{"TITLE": "Acme"})
		lou := p.Put("lead", bitrix24test.Row{"TITLE": "Lou", "STATUS_SEMANTIC_ID": "P"})
		time.Sleep(time.Hour)
		ref := func(object, id string) crmsync.Ref { return crmsync.Ref{Object: object, ID: id} }
		var book remotetest.Book
		pages := book.Read(t, p.connector)
		got := book.People[ref("contact", first)]
		if pages != 63 || len(book.People) != 3_003 || got.Name != "Ann 0" || len(got.Numbers) != 2 || got.Email != "a@b" || got.URL != "http://b24.example.net/crm/contact/details/"+first+"/" ||
			book.People[ref("company", acme)].Name != "Acme" || book.People[ref("lead", lou)].Name != "Lou" {
			t.Fatalf("%d people on %d pages, %+v", len(book.People), pages, got)
		}
		p.Put("contact", bitrix24test.Row{"ID": first, "LAST_NAME": "Late"})
		p.Put("lead", bitrix24test.Row{"ID": lou, "STATUS_SEMANTIC_ID": "S"})
		if pages := book.Read(t, p.connector); pages != 3 || len(book.People) != 3_002 || book.People[ref("contact", first)].Name != "Ann Late" {
			t.Errorf("%d people after %d pages", len(book.People), pages)
		}
		p.Delete("contact", first)
		there, err := p.connector.Existing(t.Context(), "contact", []string{first, "102"})
		if err != nil || there[first] || !there["102"] {
			t.Errorf("there are %v, %v", there, err)
		}
	})
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	p := open(t)
	at := remotetest.Ended("", "").StartedAt.Time
	for i := range 60 {
		if f := p.push(t, remotetest.Ended(fmt.Sprintf("hq:%d.1", i), "resolved"), nil); f != nil {
			t.Fatal(f)
		}
	}
	first, next, err := p.connector.Activities(t.Context(), at, at.Add(time.Second), "")
	if err != nil || next != "50" || len(first) != 50 || first[0].Key != crmsync.Key("default", "hq:0.1") || !strings.HasSuffix(first[0].Fields["SUBJECT"], ": resolved") {
		t.Fatalf("got %d, %q, %v", len(first), next, err)
	}
	second, next, err := p.connector.Activities(t.Context(), at, at.Add(time.Second), next)
	if err != nil || next != "" || len(second) != 10 {
		t.Errorf("got %d, %q, %v", len(second), next, err)
	}
	if list, _, err := p.connector.Activities(t.Context(), at.Add(time.Second), at.Add(time.Hour), ""); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v of another hour", list, err)
	}
}

func TestAConfigurationIsChecked(t *testing.T) {
	_, err := bitrix24.New(bitrix24.Config{User: "me", Secret: "/rest/1/x/", Unknown: "deal:1", Contacts: []string{"deal"}})
	for _, field := range []string{"url", "username", "secret_file", "unknown", "contacts"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}
