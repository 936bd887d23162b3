package calls

import (
	"fmt"
	"testing"
	"time"

	"patchcord/crm"
)

// channel plays a call of one channel with that number; hung up at once.
func (s *script) channel(n int) {
	id := fmt.Sprintf("1772355600.%d", n)
	s.event("Newchannel", append(on("", id, fmt.Sprintf("PJSIP/trunk-%08x", n), id), "ChannelState=4", "CallerIDNum=441632960001", "Exten=5551000")...)
	s.event("Hangup", append(on("", id, fmt.Sprintf("PJSIP/trunk-%08x", n), id), "Cause=16")...)
}

// estimates returns what was said of each gap at last; -1 for nothing.
func (s *script) estimates() map[string]int {
	out := map[string]int{}
	for _, g := range s.tr.Drain().Gaps {
		out[g.ID] = -1
		if g.MissedEstimate != nil {
			out[g.ID] = *g.MissedEstimate
		}
	}
	return out
}

func only(t *testing.T, got map[string]int, want int) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("got %v, want one gap", got)
	}
	for id, n := range got {
		if n != want {
			t.Errorf("gap %s: %d calls are said to be missed, want %d", id, n, want)
		}
	}
}

func TestGapTellsHowManyCallsWereMissed(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(*script)
		want int
	}{
		{"none", func(s *script) { s.channel(12) }, 0},
		{"five", func(s *script) { s.channel(17) }, 5},
		{"one that a list shows", func(s *script) {
			s.input(Input{Kind: ResyncBegin})
			s.event("CoreShowChannel", append(on("", "1772355600.13", "PJSIP/trunk-0000000d", "1772355600.13"), "ChannelState=6")...)
			s.input(Input{Kind: ResyncEnd, Complete: true})
			s.channel(14)
		}, 1},
		{"two told in another order", func(s *script) { s.channel(13); s.channel(12) }, 0},
		{"no channel since", func(s *script) { s.input(Input{Kind: Tick}) }, -1},
		{"ids that the dialler chose", func(s *script) {
			s.event("Newchannel", append(on("", "chosen", "PJSIP/trunk-00000099", "chosen"), "ChannelState=4")...)
		}, -1},
		{"another gap before a channel comes", func(s *script) {
			s.estimates()
			s.input(Input{Kind: Lost, Cause: crm.GapDisconnect})
			s.input(Input{Kind: Connected})
			s.channel(15)
		}, 3},
		{"a new process", func(s *script) {
			s.event("FullyBooted", "Uptime=1")
			s.channel(3)
		}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t, Config{PBX: "hq"})
			s.input(Input{Kind: Connected, Boot: s.at.Add(-time.Hour)})
			for n := range 12 {
				s.channel(n)
			}
			s.input(Input{Kind: Lost, Cause: crm.GapDisconnect})
			s.input(Input{Kind: Connected})
			c.play(s)
			s.input(Input{Kind: Tick})
			s.input(Input{Kind: Tick})
			only(t, s.estimates(), c.want)
		})
	}
}

// Two channels to a call, as when a queue rings one phone.
func TestMissedChannelsAreCountedAsCalls(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	s.input(Input{Kind: Connected})
	for n := 0; n < 20; n += 2 {
		id := fmt.Sprintf("1772355600.%d", n)
		s.event("Newchannel", append(on("", id, "PJSIP/trunk-1", id), "ChannelState=4", "Exten=5551000")...)
		called := fmt.Sprintf("1772355600.%d", n+1)
		s.event("Newchannel", append(on("", called, "PJSIP/1001-1", id), "ChannelState=0")...)
		s.event("Hangup", on("", called, "PJSIP/1001-1", id)...)
		s.event("Hangup", on("", id, "PJSIP/trunk-1", id)...)
	}
	s.input(Input{Kind: Lost, Cause: crm.GapDisconnect})
	s.input(Input{Kind: Connected})
	s.channel(26)
	s.input(Input{Kind: Tick})
	only(t, s.estimates(), 4) // six channels of about half as many calls; eleven calls had 21
}

// A daemon that was down counts from what it had stored.
func TestMissedCallsAreCountedAcrossARestartOfTheDaemon(t *testing.T) {
	s := newScript(t, Config{PBX: "hq"})
	s.input(Input{Kind: Connected})
	s.channel(0)
	state := s.tr.Drain().State
	again, err := Restore(Config{PBX: "hq"}, state)
	if err != nil {
		t.Fatal(err)
	}
	s.tr = again
	s.input(Input{Kind: Lost, Cause: crm.GapDaemonDown})
	s.input(Input{Kind: Connected})
	s.channel(4)
	s.input(Input{Kind: Tick})
	only(t, s.estimates(), 3)
}
