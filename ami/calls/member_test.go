package calls

import (
	"slices"
	"strings"
	"testing"
)

// member writes an event about a member as Asterisk 16 and 22 send it: QueueMemberAdded,
// -Removed, -Pause or -Status. An item of QueueStatus has Name and Location instead, and
// the ActionID (apps/app_queue.c).
func (s *script) member(event, queue, at, name string, more ...string) {
	headers := []string{"Queue=" + queue, "MemberName=" + name, "Interface=" + at, "Membership=dynamic"}
	s.event(event, append(append(headers, more...), "Paused=0")...) // of a header that comes twice the first counts
}

func (s *script) memberList(complete string, items ...[2]string) {
	s.event("QueueParams", "Queue=sales", "ActionID=r-1")
	for _, i := range items {
		s.event("QueueMember", "Queue=sales", "Name="+i[1], "Location="+i[0], "Membership=dynamic", "Paused=0", "ActionID=r-1")
	}
	s.event("QueueEntry", "Queue=sales", "Position=1", "Uniqueid=1772355600.900", "ActionID=r-1")
	s.event("QueueStatusComplete", "EventList=Complete", "ListItems="+complete, "ActionID=r-1")
}

func TestWhoLogsIntoAQueueSitsAtThePhone(t *testing.T) {
	for name, tt := range map[string]struct {
		play func(s *script)
		want string
	}{
		"a device":               {func(s *script) { s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann") }, "Ann"},
		"behind a Local channel": {func(s *script) { s.member("QueueMemberAdded", "400", "Local/1001@from-queue/n", "Ann") }, "Ann"},
		"another phone":          {func(s *script) { s.member("QueueMemberAdded", "sales", "PJSIP/1002", "Ann") }, ""},
		"who is logged out again": {func(s *script) {
			s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
			s.member("QueueMemberRemoved", "sales", "PJSIP/1001", "Ann")
		}, ""},
		"who logs out of one of two queues": {func(s *script) {
			s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
			s.member("QueueMemberAdded", "support", "PJSIP/1001", "Ann")
			s.member("QueueMemberRemoved", "sales", "PJSIP/1001", "Ann")
		}, "Ann"},
		"two people": {func(s *script) {
			s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
			s.member("QueueMemberAdded", "support", "PJSIP/1001", "Ben")
		}, ""},
		"a name that is only the device's": {func(s *script) { s.member("QueueMemberAdded", "sales", "PJSIP/1001", "PJSIP/1001") }, ""},
		"a member of the configuration": {func(s *script) {
			s.event("QueueMemberStatus", "Queue=sales", "MemberName=Ann", "Interface=PJSIP/1001", "Membership=static", "Paused=0")
		}, ""},
		"in a list": {func(s *script) { s.memberList("3", [2]string{"PJSIP/1001", "Ann"}) }, "Ann"},
		"not in a whole list": {func(s *script) {
			s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
			s.memberList("3", [2]string{"PJSIP/1002", "Ben"})
		}, ""},
		"not in a list that did not come whole": {func(s *script) {
			s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
			s.memberList("4", [2]string{"PJSIP/1002", "Ben"})
		}, "Ann"},
		"in the middle of a list": {func(s *script) {
			s.event("QueueParams", "Queue=sales", "ActionID=r-1")
			s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
			s.event("QueueStatusComplete", "EventList=Complete", "ListItems=1", "ActionID=r-1")
		}, "Ann"},
		"a list after one that a lost connection cut": {func(s *script) {
			s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
			s.event("QueueMember", "Queue=sales", "Name=Ann", "Location=PJSIP/1001", "Membership=dynamic", "Paused=0", "ActionID=r-1")
			s.input(Input{Kind: Lost})
			s.input(Input{Kind: Connected})
			s.memberList("3", [2]string{"PJSIP/1002", "Ben"})
		}, ""},
		"after a restart of the daemon": {func(s *script) {
			s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
			rows := s.tr.Drain().State
			s.member("QueueMemberStatus", "sales", "PJSIP/1001", "Ann", "Status=6")
			if again := s.tr.Drain().State; again[membersKey] != nil {
				s.t.Error("the row is written again though nothing changed")
			}
			tr, err := Restore(Config{PBX: "hq"}, rows)
			if err != nil {
				s.t.Fatal(err)
			}
			s.tr = tr
		}, "Ann"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, Config{PBX: "hq"})
			tt.play(s)
			s.talking()
			c := s.only()
			if got := []string{c.Offers[0].Desk.Member, c.Talks[0].Desk.Member, s.tr.Phone("1001").Member}; !slices.Equal(got, []string{tt.want, tt.want, tt.want}) {
				t.Errorf("offered to, talked by and known as %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhoLogsIntoAQueueWhileThePhoneRingsWasNotRung(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
	s.ringing()
	s.member("QueueMemberRemoved", "sales", "PJSIP/1001", "Ann")
	s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ben")
	if got := s.only().Offers[0].Desk.Member; got != "Ann" {
		t.Errorf("got %q, want who was there when it began to ring", got)
	}
}

// TestPause: a phone is paused when no queue rings it, and that is told when it changes.
func TestPause(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	pause := func(queue, paused string) { s.member("QueueMemberPause", queue, "PJSIP/1001", "Ann", "Paused="+paused) }
	states := func() string {
		var out []string
		for _, e := range s.events {
			if a := e.Agent; a != nil && a.Extension == "1001" {
				state := a.State
				if a.Paused {
					state += " paused"
				}
				out = append(out, state)
			}
		}
		s.events = nil
		return strings.Join(out, ", ")
	}
	for _, step := range []struct {
		name string
		play func()
		want string
	}{
		{"it becomes a member of two queues", func() {
			s.member("QueueMemberAdded", "sales", "PJSIP/1001", "Ann")
			s.member("QueueMemberAdded", "support", "PJSIP/1001", "Ann")
		}, ""},
		{"one of them pauses it", func() { pause("sales", "1") }, ""},
		{"both do", func() { pause("support", "1") }, "idle paused"},
		{"the same again", func() { pause("support", "1") }, ""},
		{"it rings all the same", s.ringing, "ringing paused"},
		{"one takes it back while it rings", func() { pause("sales", "0") }, "ringing"},
		{"and pauses it again", func() { pause("sales", "1") }, "ringing paused"},
		{"the queue that had not paused it goes", func() { s.member("QueueMemberRemoved", "sales", "PJSIP/1001", "Ann") }, ""},
		{"so does the other", func() { s.member("QueueMemberRemoved", "support", "PJSIP/1001", "Ann") }, "ringing"},
	} {
		step.play()
		if got := states(); got != step.want {
			t.Errorf("%s: told %q, want %q", step.name, got, step.want)
		}
	}
}
