package calls

import "testing"

func TestTalks(t *testing.T) {
	const outbound = `
		new A PJSIP/1001 ChannelState=4 Exten=9441632960077
		new T PJSIP/trunk ChannelState=0
		DialBegin A T DialString=441632960077@trunk
		Newstate T ChannelState=5
		wait 1s
		Newstate T ChannelState=6
		DialEnd A T DialStatus=ANSWER
		+b1 T A
		wait 5s
	`
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"from when both are in the bridge to when one leaves", inboundTalks + agentLeaves + "Hangup A Cause=16\n",
			"talks.#=1 talks.0.extension=1001 talks.0.with=02079460018 talks.0.via=dial talk_ms=5200 ended_by=callee outcome=answered"},
		{"an outbound call's is the caller's", outbound + "HangupRequest T\n-b1 T A\nHangup T Cause=16\nHangup A Cause=16\n",
			"talks.#=1 talks.0.extension=1001 talks.0.with=9441632960077 direction=outbound far_ends.0.result=accepted far_ends.0.ring_ms=1100 offers.#=0 ended_by=callee"},
		{"an internal call's is whoever answered", `
			new A PJSIP/1004 ChannelState=4 Exten=1001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B`, "talks.#=1 talks.0.extension=1001 talks.0.with=1004 direction=internal"},
		{"a far end that an inbound call reached", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551105
			new L Local/9441632960088@from-internal-00000001;1 ChannelState=0
			new M Local/9441632960088@from-internal-00000001;2 ChannelState=4 Exten=9441632960088
			DialBegin A L
			new T PJSIP/trunk ChannelState=0
			DialBegin M T DialString=441632960088@trunk
			Newstate T ChannelState=5
			DialEnd M T DialStatus=ANSWER
			DialEnd A L DialStatus=ANSWER
			+b1 A L
			+b2 M T
			wait 2s
			Hold T
			wait 2s
			Unhold T
			HangupRequest T
			-b2 T M
			Hangup T Cause=16
			Hangup M Cause=16
			-b1 L A
			Hangup L Cause=16
			Hangup A Cause=16`,
			"talks.#=1 talks.0.extension=- talks.0.with=9441632960088 talks.0.hold_ms=0 hold_ms=0 far_ends.#=1 far_ends.0.number=9441632960088 talk_ms=4400 ended_by=callee"},
		{"a move of less than a second does not split it", inboundTalks + "-b1 B A\n+b2 B A\nwait 2s\n" + agentLeaves[1:] + "-b2 B A\nHangup A Cause=16\n", "talks.#=1 talk_ms=7800 hold_ms=0"},
		{"a move that takes longer does", inboundTalks + "-b1 B A\nwait 2s\n+b2 B A\nwait 2s\nHangupRequest A\n-b2 A B\nHangup A Cause=16\nHangup B Cause=16\n", "talks.#=2 talk_ms=7300"},
		{"hold until unhold, twice", inboundTalks + "Hold B\nwait 2s\nUnhold B\nwait 1s\nHold B\nwait 3s\nUnhold B\n" + agentLeaves + "Hangup A Cause=16\n", "hold_ms=5200 talks.0.hold_ms=5200"},
		{"hold until the end", inboundTalks + "Hold B\nwait 2s\nHangupRequest A\n-b1 A\nHangup A Cause=16\n-b1 B\nHangup B Cause=16\n", "hold_ms=2200 ended_by=caller"},
		{"a second Hold is none", inboundTalks + "Hold B\nwait 2s\nHold B\nwait 2s\nUnhold B\n" + agentLeaves, "hold_ms=4200"},
		{"an Unhold without a Hold is ignored", inboundTalks + "Unhold B\nwait 2s\n" + agentLeaves, "hold_ms=0"},
		{"the caller's Hold does not count", inboundTalks + "Hold A\nwait 2s\nUnhold A\n" + agentLeaves, "hold_ms=0"},
		{"the far end's neither", outbound + "Hold T\nwait 2s\nUnhold T\nHangupRequest A\n-b1 A T\nHangup A Cause=16\nHangup T Cause=16\n", "hold_ms=0 ended_by=caller"},
		{"either side's in an internal call", `
			new A PJSIP/1004 ChannelState=4 Exten=1001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			Hold A
			wait 2s
			Unhold A
			Hold B
			wait 1s
			Hold A
			wait 1s
			Unhold B
			wait 1s
			Unhold A
			HangupRequest A
			-b1 A B
			Hangup A Cause=16
			Hangup B Cause=16`, "hold_ms=5400 talks.#=1"},
		{"it goes on while one asks somebody, who still rings", consultsByCode, "talks.#=1 talks.0.ended_at=- talks.0.hold_ms=0"},
		{"also when he takes the party from hold first", consultsByCode + "Unhold B\n", "talks.#=1 talks.0.ended_at=- talks.0.hold_ms=0"},
		{"the caller asks somebody who answers before he himself is there", `
			new A PJSIP/1001 ChannelState=4 CallerIDNum=1001 Exten=1002
			new B PJSIP/1002 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 B A
			wait 1s
			Hold A
			new L Local/1003@from-internal-00000001;1 ChannelState=0 Exten=1003
			new M Local/1003@from-internal-00000001;2 ChannelState=4 Exten=1003
			new D PJSIP/1003 ChannelState=0
			DialBegin M D
			DialEnd M D DialStatus=ANSWER
			+b3 M D
			+b2 L
			-b1 A
			+b2 A
			wait 2s`, "talks.#=1 talks.0.extension=1002 talks.0.with=1001 talks.0.ended_at=-"},
		{"both are moved, and one of them to somebody else", inboundTalks + `
			-b1 A B
			Hangup A Cause=16
			new E PJSIP/1003 ChannelState=0
			DialBegin B E
			DialEnd B E DialStatus=ANSWER
			+b2 B E
			wait 2s`, "talks.0.extension=1001 talks.0.hold_ms=0 talks.0.ended_at=2026-03-01T09:00:08.000Z"},
		{"music is no hold", inboundTalks + "MusicOnHoldStart A\nwait 2s\nMusicOnHoldStop A\n" + agentLeaves, "hold_ms=0"},
		{"answered twice: the second has nobody", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=600
			new B PJSIP/1001 ChannelState=0
			new C PJSIP/1002 ChannelState=0
			DialBegin A B
			DialBegin A C
			Newstate B ChannelState=6
			Newstate C ChannelState=6
			DialEnd A B DialStatus=ANSWER
			DialEnd A C DialStatus=CANCEL
			Hangup C Cause=26
			+b1 A B
			wait 1s
			HangupRequest B
			-b1 A B
			Hangup B Cause=16
			Hangup A Cause=16`, "talks.#=1 offers.0.result=accepted offers.1.result=rescinded offers.1.by=1001"},
	})
}

