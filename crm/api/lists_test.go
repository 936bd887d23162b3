package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

func TestDispositionsKeepTheirOrder(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	var got []crm.DispositionCode
	cursor := ""
	for more := true; more; more = cursor != "" {
		var page list[crm.DispositionCode]
		b.get("anna", "/v1/dispositions?limit=3&cursor="+cursor).want(200).into(&page)
		got, cursor = append(got, page.Items...), page.NextCursor
	}
	if want := crm.DefaultDispositions(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestACursorIsGoodForItsListOnly(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleOwner)
	for _, name := range []string{"anna", "bert"} {
		b.user("default", name, crm.RoleAgent)
	}
	next := func(path string) string {
		var page list[any]
		b.get("boss", path+"?limit=1").want(200).into(&page)
		if page.NextCursor == "" {
			t.Fatalf("%s has one page only", path)
		}
		return page.NextCursor
	}
	agents := next("/v1/agents")
	for _, path := range []string{"/v1/dispositions", "/v1/gaps", "/v1/extensions", "/v1/calls/live", "/v1/calls", "/v1/contacts", "/v1/webhooks", "/v1/holds"} {
		b.get("boss", path+"?cursor="+agents).field("cursor")
	}
	for _, cursor := range []string{next("/v1/dispositions"), agents[:len(agents)-1], agents[1:], agents + "AA", "garbage", "AAAA", "e30"} {
		b.get("boss", "/v1/agents?cursor="+cursor).field("cursor")
	}
}

func TestGaps(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	ctx := t.Context()
	epoch, err := b.store.TakePBX(ctx, "hq", "default", "n")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	var gaps []crm.Gap
	for i := range 3 {
		gaps = append(gaps, crm.Gap{ID: fmt.Sprintf("hq:1-%d", i), PBX: "hq", Cause: crm.GapDisconnect,
			StartedAt: crm.At(start.Add(time.Duration(i) * time.Hour)), EndedAt: crm.At(start.Add(time.Duration(i)*time.Hour + time.Minute))})
	}
	if err := b.store.Commit(ctx, crm.Batch{PBX: "hq", Tenant: "default", Epoch: epoch, To: crm.Position{Epoch: epoch, Seq: 1}, Gaps: gaps}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][]string{
		"":                          {"hq:1-0", "hq:1-1", "hq:1-2"},
		"from=2026-03-01T10:30:00Z": {"hq:1-1", "hq:1-2"},
		"from=2026-03-01T10:30:00Z&until=2026-03-01T11:30:00Z": {"hq:1-1"},
		"pbx=branch": {},
		"limit=2":    {"hq:1-0", "hq:1-1"},
	} {
		var got list[crm.Gap]
		b.get("boss", "/v1/gaps?"+query).want(200).into(&got)
		ids := []string{}
		for _, g := range got.Items {
			ids = append(ids, g.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s: got %v, want %v", query, ids, want)
		}
	}
}

func TestAgents(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleAdmin)
	b.user("default", "anna", crm.RoleAgent)
	b.user("default", "berta", crm.RoleAgent)
	set := func(name string, extensions ...string) reply {
		return b.do(ask{as: "boss", method: "PUT", path: "/v1/agents/" + name, body: map[string]any{"extensions": append([]string{}, extensions...)}})
	}
	set("anna", "hq/1001", "hq/1002").want(200)
	set("anna", "hq/1001").want(200)
	set("berta", "branch/1001").want(200)
	set("berta", "hq/1001").want(200) // takes it from anna
	set("berta", "branch/1001").want(200)
	set("anna", "hq/1001").want(200)
	set("nobody", "hq/1001").want(404)
	set("anna", "1001").field("extensions[0]")
	set("anna", "hq/1001", "typo/1").field("extensions[1]")

	live := someCall("hq:1.1", "anna")
	live.Tenant, live.EndedAt, live.Offers[0].Result = "default", crm.Time{}, ""
	b.live.put(live)
	var got list[agentBody]
	b.get("boss", "/v1/agents").want(200).into(&got)
	if len(got.Items) != 2 {
		t.Fatalf("got %+v", got.Items)
	}
	if a := got.Items[0]; a.Name != "anna" || !slices.Equal(a.Extensions, []string{"hq/1001"}) || a.State != "ringing" || a.Since.IsZero() {
		t.Errorf("got %+v", a)
	}
	if a := got.Items[1]; a.Name != "berta" || !slices.Equal(a.Extensions, []string{"branch/1001"}) || a.State != "idle" {
		t.Errorf("got %+v", a)
	}
	talking := live.Clone()
	talking.Talks = []crm.Talk{{Agent: "anna", Extension: "1001", StartedAt: live.StartedAt}}
	b.live.put(talking)
	b.get("anna", "/v1/agents").want(200).into(&got)
	if len(got.Items) != 1 || got.Items[0].State != "talking" {
		t.Errorf("an agent about himself: got %+v", got.Items)
	}
	var me meBody
	b.get("anna", "/v1/me").want(200).into(&me)
	if me.Name != "anna" || me.Role != crm.RoleAgent || me.Tenant != "default" || !slices.Equal(me.Extensions, []string{"hq/1001"}) {
		t.Errorf("me: got %+v", me)
	}
}

func TestParkedJobsAreShownAndRedriven(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleAdmin)
	id := b.parkedJob("hook", "hq:1.1")
	var hooks list[webhookBody]
	b.get("boss", "/v1/webhooks").want(200).into(&hooks)
	if want := []webhookBody{{Name: "hook", Parked: 1}}; !slices.Equal(hooks.Items, want) {
		t.Errorf("got %+v, want %+v", hooks.Items, want)
	}
	var jobs list[jobBody]
	r := b.get("boss", "/v1/webhooks/hook/jobs").want(200)
	r.into(&jobs)
	if len(jobs.Items) != 1 || jobs.Items[0].ID != id || jobs.Items[0].State != crm.JobParked || jobs.Items[0].Error != "410 Gone" {
		t.Errorf("got %s", r.body)
	}
	if strings.Contains(string(r.body), "secret payload") {
		t.Error("the payload is shown")
	}
	b.get("boss", "/v1/webhooks/unknown/jobs").want(404)
	redrive := ask{as: "boss", method: "POST", path: fmt.Sprintf("/v1/webhooks/hook/jobs/%d/redrive", id)}
	b.do(redrive).want(204)
	b.do(redrive).want(404) // it is parked no more
	for _, id := range []string{"abc", "-1", "1.5", "99999999999999999999"} {
		b.do(ask{as: "boss", method: "POST", path: "/v1/webhooks/hook/jobs/" + id + "/redrive"}).want(404).problem()
	}
	b.get("boss", "/v1/webhooks/hook/jobs?state=ready").want(200).into(&jobs)
	if len(jobs.Items) != 1 {
		t.Errorf("ready: got %+v", jobs.Items)
	}
}

func TestPushTicketIsBoundToThePage(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	var got ticketBody
	b.do(ask{as: "anna", method: "POST", path: "/v1/push/ticket", header: map[string]string{"Origin": "http://Calls.example"}}).want(200).into(&got)
	if got.ExpiresIn != 15 || len(got.Ticket) < 22 {
		t.Errorf("got %+v", got)
	}
	p, err := b.auth.RedeemPushTicket(t.Context(), got.Ticket, "http://calls.example")
	if err != nil || p.Name != "anna" {
		t.Errorf("got %+v, %v", p, err)
	}
}
