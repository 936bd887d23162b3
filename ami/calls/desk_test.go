package calls

import (
	"fmt"
	"strings"
	"testing"

	"patchcord/crm"
)

// listedDesk writes an item of DBGetTree as Asterisk 16 and 22 send it (main/db.c): without
// a Privilege, and with the ActionID at its end.
func (s *script) listedDesk(key, val string) {
	s.event("DBGetTreeResponse", "Key="+key, "Val="+val, "ActionID=r-1")
}

func TestAPhoneIsWhoIsLoggedInThere(t *testing.T) {
	for name, tt := range map[string]struct {
		keys []string
		want string
	}{
		"a user of another number":   {[]string{"/DEVICE/1001/user=2001"}, "2001"},
		"a device of its own user":   {[]string{"/DEVICE/1001/user=1001"}, ""},
		"nobody":                     {[]string{"/DEVICE/1001/user=none"}, ""},
		"who logged out since":       {[]string{"/DEVICE/1001/user=2001", "/DEVICE/1001/user=none"}, ""},
		"who logged in after":        {[]string{"/DEVICE/1001/user=2001", "/DEVICE/1001/user=2002"}, "2002"},
		"another device":             {[]string{"/DEVICE/1002/user=2001"}, ""},
		"another thing of it":        {[]string{"/DEVICE/1001/default_user=2001", "/DEVICE/1001/dial=PJSIP/1001"}, ""},
		"another family":             {[]string{"/AMPUSER/1001/user=2001", "/DEVICE/x/1001/user=2001", "DEVICE/1001/user=2001"}, ""},
		"no number, but what else":   {[]string{"/DEVICE/1001/user=2001\x1b[2J"}, ""},
		"of a length that none has":  {[]string{"/DEVICE/1001/user=" + fmt.Sprintf("%041d", 1)}, ""},
		"a device without an id":     {[]string{"/DEVICE//user=2001"}, ""},
		"two keys that are the same": {[]string{"/DEVICE/1001/user=2001", "/DEVICE/1001/user=2001"}, "2001"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, Config{PBX: "hq"})
			for _, k := range tt.keys {
				key, val, _ := strings.Cut(k, "=")
				s.listedDesk(key, val)
			}
			s.talking()
			c := s.only()
			if got := c.Offers[0]; got.Desk.LoggedIn != tt.want || got.Extension != "1001" {
				t.Errorf("offer: %+v, want %q logged in at 1001", got, tt.want)
			}
			if got := c.Talks[0]; got.Desk.LoggedIn != tt.want {
				t.Errorf("talk: %+v, want %q", got, tt.want)
			}
			for _, e := range s.events {
				if e.Agent != nil && e.Agent.Desk.LoggedIn != tt.want {
					t.Errorf("agent.state: %+v, want %q", e.Agent, tt.want)
				}
			}
		})
	}
}

func TestWhoLogsInWhileThePhoneRingsWasNotRung(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	s.listedDesk("/DEVICE/1001/user", "2001")
	s.ringing()
	s.listedDesk("/DEVICE/1001/user", "2002")
	if got := s.only().Offers[0].Desk.LoggedIn; got != "2001" {
		t.Errorf("got %q, want who was there when it began to ring", got)
	}
}

func TestAPhoneThatCallsTellsWhoIsLoggedInThere(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	s.event("Newchannel", append(on("", idA, "PJSIP/1001-00000001", idA), "ChannelState=4", "CallerIDNum=1001", "Exten=1002")...)
	s.event("VarSet", append(on("", idA, "PJSIP/1001-00000001", idA), "Variable=AMPUSER", "Value=2001")...)
	s.event("Newchannel", append(on("", idB, "PJSIP/1002-00000002", idA), "ChannelState=0", "CallerIDNum=1002", "Exten=s")...)
	s.event("DialBegin", append(append(on("", idA, "PJSIP/1001-00000001", idA), on("Dest", idB, "PJSIP/1002-00000002", idA)...), "DialString=1002")...)
	s.event("VarSet", append(on("", idB, "PJSIP/1002-00000002", idA), "Variable=AMPUSER", "Value=2001")...) // inherited: says nothing of 1002
	if got := s.only().Offers[0].Desk.LoggedIn; got != "" {
		t.Errorf("the phone that is called is taken for %q", got)
	}
	if got := s.tr.desks.user; len(got) != 1 || got["1001"] != "2001" {
		t.Errorf("logged in: %v, want 2001 at 1001", got)
	}
}

func TestWhoIsLoggedInSurvivesARestart(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	s.listedDesk("/DEVICE/1001/user", "2001")
	rows := s.tr.Drain().State
	if rows[desksKey] == nil {
		t.Fatalf("no row of it: %v", rows)
	}
	s.listedDesk("/DEVICE/1001/user", "2001")
	if again := s.tr.Drain().State; again[desksKey] != nil {
		t.Error("the row is written again though nothing changed")
	}
	tr, err := Restore(Config{PBX: "hq"}, rows)
	if err != nil {
		t.Fatal(err)
	}
	s.tr = tr
	s.ringing()
	if got := s.only().Offers[0].Desk.LoggedIn; got != "2001" {
		t.Errorf("got %q", got)
	}
}

func TestAQueueNamesItsMember(t *testing.T) {
	const local1, local2 = "Local/1001@from-queue-00000001;1", "Local/1001@from-queue-00000001;2"
	for name, behind := range map[string]bool{"a phone": false, "a phone behind a Local pair": true} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, Config{PBX: "hq"})
			s.event("Newchannel", append(on("", idA, chA, idA), "ChannelState=4", "CallerIDNum=02079460018", "Exten=5551001")...)
			s.event("QueueCallerJoin", append(on("", idA, chA, idA), "Queue=support", "Position=1")...)
			const called, src = "1772355600.3", "1772355600.4" // the halves of the pair
			if behind {
				s.event("Newchannel", append(on("", called, local1, idA), "ChannelState=0")...)
				s.event("Newchannel", append(on("", src, local2, idA), "ChannelState=4")...)
				s.event("LocalBridge", "LocalOneUniqueid="+called, "LocalTwoUniqueid="+src)
				s.event("AgentCalled", append(append(on("", idA, chA, idA), on("Dest", called, local1, idA)...), "Queue=support", "MemberName=Ann")...)
				s.event("DialBegin", append(on("", idA, chA, idA), on("Dest", called, local1, idA)...)...)
			}
			s.event("Newchannel", append(on("", idB, chB, idA), "ChannelState=0", "CallerIDNum=1001", "Exten=s")...)
			if behind {
				s.event("DialBegin", append(on("", src, local2, idA), on("Dest", idB, chB, idA)...)...)
			} else {
				s.event("AgentCalled", append(append(on("", idA, chA, idA), on("Dest", idB, chB, idA)...), "Queue=support", "MemberName=Ann")...)
				s.event("DialBegin", append(on("", idA, chA, idA), on("Dest", idB, chB, idA)...)...)
			}
			want := crm.Desk{Member: "Ann"}
			if got := s.only().Offers; len(got) != 1 || got[0].Desk != want || got[0].Queue != "support" || got[0].Extension != "1001" {
				t.Errorf("got %+v", got)
			}
		})
	}
}
