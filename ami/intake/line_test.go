package intake

import (
	"strings"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/buffer"
	"patchcord/crm"
)

// some is a few quick calls of every kind.
func some(n int) *amitest.Traffic {
	return &amitest.Traffic{Seed: 7, Speed: 20, CallsPerSecond: 0.5, MaxCalls: n, Noise: 0.2}
}

func TestLineRecordsEveryCallOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, some(20))
	r.up(t)
	records := r.records(t)
	truth := r.pbx.Ledger().Calls()
	if len(records) != len(truth) {
		t.Fatalf("%d records of %d calls", len(records), len(truth))
	}
	outcomes := map[string]string{}
	for _, c := range records {
		outcomes[c.ID] = string(c.Outcome)
		if !c.Complete || c.Tenant != "default" {
			t.Errorf("%s: complete %v, tenant %q", c.ID, c.Complete, c.Tenant)
		}
	}
	offers := 0
	for _, c := range truth {
		offers += len(c.Offers)
		if got := outcomes[c.ID]; got != c.Outcome {
			t.Errorf("%s (%s): outcome %q, really %q", c.ID, c.Scenario, got, c.Outcome)
		}
	}
	if got := len(r.seen(crm.OfferCreated)); got != offers {
		t.Errorf("%d pops for %d rings", got, offers)
	}
	if gaps, err := r.store.Gaps(t.Context(), "default", time.Time{}, time.Time{}); err != nil || len(gaps) > 0 {
		t.Errorf("gaps: %v, %v; the first connection opens none", gaps, err)
	}
}

func TestLiveAndRecordedEventsAreTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t, some(10))
	r.up(t)
	r.records(t)
	var stored []crm.StoredEvent
	eventually(t, "the events to be stored", func() bool {
		var err error
		if stored, err = r.store.Events(t.Context(), "default", 0, 10_000); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(stored) >= len(r.events)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	byID := map[string]crm.EventType{}
	for _, s := range stored {
		var e crm.Event
		if err := e.UnmarshalJSON(s.Body); err != nil {
			t.Fatal(err)
		}
		byID[e.ID()] = e.Type
	}
	for _, e := range r.events {
		if byID[e.ID()] != e.Type {
			t.Errorf("live %s %s is stored as %q", e.Type, e.ID(), byID[e.ID()])
		}
	}
}

func TestLostConnectionIsAGap(t *testing.T) {
	t.Parallel()
	r := newRig(t, &amitest.Traffic{Seed: 3, Speed: 10, CallsPerSecond: 1, MaxCalls: 30})
	r.up(t)
	eventually(t, "a call", func() bool { return len(r.seen(crm.OfferCreated)) > 1 })
	r.proxy.Cut(true)
	eventually(t, "the gap to be told", func() bool { return len(r.seen(crm.GapOpened)) > 0 })
	eventually(t, "the end of the gap", func() bool { return len(r.seen(crm.GapClosed)) > 0 })
	g := r.seen(crm.GapClosed)[0].Gap
	if g.Cause != crm.GapDisconnect || g.StartedAt.IsZero() || g.EndedAt.Before(g.StartedAt.Time) {
		t.Errorf("gap: %+v", g)
	}
	eventually(t, "the gap to be stored", func() bool {
		gaps, err := r.store.Gaps(t.Context(), "default", time.Time{}, time.Time{})
		return err == nil && len(gaps) == 1 && !gaps[0].EndedAt.IsZero()
	})
}

func TestCallsThatEndedInAGapAreEndedByTheLists(t *testing.T) {
	t.Parallel()
	r := newRig(t, &amitest.Traffic{
		Seed: 5, Speed: 1, CallsPerSecond: 2, MaxCalls: 4, Talk: 4 * time.Second,
		Agents: amitest.Extensions(100), Scenarios: []amitest.Scenario{amitest.DirectAnswered},
	})
	r.up(t)
	eventually(t, "four talks", func() bool { return len(r.seen(crm.CallAnswered)) == 4 })
	if err := r.pbx.RefuseConnects(true); err != nil {
		t.Fatal(err)
	}
	r.pbx.Drop(true)
	eventually(t, "the calls to end unheard", func() bool {
		for _, c := range r.pbx.Ledger().Calls() {
			if c.EndedAt.IsZero() {
				return false
			}
		}
		return true
	})
	if err := r.pbx.RefuseConnects(false); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.records(t) {
		if c.Complete || len(c.Gaps) != 1 {
			t.Errorf("%s ended unheard and says complete %v, gaps %+v", c.ID, c.Complete, c.Gaps)
		}
	}
}

// What a list of channels does not tell of a call that began unheard, others do.
func TestCallThatBeganInAGapIsReadFromTheLists(t *testing.T) {
	t.Parallel()
	r := newRig(t, &amitest.Traffic{
		Seed: 5, Speed: 1, CallsPerSecond: 4, MaxCalls: 2, Talk: 5 * time.Minute,
		Agents: amitest.Extensions(100), Scenarios: []amitest.Scenario{amitest.DirectAnswered},
	})
	r.loggedIn(t)
	if err := r.pbx.RefuseConnects(true); err != nil {
		t.Fatal(err)
	}
	r.pbx.Drop(true)
	r.pbx.Work()
	eventually(t, "two calls to begin unheard", func() bool { return r.pbx.Ledger().Len() == 2 })
	if err := r.pbx.RefuseConnects(false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the calls to be seen", func() bool {
		to := map[string]bool{}
		for _, c := range r.line.Open() {
			to[c.ID+" "+string(c.To.Number)] = true
		}
		for _, c := range r.pbx.Ledger().Calls() {
			if !to[c.ID+" "+c.To.Number] {
				return false
			}
		}
		return len(to) == 2
	})
	// The second look of the first login may come only now, and reads calls but no phones.
	const ofCalls, ofPhones = "begin CoreShowChannelsComplete BridgeListComplete QueueStatusComplete StatusComplete StatusComplete ", "DeviceStateListComplete DBGetTreeComplete end"
	defer func() {
		if t.Failed() {
			t.Logf("the log has: %s", r.lists(t))
		}
	}()
	eventually(t, "the lists to be in the log", func() bool {
		_, after, found := strings.Cut(r.lists(t), ofCalls)
		return found && strings.Contains(after, ofPhones)
	})
}

