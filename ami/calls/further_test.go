package calls

import "testing"

// TestSeveralThingsInTurn holds what was concluded of an earlier thing against what the
// call does later: it must not change.
func TestSeveralThingsInTurn(t *testing.T) {
	const greeting = "new A PJSIP/trunk own CallerIDNum=02079460018 ChannelState=4 Exten=5551034\nNewexten A Exten=330 Application=VoiceMail AppData=1001,u\nwait 2s\n"
	const operator = `
		VarSet A Variable=VMSTATUS Value=USEREXIT
		new B PJSIP/1004 ChannelState=0
		DialBegin A B
		Newstate B ChannelState=5
		wait 1s
		Newstate B ChannelState=6
		DialEnd A B DialStatus=ANSWER
		+b1 A B
		wait 2s
		BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=81003
		-b1 B A
		Hangup B Cause=16
	`
	const leaves = "HangupRequest A\nHangup A Cause=16\n"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"a second mailbox completes a transfer to it", greeting + operator + "Newexten A Exten=81003 Application=VoiceMail AppData=1003,u\nwait 2s\n" + leaves,
			"outcome=answered transfers.#=1 transfers.0.to=81003 transfers.0.completed=true"},
		{"the first mailbox does not complete a transfer to nobody", greeting + operator + leaves,
			"outcome=answered transfers.#=1 transfers.0.completed=false"},
		{"a mobile of a group stays the group's when the caller goes on", `
			new A PJSIP/trunk own CallerIDNum=02079460018 ChannelState=4 Exten=5551035
			Newexten A Exten=604 Application=Dial
			new B PJSIP/trunk ChannelState=0
			DialBegin A B DialString=441632960088@trunk Exten=604
			wait 2s
			DialEnd A B DialStatus=NOANSWER
			Hangup B Cause=0
			Newexten A Exten=81001 Application=VoiceMail AppData=1001,u
			wait 2s
		` + leaves, "outcome=voicemail far_ends.#=1 far_ends.0.for=604 far_ends.0.number=441632960088 far_ends.0.result=no_answer"},
		{"the phone of a click that sends it on to nobody has not transferred anybody", `
			new A PJSIP/1001 own ChannelState=0 Exten=s
			DialBegin DestUniqueid=@A DialString=1001
			HangupRequest A Cause=23
			DialEnd DestUniqueid=@A DialStatus=CHANUNAVAIL
			Hangup A Cause=23
		`, "outcome=failed ended_by=system talks.#=0"},
	})
}
