package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

func explained(b *bench, as, path string) crm.Explanation {
	b.t.Helper()
	var x crm.Explanation
	b.get(as, path).want(http.StatusOK).into(&x)
	return x
}

// explainBench has a call that rang anna (1001), whose screen took the pop, and 1003,
// which nobody has; ben (1002) was not rung.
func explainBench(t *testing.T) *bench {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	b.user("default", "anna", crm.RoleAgent)
	b.user("default", "ben", crm.RoleAgent)
	c := someCall("hq:1.1", "anna")
	start := c.StartedAt
	c.Offers = append(c.Offers, crm.Offer{ID: "hq:1.3", Extension: "1003", StartedAt: start, EndedAt: c.EndedAt, Result: crm.ResultRescinded, By: "1001"})
	b.record("default", "hq", c)
	for user, ext := range map[string]string{"anna": "1001", "ben": "1002"} {
		if err := b.store.Bind(t.Context(), crm.Binding{UserID: "default-" + user, PBX: "hq", Extension: ext, From: crm.At(start.Add(-time.Hour))}, false); err != nil {
			t.Fatal(err)
		}
	}
	one, latency := 1, crm.Millis(42)
	offer := c.Offers[0].ID
	at := func(ms int) crm.Time { return crm.At(start.Add(time.Duration(ms) * time.Millisecond)) }
	err := b.store.AddEvidence(t.Context(), "default", []crm.CallEvidence{{CallID: "hq:1.1", Items: []crm.Evidence{
		{At: at(0), Pos: crm.Position{Epoch: 1, Seq: 1}, Kind: crm.EvidenceFrame, Name: "DialBegin", Channel: "PJSIP/trunk-1", Text: "calls PJSIP/1001-2"},
		{At: at(1), Kind: crm.EvidenceDelivery, Name: crm.PopPublished, Offer: offer, Agent: "anna", Text: "published", Sockets: &one},
		{At: at(43), Kind: crm.EvidenceDelivery, Name: crm.PopWritten, Offer: offer, Agent: "anna", Text: "written", LatencyMS: &latency},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestExplainTellsASupervisorOfEveryRing(t *testing.T) {
	b := explainBench(t)
	cursor, err := b.store.OutboxCursor(t.Context(), "hook")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Enqueue(t.Context(), "hook", cursor, cursor+1, []crm.Job{{Lane: "hq:1.1", Key: "k", Kind: "event", Payload: []byte("secret payload"), RunAt: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	x := explained(b, "boss", callPath("hq:1.1")+"/explain")
	var got []string
	for _, s := range x.Sentences {
		got = append(got, s.Agent+" "+s.Extension+" "+string(s.Verdict))
	}
	if want := []string{"anna 1001 popped", " 1003 no_binding"}; !slices.Equal(got, want) {
		t.Errorf("sentences: got %q, want %q", got, want)
	}
	if want := "popped at 10:00:00.043 on 1 screen, 42 ms after the phone began to ring"; !strings.HasPrefix(x.Sentences[0].Sentence, want) {
		t.Errorf("got %q", x.Sentences[0].Sentence)
	}
	if n := len(x.Evidence); n != 4 || x.Evidence[n-1].Name != "hook" || x.CallID != "hq:1.1" {
		t.Errorf("evidence: %+v", x.Evidence)
	}
	ben := explained(b, "boss", callPath("hq:1.1")+"/explain?agent=BEN")
	if len(ben.Sentences) != 1 || ben.Sentences[0].Verdict != crm.VerdictNotRung || ben.Sentences[0].Agent != "ben" {
		t.Errorf("why not ben: %+v", ben.Sentences)
	}
	b.get("boss", callPath("hq:1.1")+"/explain?agent=nobody").field("agent")
}

func TestExplainTellsAnAgentOfHimselfOnly(t *testing.T) {
	b := explainBench(t)
	anna := explained(b, "anna", callPath("hq:1.1")+"/explain")
	if len(anna.Sentences) != 1 || anna.Sentences[0].Verdict != crm.VerdictPopped || len(anna.Evidence) != 3 {
		t.Errorf("anna: %+v", anna)
	}
	r := b.get("ben", callPath("hq:1.1")+"/explain").want(http.StatusOK)
	var ben crm.Explanation
	r.into(&ben)
	if len(ben.Sentences) != 1 || ben.Sentences[0].Verdict != crm.VerdictNotRung || len(ben.Evidence) != 0 {
		t.Errorf("ben: %+v", ben)
	}
	for _, private := range []string{"2079460000", "Caller", "anna", "PJSIP"} {
		if strings.Contains(string(r.body), private) {
			t.Errorf("an agent who was not rung is told %q: %s", private, r.body)
		}
	}
	b.get("ben", callPath("hq:1.1")+"/explain?agent=anna").want(http.StatusForbidden)
}

func TestExplainSaysThatAnAgentTalkedElsewhere(t *testing.T) {
	b := explainBench(t)
	other := someCall("hq:0.9", "ben")
	other.Talks = []crm.Talk{{Extension: "1002", Agent: "ben", StartedAt: other.StartedAt, EndedAt: other.EndedAt}}
	b.record("default", "hq", other)
	x := explained(b, "ben", callPath("hq:1.1")+"/explain")
	if want := "ben was talking on 1002 in another call since 10:00:00.000, until 10:01:00.000"; !strings.HasSuffix(x.Sentences[0].Sentence, want) {
		t.Errorf("got %q", x.Sentences[0].Sentence)
	}
}

func TestExtensionsAreShownBoundOrNot(t *testing.T) {
	b := explainBench(t)
	b.user("default", "chief", crm.RoleAdmin)
	show := func(query string) (out []string) {
		var page list[extensionBody]
		b.get("boss", "/v1/extensions"+query).want(http.StatusOK).into(&page)
		for _, e := range page.Items {
			out = append(out, fmt.Sprintf("%s/%s %v %v", e.PBX, e.Extension, e.Users, !e.SeenAt.IsZero()))
		}
		return out
	}
	days := fmt.Sprintf("days=%d", int(time.Since(someCall("x", "").StartedAt.Time).Hours()/24)+2)
	want := []string{"hq/1001 [anna] true", "hq/1002 [ben] false", "hq/1003 [] true"}
	if got := show("?" + days); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := show("?unbound=true&" + days); !slices.Equal(got, want[2:]) {
		t.Errorf("unbound: got %q", got)
	}
	put := func(name string, move bool, extensions ...string) {
		b.do(ask{as: "chief", method: "PUT", path: "/v1/agents/" + name, body: map[string]any{"extensions": extensions, "move": move}}).want(http.StatusOK)
	}
	put("ben", false, "hq/1001", "hq/1003") // beside anna, who keeps hers
	if got, want := show("?"+days), []string{"hq/1001 [anna ben] true", "hq/1003 [ben] true"}; !slices.Equal(got, want) {
		t.Errorf("shared: got %q, want %q", got, want)
	}
	put("anna", true, "hq/1003") // sits down at ben's other desk
	if got, want := show("?"+days), []string{"hq/1001 [ben] true", "hq/1003 [anna] true"}; !slices.Equal(got, want) {
		t.Errorf("moved: got %q, want %q", got, want)
	}
	b.get("anna", "/v1/extensions").want(http.StatusForbidden)
}

func TestExtensionsShowWhoIsLoggedInThere(t *testing.T) {
	b := explainBench(t)
	b.live.phones = map[string]crm.Phone{"1001": {LoggedIn: "2001"}, "1002": {Member: "ben", Paused: true}}
	var page list[extensionBody]
	b.get("boss", "/v1/extensions").want(http.StatusOK).into(&page)
	got := map[string]string{}
	for _, e := range page.Items {
		got[e.Extension] = fmt.Sprintf("%q %q %v", e.LoggedIn, e.Member, e.Paused)
	}
	want := map[string]string{"1001": `"2001" "" false`, "1002": `"" "ben" true`}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
