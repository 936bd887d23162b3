package calls

import "testing"

// TestTransfersIntoARoom: who is in a conference counts as having the party, if that is
// anybody but the transferer.
func TestTransfersIntoARoom(t *testing.T) {
	const enters = " BridgeCreator=ConfBridge\nConfbridgeJoin "
	const room = " BridgeUniqueid=r1 Conference=board\n"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"asked there by the code, with a Local pair between the agent and the caller", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551100
			Newstate A ChannelState=6
			new L Local/1001@from-queue-00000001;1 ChannelState=0
			new M Local/1001@from-queue-00000001;2 ChannelState=4
			DialBegin A L
			new B PJSIP/1001 ChannelState=0
			DialBegin M B
			wait 1s
			DialEnd M B DialStatus=ANSWER
			DialEnd A L DialStatus=ANSWER
			+b1 A L
			+b2 M B
			wait 3s
			new R PJSIP/1002 own ChannelState=4 Exten=550
			+r1 R` + enters + "R" + room + `
			new F Local/550@from-internal-00000002;1 ChannelState=0 Exten=550
			new G Local/550@from-internal-00000002;2 ChannelState=4 Exten=550
			+b3 F
			-b2 B
			+b3 B
			+r1 G` + enters + "G" + room + `
			wait 2s
			HangupRequest B
			-b3 B F
			+b2 F
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@M SecondBridgeUniqueid=b3 DestType=Bridge
			Hangup B Cause=16
			wait 2s
			HangupRequest A
			-b1 A L
			Hangup A Cause=16
		`, "transfers.0.by=1001 transfers.0.to=550 transfers.0.completed=true conferences.#=1 conferences.0.with.#=1 conferences.0.with.0=1002 talks.#=1 ended_by=caller"},
		{"an empty room, where the other line has waited", inboundTalks + `
			Hold B
			new C PJSIP/1001 own ChannelState=4 Exten=550
			+r1 C` + enters + "C" + room + `
			wait 1s
			-b1 A
			-r1 C
			joins C A
			+r1 A` + enters + "A" + room + `
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@C TransfereeUniqueid=@A DestType=App DestApp=ConfBridge
			-b1 B
			Hangup B Cause=16
			Hangup C Cause=16
		`, "transfers.0.completed=true conferences.0.room=board conferences.0.with=-"},
		{"the room that the transferer has not left yet", inboundTalks + `
			-b1 A B
			+r1 A` + enters + "A" + room + "+r1 B" + enters + "B" + room + `
			wait 3s
			new C PJSIP/1001 own ChannelState=4 Exten=1003
			new D PJSIP/1003 C ChannelState=0
			DialBegin C D
			Newstate D ChannelState=5
			wait 1s
			-r1 A
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@C TransfereeUniqueid=@A DestType=App DestApp=Dial
			-r1 B
			Hangup B Cause=16
			Hangup C Cause=16
			DialEnd A D DialStatus=NOANSWER
			Hangup D Cause=0
			SoftHangupRequest A
			Hangup A Cause=16
		`, "transfers.#=1 transfers.0.to=1003 transfers.0.completed=false"},
	})
}

func TestConferences(t *testing.T) {
	const room = `
		new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551011
		Newstate A ChannelState=6
		ConfbridgeJoin A BridgeUniqueid=r1 Conference=board
		+r1 A BridgeCreator=ConfBridge
		wait 5s
		new B PJSIP/1001 own ChannelState=4 Exten=550
		Newstate B ChannelState=6
		+r1 B BridgeCreator=ConfBridge
		ConfbridgeJoin B BridgeUniqueid=r1 Conference=board
		wait 3s
	`
	leave := func(who string) string {
		return "HangupRequest " + who + "\nConfbridgeLeave " + who + " BridgeUniqueid=r1 Conference=board\n-r1 " + who + "\nHangup " + who + " Cause=16\n"
	}
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"from the moment a second person is there", room, "answered_at=2026-03-01T09:00:05.700Z outcome=answered conferences.0.with.0=1001 conferences.0.left_at=- talks.#=0"},
		{"a trunk party's own record has no talks", room + leave("B") + "wait 1s\n" + leave("A"), "conferences.#=1 conferences.0.room=board talks.#=0 talk_ms=0 outcome=answered ended_by=callee linkedids.#=1"},
		{"he leaves first", room + leave("A") + leave("B"), "ended_by=caller conferences.0.with.#=1"},
		{"nobody else came", "new A PJSIP/1001 ChannelState=4 Exten=550\nNewstate A ChannelState=6\nConfbridgeJoin A BridgeUniqueid=r1 Conference=board\n+r1 A BridgeCreator=ConfBridge\nwait 5s\n" + leave("A"),
			"answered_at=- outcome=self_service conferences.#=1 conferences.0.with=- talks.#=0 ended_by=caller"},
		{"an extension talks while it is together with anyone", `
			new A PJSIP/1002 ChannelState=4 Exten=550
			Newstate A ChannelState=6
			+r1 A BridgeCreator=ConfBridge
			ConfbridgeJoin A BridgeUniqueid=r1 Conference=board
			wait 5s
			new B PJSIP/1001 own ChannelState=4 Exten=550
			+r1 B BridgeCreator=ConfBridge
			ConfbridgeJoin B BridgeUniqueid=r1 Conference=board
			wait 3s
			` + leave("B") + "wait 2s\nnew C PJSIP/1003 own ChannelState=4 Exten=550\n+r1 C BridgeCreator=ConfBridge\nwait 1s\n" + leave("A"),
			`talks.#=2 talks.0.extension=1002 talks.0.with=board talks.0.via=conference talk_ms=4500 conferences.0.room=board conferences.0.with.1=1003 direction=internal ended_by=caller`},
	})
}