// TestAnsweredAt: the call is answered when the outermost dial that led to a person is,
// and by nothing that is no person.
func TestAnsweredAt(t *testing.T) {
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"the DialEnd, not the bridge", inboundTalks, "answered_at=2026-03-01T09:00:02.600Z talks.0.started_at=2026-03-01T09:00:02.900Z outcome=answered"},
		{"a picker's DialEnd", inboundRings + `
			new P PJSIP/1004 own ChannelState=4 Exten=*81001
			Pickup P TargetUniqueid=@B
			joins P A
			DialEnd A P DialStatus=ANSWER
			Newstate A ChannelState=6
			+b1 A P
			DialEnd A B DialStatus=CANCEL
			Hangup B Cause=26`, "answered_at=2026-03-01T09:00:02.700Z talks.0.via=pickup talks.0.extension=1004 offers.#=1 offers.0.result=rescinded offers.0.by=1004 linkedids.#=2 ring_ms=-"},
		{"a menu is no answer", "new A PJSIP/trunk ChannelState=4 Exten=5551003\nNewstate A ChannelState=6\nwait 5s\nHangupRequest A\nHangup A Cause=16\n", "answered_at=- outcome=self_service ended_by=caller"},
		{"nor is voicemail", inboundRings + "DialEnd A B DialStatus=NOANSWER\nHangup B Cause=0\nNewexten A Application=VoiceMail AppData=1001,u\nNewstate A ChannelState=6\nwait 5s\nHangupRequest A\nVarSet A Variable=VMSTATUS Value=SUCCESS\nHangup A Cause=16\n",
			"answered_at=- outcome=voicemail ended_by=caller attributes.vmstatus=SUCCESS offers.0.result=no_answer"},
		{"the device's, where that of the Local pair before it was not heard", `
			new A PJSIP/trunk ChannelState=4 Exten=5551001
			new L Local/1001@from-internal-00000001;1 ChannelState=0
			new M Local/1001@from-internal-00000001;2 ChannelState=4 Exten=1001
			DialBegin A L
			new B PJSIP/1001 ChannelState=0
			DialBegin M B
			DialEnd M B DialStatus=ANSWER
			wait 500ms
			+b1 A L
			+b2 M B`, "answered_at=2026-03-01T09:00:00.700Z talks.0.started_at=2026-03-01T09:00:01.600Z"},
		{"nobody knows yet of a mobile that has to press a key", `
			new A PJSIP/trunk ChannelState=4 Exten=5551106
			new L Local/RG-1006-9441632960088#@from-internal-00000001;1 ChannelState=0
			new M Local/RG-1006-9441632960088#@from-internal-00000001;2 ChannelState=4
			DialBegin A L
			new T PJSIP/trunk ChannelState=0
			DialBegin M T DialString=441632960088@trunk
			Newstate T ChannelState=6
			DialEnd M T DialStatus=ANSWER
			wait 2s`, "answered_at=- outcome=- far_ends.0.result=- far_ends.0.ended_at=-"},
		{"a party that never gets connected counts for nothing", `
			new A PJSIP/trunk ChannelState=4 Exten=5551106
			new L Local/RG-1006-9441632960088#@from-internal-00000001;1 ChannelState=0
			new M Local/RG-1006-9441632960088#@from-internal-00000001;2 ChannelState=4
			DialBegin A L
			new T PJSIP/trunk ChannelState=0
			DialBegin M T DialString=441632960088@trunk
			Newstate T ChannelState=5
			Newstate T ChannelState=6
			DialEnd M T DialStatus=ANSWER
			wait 4s
			DialEnd A L DialStatus=NOANSWER
			Hangup T Cause=16
			Hangup L Cause=0
			Hangup M Cause=0
			SoftHangupRequest A
			Hangup A Cause=16`, "answered_at=- outcome=no_answer talks.#=0 far_ends.0.result=no_answer far_ends.0.for=1006 ended_by=system"},
	})
}
