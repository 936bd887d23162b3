package amitest

import (
	"fmt"
	"strings"
	"time"
)

// A chanState is a channel's state in Asterisk's numbering.
type chanState int

const (
	stateDown    chanState = 0
	stateRing    chanState = 4 // it called us
	stateRinging chanState = 5 // we call it
	stateUp      chanState = 6
	stateBusy    chanState = 7
)

func (s chanState) String() string {
	switch s {
	case stateRing:
		return "Ring"
	case stateRinging:
		return "Ringing"
	case stateUp:
		return "Up"
	case stateBusy:
		return "Busy"
	}
	return "Down"
}

const unknown = "<unknown>"

// A channel is one leg of a call. Names are as on the wire, escaped.
type channel struct {
	name, uniqueid, linkedid string
	state                    chanState
	num, callerName          string
	connNum, connName        string
	context, exten           string
	priority                 int
	app, data                string
	created                  time.Time
	bridge                   *bridge
	phone                    *phone // nil for trunks and plumbing
	call                     *call
	held                     bool
}

func (ch *channel) appendTo(b []byte, prefix string) []byte {
	b = appendHeader(b, prefix, "Channel", ch.name)
	b = append(b, prefix...)
	b = append(b, "ChannelState: "...)
	b = append(b, byte('0'+ch.state), '\r', '\n')
	b = appendHeader(b, prefix, "ChannelStateDesc", ch.state.String())
	b = appendHeader(b, prefix, "CallerIDNum", ch.num)
	b = appendHeader(b, prefix, "CallerIDName", ch.callerName)
	b = appendHeader(b, prefix, "ConnectedLineNum", ch.connNum)
	b = appendHeader(b, prefix, "ConnectedLineName", ch.connName)
	b = appendHeader(b, prefix, "Language", "en")
	b = appendHeader(b, prefix, "AccountCode", "")
	b = appendHeader(b, prefix, "Context", ch.context)
	b = appendHeader(b, prefix, "Exten", ch.exten)
	b = append(b, prefix...)
	b = append(b, "Priority: "...)
	b = append(b, byte('0'+ch.priority%10), '\r', '\n')
	b = appendHeader(b, prefix, "Uniqueid", ch.uniqueid)
	return appendHeader(b, prefix, "Linkedid", ch.linkedid)
}

func appendHeader(b []byte, prefix, name, value string) []byte {
	b = append(b, prefix...)
	b = append(b, name...)
	b = append(b, ": "...)
	if value == "" && (strings.HasPrefix(name, "CallerID") || strings.HasPrefix(name, "Connected")) {
		value = unknown
	}
	b = append(b, value...)
	return append(b, '\r', '\n')
}

// A bridge is where channels talk.
type bridge struct {
	id       string
	members  []*channel
	creation time.Time
}

func (x *exchange) bridgeHeaders(b *bridge) {
	x.kv("BridgeUniqueid", b.id)
	x.kv("BridgeType", "basic")
	x.kv("BridgeTechnology", "simple_bridge")
	x.kv("BridgeCreator", unknown)
	x.kv("BridgeName", unknown)
	x.num("BridgeNumChannels", len(b.members))
	x.kv("BridgeVideoSourceMode", "none")
}

func (x *exchange) newBridge() *bridge {
	b := &bridge{id: x.uuid(), creation: x.now}
	x.bridges = append(x.bridges, b)
	x.begin("BridgeCreate", CallClass)
	x.bridgeHeaders(b)
	x.end()
	return b
}

func (x *exchange) uuid() string {
	hi, lo := x.rng.Uint64(), x.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", hi>>32, hi>>16&0xffff, hi&0xfff, lo>>52, lo&(1<<48-1))
}

func (x *exchange) enter(b *bridge, ch *channel) {
	b.members = append(b.members, ch)
	ch.bridge = b
	x.begin("BridgeEnter", CallClass)
	x.bridgeHeaders(b)
	x.party("", ch)
	x.end()
}

// leave takes a channel out of its bridge, if it is in one.
func (x *exchange) leave(ch *channel) {
	b := ch.bridge
	if b == nil {
		return
	}
	ch.bridge = nil
	b.members = without(b.members, ch)
	x.begin("BridgeLeave", CallClass)
	x.bridgeHeaders(b)
	x.party("", ch)
	x.end()
	if len(b.members) == 0 {
		x.bridges = without(x.bridges, b)
		x.begin("BridgeDestroy", CallClass)
		x.bridgeHeaders(b)
		x.end()
	}
}

// without returns s without v, in order.
func without[T comparable](s []T, v T) []T {
	for i := range s {
		if s[i] == v {
			return append(s[:i], s[i+1:]...)
		}
	}
	return s
}

// setState changes a channel's state and says so.
func (x *exchange) setState(ch *channel, state chanState) {
	ch.state = state
	x.on(ch, "Newstate", CallClass)
	x.deviceMoved(ch.phone)
}

// causeText is what Asterisk writes for a Q.850 cause.
func causeText(cause int) string {
	switch cause {
	case 16:
		return "Normal Clearing"
	case 3:
		return "No route to destination"
	case 17:
		return "User busy"
	case 19:
		return "User alerting, no answer"
	case 21:
		return "Call Rejected"
	case 26:
		return "Answered elsewhere"
	case 127:
		return "Interworking, unspecified"
	}
	return "Unknown"
}

// hangUp ends a channel. tech is the SIP code of a failure, 0 for none.
func (x *exchange) hangUp(ch *channel, cause, tech int) {
	if ch.gone() {
		return
	}
	x.leave(ch)
	x.begin("Hangup", CallClass)
	x.party("", ch)
	x.num("Cause", cause)
	x.kv("Cause-txt", causeText(cause))
	x.techCause(tech)
	x.end()
	x.drop(ch)
	ch.call.left(ch, cause)
}

// request sends HangupRequest or SoftHangupRequest; a cause of 0 is not shown.
func (x *exchange) request(ch *channel, name string, cause, tech int) {
	x.begin(name, CallClass)
	x.party("", ch)
	if cause != 0 {
		x.num("Cause", cause)
	}
	x.techCause(tech)
	x.end()
}

// techCause adds what only Asterisk 18 and later send.
func (x *exchange) techCause(tech int) {
	if tech != 0 && !x.old {
		x.num("TechCause", tech)
	}
}

func (ch *channel) gone() bool { return ch.call == nil }
