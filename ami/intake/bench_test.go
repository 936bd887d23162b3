package intake

import (
	"log/slog"
	"math"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"patchcord/ami/amitest"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
	"patchcord/crm/postgres"
	"patchcord/crm/postgres/pgtest"
	"patchcord/crm/sqlite"
)

// BenchmarkRecord reports what an event costs from the durable log into the record: the
// least of all rounds, as other work on the machine only adds to it. A commit takes what
// comes in a quarter of a second at 10,000 events a second.
func BenchmarkRecord(b *testing.B) {
	const perCommit = 2500
	entries := lively(1000)
	b.Run("sqlite", func(b *testing.B) {
		record(b, entries, perCommit, func() crm.Store {
			s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "store.db"), sqlite.Config{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { s.Close() })
			return s
		})
	})
	b.Run("postgres", func(b *testing.B) {
		record(b, entries, perCommit, func() crm.Store {
			s, err := postgres.Open(b.Context(), pgtest.Start(b), postgres.Config{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { s.Close() })
			return s
		})
	})
}

func record(b *testing.B, entries []buffer.Entry, perCommit int, open func() crm.Store) {
	b.ReportAllocs()
	least, fold := math.Inf(1), math.Inf(1)
	for b.Loop() {
		b.StopTimer()
		r := benchRecorder(b, open())
		b.StartTimer()
		var folding, all time.Duration
		for rest := entries; len(rest) > 0; {
			n := min(perCommit, len(rest))
			began := cpuTime(b)
			if err := r.apply(rest[:n]); err != nil {
				b.Fatal(err)
			}
			folding += cpuTime(b) - began
			if err := r.commit(b.Context()); err != nil {
				b.Fatal(err)
			}
			all += cpuTime(b) - began
			rest = rest[n:]
		}
		least, fold = min(least, each(all, entries)), min(fold, each(folding, entries))
	}
	b.ReportMetric(least, "cpu-µs/event")
	b.ReportMetric(fold, "fold-µs/event")
}

func each(d time.Duration, entries []buffer.Entry) float64 {
	return float64(d.Nanoseconds()) / 1000 / float64(len(entries))
}

func benchRecorder(b *testing.B, store crm.Store) *recorder {
	log := slog.New(slog.DiscardHandler)
	epoch, err := store.TakePBX(b.Context(), "hq", "default", "a")
	if err != nil {
		b.Fatal(err)
	}
	r := &recorder{
		pbx: "hq", tenant: "default", epoch: epoch, store: store, logger: log, bear: applied,
		people: NewPeople(store, []string{"default"}, log), match: newMatcher(store, log),
		cfg: calls.Config{PBX: "hq", Tenant: "default", Region: "GB"},
	}
	if r.fold, err = calls.Restore(noting(r.cfg), nil); err != nil {
		b.Fatal(err)
	}
	r.state = map[string][]byte{}
	return r
}

// lively is the log of so many calls of an office in which one event in ten makes a phone ring.
func lively(calls int) []buffer.Entry {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	stream, _ := amitest.Traffic{
		Seed: 1, Speed: 10, CallsPerSecond: 67, MaxLive: 10_000, Agents: amitest.Extensions(1000), Talk: 4 * time.Second, Lean: true,
		Scenarios: []amitest.Scenario{
			amitest.DirectAnswered, amitest.RingGroup, amitest.RingGroupNobody, amitest.RingGroupNobody,
			amitest.DirectNoAnswer, amitest.DirectCancelled,
		},
	}.Events(amitest.Config{Name: "hq"}, began, calls)
	var entries []buffer.Entry
	for e := range stream {
		pos := crm.Position{Epoch: 1, Seq: uint64(len(entries) + 1)}
		at := began.Add(time.Duration(len(entries)) * 100 * time.Microsecond)
		entries = append(entries, buffer.Entry{Pos: pos, At: at, Kind: buffer.Frame, Data: []byte(e.Raw)})
	}
	return entries
}

// cpuTime returns the processor time that the process has used, garbage collection included.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
