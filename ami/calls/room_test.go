package calls

import "testing"

// TestWhoIsInARoom: who is seen there, as each of those sees it who came by a call of his own.
func TestWhoIsInARoom(t *testing.T) {
	const room = " BridgeCreator=ConfBridge BridgeName=board\n"
	const two = "new A PJSIP/1001 ChannelState=4 Exten=550\n+r1 A" + room + "new C PJSIP/1002 own ChannelState=4 Exten=550\n+r1 C" + room + "wait 3s\n"
	// 1001 is called by a click of somebody who wants him in the room.
	const clicked = `
		new A Local/1001@from-internal-00000001;1 ChannelState=0 Exten=1001
		new M Local/1001@from-internal-00000001;2 ChannelState=4 Exten=1001
		DialBegin DestUniqueid=@A DialString=1001@from-internal
		new B PJSIP/1001 ChannelState=0
		DialBegin M B
		DialEnd M B DialStatus=ANSWER
		DialEnd DestUniqueid=@A DialStatus=ANSWER
		+b2 M B
		+r1 A` + room + `
		new R PJSIP/1002 own ChannelState=4 Exten=550
		+r1 R` + room + "wait 2s\n"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"who comes back alone is not with those who left meanwhile", two + "-r1 A\n-r1 C\nwait 2s\n+r1 A" + room + "wait 5s\n-r1 A\n", "talks.#=1 talk_ms=3100 conferences.#=1"},
		{"two rooms are two", two + "-r1 A\nwait 2s\n+r2 A BridgeCreator=ConfBridge BridgeName=lobby\n", "conferences.#=2 conferences.0.room=board conferences.1.room=lobby conferences.1.with=-"},
		{"of who goes from one into another only the coming is told", two + "+r2 A BridgeCreator=ConfBridge BridgeName=lobby\nwait 2s\n-r2 A\nHangup A Cause=16\n",
			"conferences.#=2 conferences.0.left_at=2026-03-01T09:00:03.500Z talk_ms=3100"},
		{"those who came by two calls are no others to each other when the calls are one", two + "new R PJSIP/1003 own ChannelState=4 Exten=550\n+r1 R" + room + "joins C A\nNewstate C ChannelState=6\n",
			"linkedids.#=2 conferences.#=1 conferences.0.with.#=1 conferences.0.with.0=1003"},
		{"the call of two goes on while one of them is there", two + "joins C A\nNewstate C ChannelState=6\n-r1 A\nHangup A Cause=16\n", "linkedids.#=2 ended_at=- talks.#=1"},
		{"two who were there one after the other did not meet", "new A PJSIP/1001 ChannelState=4 Exten=550\n+r1 A" + room + "wait 2s\n-r1 A\nnew C PJSIP/1002 own ChannelState=4 Exten=550\n+r1 C" + room +
			"wait 2s\njoins C A\nNewstate C ChannelState=6\n", "linkedids.#=2 answered_at=- talks.#=0"},
		{"nobody has come who is only rung from there", `
			new A PJSIP/1001 ChannelState=4 Exten=550
			+r1 A` + room + `
			new L Local/1002@from-internal-00000001;1 own ChannelState=0 Exten=1002
			new M Local/1002@from-internal-00000001;2 L ChannelState=4 Exten=1002
			+r1 L` + room + `
			new B PJSIP/1002 L ChannelState=0
			DialBegin M B
			new R PJSIP/1003 own ChannelState=4 Exten=550
			+r1 R` + room, "conferences.0.with.#=1 conferences.0.with.0=1003"},
		{"nobody is in a room with himself: who was sent there behind a Local pair asks in it", `
			new A PJSIP/1002 ChannelState=4 Exten=1003
			new L Local/1003@from-internal-00000001;1 ChannelState=0
			new M Local/1003@from-internal-00000001;2 ChannelState=4 Exten=1003
			DialBegin A L
			new B PJSIP/1003 ChannelState=0
			DialBegin M B
			DialEnd M B DialStatus=ANSWER
			DialEnd A L DialStatus=ANSWER
			+b1 A L
			+b2 B M
			wait 2s
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@M Extension=550
			-b2 B M
			Hangup B Cause=16
			+r1 M` + room + `
			new U Local/550@from-internal-00000002;1 ChannelState=0
			new V Local/550@from-internal-00000002;2 ChannelState=4 Exten=550
			-b1 A
			+b3 U A
			+r1 V` + room + `
			wait 5s
			-r1 V
			HangupRequest A
			-b3 A U
			Hangup A Cause=16`, "talks.#=1 talks.0.extension=1003 talks.0.with=1002 conferences.#=1"},
		{"the room is told without its bridge", "new A PJSIP/1001 ChannelState=4 Exten=550\nConfbridgeJoin A Conference=board\n", "conferences.#=0"},
		{"behind the Local pair of a click", clicked, "from.number=1001 conferences.0.with.0=1002 talks.#=1 talks.0.extension=1001 talks.0.with=board"},
		{"behind it another, to whom the first passed the room on", clicked + `
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@M Extension=1003
			-b2 B M
			Hangup B Cause=16
			new D PJSIP/1003 ChannelState=0
			DialBegin M D
			DialEnd M D DialStatus=ANSWER
			+b3 M D
			wait 4s
			-r1 R
			Hangup R Cause=16`, "talks.#=2 talks.0.extension=1001 talks.1.extension=1003 talks.1.with=board"},
	})
}
