package calls

import (
	"strings"
	"testing"
)

// TestAClickThatThePhoneSendsOn: the PBX calls the other number from nowhere, just before or
// after it tells that the phone sent the call there.
func TestAClickThatThePhoneSendsOn(t *testing.T) {
	const phone = "new A PJSIP/1001 own ChannelState=0 Exten=s\nDialBegin DestUniqueid=@A DialString=1001\n"
	const sentOn = "DialEnd DestUniqueid=@A DialStatus=CANCEL Forward=1003\n"
	const other = "new L Local/1003@from-internal-00000001;1 own ChannelState=0 Exten=1003\nDialBegin DestUniqueid=@L DialString=1003@from-internal\n"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"the other is called first", phone + other + sentOn, "linkedids.#=2"},
		{"the phone tells first", phone + sentOn + other, "linkedids.#=2"},
		{"another click of that number, later, is another call", phone + sentOn + "wait 5s\n" + other, "linkedids.#=1"},
		{"a click of another number is another call", phone + sentOn + strings.ReplaceAll(other, "1003", "1004"), "linkedids.#=1"},
		{"two clicks at once are two calls", phone + "new B PJSIP/1002 own ChannelState=0 Exten=s\nDialBegin DestUniqueid=@B DialString=1002\nDialEnd DestUniqueid=@A DialStatus=CANCEL\n", "linkedids.#=1"},
		{"somebody dials that number at once", phone + `
			new C PJSIP/trunk own ChannelState=4 Exten=5551003
			new L Local/1003@from-internal-00000001;1 C ChannelState=0 Exten=1003
			DialBegin C L
		` + sentOn, "linkedids.#=1"},
		{"a phone that somebody dialled sends him on while another clicks", `
			new A PJSIP/trunk ChannelState=4 Exten=5551001
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			DialEnd A B DialStatus=CANCEL Forward=1003
		` + other, "linkedids.#=1"},
		{"of two phones that sent theirs there it is the later one's", phone + sentOn + `
			new B PJSIP/1002 own ChannelState=0 Exten=s
			DialBegin DestUniqueid=@B DialString=1002
			DialEnd DestUniqueid=@B DialStatus=CANCEL Forward=1003
		` + other, "linkedids.#=1"},
	})
}

// asksAndLeaves plays on: who asks for another by the feature code leaves while that rings.
const asksAndLeaves = consultsByCode + `
	HangupRequest B
	-b2 B L
	+b1 L
	AttendedTransfer Result=Success OrigTransfererUniqueid=@B SecondTransfererUniqueid=@B TransfereeUniqueid=@A SecondBridgeUniqueid=b2 DestType=Bridge
	Hangup B Cause=16
	wait 4s
`

// askedInVain plays on: nobody takes the party.
const askedInVain = asksAndLeaves + "DialEnd M D DialStatus=NOANSWER\nHangup D Cause=0\n-b1 L\nHangup L Cause=16\nHangup M Cause=16\n"

// TestRungAgain: who asked for another by the feature code and left is rung when nobody took
// the party; any other ring of the moment is none of that call.
func TestRungAgain(t *testing.T) {
	const again = "new F PJSIP/1001 own ChannelState=0 Exten=s\nDialBegin DestUniqueid=@F DialString=1001\n"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"it is of the call", askedInVain + again, "linkedids.#=2 offers.#=3 offers.2.extension=1001"},
		{"a click of somebody else is not", askedInVain + strings.ReplaceAll(again, "1001", "1004"), "linkedids.#=1"},
		{"nor one of his own, much later", askedInVain + "wait 5s\n" + again, "linkedids.#=1"},
		{"nor while it rings where he asked", asksAndLeaves + again, "linkedids.#=1"},
		{"nor when the party is gone from there", askedInVain + "-b1 A\n" + again, "linkedids.#=1"},
		{"nor when somebody dials him", askedInVain + "new C PJSIP/trunk own ChannelState=4 Exten=5551001\nnew F PJSIP/1001 C ChannelState=0\nDialBegin C F\n", "linkedids.#=1"},
		{"nor when nobody told who the party is", strings.Replace(askedInVain, " TransfereeUniqueid=@A", "", 1) + again, "linkedids.#=1"},
	})
}

// TestRungAgainIsTheSamePhone: also where its name tells no number.
func TestRungAgainIsTheSamePhone(t *testing.T) {
	rename := strings.NewReplacer("PJSIP/1001", "PJSIP/reception", "DialString=1001", "DialString=reception")
	tryScenes(t, Config{PBX: "hq", Extensions: []string{"PJSIP/reception", "PJSIP/workshop"}}, []scene{
		{"it", rename.Replace(askedInVain) + "new F PJSIP/reception own ChannelState=0 Exten=s\nDialBegin DestUniqueid=@F DialString=reception\n", "linkedids.#=2 offers.2.extension=reception"},
		{"another", rename.Replace(askedInVain) + "new F PJSIP/workshop own ChannelState=0 Exten=s\nDialBegin DestUniqueid=@F DialString=workshop\n", "linkedids.#=1"},
	})
}

