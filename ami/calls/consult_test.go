package calls

import (
	"testing"

	"patchcord/crm"
)

// callerConsults plays an internal call whose caller, 1001, puts 1002 on hold by the
// feature code and talks to 1003: up to that conversation. Invented, after
// attended-transfer-dtmf with the roles of caller and called exchanged.
func callerConsults(t *testing.T) (*script, func(name string, who string, more ...string)) {
	s := newScript(t, Config{PBX: "hq"})
	names := map[string][2]string{
		"P": {idA, "PJSIP/1001-00000001"}, "Q": {idB, "PJSIP/1002-00000002"},
		"L1": {"1772355600.3", "Local/1003@from-internal-00000001;1"}, "L2": {"1772355600.4", "Local/1003@from-internal-00000001;2"},
		"E": {"1772355600.5", "PJSIP/1003-00000003"},
	}
	say := func(name, who string, more ...string) {
		n := names[who]
		s.event(name, append(on("", n[0], n[1], idA), more...)...)
	}
	dial := func(name, src, dst string, more ...string) {
		headers := on("Dest", names[dst][0], names[dst][1], idA)
		if src != "" {
			headers = append(headers, on("", names[src][0], names[src][1], idA)...)
		}
		s.event(name, append(headers, more...)...)
	}
	say("Newchannel", "P", "ChannelState=4", "CallerIDNum=1001", "Exten=1002")
	say("Newchannel", "Q", "ChannelState=0", "CallerIDNum=1002", "Exten=s")
	dial("DialBegin", "P", "Q")
	dial("DialEnd", "P", "Q", "DialStatus=ANSWER")
	say("BridgeEnter", "Q", "BridgeUniqueid=b1")
	say("BridgeEnter", "P", "BridgeUniqueid=b1")
	say("Hold", "P")
	say("Newchannel", "L1", "ChannelState=0", "Exten=1003")
	say("Newchannel", "L2", "ChannelState=4", "Exten=1003")
	say("BridgeEnter", "L1", "BridgeUniqueid=b2")
	s.at = s.at.Add(-900e6)
	say("BridgeLeave", "P", "BridgeUniqueid=b1")
	s.at = s.at.Add(-900e6)
	say("BridgeEnter", "P", "BridgeUniqueid=b2")
	say("Newchannel", "E", "ChannelState=0", "Exten=s")
	dial("DialBegin", "L2", "E")
	dial("DialEnd", "L2", "E", "DialStatus=ANSWER")
	dial("DialEnd", "", "L1", "DialStatus=ANSWER")
	say("BridgeEnter", "E", "BridgeUniqueid=b3")
	say("BridgeEnter", "L2", "BridgeUniqueid=b3")
	return s, say
}

func TestCallerConsultsAndTransfers(t *testing.T) {
	s, say := callerConsults(t)
	say("HangupRequest", "P")
	say("BridgeLeave", "P", "BridgeUniqueid=b2")
	s.at = s.at.Add(-900e6)
	say("BridgeLeave", "L1", "BridgeUniqueid=b2")
	s.at = s.at.Add(-900e6)
	say("BridgeEnter", "L1", "BridgeUniqueid=b1")
	s.event("AttendedTransfer", "Result=Success", "OrigTransfererUniqueid="+idA, "SecondTransfererUniqueid="+idA,
		"TransfereeUniqueid="+idB, "TransferTargetUniqueid=1772355600.3", "SecondBridgeUniqueid=b2", "DestType=Bridge")
	say("Hangup", "P", "Cause=16")
	say("HangupRequest", "E")
	for _, who := range []string{"E", "L2", "L1", "Q"} {
		say("Hangup", who, "Cause=16")
	}
	c := s.only()
	if len(c.Talks) != 2 {
		t.Fatalf("got talks %+v, want that of 1002 and that of 1003", c.Talks)
	}
	first, second := c.Talks[0], c.Talks[1]
	if first.Extension != "1002" || first.With != "1001" || *first.ConsultMS == 0 || *first.HoldMS < *first.ConsultMS {
		t.Errorf("got first talk %+v (hold %d, consult %d)", first, *first.HoldMS, *first.ConsultMS)
	}
	if second.Extension != "1003" || second.With != "1002" || second.Via != "transfer" {
		t.Errorf("got second talk %+v, want 1003 with 1002 by transfer", second)
	}
	if x := c.Transfers; len(x) != 1 || x[0].By != "1001" || x[0].To != "1003" || !x[0].Completed {
		t.Errorf("got transfers %+v", x)
	}
	if c.Direction != crm.Internal || c.EndedBy != crm.EndedByCallee || c.Open() {
		t.Errorf("got direction %q, ended_by %q, ended_at %v", c.Direction, c.EndedBy, c.EndedAt)
	}
}

func TestCallerConsultsAndReturns(t *testing.T) {
	s, say := callerConsults(t)
	for _, who := range []string{"E", "L2", "L1"} {
		say("Hangup", who, "Cause=16")
	}
	say("BridgeLeave", "P", "BridgeUniqueid=b2")
	s.at = s.at.Add(-900e6)
	say("BridgeEnter", "P", "BridgeUniqueid=b1")
	say("Unhold", "P")
	say("HangupRequest", "Q")
	say("Hangup", "Q", "Cause=16")
	say("Hangup", "P", "Cause=16")
	c := s.only()
	if len(c.Talks) != 1 || c.Talks[0].Extension != "1002" || *c.Talks[0].ConsultMS == 0 || *c.Talks[0].HoldMS == 0 {
		t.Errorf("got talks %+v, want one of 1002 with the consultation inside", c.Talks)
	}
	if len(c.Transfers) != 0 || len(c.Offers) != 2 || c.Offers[1].Result != crm.ResultAccepted {
		t.Errorf("got transfers %+v, offers %+v", c.Transfers, c.Offers)
	}
}
