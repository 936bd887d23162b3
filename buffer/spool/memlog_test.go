package spool

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// memLog is a buffer.Log in memory that can be away.
type memLog struct {
	mu      sync.Mutex
	entries map[string][]buffer.Entry // guarded by mu; by PBX
	away    bool                      // guarded by mu; nothing is answered
	deaf    bool                      // guarded by mu; only appends fail
	restore bool                      // guarded by mu; an append first fills in what the log has lost
	delay   time.Duration             // guarded by mu; of each append
	appends int                       // guarded by mu
}

func newMemLog() *memLog { return &memLog{entries: map[string][]buffer.Entry{}} }

func (m *memLog) setAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

func (m *memLog) all() []buffer.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.entries["hq"])
}

func (m *memLog) Append(ctx context.Context, pbx string, entries []buffer.Entry) (stored int, err error) {
	m.mu.Lock()
	delay := m.delay
	m.mu.Unlock()
	time.Sleep(delay)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.appends++; m.away || m.deaf || ctx.Err() != nil {
		return 0, buffer.ErrUnavailable
	}
	have := m.entries[pbx]
	top := topOf(have)
	for m.restore && top.Seq+1 < entries[0].Pos.Seq {
		have = append(have, entry(1, uint64(len(have))))
		top = topOf(have)
	}
	if top.Epoch > entries[0].Pos.Epoch {
		return 0, buffer.ErrFenced
	}
	for _, e := range entries {
		if e.Pos.Compare(top) > 0 {
			have = append(have, e)
			m.entries[pbx] = have
		} else if i := slices.IndexFunc(have, func(h buffer.Entry) bool { return h.Pos == e.Pos }); i < 0 || !equal(have[i], e) {
			return stored, fmt.Errorf("%w: %s", buffer.ErrConflict, e.Pos)
		}
		stored++
	}
	return stored, nil
}

func topOf(entries []buffer.Entry) crm.Position {
	if len(entries) == 0 {
		return crm.Position{}
	}
	return entries[len(entries)-1].Pos
}

func equal(a, b buffer.Entry) bool {
	return a.Pos == b.Pos && a.Kind == b.Kind && a.At.Equal(b.At) && bytes.Equal(a.Data, b.Data)
}

func (m *memLog) Read(ctx context.Context, pbx string, after crm.Position, limit int) (got []buffer.Entry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if m.away {
		return nil, buffer.ErrUnavailable
	}
	for _, e := range m.entries[pbx] {
		if e.Pos.Compare(after) > 0 && len(got) < limit {
			got = append(got, e)
		}
	}
	return got, nil
}

func (m *memLog) Top(_ context.Context, pbx string) (crm.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return crm.Position{}, buffer.ErrUnavailable
	}
	return topOf(m.entries[pbx]), nil
}

func (m *memLog) Trim(context.Context, string, crm.Position) error { return nil }
func (m *memLog) Close() error                                     { return nil }

func entry(epoch, seq uint64) buffer.Entry {
	return buffer.Entry{
		Pos: crm.Position{Epoch: epoch, Seq: seq}, Kind: buffer.Frame,
		At:   time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(seq) * time.Second),
		Data: bytes.Repeat([]byte{byte('a' + seq%26)}, int(20+seq*37%400)),
	}
}

// entries returns those from and until, both included.
func entries(epoch, from, until uint64) (es []buffer.Entry) {
	for seq := from; seq <= until; seq++ {
		es = append(es, entry(epoch, seq))
	}
	return es
}

func readAll(t testing.TB, l buffer.Log, after crm.Position) (all []buffer.Entry) {
	t.Helper()
	for {
		got, err := l.Read(t.Context(), "hq", after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			return all
		}
		all, after = append(all, got...), topOf(got)
	}
}

func wantSame(t testing.TB, got, want []buffer.Entry) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !equal(got[i], want[i]) {
			t.Fatalf("entry %d is %s %q, want %s %q", i, got[i].Pos, got[i].Data, want[i].Pos, want[i].Data)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("got %d entries, want %d", len(got), len(want))
	}
}

func contextOf(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
