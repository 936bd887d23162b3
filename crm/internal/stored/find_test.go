package stored

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"patchcord/crm"
)

// shelf is a Source of calls in memory that counts what it is made to look at.
type shelf struct {
	calls  []Row // newest first
	q      *Query
	looked int
	asked  int
	terms  []string // it was asked for
	known  int      // of earlier months it is not known what calls they have
	coded  int      // in earlier months no term tells of disposition and time
}

func (s *shelf) matches(r *Row) bool {
	has := strings.Fields(r.Terms)
	for _, t := range s.q.Terms {
		if !slices.Contains(has, t) {
			return false
		}
	}
	return r.TalkMS >= s.q.MinTalkMS
}

func under(r *Row, below *Place) bool {
	return below == nil || r.Started < below.Started || r.Started == below.Started && r.ID < below.ID
}

func hit(r *Row) Hit { return Hit{Place: Place{r.Started, r.ID}} }

func (s *shelf) Walk(_ context.Context, below *Place, want, budget int) (hits []Hit, end *Place, err error) {
	n := 0
	for i := range s.calls {
		r := &s.calls[i]
		if !under(r, below) || len(s.q.Keys) > 0 && !slices.Contains(r.Keys, s.q.Keys[0]) {
			continue
		}
		if n++; budget > 0 && n > budget {
			return hits, end, nil
		}
		s.looked++
		end = &Place{r.Started, r.ID}
		if s.matches(r) {
			hits = append(hits, hit(r))
		}
		if len(hits) == want {
			break
		}
	}
	return hits, nil, nil
}

func (s *shelf) Ask(_ context.Context, term string, lo int64, below *Place, want, budget int) (hits []Hit, full bool, err error) {
	n := 0
	s.asked++
	s.terms = append(s.terms, term)
	for i := range s.calls {
		r := &s.calls[i]
		if term != "" && !slices.Contains(strings.Fields(r.Terms), term) || !s.matches(r) {
			continue
		}
		if n++; n > budget {
			return nil, true, nil
		}
		s.looked++
		if len(hits) < want && r.Started >= lo && under(r, below) {
			hits = append(hits, hit(r))
		}
	}
	return hits, false, nil
}

func (s *shelf) Newest(_ context.Context, below *Place) (int64, bool, error) {
	for i := range s.calls {
		if under(&s.calls[i], below) {
			s.looked++
			return s.calls[i].Started, true, nil
		}
	}
	return 0, false, nil
}

// Months goes through the kinds of all calls; of those before known it does not tell.
func (s *shelf) Months(context.Context) (Months, error) {
	m := Months{Known: s.known}
	for i := range s.calls {
		for _, k := range s.calls[i].Kinds {
			has := k.Key == s.q.FacetsOf && k.Month >= s.known && !slices.Contains(m.Has, k.Month)
			for _, f := range s.q.Facets {
				has = has && strings.Contains(k.Facets, f)
			}
			if has {
				m.Has = append(m.Has, k.Month)
			}
		}
	}
	return m, nil
}

func (s *shelf) Coded(context.Context) (int, error) { return s.coded, nil }

// uncode takes from the calls of before s.coded the terms that tell of disposition and time.
func (s *shelf) uncode() {
	for i := range s.calls {
		if r := &s.calls[i]; monthOf(r.Started) < s.coded {
			r.Terms = strings.Join(slices.DeleteFunc(strings.Fields(r.Terms), func(t string) bool {
				return strings.HasPrefix(t, codeAtKey+weekKey) || strings.HasPrefix(t, codeAtKey+monthKey)
			}), " ")
		}
	}
}

