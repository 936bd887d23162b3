package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

func TestExplainTrace(t *testing.T) {
	status, out, stderr := runCommand(t, "", "explain", "--trace", trace, "--pbx", "hq")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	for _, want := range []string{"Call hq:", "inbound, queue support, answered", "1001  was rung at", "inbound: the first party came by a trunk", "joins queue support"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestExplainSaysWhatIsMissing(t *testing.T) {
	path := writeConfig(t, onePBX)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no call":           {[]string{"--config", path}, "which call"},
		"no such call":      {[]string{"--config", path, "hq:1.1"}, "no call"},
		"no such trace":     {[]string{"--trace", "nothing.ami"}, "nothing.ami"},
		"agent of a trace":  {[]string{"--trace", trace, "--agent", "jo"}, "knows no users"},
		"call not in trace": {[]string{"--trace", trace, "pbx:1.1"}, "patchcord fold"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, stderr := runCommand(t, "", append([]string{"explain"}, tt.args...)...)
			if status != 1 || out != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("status %d, stdout %q, stderr %q; want it to say %q", status, out, stderr, tt.want)
			}
		})
	}
}

func TestTextOfACallCannotMoveTheCursor(t *testing.T) {
	if got, want := plain("queue \x1b[2J\tx\u202ey\n"), "queue ?[2J?x?y?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// explainBench is the house of the demo: an agent with a screen, users without one,
// and phones that nobody has.
type explainBench struct {
	t           *testing.T
	agent, boss *client
	name        string
}

// until asks until the explanation has a sentence as it is wanted, for as long as the
// call may take to come and to be stored.
func (b *explainBench) until(who *client, path string, want func(crm.Sentence) bool) (x crm.Explanation, s crm.Sentence) {
	b.t.Helper()
	waitFor(b.t, 30*time.Second, "the sentence of "+path, func() bool {
		x = crm.Explanation{}
		if who.do(b.t, "GET", path, nil, &x) != http.StatusOK {
			return false
		}
		i := slices.IndexFunc(x.Sentences, want)
		if i >= 0 {
			s = x.Sentences[i]
		}
		return i >= 0
	})
	return x, s
}

// read reads as the supervisor, again after having asked too often.
func (b *explainBench) read(path string, out any) {
	b.t.Helper()
	waitFor(b.t, 10*time.Second, path, func() bool { return b.boss.do(b.t, "GET", path, nil, out) == http.StatusOK })
}

// callOf waits for a call that is over and rang somebody as wanted.
func (b *explainBench) callOf(filter string, rang func(crm.Offer) bool) (found *crm.Call) {
	b.t.Helper()
	waitFor(b.t, 60*time.Second, "a call with "+filter, func() bool {
		var page struct{ Items []*crm.Call }
		b.boss.do(b.t, "GET", "/v1/calls?"+filter, nil, &page)
		for _, c := range page.Items {
			if !c.Open() && slices.ContainsFunc(c.Offers, rang) {
				found = c
			}
		}
		return found != nil
	})
	return found
}

func explainPath(id string) string { return "/v1/calls/" + url.PathEscape(id) + "/explain" }

func TestEveryPopIsExplained(t *testing.T) {
	t.Parallel()
	data, out := t.TempDir(), newOutput()
	demo := exec.Command(os.Args[0], "demo", "--json", "--port", "0", "--calls", "1.5", "--for", "180s")
	demo.Stdout = out
	p := startProcess(t, demo, []string{"TMPDIR=" + data})
	var hello map[string]string
	if err := json.Unmarshal([]byte(out.line(t)), &hello); err != nil {
		t.Fatal(err)
	}
	b := &explainBench{t: t, name: hello["agent"]}
	b.agent = login(t, hello["url"], b.name, hello["password"])
	b.boss = login(t, hello["url"], hello["supervisor"], hello["password"])
	conn, _ := b.agent.listen(t, "")
	rung := next(t, conn, 15*time.Second)
	for rung.Event.Type != "offer.created" {
		rung = next(t, conn, 15*time.Second)
	}
	if err := conn.WriteJSON(map[string]string{"op": "ack", "offer": rung.Event.Data.Offer.ID}); err != nil {
		t.Fatal(err)
	}
	id := rung.Event.Data.Call.ID

	b.popped(id, rung.Event.Data.Offer.ID)
	b.others()
	b.whyNot(id)
	b.onTheCommandLine(t, data, id)
	p.end(os.Interrupt)
	if status := demo.ProcessState.ExitCode(); status != 0 {
		t.Errorf("status %d; stderr:\n%s", status, p.err)
	}
}

func (b *explainBench) popped(id, offer string) {
	b.t.Helper()
	x, s := b.until(b.boss, explainPath(id), func(s crm.Sentence) bool {
		return s.Offer == offer && strings.Contains(s.Sentence, ", acknowledged after ")
	})
	if s.Verdict != crm.VerdictPopped || s.Agent != b.name || !strings.HasPrefix(s.Sentence, "popped at ") || !strings.Contains(s.Sentence, " on 1 screen, ") {
		b.t.Errorf("got %+v", s)
	}
	for _, kind := range []crm.EvidenceKind{crm.EvidenceFrame, crm.EvidenceRule, crm.EvidenceIdentity, crm.EvidenceOffer, crm.EvidenceDelivery, crm.EvidenceAck} {
		waitFor(b.t, 10*time.Second, "evidence of kind "+string(kind), func() bool { // what frames told comes with the record, a moment later
			b.read(explainPath(id), &x)
			return slices.ContainsFunc(x.Evidence, func(e crm.Evidence) bool { return e.Kind == kind })
		})
	}
	if i := slices.IndexFunc(x.Evidence, func(e crm.Evidence) bool { return e.Name == crm.PopWritten }); i < 0 ||
		x.Evidence[i].LatencyMS == nil || *x.Evidence[i].LatencyMS > 2000 {
		b.t.Errorf("no latency, or one beyond 2 s: %+v", x.Evidence)
	}
	own, _ := b.until(b.agent, explainPath(id), func(s crm.Sentence) bool { return s.Verdict == crm.VerdictPopped })
	if slices.ContainsFunc(own.Sentences, func(s crm.Sentence) bool { return s.Agent != b.name }) {
		b.t.Errorf("an agent is told of others: %+v", own.Sentences)
	}
}

// others are a user without a screen, and phones that nobody has.
func (b *explainBench) others() {
	b.t.Helper()
	away := b.callOf("agent=desk-1002", func(o crm.Offer) bool { return o.Agent == "desk-1002" })
	_, s := b.until(b.boss, explainPath(away.ID), func(s crm.Sentence) bool { return s.Verdict == crm.VerdictNotConnected })
	if !strings.Contains(s.Sentence, s.Agent+" was not connected: no screen of "+s.Agent) {
		b.t.Errorf("got %+v", s)
	}
	unbound := b.callOf("extension=1005", func(o crm.Offer) bool { return o.Extension == "1005" })
	_, s = b.until(b.boss, explainPath(unbound.ID), func(s crm.Sentence) bool { return s.Extension == "1005" })
	if s.Verdict != crm.VerdictNoBinding || !strings.Contains(s.Sentence, "no user is bound to extension 1005") {
		b.t.Errorf("got %+v", s)
	}
	var page struct {
		Items []struct {
			Extension string
			Users     []string
		}
	}
	b.read("/v1/extensions?unbound=true", &page)
	if len(page.Items) == 0 {
		b.t.Error("no extension is shown as nobody's")
	}
	for _, e := range page.Items {
		if e.Extension <= "1004" || len(e.Users) > 0 {
			b.t.Errorf("shown as nobody's: %+v", e)
		}
	}
}

func (b *explainBench) whyNot(id string) {
	b.t.Helper()
	var call crm.Call
	b.read(strings.TrimSuffix(explainPath(id), "/explain"), &call)
	if slices.ContainsFunc(call.Offers, func(o crm.Offer) bool { return o.Has("desk-1004") }) {
		b.t.Fatalf("the call rang desk-1004 too; ask about another: %+v", call.Offers)
	}
	_, s := b.until(b.boss, explainPath(id)+"?agent=desk-1004", func(s crm.Sentence) bool { return s.Agent == "desk-1004" })
	want := crm.VerdictNotRung
	if len(call.QueueVisits) > 0 {
		want = crm.VerdictNotMember // of support or sales; the members were listed at the login
	}
	if s.Verdict != want || !strings.Contains(s.Sentence, "(1004) was rung") {
		b.t.Errorf("got %+v, want %s", s, want)
	}
}

func (b *explainBench) onTheCommandLine(t *testing.T, data, id string) {
	dirs, err := filepath.Glob(filepath.Join(data, "patchcord-demo-*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("%v %v", dirs, err)
	}
	path := filepath.Join(t.TempDir(), "patchcord.yml")
	if err := os.WriteFile(path, []byte("data_dir: "+dirs[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, stderr := runCommand(t, "", "explain", "--config", path, "--agent", b.name, id)
	if status != 0 || !strings.Contains(out, b.name+" (1001)") || !strings.Contains(out, "acknowledged after") {
		t.Errorf("status %d, stderr %q, stdout:\n%s", status, stderr, out)
	}
}
