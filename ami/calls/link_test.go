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
		{"the two are sent to two places, and who placed the call leaves his first", talks + `
			-b1 B A
			new C PJSIP/1003 ChannelState=0
			new D PJSIP/1004 ChannelState=0
			DialBegin B C
			DialBegin A D
			DialEnd B C DialStatus=ANSWER
			+b2 C B
			DialEnd A D DialStatus=ANSWER
			+b3 D A
			wait 2s
			-b3 D A
			Hangup D Cause=16
			Hangup A Cause=16
			wait 3s
			HangupRequest C
			-b2 C B
			Hangup C Cause=16
			Hangup B Cause=16`, "talks.#=3 talks.1.extension=1004 talks.1.with=1001 talks.2.extension=1003 talks.2.with=1002 talks.2.started_at=2026-03-01T09:00:06.200Z talks.2.ended_at=2026-03-01T09:00:09.400Z ended_by=callee"},
		{"a program joins the party with the line on which he is asked for", consults + `
			DialEnd C D DialStatus=ANSWER
			+b2 D C
			wait 2s
			joins C A
			joins D A
			-b1 A
			+b3 A
			-b2 C
			+b3 C
			-b1 B
			-b2 D
			Hangup B Cause=16
			Hangup D Cause=16
			wait 3s
			HangupRequest C
			-b3 C A
			Hangup C Cause=16
			Hangup A Cause=16`, "talks.#=1 talks.0.extension=1001 talks.0.ended_at=2026-03-01T09:00:17.700Z talks.0.hold_ms=5800 talks.0.consult_ms=4500 ended_by=callee"},
		{"a program joins who placed the call with whom somebody else called: that is nobody whom he asks", talks + `
			new C PJSIP/1003 own ChannelState=4 Exten=1004
			new D PJSIP/1004 C ChannelState=0
			DialBegin C D
			DialEnd C D DialStatus=ANSWER
			+b2 D C
			joins D A
			-b1 A
			+b3 A
			-b2 D
			+b3 D
			-b1 B
			-b2 C
			Hangup C Cause=16
			Hangup B Cause=16
			wait 3s
			HangupRequest A
			-b3 A D
			Hangup A Cause=16
			Hangup D Cause=16`, "talks.#=2 talks.0.extension=1002 talks.1.extension=1004 talks.1.with=1001 ended_by=caller"},
		{"a hold that nobody took back is over with its talk, and who holds then holds anew", talks + `
			Hold B
			wait 1s
			HangupRequest A
			-b1 A B
			Hangup A Cause=16
			new D PJSIP/1003 ChannelState=0
			DialBegin B D
			DialEnd B D DialStatus=ANSWER
			+b2 D B
			wait 2s
			Hold B
			wait 3s
			Unhold B
			wait 1s
			HangupRequest D
			-b2 D B
			Hangup D Cause=16
			Hangup B Cause=16`, "talks.#=2 talks.0.hold_ms=1200 talks.1.extension=1003 talks.1.with=1002 talks.1.hold_ms=3100"},
		{"a program puts a phone that rings into a bridge: it has nobody until it is answered", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551000
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			Newstate B ChannelState=5
			wait 1s
			+b1 B ChannelState=5
			+b1 A ChannelState=6
			wait 2s
			Newstate B ChannelState=6
			wait 3s
			HangupRequest A
			-b1 A B
			Hangup A Cause=16
			Hangup B Cause=16`, "talks.#=1 talks.0.extension=1001 talk_ms=3200 ended_by=caller"},
		{"and nobody at all when it is not", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551000
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			Newstate B ChannelState=5
			wait 1s
			+b1 B ChannelState=5
			+b1 A ChannelState=6
			wait 2s
			HangupRequest A
			-b1 A B
			Hangup A Cause=16
			Hangup B Cause=16`, "talks.#=0 outcome=abandoned"},
		{"a ring is picked up that had just been answered: the picker has the other", talks + `
			new C PJSIP/1003 own ChannelState=4 Exten=*81002
			Pickup C TargetUniqueid=@B
			SoftHangupRequest B
			Hangup B Cause=26
			wait 3s
			HangupRequest C
			-b1 C A
			Hangup C Cause=16
			Hangup A Cause=16`, "talks.#=2 talks.1.extension=1003 talks.1.with=1001 talks.1.via=pickup ended_by=callee"},
		{"of one who leaves a bridge for another only the coming is told", talks + "+b2 A B\nwait 2s\nHangupRequest A\n-b2 A B\nHangup A Cause=16\nHangup B Cause=16\n", "talks.#=1 talks.0.hold_ms=0 talk_ms=4400"},
	})
}