// stock makes n calls, over that many days, of which has says what they have.
func stock(t *testing.T, n, days int, has func(i int, c *crm.Call)) *shelf {
	t.Helper()
	s := &shelf{}
	base := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	for i := range n {
		c := &crm.Call{ID: fmt.Sprintf("hq:%06d", n-i), Outcome: crm.Answered}
		c.StartedAt = crm.At(base.Add(-time.Duration(i) * (time.Duration(days) * 24 * time.Hour / time.Duration(n))))
		has(i, c)
		r, err := NewRow("default", c, Added{Disposition: c.Disposition})
		if err != nil {
			t.Fatal(err)
		}
		s.calls = append(s.calls, r)
	}
	slices.SortFunc(s.calls, func(a, b Row) int { return cmp.Or(cmp.Compare(b.Started, a.Started), cmp.Compare(b.ID, a.ID)) })
	return s
}

// TestAPageCostsTheSameWhateverMatches wants a bounded look for a condition that all
// calls meet, many, few or none, everywhere or only long ago.
func TestAPageCostsTheSameWhateverMatches(t *testing.T) {
	const n, days = 20_000, 400
	for name, match := range map[string]func(i int) bool{
		"every call":                 func(int) bool { return true },
		"one of ten":                 func(i int) bool { return i%10 == 0 },
		"one of a hundred":           func(i int) bool { return i%100 == 0 },
		"one of a thousand":          func(i int) bool { return i%1000 == 0 },
		"none":                       func(int) bool { return false },
		"one":                        func(i int) bool { return i == n-1 },
		"all of the oldest half":     func(i int) bool { return i > n/2 },
		"some of the oldest hundred": func(i int) bool { return i > n-100 && i%3 == 0 },
	} {
		s := stock(t, n, days, func(i int, c *crm.Call) {
			if match(i) {
				c.Outcome = crm.Busy
			}
		})
		q, err := NewQuery(crm.CallFilter{Outcome: crm.Busy}, crm.Page{})
		if err != nil {
			t.Fatal(err)
		}
		s.q = &q
		hits, err := Find(t.Context(), "default", &q, s, Budget{})
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for i := range n {
			if match(i) && want <= q.Limit {
				want++
			}
		}
		if len(hits) != want {
			t.Errorf("%s: got %d calls, want %d", name, len(hits), want)
		}
		if s.looked > 7_000 { // a walk, a short question and a long one too many, and a longer walk
			t.Errorf("%s: looked at %d of %d calls", name, s.looked, n)
		}
	}
}

// TestContradictionsCostNoQuestion has as many calls of either condition as there can
// be, and none of both, or of both only long ago.
func TestContradictionsCostNoQuestion(t *testing.T) {
	const n, days = 20_000, 400
	for oldest, most := range map[int]int{0: 300, 5: 300} {
		s := stock(t, n, days, func(i int, c *crm.Call) {
			if c.Direction = crm.Inbound; i%2 == 0 {
				c.Direction, c.Outcome = crm.Outbound, crm.Busy
			}
			if i >= n-oldest {
				c.Direction, c.Outcome = crm.Inbound, crm.Busy
			}
		})
		q, err := NewQuery(crm.CallFilter{Direction: crm.Inbound, Outcome: crm.Busy}, crm.Page{})
		if err != nil {
			t.Fatal(err)
		}
		s.q = &q
		hits, err := Find(t.Context(), "default", &q, s, Budget{})
		if err != nil || len(hits) != oldest {
			t.Fatalf("%d, %v: want %d", len(hits), err, oldest)
		}
		if s.looked > most || s.asked > 3 {
			t.Errorf("%d of both: looked at %d calls, asked %d times", oldest, s.looked, s.asked)
		}
	}
}

