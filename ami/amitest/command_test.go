package amitest

import (
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	p, addr := serve(t, Config{})
	c := dialPBX(t, addr).login()
	c.until("Event: SuccessfulAuth") // from here on it hears what is sent
	for _, line := range []string{
		"rechunk 5", "rechunk 0", "throttle 1000000", "throttle 0", "duplicate 2", "duplicate 0", "deaf on", "deaf off",
		"freeze on", "freeze off", "stop-reading on", "stop-reading off", "stop-writing on", "stop-writing off",
		"cut-lists 3", "cut-lists -1", "miscount 1", "miscount 0", "full off", "refuse-logins off", "login-in-use off",
		"banner-delay 1ms", "banner none", "banner normal", "oversize 100000", "garbage 10000", "forge", "not-booted 0s",
	} {
		if err := p.Do(t.Context(), line); err != nil {
			t.Error(err)
		}
	}
	c.until("Event: VarSet")
	c.until("Event: UserEvent")
	if got := c.ask("Action: Ping|ActionID: alive"); !strings.Contains(got, "alive") {
		t.Errorf("after all: got %q", got)
	}
	for _, line := range []string{"crash 1ms 1ms", "drop reset", "shutdown", "restart", "refuse on", "refuse off", "cut-event", "end"} {
		if err := p.Do(t.Context(), line); err != nil {
			t.Error(err)
		}
	}
	c.gone()
	dialPBX(t, addr).login()
	for _, line := range []string{"", "explode", "deaf perhaps", "rechunk many", "crash soon", "crash 1s 1s 1s"} {
		if err := p.Do(t.Context(), line); err == nil {
			t.Errorf("%q is obeyed", line)
		}
	}
}
