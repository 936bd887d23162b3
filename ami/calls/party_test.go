package calls

import "testing"

func TestParties(t *testing.T) {
	inbound := func(caller string) string { return "new A PJSIP/trunk ChannelState=4 Exten=5551001 " + caller }
	tryScenes(t, Config{PBX: "hq", Region: "GB"}, []scene{
		{"as at Newchannel, whatever comes later", inbound("CallerIDNum=020-7946-0018 CallerIDName=Jane") + "\nNewCallerid A CallerIDNum=5551000 CallerIDName=Sales:Jane\nNewexten A Exten=600 Application=Dial CallerIDNum=5551000\n",
			"from.number=020-7946-0018 from.name=Jane from.e164=+442079460018 to.number=5551001 direction=inbound"},
		{"nothing", inbound("CallerIDNum= CallerIDName="), "from.number=- from.name=- from.e164=-"},
		{"unknown", inbound("CallerIDNum=<unknown> CallerIDName=<unknown>"), "from.number=- from.name=-"},
		{"anonymous", inbound("CallerIDNum=anonymous CallerIDName=Anonymous"), "from.number=- from.name=-"},
		{"restricted", inbound("CallerIDNum=Restricted CallerIDName=restricted"), "from.number=- from.name=-"},
		{"unavailable", inbound("CallerIDNum=unavailable CallerIDName=Unavailable"), "from.number=- from.name=-"},
		{"private", inbound("CallerIDNum=PRIVATE CallerIDName=Private"), "from.number=- from.name=-"},
		{"a number that is none", inbound("CallerIDNum=sales.desk"), "from.number=sales.desk from.e164=-"},
		{"a phone is its extension", "new A PJSIP/1001 ChannelState=4 CallerIDNum=5551000 CallerIDName=Alice Exten=1002\n", "from.number=1001 from.name=Alice to.number=1002 direction=internal"},
		{"a phone that reaches for a trunk", "new A PJSIP/1001 ChannelState=4 Exten=9441632960077\nnew T PJSIP/trunk ChannelState=0\nDialBegin A T DialString=441632960077@trunk\n",
			"direction=outbound far_ends.0.number=9441632960077 far_ends.0.result=- far_ends.0.ring_ms=-"},
		{"a number of the PBX that is one of the country", "new A PJSIP/trunk ChannelState=4 Exten=02079460000\n", "to.number=02079460000 to.e164=+442079460000 direction=inbound"},
		{"sent to a trunk later, it stays internal", `
			new A PJSIP/1004 ChannelState=4 Exten=1001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=9441632960077
			-b1 A B
			Hangup B Cause=16
			new T PJSIP/trunk ChannelState=0
			DialBegin A T DialString=441632960077@trunk Exten=9441632960077`, "direction=internal to.number=1001 far_ends.#=1 far_ends.0.for=-"},
	})
}

