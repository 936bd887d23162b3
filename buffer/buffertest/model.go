package buffertest

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"patchcord/buffer"
	"patchcord/crm"
)

// model is what a log must be: everything ever appended, and how much of it may be gone.
type model struct {
	t       testing.TB
	open    Place
	log     buffer.Log
	pbx     string
	all     []buffer.Entry
	trimmed crm.Position // entries below it may be gone
}

func testModel(t *testing.T, open Place) {
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := &model{t: t, open: open, log: open(t), pbx: "pbx" + string(rune('a'+run%26)) + rapid.StringMatching(`[a-z0-9]{12}`).Draw(rt, "pbx")}
		defer func() { _ = m.log.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.append, "repeat": m.repeat, "conflict": m.conflict, "fenced": m.fenced,
			"trim": m.trim, "reopen": m.reopen, "": m.checkTop,
		})
		m.check(rt)
	})
}

func (m *model) top() crm.Position {
	if len(m.all) == 0 {
		return crm.Position{}
	}
	return m.all[len(m.all)-1].Pos
}

// next draws entries after p, with holes between them and new epochs.
func next(rt *rapid.T, p crm.Position) (entries []buffer.Entry) {
	for range rapid.IntRange(0, 12).Draw(rt, "n") {
		if p.Epoch == 0 || rapid.IntRange(0, 19).Draw(rt, "new epoch") == 0 {
			p = pos(p.Epoch+rapid.Uint64Range(1, 3).Draw(rt, "epochs"), 0)
		} else {
			p.Seq += rapid.Uint64Range(1, 2).Draw(rt, "step")
		}
		e := frame(p.Epoch, p.Seq)
		e.Data = rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(rt, "data")
		entries = append(entries, e)
	}
	return entries
}

func (m *model) append(rt *rapid.T) {
	entries := next(rt, m.top())
	m.stores(rt, entries)
	m.all = append(m.all, entries...)
}

func (m *model) stores(rt *rapid.T, entries []buffer.Entry) {
	if n, err := m.log.Append(m.t.Context(), m.pbx, entries); err != nil || n != len(entries) {
		rt.Fatalf("append of %d: stored %d, %v", len(entries), n, err)
	}
}

// there returns the tail of the log that is in the latest epoch and was not trimmed.
func (m *model) there() []buffer.Entry {
	i, top := len(m.all), m.top()
	for i > 0 && m.all[i-1].Pos.Epoch == top.Epoch && m.all[i-1].Pos.Compare(m.trimmed) >= 0 {
		i--
	}
	return m.all[i:]
}

func (m *model) repeat(rt *rapid.T) {
	there := m.there()
	from := rapid.IntRange(0, len(there)).Draw(rt, "from")
	more := next(rt, m.top())
	m.stores(rt, append(slices.Clone(there[from:]), more...))
	m.all = append(m.all, more...)
}

func (m *model) conflict(rt *rapid.T) {
	there := slices.Clone(m.there())
	if len(there) == 0 {
		rt.Skip("nothing is there")
	}
	i := rapid.IntRange(0, len(there)-1).Draw(rt, "which")
	there[i].Data = append(slices.Clone(there[i].Data), '!')
	n, err := m.log.Append(m.t.Context(), m.pbx, append(there, next(rt, m.top())...))
	if !errors.Is(err, buffer.ErrConflict) || n != i {
		rt.Fatalf("got %d stored, %v; want %d, ErrConflict", n, err, i)
	}
}

func (m *model) fenced(rt *rapid.T) {
	if m.top().Epoch < 2 {
		rt.Skip("no older epoch")
	}
	older := frame(rapid.Uint64Range(1, m.top().Epoch-1).Draw(rt, "epoch"), rapid.Uint64Range(0, 100).Draw(rt, "seq"))
	if n, err := m.log.Append(m.t.Context(), m.pbx, []buffer.Entry{older}); !errors.Is(err, buffer.ErrFenced) || n != 0 {
		rt.Fatalf("got %d stored, %v; want 0, ErrFenced", n, err)
	}
}

func (m *model) trim(rt *rapid.T) {
	if len(m.all) == 0 {
		rt.Skip("nothing to trim")
	}
	below := rapid.SampledFrom(m.all).Draw(rt, "below").Pos
	if err := m.log.Trim(m.t.Context(), m.pbx, below); err != nil {
		rt.Fatal(err)
	}
	if below.Compare(m.trimmed) > 0 {
		m.trimmed = below
	}
}

func (m *model) reopen(rt *rapid.T) {
	if rapid.IntRange(0, 3).Draw(rt, "rarely") > 0 {
		rt.Skip("opening takes long")
	}
	if err := m.log.Close(); err != nil {
		rt.Fatal(err)
	}
	m.log = m.open(m.t)
	m.check(rt)
}

func (m *model) checkTop(rt *rapid.T) {
	if top, err := m.log.Top(m.t.Context(), m.pbx); err != nil || top != m.top() {
		rt.Fatalf("got top %s, %v; want %s", top, err, m.top())
	}
}

// check compares the whole content.
func (m *model) check(rt *rapid.T) {
	got := readAll(m.t, m.log, m.pbx, crm.Position{})
	if len(got) > len(m.all) {
		rt.Fatalf("got %d entries, %d were appended", len(got), len(m.all))
	}
	gone := m.all[:len(m.all)-len(got)] // a trim takes from the start
	for i, e := range got {
		if !equal(e, m.all[len(gone)+i]) {
			rt.Fatalf("entry %d: got %s, want %s", i, describe(e), describe(m.all[len(gone)+i]))
		}
	}
	for _, e := range gone {
		if e.Pos.Compare(m.trimmed) >= 0 {
			rt.Fatalf("%s is gone, though only entries below %s were trimmed", e.Pos, m.trimmed)
		}
	}
}
