package backfill

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/ami/calls"
	"patchcord/crm"
)

func cdrCalls(t testing.TB, trace string) []*crm.Call {
	t.Helper()
	l := Ledgers{CDR: CDRFile(plain(t, filepath.Join(traceDir, trace+".cdr.csv")), time.UTC, true), Fold: calls.Config{PBX: "pbx"}}
	var out []*crm.Call
	if _, err := l.EachCDR(context.Background(), time.Time{}, func(c *crm.Call) error {
		out = append(out, c)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(out, func(a, b *crm.Call) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	return out
}

// TestCDRAgreesWhereItTells holds, for every recorded trace that is one plain call, what
// CDR tells against the expected record: who called whom, and whether somebody answered.
func TestCDRAgreesWhereItTells(t *testing.T) {
	compared := 0
	for _, trace := range celTraces(t) {
		name := filepath.Base(trace)
		plainCall := strings.HasPrefix(name, "direct-") || strings.HasPrefix(name, "inbound-queue-") || strings.HasPrefix(name, "outbound-") || strings.HasPrefix(name, "blind-transfer-refer")
		raw, ok := expectation(t, trace)
		if !ok || !plainCall || strings.Contains(trace, "distro") {
			continue
		}
		b, _ := json.Marshal(raw)
		var want []*struct {
			Direction crm.Direction `json:"direction"`
			Outcome   crm.Outcome   `json:"outcome"`
			From      crm.Party     `json:"from"`
			To        crm.Party     `json:"to"`
			Linkedids int           `json:"linkedids_count"`
		}
		if json.Unmarshal(b, &want) != nil || len(want) != 1 || want[0].Linkedids > 1 {
			continue // CDR does not know which calls were joined
		}
		got := cdrCalls(t, trace)
		if len(got) == 0 {
			continue // unanswered=no, and nobody answered
		}
		g, w := got[0], want[0]
		if len(got) != 1 || g.Direction != w.Direction || g.From.Number != w.From.Number {
			t.Errorf("%s: got %d calls, %s from %s; want one, %s from %s", trace, len(got), g.Direction, g.From.Number, w.Direction, w.From.Number)
		}
		if g.Outcome != "" && g.Outcome != w.Outcome || w.Outcome == crm.Answered && g.Outcome != crm.Answered {
			t.Errorf("%s: got outcome %q, want %q", trace, g.Outcome, w.Outcome)
		}
		if (g.TalkMS != nil) != (w.Outcome == crm.Answered) || len(g.Offers) != 0 || g.EndedBy != "" {
			t.Errorf("%s: it says more than CDR knows: %+v", trace, g)
		}
		compared++
	}
	if compared < 40 {
		t.Errorf("%d calls were compared, want 40 at least", compared)
	}
}