func TestClickToCall(t *testing.T) {
	const phone = `
		new A PJSIP/1001 ChannelState=0 CallerIDNum=1001 Exten=s
		DialBegin DestChannel=x DestUniqueid=@A DialString=1001
		Newstate A ChannelState=5 CallerIDNum=441632960078
		wait 2s
	`
	const customer = `
		Newstate A ChannelState=6 CallerIDNum=441632960078
		DialEnd DestUniqueid=@A DialStatus=ANSWER
		Newexten A Exten=9441632960078 Application=Dial
		OriginateResponse A Response=Success ActionID=click-1 Exten=9441632960078
		new T PJSIP/trunk ChannelState=0
		DialBegin A T DialString=441632960078@trunk
		Newstate T ChannelState=5
		wait 1s
	`
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"answered", phone + customer + "DialEnd A T DialStatus=ANSWER\n+b1 T A\nwait 3s\nHangupRequest A\n-b1 A T\nHangup A Cause=16\nHangup T Cause=16\n",
			`from.number=1001 to.number=9441632960078 direction=outbound outcome=answered ended_by=caller offers.#=0 talks.#=1 talks.0.extension=1001
			talks.0.with=9441632960078 far_ends.#=1 far_ends.0.result=accepted`},
		{"the agent hangs up while the customer rings", phone + customer + "HangupRequest A\nDialEnd A T DialStatus=CANCEL\nHangup T Cause=127\nHangup A Cause=127\n", "outcome=cancelled ended_by=caller cause=127 far_ends.0.result=rescinded"},
		{"the customer does not answer", phone + customer + "DialEnd A T DialStatus=NOANSWER\nHangup T Cause=0\nSoftHangupRequest A\nHangup A Cause=16\n", "outcome=no_answer ended_by=system far_ends.0.result=no_answer"},
		{"the customer is busy", phone + customer + "DialEnd A T DialStatus=BUSY\nHangup T Cause=17\nHangupRequest A\nHangup A Cause=17\n", "outcome=busy ended_by=system"},
		{"own phone not answered", phone + "Hangup A Cause=0\nOriginateResponse Response=Failure ActionID=click-1 Exten=9441632960078 Uniqueid=<null>\n", "outcome=no_answer ended_by=system to.number=- direction=- from.number=1001 offers.#=0 cause=-"},
		{"rung back when the other is free, of which no DialBegin tells", `
			new A SIP/1005 ChannelState=0 CallerIDNum=1005 Exten=s
			Newstate A ChannelState=5
			wait 1s
			Newstate A ChannelState=6
			new B SIP/1006 ChannelState=0
			DialBegin A B Exten=1006 DialString=1006
			DialEnd A B DialStatus=ANSWER
			+b1 A B
		`, "from.number=1005 to.number=1006 direction=internal talks.0.extension=1005 talks.0.with=1006 offers.#=1"},
		{"it names no number, but an application that calls one phone for the other", phone + `
			Newstate A ChannelState=6
			DialEnd DestUniqueid=@A DialStatus=ANSWER
			new B PJSIP/1002 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
		`, "direction=internal to.number=- talks.0.extension=1001 talks.0.with=1002"},
		{"rung back, and not answered", "new A SIP/1005 ChannelState=0 CallerIDNum=1005 Exten=s\nNewstate A ChannelState=5\nwait 1s\nHangup A Cause=19\n",
			"from.number=1005 to.number=- direction=- outcome=no_answer ended_by=system"},
		{"own phone not answered, as 22 says it", phone + "Hangup A Cause=19\n", "outcome=no_answer cause=19"},
		{"own phone busy", "new A PJSIP/1001 ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A\nDialEnd DestUniqueid=@A DialStatus=BUSY\nHangup A Cause=17\n", "outcome=busy direction=-"},
		{"own phone busy, and no DialEnd", "new A PJSIP/1001 ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A\nHangup A Cause=17\n", "outcome=busy ended_by=system"},
		{"own phone busy, and no cause", "new A PJSIP/1001 ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A\nDialEnd DestUniqueid=@A DialStatus=BUSY\nHangup A Cause=0\n", "outcome=busy"},
		{"own phone declines", phone + "HangupRequest A Cause=21\nHangup A Cause=21\n", "outcome=no_answer ended_by=caller"},
		{"own phone declines, which chan_sip calls BUSY", "new A SIP/1001 ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A\nHangupRequest A\nDialEnd DestUniqueid=@A DialStatus=BUSY\nHangup A Cause=21\n",
			"outcome=no_answer ended_by=caller"},
		{"the customer is called first, and hangs up while the phone rings", `
			new A PJSIP/trunk ChannelState=0 Exten=s
			DialBegin DestUniqueid=@A DialString=441632960078@trunk
			DialEnd DestUniqueid=@A DialStatus=ANSWER
			Newstate A ChannelState=6
			new B PJSIP/1001 ChannelState=0
			DialBegin A B Exten=1001
			wait 2s
			HangupRequest A
			DialEnd A B DialStatus=CANCEL
			Hangup B Cause=127
			Hangup A Cause=127
		`, "direction=outbound outcome=cancelled ended_by=caller offers.0.result=rescinded"},
		{"own phone declines without ringing", "new A PJSIP/1001 ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A\nHangup A Cause=21\n", "outcome=no_answer ended_by=caller"},
		{"own phone is not there", "new A PJSIP/1001 ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A\nHangup A Cause=20\n", "outcome=failed ended_by=system"},
		{"own phone is silent until the time is over", "new A PJSIP/1001 ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A\nDialEnd DestUniqueid=@A DialStatus=NOANSWER\nHangup A Cause=20\n", "outcome=no_answer"},
		{"own phone is silent, and only the Hangup tells", "new A PJSIP/1001 ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A\nHangup A Cause=0\n", "outcome=no_answer"},
		{"congestion on the way to the own phone", "new A PJSIP/1001 ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A\nDialEnd DestUniqueid=@A DialStatus=CONGESTION\nHangup A Cause=0\n", "outcome=failed"},
	})
}

