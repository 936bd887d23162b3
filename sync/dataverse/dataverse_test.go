package dataverse_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/dataverse"
	"patchcord/sync/dataverse/dataversetest"
	"patchcord/sync/remotetest"
)

type env struct {
	*dataversetest.Server
	network   *remotetest.Network
	connector *dataverse.Connector
}

const app = "1f0d6c1e-0000-4000-8000-0000000000aa"

func open(t *testing.T) env {
	t.Helper()
	fake := dataversetest.New()
	e := env{Server: fake, network: &remotetest.Network{Handler: fake}}
	var err error
	e.connector, err = dataverse.New(dataverse.Config{
		URL: "http://org.example.net", LoginURL: "http://org.example.net", Tenant: "t1", ClientID: "app", Secret: "hush", App: app,
		Client: crmsync.Client{Transport: e.network},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestConnector(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		e := open(t)
		return remotetest.Subject{Fake: e.Server, Network: e.network, Connector: e.connector, Sessions: true}
	})
}

func (e env) push(t *testing.T, c *crm.Call, owners map[string]string) error {
	t.Helper()
	return remotetest.Push(t, "dyn", e.connector, c, owners)
}

func want(t *testing.T, got, want dataversetest.Row) {
	t.Helper()
	for field, v := range want {
		if got[field] != v {
			t.Errorf("%s is %v, want %v", field, got[field], v)
		}
	}
}

func TestAPhoneCallIsCompletedAndEditedLater(t *testing.T) {
	e := open(t)
	e.Put("contacts", "c1", dataversetest.Row{"fullname": "Ann"})
	e.Put("systemusers", "u1", dataversetest.Row{})
	c := remotetest.Ended("hq:1.1", "callback")
	c.Contact = &crm.Match{ID: "dyn:contact:c1"}
	key, owners := crmsync.Key("default", c.ID), map[string]string{"alice": "u1"}
	ended := c.EndedAt
	c.EndedAt = crm.Time{}
	if err := e.push(t, c, owners); err != nil {
		t.Fatal(err)
	}
	want(t, e.PhoneCall(key), dataversetest.Row{"statecode": 0.0, "category": "callback", "actualend": nil})
	c.EndedAt = ended
	if err := e.push(t, c, owners); err != nil {
		t.Fatal(err)
	}
	want(t, e.PhoneCall(key), dataversetest.Row{"statecode": 1.0, "statuscode": 4.0, "directioncode": false, "actualdurationminutes": 3.0,
		"actualstart": "2026-11-22T01:02:03Z", "regardingobjectid_contact_phonecall@odata.bind": "/contacts(c1)", "ownerid@odata.bind": "/systemusers(u1)"})
	c.Disposition.Code = "resolved" // late: it is read-only by now
	if err := e.push(t, c, owners); err != nil {
		t.Fatal(err)
	}
	want(t, e.PhoneCall(key), dataversetest.Row{"statecode": 1.0, "category": "resolved"})
	if got := len(e.Rows()); got != 1 {
		t.Errorf("%d phone calls", got)
	}
}

// written is calls of which a job is done, as the store of a daemon has them that was restarted.
type written struct{ remotetest.Calls }

func (w written) CallsWithJobs(ctx context.Context, tenant, dest string, ids []string) ([]crm.CallWithJobs, error) {
	found, err := w.Calls.CallsWithJobs(ctx, tenant, dest, ids)
	for i, id := range ids {
		found[i].Jobs = []crm.Job{{ID: 1, Dest: dest, Lane: id, Kind: "call", Payload: []byte(`{"call":"` + id + `"}`), State: crm.JobDone}}
	}
	return found, err
}

// TestWhoCalledWhom: from the contact to the owner, or the other way about; people may change it afterwards. Where parties are not
// taken, the rest is written.
func TestWhoCalledWhom(t *testing.T) {
	const contact, owner = "partyid_contact@odata.bind:/contacts(c1)]", "partyid_systemuser@odata.bind:/systemusers(u1)]"
	for direction, parties := range map[crm.Direction]string{
		crm.Inbound:  "[map[participationtypemask:1 " + contact + " map[participationtypemask:2 " + owner + "]",
		crm.Outbound: "[map[participationtypemask:2 " + contact + " map[participationtypemask:1 " + owner + "]",
		crm.Internal: "<nil>",
	} {
		for _, refused := range []bool{false, true} {
			e := open(t)
			e.NoParties = refused
			e.Put("contacts", "c1", dataversetest.Row{})
			e.Put("systemusers", "u1", dataversetest.Row{})
			c := remotetest.Ended("hq:1.1", "resolved")
			ended := c.EndedAt
			c.Contact, c.Direction, c.EndedAt = &crm.Match{ID: "dyn:contact:c1"}, direction, crm.Time{}
			r := remotetest.Records(t, "dyn", e.connector, remotetest.Calls{c.ID: c}, map[string]string{"alice": "u1"})
			if _, err := r.Jobs(crm.StoredEvent{N: 1, CallID: c.ID, Type: crm.CallEnded}); err != nil { // the log has begun
				t.Fatal(err)
			}
			push := func() dataversetest.Row {
				t.Helper()
				if err := r.Push(t.Context(), r.Repair(c.ID, "x")); err != nil {
					t.Fatal(err)
				}
				return e.PhoneCall(crmsync.Key("default", c.ID))
			}
			want := parties
			if refused {
				want = "<nil>"
			}
			got := push()
			if is := fmt.Sprint(got["phonecall_activity_parties"]); is != want || got["statecode"] != 0.0 || got["ownerid@odata.bind"] != "/systemusers(u1)" {
				t.Errorf("%s, refused %v: the parties are %s, want %s, of %v", direction, refused, is, want, got)
			}
			got["phonecall_activity_parties"] = "what people made of it"
			restarted, err := crmsync.NewRecords(crmsync.RecordsConfig{Name: "dyn", Tenant: "default", Connector: e.connector,
				Calls: written{remotetest.Calls{c.ID: c}}, Owners: map[string]string{"alice": "u1"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := restarted.Push(t.Context(), restarted.Repair(c.ID, "y")); err != nil || got["phonecall_activity_parties"] != "what people made of it" {
				t.Errorf("%s: after a restart they are %v, %v", direction, got["phonecall_activity_parties"], err)
			}
			for _, c.EndedAt = range []crm.Time{{}, ended} {
				if is := push()["phonecall_activity_parties"]; is != "what people made of it" {
					t.Errorf("%s: then they are %v", direction, is)
				}
			}
			if got["statecode"] != 1.0 {
				t.Errorf("in the end it is %v", got)
			}
		}
	}
}

// TestPartiesOfADoubtfulWrite: one that was taken, but whose answer was lost, keeps what people made of its parties since; one that was
// not has them told.
func TestPartiesOfADoubtfulWrite(t *testing.T) {
	e := open(t)
	e.Put("systemusers", "u1", dataversetest.Row{})
	taken, lost := remotetest.Ended("hq:1.1", "resolved"), remotetest.Ended("hq:2.1", "resolved")
	again := func(c *crm.Call) error {
		r := remotetest.Records(t, "dyn", e.connector, remotetest.Calls{c.ID: c}, map[string]string{"alice": "u1"})
		j := r.Repair(c.ID, "x")
		j.Unsure = true
		return r.Push(t.Context(), j)
	}
	e.network.LoseAnswers(e.Writes)
	if p := remotetest.Failure(t, e.push(t, taken, map[string]string{"alice": "u1"})); p.Class != crmsync.Ambiguous {
		t.Fatalf("an answer was lost, and the push came to %v", p)
	}
	e.network.LoseAnswers(func(r *http.Request) bool { return r.Method == http.MethodGet })
	got := e.PhoneCall(crmsync.Key("default", taken.ID))
	got["phonecall_activity_parties"], got["category"] = "what people made of it", "callback"
	if p := remotetest.Failure(t, again(taken)); p.Class != crmsync.Transient || got["category"] != "callback" {
		t.Errorf("while nobody can tell it came to %v, of %v", p, got)
	}
	e.network.LoseAnswers(nil)
	if err := again(taken); err != nil || got["phonecall_activity_parties"] != "what people made of it" || got["category"] != "resolved" {
		t.Errorf("got %v, %v; want the parties that people told", got, err)
	}
	if err := again(lost); err != nil || e.PhoneCall(crmsync.Key("default", lost.ID))["phonecall_activity_parties"] == nil {
		t.Errorf("got %v, %v; want it with parties", e.PhoneCall(crmsync.Key("default", lost.ID)), err)
	}
}

func TestALinkThatIsGoneIsLeftOut(t *testing.T) {
	e := open(t)
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Contact = &crm.Match{ID: "dyn:contact:gone"}
	if err := e.push(t, c, map[string]string{"alice": "left"}); err != nil {
		t.Fatal(err)
	}
	want(t, e.PhoneCall(crmsync.Key("default", c.ID)), dataversetest.Row{"statecode": 1.0, "category": "resolved", "ownerid@odata.bind": nil})
}

func TestAContactThatIsGoneCostsNoOwner(t *testing.T) {
	e := open(t)
	e.Put("systemusers", "u1", dataversetest.Row{})
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Contact = &crm.Match{ID: "dyn:contact:gone"}
	if err := e.push(t, c, map[string]string{"alice": "u1"}); err != nil {
		t.Fatal(err)
	}
	want(t, e.PhoneCall(crmsync.Key("default", c.ID)), dataversetest.Row{"statecode": 1.0, "ownerid@odata.bind": "/systemusers(u1)"})
}

func TestWhatBecamePartOfACallThatGoesOnIsOver(t *testing.T) {
	e := open(t)
	loser, winner := remotetest.Ended("hq:1.1", "resolved"), remotetest.Ended("hq:2.1", "resolved")
	calls := remotetest.Calls{loser.ID: loser}
	r := remotetest.Records(t, "dyn", e.connector, calls, nil)
	if err := r.Push(t.Context(), r.Repair(loser.ID, "x")); err != nil {
		t.Fatal(err)
	}
	winner.EndedAt = crm.Time{}
	calls[loser.ID], calls[winner.ID] = winner, winner
	jobs, err := r.Jobs(remotetest.Merged(t, loser, winner))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), jobs[0]); err != nil {
		t.Fatal(err)
	}
	want(t, e.PhoneCall(crmsync.Key("default", loser.ID)), dataversetest.Row{"statecode": 1.0, "subject": "Part of call hq:2.1"})
}

func TestThrottlingTellsHowLong(t *testing.T) {
	e := open(t)
	e.Throttle(1)
	var p *crmsync.PushError
	if err := e.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); !errors.As(err, &p) || p.Class != crmsync.Throttle || p.After != 10*time.Second {
		t.Errorf("got %v", err)
	}
}

func TestAFullBatchIsOneRequest(t *testing.T) {
	e := open(t)
	calls := remotetest.Calls{}
	r := remotetest.Subject{Connector: e.connector}.Records(t, calls)
	var jobs []crm.Job
	for i := range r.MaxBatch() {
		id := fmt.Sprintf("hq:%d.1", i)
		calls[id] = remotetest.Ended(id, "resolved")
		jobs = append(jobs, r.Repair(id, "x"))
	}
	for i, err := range r.PushBulk(t.Context(), jobs) {
		if err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	if len(e.Rows()) != 300 || e.Requests() != 1 {
		t.Errorf("%d phone calls by %d requests, want 300 by 1", len(e.Rows()), e.Requests())
	}
}

func TestContactsAreTracked(t *testing.T) {
	e := open(t)
	for i := range 1200 {
		e.Put("contacts", fmt.Sprint("c", i), dataversetest.Row{"fullname": fmt.Sprint("C", i), "telephone1": "020 7946 0000", "statecode": 0.0})
	}
	e.Put("accounts", "a1", dataversetest.Row{"name": "Acme", "telephone2": "020 7946 1111", "statecode": 0.0})
	var book remotetest.Book
	read := func() { book.Read(t, e.connector) }
	person := func(object, id string) crmsync.Person { return book.People[crmsync.Ref{Object: object, ID: id}] }
	read()
	if got := person("account", "a1"); len(book.People) != 1201 || got.Name != "Acme" || got.Numbers[0] != "020 7946 1111" || !strings.Contains(got.URL, "etn=account") {
		t.Fatalf("%d people, account %+v", len(book.People), got)
	}
	e.Delete("contacts", "c0")
	e.Put("contacts", "c1", dataversetest.Row{"fullname": "merged", "statecode": 1.0, "_masterid_value": "c2"})
	e.Put("contacts", "c2", dataversetest.Row{"fullname": "Renamed", "statecode": 0.0})
	read()
	if len(book.People) != 1199 || person("contact", "c2").Name != "Renamed" {
		t.Errorf("%d people, %+v", len(book.People), person("contact", "c2"))
	}
	if one := (crmsync.Ref{Object: "contact", ID: "c1"}); book.Into[one].ID != "c2" || len(book.Into) != 1 {
		t.Errorf("merged are %v", book.Into)
	}
	e.Delete("contacts", "c3")
	e.Put("contacts", "c4", dataversetest.Row{"fullname": "Later", "statecode": 0.0})
	e.ExpireChanges()
	read() // from the beginning: nobody tells what was deleted meanwhile
	if len(book.People) != 1199 || person("contact", "c4").Name != "Later" {
		t.Errorf("after the changes were forgotten: %d people, %+v", len(book.People), person("contact", "c4"))
	}
	there, err := e.connector.Existing(t.Context(), "contact", []string{"c1", "c2", "c3", "c4"})
	if err != nil || len(there) != 2 || !there["c2"] || !there["c4"] {
		t.Errorf("there are %v, %v", there, err)
	}
}

func TestWhatIsToBeSetUpIsSaid(t *testing.T) {
	tests := map[string]struct {
		code, message string
		want          crmsync.Class
		says          string
	}{
		"a key that is not active":   {"0x0", "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.phonecall'.", crmsync.Auth, "is it active?"},
		"a column that is not there": {"0x80048d19", "An undeclared property was found", crmsync.Permanent, "a mapped column is not there"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			e.network.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/token") {
					e.ServeHTTP(w, r)
					return
				}
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"error":{"code":%q,"message":%q}}`, tt.code, tt.message)
			})
			p := remotetest.Failure(t, e.push(t, remotetest.Ended("hq:1.1", "resolved"), nil))
			if p.Class != tt.want || !strings.Contains(p.Reason, tt.says) || strings.Contains(p.Reason, tt.message) {
				t.Errorf("got %v", p)
			}
		})
	}
}

func TestAContactOpensInTheApp(t *testing.T) {
	e := open(t)
	e.Put("contacts", "c1", dataversetest.Row{"fullname": "Ann", "statecode": 0.0})
	page, err := e.connector.Pull(t.Context(), "")
	if err != nil || len(page.Changed) != 1 {
		t.Fatal(page, err)
	}
	if got, want := page.Changed[0].URL, "http://org.example.net/main.aspx?etn=contact&pagetype=entityrecord&id=%7Bc1%7D&appid="+app; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = dataverse.New(dataverse.Config{App: "Sales Hub", Batch: 301, KeyField: "no good", Contacts: []string{"deals"}})
	for _, field := range []string{"url", "tenant_id", "client_id", "secret_file", "app_id", "batch", "key_field", "contacts"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	e := open(t)
	c := remotetest.Ended("hq:1.1", "resolved")
	if err := e.push(t, c, nil); err != nil {
		t.Fatal(err)
	}
	list, next, err := e.connector.Activities(t.Context(), c.StartedAt.Time, c.StartedAt.Add(time.Second), "")
	if err != nil || next != "" || len(list) != 1 || list[0].Key != crmsync.Key("default", c.ID) || list[0].Fields["category"] != "resolved" {
		t.Errorf("got %v, %q, %v", list, next, err)
	}
	if list, _, err := e.connector.Activities(t.Context(), c.StartedAt.Add(time.Second), c.StartedAt.Add(time.Hour), ""); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v of another hour", list, err)
	}
}

// TestTheVendorsClientAgrees has dynamics-web-api write to the fake, and read what the connector wrote.
func TestTheVendorsClientAgrees(t *testing.T) {
	e := open(t)
	s := httptest.NewServer(e.Server)
	defer s.Close()
	if err := e.push(t, remotetest.Ended("hq:1.1", "resolved"), nil); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Ours, Theirs map[string]any
		Refused      string
		Batch        int
	}
	remotetest.Oracle(t, &got, "dataverse.mjs", s.URL, crmsync.Key("default", "hq:1.1"), e.Bad())
	if got.Ours["category"] != "resolved" || got.Ours["statecode"] != 1.0 {
		t.Errorf("it reads of ours %v", got.Ours)
	}
	if got.Theirs["subject"] != "second" || !strings.Contains(got.Refused, "plug-in") || got.Batch != 2 {
		t.Errorf("it wrote %v, was refused %q, batch %d", got.Theirs, got.Refused, got.Batch)
	}
	found, err := e.connector.Find(t.Context(), []string{"pc1", "pc2", "pc3"})
	if err != nil || len(found) != 3 {
		t.Errorf("the connector finds of what it wrote %v, %v", found, err)
	}
}
