package api

import (
	"strings"
	"testing"

	"patchcord/crm"
)

func TestAHoldIsSetListedAndReleased(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleOwner)
	b.record("default", "hq", someCall("hq:1.1", "agent"), someCall("hq:2.1", "agent"))
	hold := func(id, reason string) reply {
		return b.do(ask{as: "boss", method: "PUT", path: callPath(id) + "/hold", body: map[string]any{"reason": reason}})
	}
	hold("hq:1.1", "case 7").want(204)
	hold("hq:1.1", "later").want(204)
	hold("hq:2.1", "case 8").want(204)
	hold("hq:9.9", "x").want(404).problem()
	hold("hq:1.1", "").field("reason")
	hold("hq:1.1", strings.Repeat("x", 1001)).field("reason")
	var page list[crm.Hold]
	b.get("boss", "/v1/holds?limit=1").want(200).into(&page)
	if len(page.Items) != 1 || page.Items[0].CallID != "hq:1.1" || page.Items[0].Reason != "case 7" || page.Items[0].By != "boss" || page.NextCursor == "" {
		t.Errorf("got %+v", page)
	}
	b.do(ask{as: "boss", method: "DELETE", path: callPath("hq:1.1") + "/hold"}).want(204)
	b.do(ask{as: "boss", method: "DELETE", path: callPath("hq:1.1") + "/hold"}).want(404).problem()
	page = list[crm.Hold]{}
	b.get("boss", "/v1/holds").want(200).into(&page)
	if len(page.Items) != 1 || page.Items[0].CallID != "hq:2.1" || page.NextCursor != "" {
		t.Errorf("got %+v", page)
	}
}
