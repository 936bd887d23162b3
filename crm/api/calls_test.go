package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

func TestCallsAreFiltered(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	plain := someCall("hq:1.1", "anna")
	rich := someCall("hq:2.1", "berta")
	rich.StartedAt = crm.At(plain.StartedAt.Add(time.Hour))
	rich.EndedAt = crm.At(rich.StartedAt.Add(time.Minute))
	rich.Direction, rich.Outcome = crm.Outbound, crm.Busy
	rich.From = crm.Party{Number: "1002"}
	rich.To = crm.Party{Number: "0301234567", E164: "+49301234567"}
	rich.Offers[0].Extension, rich.Offers[0].Queue = "1002", "sales"
	rich.TalkMS = crm.MillisOf(90 * time.Second)
	rich.Recordings = []crm.Recording{{File: "a.wav"}}
	b.record("default", "hq", plain, rich)
	b.do(ask{as: "boss", method: "PUT", path: callPath("hq:2.1") + "/disposition", body: map[string]any{"code": "callback", "note": "about umbrellas"}}).want(200)
	for query, want := range map[string][]string{
		"":                              {"hq:2.1", "hq:1.1"},
		"agent=berta":                   {"hq:2.1"},
		"extension=1001":                {"hq:1.1"},
		"queue=sales":                   {"hq:2.1"},
		"direction=inbound":             {"hq:1.1"},
		"outcome=busy":                  {"hq:2.1"},
		"number=4567":                   {"hq:2.1"},
		"number=%2B442079460000":        {"hq:1.1"},
		"number=+442079460000":          {"hq:1.1"}, // a plus that became a blank
		"number=020+7946+0000":          {"hq:1.1"}, // as it is dialled in the region
		"number=00442079460000":         {"hq:1.1"},
		"number=%2B44+(0)20+7946+0000":  {"hq:1.1"},
		"number=%2B44207":               {},
		"number=0001":                   {},
		"number=999999":                 {},
		"min_talk=60000":                {"hq:2.1"},
		"min_talk=2m":                   {},
		"has_recording=true":            {"hq:2.1"},
		"has_recording=false":           {"hq:1.1"},
		"disposition=callback":          {"hq:2.1"},
		"q=umbrellas":                   {"hq:2.1"},
		"from=2026-03-01T11:00:00Z":     {"hq:2.1"},
		"until=2026-03-01T11:00:00Z":    {"hq:1.1"},
		"agent=anna&direction=outbound": {},
	} {
		t.Run(query, func(t *testing.T) {
			var got list[crm.Call]
			b.get("boss", "/v1/calls?"+query).want(200).into(&got)
			if !slices.Equal(ids(got.Items), want) {
				t.Errorf("got %v, want %v", ids(got.Items), want)
			}
		})
	}
}

func TestBadFiltersNameTheParameter(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	for query, field := range map[string]string{
		"limit=0": "limit", "limit=201": "limit", "limit=x": "limit", "cursor=forged": "cursor", "number=123": "number", "number=abcdef": "number",
		"from=yesterday": "from", "from=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z": "until", "direction=sideways": "direction",
		"outcome=fine": "outcome", "min_talk=-1": "min_talk", "min_talk=long": "min_talk", "has_recording=maybe": "has_recording",
		"agnt=anna": "agnt",
	} {
		t.Run(query, func(t *testing.T) { b.get("boss", "/v1/calls?"+query).field(field) })
	}
	if a := b.get("boss", "/v1/calls?from=yesterday"); !strings.Contains(string(a.body), "such as 2026-") {
		t.Errorf("a time that is none is answered %s", a.body)
	}
}

func TestPagesCoverEveryCallOnce(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	b.user("default", "anna", crm.RoleAgent)
	var calls []*crm.Call
	for i := range 23 {
		agent := "anna"
		if i%2 == 0 {
			agent = "berta"
		}
		calls = append(calls, someCall(fmt.Sprintf("hq:%d.1", i), agent))
	}
	b.record("default", "hq", calls...)
	for who, want := range map[string]int{"boss": 23, "anna": 11} {
		seen := make(map[string]bool)
		cursor, pages := "", 0
		for more := true; more; more = cursor != "" {
			var got list[crm.Call]
			b.get(who, "/v1/calls?limit=5&cursor="+url.QueryEscape(cursor)).want(200).into(&got)
			for _, id := range ids(got.Items) {
				if seen[id] {
					t.Errorf("%s: %s came twice", who, id)
				}
				seen[id] = true
			}
			cursor = got.NextCursor
			pages++
		}
		if len(seen) != want || pages != (want+4)/5 {
			t.Errorf("%s: got %d calls on %d pages, want %d", who, len(seen), pages, want)
		}
	}
}

