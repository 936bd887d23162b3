package amitest

import (
	"crypto/md5"
	"encoding/hex"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoginSpeaksLikeAsterisk(t *testing.T) {
	_, addr := serve(t, Config{})
	c := dialPBX(t, addr)
	if got, want := c.banner, "Asterisk Call Manager/11.0.0\r\n"; got != want {
		t.Errorf("banner: got %q, want %q", got, want)
	}
	c.login()
	m, _ := c.next()
	if !strings.HasPrefix(m, "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 36") {
		t.Errorf("first event: got %q, want FullyBooted of an hour", m)
	}
	if m, _ = c.next(); !strings.HasPrefix(m, "Event: SuccessfulAuth\r\nPrivilege: security,all\r\n") {
		t.Errorf("second event: got %q, want SuccessfulAuth", m)
	}
	if m = c.ask("Action: Ping|ActionID: p"); !strings.HasPrefix(m, "Response: Success\r\nActionID: p\r\nPing: Pong\r\nTimestamp: ") {
		t.Errorf("ping: got %q", m)
	}
	if got, want := c.ask("Action: Logoff|ActionID: l"), lines("Response: Goodbye", "ActionID: l", "Message: Thanks for all the fish."); got != want {
		t.Errorf("logoff: got %q, want %q", got, want)
	}
	c.gone()
}

func TestMD5Login(t *testing.T) {
	_, addr := serve(t, Config{LoginDelay: time.Millisecond})
	for _, secret := range []string{"crmsecret", "wrong"} {
		c := dialPBX(t, addr)
		challenge := Header(c.ask("Action: Challenge|AuthType: MD5"), "Challenge")
		sum := md5.Sum([]byte(challenge + secret))
		got := c.ask("Action: Login|AuthType: MD5|Username: crm|Key: " + hex.EncodeToString(sum[:]))
		if want := secret == "crmsecret"; strings.Contains(got, "Success") != want {
			t.Errorf("login with %q: got %q", secret, got)
		}
	}
}

func TestErrorsReadLikeAsterisks(t *testing.T) {
	_, addr := serve(t, Config{Users: []User{{Name: "crm", Secret: "crmsecret", Write: CallClass}}, LoginDelay: time.Millisecond})
	long := "Action: Ping|X: " + strings.Repeat("x", 1100)
	many := "Action: Ping" + strings.Repeat("|X: y", 130)
	tests := []struct{ name, action, want string }{
		{"an action before login is refused", "Action: CoreStatus|ActionID: 1", lines("Response: Error", "ActionID: 1", "Message: Permission denied")},
		{"an unknown action", "Action: Frobnicate|ActionID: 2", lines("Response: Error", "ActionID: 2", "Message: Invalid/unknown command: Frobnicate. Use Action: ListCommands to show available commands.")},
		{"a class the user has not", "Action: Originate|ActionID: 3", lines("Response: Error", "ActionID: 3", "Message: Permission denied")},
		{"no action", "ActionID: 4", lines("Response: Error", "ActionID: 4", "Message: Missing action in request")},
		{"a line too long", long, lines("Response: Error", "Message: Failed to parse message: line too long")},
		{"too many lines", many, lines("Response: Error", "Message: Failed to parse message: too many lines")},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := dialPBX(t, addr)
			if i > 0 {
				c.login()
			}
			if got := c.ask(test.action); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := c.ask("Action: Logoff"); !strings.Contains(got, "Goodbye") {
				t.Errorf("the session did not survive: %q", got)
			}
		})
	}
}

func TestAWrongSecretIsAnsweredLateAndClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ln, stop := servePipe(t, Config{})
		defer stop()
		c := pipeClient(t, ln)
		start := time.Now()
		got := c.ask("Action: Login|Username: crm|Secret: no")
		if want := lines("Response: Error", "Message: Authentication failed"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("answered after %v, want 1s", d)
		}
		c.gone()
	})
}

func TestAClientThatDoesNotLogInIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ln, stop := servePipe(t, Config{})
		defer stop()
		c := pipeClient(t, ln)
		c.deadline(time.Minute)
		start := time.Now()
		c.gone()
		if d := time.Since(start); d != 30*time.Second {
			t.Errorf("closed after %v, want 30s", d)
		}
	})
}

func TestASessionThatIsNotReadIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ln, stop := servePipe(t, Config{Traffic: busyTraffic(1)})
		defer stop()
		c := pipeClient(t, ln).login()
		other := pipeClient(t, ln).login()
		time.Sleep(5 * time.Second) // neither reads
		synctest.Wait()
		if got := p.Sessions(); got != 0 {
			t.Errorf("%d sessions are left, want 0", got)
		}
		c.gone()
		other.gone()
	})
}

func TestEventsFollowClassAndMask(t *testing.T) {
	cfg := Config{
		Traffic: busyTraffic(2),
		Users:   []User{DefaultUser(), {Name: "few", Secret: "s", Read: CallClass | AgentClass}},
	}
	cfg.Traffic.Noise = 1
	_, addr := serve(t, cfg)
	c := dialPBX(t, addr)
	c.ask("Action: Login|Username: few|Secret: s")
	for range 300 {
		m, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if got := Header(m, "Privilege"); got != "call,all" && got != "agent,all" {
			t.Fatalf("read=call,agent got an event of %q: %q", got, m)
		}
	}
	if got := c.ask("Action: Events|EventMask: off"); got != lines("Response: Success", "Events: Off") {
		t.Errorf("events off: got %q", got)
	}
	c.send("Action: Ping|ActionID: z")
	if m, _ := c.next(); !strings.Contains(m, "Pong") {
		t.Errorf("after Events off: got %q, want only the reply", m)
	}
}

func TestTheFiftyFirstStrangerIsClosedUnheard(t *testing.T) {
	_, addr := serve(t, Config{AuthLimit: 3})
	for range 3 {
		dialPBX(t, addr)
	}
	conn := rawDial(t, addr)
	if n, err := conn.Read(make([]byte, 64)); err == nil {
		t.Errorf("got %d bytes, want a closed connection", n)
	}
}

func TestOneLoginPerUser(t *testing.T) {
	p, addr := serve(t, Config{SingleLogin: true, LoginDelay: time.Millisecond})
	dialPBX(t, addr).login()
	if err := p.WaitSessions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	got := dialPBX(t, addr).ask("Action: Login|Username: crm|Secret: crmsecret")
	if want := lines("Response: Error", "Message: Login Already In Use"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestASessionLosesNoEventOfAFastStream(t *testing.T) {
	carry(t, 20000)
}

// carry sends n events to a session as fast as it can, and wants each in its place.
func carry(t testing.TB, n int) {
	p, addr := serve(t, Config{WithoutGreeting: true, WriteTimeout: time.Minute}) // a busy machine is no slow client
	c := dialPBX(t, addr).login()
	c.deadline(time.Minute)
	traffic := Traffic{Seed: 4, CallsPerSecond: 50, Agents: Extensions(200), Noise: 1}
	sent, _ := traffic.Events(Config{}, Epoch(), 1<<30)
	want, stop := iter.Pull(take(sent, n))
	defer stop()
	if err := p.WaitSessions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	again, _ := traffic.Events(Config{}, Epoch(), 1<<30)
	done := make(chan error, 1)
	go func() { done <- p.Pace(t.Context(), take(again, n), 1e6) }()
	for i := range n {
		m, err := c.next()
		if e, _ := want(); err != nil || m+"\r\n" != e.Raw {
			t.Fatalf("event %d: got %q, %v, want %q", i, m, err, e.Raw)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
