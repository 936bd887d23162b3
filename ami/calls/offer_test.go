package calls

import "testing"

func TestOffers(t *testing.T) {
	const caller = "new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 CallerIDName=Jane Exten=5551001\n"
	const leaves = "HangupRequest A\nHangup A Cause=127\n"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"two that ring at once, the first to be called answers last", caller + `
			new B PJSIP/1001 ChannelState=0
			new C PJSIP/1002 ChannelState=0
			DialBegin A B
			DialBegin A C
			Newstate C ChannelState=5
			wait 1s
			Newstate B ChannelState=5
			wait 2s
			DialEnd A C DialStatus=CANCEL
			Hangup C Cause=26
			Newstate B ChannelState=6
			DialEnd A B DialStatus=ANSWER
			+b1 A B`,
			"offers.#=2 offers.0.extension=1001 offers.0.result=accepted offers.1.result=rescinded offers.1.by=1001 ring_ms=2400 offers.1.ring_ms=3200"},
		{"it never rang, and the caller left", caller + "new B PJSIP/1001 ChannelState=0\nDialBegin A B\nwait 1s\n" + leaves + "DialEnd A B DialStatus=CANCEL\nHangup B Cause=127\n",
			"offers.0.result=rescinded offers.0.by=caller offers.0.ring_ms=0 outcome=abandoned ring_ms=-"},
		{"while it rings", inboundRings, "offers.0.result=- offers.0.ring_ms=- offers.0.ended_at=- outcome=- ended_by=-"},
		{"no DialEnd, only the Hangup", inboundRings + "Hangup B Cause=0\n" + leaves, "offers.0.result=rescinded offers.0.by=caller"},
		{"no DialEnd, and the phone was not there", inboundRings + "Hangup B Cause=20\nSoftHangupRequest A\nHangup A Cause=20\n", "offers.0.result=failed outcome=failed"},
		{"corrected by the Hangup: declined", inboundRings + "DialEnd A B DialStatus=NOANSWER\nHangup B Cause=21\n", "offers.0.result=rejected"},
		{"corrected by the Hangup: busy", inboundRings + "DialEnd A B DialStatus=NOANSWER\nHangup B Cause=17\n", "offers.0.result=busy"},
		{"corrected by the Hangup: not there", inboundRings + "DialEnd A B DialStatus=NOANSWER\nHangup B Cause=20\n", "offers.0.result=failed"},
		{"chan_sip declines as BUSY, and the cause tells", inboundRings + "DialEnd A B DialStatus=BUSY\nHangup B Cause=21\n", "offers.0.result=rejected"},
		{"BUSY without a cause", inboundRings + "DialEnd A B DialStatus=BUSY\nHangup B Cause=0\n", "offers.0.result=busy"},
		{"declined, and it is not gone yet", inboundRings + "HangupRequest B Cause=21\nDialEnd A B DialStatus=NOANSWER\n", "offers.0.result=rejected"},
		{"congestion", inboundRings + "DialEnd A B DialStatus=CONGESTION\nHangup B Cause=34\n", "offers.0.result=failed"},
		{"the cause of another phone of the dial is not this one's", caller + `
			new B PJSIP/1001 ChannelState=0
			new C PJSIP/1002 ChannelState=0
			DialBegin A B
			DialBegin A C
			Newstate B ChannelState=5
			Newstate C ChannelState=5
			HangupRequest B Cause=21
			DialEnd A B DialStatus=NOANSWER
			Hangup B Cause=21
			HangupRequest A
			DialEnd A C DialStatus=CANCEL
			Hangup C Cause=21
			Hangup A Cause=21`, "offers.0.result=rejected offers.1.result=rescinded offers.1.by=caller"},
		{"another extension of the same number in another dial is another offer", caller + `
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=NOANSWER
			Hangup B Cause=0
			new C PJSIP/1001 ChannelState=0
			DialBegin A C
			DialEnd A C DialStatus=BUSY
			Hangup C Cause=17`, "offers.#=2 offers.0.id=hq:1772355600.2 offers.0.result=no_answer offers.1.id=hq:1772355600.3 offers.1.result=busy"},
		{"two contacts of one extension are one offer, ended by the last", caller + `
			new B PJSIP/1001 ChannelState=0
			new C PJSIP/1001 ChannelState=0
			DialBegin A B
			DialBegin A C
			Newstate C ChannelState=5
			wait 1s
			Newstate B ChannelState=5
			DialEnd A B DialStatus=NOANSWER
			Hangup B Cause=21
			wait 3s
			DialEnd A C DialStatus=NOANSWER
			Hangup C Cause=0`, "offers.#=1 offers.0.id=hq:1772355600.2 offers.0.result=rejected offers.0.ring_ms=4400"},
		{"two contacts, one busy before the other answers", caller + `
			new B PJSIP/1001 ChannelState=0
			new C PJSIP/1001 ChannelState=0
			DialBegin A B
			DialBegin A C
			DialEnd A B DialStatus=BUSY
			Hangup B Cause=17
			Newstate C ChannelState=5
			wait 1s
			Newstate C ChannelState=6
			DialEnd A C DialStatus=ANSWER
			+b1 A C`, "offers.#=1 offers.0.result=accepted ring_ms=1200 outcome=answered"},
		{"two contacts, one gone and one that rings", caller + `
			new B PJSIP/1001 ChannelState=0
			new C PJSIP/1001 ChannelState=0
			DialBegin A B
			DialBegin A C
			DialEnd A B DialStatus=BUSY
			Hangup B Cause=17
			Newstate C ChannelState=5`, "offers.#=1 offers.0.result=-"},
		{"the name that the phone shows", caller + "new B PJSIP/1001 ChannelState=0\nDialBegin A B DestConnectedLineName=Sales:Jane\n", "offers.0.shown_name=Sales:Jane from.name=Jane"},
		{"the same name is no other", caller + "new B PJSIP/1001 ChannelState=0\nDialBegin A B DestConnectedLineName=Jane\n", "offers.0.shown_name=-"},
		{"the name comes with the ringing", caller + "new B PJSIP/1001 ChannelState=0\nDialBegin A B\nNewstate B ChannelState=5 ConnectedLineName=VIP\n", "offers.0.shown_name=VIP"},
		{"nobody was called", "new A PJSIP/1004 ChannelState=4 Exten=1001\nHangup A Cause=3\n", "offers.#=0 outcome=failed cause=3"},
		{"the phone rings before the dial is told", caller + "new B PJSIP/1001 ChannelState=0\nNewstate B ChannelState=5\nwait 2s\nDialBegin A B\nDialEnd A B DialStatus=NOANSWER\nHangup B Cause=0\n",
			"offers.0.result=no_answer offers.0.ring_ms=2200"},
		{"only the DialState tells that it rings", caller + "new B PJSIP/1001 ChannelState=0\nDialBegin A B\nDialState A B DialStatus=PROGRESS\nwait 1s\nDialState A B DialStatus=RINGING\nwait 2s\nDialEnd A B DialStatus=NOANSWER\nHangup B Cause=0\n",
			"offers.0.ring_ms=2100"},
	})
}