// lists returns the ends of lists in the log, and the markers around them.
func (r *rig) lists(t *testing.T) string {
	t.Helper()
	entries, err := r.log.Read(t.Context(), "hq", crm.Position{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		switch name := ami.NewMessage(string(e.Data)).Event(); {
		case e.Kind == buffer.ResyncBegin:
			names = append(names, "begin")
		case e.Kind == buffer.ResyncEnd:
			names = append(names, "end")
		case e.Kind == buffer.Frame && strings.HasSuffix(name, "Complete"):
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func TestRestartedPBXEndsItsOldCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t, &amitest.Traffic{
		Seed: 9, CallsPerSecond: 2, MaxCalls: 2, Talk: 5 * time.Minute,
		Agents: amitest.Extensions(100), Scenarios: []amitest.Scenario{amitest.DirectAnswered},
	})
	r.up(t)
	eventually(t, "two talks", func() bool { return len(r.seen(crm.CallAnswered)) == 2 })
	if err := r.pbx.Crash(t.Context(), 4*time.Second, 0); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.records(t) {
		if c.Complete || c.EndedBy != crm.EndedBySystem || len(c.Gaps) == 0 || c.Gaps[0].Cause != crm.GapPBXRestart {
			t.Errorf("%s: complete %v, ended by %q, gaps %+v", c.ID, c.Complete, c.EndedBy, c.Gaps)
		}
	}
}

func TestStoreThatFailsLosesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, some(12))
	r.up(t)
	r.store.mu.Lock()
	r.store.fail = []error{crm.ErrUnavailable, crm.ErrUnavailable, crm.ErrUnavailable}
	r.store.lie = true
	r.store.mu.Unlock()
	records := r.records(t)
	if got, want := len(records), r.pbx.Ledger().Len(); got != want {
		t.Errorf("%d records of %d calls", got, want)
	}
}

func TestOversizeMessageIsAGap(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.up(t)
	r.pbx.Send(amitest.Oversize(2 << 20))
	eventually(t, "the gap", func() bool {
		for _, e := range r.seen(crm.GapClosed) {
			if e.Gap.Cause == crm.GapOverflow {
				return true
			}
		}
		return false
	})
	if p := r.line.Status().State.Phase; p != ami.PhaseUp {
		t.Errorf("the session is %s after an oversize message", p)
	}
}
