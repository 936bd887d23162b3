package calls

import "testing"

const (
	inboundRings = `
		new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551001
		new B PJSIP/1001 ChannelState=0
		DialBegin A B DialString=1001
		Newstate B ChannelState=5
		wait 2s
	`
	inboundTalks = inboundRings + `
		Newstate B ChannelState=6
		DialEnd A B DialStatus=ANSWER
		Newstate A ChannelState=6
		+b1 B A
		wait 5s
	`
	agentLeaves = `
		HangupRequest B
		-b1 B A
		Hangup B Cause=16
	`
)

// TestEndedByTransfer: Transfer() tells the far end to call elsewhere, and the call is
// gone from this PBX (recorded from Asterisk 22: TRANSFERSTATUS before the hang-up).
func TestEndedByTransfer(t *testing.T) {
	const sentOff = `
		VarSet A Variable=TRANSFERSTATUS Value=SUCCESS
		VarSet A Variable=TRANSFERSTATUSPROTOCOL Value=0
		SoftHangupRequest A Cause=16
		Hangup A Cause=16
	`
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"before it was answered", `
			new A PJSIP/trunk ChannelState=4 Exten=5551023
			VarSet A Variable=TRANSFERSTATUS Value=SUCCESS
			HangupRequest A Cause=23
			SoftHangupRequest A Cause=16
			Hangup A Cause=23`, "ended_by=transfer outcome=failed cause=23"},
		{"before it was answered, and no variables reach us", `
			new A PJSIP/trunk ChannelState=4 Exten=5551023
			HangupRequest A Cause=23
			Hangup A Cause=23`, "ended_by=transfer outcome=failed"},
		{"from a menu", `
			new A PJSIP/trunk ChannelState=4 Exten=5551024
			Newstate A ChannelState=6` + sentOff, "ended_by=transfer outcome=self_service"},
		{"after a queue", `
			new A PJSIP/trunk ChannelState=4 Exten=5551024
			Newstate A ChannelState=6
			QueueCallerJoin A Queue=support Position=1
			QueueCallerAbandon A Queue=support
			QueueCallerLeave A Queue=support
			VarSet A Variable=QUEUESTATUS Value=TIMEOUT` + sentOff, "ended_by=transfer outcome=no_answer"},
		{"after a conversation", inboundTalks + agentLeaves + sentOff, "ended_by=transfer outcome=answered"},
		{"the far end hangs up when it has called there", inboundTalks + agentLeaves + `
			VarSet A Variable=TRANSFERSTATUS Value=SUCCESS
			HangupRequest A
			Hangup A Cause=16`, "ended_by=transfer"},
		{"the far end refused", inboundTalks + agentLeaves + `
			VarSet A Variable=TRANSFERSTATUS Value=FAILURE
			HangupRequest A
			Hangup A Cause=16`, "ended_by=callee"},
		{"it stayed, and was called for here", `
			new A PJSIP/trunk ChannelState=4 Exten=5551024
			Newstate A ChannelState=6
			VarSet A Variable=TRANSFERSTATUS Value=SUCCESS
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=NOANSWER
			Hangup B Cause=0
			SoftHangupRequest A
			Hangup A Cause=16`, "ended_by=system outcome=no_answer"},
		{"it stayed, and came into a bridge", `
			new A PJSIP/trunk ChannelState=4 Exten=5551024
			Newstate A ChannelState=6
			VarSet A Variable=TRANSFERSTATUS Value=SUCCESS
			+b0 A BridgeType=holding
			-b0 A
			HangupRequest A
			Hangup A Cause=16`, "ended_by=caller"},
	})
}

