package backfill

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"patchcord/ami/calls"
	"patchcord/crm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rowsOf is a Source of rows in memory; fail and hang make it a database that is down,
// or does not answer.
type rowsOf[R any] struct {
	mu    sync.Mutex
	rows  []R         // guarded by mu
	fail  error       // guarded by mu
	hang  bool        // guarded by mu
	at    []time.Time // guarded by mu: when it was read
	given int         // guarded by mu: rows that were given
	// slow is how long reading from a time on takes; nil: no time.
	slow  func(from time.Time) time.Duration
	spans func(*R) (from, until time.Time)
}

func (s *rowsOf[R]) Rows(ctx context.Context, from, until time.Time, fn func(*R) error) (Report, error) {
	s.mu.Lock()
	s.at = append(s.at, time.Now())
	rows, fail, hang := slices.Clone(s.rows), s.fail, s.hang
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return Report{}, ctx.Err()
	}
	if s.slow != nil {
		time.Sleep(s.slow(from))
	}
	if fail != nil {
		return Report{}, fail
	}
	var rep Report
	for i := range rows {
		if _, end := s.spans(&rows[i]); end.Before(from) {
			continue
		}
		rep.Rows++
		s.set(func() { s.given++ })
		if err := fn(&rows[i]); errors.Is(err, errStop) {
			break
		} else if err != nil {
			return rep, err
		}
	}
	return rep, nil
}

func (s *rowsOf[R]) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *rowsOf[R]) reads() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at)
}

func celSource(rows ...CEL) *rowsOf[CEL] {
	return &rowsOf[CEL]{rows: rows, spans: func(r *CEL) (from, until time.Time) { return r.At, r.At }}
}

// memory is a Store of one PBX in memory.
type memory struct {
	mu    sync.Mutex
	gaps  []crm.Gap            // guarded by mu
	calls map[string]*crm.Call // guarded by mu
	down  error                // guarded by mu
	given int                  // guarded by mu: gaps that were listed
}

func (m *memory) Gaps(_ context.Context, _ string, from, _ time.Time) ([]crm.Gap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(m.gaps), func(g crm.Gap) bool { return !g.EndedAt.IsZero() && g.EndedAt.Before(from) })
	m.given += len(list)
	return list, m.down
}

func (m *memory) CloseGap(_ context.Context, _, id string, c crm.GapClosing) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.gaps {
		if g := &m.gaps[i]; g.ID == id {
			g.ClosedBy, g.MissedEstimate, g.Scans = c.By, c.Missed, c.Scans
			return nil
		}
	}
	return crm.ErrNotFound
}

func (m *memory) Amend(_ context.Context, a crm.Amendment) (sum crm.Amended, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range a.Found {
		var known []*crm.Call
		if c := m.calls[f.Call.ID]; c != nil {
			known = append(known, c)
		}
		p := crm.PlanAmend(f, known)
		if p.Put != nil {
			m.calls[p.Put.ID] = p.Put
		}
		sum.Add(p.Counts)
	}
	return sum, m.down
}

func (m *memory) gap(i int) crm.Gap {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gaps[i]
}

func (m *memory) call(id string) *crm.Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[id]
}

