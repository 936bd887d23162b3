package calls

import (
	"testing"
	"time"

	"patchcord/crm"
)

var boot1 = time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)

func connectedScript(t *testing.T) *script {
	s := newScript(t, Config{PBX: "hq"})
	s.input(Input{Kind: Connected, Boot: boot1})
	return s
}

func TestFirstConnectionOpensNoGap(t *testing.T) {
	s := connectedScript(t)
	s.talking()
	if c := s.only(); !c.Complete || len(c.Gaps) != 0 || !c.Boot.Equal(boot1) {
		t.Errorf("got complete %v, gaps %v, boot %v", c.Complete, c.Gaps, c.Boot)
	}
	if s.told(crm.GapOpened) != 0 {
		t.Error("a gap was told")
	}
}

func TestNoGapBeforeTheFirstConnection(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	s.input(Input{Kind: Lost, Cause: crm.GapDaemonDown}) // as a log begins
	s.input(Input{Kind: Connected, Boot: boot1})
	if n := s.told(crm.GapOpened) + s.told(crm.GapClosed); n != 0 || len(s.tr.Drain().Gaps) != 0 {
		t.Errorf("%d events of a gap, want none", n)
	}
	s.input(Input{Kind: Lost})
	if s.told(crm.GapOpened) != 1 {
		t.Error("the connection was lost and no gap was told")
	}
}

func TestCallThatLivesThroughAGap(t *testing.T) {
	s := connectedScript(t)
	s.talking()
	s.input(Input{Kind: Lost})
	from := s.at
	s.input(Input{Kind: Connected, Boot: boot1.Add(2 * time.Second)})
	until := s.at
	s.hangup(idB, chB)
	s.hangup(idA, chA)
	c := s.only()
	want := crm.CallGap{StartedAt: crm.At(from), EndedAt: crm.At(until), Cause: crm.GapDisconnect}
	if c.Complete || len(c.Gaps) != 1 || c.Gaps[0] != want {
		t.Errorf("got complete %v, gaps %v, want %v", c.Complete, c.Gaps, want)
	}
	if c.Open() || c.Outcome != crm.Answered {
		t.Errorf("got ended_at %v, outcome %q", c.EndedAt, c.Outcome)
	}
	if o, e := s.told(crm.GapOpened), s.told(crm.GapClosed); o != 1 || e != 1 {
		t.Errorf("got %d gap.opened and %d gap.closed, want one of each", o, e)
	}
	gaps := s.tr.Drain().Gaps
	if last := gaps[len(gaps)-1]; last.EndedAt.IsZero() || last.ID == "" || last.PBX != "hq" {
		t.Errorf("got gap %+v, want it closed", last)
	}
}

func TestRestartEndsTheCallsOfTheOldBoot(t *testing.T) {
	s := connectedScript(t)
	s.talking()
	s.input(Input{Kind: Lost})
	lost := s.at
	s.input(Input{Kind: Connected, Boot: s.at})
	c := s.endedCall(t)
	if !c.EndedAt.Equal(lost) || c.EndedBy != crm.EndedBySystem || c.Complete {
		t.Errorf("got ended_at %v (want %v), by %q, complete %v", c.EndedAt, lost, c.EndedBy, c.Complete)
	}
	if len(c.Gaps) != 1 || c.Gaps[0].Cause != crm.GapPBXRestart || c.Gaps[0].EndedAt.IsZero() {
		t.Errorf("got gaps %v, want one closed pbx_restart", c.Gaps)
	}
	if len(c.Talks) != 1 || !c.Talks[0].EndedAt.Equal(lost) {
		t.Errorf("got talks %v, want one until the connection ended", c.Talks)
	}
}

// endedCall returns the one call that was drained as ended.
func (s *script) endedCall(t *testing.T) *crm.Call {
	t.Helper()
	var out []*crm.Call
	for _, c := range s.tr.Drain().Calls {
		if !c.Open() {
			out = append(out, c)
		}
	}
	if len(out) != 1 {
		t.Fatalf("got %d ended calls, want 1", len(out))
	}
	return out[0]
}

func TestSameLinkedidInALaterBootIsAnotherCall(t *testing.T) {
	s := connectedScript(t)
	s.talking()
	s.hangup(idB, chB)
	s.hangup(idA, chA)
	s.input(Input{Kind: Lost})
	s.input(Input{Kind: Connected, Boot: s.at})
	s.tr.Drain()
	s.talking()
	if c := s.only(); c.ID != "hq:"+idA+"~2" || !c.Complete {
		t.Errorf("got id %q, complete %v; want the second of that id, complete", c.ID, c.Complete)
	}
}

