package odoo_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/odoo"
	"patchcord/sync/odoo/odootest"
	"patchcord/sync/remotetest"
)

type database struct {
	*odootest.Server
	network   *remotetest.Network
	connector *odoo.Connector
}

func open(t *testing.T, api string) database { return openNamed(t, api, odootest.Database) }

func openNamed(t *testing.T, api, name string) database {
	t.Helper()
	fake := odootest.New()
	d := database{Server: fake, network: &remotetest.Network{Handler: fake}}
	var err error
	d.connector, err = odoo.New(odoo.Config{
		URL: "http://odoo.example.net", API: api, Database: name, Username: odootest.User, Secret: odootest.Key,
		Client: crmsync.Client{Transport: d.network},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConnector(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		d := open(t, "jsonrpc")
		return remotetest.Subject{Fake: d.Server, Network: d.network, Connector: d.connector}
	})
}

func (d database) records(t *testing.T, calls remotetest.Calls, owners map[string]string, more map[string]string) *crmsync.Records {
	t.Helper()
	r, err := crmsync.NewRecords(crmsync.RecordsConfig{
		Name: "odoo", Tenant: "default", Connector: d.connector, Calls: calls, Owners: owners, Mapping: crmsync.Mapping{Fields: more},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (d database) push(t *testing.T, c *crm.Call, owners map[string]string) *crmsync.PushError {
	t.Helper()
	r := d.records(t, remotetest.Calls{c.ID: c}, owners, nil)
	return failure(t, r.Push(t.Context(), r.Repair(c.ID, "x")))
}

func failure(t *testing.T, err error) *crmsync.PushError {
	t.Helper()
	var p *crmsync.PushError
	if err != nil && !errors.As(err, &p) {
		t.Fatal(err)
	}
	return p
}

func TestWhatACallSays(t *testing.T) {
	for _, api := range []string{"jsonrpc", "json2"} {
		d := open(t, api)
		ann := d.Put(odootest.Record{"name": "Ann"})
		c := remotetest.Ended("hq:1.1", "resolved")
		c.Contact = &crm.Match{ID: "odoo:res.partner:" + strconv.Itoa(ann)}
		if p := d.push(t, c, map[string]string{"alice": "7"}); p != nil {
			t.Fatal(api, p)
		}
		want := odootest.Record{
			"name": "Inbound call +442079460000: resolved", "description": "O'Brien: 50% {off}", "date": "2026-11-22 01:02:03", "duration": "3", "direction": "in",
			"state": "done", "partner_phone": "+442079460000", "user_id": "7", "partner_id": strconv.Itoa(ann),
		}
		got := d.Call(crmsync.Key("default", c.ID))
		for field, v := range want {
			if got[field] != v {
				t.Errorf("%s: %s is %v, want %v", api, field, got[field], v)
			}
		}
	}
}

func TestRowsThatAreRefusedSpoilNoOthers(t *testing.T) {
	d := open(t, "jsonrpc")
	ann, bob := d.Put(odootest.Record{"name": "Ann"}), d.Put(odootest.Record{"name": "Bob"})
	d.Delete(bob)
	calls := remotetest.Calls{}
	r := d.records(t, calls, map[string]string{"alice": "7", "bob": "404"}, nil)
	var jobs []crm.Job
	for i, who := range []struct {
		contact int
		by      string
	}{{ann, "alice"}, {bob, "bob"}, {ann, "bob"}, {ann, "alice"}} {
		c := remotetest.Ended(fmt.Sprintf("hq:%d.1", i), "resolved")
		c.Contact, c.Disposition.By = &crm.Match{ID: "odoo:res.partner:" + strconv.Itoa(who.contact)}, who.by
		calls[c.ID] = c
		jobs = append(jobs, r.Repair(c.ID, "x"))
	}
	calls["hq:3.1"].Disposition.Note = d.Bad()
	errs := r.PushBulk(t.Context(), jobs)
	for i := range 3 {
		got := d.Call(crmsync.Key("default", fmt.Sprintf("hq:%d.1", i)))
		if errs[i] != nil || (got["partner_id"] == strconv.Itoa(ann)) != (i != 1) || got["state"] != "done" {
			t.Errorf("call %d came to %v: %v", i, errs[i], got)
		}
	}
	if p := failure(t, errs[3]); p == nil || p.Class != crmsync.Permanent || strings.Contains(p.Reason, d.Bad()) {
		t.Errorf("a refused call came to %v", p)
	}
}

func TestAFullBatchIsOneImport(t *testing.T) {
	d := open(t, "json2")
	calls := remotetest.Calls{}
	r := d.records(t, calls, nil, nil)
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
	if len(d.Rows()) != 100 || d.Imports() != 1 {
		t.Errorf("%d calls by %d imports", len(d.Rows()), d.Imports())
	}
}

func TestOtherVersionsOfTheModel(t *testing.T) {
	d := open(t, "jsonrpc")
	d.Drop("crm.phonecall", "direction")
	if p := d.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); p != nil {
		t.Errorf("without a field of ours: %v", p)
	}
	r := d.records(t, remotetest.Calls{"hq:2.1": remotetest.Ended("hq:2.1", "resolved")}, nil, map[string]string{"x_queue": "{pbx}"})
	if p := failure(t, r.Push(t.Context(), r.Repair("hq:2.1", "x"))); p == nil || p.Class != crmsync.Auth || !strings.Contains(p.Reason, "x_queue") {
		t.Errorf("without a field that is mapped: %v", p)
	}
	for _, api := range []string{"jsonrpc", "json2"} {
		d = open(t, api)
		d.Drop("crm.phonecall", "")
		if p := d.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); p == nil || p.Class != crmsync.Auth || p.After == 0 || !strings.Contains(p.Reason, "is the model installed") {
			t.Errorf("without the model, by %s: %v", api, p)
		}
		if _, err := d.connector.Find(t.Context(), []string{crmsync.Key("default", "")}); remotetest.Failure(t, err).Class != crmsync.Auth {
			t.Errorf("a check without the model, by %s: %v", api, err)
		}
	}
	d = openNamed(t, "jsonrpc", "typo")
	if p := d.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); p == nil || p.Class != crmsync.Auth || !strings.Contains(p.Reason, "the database's name right?") {
		t.Errorf("of another database: %v", p)
	}
}

func TestAMissedCallGetsNoDuration(t *testing.T) {
	d := open(t, "jsonrpc")
	c := remotetest.Ended("hq:1.1", "resolved")
	c.AnsweredAt, c.Outcome, c.TalkMS = crm.Time{}, crm.NoAnswer, crm.MillisOf(0)
	if p := d.push(t, c, nil); p != nil {
		t.Fatal(p)
	}
	if got := d.Call(crmsync.Key("default", c.ID)); got["state"] != "cancel" || got["duration"] != "0" {
		t.Errorf("got %v", got)
	}
}

func TestErrorsHaveStatusTwoHundred(t *testing.T) {
	for exception, class := range map[string]crmsync.Class{
		"psycopg2.errors.SerializationFailure": crmsync.Transient, "psycopg2.OperationalError": crmsync.Transient, "psycopg2.errors.UniqueViolation": crmsync.Transient,
		"odoo.exceptions.AccessError": crmsync.Auth, "odoo.exceptions.ValidationError": crmsync.Split, "odoo.sql_db.PoolError": crmsync.Throttle,
	} {
		for _, api := range []string{"jsonrpc", "json2"} {
			d := open(t, api)
			c := remotetest.Ended("hq:1.1", "resolved")
			d.push(t, c, nil) // reads the model
			d.Fail(exception)
			if p := d.push(t, c, nil); p == nil || p.Class != class || strings.Contains(p.Reason, "test") {
				t.Errorf("%s by %s is %v", exception, api, p)
			}
		}
	}
	for _, api := range []string{"jsonrpc", "json2"} {
		d := open(t, api)
		d.push(t, remotetest.Ended("hq:1.1", "resolved"), nil)
		d.Revoke()
		before := d.network.Requests()
		for range 3 {
			if p := d.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); p == nil || p.Class != crmsync.Auth {
				t.Errorf("a revoked key is %v by %s", p, api)
			}
		}
		if n := d.network.Requests() - before; n > 6 {
			t.Errorf("%d requests with a revoked key", n)
		}
	}
}

func TestContactsAreReadOnceAndThenTheirChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, "jsonrpc")
		first := d.Put(odootest.Record{"name": "Ann", "phone": "020 7946 0000", "mobile": "07700 900123", "commercial_company_name": "Acme", "email": "a@b"})
		time.Sleep(400 * time.Millisecond)
		many := make([]odootest.Record, 1300) // an import: all of one moment, over three pages
		for i := range many {
			many[i] = odootest.Record{"name": fmt.Sprint("C", i)}
		}
		d.Put(many...)
		last := d.Put(odootest.Record{"name": "Zoe"})
		time.Sleep(time.Hour)
		var book remotetest.Book
		book.Read(t, d.connector)
		partner := func(id int) crmsync.Ref { return crmsync.Ref{Object: "res.partner", ID: strconv.Itoa(id)} }
		got := book.People[partner(first)]
		if len(book.People) != 1302 || got.Name != "Ann" || got.Company != "Acme" || len(got.Numbers) != 2 || !strings.Contains(got.URL, "id="+strconv.Itoa(first)+"&") || book.People[partner(last)].Name != "Zoe" {
			t.Fatalf("%d people, %+v", len(book.People), got)
		}
		d.Put(odootest.Record{"id": first, "name": "Ann Late"})
		d.Put(odootest.Record{"id": last, "active": false})
		if pages := book.Read(t, d.connector); pages > 6 || len(book.People) != 1301 || book.People[partner(first)].Name != "Ann Late" {
			t.Errorf("%d people after %d pages", len(book.People), pages)
		}
		time.Sleep(time.Hour)
		if book.Read(t, d.connector); book.Read(t, d.connector) != 1 {
			t.Error("what is settled is read again")
		}
		d.Delete(first)
		there, err := d.connector.Existing(t.Context(), "res.partner", []string{strconv.Itoa(first), strconv.Itoa(last), strconv.Itoa(first + 1)})
		if err != nil || there[strconv.Itoa(first)] || there[strconv.Itoa(last)] || !there[strconv.Itoa(first+1)] {
			t.Errorf("there are %v, %v", there, err)
		}
		d = open(t, "json2")
		d.Drop("res.partner", "mobile") // as Odoo 19
		d.Put(odootest.Record{"name": "Ann", "phone": "1"})
		book = remotetest.Book{}
		if book.Read(t, d.connector); len(book.People) != 1 {
			t.Errorf("%d people without mobile numbers", len(book.People))
		}
	})
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	d := open(t, "jsonrpc")
	c := remotetest.Ended("hq:1.1", "resolved")
	if p := d.push(t, c, nil); p != nil {
		t.Fatal(p)
	}
	list, next, err := d.connector.Activities(t.Context(), c.StartedAt.Time, c.StartedAt.Add(time.Second), "")
	if err != nil || next != "" || len(list) != 1 || list[0].Key != crmsync.Key("default", c.ID) || list[0].Fields["name"] != "Inbound call +442079460000: resolved" {
		t.Errorf("got %v, %q, %v", list, next, err)
	}
	if list, _, err := d.connector.Activities(t.Context(), c.StartedAt.Add(time.Second), c.StartedAt.Add(time.Hour), ""); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v of another hour", list, err)
	}
}

func TestAConfigurationIsChecked(t *testing.T) {
	_, err := odoo.New(odoo.Config{API: "jsonrpc", Model: "Not a model", DateField: "x y", Batch: 1000})
	for _, field := range []string{"url", "secret_file", "database", "model", "date_field", "batch"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}