// talk returns the rows of 1001 calling 1002, who answers after 2 s and hangs up at the end.
func talk(start time.Time, n string, lasting time.Duration) []CEL {
	id := func(k string) string { return itoa(start.Unix()) + "." + n + k }
	caller := CEL{Channel: "PJSIP/1001-" + n, Uniqueid: id("1"), Linkedid: id("1"), Exten: "1002", Num: "1001"}
	called := CEL{Channel: "PJSIP/1002-" + n, Uniqueid: id("2"), Linkedid: id("1"), Exten: "s", Num: "1002", App: "AppDial"}
	row := func(c CEL, kind string, after time.Duration, app, extra string) CEL {
		c.Type, c.At, c.Extra = kind, start.Add(after), extra
		if app != "" {
			c.App, c.Data = app, "PJSIP/1002,20"
		}
		return c
	}
	const bridge = `{"bridge_id":"b","bridge_technology":"simple_bridge"}`
	hangup := `{"hangupcause":16,"hangupsource":"PJSIP/1002-` + n + `","dialstatus":""}`
	return []CEL{
		row(caller, "CHAN_START", 0, "", ""),
		row(called, "CHAN_START", time.Millisecond, "", ""),
		row(called, "ANSWER", 2*time.Second, "", ""),
		row(caller, "ANSWER", 2*time.Second, "Dial", ""),
		row(called, "BRIDGE_ENTER", 2*time.Second, "", bridge),
		row(caller, "BRIDGE_ENTER", 2*time.Second, "Dial", bridge),
		row(called, "BRIDGE_EXIT", lasting, "", bridge),
		row(caller, "BRIDGE_EXIT", lasting, "Dial", bridge),
		row(called, "HANGUP", lasting, "", hangup),
		row(called, "CHAN_END", lasting, "", ""),
		row(caller, "HANGUP", lasting, "", strings.ReplaceAll(hangup, `"dialstatus":""`, `"dialstatus":"ANSWER"`)),
		row(caller, "CHAN_END", lasting, "", ""),
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// bubble runs a worker in simulated time beside a gap of a minute that ended just now.
func bubble(t *testing.T, test func(t *testing.T, cel *rowsOf[CEL], m *memory, ended time.Time)) {
	synctest.Test(t, func(t *testing.T) {
		ended := time.Now()
		cel := celSource()
		m := &memory{calls: map[string]*crm.Call{}, gaps: []crm.Gap{{
			ID: "hq:1-1", PBX: "hq", StartedAt: crm.At(ended.Add(-time.Minute)), EndedAt: crm.At(ended), Cause: crm.GapDisconnect,
		}}}
		stop := work(t, cel, m)
		test(t, cel, m, ended)
		stop()
	})
}

// work runs a worker until stop is called.
func work(t *testing.T, cel *rowsOf[CEL], m *memory) (stop func()) {
	t.Helper()
	w := New(Config{Store: m, Ledgers: Ledgers{CEL: cel, Fold: calls.Config{PBX: "hq", Tenant: "default"}}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want that it was told to stop", err)
		}
	}
}

func TestWorkerScansAfterAGapAndThriceMore(t *testing.T) {
	bubble(t, func(t *testing.T, cel *rowsOf[CEL], m *memory, ended time.Time) {
		time.Sleep(5 * time.Hour)
		var after []time.Duration
		for _, at := range cel.reads() {
			after = append(after, at.Sub(ended).Truncate(10*time.Second))
		}
		want := []time.Duration{0, time.Minute, 5 * time.Minute, time.Hour}
		if !slices.Equal(after, want) {
			t.Errorf("scans began %v after the end, want %v", after, want)
		}
		if first := cel.reads()[0].Sub(ended); first > 5*time.Second {
			t.Errorf("the first scan began after %v, want 5 s at most", first)
		}
		if g := m.gap(0); g.ClosedBy != "cel" || g.MissedEstimate == nil || *g.MissedEstimate != 0 {
			t.Errorf("got gap %+v, want it closed by cel with nothing missed", g)
		}
	})
}

func TestWorkerStoresACallThatNobodyHeard(t *testing.T) {
	bubble(t, func(t *testing.T, cel *rowsOf[CEL], m *memory, ended time.Time) {
		start := ended.Add(-40 * time.Second).Truncate(time.Second)
		cel.set(func() { cel.rows = talk(start, "7", 10*time.Second) })
		time.Sleep(5 * time.Second)
		c := m.call("hq:" + itoa(start.Unix()) + ".71")
		if c == nil {
			t.Fatal("the call is not stored 5 s after the gap")
		}
		want := []crm.CallGap{{StartedAt: m.gap(0).StartedAt, EndedAt: crm.At(ended), Cause: crm.GapDisconnect}}
		if c.Complete || !slices.Equal(c.Gaps, want) {
			t.Errorf("complete %v, gaps %+v; want not complete with %+v", c.Complete, c.Gaps, want)
		}
		if c.Outcome != crm.Answered || c.EndedBy != crm.EndedByCallee || *c.TalkMS != 8000 || len(c.Offers) != 1 {
			t.Errorf("got %+v", c)
		}
		if c.Offers[0].RingMS != nil || c.HoldMS != nil {
			t.Error("what CEL cannot know was made up")
		}
	})
}

func TestWorkerLeavesTheCallsBesideAGapToTheRecorder(t *testing.T) {
	bubble(t, func(t *testing.T, cel *rowsOf[CEL], m *memory, ended time.Time) {
		start := ended.Add(500 * time.Millisecond)
		cel.set(func() { cel.rows = talk(start, "7", 3*time.Second) })
		id := "hq:" + itoa(start.Unix()) + ".71"
		time.Sleep(10 * time.Second)
		if m.call(id) != nil {
			t.Error("a call that began after the gap was stored at once")
		}
		time.Sleep(2 * time.Minute)
		if m.call(id) == nil {
			t.Error("a call that nobody stored for a minute is still missing")
		}
	})
}

func TestWorkerWaitsForADatabaseThatIsDown(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*rowsOf[CEL], bool)
	}{
		{"refusing", func(s *rowsOf[CEL], bad bool) {
			s.fail = nil
			if bad {
				s.fail = errors.New("connection refused")
			}
		}},
		{"hanging", func(s *rowsOf[CEL], bad bool) { s.hang = bad }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cel *rowsOf[CEL], m *memory, ended time.Time) {
				cel.set(func() { c.set(cel, true) })
				time.Sleep(30 * time.Minute)
				if g := m.gap(0); g.ClosedBy != "" || g.Scans != 0 {
					t.Errorf("got closed by %q after %d scans while the ledger is down, want it pending", g.ClosedBy, g.Scans)
				}
				if n := len(cel.reads()); n < 10 || n > 70 {
					t.Errorf("the database was tried %d times in 30 minutes, want about two a minute", n)
				}
				cel.set(func() { c.set(cel, false) })
				time.Sleep(3 * time.Minute)
				if g := m.gap(0); g.ClosedBy != "cel" {
					t.Errorf("got closed by %q after the ledger came back, want cel", g.ClosedBy)
				}
			})
		})
	}
}

func TestWorkerGoesOnWhereItWasAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := time.Now().Add(-2 * time.Minute)
		cel := celSource()
		m := &memory{calls: map[string]*crm.Call{}, gaps: []crm.Gap{{
			ID: "hq:1-1", PBX: "hq", EndedAt: crm.At(ended), ClosedBy: "cel", Scans: 2,
		}, {ID: "hq:1-2", PBX: "hq", EndedAt: crm.At(ended.Add(-30 * time.Minute)), ClosedBy: "cel", Scans: -1}}}
		w := New(Config{Store: m, Ledgers: Ledgers{CEL: cel, Fold: calls.Config{PBX: "hq"}}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := w.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if n := len(cel.reads()); n != 1 || m.gap(0).Scans != 3 {
			t.Errorf("%d scans in ten minutes, %d in all; want the one of the fifth minute", n, m.gap(0).Scans)
		}
	})
}

func TestWorkerScansEveryHourWhileACallGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, cel *rowsOf[CEL], m *memory, ended time.Time) {
		start := ended.Add(-30 * time.Second)
		rows := talk(start, "7", 150*time.Minute)
		cel.set(func() { cel.rows = rows[:6] })
		time.Sleep(151 * time.Minute)
		id := "hq:" + itoa(start.Unix()) + ".71"
		if m.call(id) != nil {
			t.Error("a call that goes on was stored")
		}
		cel.set(func() { cel.rows = rows })
		time.Sleep(time.Hour)
		if m.call(id) == nil {
			t.Error("the call is not stored an hour after it ended")
		}
		n := len(cel.reads())
		time.Sleep(5 * time.Hour)
		if len(cel.reads()) != n {
			t.Error("scans go on after the last call was found")
		}
	})
}

func TestWorkerEndsCallsThatDiedWithThePBX(t *testing.T) {
	bubble(t, func(t *testing.T, cel *rowsOf[CEL], m *memory, ended time.Time) {
		m.mu.Lock()
		m.gaps[0].Cause = crm.GapPBXRestart
		m.mu.Unlock()
		start := ended.Add(-50 * time.Second)
		cel.set(func() { cel.rows = talk(start, "7", time.Hour)[:6] })
		time.Sleep(2 * time.Minute)
		c := m.call("hq:" + itoa(start.Unix()) + ".71")
		if c == nil || c.EndedAt.IsZero() || c.EndedBy != crm.EndedBySystem || c.Complete {
			t.Errorf("got %+v, want an incomplete call that the system ended", c)
		}
	})
}

func TestWorkerWithoutLedgersClosesByResync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		missed := 2
		m := &memory{gaps: []crm.Gap{
			{ID: "hq:1-1", PBX: "hq", EndedAt: crm.At(time.Now())}, {ID: "hq:1-2", PBX: "hq"},
			{ID: "hq:1-3", PBX: "hq", EndedAt: crm.At(time.Now()), MissedEstimate: &missed},
		}}
		w := New(Config{Store: m, Ledgers: Ledgers{Fold: calls.Config{PBX: "hq"}}})
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		if err := w.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if g := m.gap(2); g.ClosedBy != "counters" || g.MissedEstimate == nil || *g.MissedEstimate != 2 {
			t.Errorf("got %+v, want it closed by counters with two calls missed", g)
		}
		if a, b := m.gap(0).ClosedBy, m.gap(1).ClosedBy; a != "resync" || b != "" {
			t.Errorf("got %q and %q, want resync for the ended gap and nothing for the open one", a, b)
		}
	})
}

func TestWorkerOfANodeThatDoesNotOwnThePBXDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cel := celSource()
		m := &memory{gaps: []crm.Gap{{ID: "hq:1-1", PBX: "hq", EndedAt: crm.At(time.Now())}}}
		w := New(Config{Store: m, Owned: func() bool { return false }, Ledgers: Ledgers{CEL: cel, Fold: calls.Config{PBX: "hq"}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := w.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if len(cel.reads()) != 0 {
			t.Error("it read the ledger of a PBX that another node owns")
		}
	})
}
