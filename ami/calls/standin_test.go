package calls

import "testing"

// TestLocalChannelStandsForThePerson: when the features are the queue's and its members
// are behind Local channels, it is the outer half that holds, consults and transfers
// (recorded from Asterisk 22). Who does it is the person behind.
func TestLocalChannelStandsForThePerson(t *testing.T) {
	const talks = `
		new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551007
		Newstate A ChannelState=6
		QueueCallerJoin A Queue=locals Position=1
		new L Local/1001@from-queue-00000001;1 ChannelState=0 Exten=1001
		new M Local/1001@from-queue-00000001;2 ChannelState=4 Exten=1001
		AgentCalled A L Queue=locals
		DialBegin A L
		new B PJSIP/1001 ChannelState=0
		DialBegin M B
		Newstate B ChannelState=5
		wait 1s
		DialEnd M B DialStatus=ANSWER
		DialEnd A L DialStatus=ANSWER
		QueueCallerLeave A Queue=locals
		AgentConnect A L Queue=locals
		+b1 A L
		+b2 M B
		wait 3s
		Hold L
		wait 2s
	`
	const asks = talks + `
		new F Local/1003@from-internal-00000002;1 ChannelState=0 Exten=1003
		new G Local/1003@from-internal-00000002;2 ChannelState=4 Exten=1003
		+b3 F
		new D PJSIP/1003 ChannelState=0
		-b1 L
		+b3 L
		DialBegin G D
		wait 1s
		DialEnd G D DialStatus=ANSWER
		DialEnd DestUniqueid=@F DialStatus=ANSWER
		+b4 G D
		wait 2s
	`
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"blind", talks + `
			Unhold L
			BlindTransfer Result=Success TransfererUniqueid=@L TransfereeUniqueid=@A Extension=1003
			-b1 L A
			Hangup L Cause=16
			-b2 M B
			Hangup M Cause=16
			Hangup B Cause=16
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			DialEnd A D DialStatus=ANSWER
			+b5 A D
			wait 2s
			HangupRequest A
			-b5 A D
			Hangup A Cause=16
			Hangup D Cause=16`,
			"transfers.0.kind=blind transfers.0.by=1001 transfers.0.to=1003 transfers.0.completed=true talks.#=2 talks.0.hold_ms=2100 talks.1.extension=1003 talks.1.via=transfer ended_by=caller"},
		{"attended", asks + `
			HangupRequest B
			-b2 B M
			Hangup B Cause=16
			Hangup M Cause=16
			-b3 L F
			+b1 F
			AttendedTransfer Result=Success OrigTransfererUniqueid=@L SecondTransfererUniqueid=@L TransfereeUniqueid=@A SecondBridgeUniqueid=b3 DestType=Bridge
			Hangup L Cause=16
			wait 2s
			HangupRequest D
			-b4 D G
			Hangup D Cause=16
			Hangup G Cause=16
			-b1 F A
			Hangup F Cause=16
			Hangup A Cause=16`,
			`transfers.0.kind=attended transfers.0.by=1001 transfers.0.to=1003 transfers.0.completed=true talks.#=2 talks.0.extension=1001 talks.0.hold_ms=6300
			talks.0.consult_ms=3600 talks.1.extension=1003 talks.1.with=02079460018 talks.1.via=transfer ended_by=callee offers.#=2`},
		{"asked, and back", asks + `
			HangupRequest D
			-b4 D G
			Hangup D Cause=16
			Hangup G Cause=16
			Hangup F Cause=16
			-b3 L
			+b1 L
			Unhold L
			wait 2s
			HangupRequest A
			-b1 A L
			Hangup A Cause=16
			Hangup L Cause=16
			-b2 M B
			Hangup M Cause=16
			Hangup B Cause=16`, "transfers.#=0 talks.#=1 talks.0.extension=1001 talks.0.hold_ms=6900 talks.0.consult_ms=4200 ended_by=caller"},
		{"parked", talks + `
			Unhold L
			BlindTransfer Result=Success TransfererUniqueid=@L TransfereeUniqueid=@A Extension=700
			-b1 L A
			+p1 A BridgeType=parking
			ParkedCall ParkeeUniqueid=@A ParkingSpace=701
			Hangup L Cause=16
			-b2 M B
			Hangup M Cause=16
			Hangup B Cause=16`, "parked.0.by=1001 transfers.#=0 talks.#=1"},
	})
}
