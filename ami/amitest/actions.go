package amitest

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A command is an action that clients may send.
type command struct {
	name     string
	class    Class // the write class it needs; 0 for none
	synopsis string
	run      func(s *session, ctx context.Context, a action) error
}

func commands() []command {
	return []command{
		{"BlindTransfer", CallClass, "Blind transfer channel(s) to the given destination", (*session).redirect},
		{"BridgeInfo", 0, "Get information about a bridge.", (*session).bridgeInfo},
		{"BridgeList", 0, "Get a list of bridges in the system.", (*session).bridgeList},
		{"Challenge", 0, "Generate Challenge for MD5 Auth.", (*session).doChallenge},
		{"CoreSettings", System | Reporting, "Show PBX core settings (version etc).", (*session).coreSettings},
		{"CoreShowChannels", System | Reporting, "List currently active channels.", (*session).coreShowChannels},
		{"CoreStatus", System | Reporting, "Show PBX core status variables.", (*session).coreStatus},
		{"DBGetTree", System | Reporting, "Get DB entries, optionally at a particular family/key", (*session).dbGetTree},
		{"DeviceStateList", CallClass | Reporting, "List the current known device states.", (*session).deviceStateList},
		{"Events", 0, "Control Event Flow.", (*session).events},
		{"ExtensionStateList", CallClass | Reporting, "List the current known extension states.", (*session).extensionStateList},
		{"Hangup", System | CallClass, "Hangup channel.", (*session).hangup},
		{"ListCommands", 0, "List available manager commands.", (*session).listCommands},
		{"Login", 0, "Login Manager.", (*session).login},
		{"Logoff", 0, "Logoff Manager.", (*session).logoff},
		{"Originate", Originate, "Originate a call.", (*session).originate},
		{"Ping", 0, "Keepalive command.", (*session).ping},
		{"QueueStatus", 0, "Show queue status.", (*session).queueStatus},
		{"QueueSummary", 0, "Show queue summary.", (*session).queueSummary},
		{"Redirect", CallClass, "Redirect (transfer) a call.", (*session).redirect},
		{"Status", System | CallClass | Reporting, "List channel status.", (*session).status},
		{"UserEvent", UserClass, "Send an arbitrary event.", (*session).userEvent},
	}
}

// handle answers one action. An error ends the session.
func (s *session) handle(ctx context.Context, a action) error {
	if a.err != "" {
		return s.fail(ctx, a, a.err)
	}
	name := a.get("Action")
	if name == "" {
		return s.fail(ctx, a, "Missing action in request")
	}
	before := strings.EqualFold(name, "Login") || strings.EqualFold(name, "Logoff") || strings.EqualFold(name, "Challenge")
	if s.user.Name == "" && !before {
		return s.fail(ctx, a, "Permission denied")
	}
	for _, c := range commands() {
		if !strings.EqualFold(c.name, name) {
			continue
		}
		if c.class != 0 && !s.user.Write.Has(c.class) {
			return s.fail(ctx, a, "Permission denied")
		}
		return c.run(s, ctx, a)
	}
	return s.fail(ctx, a, "Invalid/unknown command: "+name+". Use Action: ListCommands to show available commands.")
}

// reply writes a response with the lines that follow ActionID.
func (s *session) reply(ctx context.Context, a action, response string, lines ...string) error {
	var b strings.Builder
	b.WriteString("Response: " + response + "\r\n")
	if id := a.get("ActionID"); id != "" {
		b.WriteString("ActionID: " + id + "\r\n")
	}
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	b.WriteString("\r\n")
	return s.write(ctx, []byte(b.String()))
}

func (s *session) fail(ctx context.Context, a action, message string) error {
	return s.reply(ctx, a, "Error", "Message: "+message)
}

func (s *session) ping(ctx context.Context, a action) error {
	return s.reply(ctx, a, "Success", "Ping: Pong", "Timestamp: "+stamp(time.Now()))
}

// stamp writes seconds and microseconds, as in Timestamp headers.
func stamp(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }

func (s *session) logoff(ctx context.Context, a action) error {
	if err := s.reply(ctx, a, "Goodbye", "Message: Thanks for all the fish."); err != nil {
		return err
	}
	return errGone
}

func (s *session) events(ctx context.Context, a action) error {
	mask := ParseClass(a.get("EventMask"))
	s.p.mu.Lock()
	s.mask = mask & s.user.Read
	s.p.mu.Unlock()
	if mask == 0 {
		return s.reply(ctx, a, "Success", "Events: Off")
	}
	return s.reply(ctx, a, "Success", "Events: On")
}

func (s *session) listCommands(ctx context.Context, a action) error {
	var lines []string
	for _, c := range commands() {
		if c.class == 0 || s.user.Write.Has(c.class) {
			lines = append(lines, c.name+": "+c.synopsis+"  (Priv: "+c.class.String()+")")
		}
	}
	return s.reply(ctx, a, "Success", lines...)
}

func (s *session) coreStatus(ctx context.Context, a action) error {
	s.p.mu.Lock()
	x := s.p.exchange
	boot, current, done := x.boot, len(x.channels), x.processed
	s.p.mu.Unlock()
	date, clock := boot.Format(time.DateOnly), boot.Format(time.TimeOnly)
	return s.reply(ctx, a, "Success", "CoreStartupDate: "+date, "CoreStartupTime: "+clock,
		"CoreReloadDate: "+date, "CoreReloadTime: "+clock,
		fmt.Sprintf("CoreCurrentCalls: %d", current), fmt.Sprintf("CoreProcessedCalls: %d", done))
}

func (s *session) coreSettings(ctx context.Context, a action) error {
	c := s.p.cfg
	return s.reply(ctx, a, "Success", "AMIversion: "+c.AMIVersion, "AsteriskVersion: "+c.Version,
		"SystemName: "+c.SystemName, "CoreMaxCalls: 0", "CoreMaxLoadAvg: 0.000000", "CoreRunUser: ",
		"CoreRunGroup: ", "CoreMaxFilehandles: 8192", "CoreRealTimeEnabled: No", "CoreCDRenabled: Yes",
		"CoreHTTPenabled: No", "SoundsSearchCustomDir: No")
}

func (s *session) userEvent(ctx context.Context, a action) error {
	name := a.get("UserEvent")
	if name == "" {
		return s.fail(ctx, a, "Missing UserEvent") // Asterisk sends the event without a name
	}
	s.p.mu.Lock()
	x := s.p.exchange
	x.now = time.Now()
	x.begin("UserEvent", UserClass)
	x.kv("UserEvent", name)
	for _, h := range a.headers {
		if !strings.EqualFold(h.name, "Action") && !strings.EqualFold(h.name, "UserEvent") {
			x.kv(h.name, h.value)
		}
	}
	x.end()
	s.p.mu.Unlock()
	return s.reply(ctx, a, "Success", "Message: Event Sent")
}
