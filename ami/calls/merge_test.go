package calls

import "testing"

// TestMerged: what two calls were, one call is when they are joined.
func TestMerged(t *testing.T) {
	const joins = `
		joins C A
		joins D A
		-b1 A
		-b2 C
		+b2 A
		AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@C TransfereeUniqueid=@A TransferTargetUniqueid=@D SecondBridgeUniqueid=b2
		-b1 B
		Hangup B Cause=16
		Hangup C Cause=16
		wait 1s
	`
	tryScenes(t, Config{PBX: "hq", Attributes: []string{"CRM_TICKET"}}, []scene{
		{"from, to and direction are the oldest's that has an outside party", `
			new A PJSIP/1004 ChannelState=4 Exten=1001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			Hold B
			new C PJSIP/1001 own ChannelState=4 Exten=9441632960077
			new D PJSIP/trunk C ChannelState=0
			DialBegin C D DialString=441632960077@trunk
			DialEnd C D DialStatus=ANSWER
			+b2 C D
		` + joins, "from.number=1001 to.number=9441632960077 direction=outbound linkedids.#=2 id=hq:1772355600.1 started_at=2026-03-01T09:00:00.800Z"},
		{"of none that has one, the oldest's", `
			new A PJSIP/1004 ChannelState=4 Exten=1001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			new C PJSIP/1001 own ChannelState=4 Exten=1003
			new D PJSIP/1003 C ChannelState=0
			DialBegin C D
			DialEnd C D DialStatus=ANSWER
			+b2 C D
		` + joins, "from.number=1004 to.number=1001 direction=internal started_at=2026-03-01T09:00:00.100Z"},
		{"everything of both", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551000
			VarSet A Variable=CRM_TICKET Value=T-1
			Newexten A Application=MixMonitor AppData=one.wav
			MixMonitorStart A
			QueueCallerJoin A Queue=support Position=1
			new B PJSIP/1001 ChannelState=0
			AgentCalled A B Queue=support
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			QueueCallerLeave A Queue=support
			AgentConnect A B Queue=support
			+b1 A B
			wait 1s
			Hold B
			new C PJSIP/1001 own ChannelState=4 Exten=501
			Newexten C Application=MixMonitor AppData=two.wav
			MixMonitorStart C
			QueueCallerJoin C Queue=sales Position=2
			new D PJSIP/1003 C ChannelState=0
			AgentCalled C D Queue=sales
			DialBegin C D
			DialEnd C D DialStatus=ANSWER
			QueueCallerLeave C Queue=sales
			AgentConnect C D Queue=sales
			+b2 C D
			wait 1s
		` + joins, `queue_visits.#=2 queue_visits.0.queue=support queue_visits.1.queue=sales queue_visits.1.result=connected queue_visits.1.position=2
			offers.#=2 offers.0.queue=support offers.1.queue=sales recordings.#=2 recordings.0.file=one.wav recordings.1.file=two.wav
			recordings.1.started_at=2026-03-01T09:00:02.700Z attributes.CRM_TICKET=T-1 talks.#=2 talks.1.via=queue talks.1.extension=1003 transfers.0.to=1003`},
		{"the second caller's line is joined with that of the first, which is held", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			wait 3s
			Hold B
			new C PJSIP/trunk own ChannelState=4 CallerIDNum=02079460019 Exten=5551001
			new D PJSIP/1001 C ChannelState=0
			DialBegin C D
			DialEnd C D DialStatus=ANSWER
			+b2 C D
			wait 2s
			-b1 A
			-b2 D
			joins C A
			+b2 A
			AttendedTransfer Result=Success OrigTransfererUniqueid=@D SecondTransfererUniqueid=@B TransfereeUniqueid=@C TransferTargetUniqueid=@A SecondBridgeUniqueid=b1
			Hangup D Cause=16
			-b1 B
			Hangup B Cause=16
			wait 1s`, "talks.#=2 talks.0.extension=1001 talks.0.with=02079460018 talks.0.hold_ms=2700 talks.1.extension=- talks.1.with=02079460019 transfers.0.by=1001"},
		{"a parked party is joined with somebody who was called before he was taken", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			wait 1s
			BlindTransfer Result=Success TransfererUniqueid=@B TransfereeUniqueid=@A Extension=700
			-b1 A B
			+p1 A BridgeType=parking
			ParkedCall ParkeeUniqueid=@A ParkerDialString=PJSIP/1001 ParkingSpace=701
			Hangup B Cause=16
			new C PJSIP/1004 own ChannelState=4 Exten=1003
			new D PJSIP/1003 C ChannelState=0
			DialBegin C D
			DialEnd C D DialStatus=ANSWER
			+b2 C D
			Hold C
			new E PJSIP/1004 own ChannelState=4 Exten=701
			UnParkedCall ParkeeUniqueid=@A RetrieverUniqueid=@E ParkingSpace=701
			-p1 A
			joins E A
			+b3 A E
			wait 2s
			joins C A
			joins D A
			-b3 E
			-b2 D
			+b3 D
			AttendedTransfer Result=Success OrigTransfererUniqueid=@C SecondTransfererUniqueid=@E TransfereeUniqueid=@D TransferTargetUniqueid=@A SecondBridgeUniqueid=b3
			Hangup E Cause=16
			-b2 C
			Hangup C Cause=16
			wait 1s`, "talks.#=3 talks.1.extension=1004 talks.1.via=park talks.1.with=02079460018 talks.2.extension=1003 talks.2.via=transfer linkedids.#=3 parked.0.retrieved_by=1004"},
		{"a conference into which somebody is transferred has his call", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=ANSWER
			+b1 A B
			Hold B
			wait 1s
			new E PJSIP/1002 own ChannelState=4 Exten=550
			+r1 E BridgeCreator=ConfBridge BridgeName=board
			new C PJSIP/1001 own ChannelState=4 Exten=550
			+r1 C BridgeCreator=ConfBridge BridgeName=board
			wait 1s
			joins C A
			-b1 A
			-r1 C
			+r1 A BridgeCreator=ConfBridge BridgeName=board
			AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@C TransfereeUniqueid=@A DestType=Bridge
			-b1 B
			Hangup B Cause=16
			Hangup C Cause=16
			wait 1s`, "conferences.#=1 conferences.0.with.#=1 conferences.0.with.0=1002 transfers.0.completed=true linkedids.#=2 from.number=02079460018"},
		{"an id that a client chose is as old as its first frame", `
			new A PJSIP/1001 ChannelState=0 Exten=s
			new B PJSIP/1002 own ChannelState=4 Exten=701
			joins B A
			Newstate B ChannelState=6`, "linkedids.#=2 linkedids.0=1772355600.1 id=hq:1772355600.1"},
	})
}

func TestClientChosenIDs(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	ask := func(id string) {
		s.event("Newchannel", append(on("", id, "PJSIP/1001-"+id, id), "ChannelState=4", "Exten=1002")...)
	}
	ask("crm-77.5")
	ask("1772355600.3")
	s.event("Newstate", append(on("", "1772355600.3", "PJSIP/1001-1", "crm-77.5"), "ChannelState=6")...)
	if c := s.only(); c.ID != "hq:crm-77.5" || len(c.Linkedids) != 2 || c.Linkedids[0] != "crm-77.5" {
		t.Errorf("got id %s, linkedids %v, want the one that came first", c.ID, c.Linkedids)
	}
}
