package salesforce_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/remotetest"
	"patchcord/sync/salesforce"
	"patchcord/sync/salesforce/salesforcetest"
)

// keyPair is made once: it takes long.
var keyPair = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

type org struct {
	*salesforcetest.Server
	network   *remotetest.Network
	connector *salesforce.Connector
	quota     *crmsync.Quota
}

func pemOf(t *testing.T) (*rsa.PrivateKey, crm.Secret) {
	t.Helper()
	key, err := keyPair()
	if err != nil {
		t.Fatal(err)
	}
	return key, crm.Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func open(t *testing.T) org {
	t.Helper()
	return openAs(t, func(*salesforcetest.Server, *salesforce.Config) {})
}

func voice(s *salesforcetest.Server, c *salesforce.Config) { s.Voice, c.Object = true, "VoiceCall" }

func openAs(t *testing.T, change func(*salesforcetest.Server, *salesforce.Config)) org {
	t.Helper()
	key, text := pemOf(t)
	fake := salesforcetest.New("3MVG9", "sync@example.net", &key.PublicKey)
	o := org{Server: fake, network: &remotetest.Network{Handler: fake}, quota: &crmsync.Quota{}}
	cfg := salesforce.Config{
		LoginURL: "http://login.example.net", ClientID: "3MVG9", Username: "sync@example.net", Key: text,
		Client: crmsync.Client{Transport: o.network}, Quota: o.quota,
	}
	change(fake, &cfg)
	c, err := salesforce.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	o.connector = c
	return o
}

func TestConnector(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		o := open(t)
		return remotetest.Subject{Fake: o.Server, Network: o.network, Connector: o.connector, Sessions: true}
	})
}

func TestConnectorOfVoiceCalls(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		o := openAs(t, voice)
		return remotetest.Subject{Fake: o.Server, Network: o.network, Connector: o.connector, Sessions: true}
	})
}

func TestWhatAVoiceCallSays(t *testing.T) {
	o := openAs(t, voice)
	c := remotetest.Ended("hq:1.1", "callback")
	ann := o.Put("Contact", salesforcetest.Row{"Name": "Ann"})
	c.Contact = &crm.Match{ID: "sf:Contact:" + ann}
	c.To = crm.Party{}
	key := crmsync.Key("default", c.ID)
	for range 2 { // and once more by who does not know that it is there
		r := o.records(t, remotetest.Calls{c.ID: c}, nil)
		if err := r.Push(t.Context(), r.Repair(c.ID, "x")); err != nil {
			t.Fatal(err)
		}
		c.Disposition.Code = "resolved"
	}
	want := salesforcetest.Row{
		"VendorCallKey": key, "CallType": "Inbound", "FromPhoneNumber": "+442079460000", "ToPhoneNumber": "unknown", "CallStartDateTime": "2026-11-22T01:02:03Z",
		"CallEndDateTime": "2026-11-22T01:04:13Z", "CallDurationInSeconds": 125.0, "CallDisposition": "callback", "RelatedRecordId": ann,
		"Description": "resolved\nO'Brien: 50% {off}", // what an agent concludes later
	}
	got := o.Task(key)
	for field, v := range want {
		if got[field] != v {
			t.Errorf("%s is %v, want %v", field, got[field], v)
		}
	}
	list, _, err := o.connector.Activities(t.Context(), c.StartedAt.Time, c.StartedAt.Add(time.Second), "")
	if err != nil || len(list) != 1 || list[0].Key != key || list[0].Fields["CallDurationInSeconds"] != "125" {
		t.Errorf("got %v, %v", list, err)
	}
	if list, _, err := o.connector.Activities(t.Context(), c.StartedAt.Add(time.Second), c.StartedAt.Add(time.Hour), ""); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v of another hour", list, err)
	}
}

