package calls

import (
	"strings"
	"unicode/utf8"

	"patchcord/ami"
)

// frame applies one message. Which events matter is decided by the name alone,
// before anything else of the message is looked at: most are of no interest.
func (t *Tracker) frame(m ami.Message) {
	raw := m.Raw()
	if !utf8.ValidString(raw) { // numbers and names are cut in the middle of a character, or never were text
		raw = strings.ToValidUTF8(raw, "")
		m = ami.NewMessage(raw)
	}
	name, ok := strings.CutPrefix(raw, "Event: ")
	if !ok {
		t.otherMessage(m)
		return
	}
	if i := strings.IndexAny(name, "\r\n"); i >= 0 {
		name = name[:i]
	}
	t.event(name, m)
}

func (t *Tracker) event(name string, m ami.Message) {
	switch name {
	case "VarSet":
		t.varSet(m)
		return
	case "Newexten":
		t.newExten(m)
		return
	case "DeviceStateChange":
		t.deviceState(m)
		return
	case "DBGetTreeResponse":
		t.f.parse(m)
		t.deskListed()
		return
	case "CoreShowChannel", "Status", "BridgeListItem", "QueueEntry", "QueueStatusComplete":
		if name == "QueueStatusComplete" {
			t.membersListed(header(m.Raw(), "ListItems"))
		} else if name == "QueueEntry" {
			t.members.items++
		}
		if t.life.Resyncing {
			t.f.parse(m)
			t.item(name)
		}
		return
	}
	h := handlers(name)
	if h == nil {
		if isMember(name) {
			t.countItem(name)
			t.member(name, m)
			t.noteMember(name, m)
		}
		return
	}
	f := &t.f
	f.parse(m)
	if f.suspect || (f.actionID != "" && name != "OriginateResponse" && name != "UserEvent") {
		return // forged, or an item of a list that only looks like news
	}
	at, stamped := f.time()
	if stamped {
		t.at = at
	}
	if name != "FullyBooted" && t.isEcho(m, stamped) {
		return
	}
	ch := t.chans[f.uniqueid]
	if ch != nil {
		t.follow(ch, f.linkedid)
		t.attributesOf(ch, m, name)
	}
	if f.destUniqueid != "" {
		if d := t.chans[f.destUniqueid]; d != nil {
			t.follow(d, f.destLinkedid)
		}
	}
	h(t, ch)
	t.noteFrame(name, ch)
}

// otherMessage looks at what does not begin with its event's name: replies, and
// events of which another header comes first.
func (t *Tracker) otherMessage(m ami.Message) {
	if strings.HasPrefix(m.Raw(), "Response:") {
		if strings.Contains(m.Raw(), "CoreStartupDate") {
			t.f.parse(m)
			t.coreStatus()
		}
		return
	}
	if name := m.Event(); name != "" {
		t.event(name, m)
	}
}

// handlers returns what handles an event, nil when it is of no interest. A handler
// gets the channel that the event's own headers name; nil when it is not known.
func handlers(name string) func(*Tracker, *channel) {
	switch name {
	case "Newchannel":
		return (*Tracker).newChannel
	case "Newstate":
		return (*Tracker).newState
	case "NewCallerid":
		return (*Tracker).newCallerID
	case "Hangup":
		return (*Tracker).hangup
	case "HangupRequest":
		return (*Tracker).hangupRequest
	case "SoftHangupRequest":
		return (*Tracker).softHangup
	case "LocalBridge":
		return (*Tracker).localBridge
	case "HangupHandlerPush":
		return (*Tracker).ran
	case "OriginateResponse":
		return (*Tracker).originated
	case "DialBegin":
		return (*Tracker).dialBegin
	case "DialState":
		return (*Tracker).dialState
	case "DialEnd":
		return (*Tracker).dialEnd
	case "BridgeEnter":
		return (*Tracker).bridgeEnter
	case "BridgeLeave":
		return (*Tracker).bridgeLeave
	case "Hold":
		return (*Tracker).hold
	case "Unhold":
		return (*Tracker).unhold
	}
	return rareHandlers(name)
}

func rareHandlers(name string) func(*Tracker, *channel) {
	switch name {
	case "QueueCallerJoin":
		return (*Tracker).queueJoin
	case "QueueCallerLeave":
		return (*Tracker).queueLeave
	case "QueueCallerAbandon":
		return (*Tracker).queueAbandon
	case "AgentCalled":
		return (*Tracker).agentCalled
	case "AgentConnect":
		return (*Tracker).agentConnect
	case "BlindTransfer":
		return (*Tracker).blindTransfer
	case "AttendedTransfer":
		return (*Tracker).attendedTransfer
	case "ParkedCall":
		return (*Tracker).parked
	case "UnParkedCall":
		return (*Tracker).unparked
	case "ParkedCallTimeOut":
		return (*Tracker).parkTimeout
	case "ParkedCallGiveUp":
		return (*Tracker).parkGiveUp
	case "Pickup":
		return (*Tracker).pickup
	case "ConfbridgeJoin":
		return (*Tracker).confJoin
	case "ConfbridgeLeave":
		return (*Tracker).confLeave
	case "MixMonitorStart":
		return (*Tracker).recordStart
	case "MixMonitorStop":
		return (*Tracker).recordStop
	case "MusicOnHoldStart":
		return (*Tracker).served
	case "UserEvent":
		return (*Tracker).userEvent
	case "FullyBooted":
		return (*Tracker).fullyBooted
	}
	return nil
}
