package calls

import "testing"

// consults plays on: 1001 holds, and asks 1003 on a second line with an id of its own.
const consults = inboundTalks + `
	Hold B
	wait 1s
	new C PJSIP/1001 own ChannelState=4 Exten=1003
	new D PJSIP/1003 C ChannelState=0
	DialBegin C D
	Newstate D ChannelState=5
	wait 2s
`

// consultsByCode plays on: 1001 asks 1003 by the feature code, through a Local pair.
const consultsByCode = inboundTalks + `
	Hold B
	new L Local/1003@from-internal-00000001;1 ChannelState=0 Exten=1003
	new M Local/1003@from-internal-00000001;2 ChannelState=4 Exten=1003
	-b1 B
	+b2 B L
	new D PJSIP/1003 ChannelState=0
	DialBegin M D
	Newstate D ChannelState=5
	wait 2s
`

// rungAgain plays on: who asked leaves, nobody takes the party, and the PBX rings him who asked, who answers.
const rungAgain = consultsByCode + `
	HangupRequest B
	-b2 B L
	+b1 L
	AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@A SecondBridgeUniqueid=b2 DestType=Bridge
	wait 4s
	DialEnd M D DialStatus=NOANSWER
	-b1 L
	Hangup L Cause=16
	Hangup M Cause=16
	Hangup D Cause=0
	new F PJSIP/1001 own ChannelState=0 Exten=s
	DialBegin DestUniqueid=@F DialString=1001
	DialEnd DestUniqueid=@F DialStatus=ANSWER
	joins F A
	+b1 F
	Hangup B Cause=16
	wait 2s
`

