package amitest

import (
	"strconv"
	"time"
)

// Event is one AMI event as it goes over the wire. Its text is built once and
// shared by all sessions.
type Event struct {
	At    time.Time
	Name  string
	Class Class
	Raw   string // headers and the blank line, CR LF throughout
}

// begin starts an event; kv and party add headers, end sends it.
func (x *exchange) begin(name string, class Class) {
	x.name, x.class = name, class
	x.buf = append(x.buf[:0], "Event: "...)
	x.buf = append(x.buf, name...)
	x.buf = append(x.buf, "\r\nPrivilege: "...)
	x.buf = append(x.buf, x.privilege(class)...)
	x.buf = append(x.buf, "\r\n"...)
	x.buf = x.appendHeaders(x.buf, x.now)
}

// privilege is Class.String without the allocation for the classes in use.
func (x *exchange) privilege(c Class) string {
	switch c {
	case CallClass:
		return "call,all"
	case AgentClass:
		return "agent,all"
	case Dialplan:
		return "dialplan,all"
	}
	return c.String()
}

func (x *exchange) headers(now time.Time) string { return string(x.appendHeaders(nil, now)) }

func (x *exchange) appendHeaders(b []byte, now time.Time) []byte {
	if x.cfg.Timestamps {
		b = append(b, "Timestamp: "...)
		b = strconv.AppendInt(b, now.Unix(), 10)
		b = append(b, '.')
		micros := strconv.Itoa(1e6 + now.Nanosecond()/1000)
		b = append(b, micros[1:]...)
		b = append(b, "\r\n"...)
	}
	if x.cfg.SystemName != "" {
		b = append(b, "SystemName: "...)
		b = append(b, x.cfg.SystemName...)
		b = append(b, "\r\n"...)
	}
	return b
}

func (x *exchange) kv(name, value string) {
	x.buf = append(x.buf, name...)
	x.buf = append(x.buf, ": "...)
	x.buf = append(x.buf, value...)
	x.buf = append(x.buf, "\r\n"...)
}

func (x *exchange) num(name string, n int) {
	x.buf = append(x.buf, name...)
	x.buf = append(x.buf, ": "...)
	x.buf = strconv.AppendInt(x.buf, int64(n), 10)
	x.buf = append(x.buf, "\r\n"...)
}

// party adds the headers of a channel, each with the prefix.
func (x *exchange) party(prefix string, ch *channel) {
	x.buf = ch.appendTo(x.buf, prefix)
}

func (x *exchange) end() {
	x.buf = append(x.buf, "\r\n"...)
	x.emit(Event{At: x.now, Name: x.name, Class: x.class, Raw: string(x.buf)})
}

// on sends an event about one channel, with further headers in pairs.
func (x *exchange) on(ch *channel, name string, class Class, pairs ...string) {
	x.begin(name, class)
	x.party("", ch)
	for i := 0; i+1 < len(pairs); i += 2 {
		x.kv(pairs[i], pairs[i+1])
	}
	x.end()
}

// between sends an event about two channels. The source may be nil, as in the
// DialBegin of an originated call.
func (x *exchange) between(src, dst *channel, name string, class Class, pairs ...string) {
	x.begin(name, class)
	if src != nil {
		x.party("", src)
	}
	x.party("Dest", dst)
	for i := 0; i+1 < len(pairs); i += 2 {
		x.kv(pairs[i], pairs[i+1])
	}
	x.end()
}

// flat sends an event about no channel.
func (x *exchange) flat(name string, class Class, pairs ...string) {
	x.begin(name, class)
	for i := 0; i+1 < len(pairs); i += 2 {
		x.kv(pairs[i], pairs[i+1])
	}
	x.end()
}

func (x *exchange) successfulAuth(user, remote string, now time.Time) {
	x.now = now
	tv := now.UTC().Format("2006-01-02T15:04:05.000-0700")
	x.flat("SuccessfulAuth", Security, "EventTV", tv, "Severity", "Informational", "Service", "AMI",
		"EventVersion", "1", "AccountID", user, "SessionID", "0x7f0000001000",
		"LocalAddress", "IPV4/TCP/127.0.0.1/5038", "RemoteAddress", "IPV4/TCP/"+remote,
		"UsingPassword", "0", "SessionTV", tv)
}
