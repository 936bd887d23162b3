package crmtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"patchcord/crm"
)

// EventCost compares what it costs to commit events in an empty store and in one with
// a long history: five pairs, one after the other, each on a new PBX. cpu tells the
// processor time of all that takes part. empty opens a new store each time.
func EventCost(t *testing.T, h *Stored, empty func() crm.Store, cpu func() time.Duration) {
	t.Helper()
	const pairs = 5
	var ratios []float64
	var more string
	for i := range pairs {
		name := fmt.Sprintf("pace%d-%d", i, time.Now().UnixNano())
		bare := commitEvents(t, empty(), name, cpu)
		full := commitEvents(t, h.Store, name, cpu)
		ratios = append(ratios, float64(full)/float64(bare))
		more += fmt.Sprintf(" %d/%d", full.Microseconds(), bare.Microseconds())
	}
	slices.Sort(ratios)
	Figure(t, h.Name+": CPU an event against an empty store", 1.25, ratios[pairs/2], "times", false,
		fmt.Sprintf("%d calls stored; us with and without:%s", h.Total, more))
}

// commitEvents commits the life of calls, twenty at a time: they ring, are answered and
// end, with an event and a state each. It returns the processor time of one event.
func commitEvents(t *testing.T, s crm.Store, name string, cpu func() time.Duration) time.Duration {
	t.Helper()
	const calls, batch = 2000, 20
	h := History{Calls: 800_000, Month: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	var lives [][3]*crm.Call
	for n := range calls {
		whole := h.Call(n)
		whole.ID, whole.PBX = name+whole.ID[len(HistoryPBX):], name
		ringing, talking := whole.Clone(), whole.Clone()
		ringing.EndedAt, ringing.Talks, ringing.Outcome, ringing.TalkMS = crm.Time{}, nil, "", nil
		talking.EndedAt, talking.Outcome, talking.TalkMS = crm.Time{}, "", nil
		lives = append(lives, [3]*crm.Call{ringing, talking, whole})
	}
	p := own(t, s, name, tenant)
	before := cpu()
	for some := range slices.Chunk(lives, batch) {
		for stage, typ := range []crm.EventType{crm.CallStarted, crm.CallUpdated, crm.CallEnded} {
			b := p.batch()
			b.State = map[string][]byte{}
			for i, life := range some {
				c := life[stage]
				b.Calls, b.Events = append(b.Calls, c), append(b.Events, p.event(b, i, typ, c))
				if b.State[c.ID] = []byte(c.ID); typ == crm.CallEnded {
					b.State[c.ID] = nil
				}
			}
			p.commit(b)
		}
	}
	return (cpu() - before) / (3 * calls)
}
