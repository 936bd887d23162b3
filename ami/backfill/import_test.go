package backfill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/ami/calls"
	"patchcord/crm"
)

// history is a store for an import: memory, and settings.
type history struct {
	memory
	settings map[string][]byte
	breakAt  int // amendments until the store fails; 0 never
	amended  int
}

var errBroken = errors.New("the store is gone")

func newHistory() *history {
	return &history{memory: memory{calls: map[string]*crm.Call{}}, settings: map[string][]byte{}}
}

func (h *history) Amend(ctx context.Context, a crm.Amendment) (crm.Amended, error) {
	if h.amended++; h.breakAt > 0 && h.amended >= h.breakAt {
		return crm.Amended{}, errBroken
	}
	if !a.Quiet {
		return crm.Amended{}, errors.New("an import must not tell events")
	}
	return h.memory.Amend(ctx, a)
}

func (h *history) Setting(_ context.Context, key string) ([]byte, error) {
	if b, ok := h.settings[key]; ok {
		return b, nil
	}
	return nil, crm.ErrNotFound
}

func (h *history) SetSetting(_ context.Context, key string, value []byte, _ bool) error {
	h.settings[key] = value
	return nil
}

// years writes a CEL file of that many calls, one every ten minutes, every hundredth
// of them lasting five hours, and of more rows.
func years(t testing.TB, n int, rows ...CEL) string {
	t.Helper()
	for i := range n {
		lasting := time.Minute
		if i%100 == 50 {
			lasting = 5 * time.Hour
		}
		rows = append(rows, talk(firstRow.Add(time.Duration(i)*10*time.Minute), fmt.Sprint(i), lasting)...)
	}
	slices.SortStableFunc(rows, func(a, b CEL) int { return a.At.Compare(b.At) })
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%q,\"%d.%06d\",\"\",%q,\"\",\"\",\"\",%q,\"ctx\",%q,%q,%q,\"3\",\"\",%q,%q,\"\",\"\",\"\",\"%s\"\n",
			r.Type, r.At.Unix(), r.At.Nanosecond()/1000, r.Num, r.Exten, r.Channel, r.App, r.Data, r.Uniqueid, r.Linkedid,
			strings.ReplaceAll(r.Extra, `"`, `""`))
	}
	path := filepath.Join(t.TempDir(), "Master.csv")
	write(t, path, b.String(), time.Now())
	return path
}

func importOf(path string, h ImportStore) *Import {
	return &Import{
		By: crm.LedgerCEL, Store: h, Name: path,
		Ledgers: Ledgers{CEL: CELFile(path, nil, time.UTC, true), Fold: calls.Config{PBX: "hq", Tenant: "default"}},
	}
}

func TestImportGoesOnWhereItStopped(t *testing.T) {
	const n = 1200
	path := years(t, n)
	whole := newHistory()
	sum, err := importOf(path, whole).Run(t.Context())
	if err != nil || sum.Counts.Inserted != n || len(whole.calls) != n {
		t.Fatalf("got %+v, %v; want %d calls", sum, err, n)
	}
	cut := newHistory()
	cut.breakAt = 4
	if _, err := importOf(path, cut).Run(t.Context()); !errors.Is(err, errBroken) {
		t.Fatalf("got %v, want that the store is gone", err)
	}
	had := len(cut.calls)
	if had == 0 || had >= n {
		t.Fatalf("%d calls are stored when the store breaks, want some", had)
	}
	cut.breakAt = 0
	sum, err = importOf(path, cut).Run(t.Context())
	if err != nil || sum.Calls >= n {
		t.Errorf("got %d calls read again of %d, %v; want it to go on", sum.Calls, n, err)
	}
	equalCalls(t, cut.calls, whole.calls)
	if sum, err = importOf(path, cut).Run(t.Context()); err != nil || sum.Counts.Inserted+sum.Counts.Filled != 0 || sum.Calls > n/10 {
		t.Errorf("once more: got %+v, %v; want nothing new, and little read", sum, err)
	}
	again := importOf(path, cut)
	again.Again = true
	if sum, err = again.Run(t.Context()); err != nil || sum.Calls != n || sum.Counts.Same != n {
		t.Errorf("from the beginning: got %+v, %v; want %d calls, all known", sum, err, n)
	}
}