// TestOffersBehindLocalChannels: a Local pair and the device behind it are one offer,
// and only what rings before the pair is answered rings for the queue.
func TestOffersBehindLocalChannels(t *testing.T) {
	const pair = `
		new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551007
		Newstate A ChannelState=6
		QueueCallerJoin A Queue=locals Position=1
		new L Local/1001@from-queue-00000001;1 ChannelState=0 Exten=1001
		new M Local/1001@from-queue-00000001;2 ChannelState=4 Exten=1001
		AgentCalled A L Queue=locals
		DialBegin A L
		new B PJSIP/1001 ChannelState=0
		DialBegin M B
		Newstate L ChannelState=5
		wait 1s
		Newstate B ChannelState=5
		wait 2s
	`
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"extension from the device, queue from the pair, ringing from the device", pair + `
			DialEnd M B DialStatus=ANSWER
			DialEnd A L DialStatus=ANSWER
			QueueCallerLeave A Queue=locals
			AgentConnect A L Queue=locals
			+b1 A L
			+b2 M B`,
			"offers.#=1 offers.0.extension=1001 offers.0.queue=locals offers.0.result=accepted ring_ms=2100 talks.0.extension=1001 talks.0.via=queue queue_visits.0.result=connected"},
		{"time over on the outer dial", pair + `
			DialEnd A L DialStatus=NOANSWER
			DialEnd A L DialStatus=CANCEL
			Hangup L Cause=0
			DialEnd M B DialStatus=CANCEL
			Hangup B Cause=0
			Hangup M Cause=0`, "offers.#=1 offers.0.result=no_answer"},
		{"the caller leaves", pair + `
			HangupRequest A
			DialEnd A L DialStatus=CANCEL
			QueueCallerAbandon A Queue=locals
			QueueCallerLeave A Queue=locals
			Hangup L Cause=0
			DialEnd M B DialStatus=CANCEL
			Hangup B Cause=0
			Hangup M Cause=0
			Hangup A Cause=16`, "offers.0.result=rescinded offers.0.by=caller queue_visits.0.result=abandoned ended_by=caller outcome=abandoned"},
		{"declined behind it", pair + `
			HangupRequest B Cause=21
			DialEnd M B DialStatus=NOANSWER
			Hangup B Cause=21
			DialEnd A L DialStatus=NOANSWER
			Hangup L Cause=0
			Hangup M Cause=0`, "offers.0.result=rejected"},
		{"what the inner half dials after it was answered is no offer of the queue", pair + `
			DialEnd M B DialStatus=ANSWER
			DialEnd A L DialStatus=ANSWER
			QueueCallerLeave A Queue=locals
			AgentConnect A L Queue=locals
			+b1 A L
			+b2 M B
			wait 3s
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@M Extension=1004
			-b2 B
			Hangup B Cause=16
			-b2 M
			new C PJSIP/1004 ChannelState=0
			DialBegin M C
			DialEnd M C DialStatus=ANSWER
			+b3 M C
			wait 2s`,
			"offers.#=2 offers.1.extension=1004 offers.1.queue=- transfers.0.by=1001 transfers.0.to=1004 transfers.0.completed=true talks.#=2 talks.1.extension=1004 talks.1.via=transfer talks.1.with=02079460018"},
	})
}
