package main

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/ami/amitest"
	"patchcord/crm"
)

// hotDesk is a house with one phone that rings again and again, and people who move.
type hotDesk struct {
	t       *testing.T
	pbx     *amitest.PBX
	boss    *client
	sockets map[string]*websocket.Conn // by user
}

func newHotDesk(t *testing.T) *hotDesk {
	h := &hotDesk{t: t, sockets: map[string]*websocket.Conn{}}
	var address string
	h.pbx, address = simulated(t, amitest.Config{Name: "hq", Timestamps: true, Traffic: &amitest.Traffic{
		Seed: 1, CallsPerSecond: 4, MaxLive: 1, Speed: 4, Agents: amitest.Extensions(1), Scenarios: []amitest.Scenario{amitest.DirectNoAnswer},
	}})
	config := configFor(t, address, "")
	passwords := map[string]string{"ann": rand.Text(), "ben": rand.Text(), "cleo": rand.Text()}
	for name, password := range passwords {
		args := []string{"user", "add", name, "--password-stdin", "--config", config}
		if name == "ann" {
			args = append(args, "--extension", "hq/1001")
		}
		if status, _, stderr := runCommand(t, password+"\n", args...); status != 0 {
			t.Fatalf("add %s: %s", name, stderr)
		}
	}
	_, h.boss = serve(t, config)
	h.pbx.Work()
	for name, password := range passwords {
		h.sockets[name], _ = login(t, h.boss.url, name, password).listen(t, "")
	}
	return h
}

// pop waits for a ring on the user's screen.
func (h *hotDesk) pop(name string) message {
	h.t.Helper()
	for {
		m := next(h.t, h.sockets[name], 30*time.Second)
		if m.Event.Type == "offer.created" {
			if m.Event.Data.Offer.Agent != name {
				h.t.Fatalf("%s is shown a ring of %q", name, m.Event.Data.Offer.Agent)
			}
			return m
		}
	}
}

// silent reports that nothing rang on the user's screen until now.
func (h *hotDesk) silent(name string) {
	h.t.Helper()
	for {
		h.sockets[name].SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		var m message
		if err := h.sockets[name].ReadJSON(&m); err != nil {
			return
		}
		if m.Event.Type == "offer.created" {
			h.t.Errorf("%s is shown a ring of %q", name, m.Event.Data.Offer.Agent)
		}
	}
}

// give gives the extension to the user, and to nobody else.
func (h *hotDesk) give(name, extension string) {
	h.t.Helper()
	path := "/v1/agents/" + name + "/extensions/hq/" + extension
	if status := h.boss.do(h.t, "PUT", path, map[string]any{"move": true}, nil); status != http.StatusOK {
		h.t.Fatalf("PUT %s: status %d", path, status)
	}
}

// says waits until the explanation of the call says so of the user.
func (h *hotDesk) says(call, agent, want string) crm.Sentence {
	h.t.Helper()
	var x crm.Explanation
	found := -1
	waitFor(h.t, 20*time.Second, agent+" to be told: "+want, func() bool {
		time.Sleep(100 * time.Millisecond) // the API takes 20 requests a second
		x = crm.Explanation{}
		h.boss.do(h.t, "GET", explainPath(call)+"?agent="+agent, nil, &x)
		found = slices.IndexFunc(x.Sentences, func(s crm.Sentence) bool { return s.Agent == agent && strings.Contains(s.Sentence, want) })
		return found >= 0
	})
	return x.Sentences[found]
}

func TestPeopleMoveBetweenDesks(t *testing.T) {
	t.Parallel()
	h := newHotDesk(t)

	first := h.pop("ann")
	h.give("ben", "1001") // while it rings
	moved := h.pop("ben") // what comes next
	h.says(first.Event.Data.Call.ID, "ann", "while it rang, at ")
	h.says(first.Event.Data.Call.ID, "ann", "the extension became ben's, and so is what comes next")
	h.says(first.Event.Data.Call.ID, "ben", "not offered: 1001 began to ring at ")
	h.says(first.Event.Data.Call.ID, "ben", "when it was ann's; it is ben's only since ")
	h.says(moved.Event.Data.Call.ID, "ann", "hq/1001 was ann's until ")
	s := h.says(moved.Event.Data.Call.ID, "cleo", "cleo had no extension on hq at that time, and has none now")
	if s.Verdict != crm.VerdictNoBinding || !strings.Contains(s.Next, "patchcord user set cleo --extension hq/NUMBER") {
		t.Errorf("got %+v", s)
	}

	h.give("cleo", "2001")
	h.pbx.LogIn("1001", "2001") // cleo sits down at ben's desk
	h.pbx.Send("Event: Reload\r\nPrivilege: system,all\r\nModule: app_queue.so\r\nStatus: 0\r\n\r\n")
	sat := h.pop("cleo")
	if o := sat.Event.Data.Offer; o.Extension != "1001" {
		t.Errorf("got %+v, want the phone that rings", o)
	}
	h.says(sat.Event.Data.Call.ID, "cleo", "popped at ")
	h.says(sat.Event.Data.Call.ID, "ben", "for somebody else: hq/1001, where 2001 is logged in, is cleo's")
	h.silent("ann")

	var agents struct {
		Items []struct{ Name, State string }
	}
	waitFor(t, 20*time.Second, "cleo to be seen at her desk", func() bool {
		time.Sleep(100 * time.Millisecond)
		h.boss.do(t, "GET", "/v1/agents", nil, &agents)
		return slices.ContainsFunc(agents.Items, func(a struct{ Name, State string }) bool { return a.Name == "cleo" && a.State == "ringing" })
	})
}

// TestAScreenThatOpensKnowsAPause: what was told before is in the snapshot.
func TestAScreenThatOpensKnowsAPause(t *testing.T) {
	t.Parallel()
	pbx, address := simulated(t, amitest.Config{Name: "hq", WriteTimeout: 5 * time.Second})
	config := configFor(t, address, "")
	password := rand.Text()
	add := []string{"user", "add", "ann", "--password-stdin", "--extension", "hq/1098", "--extension", "hq/1099", "--config", config}
	if status, _, stderr := runCommand(t, password+"\n", add...); status != 0 {
		t.Fatalf("add ann: %s", stderr)
	}
	_, boss := serve(t, config)
	if err := pbx.WaitSessions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ann := login(t, boss.url, "ann", password)
	screen, _ := ann.listen(t, "")
	pbx.Send("Event: QueueMemberAdded\r\nPrivilege: agent,all\r\nQueue: sales\r\nMemberName: Ann\r\nInterface: PJSIP/1099\r\nPaused: 1\r\n\r\n")
	for next(t, screen, 20*time.Second).Event.Type != "agent.state" {
	}
	_, opened := ann.listen(t, "")
	paused := map[string]bool{}
	for _, a := range opened.Snapshot.Agents {
		paused[a.Extension] = a.Paused
	}
	if want := map[string]bool{"1098": false, "1099": true}; !maps.Equal(paused, want) {
		t.Errorf("got %v, want %v", paused, want)
	}
}
