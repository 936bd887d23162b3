package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"patchcord/ami/amitest/lab"
	"patchcord/crm"
)

// outage is a stretch in which there was no Asterisk, because it was killed.
type outage struct{ from, to time.Time }

// comparison holds records against what an Asterisk wrote.
type comparison struct {
	told    map[string]*told
	cdr     []lab.CDR
	records []*crm.Call
	gaps    []crm.Gap
	outages []outage

	wrong   []string
	by      map[string]*crm.Call // record by Linkedid
	altered int                  // records that say themselves that something was missed, and differ
	partial int                  // records that say so
}

const (
	clockSlack = 1500 * time.Millisecond // between what CEL says and when we heard it, on a busy machine
	killSlack  = time.Second             // what Asterisk had not written yet when it was killed
)

func (k *comparison) fault(format string, args ...any) {
	k.wrong = append(k.wrong, fmt.Sprintf(format, args...))
}

// run compares everything and returns what is wrong.
func (k *comparison) run() []string {
	k.index()
	for _, id := range sortedKeys(k.told) {
		c := k.by[id]
		if c == nil {
			k.lost(k.told[id])
			continue
		}
		k.same(k.told[id], c)
	}
	for _, c := range k.records {
		k.invented(c)
		k.marked(c)
	}
	k.ledger()
	return k.wrong
}

func (k *comparison) index() {
	k.by = map[string]*crm.Call{}
	for _, c := range k.records {
		for _, id := range c.Linkedids {
			if other := k.by[id]; other != nil {
				k.fault("Linkedid %s stands in two records, %s and %s", id, other.ID, c.ID)
			}
			k.by[id] = c
		}
	}
}

// lost judges a call that has no record: back-fill should have found it.
func (k *comparison) lost(c *told) {
	k.fault("CEL has Linkedid %s (%s to %s, in a gap: %v), no record has", c.linkedid, clock(c.began), clock(c.ended), k.inGap(c.began, c.ended))
}

// invented judges a record of what CEL does not have: that happens only in the last
// moment of an Asterisk that was killed, before it wrote what it had said.
func (k *comparison) invented(c *crm.Call) {
	for _, id := range c.Linkedids {
		if k.told[id] == nil && (c.Complete || !k.nearOutage(c.StartedAt.Time)) {
			k.fault("record %s has Linkedid %s, CEL has not", c.ID, id)
		}
	}
}

// same compares one call. A record may differ only if it says that it is not complete.
func (k *comparison) same(t *told, c *crm.Call) {
	if c.Open() {
		k.fault("record %s is open; CEL: %s to %s", c.ID, clock(t.began), clock(t.ended))
		return
	}
	whole := k.whole(c)
	k.answered(whole, c)
	k.bounded(whole, c)
	if whole.cutShort() {
		if c.Complete && k.nearOutage(c.EndedAt.Time) {
			return // its end was still said, and not written
		}
		if c.Complete || !slices.ContainsFunc(c.Gaps, func(g crm.CallGap) bool { return g.Cause == crm.GapPBXRestart }) {
			k.fault("record %s was alive when Asterisk was killed, and says complete = %v, gaps %+v", c.ID, c.Complete, c.Gaps)
		}
		return
	}
	d := differs(whole, c)
	if len(d) > 0 && c.Complete {
		k.fault("record %s says it is complete, and: %s", c.ID, strings.Join(d, "; "))
	}
	if len(d) > 0 {
		k.altered++
	}
	if !c.Complete && (len(c.Gaps) == 0 || !k.inGap(whole.began, whole.ended)) {
		k.fault("record %s (%s to %s) says it is incomplete and lies in no gap: %+v", c.ID, clock(whole.began), clock(whole.ended), c.Gaps)
	}
}

// differs compares what a record says with what CEL says of the same call.
func differs(t *told, c *crm.Call) (d []string) {
	if c.StartedAt.Sub(t.began).Abs() > clockSlack {
		d = append(d, fmt.Sprintf("started %s, really %s", clock(c.StartedAt.Time), clock(t.began)))
	}
	if c.EndedAt.Sub(t.ended).Abs() > clockSlack {
		d = append(d, fmt.Sprintf("ended %s, really %s", clock(c.EndedAt.Time), clock(t.ended)))
	}
	if !t.spoke.IsZero() && !c.AnsweredAt.IsZero() && c.AnsweredAt.Sub(t.spoke).Abs() > clockSlack {
		d = append(d, fmt.Sprintf("answered %s, really %s", clock(c.AnsweredAt.Time), clock(t.spoke)))
	}
	if got, want := offered(c), sortedKeys(t.rings); !slices.Equal(got, want) {
		d = append(d, fmt.Sprintf("offers %v, really %v", got, want))
	}
	return d
}

