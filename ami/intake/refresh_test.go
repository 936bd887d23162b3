package intake

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
	"patchcord/crm/sqlite"
	"patchcord/crm/sqlite/sqlitetest"
)

// newRefreshRig is a rig on its own log and store whose PBX and line are as given.
func newRefreshRig(t *testing.T, pbx amitest.Config, change func(*Config)) *rig {
	t.Helper()
	log, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	store := sqlitetest.Open(t, filepath.Join(t.TempDir(), "store.db"), sqlite.Open)
	return newRigOf(t, pbx, log, &flaky{Store: store}, change)
}

// quick reads queues again so often that a test need not wait.
func quick(c *Config) { c.QueuesEvery = 100 * time.Millisecond }

// logged counts the log's entries by what they are: a frame by its first line.
func (r *rig) logged(t *testing.T) map[string]int {
	t.Helper()
	count := map[string]int{}
	for at := (crm.Position{}); ; {
		entries, err := r.log.Read(t.Context(), "hq", at, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return count
		}
		for _, e := range entries {
			at = e.Pos
			if e.Kind != buffer.Frame {
				count[string(e.Kind)]++
				continue
			}
			head, _, _ := strings.Cut(string(e.Data), "\r\n")
			count[head]++
			if strings.Contains(string(e.Data), "Permission denied") {
				count["denied"]++
			}
		}
	}
}

// resynced waits until both looks that follow a login are over.
func (r *rig) resynced(t *testing.T, logins int) {
	t.Helper()
	eventually(t, "the PBX to be looked at twice", func() bool { return r.logged(t)[string(buffer.ResyncEnd)] == 2*logins })
}

func (r *rig) lastState(extension string) string {
	for _, e := range slices.Backward(r.seen(crm.AgentStateEvent)) {
		if e.Agent.Extension == extension {
			return e.Agent.State
		}
	}
	return ""
}

func TestPhonesAreReadAfterEveryLogin(t *testing.T) {
	t.Parallel()
	r := newRefreshRig(t, amitest.Config{}, func(*Config) {})
	r.resynced(t, 1)
	if n := r.logged(t)["Event: DeviceStateListComplete"]; n != 1 {
		t.Errorf("phones were listed %d times after a login, want once", n)
	}
	if got := r.lastState("1002"); got != "" || r.line.Phone("1002").Away {
		t.Errorf("1002 is %q, and nothing has happened there", got)
	}
	r.proxy.Cut(true)
	r.pbx.Unregister("1002", true)
	eventually(t, "the phone to be known as unavailable", func() bool { return r.lastState("1002") == "unavailable" })
	if !r.line.Phone("1002").Away || r.line.Phone("1001").Away {
		t.Error("the line says of the wrong phone that it is not reached")
	}
	r.pbx.Unregister("1002", false)
	eventually(t, "the phone to be known as back", func() bool { return r.lastState("1002") == "idle" })
	r.stop()
	if list, _, err := r.store.Calls(t.Context(), "default", crm.CallFilter{}, crm.Page{}); err != nil || len(list) > 0 {
		t.Errorf("calls came of it: %v, %v", list, err)
	}
}

func TestWhoLogsIntoAQueueIsKnownAtThePhone(t *testing.T) {
	t.Parallel()
	r := newRefreshRig(t, amitest.Config{}, func(*Config) {})
	r.resynced(t, 1)
	// A phone of no other queue: of those that the configuration has, it is paused in none.
	r.pbx.Send("Event: QueueMemberAdded\r\nPrivilege: agent,all\r\nQueue: sales\r\nMemberName: Ann\r\nInterface: PJSIP/1099\r\nMembership: dynamic\r\nPaused: 1\r\n\r\n")
	want := crm.Phone{Paused: true, Member: "Ann"}
	eventually(t, "her to be known there", func() bool { return r.line.Phone("1099") == want })
	eventually(t, "the pause to be told", func() bool { return len(r.seen(crm.AgentStateEvent)) == 1 })
	if got := r.seen(crm.AgentStateEvent)[0].Agent; got.Extension != "1099" || !got.Paused || got.State != "idle" {
		t.Errorf("told %+v", got)
	}
}

