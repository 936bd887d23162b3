package backfill

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/ami/calls"
	"patchcord/crm"
)

// gapAt returns a gap that ended so long after a moment, and lasted a second.
func gapAt(moment time.Time, n int, after time.Duration) crm.Gap {
	ended := moment.Add(after)
	return crm.Gap{ID: fmt.Sprintf("hq:1-%d", n), PBX: "hq", StartedAt: crm.At(ended.Add(-time.Second)), EndedAt: crm.At(ended), Cause: crm.GapDisconnect}
}

func memoryOf(gaps ...crm.Gap) *memory { return &memory{calls: map[string]*crm.Call{}, gaps: gaps} }

func TestFirstScanDoesNotWaitForRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		old := gapAt(now, 1, -10*time.Minute)
		old.Scans, old.ClosedBy = 1, "cel"
		m := memoryOf(old)
		cel := celSource()
		cel.slow = func(from time.Time) time.Duration {
			if from.Before(now.Add(-5 * time.Minute)) {
				return time.Minute
			}
			return 0
		}
		stop := work(t, cel, m)
		defer stop()
		time.Sleep(2 * time.Second)
		m.mu.Lock()
		m.gaps = append(m.gaps, gapAt(now, 2, 2*time.Second))
		m.mu.Unlock()
		time.Sleep(5 * time.Second)
		if g := m.gap(1); g.ClosedBy != "cel" {
			t.Error("a new gap was not scanned within 5 s, while an older one was scanned again")
		}
		if g := m.gap(0); g.Scans != 1 {
			t.Fatalf("the repeat was over after 7 s; the test shows nothing")
		}
	})
}

func TestNewestGapIsScannedBeforeThoseThatAreLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		var gaps []crm.Gap
		for i := range 20 {
			gaps = append(gaps, gapAt(now, i, -time.Duration(20-i)*time.Hour))
		}
		m := memoryOf(append(gaps, gapAt(now, 20, 0))...)
		cel := celSource()
		cel.slow = func(time.Time) time.Duration { return 2 * time.Second }
		stop := work(t, cel, m)
		defer stop()
		time.Sleep(5 * time.Second)
		if g := m.gap(20); g.ClosedBy != "cel" {
			t.Error("the gap that ended just now waits behind those of an outage of the ledger")
		}
		time.Sleep(time.Minute)
		if g := m.gap(0); g.ClosedBy != "cel" {
			t.Error("the oldest gap was not scanned")
		}
	})
}

func TestGapsNearOneAnotherAreScannedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		var gaps []crm.Gap
		for i := range 30 {
			gaps = append(gaps, gapAt(now, i, -time.Duration(30-i)*30*time.Second))
		}
		m := memoryOf(gaps...)
		start := now.Add(-8 * time.Minute)
		cel := celSource(talk(start, "7", 3*time.Minute)...)
		stop := work(t, cel, m)
		defer stop()
		time.Sleep(5 * time.Second)
		for i := range gaps {
			if m.gap(i).ClosedBy != "cel" {
				t.Fatalf("gap %d was not scanned", i)
			}
		}
		if n := len(cel.reads()); n != 1 {
			t.Errorf("the ledger was read %d times for 30 gaps of 15 minutes, want once", n)
		}
		c := m.call("hq:" + itoa(start.Unix()) + ".71")
		if c == nil || len(c.Gaps) != 7 {
			t.Errorf("got %+v, want the call with the seven gaps that it went through", c)
		}
	})
}

func TestReadingEndsWithTheCallsOfTheGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Truncate(time.Second)
		m := memoryOf(gapAt(now, 1, -5*time.Hour))
		within := talk(now.Add(-5*time.Hour), "7", 30*time.Minute)
		rows := slices.Clone(within)
		for i := range 240 { // one a minute since
			rows = append(rows, talk(now.Add(time.Duration(i-270)*time.Minute), itoa(int64(100+i)), 20*time.Second)...)
		}
		cel := celSource(rows...)
		stop := work(t, cel, m)
		defer stop()
		time.Sleep(5 * time.Second)
		if m.call("hq:"+itoa(now.Add(-5*time.Hour).Unix())+".71") == nil {
			t.Error("a call that went on after the gap was not found")
		}
		cel.set(func() {
			if cel.given > len(within)+100 {
				t.Errorf("%d rows were read, %d calls were of the gap or near it", cel.given, 2)
			}
		})
	})
}

func TestCallFromBeforeTheGapIsReadFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Truncate(time.Second)
		m := memoryOf(gapAt(now, 1, -time.Minute))
		start := now.Add(-40 * time.Minute)
		rows := talk(start, "7", 39*time.Minute)
		rows = append(rows, talk(start.Add(time.Minute), "8", time.Minute)...)
		slices.SortStableFunc(rows, func(a, b CEL) int { return a.At.Compare(b.At) })
		stop := work(t, celSource(rows...), m)
		defer stop()
		time.Sleep(5 * time.Second)
		c := m.call("hq:" + itoa(start.Unix()) + ".71")
		if c == nil || !c.StartedAt.Equal(start) || *c.TalkMS != crm.Millis((39*time.Minute-2*time.Second)/time.Millisecond) {
			t.Errorf("got %+v, want the whole call of 39 minutes", c)
		}
		if len(m.calls) != 1 {
			t.Errorf("%d calls were stored, the other one is none of the gap's", len(m.calls))
		}
	})
}

// A call that was alive when Asterisk was killed touches gaps before that one too.
func TestCallCutByARestartIsOverForEveryGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Truncate(time.Second)
		before, restart := gapAt(now, 1, -30*time.Second), gapAt(now, 2, 0)
		restart.StartedAt, restart.Cause = crm.At(now.Add(-5*time.Second)), crm.GapPBXRestart
		m := memoryOf(before, restart)
		start := now.Add(-40 * time.Second)
		stop := work(t, celSource(talk(start, "7", time.Hour)[:6]...), m)
		defer stop()
		time.Sleep(5 * time.Second)
		c := m.call("hq:" + itoa(start.Unix()) + ".71")
		if c == nil || !c.EndedAt.Equal(restart.StartedAt.Time) || c.EndedBy != crm.EndedBySystem || len(c.Gaps) != 2 || c.Outcome != crm.Answered {
			t.Fatalf("got %+v, want it answered, with both gaps, and ended when the process was last heard", c)
		}
		time.Sleep(2 * time.Hour)
		if a, b := m.gap(0).Scans, m.gap(1).Scans; a != -1 || b != -1 {
			t.Errorf("scans are %d and %d after two hours: the call counts as open for ever", a, b)
		}
	})
}

// A call that began in the gap of a restart may be of the new process.
func TestCallOfTheNewProcessIsNotCutAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Truncate(time.Second)
		restart := gapAt(now, 1, 0)
		restart.StartedAt, restart.Cause = crm.At(now.Add(-10*time.Second)), crm.GapPBXRestart
		m := memoryOf(restart)
		start := now.Add(-3 * time.Second)
		rows := talk(start, "7", 20*time.Second)
		cel := celSource(rows[:6]...)
		stop := work(t, cel, m)
		defer stop()
		time.Sleep(5 * time.Second)
		id := "hq:" + itoa(start.Unix()) + ".71"
		if c := m.call(id); c != nil {
			t.Errorf("a call that goes on was stored: %+v", c)
		}
		time.Sleep(20 * time.Second)
		cel.set(func() { cel.rows = rows })
		time.Sleep(2 * time.Minute)
		if c := m.call(id); c == nil || c.EndedBy != crm.EndedByCallee {
			t.Errorf("got %+v, want the call as it really ended", c)
		}
	})
}

// Looking for gaps that ended does not read all that there were each time, and finds those that are
// stored late all the same.
func TestLookingDoesNotReadEveryGapEachSecond(t *testing.T) {
	const old = 1000
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		add := func(id string, ago time.Duration, closed string) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.gaps = append(m.gaps, crm.Gap{ID: id, PBX: "hq", EndedAt: crm.At(time.Now().Add(-ago)), ClosedBy: closed})
		}
		for range old {
			add("hq:1-1", time.Hour, crm.ClosedByResync)
		}
		w := New(Config{Store: m, Ledgers: Ledgers{Fold: calls.Config{PBX: "hq"}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(10*time.Minute + time.Second/2)
		if m.mu.Lock(); m.given > 21*old {
			t.Errorf("%d gaps were listed in 10 minutes, of %d", m.given, old)
		}
		m.mu.Unlock()
		add("hq:2-1", 0, "")
		add("hq:2-2", 10*time.Minute, "")
		time.Sleep(resynced + time.Second)
		if g := m.gap(old); g.ClosedBy != crm.ClosedByResync {
			t.Error("the new gap is not closed")
		}
		time.Sleep(allOf)
		if g := m.gap(old + 1); g.ClosedBy != crm.ClosedByResync {
			t.Error("the gap that was stored late is not closed")
		}
		cancel()
		<-done
	})
}
