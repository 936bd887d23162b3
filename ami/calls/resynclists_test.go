package calls

import (
	"fmt"
	"testing"

	"patchcord/crm"
)

// lost plays that the connection is lost and comes again.
func (s *script) lost() {
	s.input(Input{Kind: Lost, Cause: crm.GapDisconnect})
	s.input(Input{Kind: Connected})
}

// queues plays a list of queue support in which those wait; off makes its count wrong.
func (s *script) queues(off int, waiting ...string) {
	s.input(Input{Kind: ResyncBegin})
	s.event("CoreShowChannel", append(on("", idA, chA, idA), "ActionID=r-1", "ChannelState=6", "Application=Queue")...)
	s.event("QueueParams", "ActionID=r-2", "Queue=support")
	s.event("QueueMember", "ActionID=r-2", "Queue=support", "Location=PJSIP/1001", "Status=1")
	for i, id := range waiting {
		s.event("QueueEntry", "ActionID=r-2", "Queue=support", fmt.Sprintf("Position=%d", i+1), "Channel="+chA, "Uniqueid="+id, "Wait=20")
	}
	s.event("QueueStatusComplete", "ActionID=r-2", "EventList=Complete", fmt.Sprintf("ListItems=%d", 2+len(waiting)+off))
	s.input(Input{Kind: ResyncEnd, Complete: true})
}

func (s *script) waiting() {
	s.event("Newchannel", append(on("", idA, chA, idA), "ChannelState=4", "CallerIDNum=441632960001", "Exten=5551000")...)
	s.event("QueueCallerJoin", append(on("", idA, chA, idA), "Queue=support", "Position=2")...)
}

func onlyVisit(t *testing.T, s *script) crm.QueueVisit {
	t.Helper()
	c := s.only()
	if len(c.QueueVisits) != 1 {
		t.Fatalf("got queue visits %+v, want one", c.QueueVisits)
	}
	return c.QueueVisits[0]
}

func TestCallerWhoEnteredAQueueUnheardIsSeenInIt(t *testing.T) {
	s := connectedScript(t)
	s.event("Newchannel", append(on("", idA, chA, idA), "ChannelState=4", "CallerIDNum=441632960001", "Exten=5551000")...)
	s.lost()
	s.queues(0, idA)
	v := onlyVisit(t, s)
	if v.Queue != "support" || !v.EnteredAt.IsZero() || v.Position != 0 || v.WaitMS != nil || !v.LeftAt.IsZero() {
		t.Errorf("got %+v, want a visit of support since nobody knows when", v)
	}
	s.queues(0, idA)
	s.event("QueueCallerLeave", append(on("", idA, chA, idA), "Queue=support")...)
	if v := onlyVisit(t, s); v.LeftAt.IsZero() || v.WaitMS != nil {
		t.Errorf("got %+v, want the end, and no wait that nobody could measure", v)
	}
}

func TestCallerWhoLeftAQueueUnheardIsNotInItAnyMore(t *testing.T) {
	s := connectedScript(t)
	s.waiting()
	s.lost()
	s.queues(0)
	if v := onlyVisit(t, s); v.WaitMS != nil || !v.LeftAt.IsZero() {
		t.Errorf("got %+v, want no end that nobody heard", v)
	}
	if n := len(s.tr.queues["support"]); n != 0 {
		t.Errorf("%d callers wait, want none", n)
	}
	s.event("QueueCallerLeave", append(on("", idA, chA, idA), "Queue=support")...)
	if v := onlyVisit(t, s); v.LeftAt.IsZero() {
		t.Error("that he left came after the list, and is not on record")
	}
}

func TestListOfQueuesThatChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(*script)
	}{
		{"he is in it", func(s *script) { s.waiting(); s.lost(); s.queues(0, idA) }},
		{"it was cut off", func(s *script) { s.waiting(); s.lost(); s.queues(1) }},
		{"he entered after the connection was made", func(s *script) { s.lost(); s.waiting(); s.queues(0) }},
		{"it overtook his entering", func(s *script) {
			s.lost()
			s.event("Newchannel", append(on("", idA, chA, idA), "ChannelState=4", "Exten=5551000")...)
			s.queues(0, idA)
			s.event("QueueCallerJoin", append(on("", idA, chA, idA), "Queue=support", "Position=2")...)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := connectedScript(t)
			c.play(s)
			if v := onlyVisit(t, s); v.EnteredAt.IsZero() || v.Position != 2 || !v.LeftAt.IsZero() {
				t.Errorf("got %+v, want the visit as it was heard, and open", v)
			}
			if n := len(s.tr.queues["support"]); n != 1 {
				t.Errorf("%d callers wait, want one", n)
			}
		})
	}
}

func TestBridgeListTellsAConferenceFromAConversation(t *testing.T) {
	s := connectedScript(t)
	s.input(Input{Kind: ResyncBegin})
	s.event("CoreShowChannel", append(on("", idA, "PJSIP/1003-00000001", idA), "ChannelState=6", "BridgeId=b1")...)
	other := "1772355600.9"
	s.event("CoreShowChannel", append(on("", other, "PJSIP/1002-00000009", other), "ChannelState=6", "BridgeId=b1")...)
	s.event("BridgeListItem", "ActionID=r-3", "BridgeUniqueid=b1", "BridgeType=base", "BridgeCreator=ConfBridge", "BridgeName=800")
	s.event("BridgeListItem", "ActionID=r-3", "BridgeUniqueid=b1", "BridgeType=base", "BridgeCreator=ConfBridge", "BridgeName=800")
	s.input(Input{Kind: ResyncEnd, Complete: true})
	for _, c := range s.records() {
		if len(c.Conferences) != 1 || c.Conferences[0].Room != "800" || len(c.Conferences[0].With) != 1 || !c.Conferences[0].JoinedAt.IsZero() {
			t.Errorf("call %s: got conferences %+v, want room 800 with the other, since nobody knows when", c.ID, c.Conferences)
		}
	}
}

func TestBridgeListTellsAParkedCall(t *testing.T) {
	s := connectedScript(t)
	s.list(true, append(on("", idA, chA, idA), "ChannelState=6", "BridgeId=p1"), append(on("", idB, chB, idA), "ChannelState=6", "BridgeId=p1"))
	if s.only().Outcome != crm.Answered {
		t.Fatal("two channels in one bridge are taken for people who talk; else this shows nothing")
	}
	s.input(Input{Kind: ResyncBegin})
	s.event("BridgeListItem", "ActionID=r-3", "BridgeUniqueid=p1", "BridgeType=holding")
	s.input(Input{Kind: ResyncEnd, Complete: true})
	if c := s.only(); c.Outcome == crm.Answered || len(c.Talks) != 0 {
		t.Errorf("got %q and talks %+v of two who wait", c.Outcome, c.Talks)
	}
}
