package backfill

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"patchcord/ami/calls"
	"patchcord/crm"
)

func crmTime(t time.Time) crm.Time { return crm.At(t) }

// FoldCEL returns the calls of a group, in order of their start. The records say what
// CEL knows: fields that it cannot know (when a phone rang, hold, recordings,
// attributes, the place in a queue) are absent. They are not complete, and their gaps
// are for the caller to say. A group that has not ended gives open calls; with cut they
// ended then, because the PBX is no more the same process.
func FoldCEL(cfg calls.Config, g Group, cut time.Time) ([]*crm.Call, error) {
	tracker, err := calls.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("fold CEL: %w", err)
	}
	classes, err := calls.NewClassifier(cfg)
	if err != nil {
		return nil, fmt.Errorf("fold CEL: %w", err)
	}
	f := &celFold{tracker: tracker, records: map[string]*crm.Call{}, merged: map[string]bool{}}
	t := newTeller(g.Rows, classes.Trunk, f.apply)
	if t.cut = !cut.IsZero(); t.cut {
		t.input(calls.Input{At: g.Rows[0].At, Kind: calls.Connected, Boot: bootBefore})
	}
	t.all()
	if t.cut {
		t.input(calls.Input{At: cut, Kind: calls.Lost, Cause: crm.GapPBXRestart})
		t.input(calls.Input{At: cut, Kind: calls.Connected, Boot: bootAfter})
	}
	f.drain()
	var out []*crm.Call
	for id, c := range f.records {
		if !f.merged[id] {
			out = append(out, onlyKnown(c, t))
		}
	}
	slices.SortFunc(out, func(a, b *crm.Call) int {
		if d := a.StartedAt.Compare(b.StartedAt.Time); d != 0 {
			return d
		}
		return compareText(a.ID, b.ID)
	})
	return out, nil
}

// Two different starts of a process; which ones does not matter, they are not kept.
var (
	bootBefore = time.Unix(1, 0)
	bootAfter  = time.Unix(1_000_000, 0)
)

type celFold struct {
	tracker *calls.Tracker
	records map[string]*crm.Call
	merged  map[string]bool
	n       int
}

// drainEvery is how many frames are folded before records are collected.
const drainEvery = 2000

func (f *celFold) apply(in calls.Input) {
	for _, e := range f.tracker.Apply(in) {
		if e.Type == crm.CallMerged {
			f.merged[e.Call.ID] = true
		}
	}
	if f.n++; f.n%drainEvery == 0 {
		f.drain()
	}
}

func (f *celFold) drain() {
	for _, c := range f.tracker.Drain().Calls {
		f.records[c.ID] = c
	}
}

// onlyKnown takes out of a record what was assumed to tell the rows again.
func onlyKnown(record *crm.Call, t *teller) *crm.Call {
	c := record.Clone()
	c.Boot, c.RingMS, c.HoldMS, c.WaitMS = crm.Time{}, nil, nil, nil
	c.Recordings, c.Attributes, c.Gaps, c.Complete = nil, nil, nil, false
	for i := range c.Offers {
		o := &c.Offers[i]
		o.RingMS, o.ShownName = nil, ""
		if t.unclear[strings.TrimPrefix(o.ID, c.PBX+":")] {
			o.Result, o.By = "", ""
		}
	}
	for i := range c.FarEnds {
		c.FarEnds[i].RingMS = nil
	}
	for i := range c.Talks {
		c.Talks[i].HoldMS, c.Talks[i].ConsultMS = nil, nil
	}
	for i := range c.QueueVisits {
		t.knownOf(&c.QueueVisits[i])
	}
	if c.Outcome == crm.SelfService {
		c.Outcome = "" // a queue that let nobody in, or a voicemail that played nothing, would look the same
	}
	if !t.tellsHangups() && !t.cut {
		c.EndedBy = ""
		if c.Outcome != crm.Answered && c.Outcome != crm.Voicemail {
			c.Outcome = ""
		}
	}
	return c
}

// knownOf takes out of a visit what is not known: the entry, when the caller was only
// seen in the queue later, and the end, when he neither was connected nor hung up.
func (t *teller) knownOf(v *crm.QueueVisit) {
	if v.Result != "connected" && v.Result != "abandoned" {
		v.Result, v.LeftAt, v.WaitMS = "", crm.Time{}, nil
	}
	if t.guessed[v.EnteredAt] {
		v.EnteredAt, v.WaitMS = crm.Time{}, nil
	}
}

// tellsHangups reports whether the rows say who asked for hang-ups: without the column
// extra they do not.
func (t *teller) tellsHangups() bool {
	return slices.ContainsFunc(t.rows, func(r CEL) bool { return r.Type == "HANGUP" && r.Extra != "" })
}

func compareText(a, b string) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}
