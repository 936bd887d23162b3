package calls

import "testing"

// TestWhoseConversationItIs: whoever passes the other on leaves the call to him, whichever
// way it is told.
func TestWhoseConversationItIs(t *testing.T) {
	const talks = `
		new A PJSIP/1001 ChannelState=4 CallerIDNum=1001 Exten=1002
		new B PJSIP/1002 ChannelState=0
		DialBegin A B
		DialEnd A B DialStatus=ANSWER
		+b1 B A
		wait 2s
	`
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"the caller joins the two by the line on which he had asked", talks + `
			Hold A
			new C PJSIP/1001 own ChannelState=4 Exten=1003
			new D PJSIP/1003 C ChannelState=0
			DialBegin C D
			DialEnd C D DialStatus=ANSWER
			+b2 C D
			wait 2s
			joins C A
			joins D A
			-b2 D
			-b1 A
			+b1 D
			AttendedTransfer Result=Success OrigTransfererUniqueid=@C SecondTransfererUniqueid=@A TransfereeUniqueid=@D TransferTargetUniqueid=@B SecondBridgeUniqueid=b1 DestType=Bridge
			Hangup A Cause=16
			-b2 C
			Hangup C Cause=16
			wait 3s`, "talks.#=2 talks.0.extension=1002 talks.0.with=1001 talks.1.via=transfer transfers.0.by=1001"},
		{"the caller sends on whom he called behind a Local pair", `
			new A PJSIP/1001 ChannelState=4 CallerIDNum=1001 Exten=1002
			new L Local/1002@from-internal-00000001;1 ChannelState=0
			new M Local/1002@from-internal-00000001;2 ChannelState=4 Exten=1002
			DialBegin A L
			new B PJSIP/1002 ChannelState=0
			DialBegin M B
			DialEnd M B DialStatus=ANSWER
			DialEnd A L DialStatus=ANSWER
			+b1 A L
			+b2 M B
			wait 2s
			BlindTransfer Result=Success TransfererUniqueid=@A TransfereeUniqueid=@L Extension=1003
			-b1 A L
			Hangup A Cause=16
			new D PJSIP/1003 ChannelState=0
			DialBegin L D
			DialEnd L D DialStatus=ANSWER
			+b3 L D
			wait 2s`, "talks.#=2 talks.0.extension=1002 talks.0.with=1001 talks.1.extension=1003 talks.1.with=1002 talks.1.via=transfer transfers.0.completed=true"},
		{"whom the caller sends on was not heard of", talks + `
			-b1 A B
			BlindTransfer Result=Success TransfererUniqueid=@A TransfereeUniqueid=1.77 Extension=1003
			Hangup A Cause=16
			new D PJSIP/1003 ChannelState=0
			DialBegin B D
			DialEnd B D DialStatus=ANSWER
			+b3 B D`, "talks.0.extension=1002 transfers.#=1 transfers.0.by=1001"},
		{"of one who leaves a bridge for another only the coming is told", talks + "+b2 A B\nwait 2s\nHangupRequest A\n-b2 A B\nHangup A Cause=16\nHangup B Cause=16\n", "talks.#=1 talks.0.hold_ms=0 talk_ms=4400"},
	})
}
