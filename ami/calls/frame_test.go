package calls

import (
	"slices"
	"strings"
	"testing"

	"patchcord/ami"
	"patchcord/crm"
)

func TestCallerName(t *testing.T) {
	tests := []struct{ channel, sent, want string }{
		{"SIP/trunk-1", `O\'Brien`, "O'Brien"},
		{"SIP/trunk-1", `Say \"Hi\" \\ there`, `Say "Hi" \ there`},
		{"PJSIP/trunk-1", `Say \\\"Hi\\\" \\\\ there`, `Say "Hi" \ there`},
		{"PJSIP/trunk-1", `Zoë Müller`, "Zoë Müller"},
		{"PJSIP/trunk-1", `a\nb\tc\?`, "a\nb\tc?"},
		{"SIP/trunk-1", `\r\a\b\f\v\x\`, "\r\a\b\f\v\\x\\"},
	}
	for _, tt := range tests {
		if got := callerName(tt.channel, tt.sent); got != tt.want {
			t.Errorf("callerName(%q, %q) = %q, want %q", tt.channel, tt.sent, got, tt.want)
		}
	}
}

// TestForgedFrames: what a caller can smuggle into a value must not end, join or make
// calls (reliability row B8).
func TestForgedFrames(t *testing.T) {
	forged := map[string]string{
		"a second event in the frame": "Event: UserEvent\r\nPrivilege: user,all\r\nNote: x\r\nEvent: Hangup\r\nPrivilege: call,all\r\n" +
			"Channel: " + chA + "\r\nUniqueid: " + idA + "\r\nLinkedid: " + idA + "\r\nCause: 16\r\n",
		"two channels in the frame": "Event: Hangup\r\nPrivilege: call,all\r\nChannel: " + chB + "\r\nUniqueid: " + idB +
			"\r\nUniqueid: " + idA + "\r\nCause: 16\r\n",
		"the hang-up of a channel that is not there": "Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.1\r\nLinkedid: " + idA + "\r\n",
		"an item of a list that looks like news":     "Event: ParkedCall\r\nActionID: x\r\nParkeeUniqueid: " + idA + "\r\nParkingSpace: 701\r\n",
		"a transfer that failed":                     "Event: BlindTransfer\r\nResult: Fail\r\nTransfererUniqueid: " + idB + "\r\nTransfereeUniqueid: " + idA + "\r\nExtension: 1\r\n",
		"a channel without a name":                   "Event: Newchannel\r\nUniqueid: 5.5\r\nLinkedid: 5.5\r\n",
		"an event cut short":                         "Event: DialBegin",
		"no event at all":                            "Hello: world",
	}
	for name, frame := range forged {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, Config{PBX: "hq"})
			s.talking()
			want := text(t, s.only())
			n := len(s.events)
			s.input(Input{Msg: ami.NewMessage(frame)})
			if got := text(t, s.only()); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if len(s.events) != n {
				t.Errorf("got events %v", s.events[n:])
			}
		})
	}
}

func TestEventsOfACall(t *testing.T) {
	s := newScript(t, Config{PBX: "hq", Tenant: "acme"})
	s.talking()
	s.event("HangupRequest", append(on("", idB, chB, idA), "Cause=16")...)
	s.hangup(idB, chB)
	s.hangup(idA, chA)
	var got []string
	for i := range s.events {
		e := &s.events[i]
		if e.PBX != "hq" || e.Tenant != "acme" || e.At.IsZero() {
			t.Errorf("event %d: got PBX %q, tenant %q, at %v", i, e.PBX, e.Tenant, e.At)
		}
		got = append(got, string(e.Type))
	}
	want := []string{
		"call.started", "offer.created", "agent.state", "offer.accepted", "agent.state", "call.answered", "agent.state", "call.ended",
	}
	if g, w := strings.Join(got, " "), strings.Join(want, " "); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
	if last := s.events[len(s.events)-1]; last.Call.EndedBy != crm.EndedByCallee || last.Call.Outcome != crm.Answered {
		t.Errorf("got ended_by %q, outcome %q", last.Call.EndedBy, last.Call.Outcome)
	}
}

func TestAMergeIsTold(t *testing.T) {
	s := newStage(t, Config{PBX: "hq"})
	s.play("new A PJSIP/trunk ChannelState=4 Exten=5551001\nnew C PJSIP/1004 own ChannelState=4 Exten=*81001\njoins C A\nNewstate C ChannelState=6\n")
	var told []string
	for _, e := range s.events {
		if e.Type == crm.CallMerged {
			told = append(told, e.Call.ID+" into "+e.Into)
		}
	}
	if want := []string{"hq:1772355600.2 into hq:1772355600.1"}; !slices.Equal(told, want) {
		t.Errorf("got %v, want %v", told, want)
	}
}

func TestOnlyTheFieldsOfAUserEventThatAreAskedForAreKept(t *testing.T) {
	tryScenes(t, Config{PBX: "hq", Attributes: []string{"Ticket"}}, []scene{
		{"one of two", "new A PJSIP/trunk ChannelState=4 Exten=990\nUserEvent A UserEvent=Crm Ticket=T-4711 Pin=0000\n", "attributes.Ticket=T-4711 attributes.Pin=- attributes.UserEvent=-"},
	})
}

// TestTheTimeOfAFrameIsItsTimestamp: it may have been read later than it was sent.
func TestTheTimeOfAFrameIsItsTimestamp(t *testing.T) {
	tryScenes(t, Config{PBX: "hq"}, []scene{
		{"with one", "new A PJSIP/trunk ChannelState=4 Exten=5551001 Timestamp=1772355590.250000\n", "started_at=2026-03-01T08:59:50.250Z"},
		{"without one", "new A PJSIP/trunk ChannelState=4 Exten=5551001\n", "started_at=2026-03-01T09:00:00.100Z"},
	})
}

func TestRestoreRefuses(t *testing.T) {
	for name, state := range map[string]map[string][]byte{
		"a broken row of its own":   {selfKey: []byte("{")},
		"a broken row of a call":    {rowKey("hq:1.1"): []byte("[]")},
		"a broken row of ids":       {endedKey: []byte("{}")},
		"a broken row of frames":    {echoPrefix + "0": []byte("x")},
		"a chunk that is not there": {echoPrefix + "9999": make([]byte, 8+16*echoChunk)},
	} {
		if _, err := Restore(Config{PBX: "hq"}, state); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// TestFramesAreFoldedWhereThoseThatWereHeardAreNotKept: the rows of a state are kept one by one.
func TestFramesAreFoldedWhereThoseThatWereHeardAreNotKept(t *testing.T) {
	tracker, err := Restore(Config{PBX: "hq"}, map[string][]byte{selfKey: mustJSON(self{Again: 3, Until: 300})})
	if err != nil {
		t.Fatal(err)
	}
	told := tracker.Apply(Input{Msg: ami.NewMessage("Event: Newchannel\r\nChannel: PJSIP/1001-00000001\r\nChannelState: 4\r\nExten: 1002\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n")})
	if len(told) != 1 || told[0].Type != crm.CallStarted {
		t.Errorf("told %+v, want a call that started", told)
	}
}
