package api

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"patchcord/crm"
)

// bindingsBench has an admin, a supervisor, and the agents anna, ben and cleo.
func bindingsBench(t *testing.T) *bench {
	b := newBench(t)
	b.user("default", "boss", crm.RoleAdmin)
	b.user("default", "lead", crm.RoleSupervisor)
	for _, name := range []string{"anna", "ben", "cleo"} {
		b.user("default", name, crm.RoleAgent)
	}
	return b
}

func (b *bench) bind(as, name, phone string, body map[string]any) reply {
	if body == nil {
		body = map[string]any{}
	}
	return b.do(ask{as: as, method: "PUT", path: "/v1/agents/" + name + "/extensions/" + phone, body: body})
}

// told writes a list of bindings by how far their beginning and end are from now, in hours.
func told(r reply) (out []string) {
	var page list[crm.Binding]
	r.want(http.StatusOK).into(&page)
	hours := func(t crm.Time) string {
		if t.IsZero() {
			return "…"
		}
		return fmt.Sprint(time.Until(t.Time).Round(time.Hour).Hours())
	}
	for _, b := range page.Items {
		out = append(out, fmt.Sprintf("%s %s/%s %s to %s", b.User, b.PBX, b.Extension, hours(b.From), hours(b.Until)))
	}
	return out
}

func TestAPhoneForGoodNeedsNoBody(t *testing.T) {
	b := bindingsBench(t)
	got := told(b.do(ask{as: "lead", method: "PUT", path: "/v1/agents/anna/extensions/hq/1001"}))
	if want := []string{"anna hq/1001 0 to …"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAShiftAtAnothersDesk(t *testing.T) {
	b := bindingsBench(t)
	in := func(hours int) string { return time.Now().Add(time.Duration(hours) * time.Hour).Format(time.RFC3339) }
	if got, want := told(b.bind("boss", "ben", "hq/1001", nil)), []string{"ben hq/1001 0 to …"}; !slices.Equal(got, want) {
		t.Errorf("ben's own: got %q, want %q", got, want)
	}
	got := told(b.bind("lead", "anna", "hq/1001", map[string]any{"from": in(2), "until": in(10), "move": true}))
	if want := []string{"ben hq/1001 0 to 2", "anna hq/1001 2 to 10", "ben hq/1001 10 to …"}; !slices.Equal(got, want) {
		t.Errorf("a shift to come: got %q, want %q", got, want)
	}
	got = told(b.bind("lead", "cleo", "hq/1001", map[string]any{"from": in(4), "until": in(6)})) // beside anna
	if want := []string{"ben hq/1001 0 to 2", "anna hq/1001 2 to 10", "cleo hq/1001 4 to 6", "ben hq/1001 10 to …"}; !slices.Equal(got, want) {
		t.Errorf("beside another: got %q, want %q", got, want)
	}
	if got, want := told(b.get("anna", "/v1/agents/anna/extensions")), []string{"anna hq/1001 2 to 10"}; !slices.Equal(got, want) {
		t.Errorf("anna about herself: got %q, want %q", got, want)
	}
	var agents list[agentBody]
	b.get("boss", "/v1/agents").want(http.StatusOK).into(&agents)
	if got := agents.Items; !slices.Equal(got[1].Extensions, []string{"hq/1001"}) || len(got[0].Extensions) > 0 {
		t.Errorf("who has it now: %+v", got)
	}
	take := ask{as: "lead", method: "DELETE", path: "/v1/agents/anna/extensions/hq/1001"}
	b.do(take).want(http.StatusNoContent) // the shift is called off
	b.do(take).want(http.StatusNotFound)
	if got := told(b.get("boss", "/v1/agents/anna/extensions")); len(got) > 0 {
		t.Errorf("still to come: %q", got)
	}
}

func TestWhatNoBindingCanBe(t *testing.T) {
	b := bindingsBench(t)
	ago := time.Now().Add(-time.Hour).Format(time.RFC3339)
	b.bind("boss", "anna", "hq/1001", map[string]any{"from": ago}).field("from")
	b.bind("boss", "anna", "hq/1001", map[string]any{"until": ago}).field("until")
	b.bind("boss", "anna", "typo/1001", nil).field("pbx")
	b.bind("boss", "nobody", "hq/1001", nil).want(http.StatusNotFound)
	b.bind("lead", "lead", "hq/1001", nil).want(http.StatusForbidden) // not for himself
	b.bind("anna", "anna", "hq/1001", nil).want(http.StatusForbidden) // nor an agent at all
	b.get("ben", "/v1/agents/anna/extensions").want(http.StatusNotFound)
}

func TestAnAgentWhosePhonesAreNotReachedIsUnavailable(t *testing.T) {
	b := bindingsBench(t)
	b.live.phones = map[string]crm.Phone{"1001": {Away: true}, "1003": {Away: true}}
	for name, phones := range map[string][]string{"anna": {"hq/1001"}, "ben": {"hq/1001", "hq/1002"}} {
		for _, p := range phones {
			b.bind("boss", name, p, nil).want(http.StatusOK)
		}
	}
	var page list[agentBody]
	b.get("boss", "/v1/agents").want(http.StatusOK).into(&page)
	var got []string
	for _, a := range page.Items {
		got = append(got, a.Name+" "+a.State)
	}
	if want := []string{"anna unavailable", "ben idle", "cleo idle"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
