package calls

import "testing"

// TestACallInThePlaceOfAnother: INVITE with Replaces (taken-... of testdata/traces), where
// no trace shows it: behind Local channels, and with events of different channels in
// another order.
func TestACallInThePlaceOfAnother(t *testing.T) {
	const ringsForQueue = `
		new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551100
		Newstate A ChannelState=6
		QueueCallerJoin A Queue=400 Position=1
		new L Local/1001@from-queue-00000001;1 ChannelState=0 Exten=1001
		new M Local/1001@from-queue-00000001;2 ChannelState=4 Exten=1001
		AgentCalled A L Queue=400
		DialBegin A L
		new B PJSIP/1001 ChannelState=0
		DialBegin M B
		Newstate B ChannelState=5
		wait 1s
		new C PJSIP/1004 own ChannelState=4 CallerIDNum=1004 Exten=1001
		Newstate C ChannelState=6
		joins C A
		DialEnd M C DialStatus=ANSWER
		Hangup B Cause=0
		DialEnd A L DialStatus=ANSWER
		QueueCallerLeave A Queue=400
		AgentConnect A L Queue=400
		+b1 A L
		+b2 M C
		wait 2s
		HangupRequest C
		-b2 C M
		Hangup C Cause=16
		Hangup M Cause=16
		-b1 L A
		Hangup L Cause=16
		Hangup A Cause=16
	`
	const another = "new C PJSIP/trunk own ChannelState=4 CallerIDNum=02079460099 Exten=trunk\nNewstate C ChannelState=6\njoins C A\n"
	const otherDevice = "new C PJSIP/1001 own ChannelState=4 CallerIDNum=1001 Exten=1001\nNewstate C ChannelState=6\njoins C A\n"
	const leaves = "wait 2s\nHangupRequest B\n-b1 B C\nHangup B Cause=16\nHangup C Cause=16\n"
	const replaced = "talks.#=2 talks.0.with=02079460018 talks.1.with=02079460099 talks.1.extension=1001 ended_by=callee from.number=02079460018 linkedids.#=2"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"of a ring behind a queue's Local channel", ringsForQueue,
			`offers.#=1 offers.0.extension=1001 offers.0.queue=400 offers.0.result=rescinded offers.0.by=1004 talks.#=1 talks.0.extension=1004
			talks.0.via=pickup queue_visits.0.result=connected outcome=answered ended_by=callee ring_ms=-`},
		{"of the caller, who leaves first", inboundTalks + another + "-b1 A\n+b1 C SwapUniqueid=@A\nHangup A Cause=16\n" + leaves, replaced},
		{"of the caller, who leaves when the other has come", inboundTalks + another + "+b1 C SwapUniqueid=@A\n-b1 A\nHangup A Cause=16\n" + leaves, replaced},
		{"of a phone, by another device of its user, who holds there", inboundTalks + otherDevice + `
			+b1 C SwapUniqueid=@B
			-b1 B
			Hangup B Cause=16
			Hold C
			wait 1s
			Unhold C
			HangupRequest C
			-b1 C A
			Hangup C Cause=16
			Hangup A Cause=16
		`, "talks.#=1 talks.0.extension=1001 talks.0.via=dial talks.0.hold_ms=1100 hold_ms=1100 ended_by=callee offers.#=1"},
		{"of the caller, before the Linkedids are one", inboundTalks + "new C PJSIP/trunk own ChannelState=4 CallerIDNum=02079460099 Exten=trunk\nNewstate C ChannelState=6\n" +
			"+b1 C SwapUniqueid=@A\n-b1 A\nHangup A Cause=16\n" + leaves, replaced},
		{"of somebody who was never heard of", inboundTalks + another + "+b1 C SwapUniqueid=1.1\n" + leaves, "talks.0.with=02079460018"},
		{"of a phone of a group whose ring had just ended", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551013
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			new D PJSIP/1002 ChannelState=0
			DialBegin A D
			Newstate B ChannelState=5
			Newstate D ChannelState=5
			wait 2s
			new C PJSIP/1004 own ChannelState=4 CallerIDNum=1004 Exten=1001
			Newstate C ChannelState=6
			joins C A
			DialEnd A B DialStatus=CANCEL
			DialEnd A D DialStatus=CANCEL
			DialEnd A C DialStatus=ANSWER
			Hangup B Cause=26
			Hangup D Cause=26
			+b1 C A
		`, "offers.#=2 offers.0.result=rescinded offers.0.by=1004 offers.1.by=1004 talks.0.extension=1004 talks.0.via=pickup"},
		{"of the second phone of a hunt", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551043
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			Newstate B ChannelState=5
			wait 3s
			DialEnd A B DialStatus=NOANSWER
			Hangup B Cause=0
			new D PJSIP/1002 ChannelState=0
			DialBegin A D
			Newstate D ChannelState=5
			wait 1s
			new C PJSIP/1004 own ChannelState=4 CallerIDNum=1004 Exten=1002
			Newstate C ChannelState=6
			joins C A
			DialEnd A C DialStatus=ANSWER
			Hangup D Cause=0
			+b1 C A
		`, "offers.#=2 offers.0.result=no_answer offers.1.result=rescinded offers.1.by=1004 talks.#=1 talks.0.via=pickup"},
		{"of nobody: a click whose DialBegin was not heard", `
			new A PJSIP/1001 ChannelState=0 Exten=s
			Newstate A ChannelState=5
			wait 1s
			DialEnd DestUniqueid=@A DialStatus=ANSWER
			Newstate A ChannelState=6
		`, "from.number=1001 offers.#=0 talks.#=0"},
		{"of nobody: one of two whose DialBegin was not heard is no picker", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551002
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			new D PJSIP/1002 ChannelState=0
			Newstate D ChannelState=5
			wait 1s
			DialEnd A D DialStatus=ANSWER
			DialEnd A B DialStatus=CANCEL
			Hangup B Cause=26
			+b1 D A
		`, "offers.#=1 offers.0.result=rescinded offers.0.by=1002 talks.0.extension=1002 talks.0.via=dial"},
		{"of nobody: whom an announcement stands for", inboundTalks + `
			new S Surrogate/1001 own ChannelState=6
			joins S A
			+b1 S SwapUniqueid=@A
			-b1 A
			wait 2s
			HangupRequest B
			-b1 B S
			Hangup B Cause=16
			Hangup S Cause=16
			Hangup A Cause=16`, "talks.#=1 talks.0.with=02079460018"},
		{"of one of two phones behind Local channels, not the one called last", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551044
			new L Local/1001@from-queue-00000001;1 ChannelState=0 Exten=1001
			new M Local/1001@from-queue-00000001;2 ChannelState=4 Exten=1001
			DialBegin A L
			new P Local/1002@from-queue-00000002;1 ChannelState=0 Exten=1002
			new Q Local/1002@from-queue-00000002;2 ChannelState=4 Exten=1002
			DialBegin A P
			new B PJSIP/1001 ChannelState=0
			DialBegin M B
			new D PJSIP/1002 ChannelState=0
			DialBegin Q D
			Newstate B ChannelState=5
			Newstate D ChannelState=5
			wait 1s
			new C PJSIP/1004 own ChannelState=4 CallerIDNum=1004 Exten=1001
			Newstate C ChannelState=6
			joins C A
			DialEnd M C DialStatus=ANSWER
			Hangup B Cause=0
			DialEnd A L DialStatus=ANSWER
			DialEnd A P DialStatus=CANCEL
			DialEnd Q D DialStatus=CANCEL
			Hangup D Cause=26
			+b1 A L
			+b2 M C`, "offers.0.extension=1001 offers.0.result=rescinded offers.0.by=1004 talks.#=1 talks.0.extension=1004 talks.0.via=pickup"},
		{"of nobody: a queue's member whose channel was not heard of", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551000
			QueueCallerJoin A Queue=support Position=1
			QueueCallerLeave A Queue=support
			AgentConnect A Queue=support DestUniqueid=1772355600.77
			HangupRequest A
			Hangup A Cause=16`, "queue_visits.0.result=connected talks.#=0"},
		{"of nobody: a dial that was not heard of is none", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551001
			new B PJSIP/1001 ChannelState=0
			DialEnd A B DialStatus=ANSWER
			+b1 A B
		`, "talks.#=1 talks.0.extension=1001 talks.0.via=dial"},
	})
}
