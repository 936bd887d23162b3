package rest_test

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
	"patchcord/sync/remotetest"
	"patchcord/sync/rest"
	"patchcord/sync/rest/resttest"
)

func modernSpec() rest.Spec {
	return rest.Spec{
		Auth: "oauth2", TokenURL: "http://crm.example.net/oauth/token", Scope: "calls people", Headers: map[string]string{"X-Tenant": "acme"},
		Find:   &rest.Call{Path: "/v2/calls/{key}", Items: "data"},
		Upsert: &rest.Call{Path: "/v2/calls/{key}", Inside: "data.attributes"},
		Answers: []rest.Rule{
			{Status: "422", Path: "errors.0.code", Is: "unknown_person", Class: "permanent", Drop: []string{"person.id"}},
			{Status: "422", Class: "permanent", Reason: "a rule of the CRM refuses it"},
		},
		Merged: map[string]string{"subject": "Part of {call}"}, Links: map[string]map[string]string{"person": {"person.id": "{contact}"}},
		Contacts: []rest.Contacts{{
			Object: "person", List: rest.List{Path: "/v2/people?since={since}&cursor={cursor}", Items: "data", By: "cursor", Next: "meta.next"},
			Name: []string{"first", "last"}, Numbers: []string{"phone", "phones.*.value"}, Company: "org.name", Email: "mail", Gone: "deleted",
			Page: "https://crm.example.net/people/{id}",
		}},
		Activities: &rest.Activities{
			List: rest.List{Path: "/v2/calls?from={from}&until={until}&cursor={cursor}", Items: "data", By: "cursor", Next: "meta.next"},
			Key:  "key", Compare: map[string]string{"result": "result", "duration": "duration"},
		},
	}
}

func quaintSpec() rest.Spec {
	return rest.Spec{
		Auth: "header", AuthHeader: "X-Api-Key",
		Find:   &rest.Call{Path: "/api/call?search={key}", Items: "result", Key: "key"},
		Create: &rest.Call{Path: "/api/call", Format: "form", Body: "key={key}&title={title}&length={length}&remark={remark}"},
		Update: &rest.Call{Method: "post", Path: "/api/call/{id}", Format: "xml", Body: "<call><title>{title}</title><remark>{remark}</remark></call>"},
		Answers: []rest.Rule{
			{Path: "error.code", Is: "TOO_MANY*", Class: "throttle", After: "20s"},
			{Path: "error.code", Is: "NO_ACCESS", Class: "auth"},
			{Path: "success", Is: "false", Class: "permanent"},
		},
		Merged: map[string]string{"title": "Part of {call}"},
		Contacts: []rest.Contacts{{
			Object: "person", List: rest.List{Path: "/api/person?page={page}&size={size}", Items: "result", By: "page", First: new(int), Size: 20},
			Name: []string{"name"}, Numbers: []string{"tel"},
			Existing: &rest.Existing{Path: "/api/person?ids={ids}", Items: "result"},
		}},
	}
}

var (
	modernFields = map[string]string{"subject": "{direction} call {number}", "started": "{started_at}", "duration": "{talk_seconds}", "result": "{disposition}", "note": "{disposition_note}"}
	quaintFields = map[string]string{"title": "{direction} call {number|from_name}: {disposition}", "length": "{talk_minutes}", "remark": "{disposition_note}"}
)

func connect(t *testing.T, fake http.Handler, spec rest.Spec, fields map[string]string) (*rest.Connector, *remotetest.Network) {
	t.Helper()
	network := &remotetest.Network{Handler: fake}
	c, err := rest.New(rest.Config{
		URL: "http://crm.example.net", ClientID: "app", Username: "u", Secret: "hush", Fields: fields, Spec: spec, Client: crmsync.Client{Transport: network},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, network
}

func TestConnectorOfAModernSystem(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		fake := resttest.NewModern()
		c, network := connect(t, fake, modernSpec(), modernFields)
		return remotetest.Subject{Fake: fake, Network: network, Connector: c, Sessions: true}
	})
}

func TestConnectorOfAQuaintSystem(t *testing.T) {
	remotetest.TestConnector(t, func(t *testing.T) remotetest.Subject {
		fake := resttest.NewQuaint()
		c, network := connect(t, fake, quaintSpec(), quaintFields)
		return remotetest.Subject{Fake: fake, Network: network, Connector: c}
	})
}

func push(t *testing.T, c crmsync.Connector, call *crm.Call) *crmsync.PushError {
	t.Helper()
	r, err := crmsync.NewRecords(crmsync.RecordsConfig{Name: "any", Tenant: "default", Connector: c, Calls: remotetest.Calls{call.ID: call}})
	if err != nil {
		t.Fatal(err)
	}
	var p *crmsync.PushError
	if err := r.Push(t.Context(), r.Repair(call.ID, "x")); err != nil && !errors.As(err, &p) {
		t.Fatal(err)
	}
	return p
}