// TestClickToCallBehindLocal: the phone that the inner half rings is who calls.
func TestClickToCallBehindLocal(t *testing.T) {
	const rings = `
		new A Local/1001@from-internal-00000001;1 ChannelState=0 Exten=1001
		new M Local/1001@from-internal-00000001;2 ChannelState=4 Exten=1001
		DialBegin DestUniqueid=@A DialString=1001@from-internal
		new B PJSIP/1001 ChannelState=0 CallerIDName=Alice
		DialBegin M B DialString=1001
		Newstate A ChannelState=5
		Newstate B ChannelState=5
		wait 2s
	`
	const sentOn = `
		new L Local/1003@from-internal-00000002;1 ChannelState=0 Exten=1003
		new N Local/1003@from-internal-00000002;2 ChannelState=4 Exten=1003
		DialEnd M B DialStatus=CANCEL Forward=1003
		DialBegin M L DialString=1003@from-internal
		Hangup B Cause=0
		new C PJSIP/1003 ChannelState=0 CallerIDName=Carol
		DialBegin N C DialString=1003
		wait 1s
	`
	const carol = sentOn + `
		DialEnd N C DialStatus=ANSWER
		DialEnd M L DialStatus=ANSWER
		Newstate A ChannelState=6
		DialEnd DestUniqueid=@A DialStatus=ANSWER
		+b1 N C
		+b2 M L
		Newexten A Exten=9441632960078 Application=Dial
		new T PJSIP/trunk ChannelState=0
		DialBegin A T DialString=441632960078@trunk
	`
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"the phone sends it on (302)", rings + carol + "DialEnd A T DialStatus=ANSWER\n+b3 A T\nwait 3s\nHangupRequest T\n-b3 T A\nHangup T Cause=16\n",
			"from.number=1003 offers.#=0 talks.#=1 talks.0.extension=1003 talks.0.with=9441632960078 outcome=answered"},
		{"the phone sends it on, and who answered passes the far end on before it does", rings + carol + `
			BlindTransfer Result=Success TransfererUniqueid=@C TransfereeUniqueid=@N Extension=1001
			-b1 C N
			Hangup C Cause=16
			new D PJSIP/1001 ChannelState=0
			DialBegin N D DialString=1001
			DialEnd A T DialStatus=ANSWER
			+b3 A T
			DialEnd N D DialStatus=ANSWER
			+b4 N D
			wait 3s
			HangupRequest T
			-b3 T A
			Hangup T Cause=16`,
			"from.number=1003 offers.#=1 offers.0.extension=1001 talks.#=1 talks.0.extension=1001 talks.0.with=9441632960078 outcome=answered"},
		{"of two phones that ring one sends it on, and the other answers", rings + `
			new D PJSIP/1004 ChannelState=0 CallerIDName=Dave
			DialBegin M D DialString=1004
			` + sentOn + `
			DialEnd M D DialStatus=ANSWER
			DialEnd N C DialStatus=CANCEL
			Hangup C Cause=26
			Newstate A ChannelState=6
			DialEnd DestUniqueid=@A DialStatus=ANSWER
			+b1 M D
			Newexten A Exten=9441632960078 Application=Dial
			new T PJSIP/trunk ChannelState=0
			DialBegin A T DialString=441632960078@trunk
			DialEnd A T DialStatus=ANSWER
			+b3 A T
			wait 3s`,
			"from.number=1004 offers.#=0 talks.#=1 talks.0.extension=1004 talks.0.with=9441632960078"},
		{"answered", rings + `
			DialEnd M B DialStatus=ANSWER
			Newstate A ChannelState=6
			DialEnd DestUniqueid=@A DialStatus=ANSWER
			+b1 M B
			Newexten A Exten=9441632960078 Application=Dial
			OriginateResponse A Response=Success ActionID=click-1 Exten=9441632960078
			new T PJSIP/trunk ChannelState=0
			DialBegin A T DialString=441632960078@trunk
			Newstate T ChannelState=5
			wait 1s
			DialEnd A T DialStatus=ANSWER
			+b2 A T
			wait 3s
			HangupRequest T
			-b2 T A
			Hangup T Cause=16
			Hangup A Cause=16
			-b1 M B
			Hangup M Cause=16
			Hangup B Cause=16`,
			"from.number=1001 to.number=9441632960078 direction=outbound offers.#=0 far_ends.#=1 talks.#=1 talks.0.extension=1001 talks.0.with=9441632960078 ended_by=callee outcome=answered"},
		{"not answered", rings + "Hangup A Cause=0\nDialEnd M B DialStatus=CANCEL\nHangup B Cause=0\nHangup M Cause=0\n", "from.number=1001 outcome=no_answer ended_by=system to.number=- direction=- offers.#=0"},
		{"no device could be dialled", `
			new A Local/1001@from-internal-00000001;1 ChannelState=0 Exten=1001
			new M Local/1001@from-internal-00000001;2 ChannelState=4 Exten=1001
			DialBegin DestUniqueid=@A DialString=1001@from-internal
			Hangup M Cause=20
			Hangup A Cause=20`, "outcome=failed from.number=-"},
	})
}