func TestTransfers(t *testing.T) {
	const answers = "Newstate D ChannelState=6\nDialEnd C D DialStatus=ANSWER\n+b2 D C\nwait 3s\n"
	const joined = `
		-b1 A
		-b2 C
		joins D A
		+b2 A
		AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@C TransfereeUniqueid=@A TransferTargetUniqueid=@D SecondBridgeUniqueid=b2 DestType=Bridge
		Unhold B
		Unhold C
		-b1 B
		Hangup B Cause=16
		Hangup C Cause=16
		wait 4s
	`
	const blind = inboundTalks + "BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=1003\n-b1 B A\nHangup B Cause=16\n"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"attended, with Replaces", consults + answers + joined + "HangupRequest D\n-b2 D A\nHangup D Cause=16\nHangup A Cause=16\n",
			`transfers.#=1 transfers.0.kind=attended transfers.0.by=1001 transfers.0.to=1003 transfers.0.completed=true linkedids.#=2
			talks.#=2 talks.0.extension=1001 talks.0.hold_ms=6900 talks.0.consult_ms=5600 talks.1.extension=1003 talks.1.with=02079460018 talks.1.via=transfer
			offers.#=2 offers.1.extension=1003 offers.1.result=accepted ended_by=callee id=hq:1772355600.1`},
		{"a consult that is given up stays a call of its own", consults + "HangupRequest C\nDialEnd C D DialStatus=CANCEL\nHangup D Cause=127\nHangup C Cause=127\nUnhold B\nwait 1s\nHangupRequest A\n-b1 A B\nHangup A Cause=16\nHangup B Cause=16\n",
			"transfers.#=0 linkedids.#=1 talks.#=1 talks.0.hold_ms=3900 talks.0.consult_ms=2500 offers.#=1"},
		{"blind", blind + "new D PJSIP/1003 ChannelState=0\nDialBegin A D\nNewstate D ChannelState=5\nwait 1s\nDialEnd A D DialStatus=ANSWER\n+b3 A D\nwait 2s\nHangupRequest A\n-b3 A D\nHangup A Cause=16\nHangup D Cause=16\n",
			"transfers.0.kind=blind transfers.0.by=1001 transfers.0.to=1003 transfers.0.completed=true talks.1.via=transfer talks.1.extension=1003 offers.1.extension=1003 ended_by=caller"},
		{"to a phone that is busy", blind + "new D PJSIP/1003 ChannelState=0\nDialBegin A D\nDialEnd A D DialStatus=BUSY\nHangup D Cause=17\nHangupRequest A\nHangup A Cause=17\n",
			"transfers.0.completed=false ended_by=system talks.#=1 outcome=answered offers.1.result=busy cause=17"},
		{"to a phone that declines", blind + "new D PJSIP/1003 ChannelState=0\nDialBegin A D\nDialEnd A D DialStatus=NOANSWER\nHangup D Cause=21\nHangupRequest A\nHangup A Cause=21\n",
			"transfers.0.completed=false ended_by=callee"},
		{"to a ring that is picked up in the same moment", consults + `
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@C TransfereeUniqueid=@A DestType=App
			new P PJSIP/1004 own ChannelState=4 Exten=*81003
			Pickup P TargetUniqueid=@D
			joins P A
			DialEnd A P DialStatus=ANSWER
			-b1 A
			+b3 A P
			wait 2s`, "talks.#=2 talks.1.extension=1004 talks.1.via=pickup"},
		{"a supervisor takes the party away while it rings", blind + `
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			Newstate D ChannelState=5
			wait 1s
			DialEnd A D DialStatus=CANCEL
			Hangup D Cause=16
			new E PJSIP/1004 ChannelState=0
			DialBegin A E
			DialEnd A E DialStatus=ANSWER
			+b3 A E
		`, "transfers.0.completed=false offers.1.result=rescinded offers.1.by=caller talks.#=2 talks.1.extension=1004 talks.1.via=dial"},
		{"a supervisor took the party from another phone before", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551001
			new C PJSIP/1002 ChannelState=0
			DialBegin A C
			DialEnd A C DialStatus=CANCEL
			Hangup C Cause=16
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			wait 2s
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=1003
			-b1 B A
			Hangup B Cause=16
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			DialEnd A D DialStatus=ANSWER
			+b3 A D
		`, "transfers.0.completed=true talks.#=2 talks.1.via=transfer"},
		{"the first comes to nothing, and who is rung again sends the party on", rungAgain + `
			BlindTransfer Result=Success TransfererUniqueid=@F TransfereeUniqueid=@A Extension=1002
			-b1 F A
			Hangup F Cause=16
			new G PJSIP/1002 ChannelState=0
			DialBegin A G
			DialEnd A G DialStatus=ANSWER
			+b5 A G
		`, "transfers.#=2 transfers.0.completed=false transfers.1.completed=true talks.#=3 talks.2.via=transfer"},
		{"the first comes to nothing, and who is rung again sends the party to voicemail", rungAgain + `
			BlindTransfer Result=Success TransfererUniqueid=@F TransfereeUniqueid=@A Extension=81002
			-b1 F A
			Hangup F Cause=16
			Newexten A Application=VoiceMail AppData=1002,u
		`, "transfers.#=2 transfers.0.completed=false transfers.1.completed=true"},
		{"the first comes to nothing, and who is rung again sends the party into a conference", rungAgain + `
			BlindTransfer Result=Success TransfererUniqueid=@F TransfereeUniqueid=@A Extension=550
			-b1 F A
			Hangup F Cause=16
			+b9 A BridgeCreator=ConfBridge BridgeName=board
		`, "transfers.#=2 transfers.0.completed=false transfers.1.completed=true"},
		{"of two phones that ring the second answers", blind + `
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			new E PJSIP/1004 ChannelState=0
			DialBegin A E
			DialEnd A D DialStatus=CANCEL
			Hangup D Cause=26
			DialEnd A E DialStatus=ANSWER
			+b3 A E
		`, "transfers.0.completed=true offers.1.by=1004 talks.1.extension=1004 talks.1.via=transfer"},
		{"nobody answers the consultation, and the transferer is busy when it is rung again", consultsByCode + `
			HangupRequest B
			-b2 B L
			+b1 L
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@A TransferTargetUniqueid=@L SecondBridgeUniqueid=b2 DestType=Bridge
			wait 4s
			DialEnd M D DialStatus=NOANSWER
			-b1 L
			Hangup L Cause=16
			Hangup M Cause=16
			Hangup D Cause=0
			new F PJSIP/1001 own ChannelState=0 Exten=s
			DialBegin DestUniqueid=@F DialString=1001
			DialEnd DestUniqueid=@F DialStatus=BUSY
			Hangup F Cause=17
			-b1 A
			Hangup B Cause=16
			SoftHangupRequest A
			Hangup A Cause=16
		`, "linkedids.#=2 offers.#=3 offers.2.extension=1001 offers.2.result=busy transfers.0.completed=false ended_by=system"},
		{"to a phone that rings when the party gives up", blind + "new D PJSIP/1003 ChannelState=0\nDialBegin A D\nNewstate D ChannelState=5\nwait 1s\nHangupRequest A\nDialEnd A D DialStatus=CANCEL\nHangup D Cause=127\nHangup A Cause=127\n",
			"transfers.0.completed=false ended_by=caller offers.1.result=rescinded offers.1.by=caller"},
		{"long before somebody has the party by something else", consults + answers + joined + `
			new E PJSIP/1004 own ChannelState=4 Exten=652
			Newstate E ChannelState=6
			joins E A
			-b2 A
			+b3 E A
		`, "talks.#=3 talks.1.via=transfer talks.2.extension=1004 talks.2.via=dial transfers.#=1"},
		{"to voicemail", blind + "Newexten A Application=VoiceMail AppData=1003,u\nwait 2s\nVarSet A Variable=VMSTATUS Value=SUCCESS\nHangupRequest A\nHangup A Cause=16\n",
			"transfers.0.completed=true outcome=answered attributes.vmstatus=SUCCESS ended_by=caller"},
		{"to a queue in which nobody answers", blind + "QueueCallerJoin A Queue=sales Position=1\nwait 2s\nHangupRequest A\nQueueCallerAbandon A Queue=sales\nQueueCallerLeave A Queue=sales\nHangup A Cause=16\n",
			"transfers.0.completed=false queue_visits.0.result=abandoned ended_by=caller"},
		{"to a queue in which 1003 answers", blind + "QueueCallerJoin A Queue=sales Position=1\nnew D PJSIP/1003 ChannelState=0\nAgentCalled A D Queue=sales\nDialBegin A D\nDialEnd A D DialStatus=ANSWER\nQueueCallerLeave A Queue=sales\nAgentConnect A D Queue=sales\n+b3 A D\n",
			"transfers.0.completed=true talks.1.via=queue"},
		{"into a conference", blind + "+b9 A BridgeCreator=ConfBridge BridgeName=board\nConfbridgeJoin A BridgeUniqueid=b9 Conference=board\nwait 2s\nHangupRequest A\nConfbridgeLeave A BridgeUniqueid=b9 Conference=board\n-b9 A\nHangup A Cause=16\n",
			"transfers.0.completed=true conferences.0.room=board ended_by=caller"},
		{"one that failed is none", inboundTalks + "BlindTransfer Result=Invalid TransfererUniqueid=@B TransfereeUniqueid=@A Extension=1\nAttendedTransfer Result=Fail OrigTransfererUniqueid=@B TransfereeUniqueid=@A\n" + agentLeaves, "transfers.#=0"},
		{"a Redirect is none", inboundTalks + "-b1 A B\nHangup B Cause=16\nnew D PJSIP/1003 ChannelState=0\nDialBegin A D\nDialEnd A D DialStatus=ANSWER\n+b3 A D\n", "transfers.#=0 talks.#=2 talks.1.via=dial"},
		{"the transferer's hang-up does not count", blind + "HangupRequest B\nnew D PJSIP/1003 ChannelState=0\nDialBegin A D\nDialEnd A D DialStatus=NOANSWER\nHangup D Cause=0\nSoftHangupRequest A\nHangup A Cause=16\n", "ended_by=system"},
		{"a transfer that names no transferee is of who was with him", inboundTalks + "BlindTransfer Result=Success TransfererUniqueid=@B Extension=1003\n-b1 B A\nHangup B Cause=16\nnew D PJSIP/1003 ChannelState=0\nDialBegin A D\nDialEnd A D DialStatus=ANSWER\n+b3 A D\n",
			"transfers.0.completed=true talks.1.via=transfer"},
		{"told of twice, it happened once", blind + "BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=1003\n", "transfers.#=1"},
		{"of whom the caller was with, when one of those he had called is gone", `
			new A PJSIP/1001 ChannelState=4 Exten=600
			new B PJSIP/1002 ChannelState=0
			DialBegin A B
			new C PJSIP/1003 ChannelState=0
			DialBegin A C
			DialEnd A B DialStatus=BUSY
			Hangup B Cause=17
			DialEnd A C DialStatus=ANSWER
			+b1 A C
			wait 2s
			BlindTransfer Result=Success TransfererUniqueid=@A Extension=1004
			-b1 A C
			Hangup A Cause=16
			new D PJSIP/1004 ChannelState=0
			DialBegin C D
			DialEnd C D DialStatus=ANSWER
			+b3 C D`, "transfers.0.by=1001 transfers.0.completed=true talks.#=2 talks.1.extension=1004 talks.1.with=1003 talks.1.via=transfer"},
		{"the transferer's phone stays in the bridge for a while", `
			new A PJSIP/1004 ChannelState=4 Exten=1001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			wait 2s
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=1002
			-b1 A
			new D PJSIP/1002 ChannelState=0
			DialBegin A D
			DialEnd A D DialStatus=ANSWER
			+b3 A D
			wait 3s
			-b1 B
			Hangup B Cause=16`, "talks.#=2 talks.0.hold_ms=0 talks.0.consult_ms=0 talks.0.ended_at=2026-03-01T09:00:02.800Z talks.1.extension=1002"},
		{"attended by the feature code, then blind by the target behind the Local pair", consultsByCode + `
			DialEnd M D DialStatus=ANSWER
			+b3 M D
			wait 2s
			HangupRequest B
			-b2 B L
			+b1 L
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@A TransferTargetUniqueid=@L SecondBridgeUniqueid=b2
			Hangup B Cause=16
			wait 2s
			BlindTransfer Result=Success TransfererUniqueid=@D TransfereeUniqueid=@M Extension=1002
			-b3 D M
			Hangup D Cause=16
			new E PJSIP/1002 ChannelState=0
			DialBegin M E
			DialEnd M E DialStatus=ANSWER
			+b4 M E
			wait 2s`, "transfers.#=2 transfers.0.to=1003 transfers.1.by=1003 transfers.1.to=1002 talks.#=3 talks.2.extension=1002 talks.2.with=02079460018"},
		{"blind to a group in which the transferer himself answers", blind + "new D PJSIP/1001 ChannelState=0\nDialBegin A D\nDialEnd A D DialStatus=ANSWER\n+b3 A D\n", "transfers.0.completed=true talks.#=2 talks.1.via=transfer"},
		{"nobody answers the consultation, and the transferer is rung again", consultsByCode + `
			HangupRequest B
			-b2 B
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@A TransferTargetUniqueid=@L SecondBridgeUniqueid=b2
			Hangup B Cause=16
			DialEnd M D DialStatus=NOANSWER
			Hangup D Cause=0
			Hangup M Cause=0
			Hangup L Cause=0
			new E PJSIP/1001 ChannelState=0
			DialBegin DestUniqueid=@E
			DialEnd DestUniqueid=@E DialStatus=ANSWER
			+b1 E
			wait 1s`, "transfers.0.completed=false"},
		{"voicemail answers the consultation", consultsByCode + `
			DialEnd M D DialStatus=NOANSWER
			Hangup D Cause=0
			Newexten M Application=VoiceMail AppData=1003,u
			wait 1s
			HangupRequest B
			-b2 B L
			+b1 L
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@A TransferTargetUniqueid=@L SecondBridgeUniqueid=b2
			Hangup B Cause=16
			wait 1s`, "transfers.0.completed=true talks.#=1 outcome=answered"},
		{"the same, and the target is not named", consultsByCode + `
			DialEnd M D DialStatus=NOANSWER
			Hangup D Cause=0
			Newexten M Application=VoiceMail AppData=1003,u
			wait 1s
			HangupRequest B
			-b2 B L
			+b1 L
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@A SecondBridgeUniqueid=b2
			Hangup B Cause=16
			wait 1s`, "transfers.0.completed=true transfers.0.to=1003"},
		{"voicemail had the party before, and is none of this transfer's", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551012
			Newexten A Application=VoiceMail AppData=1001,u
			wait 1s
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@A SecondBridgeUniqueid=b2
			-b1 B
			Hangup B Cause=16`, "transfers.0.completed=false"},
		{"the same, by way of a Local pair", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551012
			new L Local/1001@from-internal-00000001;1 ChannelState=0
			new M Local/1001@from-internal-00000001;2 ChannelState=4 Exten=1001
			DialBegin A L
			Newexten M Application=VoiceMail AppData=1001,u
			wait 1s
			new B PJSIP/1001 ChannelState=0
			DialBegin M B
			DialEnd M B DialStatus=ANSWER
			DialEnd A L DialStatus=ANSWER
			+b1 A L
			+b2 M B
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@A SecondBridgeUniqueid=b3
			-b2 B
			Hangup B Cause=16`, "transfers.0.completed=false"},
		{"voicemail answers the other line", inboundTalks + `
			Hold B
			new C PJSIP/1001 own ChannelState=4 Exten=81003
			Newexten C Application=VoiceMail AppData=1003,u
			wait 1s
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@C TransfereeUniqueid=@A DestType=App DestApp=VoiceMail
			-b1 A B
			Hangup B Cause=16
			Hangup C Cause=16`, "transfers.0.completed=true transfers.0.to=81003"},
		{"on the other line is nobody, and what it dialled is a name of the dialplan", inboundTalks + `
			new C PJSIP/1001 own ChannelState=4 Exten=s
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@C TransfereeUniqueid=@A DestType=App`, "transfers.0.to=- transfers.0.completed=false"},
		{"whom he asked for was not heard of, and not on which line", inboundTalks + "AttendedTransfer Result=Success OrigTransfererUniqueid=@B TransfereeUniqueid=@A\n-b1 B\n", "transfers.0.to=- transfers.0.completed=false"},
		{"the caller asks by the code for somebody who was not heard of: not for whom he had called", `
			new A PJSIP/1004 ChannelState=4 Exten=1001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			AttendedTransfer Result=Success OrigTransfererUniqueid=@A SecondTransfererUniqueid=@A TransfereeUniqueid=@B SecondBridgeUniqueid=b2
			-b1 A`, "transfers.0.by=1004 transfers.0.to=-"},
		{"to a phone that declines at once, and the dialplan parks him", blind + `
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			DialEnd A D DialStatus=BUSY
			Hangup D Cause=21
			ParkedCall ParkeeUniqueid=@A ParkerDialString=PJSIP/1001 ParkingSpace=701
			+p1 A BridgeType=parking`, "transfers.#=1 parked.#=1"},
		{"who had him hangs up, and he gives up where the dialplan rings next", blind + `
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			DialEnd A D DialStatus=ANSWER
			+b3 A D
			wait 3s
			-b3 D A
			Hangup D Cause=16
			new E PJSIP/1004 ChannelState=0
			DialBegin A E
			wait 2s
			HangupRequest A
			DialEnd A E DialStatus=CANCEL
			Hangup E Cause=127
			Hangup A Cause=127`, "transfers.0.completed=true talks.1.extension=1003 talks.1.via=transfer"},
		{"into a conference, from which a supervisor takes him to a phone", blind + `
			+b9 A BridgeCreator=ConfBridge BridgeName=board
			wait 3s
			-b9 A
			new E PJSIP/1004 ChannelState=0
			DialBegin A E
			DialEnd A E DialStatus=ANSWER
			+b3 A E`, "transfers.0.completed=true talks.1.extension=1004 talks.1.via=dial"},
		{"twice to the same extension, by two", blind + "new D PJSIP/1002 ChannelState=0\nDialBegin A D\nDialEnd A D DialStatus=ANSWER\n+b3 A D\nwait 2s\nBlindTransfer Result=Success TransfererUniqueid=@D TransfereeUniqueid=@A Extension=1003\n-b3 A D\nHangup D Cause=16\n",
			"transfers.#=2 transfers.0.by=1001 transfers.0.completed=true transfers.1.by=1002 transfers.1.completed=false"},
	})
}