// TestFindFindsWhatIsThere compares pages with a plain search, for budgets so small
// that every turn is taken.
func TestFindFindsWhatIsThere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n, days := rapid.IntRange(0, 300).Draw(rt, "calls"), rapid.IntRange(1, 900).Draw(rt, "days")
		busy := rapid.SliceOfN(rapid.IntRange(0, 9), n, n).Draw(rt, "busy")
		from := rapid.IntRange(0, 300).Draw(rt, "from")
		s := stock(t, n, days, func(i int, c *crm.Call) {
			if i >= from && busy[i] < 4 {
				c.Outcome = crm.Busy
			}
			if busy[i]%2 == 0 {
				c.Offers = []crm.Offer{{Agent: "ann", Queue: "sales"}}
			}
			if c.Direction = crm.Inbound; i >= from && busy[i]%3 == 0 {
				c.Direction = crm.Outbound
			}
			if busy[i]%4 < 2 {
				c.Disposition = &crm.Disposition{Code: "sale"}
			}
		})
		s.known = rapid.SampledFrom([]int{0, monthOf(time.Date(2026, 12, 31-days/2, 0, 0, 0, 0, time.UTC).UnixMilli()), 100_000}).Draw(rt, "known")
		s.coded = rapid.SampledFrom([]int{0, monthOf(time.Date(2026, 12, 31-days/3, 0, 0, 0, 0, time.UTC).UnixMilli()), 100_000}).Draw(rt, "coded")
		s.uncode()
		f := crm.CallFilter{Outcome: crm.Busy}
		if rapid.Bool().Draw(rt, "disposition") {
			f.Disposition = "sale"
		}
		if rapid.Bool().Draw(rt, "agent") {
			f.Agent = "ann"
		}
		if rapid.Bool().Draw(rt, "direction") {
			f.Direction = crm.Outbound
		}
		if rapid.Bool().Draw(rt, "queue") {
			f.Queue = "sales"
		}
		b := Budget{Walk: rapid.IntRange(1, 30).Draw(rt, "walk"), Ask: rapid.IntRange(1, 30).Draw(rt, "ask")}
		var want, got []string
		page := crm.Page{Limit: rapid.IntRange(1, 50).Draw(rt, "limit")}
		for {
			q, err := NewQuery(f, page)
			if err != nil {
				rt.Fatal(err)
			}
			s.q = &q
			hits, err := Find(t.Context(), "default", &q, s, b)
			if err != nil {
				rt.Fatal(err)
			}
			for _, h := range hits[:min(len(hits), page.Limit)] {
				got = append(got, h.ID)
			}
			if len(hits) <= page.Limit {
				break
			}
			page.Cursor = hits[page.Limit-1].Cursor()
		}
		for i := range s.calls {
			if s.matches(&s.calls[i]) {
				want = append(want, s.calls[i].ID)
			}
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("got %v\nwant %v", got, want)
		}
	})
}

// TestADispositionIsAskedForWithItsTime has what the index is asked for, in a month of
// which all terms tell and before it.
func TestADispositionIsAskedForWithItsTime(t *testing.T) {
	s := stock(t, 3000, 60, func(i int, c *crm.Call) {
		c.Disposition = &crm.Disposition{Code: "sale"}
		if i%100 == 0 {
			c.Outcome = crm.Busy
		}
	})
	q, err := NewQuery(crm.CallFilter{Disposition: "sale", Outcome: crm.Busy}, crm.Page{})
	if err != nil {
		t.Fatal(err)
	}
	s.q, s.coded = &q, monthOf(s.calls[0].Started)
	s.uncode()
	hits, err := Find(t.Context(), "default", &q, s, Budget{})
	if err != nil || len(hits) != 30 {
		t.Fatalf("got %d calls and error %v, want 30", len(hits), err)
	}
	want := []string{"sk:2973:default:sale", "sm:2026-12:default:sale", "m:2026-11:default"}
	if !slices.Equal(s.terms, want) {
		t.Errorf("asked for %q, want %q", s.terms, want)
	}
}

func TestTermsAreSafeAndApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		x, y := Term(a), Term(b)
		if strings.ContainsFunc(x, func(r rune) bool { return r > '~' || r <= ' ' || strings.ContainsRune(`'"\&|()*!`, r) }) {
			t.Fatalf("Term(%q) = %q", a, x)
		}
		if len(a) <= maxTerm && len(b) <= maxTerm && (a == b) != (x == y) {
			t.Fatalf("%q and %q have the terms %q and %q", a, b, x, y)
		}
	})
}