func TestDialledNumber(t *testing.T) {
	for sent, want := range map[string]string{
		"441632960077@trunk":                       "441632960077",
		"PJSIP/441632960077@trunk":                 "441632960077",
		"trunk/441632960077":                       "441632960077",
		"SIP/trunk/+441632960077":                  "+441632960077",
		"trunk/sip:441632960077@203.0.113.5:5060":  "441632960077",
		"trunk/sips:441632960077@203.0.113.5":      "441632960077",
		"crm:secret@203.0.113.5/441632960077":      "441632960077",
		"crm@203.0.113.5/441632960077@from-office": "441632960077",
		"crm:secret@203.0.113.5":                   "",
		"g0/441632960077":                          "441632960077",
		"1001/sip:1001@127.0.0.1:16062":            "1001",
		"alice@trunk":                              "alice",
		"1001":                                     "",
		"PJSIP/trunk":                              "",
		"":                                         "",
	} {
		if got := dialledNumber(sent); got != want {
			t.Errorf("dialledNumber(%q) = %q, want %q", sent, got, want)
		}
	}
}

func TestFarEnds(t *testing.T) {
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"failover is two far ends of one call", `
			new A PJSIP/1001 ChannelState=4 Exten=9441632960077
			new T PJSIP/trunk ChannelState=0
			DialBegin A T DialString=441632960077@trunk
			DialEnd A T DialStatus=CONGESTION
			Hangup T Cause=34
			new U PJSIP/trunk-b ChannelState=0
			DialBegin A U DialString=441632960077@trunk-b
			Newstate U ChannelState=5
			wait 1s
			Newstate U ChannelState=6
			DialEnd A U DialStatus=ANSWER
			+b1 A U`, "far_ends.#=2 far_ends.0.result=failed far_ends.0.ring_ms=0 far_ends.1.result=accepted far_ends.1.ring_ms=1100 outcome=answered offers.#=0"},
		{"both fail", `
			new A PJSIP/1001 ChannelState=4 Exten=9441632960077
			new T PJSIP/trunk ChannelState=0
			DialBegin A T DialString=441632960077@trunk
			DialEnd A T DialStatus=CONGESTION
			Hangup T Cause=34
			new U PJSIP/trunk-b ChannelState=0
			DialBegin A U DialString=441632960077@trunk-b
			DialEnd A U DialStatus=BUSY
			Hangup U Cause=17
			HangupRequest A
			Hangup A Cause=17`, "far_ends.1.result=busy outcome=busy ended_by=system"},
		{"a subroutine dials, and only the leg's caller id tells the number", `
			new A PJSIP/1001 ChannelState=4 Exten=9441632960077
			new T PJSIP/trunk ChannelState=0
			NewCallerid T CallerIDNum=9441632960077
			DialBegin A T Exten=s DialString=trunk/sip:441632960077@203.0.113.5`, "far_ends.0.number=9441632960077"},
		{"the mobile of a follow-me, beside the pair that is named after its extension", `
			new A PJSIP/trunk ChannelState=4 Exten=5551105
			new L Local/FMPR-1005@from-internal-00000001;1 ChannelState=0
			new M Local/FMPR-1005@from-internal-00000001;2 ChannelState=4
			new F Local/FMGL-1005-9441632960099#@from-internal-00000002;1 ChannelState=0
			new G Local/FMGL-1005-9441632960099#@from-internal-00000002;2 ChannelState=4
			DialBegin A L Exten=s
			DialBegin A F Exten=s
			new P Local/9441632960099@from-internal-00000003;1 ChannelState=0
			new Q Local/9441632960099@from-internal-00000003;2 ChannelState=4 Exten=9441632960099
			DialBegin G P Exten=s
			new T PJSIP/trunk ChannelState=0
			DialBegin Q T Exten=s DialString=441632960099@trunk`, "far_ends.0.number=9441632960099 far_ends.0.for=1005"},
		{"sent blind to a group, by somebody behind the Local pair of a queue", `
			new A PJSIP/trunk ChannelState=4 Exten=5551100
			Newexten A Exten=400 Application=Queue
			QueueCallerJoin A Queue=400 Position=1
			new L Local/1001@from-queue-00000001;1 ChannelState=0 Exten=1001
			new M Local/1001@from-queue-00000001;2 ChannelState=4 Exten=1001
			AgentCalled A L Queue=400
			DialBegin A L
			new B PJSIP/1001 ChannelState=0
			DialBegin M B
			DialEnd M B DialStatus=ANSWER
			DialEnd A L DialStatus=ANSWER
			QueueCallerLeave A Queue=400
			+b1 A L
			+b2 M B
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@M Extension=600
			-b2 B M
			Hangup B Cause=16
			new P Local/9441632960066@from-internal-00000002;1 ChannelState=0
			new Q Local/9441632960066@from-internal-00000002;2 ChannelState=4 Exten=9441632960066
			DialBegin M P
			new T PJSIP/trunk ChannelState=0
			DialBegin Q T DialString=441632960066@trunk`, "far_ends.0.number=9441632960066 far_ends.0.for=600"},
		{"the same, and the dialplan tells of its steps from there", `
			new A PJSIP/1004 ChannelState=4 Exten=1001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=5
			-b1 A B
			Hangup B Cause=16
			Newexten A Exten=601 Application=Dial
			new T PJSIP/trunk ChannelState=0
			DialBegin A T DialString=441632960066@trunk`, "far_ends.0.for=601"},
		{"a phone forwards, and who answers sends the party outside: nobody's number leads there", `
			new A PJSIP/trunk ChannelState=4 Exten=5551001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=CANCEL Forward=1003
			new L Local/1003@from-internal-00000001;1 ChannelState=0
			new M Local/1003@from-internal-00000001;2 ChannelState=4 Exten=1003
			DialBegin A L
			new C PJSIP/1003 ChannelState=0
			DialBegin M C
			DialEnd M C DialStatus=ANSWER
			DialEnd A L DialStatus=ANSWER
			+b1 A L
			+b2 M C
			wait 1s
			BlindTransfer Result=Success TransfererUniqueid=@C TransfereeUniqueid=@M Extension=9441632960066
			-b2 C M
			Hangup C Cause=16
			Newexten M Exten=9441632960066 Application=Dial
			new T PJSIP/trunk ChannelState=0
			DialBegin M T DialString=441632960066@trunk`, "far_ends.0.number=9441632960066 far_ends.0.for=- offers.0.result=rescinded offers.0.by=1003"},
		{"who is called first by a click, and does not answer", `
			new A PJSIP/trunk ChannelState=0 Exten=s
			DialBegin DestUniqueid=@A DialString=441632960078@trunk
			Newstate A ChannelState=5
			wait 2s
			DialEnd DestUniqueid=@A DialStatus=NOANSWER
			Hangup A Cause=0`, "far_ends.#=1 far_ends.0.result=no_answer outcome=no_answer"},
		{"the number in the DialBegin itself", `
			new A PJSIP/trunk ChannelState=4 Exten=5551001
			new T PJSIP/trunk ChannelState=0
			DialBegin A T Exten=s DestCallerIDNum=9441632960088 DialString=441632960088@trunk`, "far_ends.0.number=9441632960088"},
		{"who is called first by a click, and hangs up in the moment of his answer", `
			new A PJSIP/trunk ChannelState=0 Exten=s
			DialBegin DestUniqueid=@A DialString=441632960078@trunk
			DialEnd DestUniqueid=@A DialStatus=ANSWER
			Newstate A ChannelState=6
			HangupRequest A
			Hangup A Cause=16`, "far_ends.#=1 far_ends.0.result=accepted"},
		{"who takes a ring from outside was not dialled", inboundRings + `
			new T PJSIP/trunk own ChannelState=4 CallerIDNum=02079460099 Exten=1001
			Newstate T ChannelState=6
			joins T A
			DialEnd A T DialStatus=ANSWER
			Hangup B Cause=0
			+b1 T A`, "far_ends.#=0 talks.#=1 talks.0.with=02079460099"},
		{"the phone that clicked, behind a Local pair, led nowhere", `
			new A Local/1004@from-internal-00000001;1 ChannelState=0 Exten=1004
			new M Local/1004@from-internal-00000001;2 ChannelState=4 Exten=1004
			DialBegin DestUniqueid=@A DialString=1004@from-internal
			new B PJSIP/1004 ChannelState=0
			DialBegin M B DialString=1004
			DialEnd M B DialStatus=ANSWER
			Newstate A ChannelState=6
			DialEnd DestUniqueid=@A DialStatus=ANSWER
			+b1 M B
			new T PJSIP/trunk ChannelState=0
			NewCallerid T CallerIDNum=9441632960078
			DialBegin A T Exten=s DialString=441632960078@trunk`, "from.number=1004 far_ends.0.number=9441632960078 far_ends.0.for=-"},
		{"a click that rings a phone and its mobile at one number", `
			new A Local/604@from-internal-00000001;1 ChannelState=0 Exten=604
			new M Local/604@from-internal-00000001;2 ChannelState=4 Exten=604
			DialBegin DestUniqueid=@A DialString=604@from-internal
			new B PJSIP/1001 ChannelState=0
			DialBegin M B DialString=1001
			new T PJSIP/trunk ChannelState=0
			DialBegin M T DialString=441632960088@trunk`, "far_ends.0.number=441632960088 far_ends.0.for=604"},
		{"a click that asks the dialplan for a way out by a name of its own", `
			new A Local/out@dialler-00000001;1 ChannelState=0 Exten=out
			new M Local/out@dialler-00000001;2 ChannelState=4 Exten=out
			DialBegin DestUniqueid=@A DialString=out@dialler
			new T PJSIP/trunk ChannelState=0
			DialBegin M T Exten=out DialString=441632960088@trunk`, "far_ends.0.number=441632960088 far_ends.0.for=-"},
		{"the mobiles of two people whose follow-me rings in one group", `
			new A PJSIP/trunk ChannelState=4 Exten=5551102
			Newexten A Exten=600 Application=Dial
			new L Local/1005@from-internal-00000001;1 ChannelState=0
			new M Local/1005@from-internal-00000001;2 ChannelState=4 Exten=1005
			DialBegin A L Exten=600
			new P Local/1006@from-internal-00000002;1 ChannelState=0
			new Q Local/1006@from-internal-00000002;2 ChannelState=4 Exten=1006
			DialBegin A P Exten=600
			new F Local/FMPR-1005@from-internal-00000003;1 ChannelState=0
			DialBegin M F
			new G Local/FMPR-1006@from-internal-00000004;1 ChannelState=0
			DialBegin Q G
			new T PJSIP/trunk ChannelState=0
			DialBegin M T DialString=441632960088@trunk
			new U PJSIP/trunk ChannelState=0
			DialBegin Q U DialString=441632960089@trunk`, "far_ends.#=2 far_ends.0.for=1005 far_ends.1.for=1006"},
		{"the operator outside, after a follow-me that nobody took", `
			new A PJSIP/trunk ChannelState=4 Exten=5551105
			new L Local/FMPR-1005@from-internal-00000001;1 ChannelState=0
			DialBegin A L Exten=s
			wait 4s
			DialEnd A L DialStatus=NOANSWER
			Hangup L Cause=0
			new T PJSIP/trunk ChannelState=0
			DialBegin A T Exten=s DialString=441632960088@trunk`, "far_ends.0.number=441632960088 far_ends.0.for=-"},
		{"one of two callers who are joined was sent on before: it is not for where he was sent", inboundTalks + `
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=1003
			-b1 B A
			Hangup B Cause=16
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			DialEnd A D DialStatus=ANSWER
			+b2 A D
			new E PJSIP/1003 own ChannelState=4 Exten=9441632960065
			joins E A
			new T PJSIP/trunk ChannelState=0
			DialBegin E T DialString=441632960065@trunk-b`, "far_ends.0.number=9441632960065 far_ends.0.for=-"},
		{"behind a Local channel that is said to have called itself", `
			new A PJSIP/trunk ChannelState=4 Exten=5551001
			new L Local/1001@from-internal-00000001;1 ChannelState=0
			new M Local/1001@from-internal-00000001;2 ChannelState=4 Exten=1001
			DialBegin M L
			new T PJSIP/trunk ChannelState=0
			DialBegin M T DialString=441632960088@trunk
			DialEnd M T DialStatus=CANCEL
			Hangup T Cause=26`, "far_ends.#=1 far_ends.0.result=rescinded"},
		{"a provider sends on, where the steps of the dialplan are not told", `
			new A PJSIP/trunk ChannelState=4 Exten=5551035
			Newexten A Exten=604 Application=Dial
			new T PJSIP/trunk ChannelState=0
			DialBegin A T Exten=604 DialString=441632960088@trunk
			new L Local/441632960970@from-trunk-00000001;1 ChannelState=0 Exten=441632960970
			new M Local/441632960970@from-trunk-00000001;2 ChannelState=4 Exten=441632960970
			DialEnd A T DialStatus=CANCEL Forward=441632960970
			DialBegin A L Exten=604
			Hangup T Cause=23
			new U PJSIP/trunk ChannelState=0
			DialBegin M U Exten=s DialString=441632960970@trunk
			Newstate U ChannelState=5`, "far_ends.#=2 far_ends.0.result=failed far_ends.0.for=604 far_ends.1.number=441632960970 far_ends.1.for=604"},
	})
}
