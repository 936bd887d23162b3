package amitest

import (
	"fmt"
	"iter"
	"strings"
)

// Order is what CheckOrder found: how often each statement about the order of
// events held and how often it was broken. Statements that Asterisk itself breaks
// now and then, because its threads race, are called Loose.
type Order struct {
	Held, Broken map[string]int
	Violations   []string // the first broken statements, as text, at most 20
	Open         []string // channels without a Hangup at the end
	Events       int
}

// The statements. Strict ones held in every recorded trace.
const (
	StrictNewFirst      = "Newchannel comes before any other event of a channel, once"
	StrictNothingAfter  = "after Hangup come only NewConnectedLine, NewCallerid and Confbridge events"
	StrictLeaveHangup   = "BridgeLeave of a channel before its Hangup"
	StrictCreateEnter   = "BridgeCreate before BridgeEnter"
	StrictEnterLeave    = "BridgeEnter before BridgeLeave"
	StrictEmptyDestroy  = "BridgeDestroy of an empty bridge"
	StrictUpAnswer      = "Newstate Up before DialEnd ANSWER"
	StrictLeaveConnect  = "QueueCallerLeave before AgentConnect"
	StrictConnectEnter  = "AgentConnect before the caller's BridgeEnter"
	StrictCompleteFirst = "AgentComplete before the caller's Hangup"

	LooseDialBegin     = "DialBegin before DialEnd" // transfers and pickups end dials of others
	LooseDialRinging   = "DialBegin before Newstate Ringing"
	LooseRingingState  = "Newstate Ringing before DialState RINGING"
	LooseAnswerEnter   = "DialEnd ANSWER before BridgeEnter"
	LooseCompleteLeave = "AgentComplete before the caller's BridgeLeave"
	LooseUpOriginate   = "Newstate Up before OriginateResponse"
)

// CheckOrder reads a stream of events, each the text of one message, and holds it
// to the order that Asterisk keeps. Replies and list items are passed over.
func CheckOrder(events iter.Seq[string]) Order {
	c := &orderChecker{
		out:     Order{Held: make(map[string]int), Broken: make(map[string]int)},
		chans:   make(map[string]*orderChannel),
		bridges: make(map[string]int),
		dials:   make(map[string]bool),
	}
	for raw := range events {
		c.read(raw)
	}
	for _, id := range c.born {
		if !c.chans[id].gone {
			c.out.Open = append(c.out.Open, id)
		}
	}
	return c.out
}

type orderChecker struct {
	out     Order
	chans   map[string]*orderChannel
	born    []string
	bridges map[string]int  // members
	dials   map[string]bool // "src>dst" begun
}

type orderChannel struct {
	gone, up, ringing, dialled, answered bool
	leftQueue, connected, leftBridge     bool
	bridge                               string
}

func (c *orderChecker) say(statement string, held bool, raw string) {
	if held {
		c.out.Held[statement]++
		return
	}
	c.out.Broken[statement]++
	if len(c.out.Violations) < 20 {
		name, id := Header(raw, "Event"), Header(raw, "Uniqueid")
		c.out.Violations = append(c.out.Violations, fmt.Sprintf("event %d, %s of %s: not %s", c.out.Events, name, id, statement))
	}
}

func (c *orderChecker) read(raw string) {
	event := Header(raw, "Event")
	if event == "" || Header(raw, "ActionID") != "" && event != "OriginateResponse" {
		return
	}
	c.out.Events++
	id := Header(raw, "Uniqueid")
	ch := c.chans[id]
	if event == "Newchannel" {
		c.say(StrictNewFirst, ch == nil, raw)
		c.chans[id] = &orderChannel{up: Header(raw, "ChannelState") == "6"}
		c.born = append(c.born, id)
		return
	}
	late := event == "NewConnectedLine" || event == "NewCallerid" || strings.HasPrefix(event, "Confbridge")
	if ch != nil && ch.gone && !late {
		c.say(StrictNothingAfter, false, raw)
	}
	switch {
	case strings.HasPrefix(event, "Bridge"):
		c.bridgeEvent(event, ch, raw)
	case strings.HasPrefix(event, "Dial"):
		c.dialEvent(event, ch, raw)
	case ch != nil:
		c.channelEvent(event, ch, raw)
	}
}

func (c *orderChecker) channelEvent(event string, ch *orderChannel, raw string) {
	switch event {
	case "Newstate":
		switch Header(raw, "ChannelStateDesc") {
		case "Ringing":
			if !ch.ringing {
				c.say(LooseDialRinging, ch.dialled, raw)
			}
			ch.ringing = true
		case "Up":
			ch.up = true
		}
	case "Hangup":
		c.say(StrictLeaveHangup, ch.bridge == "", raw)
		ch.gone = true
	case "QueueCallerJoin":
		ch.leftQueue, ch.connected, ch.leftBridge = false, false, false
	case "QueueCallerLeave":
		ch.leftQueue = true
	case "AgentConnect":
		c.say(StrictLeaveConnect, ch.leftQueue, raw)
		c.say(StrictConnectEnter, ch.bridge == "", raw)
		ch.connected, ch.leftBridge = true, false
	case "AgentComplete":
		c.say(StrictCompleteFirst, !ch.gone, raw)
		c.say(LooseCompleteLeave, !ch.leftBridge, raw)
	case "OriginateResponse":
		if Header(raw, "Response") == "Success" {
			c.say(LooseUpOriginate, ch.up, raw)
		}
	}
}

// bridgeEvent looks at conversations only: a parking lot is there from the start,
// and a transfer into a conference swaps channels without a word.
func (c *orderChecker) bridgeEvent(event string, ch *orderChannel, raw string) {
	if Header(raw, "BridgeType") != "basic" {
		return
	}
	id := Header(raw, "BridgeUniqueid")
	members, exists := c.bridges[id]
	switch event {
	case "BridgeCreate":
		c.bridges[id] = 0
	case "BridgeEnter":
		c.say(StrictCreateEnter, exists, raw)
		c.bridges[id] = members + 1
		if ch == nil {
			return
		}
		if ch.dialled && !ch.leftBridge {
			c.say(LooseAnswerEnter, ch.answered, raw)
		}
		ch.bridge = id
	case "BridgeLeave":
		c.bridges[id] = members - 1
		if ch == nil {
			return
		}
		c.say(StrictEnterLeave, ch.bridge == id, raw)
		ch.bridge, ch.leftBridge = "", true
	case "BridgeDestroy":
		c.say(StrictEmptyDestroy, members == 0, raw)
	}
}

func (c *orderChecker) dialEvent(event string, src *orderChannel, raw string) {
	pair := Header(raw, "Uniqueid") + ">" + Header(raw, "DestUniqueid")
	dst := c.chans[Header(raw, "DestUniqueid")]
	if dst == nil {
		return
	}
	switch event {
	case "DialBegin":
		c.dials[pair] = true
		dst.dialled = true
	case "DialState":
		if Header(raw, "DialStatus") == "RINGING" {
			c.say(LooseRingingState, dst.ringing, raw)
		}
	case "DialEnd":
		c.say(LooseDialBegin, c.dials[pair], raw)
		if Header(raw, "DialStatus") == "ANSWER" {
			c.say(StrictUpAnswer, dst.up, raw)
			dst.answered = true
		}
	}
}

// Header returns the first value of a header in the text of a message, or "".
func Header(raw, name string) string {
	for line := range strings.SplitSeq(raw, "\n") {
		if rest, ok := strings.CutPrefix(line, name); ok && strings.HasPrefix(rest, ":") {
			return strings.TrimSpace(rest[1:])
		}
	}
	return ""
}