// A call that a killed Asterisk left without an end is stored as far as it is told, and
// does not keep an import from going on where it stopped.
func TestImportOfACallWithoutAnEnd(t *testing.T) {
	const n = 1200
	start := firstRow.Add(5 * time.Minute)
	path := years(t, n, talk(start, "999999", time.Hour)[:6]...)
	h := newHistory()
	h.breakAt = 5
	if _, err := importOf(path, h).Run(t.Context()); !errors.Is(err, errBroken) {
		t.Fatalf("got %v, want that the store is gone", err)
	}
	h.breakAt = 0
	sum, err := importOf(path, h).Run(t.Context())
	if err != nil || sum.Calls > n/2 || len(h.calls) != n+1 {
		t.Errorf("got %d calls read again of %d, %d stored, %v; want it to go on, and all stored", sum.Calls, n, len(h.calls), err)
	}
	c := h.calls["hq:"+itoa(start.Unix())+".9999991"]
	if c == nil || c.Complete || c.Outcome != crm.Answered || !c.EndedAt.Equal(start.Add(2*time.Second)) || c.EndedBy != crm.EndedBySystem {
		t.Errorf("got %+v, want the call as far as it is told", c)
	}
}

func equalCalls(t *testing.T, got, want map[string]*crm.Call) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %d calls, want %d", len(got), len(want))
	}
	for id, w := range want {
		g, _ := json.Marshal(got[id])
		if b, _ := json.Marshal(w); string(g) != string(b) {
			t.Fatalf("call %s: got %s, want %s", id, g, b)
		}
	}
}

func TestImportRefusesAnotherLedger(t *testing.T) {
	im := importOf(years(t, 1), newHistory())
	im.By = "qdr"
	if _, err := im.Run(t.Context()); err == nil {
		t.Error("got no error")
	}
}

// TestImportOfBothLedgersInAnyOrder imports CEL and CDR of every recorded trace of a
// flavour: whichever comes first, the same records come out, no Linkedid in two of them.
func TestImportOfBothLedgersInAnyOrder(t *testing.T) {
	for _, trace := range celTraces(t) {
		cdr := filepath.Join(traceDir, trace+".cdr.csv")
		l := Ledgers{
			CEL: CELFile(plain(t, filepath.Join(traceDir, trace+".cel.csv")), nil, time.UTC, true),
			CDR: CDRFile(plain(t, cdr), time.UTC, true), Fold: calls.Config{PBX: "pbx"},
		}
		var stores []*history
		for _, order := range [][]crm.Ledger{{crm.LedgerCEL, crm.LedgerCDR}, {crm.LedgerCDR, crm.LedgerCEL}} {
			h := newHistory()
			for _, by := range order {
				im := &Import{Ledgers: l, By: by, Store: linked{h}, Name: "x"}
				if _, err := im.Run(t.Context()); err != nil {
					t.Fatalf("%s: %v", trace, err)
				}
			}
			stores = append(stores, h)
		}
		equalCalls(t, stores[1].calls, stores[0].calls)
		seen := map[string]string{}
		for id, c := range stores[0].calls {
			for _, lid := range c.Linkedids {
				if other := seen[lid]; other != "" {
					t.Errorf("%s: %s is in %s and in %s", trace, lid, other, id)
				}
				seen[lid] = id
			}
		}
	}
}

// linked is a history that finds records by every Linkedid, and merges, as a store does.
type linked struct{ *history }

func (l linked) Amend(_ context.Context, a crm.Amendment) (sum crm.Amended, _ error) {
	for _, f := range a.Found {
		var known []*crm.Call
		for _, c := range l.calls {
			if slices.ContainsFunc(c.Linkedids, func(id string) bool { return slices.Contains(f.Call.Linkedids, id) }) {
				known = append(known, c)
			}
		}
		p := crm.PlanAmend(f, known)
		for _, m := range p.Merge {
			delete(l.calls, m.ID)
		}
		if p.Put != nil {
			l.calls[p.Put.ID] = p.Put
		}
		sum.Add(p.Counts)
	}
	return sum, nil
}