func TestPhonesThatAreGoneEndNoCall(t *testing.T) {
	t.Parallel()
	r := newRefreshRig(t, amitest.Config{Traffic: &amitest.Traffic{
		Seed: 1, CallsPerSecond: 5, MaxLive: 1, Agents: amitest.Extensions(1), Talk: 10 * time.Minute, Scenarios: []amitest.Scenario{amitest.DirectAnswered},
	}}, func(*Config) {})
	r.up(t)
	r.resynced(t, 1)
	eventually(t, "a conversation", func() bool {
		open := r.line.Open()
		return len(open) == 1 && len(open[0].Talks) == 1
	})
	r.pbx.Send("Event: DeviceStateChange\r\nPrivilege: call,all\r\nDevice: PJSIP/1099\r\nState: UNAVAILABLE\r\n\r\n")
	eventually(t, "the state to be heard", func() bool { return r.line.Phone("1099").Away })
	if open := r.line.Open(); len(open) != 1 || !open[0].Talks[0].EndedAt.IsZero() {
		t.Errorf("the call of a phone that is not reached: %+v", open)
	}
	if got := r.lastState("1001"); got != "talking" {
		t.Errorf("who talks is %q", got)
	}
}

func TestQueuesAreReadAgain(t *testing.T) {
	t.Parallel()
	r := newRefreshRig(t, amitest.Config{}, quick)
	r.resynced(t, 1)
	eventually(t, "the queues to be read again", func() bool { return r.logged(t)["Event: QueueStatusComplete"] >= 5 })
	r.stop()
	n := r.logged(t)
	if n[string(buffer.ResyncBegin)] != 2 || n["Event: DeviceStateListComplete"] != 1 || n["Event: DBGetTreeComplete"] != 1 {
		t.Errorf("other lists are read again too: %v", n)
	}
}

func TestAReloadIsFollowedByALook(t *testing.T) {
	t.Parallel()
	r := newRefreshRig(t, amitest.Config{}, func(*Config) {})
	r.resynced(t, 1)
	began := time.Now()
	for _, module := range []string{"app_queue.so", "res_pjsip.so", "pbx_config.so"} { // `core reload`
		r.pbx.Send("Event: Reload\r\nPrivilege: system,all\r\nModule: " + module + "\r\nStatus: 0\r\n\r\n")
	}
	eventually(t, "queues and phones to be read again", func() bool {
		n := r.logged(t)
		return n["Event: QueueStatusComplete"] == 3 && n["Event: DeviceStateListComplete"] == 2 && n["Event: DBGetTreeComplete"] == 2
	})
	if d := time.Since(began); d > 20*time.Second { // it takes 0.5 s, were nobody else at work here
		t.Errorf("after %v: that was not for the reload", d)
	}
}

func TestAListThatIsRefusedIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	user := amitest.DefaultUser()
	user.Write = amitest.System // CoreShowChannels and DBGetTree, but not DeviceStateList
	r := newRefreshRig(t, amitest.Config{Users: []amitest.User{user}}, quick)
	r.resynced(t, 1)
	for range 3 {
		r.pbx.LogIn("1001", "2001")
	}
	eventually(t, "the queues to be read again", func() bool { return r.logged(t)["Event: QueueStatusComplete"] >= 5 })
	if n := r.logged(t)["denied"]; n != 1 {
		t.Errorf("the PBX refused %d times, want once", n)
	}
	r.proxy.Cut(true)
	r.resynced(t, 2)
	if n := r.logged(t)["denied"]; n != 2 {
		t.Errorf("the PBX refused %d times in two sessions, want twice", n)
	}
}

func TestWhoLogsInAtAPhoneHasItsPops(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]string{"Asterisk 22": "", "Asterisk 16": "5.0.4"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRefreshRig(t, amitest.Config{AMIVersion: version, Traffic: &amitest.Traffic{
				Seed: 1, CallsPerSecond: 4, MaxLive: 1, Speed: 4, Agents: amitest.Extensions(1), Scenarios: []amitest.Scenario{amitest.DirectCancelled},
			}}, quick)
			for user, extension := range map[string]string{"ann": "2001", "ben": "2002", "carl": "1001"} {
				if err := r.store.CreateUser(t.Context(), crm.User{ID: user, Tenant: "default", Name: user, Role: crm.RoleAgent}); err != nil {
					t.Fatal(err)
				}
				if err := r.store.Bind(t.Context(), crm.Binding{UserID: user, PBX: "hq", Extension: extension, From: crm.At(time.Now().Add(-time.Hour))}, false); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.people.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.up(t)
			rung := func(user string) {
				t.Helper()
				eventually(t, "a pop for "+user, func() bool {
					pops := r.seen(crm.OfferCreated)
					return len(pops) > 0 && pops[len(pops)-1].Call.Offers[0].Agent == user
				})
			}
			rung("carl") // whose the phone is
			r.pbx.LogIn("1001", "2001")
			r.pbx.Send("Event: Reload\r\nPrivilege: system,all\r\nModule: app_queue.so\r\nStatus: 0\r\n\r\n")
			rung("ann")
			r.pbx.LogIn("1001", "2002") // nothing tells of it
			rung("ben")
			r.pbx.LogIn("1001", "none")
			rung("carl")
		})
	}
}
