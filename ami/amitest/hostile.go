package amitest

import (
	"math/rand/v2"
	"strings"
)

// Oversize returns one event of about n bytes, a single header long, for Send.
func Oversize(n int) string {
	return "Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: BIG\r\nValue: " + strings.Repeat("x", n) + "\r\n\r\n"
}

// Garbage returns n bytes that are no AMI, the same for the same seed, for Send.
// A blank line follows them, so that a session can find its way back.
func Garbage(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 4))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + r.IntN(255)) // no NUL: see endMark
	}
	return string(b) + "\r\n\r\n"
}

// Forged returns an event into which a value with line ends of its own has smuggled
// a second set of headers, and a whole second event, for Send. The channel is none
// of the PBX's.
func Forged() string {
	return "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Note\r\nText: x\r\n" +
		"Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\nCause: 16\r\n\r\n" +
		"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/1001-ffffffff\r\nChannelState: 4\r\n" +
		"ChannelStateDesc: Ring\r\nCallerIDNum: 1\r\nExten: 1\r\nContext: forged\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\n"
}
