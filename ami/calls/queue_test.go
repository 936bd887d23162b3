package calls

import (
	"fmt"
	"slices"
	"testing"

	"patchcord/crm"
)

func TestQueueVisits(t *testing.T) {
	const waits = `
		new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551000
		Newstate A ChannelState=6
		QueueCallerJoin A Queue=support Position=3
		wait 4s
	`
	const unserved = `
		QueueCallerAbandon A Queue=support
		QueueCallerLeave A Queue=support
	`
	const gone = "Hangup A Cause=16\n"
	const answered = `
		new B PJSIP/1001 ChannelState=0
		DialBegin A B
		DialEnd A B DialStatus=ANSWER
		QueueCallerLeave A
		+b1 A B
	`
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"he hangs up", waits + "HangupRequest A\n" + unserved + gone, "queue_visits.0.result=abandoned queue_visits.0.position=3 wait_ms=4300 outcome=abandoned ended_by=caller"},
		{"his hang-up is not told, only that he is gone", waits + unserved + "SoftHangupRequest A\n" + gone, "queue_visits.0.result=abandoned"},
		{"he hears an announcement that nobody told of, and is hung up", waits + unserved + "wait 400ms\nSoftHangupRequest A\n" + gone, "queue_visits.0.result=-"},
		{"the queue's time is over, and he goes on", waits + unserved + "VarSet A Variable=QUEUESTATUS Value=TIMEOUT\nSoftHangupRequest A\n" + gone,
			"queue_visits.0.result=timeout outcome=no_answer ended_by=system"},
		{"the queue's time is over, and who is rung then is busy", waits + unserved + `
			VarSet A Variable=QUEUESTATUS Value=TIMEOUT
			new B PJSIP/1004 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=BUSY
			Hangup B Cause=17
			SoftHangupRequest A
		` + gone, "queue_visits.0.result=timeout outcome=busy ended_by=system"},
		{"he goes on and nobody tells why", waits + unserved + "QueueCallerJoin A Queue=sales Position=1\nwait 1s\nHangupRequest A\nQueueCallerAbandon A Queue=sales\nQueueCallerLeave A Queue=sales\n" + gone,
			"queue_visits.#=2 queue_visits.0.result=- queue_visits.1.result=abandoned wait_ms=5500"},
		{"no member is left", waits + unserved + "VarSet A Variable=QUEUESTATUS Value=LEAVEEMPTY\n" + gone, "queue_visits.0.result=empty"},
		{"no member can be reached any more", waits + unserved + "VarSet A Variable=QUEUESTATUS Value=LEAVEUNAVAIL\n" + gone, "queue_visits.0.result=empty"},
		{"a key", waits + "QueueCallerLeave A Queue=support\nnew B PJSIP/1004 ChannelState=0\nDialBegin A B\nDialEnd A B DialStatus=ANSWER\n+b1 A B\n",
			"queue_visits.0.result=key offers.0.queue=- talks.0.via=dial"},
		{"pulled out", waits + "VarSet A Variable=X Value=1\n" + unserved + "MusicOnHoldStop A\nnew B PJSIP/1003 ChannelState=0\nDialBegin A B\nDialEnd A B DialStatus=ANSWER\n+b1 A B\n",
			"queue_visits.0.result=transferred"},
		{"connected, whatever happens later", waits + `
			new B PJSIP/1001 ChannelState=0
			AgentCalled A B Queue=support
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			QueueCallerLeave A Queue=support
			AgentConnect A B Queue=support
			+b1 A B
			wait 1s
			HangupRequest A
			-b1 A
			VarSet A Variable=QUEUESTATUS Value=TIMEOUT
			Hangup A Cause=16
			-b1 B
			Hangup B Cause=16`, "queue_visits.0.result=connected outcome=answered offers.0.queue=support talks.0.via=queue ended_by=caller"},
		{"connected, of which only the bridge tells", waits + answered, "queue_visits.0.result=- outcome=answered talks.0.extension=1001"},
		{"the same, and it is over", waits + answered + agentLeaves + gone, "queue_visits.0.result=- outcome=answered talks.0.extension=1001"},
		{"a key, while a member's phone rings", waits + `
			new B PJSIP/1001 ChannelState=0
			AgentCalled A B Queue=support
			DialBegin A B
			DialEnd A B DialStatus=CANCEL
			QueueCallerLeave A Queue=support
			Hangup B Cause=26
			Newexten A Exten=0 Application=Playback
		`, "queue_visits.0.result=key"},
		{"he has just left it, and why is still to come", waits + "QueueCallerLeave A Queue=support\n", "queue_visits.0.result=- wait_ms=4100"},
		{"the same, and nobody served him", waits + "VarSet A Variable=X Value=1\n" + unserved, "queue_visits.0.result=-"},
		{"the PBX is about to hang up", waits + unserved + "SoftHangupRequest A\n", "queue_visits.0.result=-"},
		{"only his Hangup tells that he left", waits + gone, "queue_visits.0.result=abandoned wait_ms=4100"},
		{"the dialplan ends with the queue", waits + unserved + gone, "queue_visits.0.result=-"},
		{"that he left is told twice", waits + "QueueCallerLeave A Queue=support\nwait 3s\nQueueCallerLeave A Queue=support\n", "wait_ms=4100"},
		{"he left the one before, which is told late", waits + "QueueCallerJoin A Queue=sales Position=1\nwait 1s\nQueueCallerLeave A Queue=support\n",
			"queue_visits.#=2 queue_visits.0.queue=support queue_visits.1.left_at=-"},
		{"nobody heard him enter it", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551000
			new B PJSIP/1001 ChannelState=0
			AgentCalled A B Queue=support
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			QueueCallerLeave A Queue=support
			AgentConnect A B Queue=support
			VarSet A Variable=QUEUESTATUS Value=CONTINUE
			+b1 A B
		`, "queue_visits.#=0 offers.0.queue=support talks.0.via=queue"},
		{"the dialplan sets the variable again", waits + unserved + "VarSet A Variable=QUEUESTATUS Value=TIMEOUT\nVarSet A Variable=QUEUESTATUS Value=LEAVEEMPTY\n" + gone,
			"queue_visits.0.result=timeout"},
		{"a click that leads there, and only the queue tells the number", `
			new A PJSIP/1001 ChannelState=0 CallerIDNum=1001 Exten=s
			DialBegin DestUniqueid=@A DialString=1001
			Newstate A ChannelState=6
			DialEnd DestUniqueid=@A DialStatus=ANSWER
			QueueCallerJoin A Queue=support Position=1 Exten=500
		`, "from.number=1001 to.number=500 direction=internal"},
		{"a key, in another queue than the one that answers next", waits + "QueueCallerLeave A Queue=support\nQueueCallerJoin A Queue=sales Position=1\n" + answered,
			"queue_visits.#=2 queue_visits.0.result=key queue_visits.1.result=-"},
		{"a key, after an agent sent him back to the queue", waits + answered + `
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=500
			-b1 B A
			Hangup B Cause=16
			QueueCallerJoin A Queue=keyed Position=1
			wait 1s
			QueueCallerLeave A Queue=keyed
			Newexten A Exten=0 Application=Playback
		`, "queue_visits.#=2 queue_visits.1.result=key"},
		{"a key, while the phone that sent him to the queue hangs on", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=500
			-b1 A B
			QueueCallerJoin A Queue=keyed Position=1
			wait 1s
			QueueCallerLeave A Queue=keyed
			Newexten A Exten=0 Application=Playback
		`, "queue_visits.0.result=key"},
		{"refused: empty", "new A PJSIP/trunk ChannelState=4 Exten=5551008\nNewexten A Application=Queue AppData=closed,tT\nVarSet A Variable=QUEUESTATUS Value=JOINEMPTY\nSoftHangupRequest A\n" + gone,
			"queue_visits.#=1 queue_visits.0.queue=closed queue_visits.0.result=empty wait_ms=0 outcome=no_answer"},
		{"refused: nobody is available", "new A PJSIP/trunk ChannelState=4 Exten=5551008\nNewexten A Application=Queue AppData=closed,tT\nVarSet A Variable=QUEUESTATUS Value=JOINUNAVAIL\nHangupRequest A\n" + gone,
			"queue_visits.0.result=empty outcome=abandoned"},
		{"refused: full", "new A PJSIP/trunk ChannelState=4 Exten=5551017\nNewexten A Application=Queue AppData=tiny\nVarSet A Variable=QUEUESTATUS Value=FULL\n" + gone, "queue_visits.0.result=full"},
		{"into the next queue though nobody told that he left the first", waits + "QueueCallerJoin A Queue=sales Position=1\nwait 1s\nHangupRequest A\nQueueCallerAbandon A Queue=sales\nQueueCallerLeave A Queue=sales\n" + gone,
			"queue_visits.#=2 queue_visits.0.queue=support wait_ms=5400 queue_visits.1.result=abandoned"},
		{"nobody serves it, after a group that was busy", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551032
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=BUSY
			Hangup B Cause=17
			QueueCallerJoin A Queue=sales Position=1
			wait 5s
			QueueCallerLeave A Queue=sales
			VarSet A Variable=QUEUESTATUS Value=TIMEOUT
			SoftHangupRequest A
		` + gone, "queue_visits.0.result=timeout outcome=no_answer ended_by=system"},
		{"its members are busy until the time is over", waits + `
			new B PJSIP/1001 ChannelState=0
			AgentCalled A B Queue=support
			DialBegin A B
			DialEnd A B DialStatus=BUSY
			Hangup B Cause=17
			wait 4s
			QueueCallerLeave A Queue=support
			VarSet A Variable=QUEUESTATUS Value=TIMEOUT
			SoftHangupRequest A
		` + gone, "offers.0.result=busy queue_visits.0.result=timeout outcome=no_answer ended_by=system"},
		{"he waits", waits, "queue_visits.0.left_at=- queue_visits.0.result=- wait_ms=0 outcome=-"},
		{"an emptied variable says nothing", waits + "VarSet A Variable=QUEUESTATUS Value=\n", "queue_visits.#=1 queue_visits.0.result=-"},
	})
}

// TestQueueStateIsTold: whoever watches a queue sees how many wait, and since when the first of them does.
func TestQueueStateIsTold(t *testing.T) {
	const two = `
		new A PJSIP/trunk ChannelState=4 Exten=5551000
		QueueCallerJoin A Queue=support Position=1
		new B PJSIP/trunk own ChannelState=4 Exten=5551000
		QueueCallerJoin B Queue=support Position=2
	`
	for _, r := range []struct {
		name, play string
		want       []string
	}{
		{"the first leaves, the second hangs up", two + "QueueCallerLeave A Queue=support\nHangup B Cause=16\n",
			[]string{"support 1 since 00.200", "support 2 since 00.200", "support 1 since 00.400", "support 0"}},
		{"the second leaves first", two + "QueueCallerLeave B Queue=support\nQueueCallerLeave A Queue=support\n",
			[]string{"support 1 since 00.200", "support 2 since 00.200", "support 1 since 00.200", "support 0"}},
		{"one goes into another queue, and nobody told that he left the first", two + "QueueCallerJoin A Queue=sales Position=1\n",
			[]string{"support 1 since 00.200", "support 2 since 00.200", "support 1 since 00.400", "sales 1 since 00.500"}},
		{"that he entered is told twice", "new A PJSIP/trunk ChannelState=4 Exten=5551000\nQueueCallerJoin A Queue=support Position=1\nwait 1s\nQueueCallerJoin A Queue=support Position=1\n",
			[]string{"support 1 since 00.200"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			s := newStage(t, Config{PBX: "hq"})
			s.play(r.play)
			var got []string
			for _, e := range s.events {
				if e.Type != crm.QueueStateEvent {
					continue
				}
				state := fmt.Sprint(e.Queue.Queue, " ", e.Queue.Waiting)
				if !e.Queue.Oldest.IsZero() {
					state += e.Queue.Oldest.Format(" since 05.000")
				}
				got = append(got, state)
			}
			if !slices.Equal(got, r.want) {
				t.Errorf("got  %q\nwant %q", got, r.want)
			}
		})
	}
}

// TestCutInAQueue: the PBX restarts while one waits; who left before by a key did so all the same.
func TestCutInAQueue(t *testing.T) {
	for _, r := range []struct{ name, play, want string }{
		{"he waits", "QueueCallerJoin A Queue=support Position=1\n", "-"},
		{"he had left it by a key", "QueueCallerJoin A Queue=support Position=1\nQueueCallerLeave A Queue=support\nNewexten A Exten=0 Application=Playback\n", "key"},
	} {
		s := newStage(t, Config{PBX: "hq"})
		s.input(Input{Kind: Connected, Boot: boot1})
		s.play("new A PJSIP/trunk ChannelState=4 Exten=5551000\nNewstate A ChannelState=6\n" + r.play)
		s.input(Input{Kind: Lost})
		s.input(Input{Kind: Connected, Boot: s.at})
		c := s.endedCall(t)
		if got := field(t, c, "queue_visits.0.result"); got != r.want || c.QueueVisits[0].LeftAt.IsZero() {
			t.Errorf("%s: result %s, want %s; left at %v", r.name, got, r.want, c.QueueVisits[0].LeftAt)
		}
	}
}