func TestCallHeardBeforeTheStartOfItsProcessIsOfThatProcess(t *testing.T) {
	s := connectedScript(t)
	s.input(Input{Kind: Lost})
	s.at = s.at.Add(time.Minute)
	s.talking() // the session is logged in, and FullyBooted comes late
	s.hangup(idB, chB)
	s.hangup(idA, chA)
	s.input(Input{Kind: Connected, Boot: s.at})
	n := s.told(crm.CallStarted)
	s.at = s.at.Add(time.Hour)
	s.input(Input{Kind: Tick})
	s.talking()
	if got := s.told(crm.CallStarted); got != n {
		t.Errorf("late frames of an ended call began %d more", got-n)
	}
}

func TestLateFramesOfAnEndedCallChangeNothing(t *testing.T) {
	s := connectedScript(t)
	s.talking()
	s.hangup(idB, chB)
	s.hangup(idA, chA)
	n := s.told(crm.CallStarted)
	s.at = s.at.Add(time.Hour)
	s.input(Input{Kind: Tick})
	s.talking()
	if got := s.told(crm.CallStarted); got != n {
		t.Errorf("got %d call.started, want %d", got, n)
	}
	if calls := s.tr.Open(); len(calls) != 0 {
		t.Errorf("got %d open calls, want none", len(calls))
	}
}

func TestAbsentFromTwoListsEndsACall(t *testing.T) {
	s := connectedScript(t)
	s.talking()
	s.input(Input{Kind: Lost})
	lost := s.at
	s.input(Input{Kind: Connected, Boot: boot1})
	s.list(true)
	if !s.only().Open() {
		t.Fatal("one list ended the call")
	}
	s.list(true)
	c := s.only()
	if c.Open() || c.Complete || !c.EndedAt.Equal(lost) {
		t.Errorf("got ended_at %v (want %v), complete %v", c.EndedAt, lost, c.Complete)
	}
	if s.told(crm.CallEnded) != 1 {
		t.Errorf("got %d call.ended, want 1", s.told(crm.CallEnded))
	}
}

func TestAbsentFromListsOfTwoConnections(t *testing.T) {
	s := connectedScript(t)
	s.talking()
	s.input(Input{Kind: Lost})
	lost := s.at
	s.input(Input{Kind: Connected, Boot: boot1})
	s.list(true)
	s.input(Input{Kind: Lost})
	s.input(Input{Kind: Connected, Boot: boot1})
	s.list(true)
	if c := s.only(); c.Open() || c.Complete || !c.EndedAt.Equal(lost) {
		t.Errorf("got ended_at %v, complete %v, want the end at the first loss, %v", c.EndedAt, c.Complete, lost)
	}
}

func TestCallInAListNamesTheGapInWhichItBegan(t *testing.T) {
	s := connectedScript(t)
	s.input(Input{Kind: Lost})
	s.input(Input{Kind: Connected, Boot: boot1})
	s.list(true, append(on("", idA, chA, idA), "ChannelState=6", "Exten=s", "Application=Queue"))
	if c := s.only(); c.Complete || len(c.Gaps) != 1 || c.Gaps[0].Cause != crm.GapDisconnect {
		t.Errorf("got complete %v, gaps %v, want the one before the list", c.Complete, c.Gaps)
	}
}

// TestCallWhoseFirstChannelWasNeverHeardOf: a caller who came in a gap is gone, or the connection lost
// again, before a whole list could tell of him; of his call only the phone that rang last was heard.
func TestCallWhoseFirstChannelWasNeverHeardOf(t *testing.T) {
	s := connectedScript(t)
	s.input(Input{Kind: Lost})
	s.input(Input{Kind: Connected, Boot: boot1})
	s.event("Newchannel", append(on("", idB, chB, idA), "ChannelState=0")...)
	s.event("Newstate", append(on("", idB, chB, idA), "ChannelState=5")...)
	s.hangup(idB, chB)
	if c := s.only(); c.Complete || len(c.Gaps) != 1 || c.Gaps[0].Cause != crm.GapDisconnect {
		t.Errorf("got complete %v, gaps %v, want the one in which the caller came", c.Complete, c.Gaps)
	}
}

