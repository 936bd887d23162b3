package intake

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
)

// holed is a log of which one entry does not read as it was written.
type holed struct {
	buffer.Log
	bad crm.Position
}

// Read breaks off at the damaged entry, as a log does.
func (h holed) Read(ctx context.Context, pbx string, after crm.Position, limit int) ([]buffer.Entry, error) {
	entries, err := h.Log.Read(ctx, pbx, after, limit)
	i := slices.IndexFunc(entries, func(e buffer.Entry) bool { return e.Pos == h.bad })
	switch {
	case i == 0:
		return nil, &buffer.DamagedError{Pos: h.bad, Reason: "wrong checksum"}
	case i > 0:
		return entries[:i], err
	}
	return entries, err
}

func TestDamagedEntryIsAGapAndNotTheEndOfTheLine(t *testing.T) {
	t.Parallel()
	log, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	first := newRigOn(t, some(8), log)
	first.up(t)
	want := len(first.records(t))
	entries, err := log.Read(t.Context(), "hq", crm.Position{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.IndexFunc(entries, func(e buffer.Entry) bool {
		m := ami.NewMessage(string(e.Data))
		return e.Kind == buffer.Frame && m.Event() == "DialEnd" // what somebody did when it rang
	})
	if bad < 0 {
		t.Fatal("nobody was rung")
	}

	// Another daemon with an empty store folds the whole log again.
	second := newRigOn(t, nil, holed{log, entries[bad].Pos})
	second.up(t)
	records, _, err := second.store.Calls(t.Context(), "default", crm.CallFilter{}, crm.Page{Limit: 200})
	if err != nil || len(records) != want {
		t.Fatalf("%d records, %v; want %d", len(records), err, want)
	}
	gaps, err := second.store.Gaps(t.Context(), "default", time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	at := entries[bad-1].At
	if !slices.ContainsFunc(gaps, func(g crm.Gap) bool {
		return g.Cause == crm.GapOverflow && g.StartedAt.Sub(at).Abs() < time.Millisecond && g.EndedAt == g.StartedAt
	}) {
		t.Errorf("gaps %+v; want one at %v", gaps, at)
	}
	if !slices.ContainsFunc(records, func(c *crm.Call) bool { return !c.Complete }) {
		t.Error("no record says that something of it was lost")
	}
}

func TestEmptiedLogLeavesAGapSinceTheCheckpoint(t *testing.T) {
	t.Parallel()
	first := newRig(t, &amitest.Traffic{Seed: 3, Speed: 10, CallsPerSecond: 1, MaxCalls: 5})
	first.up(t)
	first.records(t)
	cp, err := first.store.Resume(t.Context(), "hq")
	if err != nil || cp.At.IsZero() {
		t.Fatalf("checkpoint %+v, %v; want one with a time", cp, err)
	}
	first.stop()
	time.Sleep(20 * time.Millisecond) // the gap has a length
	log, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "other.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	second := newRigWith(t, nil, log, first.store)
	second.up(t)
	eventually(t, "the gap to be stored", func() bool {
		gaps, err := second.store.Gaps(t.Context(), "default", time.Time{}, time.Time{})
		return err == nil && len(gaps) == 1 && !gaps[0].EndedAt.IsZero()
	})
	gaps, err := second.store.Gaps(t.Context(), "default", time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if g := gaps[0]; g.StartedAt.Sub(cp.At).Abs() > time.Millisecond || !g.EndedAt.After(g.StartedAt.Time) {
		t.Errorf("gap %+v; want one from %v, the end of what was recorded, to the login", g, cp.At)
	}
}

// A database that is put back from an older copy has a checkpoint below what the log was trimmed to meanwhile.
func TestOlderCopyOfTheStoreLeavesAGapUpToTheNextLogin(t *testing.T) {
	t.Parallel()
	entries, _ := poisoned(t)
	third := len(entries) / 3
	for name, open := range map[string]func(*testing.T) allergic{"SQLite": allergicSQLite, "PostgreSQL": allergicPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, store := embeddedLog(t), open(t)
			at := func(i int, kind buffer.Kind) buffer.Entry {
				e := entries[i]
				return buffer.Entry{Pos: crm.Position{Epoch: 2, Seq: uint64(i)}, At: e.At, Kind: kind, Data: e.Data}
			}
			opened := []buffer.Entry{{Pos: crm.Position{Epoch: 2}, At: entries[0].At, Kind: buffer.SessionOpen}, at(1, buffer.Connected)}
			opened[1].Data = nil
			for i := 2; i < third; i++ {
				opened = append(opened, at(i, buffer.Frame))
			}
			fill(t, log, opened)
			if err := life(t, log, store, never).resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			recorded, err := store.Resume(t.Context(), "hq")
			if err != nil {
				t.Fatal(err)
			}

			var more []buffer.Entry
			for i := third; i < len(entries); i++ {
				more = append(more, at(i, buffer.Frame))
			}
			fill(t, log, more)
			if err := log.Trim(t.Context(), "hq", at(2*third, buffer.Frame).Pos); err != nil {
				t.Fatal(err)
			}
			if err := life(t, log, store, never).resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			gaps, err := store.Gaps(t.Context(), "default", time.Time{}, time.Time{})
			if err != nil || len(gaps) != 1 {
				t.Fatalf("gaps %+v, %v; want one", gaps, err)
			}
			if g := gaps[0]; !g.StartedAt.Equal(recorded.At) || g.Cause != crm.GapOverflow || !g.EndedAt.IsZero() {
				t.Errorf("gap %+v, want one from %v on, where records ended", g, recorded.At)
			}
			records := recordsIn(t, store)
			last := slices.ContainsFunc(records, func(c *crm.Call) bool { return !c.StartedAt.Before(entries[2*third].At) })
			whole := slices.ContainsFunc(records, func(c *crm.Call) bool { return !c.EndedAt.IsZero() && c.EndedAt.Before(recorded.At) && !c.Complete })
			if !last || whole {
				t.Errorf("the newest calls are recorded: %v; one that ended before the gap is marked: %v", last, whole)
			}
			if err := life(t, log, store, never).resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			if again, err := store.Gaps(t.Context(), "default", time.Time{}, time.Time{}); err != nil || len(again) != 1 {
				t.Errorf("after another start: gaps %+v, %v", again, err)
			}
		})
	}
}
