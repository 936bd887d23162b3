package amitest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOriginatePlacesACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ln, stop := servePipe(t, Config{})
		defer stop()
		c := pipeClient(t, ln).login()
		got := c.ask("Action: Originate|ActionID: o|Channel: PJSIP/1002|Context: from-internal|Exten: 9441632960042|Priority: 1|CallerID: \"Click\" <441632960042>|Async: true")
		if want := lines("Response: Success", "ActionID: o", "Message: Originate successfully queued"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		m := c.until("Event: OriginateResponse")
		if Header(m, "ActionID") != "o" || Header(m, "Response") != "Success" || Header(m, "CallerIDNum") != "441632960042" {
			t.Errorf("got %q", m)
		}
		c.until("Event: BridgeEnter")
		calls := p.Ledger().Calls()
		if len(calls) != 1 || calls[0].From.Number != "1002" || calls[0].To.Number != "9441632960042" || calls[0].Direction != "outbound" {
			t.Errorf("the ledger has %+v", calls)
		}
		for action, want := range map[string]string{
			"Channel: PJSIP/1002|Exten: 424242": "Message: Extension does not exist.",
			"Exten: 1002":                       "Message: Channel not specified",
		} {
			if got := c.ask("Action: Originate|" + action); !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q", action, got, want)
			}
		}
		c.send("Action: Originate|ActionID: bad|Channel: NOTECH/1|Exten: 1002")
		if m := c.until("Event: OriginateResponse"); Header(m, "Response") != "Failure" || Header(m, "Reason") != "0" {
			t.Errorf("got %q", m)
		}
	})
}

// talking starts one answered call and returns its two channels.
func talking(t *testing.T, c *client) (caller, agent string) {
	t.Helper()
	agent = Header(c.until("Event: BridgeEnter"), "Channel")
	caller = Header(c.until("Event: BridgeEnter"), "Channel")
	return caller, agent
}

func TestHangupEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Traffic: &Traffic{Scenarios: []Scenario{DirectAnswered}, MaxCalls: 1, Talk: time.Hour}}
		p, ln, stop := servePipe(t, cfg)
		defer stop()
		c := pipeClient(t, ln).login()
		caller, agent := talking(t, c)
		if got := c.ask("Action: Hangup|Channel: " + agent + "|Cause: 16"); !strings.Contains(got, "Message: Channel Hungup") {
			t.Errorf("got %q", got)
		}
		hung := map[string]bool{}
		for len(hung) < 2 {
			hung[Header(c.until("Event: Hangup\r"), "Channel")] = true
		}
		if !hung[caller] || !hung[agent] {
			t.Errorf("hung up: %v, want %s and %s", hung, caller, agent)
		}
		if got := c.ask("Action: Hangup|Channel: " + agent); !strings.Contains(got, "No such channel") {
			t.Errorf("again: got %q", got)
		}
		if call := p.Ledger().Calls()[0]; call.EndedBy != "system" || call.EndedAt.IsZero() || !call.Answered {
			t.Errorf("the ledger has %+v", call)
		}
	})
}

func TestRedirectMovesTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Traffic: &Traffic{Scenarios: []Scenario{QueueAnswered}, MaxCalls: 1, Talk: time.Hour}}
		p, ln, stop := servePipe(t, cfg)
		defer stop()
		c := pipeClient(t, ln).login()
		caller, _ := talking(t, c)
		if got := c.ask("Action: Redirect|Channel: " + caller + "|Context: from-internal|Exten: 1006|Priority: 1"); !strings.Contains(got, "Redirect successful") {
			t.Errorf("got %q", got)
		}
		if m := c.until("Event: DialBegin"); Header(m, "Channel") != caller || Header(m, "DialString") != "1006" {
			t.Errorf("got %q", m)
		}
		talking(t, c)
		call := p.Ledger().Calls()[0]
		if n := len(call.Talks); n != 2 || call.Talks[1].Extension != "1006" {
			t.Errorf("the ledger has talks %+v", call.Talks)
		}
		if got := c.ask("Action: Redirect|Channel: x|Exten: 1002"); !strings.Contains(got, "Channel does not exist: x") {
			t.Errorf("got %q", got)
		}
	})
}

func TestAUserEventReachesEverySession(t *testing.T) {
	p, addr := serve(t, Config{})
	c, other := dialPBX(t, addr).login(), dialPBX(t, addr).login()
	if err := p.WaitSessions(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if got := c.ask("Action: UserEvent|ActionID: u|UserEvent: Canary|Nonce: 17"); !strings.Contains(got, "Event Sent") {
		t.Errorf("got %q", got)
	}
	want := lines("Event: UserEvent", "Privilege: user,all", "UserEvent: Canary", "ActionID: u", "Nonce: 17")
	if got := other.until("Event: UserEvent"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestListCommandsShowsWhatTheUserMay(t *testing.T) {
	_, addr := serve(t, Config{Users: []User{{Name: "crm", Secret: "crmsecret", Write: System}}})
	got := dialPBX(t, addr).login().ask("Action: ListCommands")
	if !strings.Contains(got, "CoreShowChannels: ") || strings.Contains(got, "Originate: ") {
		t.Errorf("got %q", got)
	}
}
