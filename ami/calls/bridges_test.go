package calls

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

// TestTalksAreThoseOfTheBridges holds every recorded call against who was connected with whom.
func TestTalksAreThoseOfTheBridges(t *testing.T) {
	for _, flavour := range flavours {
		for _, name := range traces(t, flavour) {
			got, err := Fold(Config{PBX: "pbx"}, openTrace(t, flavour, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, wrong := range observe(t, openTrace(t, flavour, name)).against(got) {
				t.Errorf("%s/%s: %s", flavour, name, wrong)
			}
		}
	}
}

// against returns what of the records cannot be.
func (o *observer) against(records []*crm.Call) []string {
	c := comparison{o: o, met: o.long(), records: map[string]*crm.Call{}}
	c.linkedids(records)
	for _, r := range records {
		if r.Complete {
			c.record(r)
		}
	}
	for _, m := range c.met {
		c.meeting(m)
	}
	return c.wrong
}

// A comparison holds records against who met. The bridges do not tell who only asked
// somebody, so it says no more than what holds all the same.
type comparison struct {
	o       *observer
	met     []*meeting
	records map[string]*crm.Call // by Linkedid
	wrong   []string
}

func (c *comparison) report(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// clock is how a report tells an instant: seconds since the first channel came.
func (c *comparison) clock(at time.Time) string {
	if len(c.o.all) == 0 {
		return "?"
	}
	return fmt.Sprintf("%.1f", at.Sub(c.o.all[0].seen).Seconds())
}

// linkedids: every Linkedid of a phone or a trunk is in exactly one record.
func (c *comparison) linkedids(records []*crm.Call) {
	for _, r := range records {
		for _, id := range r.Linkedids {
			if c.records[id] != nil {
				c.report("Linkedid %s is in two records", id)
			}
			c.records[id] = r
		}
	}
	for _, p := range c.o.all {
		if c.records[p.lid] == nil {
			c.report("%s, of %s, is in no record", p, p.lid)
			c.records[p.lid] = &crm.Call{}
		}
	}
}

// in reports whether a person is one of a record's call.
func (c *comparison) in(r *crm.Call, p *person) bool { return c.records[p.lid] == r }

// record: who talks is connected with somebody all the while, hold apart, and begins
// and ends when that does; a call is answered if two people of it met, who called from outside being one.
func (c *comparison) record(r *crm.Call) {
	met, long := c.people(r, c.o.met), c.people(r, c.met)
	if answered := r.Outcome == crm.Answered; answered && !met || !answered && long {
		c.report("%s is %s, though two of it met: %v", r.ID, r.Outcome, met)
	}
	c.ended(r)
	for _, k := range r.Talks {
		if !k.StartedAt.IsZero() && !k.EndedAt.IsZero() {
			c.talk(r, k)
		}
	}
}

// people reports whether people of a call met: who called from outside with another, else any.
func (c *comparison) people(r *crm.Call, met []*meeting) bool {
	first := c.first(r)
	return slices.ContainsFunc(met, func(m *meeting) bool {
		if r.Direction == crm.Inbound {
			return m.a == first || m.b == first
		}
		return c.in(r, m.a) || c.in(r, m.b)
	})
}

func (c *comparison) talk(r *crm.Call, k crm.Talk) {
	is := func(p *person) bool { return p.ext == k.Extension && c.in(r, p) }
	whole := stretch{k.StartedAt.Time, k.EndedAt.Time}
	var with []stretch
	starts, ends, named := false, false, k.With == "" || k.Via == "conference"
	for _, m := range c.o.met {
		other := m.with(is)
		if other == nil {
			continue
		}
		with = append(with, stretch{m.from, m.to})
		starts = starts || m.from.Sub(whole.from).Abs() <= moveTime
		ends = ends || m.to.Sub(whole.to).Abs() <= moveTime
		for _, p := range []*person{m.a, m.b} {
			ends = ends || slices.ContainsFunc(c.o.left[p], func(at time.Time) bool { return at.Sub(whole.to).Abs() <= moveTime })
		}
		during := !m.from.After(whole.to) && !m.to.Before(whole.from)
		named = named || during && (other.String() == k.With || other.ext == "" && other.number == "")
	}
	what := fmt.Sprintf("%s: the talk of %q with %s from %s to %s", r.ID, k.Extension, k.With, c.clock(whole.from), c.clock(whole.to))
	if !starts {
		c.report("%s begins when nobody met him", what)
	}
	if !ends {
		c.report("%s ends when nobody left him", what)
	}
	if !named {
		c.report("%s: they did not meet", what)
	}
	var alone time.Duration
	for _, gap := range whole.without(with) {
		alone += gap.to.Sub(gap.from)
	}
	if hold := k.HoldMS; hold != nil && k.Via != "conference" && alone > hold.Duration()+moveTime {
		c.report("%s: he was alone for %v of it", what, alone)
	}
}

// meeting: whom the first outside party of a call is connected with has a talk, and so has each
// in a conference; where nobody is outside, one of the two has. It is no talk when somebody is
// only asked, by who has a talk meanwhile.
func (c *comparison) meeting(m *meeting) {
	r, s := c.records[m.a.lid], c.records[m.b.lid]
	first := c.first(r)
	switch {
	case r != s: // in a conference, where whoever came over a trunk has no talk of his own
		for p, r := range map[*person]*crm.Call{m.a: r, m.b: s} {
			if p.ext != "" && len(r.Linkedids) == 1 { // else the other call that it was joined with is its first party's
				c.covered(m, r, p)
			}
		}
	case first == m.a:
		c.covered(m, r, m.b)
	case first == m.b:
		c.covered(m, r, m.a)
	case first == nil:
		c.covered(m, r, m.a, m.b)
	}
}

// first returns the outside party that a call is held with: who called, else who was reached first; nil when there is none.
func (c *comparison) first(r *crm.Call) *person {
	var first *person
	for _, p := range c.o.all {
		if p.ext != "" || !c.in(r, p) || r.Direction != crm.Inbound && !c.metAnybody(p) {
			continue
		}
		if first == nil || !c.cameLater(p, first) && (c.cameLater(first, p) || cmp.Or(compareIDs(p.lid, first.lid), p.seen.Compare(first.seen)) < 0) {
			first = p
		}
	}
	return first
}

// cameLater reports whether p came when the other was with somebody of p's Linkedid already: the two were then of one call.
func (c *comparison) cameLater(p, other *person) bool {
	return slices.ContainsFunc(c.o.met, func(m *meeting) bool {
		with := m.with(func(q *person) bool { return q == other })
		return with != nil && with.lid == p.lid && m.from.Before(p.seen)
	})
}

func (c *comparison) metAnybody(p *person) bool {
	return slices.ContainsFunc(c.o.met, func(m *meeting) bool { return m.a == p || m.b == p })
}

// covered: one of those who are named has a talk in r for as long as the two are connected.
func (c *comparison) covered(m *meeting, r *crm.Call, who ...*person) {
	if !r.Complete {
		return
	}
	var talks []stretch
	for _, k := range r.Talks {
		s := stretch{k.StartedAt.Time, k.EndedAt.Time}
		if k.EndedAt.IsZero() {
			s.to = c.o.last
		}
		his := slices.ContainsFunc(who, func(p *person) bool { return p.ext == k.Extension || p.ext != "" && p.ext == k.With })
		if his {
			talks = append(talks, s)
		}
		if len(who) > 1 && his && m.from.Sub(s.from) > moveTime && s.to.After(m.from) {
			return // he asks
		}
	}
	if len(who) == 1 && c.asks(m, who[0]) {
		return
	}
	for _, gap := range (stretch{m.from, m.to}).without(talks) {
		c.report("%v met from %s to %s, and %v has no talk from %s to %s", m, c.clock(m.from), c.clock(m.to), who, c.clock(gap.from), c.clock(gap.to))
	}
}

// asks reports whether the other of the two only asks p: whom he had before is still there, and waits.
func (c *comparison) asks(m *meeting, p *person) bool {
	him := m.with(func(q *person) bool { return q == p })
	return slices.ContainsFunc(c.met, func(before *meeting) bool {
		waits := before.with(func(q *person) bool { return q == him })
		if waits == nil || waits == p || before.to.After(m.from) || waits.gone.Sub(m.from) <= moveTime {
			return false
		}
		return !slices.ContainsFunc(c.met, func(o *meeting) bool {
			return (o.a == waits || o.b == waits) && o.to.After(before.to) && o.from.Before(m.from)
		})
	})
}

// story tells both sides of a comparison.
func (o *observer) story(records []*crm.Call) string {
	c := comparison{o: o}
	var b strings.Builder
	for _, m := range o.long() {
		fmt.Fprintf(&b, "met: %v from %s to %s\n", m, c.clock(m.from), c.clock(m.to))
	}
	for _, r := range records {
		fmt.Fprintf(&b, "%s %s from %s: %s, ended by %s at %s\n", r.ID, r.Direction, r.From.Number, r.Outcome, r.EndedBy, c.clock(r.EndedAt.Time))
		for _, k := range r.Talks {
			fmt.Fprintf(&b, "  talk: %q with %s via %s from %s to %s, hold %v, asking %v\n", k.Extension, k.With, k.Via, c.clock(k.StartedAt.Time), c.clock(k.EndedAt.Time), ms(k.HoldMS), ms(k.ConsultMS))
		}
	}
	return b.String()
}

func ms(m *crm.Millis) any {
	if m == nil {
		return "?"
	}
	return *m
}

func walks(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.ami"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no walk in %s: %v", dir, err)
	}
	return paths
}

// TestWalks does the same for walks: those in the folder PATCHCORD_WALKS, as `make walks` places them on real servers, else
// some that are kept, the first of which found a fault.
func TestWalks(t *testing.T) {
	paths := walks(t, cmp.Or(os.Getenv("PATCHCORD_WALKS"), "../../testdata/walks"))
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".ami"), func(t *testing.T) {
			got, err := Fold(Config{PBX: "pbx"}, openPath(t, path))
			if err != nil {
				t.Fatal(err)
			}
			o := observe(t, openPath(t, path))
			wrong := append(o.against(got), celDifferences(got, celLinkedids(t, strings.TrimSuffix(path, "ami")+"cel.csv"))...)
			if len(wrong) > 0 {
				steps, _ := os.ReadFile(strings.TrimSuffix(path, "ami") + "steps")
				t.Errorf("%s\n%s\n%s", strings.Join(wrong, "\n"), steps, o.story(got))
			}
		})
	}
	t.Logf("%d walks", len(paths))
}
