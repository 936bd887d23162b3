package calls

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"patchcord/ami"
	"patchcord/crm"
)

// TestLawCheckpoint: whoever goes on from the rows of any checkpoint concludes the
// same, and tells the same events.
func TestLawCheckpoint(t *testing.T) {
	for i, s := range everyStory(t, "load-50") {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			want := tellAll(t, s.inputs)
			got := newTeller(t, lawConfig)
			for n, in := range s.inputs {
				got.tell(in)
				if (n+i)%7 == 0 {
					got.drain()
					got.crash(t)
				}
			}
			sameRecords(t, "after crashes", got.told(t), want.told(t))
			if g, w := got.eventText(t), want.eventText(t); !slices.Equal(g, w) {
				t.Errorf("events differ: got %d, want %d", len(g), len(w))
				for k := range min(len(g), len(w)) {
					if g[k] != w[k] {
						a, b := apart(g[k], w[k])
						t.Errorf("event %d:\n got %s\nwant %s", k, a, b)
						break
					}
				}
			}
		})
	}
}

// TestLawTwice: inputs delivered again change nothing and tell nothing.
func TestLawTwice(t *testing.T) {
	for _, s := range everyStory(t, "load-50") {
		want := tellAll(t, s.inputs)
		got := newTeller(t, lawConfig)
		for i, in := range s.inputs {
			got.tell(in)
			got.tell(s.inputs[max(0, i-i%11) : i+1]...)
		}
		sameRecords(t, s.name, got.told(t), want.told(t))
		if len(got.events) != len(want.events) {
			t.Errorf("%s: %d events, want %d", s.name, len(got.events), len(want.events))
		}
	}
}

// TestLawShuffle: two calls that have nothing to do with each other come out the same
// however their frames are mixed.
func TestLawShuffle(t *testing.T) {
	singles := everyStory(t, "load", "midcall", "conference", "login", "idle", "resync")
	rapid.Check(t, func(rt *rapid.T) {
		a := rapid.SampledFrom(singles).Draw(rt, "a")
		b := rapid.SampledFrom(singles).Draw(rt, "b")
		seed := rapid.Uint64().Draw(rt, "seed")
		one, two := frames(a), renamed(frames(b))
		want := tellAll(t, one).told(t)
		maps.Copy(want, tellAll(t, two).told(t))
		got := tellAll(t, shuffle(one, two, seed)).told(t)
		sameRecords(rt, a.name+" with "+b.name, got, want)
	})
}

// frames returns a story's frames alone, without positions and boots.
func frames(s story) []Input {
	var out []Input
	for _, in := range s.inputs {
		if in.Kind == Frame && in.Msg.Event() != "FullyBooted" {
			in.Pos = crm.Position{}
			out = append(out, in)
		}
	}
	return out
}

// renamed gives channels, phones and bridges of a log other names, as those of other
// people's calls have.
func renamed(inputs []Input) []Input {
	r := strings.NewReplacer("Uniqueid: ", "Uniqueid: z-", "Linkedid: ", "Linkedid: z-", "UniqueId: ", "UniqueId: z-",
		"PJSIP/1", "PJSIP/7", "SIP/1", "SIP/7", "Local/", "Local/0", "PJSIP/trunk-", "PJSIP/trunk-z")
	out := make([]Input, len(inputs))
	for i, in := range inputs {
		in.Msg = ami.NewMessage(r.Replace(in.Msg.Raw()))
		out[i] = in
	}
	return out
}

func shuffle(a, b []Input, seed uint64) []Input {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var out []Input
	for len(a) > 0 || len(b) > 0 {
		from := &a
		if len(a) == 0 || len(b) > 0 && rnd.IntN(len(a)+len(b)) >= len(a) {
			from = &b
		}
		out = append(out, (*from)[0])
		*from = (*from)[1:]
	}
	return out
}

// TestLawOrder: the order of events of different channels, within milliseconds, varies
// from run to run, and changes nothing but times.
func TestLawOrder(t *testing.T) {
	for _, s := range everyStory(t, "load-50", "login", "midcall") {
		var list []Input
		for _, in := range frames(s) {
			if name := in.Msg.Event(); handlers(name) != nil || name == "VarSet" || name == "Newexten" {
				list = append(list, in)
			}
		}
		want := tellAll(t, list).told(t)
		for seed := range uint64(2) {
			got := tellAll(t, jittered(list, seed)).told(t)
			for id := range want {
				if g, w := untimed(t, got[id]), untimed(t, want[id]); g != w {
					a, b := apart(g, w)
					t.Errorf("%s, seed %d:\n got …%s\nwant …%s", s.name, seed, a, b)
				}
			}
		}
	}
}

// jittered swaps neighbours that came within 4 ms and name no channel in common.
func jittered(list []Input, seed uint64) []Input {
	rnd := rand.New(rand.NewPCG(seed, 7))
	list = slices.Clone(list)
	for range 4 {
		for i := 0; i+1 < len(list); i++ {
			a, b := &list[i], &list[i+1]
			if rnd.IntN(2) == 0 || b.At.Sub(a.At) > 4*time.Millisecond || shareChannel(a.Msg, b.Msg) {
				continue
			}
			a.Msg, b.Msg = b.Msg, a.Msg
		}
	}
	return list
}

func shareChannel(a, b ami.Message) bool {
	ids := map[string]bool{}
	for _, m := range []ami.Message{a, b} {
		for k, v := range m.All() {
			if !strings.HasSuffix(strings.ToLower(k), "uniqueid") || strings.Contains(k, "Bridge") || v == "" {
				continue
			}
			if m == b && ids[v] {
				return true
			}
			ids[v] = ids[v] || m == a
		}
	}
	return false
}

