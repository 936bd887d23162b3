package ami

import (
	"iter"
	"strings"
)

// Message is one AMI message as it was received, kept: it is immutable, owns
// its bytes, and may be shared between goroutines. The zero Message has no headers.
//
// Header names are compared without regard to case, because Asterisk spells the
// same header in several ways (Uniqueid, UniqueID). Order and repetition are kept.
type Message struct {
	raw string // the header lines, without the blank line that ends the message
}

// NewMessage returns the message whose header lines are raw. Line ends may be
// CR LF, LF or mixed; trailing blank lines are cut off.
func NewMessage(raw string) Message {
	return Message{raw: strings.TrimRight(raw, "\r\n")}
}

// Raw returns the header lines as received, without the blank line that ended them.
func (m Message) Raw() string { return m.raw }

// All yields every header in the order received. A line without a colon is
// yielded with an empty name and the whole line as its value. Exactly one space
// after the colon is stripped.
func (m Message) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest := m.raw
		for rest != "" {
			line := rest
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				line, rest = rest[:i], rest[i+1:]
			} else {
				rest = ""
			}
			line = strings.TrimRight(line, "\r")
			if line == "" {
				continue
			}
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				name, value = "", line
			}
			if !yield(name, strings.TrimPrefix(value, " ")) {
				return
			}
		}
	}
}

// Get returns the value of the first header called name, or "" when there is none.
func (m Message) Get(name string) string {
	v, _ := m.Lookup(name)
	return v
}

// Lookup is Get that tells an empty value from a missing header. The name has no
// colon; "" finds nothing.
func (m Message) Lookup(name string) (value string, ok bool) {
	n := len(name)
	for rest := m.raw; len(rest) > n && n > 0; {
		i := strings.IndexByte(rest, '\n')
		if i < 0 {
			i = len(rest)
		}
		if n < i && rest[n] == ':' && strings.EqualFold(rest[:n], name) {
			return strings.TrimPrefix(strings.TrimRight(rest[n+1:i], "\r"), " "), true
		}
		rest = rest[min(i+1, len(rest)):]
	}
	return "", false
}

// Values yields the values of every header called name, in order.
func (m Message) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for k, v := range m.All() {
			if strings.EqualFold(k, name) && !yield(v) {
				return
			}
		}
	}
}

// Event returns the event's name, or "" when the message is not an event.
func (m Message) Event() string { return m.Get("Event") }

// Response returns the value of the Response header, or "" when the message is not a reply.
func (m Message) Response() string { return m.Get("Response") }

// ActionID returns the ActionID header, or "".
func (m Message) ActionID() string { return m.Get("ActionID") }