func TestWhatIsWritten(t *testing.T) {
	fake := resttest.NewModern()
	c, _ := connect(t, fake, modernSpec(), modernFields)
	fake.PutPerson("p1", resttest.Row{})
	call := remotetest.Ended("hq:1.1", "resolved")
	call.Contact = &crm.Match{ID: "any:person:p1"}
	if p := push(t, c, call); p != nil {
		t.Fatal(p)
	}
	want := resttest.Row{"subject": "inbound call +442079460000", "started": "2026-11-22T01:02:03Z", "duration": 125, "result": "resolved", "note": "O'Brien: 50% {off}", "person": "p1"}
	for field, v := range want {
		if got := fake.Call(crmsync.Key("default", call.ID)); got[field] != v {
			t.Errorf("%s is %v, want %v", field, got[field], v)
		}
	}
	call.ID, call.Contact = "hq:2.1", &crm.Match{ID: "any:person:gone"}
	if p := push(t, c, call); p != nil || fake.Call(crmsync.Key("default", call.ID))["person"] != nil {
		t.Errorf("a link to who is gone came to %v", p)
	}
	call.ID, call.Disposition.Note = "hq:3.1", fake.Bad()
	if p := push(t, c, call); p == nil || p.Class != crmsync.Permanent || p.Reason != "status 422: a rule of the CRM refuses it" {
		t.Errorf("a refusal came to %v", p)
	}
}

func TestEveryTextIsEscapedForWhereItStands(t *testing.T) {
	nasty := "\"quoted\" <b>&amp; 100% a=b\\n\nline\tü{}"
	call := remotetest.Ended("hq:1.1", nasty)
	call.From, call.Disposition.Note = crm.Party{Name: nasty}, nasty
	trimmed := "inbound call " + nasty + ": " + nasty
	quaint := resttest.NewQuaint()
	c, _ := connect(t, quaint, quaintSpec(), quaintFields)
	for range 2 { // by a form, then by XML
		if p := push(t, c, call); p != nil {
			t.Fatal(p)
		}
		got := quaint.Call(crmsync.Key("default", call.ID))
		if got["title"] != trimmed || got["remark"] != nasty {
			t.Errorf("got %q, want %q", got, trimmed)
		}
	}
	modern := resttest.NewModern()
	spec := modernSpec()
	spec.Upsert = &rest.Call{Path: "/v2/calls/{key}", Body: `{{"data": {{"attributes": {{"note": "n: {note}", "result": {result}, "duration": {duration}}}}`}
	c, _ = connect(t, modern, spec, modernFields)
	if p := push(t, c, call); p != nil {
		t.Fatal(p)
	}
	if got := modern.Call(crmsync.Key("default", call.ID)); got["note"] != "n: "+nasty || got["result"] != nasty || got["duration"] != 125 {
		t.Errorf("got %q", got)
	}
}

func TestAnswersThatAreAllTwoHundred(t *testing.T) {
	fake := resttest.NewQuaint()
	c, _ := connect(t, fake, quaintSpec(), quaintFields)
	fake.Refuse(1)
	if p := push(t, c, remotetest.Ended("hq:1.1", "resolved")); p == nil || p.Class != crmsync.Throttle || p.After != 20*time.Second {
		t.Errorf("got %v", p)
	}
	spec := quaintSpec()
	spec.AuthHeader = "X-Other"
	c, _ = connect(t, fake, spec, quaintFields)
	if p := push(t, c, remotetest.Ended("hq:1.1", "resolved")); p == nil || p.Class != crmsync.Auth {
		t.Errorf("got %v", p)
	}
}

func TestContactsOfAModernSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := resttest.NewModern()
		c, _ := connect(t, fake, modernSpec(), modernFields)
		for n := range 25 {
			fake.PutPerson(fmt.Sprint("p", n), resttest.Row{
				"first": "Ann", "last": "Lee", "phone": "020 7946 0000", "phones": []resttest.Row{{"value": "07700 900123"}}, "org": resttest.Row{"name": "Acme"},
			})
		}
		time.Sleep(time.Hour)
		var book remotetest.Book
		if pages := book.Read(t, c); pages != 3 || len(book.People) != 25 {
			t.Fatalf("%d people on %d pages", len(book.People), pages)
		}
		got := book.People[crmsync.Ref{Object: "person", ID: "p7"}]
		if got.Name != "Ann Lee" || got.Company != "Acme" || fmt.Sprint(got.Numbers) != "[020 7946 0000 07700 900123]" || got.URL != "https://crm.example.net/people/p7" {
			t.Errorf("got %+v", got)
		}
		time.Sleep(time.Hour)
		fake.PutPerson("p3", resttest.Row{"deleted": true})
		fake.PutPerson("p4", resttest.Row{"first": "Late"})
		if pages := book.Read(t, c); pages != 1 || len(book.People) != 24 || book.People[crmsync.Ref{Object: "person", ID: "p4"}].Name != "Late" {
			t.Errorf("%d people after %d pages", len(book.People), pages)
		}
	})
}

func TestContactsOfAQuaintSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := resttest.NewQuaint()
		c, network := connect(t, fake, quaintSpec(), quaintFields)
		for n := range 45 {
			fake.PutPerson(fmt.Sprint(n), resttest.Row{"name": "Ann", "tel": 2079460000})
		}
		var book remotetest.Book
		if pages := book.Read(t, c); pages != 3 || len(book.People) != 45 || book.People[crmsync.Ref{Object: "person", ID: "7"}].Numbers[0] != "2079460000" {
			t.Fatalf("%d people on %d pages", len(book.People), pages)
		}
		before := network.Requests()
		if book.Read(t, c); network.Requests() != before {
			t.Error("everything is read again at once")
		}
		fake.DeletePerson("7")
		there, err := c.Existing(t.Context(), "person", []string{"6", "7"})
		if err != nil || !there["6"] || there["7"] {
			t.Errorf("there are %v, %v", there, err)
		}
		time.Sleep(7 * time.Hour)
		fake.PutPerson("6", resttest.Row{"name": "Late", "tel": "1"})
		if book.Read(t, c); book.People[crmsync.Ref{Object: "person", ID: "6"}].Name != "Late" {
			t.Error("a change is not seen")
		}
	})
}

func TestReconciliationReadsWhatIsThere(t *testing.T) {
	fake := resttest.NewModern()
	c, _ := connect(t, fake, modernSpec(), modernFields)
	for i := range 12 {
		if p := push(t, c, remotetest.Ended(fmt.Sprintf("hq:%d.1", i), "resolved")); p != nil {
			t.Fatal(p)
		}
	}
	if !c.Audits() {
		t.Fatal("activities cannot be listed")
	}
	at := remotetest.Ended("", "").StartedAt.Time
	first, next, err := rest.Auditing{Connector: c}.Activities(t.Context(), at, at.Add(time.Hour), "")
	if err != nil || len(first) != 10 || next == "" || first[0].Key != crmsync.Key("default", "hq:0.1") || first[0].Fields["duration"] != "125" || first[0].Fields["result"] != "resolved" {
		t.Errorf("got %v, %q, %v", first, next, err)
	}
	second, next, err := rest.Auditing{Connector: c}.Activities(t.Context(), at, at.Add(time.Hour), next)
	if err != nil || len(second) != 2 || next != "" {
		t.Errorf("got %v, %q, %v", second, next, err)
	}
}

func TestANextPageElsewhereIsNotAskedFor(t *testing.T) {
	asked := []string{}
	system := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		next := "/people?after=1"
		if r.URL.RawQuery != "" {
			next = "http://evil.example.net/people"
		}
		_, _ = fmt.Fprintf(w, `{"items":[{"id":1}],"links":{"next":%q}}`, next)
	})
	spec := modernSpec()
	spec.Auth = ""
	spec.Contacts[0].List = rest.List{Path: "/people", Items: "items", By: "next", Next: "links.next"}
	c, _ := connect(t, system, spec, modernFields)
	page, err := c.Pull(t.Context(), "")
	if err != nil || !page.More {
		t.Fatal(page, err)
	}
	if page, err = c.Pull(t.Context(), page.Token); err != nil || !page.More {
		t.Fatal(page, err)
	}
	if _, err = c.Pull(t.Context(), page.Token); err == nil || len(asked) != 2 {
		t.Errorf("it asked %v and came to %v", asked, err)
	}
}

func TestAConfigurationIsChecked(t *testing.T) {
	_, err := rest.New(rest.Config{Spec: rest.Spec{
		Auth: "magic", Times: "never", Types: map[string]string{"x": "float"},
		Create:   &rest.Call{Path: "calls", Body: `{{"a": "{key}`},
		Update:   &rest.Call{Path: "/calls/{ID}", Format: "yaml"},
		Answers:  []rest.Rule{{Class: "bad"}, {Status: "4", Class: "ok"}, {Status: "5xx", Class: "transient", After: "soon"}},
		Contacts: []rest.Contacts{{List: rest.List{Path: "/p", By: "page"}}, {Object: "o", Name: []string{"n"}, Numbers: []string{"t"}, List: rest.List{Path: "/p", By: "next"}}},
	}})
	for _, want := range []string{
		"url", "secret_file", "fields", "rest.auth", "rest.times", "rest.types.x", "rest.merged", "rest.find", "rest.create.path", "rest.create.body",
		"rest.update.format", "rest.answers.0.class", "rest.answers.0.status", "rest.answers.1.status", "rest.answers.2.after", "rest.contacts.0.object",
		"rest.contacts.0.list.path", "rest.contacts.1.list.next",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
}
