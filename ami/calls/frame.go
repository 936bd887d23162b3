package calls

import (
	"strings"
	"time"

	"patchcord/ami"
)

// A frame is what the tracker needs of one message. "" stands for absent, empty,
// <unknown>, <null> and <none> alike. Of a header that comes twice the first counts.
type frame struct {
	event, actionID, timestamp           string
	uniqueid, linkedid, channel          string
	state, num, name, exten              string
	destUniqueid, destLinkedid           string
	destChannel, destState               string
	destLineName, destNum, lineName      string
	forward                              string
	dialStatus, dialString               string
	bridge, bridgeType, bridgeName       string
	bridgeCreator                        string
	cause, reason, result                string
	queue, position                      string
	extension, context                   string
	variable, value                      string
	application, appData                 string
	userEvent, conference                string
	localOne, localTwo                   string
	transferer, second, transferee       string
	target, secondBridge, swap           string
	parkee, retriever, space, parkerDial string
	uptime, dnid, response               string
	startupDate, startupTime, items      string
	member, key, val                     string
	suspect                              bool // two events, or two channels, in one frame: forged
}

// parse reads the headers of m into f, which is reused.
func (f *frame) parse(m ami.Message) {
	*f = frame{}
	raw := m.Raw()
	privilege := false
	for raw != "" {
		line := raw
		if i := strings.IndexByte(raw, '\n'); i >= 0 {
			line, raw = raw[:i], raw[i+1:]
		} else {
			raw = ""
		}
		i := strings.IndexByte(line, ':')
		if i <= 0 {
			continue
		}
		name, value := line[:i], line[i+1:]
		if n := len(value); n > 0 && value[n-1] == '\r' {
			value = value[:n-1]
		}
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
		if name == "Privilege" {
			f.suspect = f.suspect || privilege
			privilege = true
			continue
		}
		if name == "Event" && f.event != "" {
			f.suspect = true
			continue
		}
		switch p := f.field(name); {
		case p == nil:
		case *p == "":
			*p = known(value)
		case p == &f.uniqueid, p == &f.linkedid:
			f.suspect = f.suspect || *p != value
		}
	}
}

// known returns "" for the ways in which Asterisk writes "nothing".
func known(v string) string {
	if v != "" && v[0] == '<' && (v == "<unknown>" || v == "<null>" || v == "<none>") {
		return ""
	}
	return v
}

// field returns where the value of a header goes, nil when it is of no interest.
// Spellings are those that Asterisk 16 to 22 send.
func (f *frame) field(name string) *string {
	switch name {
	case "Event":
		return &f.event
	case "Response":
		return &f.response
	case "ActionID":
		return &f.actionID
	case "Timestamp":
		return &f.timestamp
	case "Uniqueid":
		return &f.uniqueid
	case "Linkedid":
		return &f.linkedid
	case "Channel":
		return &f.channel
	case "ChannelState":
		return &f.state
	case "CallerIDNum":
		return &f.num
	case "CallerIDName":
		return &f.name
	case "Exten":
		return &f.exten
	case "Context":
		return &f.context
	case "DestUniqueid":
		return &f.destUniqueid
	case "DestLinkedid":
		return &f.destLinkedid
	case "DestChannel":
		return &f.destChannel
	case "DestChannelState":
		return &f.destState
	case "ConnectedLineName":
		return &f.lineName
	case "DestConnectedLineName":
		return &f.destLineName
	case "DestCallerIDNum":
		return &f.destNum
	case "DialStatus":
		return &f.dialStatus
	case "DialString":
		return &f.dialString
	case "BridgeUniqueid", "BridgeId", "BridgeID", "DestBridgeUniqueid":
		return &f.bridge
	case "BridgeType":
		return &f.bridgeType
	case "BridgeName":
		return &f.bridgeName
	case "BridgeCreator":
		return &f.bridgeCreator
	case "Cause":
		return &f.cause
	case "Reason":
		return &f.reason
	case "Result":
		return &f.result
	}
	return f.rareField(name)
}

func (f *frame) rareField(name string) *string {
	switch name {
	case "Queue":
		return &f.queue
	case "Position":
		return &f.position
	case "Extension":
		return &f.extension
	case "Variable":
		return &f.variable
	case "Value":
		return &f.value
	case "Application":
		return &f.application
	case "AppData", "ApplicationData", "Data":
		return &f.appData
	case "UserEvent":
		return &f.userEvent
	case "Forward":
		return &f.forward
	case "Conference":
		return &f.conference
	case "LocalOneUniqueid":
		return &f.localOne
	case "LocalTwoUniqueid":
		return &f.localTwo
	case "TransfererUniqueid", "OrigTransfererUniqueid":
		return &f.transferer
	case "SecondTransfererUniqueid":
		return &f.second
	case "TransfereeUniqueid":
		return &f.transferee
	case "TargetUniqueid":
		return &f.target
	case "SecondBridgeUniqueid":
		return &f.secondBridge
	case "SwapUniqueid":
		return &f.swap
	case "ParkeeUniqueid":
		return &f.parkee
	case "RetrieverUniqueid":
		return &f.retriever
	case "ParkingSpace":
		return &f.space
	case "ParkerDialString":
		return &f.parkerDial
	case "Uptime":
		return &f.uptime
	case "DNID":
		return &f.dnid
	case "CoreStartupDate":
		return &f.startupDate
	case "CoreStartupTime":
		return &f.startupTime
	case "ListItems":
		return &f.items
	case "MemberName":
		return &f.member
	case "Key":
		return &f.key
	case "Val":
		return &f.val
	}
	return nil
}

// time returns the PBX's own time of the message, when it tells one.
func (f *frame) time() (time.Time, bool) {
	if f.timestamp == "" {
		return time.Time{}, false
	}
	return ami.ParseTimestamp(f.timestamp)
}

// header returns the value of the first header called name without parsing the others.
// It finds only the usual spelling: "\nName: value".
func header(raw, name string) string {
	for rest := raw; ; {
		i := strings.Index(rest, name)
		if i < 0 {
			return ""
		}
		after := rest[i+len(name):]
		if (i > 0 && rest[i-1] != '\n') || !strings.HasPrefix(after, ": ") {
			rest = after
			continue
		}
		value, _, _ := strings.Cut(after[2:], "\n")
		return known(strings.TrimSuffix(value, "\r"))
	}
}

// unescape undoes ast_escape_c (Asterisk main/utils.c), which channel names,
// caller id names and variables go through.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'a':
			b = append(b, '\a')
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'v':
			b = append(b, '\v')
		case '\'', '"', '\\', '?':
			b = append(b, s[i])
		default:
			b = append(b, '\\', s[i])
		}
	}
	return string(b)
}

// callerName unescapes a name as the channel driver delivers it: PJSIP leaves the
// quoting of the SIP header in it, so that quotes and backslashes come escaped twice.
func callerName(channel, s string) string {
	s = unescape(s)
	if strings.HasPrefix(channel, "PJSIP/") && (strings.Contains(s, `\"`) || strings.Contains(s, `\\`)) {
		s = unescape(s)
	}
	return s
}