// untimed returns a record without its times, and lists of things that began together in one order.
func untimed(t testing.TB, record string) string {
	t.Helper()
	var c crm.Call
	if err := json.Unmarshal([]byte(record), &c); err != nil {
		t.Fatalf("%v: %q", err, record)
	}
	slices.SortFunc(c.Offers, func(a, b crm.Offer) int { return strings.Compare(a.ID, b.ID) })
	for i := range c.Conferences {
		slices.Sort(c.Conferences[i].With)
	}
	return times.ReplaceAllString(text(t, &c), "")
}

var times = regexp.MustCompile(`"(\w+_)?at":"[^"]*",?|"\w+_ms":\d+,?`)

// TestLawPrefix: however early the log ends, what was told holds: no call is told of
// twice, ids stay, what has ended once stays ended, and who talked has talked.
func TestLawPrefix(t *testing.T) {
	for _, s := range everyStory(t, "load-50") {
		tr, err := New(lawConfig)
		if err != nil {
			t.Fatal(err)
		}
		started, ended := map[string]bool{}, map[string]bool{}
		talked := map[string]map[string]bool{} // by call id, as of the last look
		for _, in := range s.inputs {
			for _, e := range tr.Apply(in) {
				id := e.Subject()
				switch e.Type {
				case crm.CallStarted:
					if started[id] {
						t.Errorf("%s: %s began twice", s.name, id)
					}
					started[id] = true
				case crm.CallEnded:
					if ended[id] {
						t.Errorf("%s: %s ended twice", s.name, id)
					}
					ended[id] = true
					has := whoTalked(e.Call)
					for k := range talked[id] {
						if !has[k] {
							t.Errorf("%s: %s ended without a talk that it had: %s", s.name, id, k)
						}
					}
				case crm.CallMerged:
					delete(started, id)
				}
			}
			if in.Pos.Seq%8 != 0 {
				continue
			}
			for _, c := range tr.Open() {
				if err := plausible(c); err != nil {
					t.Errorf("%s: %v: %s", s.name, err, text(t, c))
				}
				if ended[c.ID] {
					t.Errorf("%s: %s is open again", s.name, c.ID)
				}
				talked[c.ID] = whoTalked(c)
			}
		}
		for id := range started {
			if !ended[id] && len(tr.Open()) == 0 {
				t.Errorf("%s: %s never ended", s.name, id)
			}
		}
	}
}

// whoTalked returns who talked with whom, and since when.
func whoTalked(c *crm.Call) map[string]bool {
	talks := map[string]bool{}
	for _, k := range c.Talks {
		talks[fmt.Sprint(k.Extension, " with ", k.With, " since ", k.StartedAt)] = true
	}
	return talks
}

// plausible checks what holds for every record at any time.
func plausible(c *crm.Call) error {
	for _, k := range c.Talks {
		if !k.EndedAt.IsZero() && k.EndedAt.Before(k.StartedAt.Time) {
			return fmt.Errorf("a talk ends before it begins")
		}
		// a click may call two outside numbers
		if k.Extension == "" && c.Direction != crm.Inbound && len(c.Transfers) == 0 && len(c.FarEnds) < 2 {
			return fmt.Errorf("a talk without extension")
		}
	}
	for _, o := range c.Offers {
		if o.Result != "" && o.EndedAt.IsZero() != c.StartedAt.IsZero() {
			return fmt.Errorf("an offer with a result has not ended")
		}
	}
	if c.Open() && c.EndedBy != "" || c.Outcome == crm.Answered && c.AnsweredAt.IsZero() && c.Complete && !c.StartedAt.IsZero() {
		return fmt.Errorf("it says more than it can know")
	}
	return nil
}

// TestLawAgain: the frames of the last 30 s come again, as from a second session that
// overlaps the first: each time their own text, later, at new positions.
// Not after a kill: another process repeats nothing.
func TestLawAgain(t *testing.T) {
	for _, s := range everyStory(t, "load-50", "midcall", "sigkill-everywhere", "sigkill-asking") {
		want := tellAll(t, frames(s)).told(t)
		got := newTeller(t, lawConfig)
		list := frames(s)
		got.tell(list...)
		for _, in := range list {
			if !in.At.IsZero() {
				in.At = in.At.Add(time.Second)
			}
			got.tell(in)
		}
		sameRecords(t, s.name, got.told(t), want)
	}
}

// TestLawOverlap: a second session that begins before the first one's last frames, as
// when one node takes over from another, changes nothing. Without Timestamps its first
// new frame must not be one that came before in the same words: nobody can tell which it is.
func TestLawOverlap(t *testing.T) {
	stories := everyStory(t, "load-50", "midcall", "sigkill", "login", "idle")
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.SampledFrom(stories).Draw(rt, "story")
		list := frames(s)
		if len(list) == 0 {
			return
		}
		cut := rapid.IntRange(0, len(list)-1).Draw(rt, "cut")
		from := rapid.IntRange(0, cut).Draw(rt, "from")
		for !list[cut].At.IsZero() && list[cut].At.Sub(list[from].At) > 25*time.Second {
			from++
		}
		if slices.ContainsFunc(list[:cut], func(in Input) bool { return in.Msg == list[cut].Msg }) {
			return
		}
		crash := rapid.Bool().Draw(rt, "crash")
		want := newTeller(t, lawConfig)
		want.tell(Input{Kind: Connected})
		want.tell(list...)
		got := newTeller(t, lawConfig)
		got.tell(Input{Kind: Connected})
		got.tell(list[:cut]...)
		got.tell(Input{Kind: Connected, At: list[cut].At})
		if crash {
			got.drain()
			got.crash(t)
		}
		got.tell(list[from:]...)
		sameRecords(rt, s.name, got.told(t), want.told(t))
	})
}
