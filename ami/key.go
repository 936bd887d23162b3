package ami

// A Key names a header that a View finds without a search.
type Key uint8

// The headers that calls, queues and replies are understood by. Names are
// Asterisk's; case does not matter.
const (
	KeyNone Key = iota
	KeyEvent
	KeyResponse
	KeyActionID
	KeyPrivilege
	KeyTimestamp
	KeyMessage
	KeyEventList
	KeyListItems
	KeyChannel
	KeyChannelState
	KeyChannelStateDesc
	KeyCallerIDNum
	KeyCallerIDName
	KeyConnectedLineNum
	KeyConnectedLineName
	KeyAccountCode
	KeyContext
	KeyExten
	KeyUniqueid
	KeyLinkedid
	KeyDestChannel
	KeyDestChannelState
	KeyDestChannelStateDesc
	KeyDestCallerIDNum
	KeyDestCallerIDName
	KeyDestConnectedLineNum
	KeyDestConnectedLineName
	KeyDestContext
	KeyDestExten
	KeyDestUniqueid
	KeyDestLinkedid
	KeyBridgeUniqueid
	KeyBridgeType
	KeyBridgeNumChannels
	KeyDialStatus
	KeyDialString
	KeyCause
	KeyState
	KeyStatus
	KeyDevice
	KeyQueue
	KeyPosition
	KeyCount
	KeyInterface
	KeyMemberName
	KeyPaused
	KeyReason
	KeyHoldTime
	KeyTalkTime
	KeyRingTime
	KeyApplication
	KeyVariable
	KeyValue
	KeyLocalOneUniqueid
	KeyLocalTwoUniqueid
	KeyUptime
	KeyLanguage
	KeyPriority
	KeyDestAccountCode
	KeyDestLanguage
	KeyDestPriority
	numKeys
)

var keyNames = [numKeys]string{
	KeyEvent: "Event", KeyResponse: "Response", KeyActionID: "ActionID", KeyPrivilege: "Privilege",
	KeyTimestamp: "Timestamp", KeyMessage: "Message", KeyEventList: "EventList", KeyListItems: "ListItems",
	KeyChannel: "Channel", KeyChannelState: "ChannelState", KeyChannelStateDesc: "ChannelStateDesc",
	KeyCallerIDNum: "CallerIDNum", KeyCallerIDName: "CallerIDName",
	KeyConnectedLineNum: "ConnectedLineNum", KeyConnectedLineName: "ConnectedLineName",
	KeyAccountCode: "AccountCode", KeyContext: "Context", KeyExten: "Exten",
	KeyUniqueid: "Uniqueid", KeyLinkedid: "Linkedid",
	KeyDestChannel: "DestChannel", KeyDestChannelState: "DestChannelState",
	KeyDestChannelStateDesc: "DestChannelStateDesc",
	KeyDestCallerIDNum:      "DestCallerIDNum", KeyDestCallerIDName: "DestCallerIDName",
	KeyDestConnectedLineNum: "DestConnectedLineNum", KeyDestConnectedLineName: "DestConnectedLineName",
	KeyDestContext: "DestContext", KeyDestExten: "DestExten",
	KeyDestUniqueid: "DestUniqueid", KeyDestLinkedid: "DestLinkedid",
	KeyBridgeUniqueid: "BridgeUniqueid", KeyBridgeType: "BridgeType", KeyBridgeNumChannels: "BridgeNumChannels",
	KeyDialStatus: "DialStatus", KeyDialString: "DialString", KeyCause: "Cause", KeyState: "State",
	KeyStatus: "Status", KeyDevice: "Device", KeyQueue: "Queue", KeyPosition: "Position", KeyCount: "Count",
	KeyInterface: "Interface", KeyMemberName: "MemberName", KeyPaused: "Paused", KeyReason: "Reason",
	KeyHoldTime: "HoldTime", KeyTalkTime: "TalkTime", KeyRingTime: "RingTime",
	KeyApplication: "Application", KeyVariable: "Variable", KeyValue: "Value",
	KeyLocalOneUniqueid: "LocalOneUniqueid", KeyLocalTwoUniqueid: "LocalTwoUniqueid", KeyUptime: "Uptime",
	KeyLanguage: "Language", KeyPriority: "Priority",
	KeyDestAccountCode: "DestAccountCode", KeyDestLanguage: "DestLanguage", KeyDestPriority: "DestPriority",
}

// String returns the header's name as Asterisk writes it.
func (k Key) String() string {
	if k >= numKeys {
		return ""
	}
	return keyNames[k]
}
