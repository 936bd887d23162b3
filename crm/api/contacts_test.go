package api

import (
	"net/http"
	"slices"
	"testing"

	"patchcord/crm"
)

func contactNames(l list[crm.Contact]) []string {
	out := []string{}
	for _, c := range l.Items {
		out = append(out, c.Name)
	}
	return out
}

func TestContactLifecycle(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	b.user("acme", "outsider", crm.RoleOwner)
	var c crm.Contact
	r := b.do(ask{as: "boss", method: "POST", path: "/v1/contacts",
		body: map[string]any{"name": "Zoë Example", "numbers": []string{"020 7946 0000", "+44 20 7946 0000", "+49 30 1234567", "+44 1632 960055"}, "url": "https://crm.example/1"}}).want(201)
	r.into(&c)
	if want := []crm.Number{"+442079460000", "+49301234567", "+441632960055"}; !slices.Equal(c.Numbers, want) {
		t.Errorf("numbers %v, want %v", c.Numbers, want)
	}
	if c.Version != 1 || r.header.Get("ETag") != `"1"` || c.ID == "" || c.CreatedAt.IsZero() {
		t.Errorf("got %+v, ETag %s", c, r.header.Get("ETag"))
	}
	path := "/v1/contacts/" + c.ID
	b.get("boss", path).want(200).into(&c)
	b.get("outsider", path).want(404)

	for query, want := range map[string][]string{
		"number=02079460000": {"Zoë Example"}, "number=%2B442079460000": {"Zoë Example"}, "number=+442079460000": {"Zoë Example"},
		"number=1001": {}, "number=%2B4420": {}, "q=zoe": {"Zoë Example"}, "q=nobody": {}, "": {"Zoë Example"},
	} {
		var got list[crm.Contact]
		b.get("boss", "/v1/contacts?"+query).want(200).into(&got)
		if !slices.Equal(contactNames(got), want) {
			t.Errorf("%s: got %v, want %v", query, contactNames(got), want)
		}
		b.get("outsider", "/v1/contacts?"+query).want(200).into(&got)
		if len(got.Items) != 0 {
			t.Errorf("%s: another tenant got %v", query, contactNames(got))
		}
	}

	put := func(match string) reply {
		return b.do(ask{as: "boss", method: "PUT", path: path, body: map[string]any{"name": "Zoë"}, header: map[string]string{"If-Match": match}})
	}
	put(`"7"`).want(http.StatusPreconditionFailed).problem()
	put(`nonsense`).field("If-Match")
	put(`"of another resource"`).want(http.StatusPreconditionFailed).problem()
	if got := put(`"1"`).want(200).header.Get("ETag"); got != `"2"` {
		t.Errorf("ETag %s, want \"2\"", got)
	}
	put("").want(200)
	remove := func(match string) reply {
		return b.do(ask{as: "boss", method: "DELETE", path: path, header: map[string]string{"If-Match": match}})
	}
	remove(`"2"`).want(http.StatusPreconditionFailed).problem()
	remove(`nonsense`).field("If-Match")
	b.get("boss", path).want(200)
	remove(`"3"`).want(204)
	remove(`"3"`).want(404)
	b.do(ask{as: "boss", method: "DELETE", path: path}).want(404)
	b.get("boss", path).want(404)
}

func TestContactRefuses(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	for field, body := range map[string]map[string]any{
		"name":       {"name": "  "},
		"numbers[1]": {"name": "N", "numbers": []string{"+442079460000", "1001"}},
		"numbers[0]": {"name": "N", "numbers": []string{"not a number"}},
		"url":        {"name": "N", "url": "javascript:alert(1)"},
		"id":         {"name": "N", "id": "mine"},
	} {
		b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: body}).field(field)
	}
	b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: map[string]any{"name": "N", "url": "http://plain.example"}}).field("url")
	b.get("boss", "/v1/contacts?number=5555&q=x").field("q")
}

func TestContactWithAKeyIsCreatedOnce(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	post := func(name string) reply {
		return b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: map[string]any{"name": name}, header: map[string]string{"Idempotency-Key": "k"}})
	}
	first, again := post("A").want(201), post("A").want(201)
	if string(first.body) != string(again.body) {
		t.Errorf("got %s, want %s", again.body, first.body)
	}
	post("B").field("Idempotency-Key")
	var got list[crm.Contact]
	b.get("boss", "/v1/contacts").want(200).into(&got)
	if len(got.Items) != 1 {
		t.Errorf("got %d contacts, want 1", len(got.Items))
	}
}

func TestContactPages(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	for _, name := range []string{"C", "A", "E", "B", "D"} {
		b.do(ask{as: "boss", method: "POST", path: "/v1/contacts", body: map[string]any{"name": name}}).want(201)
	}
	var names []string
	cursor := ""
	for more := true; more; more = cursor != "" {
		var got list[crm.Contact]
		b.get("boss", "/v1/contacts?limit=2&cursor="+cursor).want(200).into(&got)
		names, cursor = append(names, contactNames(got)...), got.NextCursor
	}
	if want := []string{"A", "B", "C", "D", "E"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}
