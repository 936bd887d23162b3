package crmtest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

// searchesFindWhatIsThere compares searches with a look at every call: calls of two
// years, in which kinds of calls come and go, of two tenants that name things alike.
func searchesFindWhatIsThere(t *testing.T, s crm.Store) {
	r := rand.New(rand.NewPCG(7, 7))
	own(t, s, "branch", "other").store(someCalls(r, "branch", "other", 200)...)
	calls := someCalls(r, "hq", tenant, 400)
	p := own(t, s, "hq", tenant)
	for part := range slices.Chunk(calls, 100) {
		p.store(part...)
	}
	slices.SortFunc(calls, func(a, b *crm.Call) int {
		return cmp.Or(b.StartedAt.Compare(a.StartedAt.Time), cmp.Compare(b.ID, a.ID))
	})
	for range 150 {
		f := someFilter(r)
		want := []string{}
		for _, c := range calls {
			if meets(c, &f) {
				want = append(want, c.ID)
			}
		}
		equal(t, fmt.Sprintf("calls of %+v", f), ids(t, s, tenant, f, 1+r.IntN(60)), want)
	}
}

func one(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// someCalls returns n calls of a PBX. Those of the first year are of other queues,
// outcomes and words than those of the second, but for a few.
func someCalls(r *rand.Rand, pbx, tenant string, n int) []*crm.Call {
	calls := make([]*crm.Call, n)
	for i := range calls {
		minute := r.IntN(2 * 365 * 24 * 60)
		if r.IntN(4) == 0 {
			minute = r.IntN(30) * 24 * 60
		}
		era := "late"
		if minute < 365*24*60 {
			era = "early"
		}
		if r.IntN(40) == 0 {
			era = "odd"
		}
		c := endedCall(fmt.Sprintf("%s:%d.1", pbx, i), minute, one(r, "ann", "bob", "eve-"+era), "101", one(r, "sales", "queue-"+era))
		c.PBX, c.Tenant, c.From.Name = pbx, tenant, one(r, "Ada", "Grace", era)+" "+one(r, "King", "Hopper")
		switch r.IntN(5) {
		case 0:
			c.Direction, c.QueueVisits, c.Offers[0].Queue = crm.Outbound, nil, ""
		case 1:
			c.Outcome, c.Talks, c.TalkMS = crm.Abandoned, nil, millis(0)
		case 2:
			c.TalkMS = millis(crm.Millis(r.IntN(1_500)))
		case 3:
			c.Recordings = []crm.Recording{{File: "a.wav"}}
		}
		if r.IntN(20) == 0 {
			c.Outcome, c.EndedAt = "", crm.Time{}
		}
		calls[i] = c
	}
	return calls
}

// someFilter narrows by two things or three.
func someFilter(r *rand.Rand) (f crm.CallFilter) {
	for range 2 + r.IntN(2) {
		switch r.IntN(10) {
		case 0:
			f.Agent = one(r, "ann", "bob", "eve-early", "eve-late", "eve-odd", "nobody")
		case 1:
			f.Queue = one(r, "sales", "queue-early", "queue-late", "queue-odd", "nowhere")
		case 2:
			f.Direction = crm.Direction(one(r, "inbound", "outbound", "internal"))
		case 3:
			f.Outcome = crm.Outcome(one(r, "answered", "abandoned", "busy"))
		case 4:
			yes := r.IntN(2) == 0
			f.HasRecording = &yes
		case 5:
			f.MinTalk = []time.Duration{time.Millisecond, 700 * time.Millisecond, time.Second, time.Minute, time.Hour}[r.IntN(5)]
		case 6:
			f.Q = one(r, "ada", "king", "grace hopper", "early", "late", "odd", "xylophone")
		case 7:
			f.From = at(r.IntN(2 * 365 * 24 * 60)).Time
		case 8:
			f.Until = at(r.IntN(2 * 365 * 24 * 60)).Time
		case 9:
			f.OfferedTo = one(r, "ann", "eve-early")
		}
	}
	return f
}

// meets looks at the call as it is.
func meets(c *crm.Call, f *crm.CallFilter) bool {
	queue := len(c.QueueVisits) > 0 && c.QueueVisits[0].Queue == f.Queue
	for _, w := range strings.Fields(f.Q) {
		if !slices.Contains(strings.Fields(strings.ToLower(c.From.Name)), w) {
			return false
		}
	}
	return (f.Agent == "" || c.Offers[0].Agent == f.Agent) && (f.OfferedTo == "" || c.Offers[0].Agent == f.OfferedTo) &&
		(f.Queue == "" || queue) && (f.Direction == "" || c.Direction == f.Direction) && (f.Outcome == "" || c.Outcome == f.Outcome) &&
		(f.HasRecording == nil || *f.HasRecording == (len(c.Recordings) > 0)) && c.TalkMS.Duration() >= f.MinTalk &&
		(f.From.IsZero() || !c.StartedAt.Before(f.From)) && (f.Until.IsZero() || c.StartedAt.Before(f.Until))
}
