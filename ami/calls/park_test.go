package calls

import "testing"

func TestParks(t *testing.T) {
	const parked = inboundTalks + `
		BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=700
		-b1 A
		+p1 A BridgeType=parking
		ParkedCall ParkeeUniqueid=@A ParkerDialString=PJSIP/1001 ParkingSpace=701
		-b1 B
		Hangup B Cause=16
		wait 4s
	`
	const taken = `
		new C PJSIP/1003 own ChannelState=4 Exten=701
		UnParkedCall ParkeeUniqueid=@A RetrieverUniqueid=@C ParkingSpace=701
		-p1 A
		joins C A
		+b2 C A
		wait 2s
	`
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"retrieved", parked + taken + "HangupRequest C\n-b2 C A\nHangup C Cause=16\nHangup A Cause=16\n",
			`parked.#=1 parked.0.space=701 parked.0.by=1001 parked.0.result=retrieved parked.0.retrieved_by=1003 transfers.#=0
			talks.#=2 talks.1.extension=1003 talks.1.via=park talk_ms=7400 hold_ms=0 wait_ms=0 ended_by=callee offers.#=1`},
		{"abandoned", parked + "HangupRequest A\nParkedCallGiveUp ParkeeUniqueid=@A\n-p1 A\nHangup A Cause=16\n", "parked.0.result=abandoned parked.0.retrieved_by=- ended_by=caller talk_ms=5200"},
		{"abandoned, and only the Hangup tells", parked + "-p1 A\nHangup A Cause=16\n", "parked.0.result=abandoned ended_by=system"},
		{"he is still there", parked, "parked.0.result=- parked.0.ended_at=- ended_by=-"},
		{"comes back and is answered", parked + "ParkedCallTimeOut ParkeeUniqueid=@A\n-p1 A\nnew D PJSIP/1001 ChannelState=0\nDialBegin A D\nNewstate D ChannelState=5\nwait 1s\nDialEnd A D DialStatus=ANSWER\n+b3 A D\nwait 1s\nHangupRequest A\n-b3 A D\nHangup A Cause=16\nHangup D Cause=16\n",
			"parked.0.result=timeout offers.#=2 offers.1.extension=1001 offers.1.result=accepted talks.1.via=park ended_by=caller"},
		{"comes back and nobody answers", parked + "ParkedCallTimeOut ParkeeUniqueid=@A\n-p1 A\nnew D PJSIP/1001 ChannelState=0\nDialBegin A D\nwait 1s\nDialEnd A D DialStatus=NOANSWER\nHangup D Cause=0\nSoftHangupRequest A\nHangup A Cause=16\n",
			"parked.0.result=timeout offers.1.result=no_answer ended_by=system talks.#=1"},
		{"the space comes before the bridge", inboundTalks + "ParkedCall ParkeeUniqueid=@A ParkerDialString=PJSIP/1001 ParkingSpace=702\nParkedCall ParkeeUniqueid=@A ParkerDialString=PJSIP/1001 ParkingSpace=702\n-b1 A B\n+p1 A BridgeType=parking\nHangup B Cause=16\n" + taken,
			"parked.#=1 parked.0.space=702 parked.0.by=1001 parked.0.result=retrieved"},
		{"a Redirect of his own channel parks him", inboundTalks + "-b1 A B\nHangup B Cause=16\nParkedCall ParkeeUniqueid=@A ParkerDialString=PJSIP/trunk ParkingSpace=704\n+p1 A BridgeType=parking\n", "parked.0.by=- parked.0.space=704"},
		{"a program parks him while 1001 asks outside, whose line is no parker", inboundTalks + `
			Hold B
			new L Local/604@from-internal-00000001;1 ChannelState=0 Exten=604
			new M Local/604@from-internal-00000001;2 ChannelState=4 Exten=604
			-b1 B
			+b2 B L
			new T PJSIP/trunk ChannelState=0
			DialBegin M T DialString=441632960088@trunk
			DialEnd M T DialStatus=ANSWER
			+b3 M T
			-b1 A
			ParkedCall ParkeeUniqueid=@A ParkerDialString=PJSIP/trunk ParkingSpace=705
			+p1 A BridgeType=parking`, "parked.0.by=- parked.0.space=705"},
		{"nobody is named who parked", inboundTalks + "ParkedCall ParkeeUniqueid=@A ParkingSpace=703\n-b1 A B\n+p1 A BridgeType=parking\nHangup B Cause=16\n", "parked.0.by=- parked.0.space=703"},
	})
}
