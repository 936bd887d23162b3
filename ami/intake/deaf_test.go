package intake

import (
	"strings"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/crm"
)

// TestPBXThatTellsNothingIsNotConnected: an account without the read class call gets every list and no event of a call.
func TestPBXThatTellsNothingIsNotConnected(t *testing.T) {
	t.Parallel()
	r := newRefreshRig(t, amitest.Config{Traffic: &amitest.Traffic{Seed: 1, CallsPerSecond: 4, Talk: 20 * time.Second}}, func(c *Config) {
		c.QueuesEvery, c.DeafAfter = 100*time.Millisecond, time.Second
	})
	r.resynced(t, 1)
	r.pbx.SetDeaf(true)
	r.pbx.Work()
	eventually(t, "the PBX to be known as deaf", func() bool { return r.line.Status().Deaf })
	eventually(t, "another login", func() bool { return r.line.Status().Session.Connections > 1 })
	eventually(t, "a gap of the time in which it told nothing", func() bool {
		gaps := r.seen(crm.GapOpened)
		return len(gaps) > 0 && strings.Contains(gaps[len(gaps)-1].Gap.Detail, "tells nothing")
	})
	eventually(t, "its calls to be known from lists", func() bool { return len(r.line.Open()) > 0 })

	r.pbx.SetDeaf(false)
	eventually(t, "the PBX to be heard again", func() bool { s := r.line.Status(); return !s.Deaf && s.State.Phase == ami.PhaseUp })
}

// TestQuietPBXIsNotDeaf: one call that lasts, and an hour without another, is nothing to mind.
func TestQuietPBXIsNotDeaf(t *testing.T) {
	t.Parallel()
	r := newRefreshRig(t, amitest.Config{Traffic: &amitest.Traffic{Seed: 1, MaxCalls: 1, Talk: time.Hour}}, func(c *Config) {
		c.QueuesEvery, c.DeafAfter = 100*time.Millisecond, 500*time.Millisecond
	})
	r.pbx.Work()
	looks := func() int { return r.logged(t)["Event: CoreShowChannelsComplete"] }
	eventually(t, "the call to begin", func() bool { return len(r.line.Open()) > 0 })
	before := looks()
	eventually(t, "it to be looked at a few times", func() bool { return looks() > before+5 })
	if s := r.line.Status(); s.Deaf || s.Session.Connections != 1 {
		t.Errorf("deaf %v after %d logins", s.Deaf, s.Session.Connections)
	}
}

func TestOnlyANewCallThatWasDueToBeToldCounts(t *testing.T) {
	then := time.Now()
	for name, tt := range map[string]struct {
		channel, linked, duration string
		want                      bool
	}{
		"a call of ten seconds ago":  {"PJSIP/a-1", "1.1", "00:00:10", true},
		"one of before":              {"PJSIP/a-1", "1.1", "00:00:50", false},
		"one of this moment":         {"PJSIP/a-1", "1.1", "00:00:01", false},
		"a second channel of a call": {"PJSIP/b-2", "0.9", "00:00:10", false},
		"a conference's announcer":   {"CBAnn/600-1;1", "1.1", "00:00:10", false},
		"one of unknown age":         {"PJSIP/a-1", "1.1", "", false},
	} {
		m := ami.NewMessage("Event: CoreShowChannel\r\nChannel: " + tt.channel + "\r\nUniqueid: 1.1\r\nLinkedid: " + tt.linked + "\r\nDuration: " + tt.duration + "\r\n")
		if got := beganBetween(m, then, then.Add(-30*time.Second), then.Add(-5*time.Second)); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