func TestLiveCallIsNeverMissing(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	b.user("default", "berta", crm.RoleAgent)
	live := someCall("hq:1700000000.7", "anna")
	live.Tenant, live.EndedAt, live.Outcome = "default", crm.Time{}, ""
	b.live.put(live)
	var got crm.Call
	b.get("anna", callPath(live.ID)).want(200).into(&got)
	if got.ID != live.ID || !got.Open() {
		t.Errorf("got %+v", got)
	}
	b.get("anna", "/v1/calls/hq%3A1700000000.7").want(200)
	b.get("berta", callPath(live.ID)).want(404)
	var list list[crm.Call]
	b.get("anna", "/v1/calls/live").want(200).into(&list)
	if len(list.Items) != 1 {
		t.Errorf("live: got %d calls, want 1", len(list.Items))
	}
	b.get("berta", "/v1/calls/live").want(200).into(&list)
	if len(list.Items) != 0 {
		t.Errorf("live for another agent: got %d calls, want 0", len(list.Items))
	}
}

// The live record is newer than the stored one of an open call; what people added
// is only in the store.
func TestOpenCallIsReadFromBoth(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	b.user("default", "berta", crm.RoleAgent)
	stored := someCall("hq:1.1", "anna")
	stored.EndedAt = crm.Time{}
	b.record("default", "hq", stored)
	b.do(ask{as: "boss", method: "POST", path: callPath("hq:1.1") + "/notes", body: map[string]any{"text": "hello"}}).want(201)
	live := stored.Clone()
	live.Tenant = "default"
	live.Offers = append(live.Offers, crm.Offer{ID: "hq:1.3", Extension: "1002", Agent: "berta"})
	b.live.put(live)
	var got crm.Call
	b.get("berta", callPath("hq:1.1")).want(200).into(&got)
	if len(got.Offers) != 2 || len(got.Notes) != 1 {
		t.Errorf("got %d offers and %d notes, want 2 and 1", len(got.Offers), len(got.Notes))
	}
}

func TestIdThatNamesNothingIs404(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleOwner)
	for _, id := range []string{"x", "hq:1", "%00", "%ff", "%2e%2e", "..%2F..%2Fetc%2Fpasswd", "a%2Fb", "%27%20or%201=1", "hq:1.1~2", "%20", "💥"} {
		for _, suffix := range []string{"", "/disposition", "/notes"} {
			method, body := "GET", any(nil)
			switch suffix {
			case "/disposition":
				method, body = "PUT", map[string]any{"code": "resolved"}
			case "/notes":
				method, body = "POST", map[string]any{"text": "x"}
			}
			b.do(ask{as: "boss", method: method, path: "/v1/calls/" + id + suffix, body: body}).want(404).problem()
		}
		b.get("boss", "/v1/contacts/"+id).want(404).problem()
	}
}

func TestLiveListPages(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	var want []string
	for i := range 60 {
		c := someCall(fmt.Sprintf("hq:%03d.1", i), "anna")
		c.Tenant, c.EndedAt = "default", crm.Time{}
		c.StartedAt = crm.At(c.StartedAt.Add(time.Duration(i) * time.Second))
		b.live.put(c)
		want = append([]string{c.ID}, want...)
	}
	var got list[crm.Call]
	b.get("boss", "/v1/calls/live").want(http.StatusOK).into(&got)
	if !slices.Equal(ids(got.Items), want) {
		t.Errorf("got %v", ids(got.Items))
	}
	var page, rest list[crm.Call]
	b.get("boss", "/v1/calls/live?limit=40").want(200).into(&page)
	b.get("boss", "/v1/calls/live?limit=40&cursor="+page.NextCursor).want(200).into(&rest)
	if all := slices.Concat(ids(page.Items), ids(rest.Items)); !slices.Equal(all, want) || rest.NextCursor != "" {
		t.Errorf("two pages: got %v", all)
	}
	b.get("boss", "/v1/calls/live?cursor=!").field("cursor")
}