func TestListThatIsFasterThanTheEvents(t *testing.T) {
	s := connectedScript(t)
	s.input(Input{Kind: Lost})
	s.input(Input{Kind: Connected, Boot: boot1})
	s.list(true,
		append(on("", idA, chA, idA), "ChannelState=4", "Exten=5551001", "Application=Dial"),
		append(on("", idB, chB, idA), "ChannelState=5", "Exten=s", "Application=AppDial"))
	s.talking()
	s.hangup(idB, chB)
	s.hangup(idA, chA)
	whole := newScript(t, Config{PBX: "hq"})
	whole.input(Input{Kind: Connected, Boot: boot1})
	whole.at = whole.at.Add(6 * time.Second) // as much as the loss and the list took
	whole.talking()
	whole.hangup(idB, chB)
	whole.hangup(idA, chA)
	got, want := text(t, s.only()), text(t, whole.only())
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestListsThatEndNothing(t *testing.T) {
	listed := [][]string{append(on("", idA, chA, idA), "ChannelState=6", "BridgeId=b1"), append(on("", idB, chB, idA), "ChannelState=6", "BridgeId=b1")}
	tests := []struct {
		name string
		play func(*script)
	}{
		{"two incomplete ones", func(s *script) { s.list(false); s.list(false) }},
		{"a complete and an incomplete one", func(s *script) { s.list(true); s.list(false) }},
		{"absent, then there again", func(s *script) { s.list(true); s.list(true, listed...); s.list(true) }},
		{"two less than two seconds apart", func(s *script) {
			s.at = s.at.Add(-900 * time.Millisecond)
			s.input(Input{Kind: ResyncBegin})
			s.at = s.at.Add(-900 * time.Millisecond)
			s.input(Input{Kind: ResyncEnd, Complete: true})
			s.at = s.at.Add(-900 * time.Millisecond)
			s.input(Input{Kind: ResyncBegin})
			s.input(Input{Kind: ResyncEnd, Complete: true})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := connectedScript(t)
			s.talking()
			tt.play(s)
			if !s.only().Open() {
				t.Error("the call was ended")
			}
		})
	}
	t.Run("a call that began after the list", func(t *testing.T) {
		s := connectedScript(t)
		s.input(Input{Kind: ResyncBegin})
		s.talking()
		s.input(Input{Kind: ResyncEnd, Complete: true})
		s.list(true, listed...)
		if !s.only().Open() {
			t.Error("the call was ended")
		}
	})
}

func TestCallFirstSeenInAList(t *testing.T) {
	s := connectedScript(t)
	s.list(true,
		append(on("", idA, chA, idA), "ChannelState=6", "CallerIDNum=5551000", "Exten=s", "Application=Dial", "BridgeId=b1"),
		append(on("", idB, chB, idA), "ChannelState=6", "CallerIDNum=1001", "Application=AppDial", "BridgeId=b1"))
	c := s.only()
	if c.Complete || c.Direction != crm.Inbound || !c.From.IsZero() || c.Outcome != crm.Answered {
		t.Errorf("got complete %v, direction %q, from %v, outcome %q", c.Complete, c.Direction, c.From, c.Outcome)
	}
	if want := time.Unix(1772355600, 0); !c.StartedAt.Equal(want) || !c.AnsweredAt.IsZero() || c.TalkMS != nil && *c.TalkMS != 0 {
		t.Errorf("got started_at %v, answered_at %v, talk_ms %v", c.StartedAt, c.AnsweredAt, c.TalkMS)
	}
	if len(c.Talks) != 1 || c.Talks[0].Extension != "1001" || !c.Talks[0].StartedAt.IsZero() {
		t.Fatalf("got talks %+v, want one of 1001 since nobody knows when", c.Talks)
	}
	s.hangup(idB, chB)
	s.hangup(idA, chA)
	c = s.only()
	if c.Open() || c.TalkMS != nil || c.Talks[0].EndedAt.IsZero() {
		t.Errorf("got ended_at %v, talk_ms %v, want an end and no talk_ms", c.EndedAt, c.TalkMS)
	}
}

func TestRingFirstSeenInAListIsAnOffer(t *testing.T) {
	s := connectedScript(t)
	s.list(true,
		append(on("", idA, chA, idA), "ChannelState=4", "Application=Dial"),
		append(on("", idB, chB, idA), "ChannelState=5", "CallerIDNum=1001", "Application=AppDial"))
	c := s.only()
	if len(c.Offers) != 1 || c.Offers[0].Extension != "1001" || c.Offers[0].Result != "" || !c.Offers[0].StartedAt.IsZero() {
		t.Errorf("got offers %+v, want 1001 ringing since nobody knows when", c.Offers)
	}
	if s.told(crm.OfferCreated) != 1 {
		t.Errorf("got %d offer.created, want 1", s.told(crm.OfferCreated))
	}
}

func TestFarEndFirstSeenInAListIsDialledSinceNobodyKnowsWhen(t *testing.T) {
	s := connectedScript(t)
	s.list(true,
		append(on("", idA, "PJSIP/1004-00000001", idA), "ChannelState=4", "Application=Dial", "Exten=9441632960077"),
		append(on("", idB, "PJSIP/trunk-00000002", idA), "ChannelState=5", "Application=AppDial"))
	c := s.only()
	if len(c.FarEnds) != 1 || c.FarEnds[0].Result != "" || !c.FarEnds[0].StartedAt.IsZero() {
		t.Errorf("got far ends %+v, want one ringing since nobody knows when", c.FarEnds)
	}
}

// TestListsAnywhereChangeNothing: the rows of a list that says what is so, played
// between any two frames, leave the record as it was.
func TestListsAnywhereChangeNothing(t *testing.T) {
	play := func(at int) *crm.Call {
		s := connectedScript(t)
		step := 0
		after := func(f func()) {
			f()
			if step++; step == at {
				s.listNow()
			}
		}
		after(s.ringing)
		after(func() {
			s.event("DialEnd", append(append(on("", idA, chA, idA), on("Dest", idB, chB, idA)...), "DialStatus=ANSWER")...)
		})
		after(func() { s.event("BridgeEnter", append(on("", idB, chB, idA), "BridgeUniqueid=b1")...) })
		after(func() { s.event("BridgeEnter", append(on("", idA, chA, idA), "BridgeUniqueid=b1")...) })
		after(func() { s.event("BridgeLeave", append(on("", idA, chA, idA), "BridgeUniqueid=b1")...) })
		after(func() { s.hangup(idB, chB) })
		after(func() { s.hangup(idA, chA) })
		return s.only()
	}
	want := text(t, play(0))
	for at := 1; at <= 7; at++ {
		if got := text(t, play(at)); got != want {
			a, b := apart(got, want)
			t.Errorf("after step %d: got …%s, want …%s", at, a, b)
		}
	}
}

// listNow plays a list of what the tracker knows, and one that is older than its frames.
func (s *script) listNow() {
	at := s.at
	s.input(Input{Kind: ResyncBegin})
	for _, id := range []string{idA, idB} {
		ch := s.tr.chans[id]
		if ch == nil {
			continue
		}
		item := append(on("", ch.ID, ch.Name, ch.Linkedid), "ActionID=r-1", "ChannelState=4")
		if b := ch.bridge(); b != nil {
			item = append(item, "BridgeId="+b.Bridge)
		} else if n := len(ch.Stays); n > 0 {
			item = append(item, "BridgeId="+ch.Stays[n-1].Bridge) // as it was a moment ago
		}
		s.event("CoreShowChannel", item...)
	}
	s.input(Input{Kind: ResyncEnd, Complete: true})
	s.at = at
}

// TestAListThatIsFasterThanTheEvents has a list tell of a bridge before the two who enter it: when
// they did is known all the same.
func TestAListThatIsFasterThanTheEvents(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	s.ringing()
	s.event("DialEnd", append(append(on("", idA, chA, idA), on("Dest", idB, chB, idA)...), "DialStatus=ANSWER")...)
	var items [][]string
	for id, name := range map[string]string{idA: chA, idB: chB} {
		items = append(items, append(on("", id, name, idA), "ChannelState=6", "BridgeId=b1"))
	}
	s.list(true, items...)
	s.event("BridgeEnter", append(on("", idB, chB, idA), "BridgeUniqueid=b1", "BridgeType=basic")...)
	s.event("BridgeEnter", append(on("", idA, chA, idA), "BridgeUniqueid=b1", "BridgeType=basic")...)
	entered := s.at
	for _, id := range [][2]string{{idB, chB}, {idA, chA}} {
		s.event("BridgeLeave", append(on("", id[0], id[1], idA), "BridgeUniqueid=b1")...)
	}
	s.hangup(idB, chB)
	s.hangup(idA, chA)
	c := s.only()
	if len(c.Talks) != 1 || !c.Talks[0].StartedAt.Equal(entered) || !c.Complete {
		t.Errorf("got talks %+v, complete %v; want one since %v", c.Talks, c.Complete, entered)
	}
}