// TestEndedByWhoIsSentOnByNobody: a supervisor takes the party out of a conversation (AMI
// Redirect), and he gives up where he is sent to.
func TestEndedByWhoIsSentOnByNobody(t *testing.T) {
	const redirected = inboundTalks + "-b1 A B\nHangup B Cause=16\n"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"into a queue", redirected + `
			QueueCallerJoin A Queue=sales Position=1
			wait 2s
			HangupRequest A
			QueueCallerAbandon A Queue=sales
			QueueCallerLeave A Queue=sales
			Hangup A Cause=16
		`, "outcome=answered ended_by=caller queue_visits.0.result=abandoned"},
		{"to a phone that rings", redirected + `
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			wait 2s
			HangupRequest A
			DialEnd A D DialStatus=CANCEL
			Hangup D Cause=127
			Hangup A Cause=127
		`, "outcome=answered ended_by=caller offers.1.result=rescinded"},
		{"into a queue, which gives up, and then to a phone that is busy", redirected + `
			QueueCallerJoin A Queue=sales Position=1
			wait 2s
			QueueCallerAbandon A Queue=sales
			QueueCallerLeave A Queue=sales
			VarSet A Variable=QUEUESTATUS Value=TIMEOUT
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			DialEnd A D DialStatus=BUSY
			Hangup D Cause=17
			HangupRequest A Cause=17
			Hangup A Cause=17
		`, "outcome=answered ended_by=system queue_visits.0.result=timeout"},
		{"to a phone that does not answer in time", redirected + `
			new D PJSIP/1003 ChannelState=0
			DialBegin A D
			wait 2s
			DialEnd A D DialStatus=NOANSWER
			Hangup D Cause=0
			SoftHangupRequest A
			Hangup A Cause=16
		`, "outcome=answered ended_by=system"},
	})
}

func TestEndedByWhoLeavesTheAttempt(t *testing.T) {
	const gives = "HangupRequest A\nHangup A Cause=17\n"
	after := func(status, cause string) string {
		return "new A PJSIP/1004 ChannelState=4 Exten=1001\nnew B PJSIP/1001 ChannelState=0\nDialBegin A B\n" +
			"DialEnd A B DialStatus=" + status + "\nHangup B Cause=" + cause + "\n"
	}
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"a request after BUSY is the PBX's", after("BUSY", "17") + gives, "ended_by=system outcome=busy cause=17"},
		{"after NOANSWER", after("NOANSWER", "0") + gives, "ended_by=system outcome=no_answer"},
		{"after CONGESTION", after("CONGESTION", "34") + gives, "ended_by=system outcome=failed"},
		{"after CHANUNAVAIL", after("CHANUNAVAIL", "20") + gives, "ended_by=system outcome=failed"},
		{"a decline", after("NOANSWER", "21") + gives, "ended_by=callee outcome=no_answer"},
		{"unless it has answered the channel since", after("BUSY", "17") + "Newstate A ChannelState=6\n" + gives, "ended_by=caller outcome=cancelled"},
		{"answered before, and hears an announcement since", "new A PJSIP/1004 ChannelState=4 Exten=1001\nNewstate A ChannelState=6\n" +
			"new B PJSIP/1001 ChannelState=0\nDialBegin A B\nDialEnd A B DialStatus=NOANSWER\nHangup B Cause=0\n" +
			"MusicOnHoldStart A\n" + gives, "ended_by=caller outcome=cancelled"},
		{"answered before, and nothing since", "new A PJSIP/1004 ChannelState=4 Exten=1001\nNewstate A ChannelState=6\n" +
			"new B PJSIP/1001 ChannelState=0\nDialBegin A B\nDialEnd A B DialStatus=NOANSWER\nHangup B Cause=0\n" + gives, "ended_by=system"},
		{"a second phone still rings", after("BUSY", "17") + "new C PJSIP/1002 ChannelState=0\nDialBegin A C\n" + gives + "DialEnd A C DialStatus=CANCEL\nHangup C Cause=127\n",
			"ended_by=caller outcome=cancelled offers.1.result=rescinded offers.1.by=caller"},
		{"in a queue after a busy phone", after("BUSY", "17") + "QueueCallerJoin A Queue=support Position=1\n" + gives + "QueueCallerAbandon A Queue=support\nQueueCallerLeave A Queue=support\n",
			"ended_by=caller outcome=cancelled"},
		{"congestion told to the channel", "new A PJSIP/1004 ChannelState=4 Exten=997\nNewstate A ChannelState=7\n" + gives, "ended_by=system outcome=failed"},
		{"the PBX hangs up while it rings", "new A PJSIP/1004 ChannelState=4 Exten=1001\nnew B PJSIP/1001 ChannelState=0\nDialBegin A B\nSoftHangupRequest A\n" +
			"DialEnd A B DialStatus=CANCEL\nHangup B Cause=16\nHangup A Cause=16\n", "ended_by=system outcome=no_answer"},
	})
}