// bounded judges a record that says it is not complete: nothing in it is invented,
// and its end, when it was not heard, lies in the gap in which it came.
func (k *comparison) bounded(t *told, c *crm.Call) {
	if c.Complete {
		return
	}
	for _, o := range c.Offers {
		if _, ok := t.rings[uniqueidOf(c, o)]; !ok && !k.nearOutage(o.StartedAt.Time) {
			k.fault("record %s has an offer %s, CEL has no such call of a phone", c.ID, o.ID)
		}
	}
	if c.StartedAt.Sub(t.began).Abs() > clockSlack {
		k.fault("record %s began %s, really %s", c.ID, clock(c.StartedAt.Time), clock(t.began))
	}
	if t.cutShort() || c.EndedAt.Sub(t.ended).Abs() <= clockSlack {
		return
	}
	if first, last := earlier(c.EndedAt.Time, t.ended), later(c.EndedAt.Time, t.ended); !k.inOneGap(first, last) {
		k.fault("record %s ended %s, really %s, and no gap holds both", c.ID, clock(c.EndedAt.Time), clock(t.ended))
	}
}

// whole is what CEL says of all the Linkedids of a record together.
func (k *comparison) whole(c *crm.Call) *told {
	all := &told{rings: map[string]ring{}}
	cut := false
	for _, id := range c.Linkedids {
		t := k.told[id]
		if t == nil {
			continue
		}
		if all.began.IsZero() || t.began.Before(all.began) {
			all.began, all.linkedid = t.began, id
		}
		if all.spoke.IsZero() || !t.spoke.IsZero() && t.spoke.Before(all.spoke) {
			all.spoke = t.spoke
		}
		all.ended = later(all.ended, t.ended)
		cut = cut || t.cutShort()
		for id, r := range t.rings {
			all.rings[id] = r
		}
	}
	if cut {
		all.ended = time.Time{}
	}
	return all
}

// answered compares whether two people spoke. What happened in the last moment of
// a killed Asterisk may stand in one of the two only.
func (k *comparison) answered(t *told, c *crm.Call) {
	if (c.Outcome == crm.Answered) == !t.spoke.IsZero() {
		return
	}
	if t.cutShort() && k.nearOutage(c.AnsweredAt.Time) {
		return
	}
	k.fault("record %s (complete = %v) is %s; CEL: two people spoke at %s", c.ID, c.Complete, c.Outcome, clock(t.spoke))
}

// marked judges a record that says it is complete although part of it was not heard.
func (k *comparison) marked(c *crm.Call) {
	if !c.Complete {
		k.partial++
		return
	}
	for _, g := range k.gaps {
		from, to := later(g.StartedAt.Time, c.StartedAt.Time), earlier(g.EndedAt.Time, c.EndedAt.Time)
		if !g.EndedAt.IsZero() && to.Sub(from) > 200*time.Millisecond {
			k.fault("record %s says it is complete, and overlaps the gap %s to %s", c.ID, clock(g.StartedAt.Time), clock(g.EndedAt.Time))
		}
	}
}

// ledger holds CEL against CDR: the same calls, but for those of a killed Asterisk,
// and every conversation answered in both.
func (k *comparison) ledger() {
	answered := map[string]bool{}
	for _, l := range k.cdr {
		if k.told[l.Linkedid] == nil {
			k.fault("CDR has Linkedid %s, CEL has not", l.Linkedid)
		}
		answered[l.Linkedid] = answered[l.Linkedid] || l.Disposition == "ANSWERED" && l.DstChannel != ""
	}
	for id, t := range k.told {
		if _, ok := answered[id]; !ok && !t.cutShort() {
			k.fault("CEL has Linkedid %s, CDR has not", id)
		} else if ok && !t.spoke.IsZero() && !answered[id] {
			k.fault("two people spoke in %s by CEL, not by CDR", id)
		}
	}
}

// spoken counts the Linkedids in which two people spoke.
func (k *comparison) spoken() (n int) {
	for _, t := range k.told {
		if !t.spoke.IsZero() {
			n++
		}
	}
	return n
}

func (k *comparison) inGap(began, ended time.Time) bool {
	return slices.ContainsFunc(k.gaps, func(g crm.Gap) bool {
		after := !ended.IsZero() && g.StartedAt.After(ended.Add(clockSlack))
		before := !g.EndedAt.IsZero() && g.EndedAt.Before(began.Add(-clockSlack))
		return !after && !before
	})
}

func (k *comparison) inOneGap(first, last time.Time) bool {
	return slices.ContainsFunc(k.gaps, func(g crm.Gap) bool {
		return !g.StartedAt.After(first.Add(clockSlack)) && !g.EndedAt.Before(last.Add(-clockSlack))
	})
}

func (k *comparison) nearOutage(at time.Time) bool {
	return slices.ContainsFunc(k.outages, func(o outage) bool {
		return at.After(o.from.Add(-killSlack)) && at.Before(o.to)
	})
}

// offered returns the Uniqueids of the phones that the record says were called.
func offered(c *crm.Call) []string {
	list := []string{}
	for _, o := range c.Offers {
		list = append(list, uniqueidOf(c, o))
	}
	slices.Sort(list)
	return list
}

func uniqueidOf(c *crm.Call, o crm.Offer) string { return strings.TrimPrefix(o.ID, c.PBX+":") }

func sortedKeys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("15:04:05.000")
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
