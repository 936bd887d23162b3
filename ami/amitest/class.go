package amitest

import "strings"

// Class is a set of AMI privilege classes, as in the read and write lines of
// manager.conf.
type Class uint32

// The classes that events and actions of this package belong to.
const (
	System Class = 1 << iota
	CallClass
	Log
	Verbose
	Command
	AgentClass
	UserClass
	ConfigClass
	DTMF
	Reporting
	CDR
	Dialplan
	Originate
	Security

	AllClasses Class = 1<<iota - 1
)

var classNames = [...]string{
	"system", "call", "log", "verbose", "command", "agent", "user", "config",
	"dtmf", "reporting", "cdr", "dialplan", "originate", "security",
}

// String returns the class as a Privilege header shows it: "call,all".
func (c Class) String() string {
	var b strings.Builder
	for i, name := range classNames {
		if c&(1<<i) != 0 {
			b.WriteString(name)
			b.WriteByte(',')
		}
	}
	if b.Len() == 0 {
		return "<none>"
	}
	return b.String() + "all"
}

// ParseClass reads a comma-separated list such as "call,agent", a Privilege
// header or an event mask. "all" alone and "on" mean every class; names that it
// does not know, and an "all" beside others, mean nothing.
func ParseClass(list string) Class {
	list = strings.ToLower(strings.TrimSpace(list))
	if list == "all" || list == "on" {
		return AllClasses
	}
	var c Class
	for word := range strings.SplitSeq(list, ",") {
		for i, name := range classNames {
			if strings.TrimSpace(word) == name {
				c |= 1 << i
			}
		}
	}
	return c
}

// Has reports whether an event of class ev may be shown to somebody who reads c.
func (c Class) Has(ev Class) bool { return ev == 0 || c&ev != 0 }