func TestAVoiceCallOfLaterVersionsNamesItsNumbersOtherwise(t *testing.T) {
	o := openAs(t, func(s *salesforcetest.Server, c *salesforce.Config) { voice(s, c); s.Renamed = true })
	c := remotetest.Ended("hq:1.1", "callback")
	for range 2 {
		r := o.records(t, remotetest.Calls{c.ID: c}, nil)
		if err := r.Push(t.Context(), r.Repair(c.ID, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.Task(crmsync.Key("default", c.ID)); got["RecipientContactInfo"] != "+442079460000" || got["CallerContactInfo"] != "100" {
		t.Errorf("got %v", got)
	}
}

func TestAnOrganisationWithoutVoiceCallsNeedsAPerson(t *testing.T) {
	o := openAs(t, func(_ *salesforcetest.Server, c *salesforce.Config) { c.Object = "VoiceCall" })
	if p := push(t, o); p == nil || p.Class != crmsync.Auth || p.After == 0 {
		t.Errorf("got %v", p)
	}
	o = openAs(t, func(s *salesforcetest.Server, c *salesforce.Config) { voice(s, c); c.KeyField = "Other__c" })
	if p := push(t, o); p == nil || p.Class != crmsync.Auth || !strings.Contains(p.Reason, "Other__c") {
		t.Errorf("without the key field %v", p)
	}
}

func (o org) records(t *testing.T, calls remotetest.Calls, owners map[string]string) *crmsync.Records {
	t.Helper()
	return remotetest.Records(t, "sf", o.connector, calls, owners)
}

func TestWhatATaskSays(t *testing.T) {
	o := open(t)
	contact, owner := o.Put("Contact", salesforcetest.Row{"Name": "Ann"}), o.Put("User", salesforcetest.Row{"Name": "Alice"})
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Contact = &crm.Match{ID: "sf:Contact:" + contact}
	r := o.records(t, remotetest.Calls{c.ID: c}, map[string]string{"alice": owner})
	if err := r.Push(t.Context(), r.Repair(c.ID, "x")); err != nil {
		t.Fatal(err)
	}
	got := o.Task(crmsync.Key("default", c.ID))
	want := salesforcetest.Row{
		"Subject": "Inbound call +442079460000", "Status": "Completed", "CallType": "Inbound", "CallDurationInSeconds": 125.0,
		"CallDisposition": "resolved", "CallObject": "hq:1.1", "ActivityDate": "2026-11-22", "WhoId": contact, "OwnerId": owner,
		"Description": "O'Brien: 50% {off}", "TaskSubtype": "Call",
	}
	for field, v := range want {
		if got[field] != v {
			t.Errorf("%s is %v, want %v", field, got[field], v)
		}
	}
}

func TestALinkThatIsGoneIsLeftOut(t *testing.T) {
	o := open(t)
	contact := o.Put("Contact", salesforcetest.Row{"Name": "Ann"})
	o.Delete("Contact", contact, "")
	c := remotetest.Ended("hq:1.1", "resolved")
	c.Contact = &crm.Match{ID: "sf:Contact:" + contact}
	r := o.records(t, remotetest.Calls{c.ID: c}, map[string]string{"alice": "005never"})
	if err := r.Push(t.Context(), r.Repair(c.ID, "x")); err != nil {
		t.Fatal(err)
	}
	got := o.Task(crmsync.Key("default", c.ID))
	if got == nil || got["WhoId"] != nil || got["OwnerId"] != nil || got["CallDisposition"] != "resolved" {
		t.Errorf("got %v, want the call without contact and owner", got)
	}
}

func push(t *testing.T, o org) *crmsync.PushError {
	t.Helper()
	r := o.records(t, remotetest.Calls{"hq:1.1": remotetest.Ended("hq:1.1", "resolved")}, nil)
	var p *crmsync.PushError
	if err := r.Push(t.Context(), r.Repair("hq:1.1", "x")); err != nil && !errors.As(err, &p) {
		t.Fatal(err)
	}
	return p
}

func TestRefusals(t *testing.T) {
	t.Run("a locked row is tried again later", func(t *testing.T) {
		o := open(t)
		o.Lock(crmsync.Key("default", "hq:1.1"), 1)
		if p := push(t, o); p == nil || p.Class != crmsync.Transient {
			t.Errorf("got %v", p)
		}
		if p := push(t, o); p != nil {
			t.Errorf("got %v", p)
		}
	})
	t.Run("the day's requests are used up", func(t *testing.T) {
		o := open(t)
		o.Limit = 10
		o.Use(9)
		if p := push(t, o); p != nil {
			t.Fatalf("got %v", p)
		}
		if used, limit, _ := o.quota.Usage(); used != 10 || limit != 10 || o.quota.Spare() {
			t.Errorf("the quota says %d of %d", used, limit)
		}
		if p := push(t, o); p == nil || p.Class != crmsync.Throttle || p.After < time.Minute {
			t.Errorf("got %v, want a long pause", p)
		}
	})
	t.Run("an app that nobody approved needs a person", func(t *testing.T) {
		o := open(t)
		o.Unapprove(true)
		for range 5 {
			if p := push(t, o); p == nil || p.Class != crmsync.Auth || !strings.Contains(p.Reason, "hasn't approved") {
				t.Fatalf("got %v", p)
			}
		}
		if n := o.network.Requests(); n != 1 {
			t.Errorf("%d requests, want 1: who refuses is left alone", n)
		}
	})
}

func TestTenThousandDispositionsTakeSixtyRequests(t *testing.T) {
	dispositions := remotetest.Trials(t)
	o := open(t)
	calls := remotetest.Calls{}
	var jobs []crm.Job
	r := o.records(t, calls, nil)
	for i := range dispositions {
		id := fmt.Sprintf("hq:%d.1", i)
		calls[id] = remotetest.Ended(id, "resolved")
		jobs = append(jobs, r.Repair(id, "x"))
	}
	store := remotetest.NewOutbox(jobs)
	w := crmsync.NewWorker(crmsync.Config{Store: store, Remote: r, Tenant: "default", Poll: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	<-store.Empty()
	cancel()
	<-ended
	writes, tokens := o.Counts()
	t.Logf("%d activities by %d requests and %d tokens", len(o.Rows()), writes, tokens)
	if len(o.Rows()) != dispositions || writes > max(3, 60*dispositions/10_000) || tokens != 1 || o.network.Requests() != writes+tokens {
		t.Errorf("%d activities by %d writing requests of %d, %d tokens", len(o.Rows()), writes, o.network.Requests(), tokens)
	}
}

func TestContactsAreReadOnceAndThenTheirChanges(t *testing.T) {
	o := open(t)
	var first string
	for i := range 4500 {
		id := o.Put("Contact", salesforcetest.Row{"Name": fmt.Sprint("C", i), "Phone": fmt.Sprintf("020 7946 %04d", i), "Account.Name": "Acme"})
		if i == 0 {
			first = id
		}
	}
	lead := o.Put("Lead", salesforcetest.Row{"Name": "Lou", "Company": "New Ltd", "MobilePhone": "07700 900123"})
	account := o.Put("Account", salesforcetest.Row{"Name": "Acme", "Phone": "+44 20 7946 9999"})
	token, people, gone, pages := "", map[string]crmsync.Person{}, map[string]bool{}, 0
	into := map[crmsync.Ref]crmsync.Ref{}
	read := func() {
		for more := true; more; pages++ {
			page, err := o.connector.Pull(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page.Changed {
				people[p.ID] = p
			}
			for _, ref := range page.Gone {
				delete(people, ref.ID)
				gone[ref.ID] = true
			}
			maps.Copy(into, page.Into)
			token, more = page.Token, page.More
		}
	}
	read()
	if len(people) != 4502 || people[lead].Company != "New Ltd" || people[account].Numbers[0] != "+44 20 7946 9999" {
		t.Fatalf("%d people; lead %+v, account %+v", len(people), people[lead], people[account])
	}
	if got := people[first]; got.Company != "Acme" || got.URL != "http://login.example.net/lightning/r/Contact/"+first+"/view" {
		t.Errorf("got %+v", got)
	}
	pages = 0
	second := o.Put("Contact", salesforcetest.Row{"Name": "Twin"})
	o.Delete("Contact", first, second)
	changed := o.Put("Contact", salesforcetest.Row{"Name": "Late"})
	read()
	if !gone[first] || people[changed].Name != "Late" || len(people) != 4503 || pages != 3 {
		t.Errorf("%d people after %d pages, gone %v", len(people), pages, gone)
	}
	if len(into) != 1 || into[crmsync.Ref{Object: "Contact", ID: first}].ID != second {
		t.Errorf("merged: %v", into)
	}
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	o := open(t)
	r := o.records(t, remotetest.Calls{"hq:1.1": remotetest.Ended("hq:1.1", "resolved")}, nil)
	if err := r.Push(t.Context(), r.Repair("hq:1.1", "x")); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	list, next, err := o.connector.Activities(t.Context(), at, at, "")
	if err != nil || next != "" || len(list) != 1 {
		t.Fatalf("got %v, %q, %v", list, next, err)
	}
	if got := list[0].Fields; list[0].Key != crmsync.Key("default", "hq:1.1") || got["CallDisposition"] != "resolved" || got["CallDurationInSeconds"] != "125" {
		t.Errorf("got %+v", list[0])
	}
	if list, _, err := o.connector.Activities(t.Context(), at.AddDate(0, 0, 1), at.AddDate(0, 0, 2), ""); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v of another day", list, err)
	}
}

func TestAConfigurationIsChecked(t *testing.T) {
	_, err := salesforce.New(salesforce.Config{KeyField: "x' OR", Contacts: []string{"Task"}, Key: "no"})
	for _, field := range []string{"client_id", "username", "key_field", "contacts", "key_file"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
	for object, dateField := range map[string]string{"Call__c": "", "Task": "Started__c"} {
		_, err := salesforce.New(salesforce.Config{ClientID: "x", ClientSecret: "y", Object: object, DateField: dateField})
		if err == nil || !strings.Contains(err.Error(), "date_field") {
			t.Errorf("date_field %q of %s: %v", dateField, object, err)
		}
	}
	if _, err := salesforce.New(salesforce.Config{ClientID: "x", ClientSecret: "y", Object: "Call__c", DateField: "Started__c"}); err != nil {
		t.Errorf("an object of one's own: %v", err)
	}
}
