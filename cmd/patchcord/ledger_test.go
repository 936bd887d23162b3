package main

import (
	"fmt"
	"slices"
	"time"

	"patchcord/ami/amitest"
	"patchcord/crm"
)

// tolerance is how far a time in a record may lie from the truth: events of one
// moment leave a PBX a few milliseconds apart.
const tolerance = 60 * time.Millisecond

// differences says in which fields a record is not what really happened. The
// record's open end, if any, is a difference too.
func differences(truth amitest.Call, c *crm.Call) []string {
	var d diff
	d.text("direction", truth.Direction, string(c.Direction))
	d.text("outcome", truth.Outcome, string(c.Outcome))
	d.text("ended_by", truth.EndedBy, string(c.EndedBy))
	d.text("from.number", truth.From.Number, string(c.From.Number))
	d.text("from.name", truth.From.Name, c.From.Name)
	d.text("to.number", truth.To.Number, string(c.To.Number))
	d.time("started_at", truth.StartedAt, c.StartedAt)
	d.time("answered_at", truth.AnsweredAt, c.AnsweredAt)
	d.time("ended_at", truth.EndedAt, c.EndedAt)
	d.millis("wait_ms", truth.WaitMS, c.WaitMS)
	d.millis("talk_ms", truth.TalkMS, c.TalkMS)
	d.millis("hold_ms", truth.HoldMS, c.HoldMS)
	d.offers(truth.Offers, c.Offers)
	d.talks(truth.Talks, c.Talks)
	d.visits(truth.QueueVisits, c.QueueVisits)
	if d.count("transfers", len(truth.Transfers), len(c.Transfers)) {
		for i, t := range truth.Transfers {
			d.text(fmt.Sprintf("transfers[%d]", i), fmt.Sprint(t.Kind, t.By, t.To, t.Completed),
				fmt.Sprint(c.Transfers[i].Kind, c.Transfers[i].By, c.Transfers[i].To, c.Transfers[i].Completed))
		}
	}
	if d.count("far_ends", len(truth.FarEnds), len(c.FarEnds)) {
		for i, f := range truth.FarEnds {
			d.text(fmt.Sprintf("far_ends[%d]", i), f.Number+" "+f.Result, string(c.FarEnds[i].Number)+" "+string(c.FarEnds[i].Result))
		}
	}
	return d
}

type diff []string

func (d *diff) add(field string, want, got any) {
	*d = append(*d, fmt.Sprintf("%s: %v, really %v", field, got, want))
}

func (d *diff) text(field, want, got string) {
	if want != got {
		d.add(field, want, got)
	}
}

func (d *diff) count(field string, want, got int) bool {
	if want != got {
		d.add("number of "+field, want, got)
	}
	return want == got
}

func (d *diff) time(field string, want amitest.Time, got crm.Time) {
	if want.IsZero() != got.IsZero() || got.Sub(want.Time).Abs() > tolerance {
		d.add(field, want.UTC().Format("15:04:05.000"), got.UTC().Format("15:04:05.000"))
	}
}

func (d *diff) millis(field string, want int64, got *crm.Millis) {
	if got == nil || (got.Duration()-time.Duration(want)*time.Millisecond).Abs() > 2*tolerance {
		d.add(field, want, got.Duration())
	}
}

func (d *diff) offers(want []amitest.Offer, got []crm.Offer) {
	if !d.count("offers", len(want), len(got)) {
		return
	}
	for _, w := range want { // rings of one moment may stand in any order
		i := slices.IndexFunc(got, func(o crm.Offer) bool { return o.ID == w.ID })
		if i < 0 {
			d.add("offer of "+w.Extension, w.ID, "missing")
			continue
		}
		g := got[i]
		d.text("offer of "+w.Extension, w.Extension+" "+w.Queue+" "+w.Result+" "+w.By, g.Extension+" "+g.Queue+" "+string(g.Result)+" "+g.By)
		d.time("offer.started_at", w.StartedAt, g.StartedAt)
		d.millis("offer.ring_ms", w.RingMS, g.RingMS)
	}
}

func (d *diff) talks(want []amitest.Talk, got []crm.Talk) {
	if !d.count("talks", len(want), len(got)) {
		return
	}
	for i, w := range want {
		g := got[i]
		d.text(fmt.Sprintf("talks[%d]", i), w.Extension+" "+w.With+" "+w.Via, g.Extension+" "+g.With+" "+g.Via)
		d.time(fmt.Sprintf("talks[%d].started_at", i), w.StartedAt, g.StartedAt)
		d.time(fmt.Sprintf("talks[%d].ended_at", i), w.EndedAt, g.EndedAt)
		d.millis(fmt.Sprintf("talks[%d].hold_ms", i), w.HoldMS, g.HoldMS)
	}
}

func (d *diff) visits(want []amitest.QueueVisit, got []crm.QueueVisit) {
	if !d.count("queue_visits", len(want), len(got)) {
		return
	}
	for i, w := range want {
		g := got[i]
		d.text(fmt.Sprintf("queue_visits[%d]", i), fmt.Sprint(w.Queue, w.Position, w.Result), fmt.Sprint(g.Queue, g.Position, g.Result))
		d.millis(fmt.Sprintf("queue_visits[%d].wait_ms", i), w.WaitMS, g.WaitMS)
	}
}

// overlapsGap reports whether the call lies, in part, in one of the gaps.
func overlapsGap(truth amitest.Call, gaps []crm.Gap) bool {
	for _, g := range gaps {
		began := truth.EndedAt.IsZero() || !g.StartedAt.After(truth.EndedAt.Add(time.Second))
		ended := g.EndedAt.IsZero() || !g.EndedAt.Before(truth.StartedAt.Add(-time.Second))
		if began && ended {
			return true
		}
	}
	return false
}