// TestPhonesThatNoNumberNames: one is not another.
func TestPhonesThatNoNumberNames(t *testing.T) {
	const holds = `
		new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551001
		new B PJSIP/reception ChannelState=0
		DialBegin A B
		DialEnd A B DialStatus=ANSWER
		Newstate B ChannelState=6
		+b1 A B
		Hold B
		wait 1s
	`
	asks := func(phone string) string {
		return holds + "new C PJSIP/" + phone + " own ChannelState=4 Exten=1003\nnew D PJSIP/1003 C ChannelState=0\nDialBegin C D\nwait 2s\n" +
			"DialEnd C D DialStatus=CANCEL\nHangup D Cause=26\nHangup C Cause=16\nUnhold B\n"
	}
	cfg := Config{PBX: "hq", Extensions: []string{"PJSIP/reception", "PJSIP/workshop"}}
	tryScenes(t, cfg, []scene{
		{"it asks somebody itself", asks("reception"), "talks.0.extension=reception talks.0.consult_ms=2300"},
		{"another calls somebody meanwhile", asks("workshop"), "talks.0.extension=reception talks.0.consult_ms=0"},
	})
	s := newStage(t, cfg)
	s.play(holds + "new C PJSIP/trunk own ChannelState=4 Exten=5551001\nnew D PJSIP/reception C ChannelState=0\nDialBegin C D\nDialEnd C D DialStatus=NOANSWER\nHangup D Cause=0\n")
	if last := s.events[len(s.events)-1]; last.Agent == nil || last.Agent.Extension != "reception" || last.Agent.State != "talking" {
		t.Errorf("got %s, want that the reception goes on talking on its other line", text(t, last))
	}
}

func TestDials(t *testing.T) {
	const caller = "new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551001\n"
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"a dial joins two calls of which nothing else told that they are one", caller + "new B PJSIP/1001 own ChannelState=0\nDialBegin A B\n", "linkedids.#=2 offers.#=1"},
		{"so does its end", caller + "new B PJSIP/1001 own ChannelState=0\nDialEnd A B DialStatus=ANSWER\n", "linkedids.#=2"},
		{"a beginning that is told twice is one", caller + "new B PJSIP/1001 ChannelState=0\nDialBegin A B\nwait 1s\nDialBegin A B\n", "offers.#=1 offers.0.started_at=2026-03-01T09:00:00.300Z"},
		{"a pick-up that is told twice happened once", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551000
			QueueCallerJoin A Queue=support Position=1
			new B PJSIP/1001 ChannelState=0
			AgentCalled A B Queue=support
			DialBegin A B
			Newstate B ChannelState=5
			new P PJSIP/1004 own ChannelState=4 Exten=*81001
			Pickup P TargetUniqueid=@B
			joins P A
			wait 1s
			Pickup P TargetUniqueid=@B
			+b1 A P`, "answered_at=2026-03-01T09:00:00.800Z talks.0.via=pickup"},
		{"the second phone of a group is picked up by another than the first", `
			new A PJSIP/trunk ChannelState=4 CallerIDNum=02079460018 Exten=5551000
			new B PJSIP/1001 ChannelState=0
			DialBegin A B
			new C PJSIP/1002 ChannelState=0
			DialBegin A C
			new P PJSIP/1004 own ChannelState=4 Exten=*81001
			Pickup P TargetUniqueid=@B
			joins P A
			new Q PJSIP/1005 own ChannelState=4 Exten=*81002
			Pickup Q TargetUniqueid=@C
			joins Q A
			DialEnd A Q DialStatus=ANSWER
			+b1 A Q`, "talks.0.extension=1005 talks.0.via=pickup"},
		{"a number given to a trunk leg is not overwritten by that of the dial", caller + `
			new T PJSIP/trunk ChannelState=0
			NewCallerid T CallerIDNum=9441632960088
			DialBegin A T DestCallerIDNum=5551001 DialString=441632960088@trunk`, "far_ends.0.number=9441632960088"},
		{"what is no number is none that was dialled", caller + "new T PJSIP/trunk ChannelState=0\nDialBegin A T DestCallerIDNum=sales Exten=s DialString=trunk\n", "far_ends.0.number=-"},
	})
}

// TestEventsOfWhatWasNeverHeardOf: an event may be of channels that began in a gap, or that
// somebody outside made up. It changes no other call, and breaks nothing.
func TestEventsOfWhatWasNeverHeardOf(t *testing.T) {
	const others = " LocalOneUniqueid=1.1 LocalTwoUniqueid=1.2 TransfererUniqueid=1.3 SecondTransfererUniqueid=1.4 TransfereeUniqueid=1.5" +
		" TargetUniqueid=1.6 SwapUniqueid=1.7 ParkeeUniqueid=1.8 RetrieverUniqueid=1.9 BridgeUniqueid=b7 SecondBridgeUniqueid=b8 Queue=support Result=Success"
	for _, event := range []string{
		"Newstate", "NewCallerid", "Hangup", "HangupRequest", "SoftHangupRequest", "LocalBridge", "HangupHandlerPush", "OriginateResponse", "DialBegin", "DialState",
		"DialEnd", "BridgeEnter", "BridgeLeave", "Hold", "Unhold", "QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentCalled", "AgentConnect",
		"BlindTransfer", "AttendedTransfer", "ParkedCall", "UnParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp", "Pickup", "ConfbridgeJoin", "ConfbridgeLeave",
		"MixMonitorStart", "MixMonitorStop", "MusicOnHoldStart", "VarSet", "Newexten", "UserEvent",
	} {
		for _, ids := range []string{"Uniqueid=1.0 DestUniqueid=1.10", "DestUniqueid=@B", "Uniqueid=1.0 DestUniqueid=@B"} {
			if strings.HasPrefix(event, "Dial") && strings.Contains(ids, "@B") {
				continue // by whom it was dialled may well be unknown
			}
			s := newStage(t, Config{PBX: "hq"})
			s.play(inboundTalks)
			want := text(t, s.only())
			s.play(event + " " + ids + others + "\n")
			if got := text(t, s.only()); got != want {
				t.Errorf("%s of %s:\n got %s\nwant %s", event, ids, got, want)
			}
		}
	}
}
