package stored

import (
	"cmp"
	"context"
	"time"

	"patchcord/crm"
)

// Budget bounds what finding a page costs.
type Budget struct {
	Walk int // calls that a walk looks at before the inverted index is asked; 0 means 250
	Ask  int // calls that it may give for one question, and that a walk looks at where it gives more; 0 means 5,000
}

// Hit is a call that was found, as it is stored.
type Hit struct {
	Place
	Record, Added string
}

// Source is what Find needs of a store. Every method sees calls of the query only
// that are in its time and below a place (nil: all of them), the newest first.
type Source interface {
	// Walk looks at up to budget calls (0: at all) in the order of the list, those of the
	// rarest key of the query if it has keys, and returns up to want that match. end is
	// the last that was looked at, nil when there is none after it.
	Walk(ctx context.Context, below *Place, want, budget int) (hits []Hit, end *Place, err error)
	// Ask returns up to want matches that started at lo (ms) or later, out of the inverted
	// index, in which the call must have the term that tells its time; "" asks for any time.
	// full says that the index has more than budget, of any place, and that hits are void.
	Ask(ctx context.Context, term string, lo int64, below *Place, want, budget int) (hits []Hit, full bool, err error)
	// Newest returns when the newest call below the place started, matching or not; ok
	// is false when there is none.
	Newest(ctx context.Context, below *Place) (started int64, ok bool, err error)
	// Months returns which months have a Kind with the query's facets.
	Months(ctx context.Context) (Months, error)
	// Coded returns the first month from which on calls have terms that tell of their
	// disposition and their time.
	Coded(ctx context.Context) (month int, err error)
}

// Find returns up to q.Limit+1 matches, the newest first, at a cost that is bounded
// however many calls there are, and however many of them match. Where matches are
// frequent it walks the calls in order. Where they are not it asks the inverted
// index: for a week or a few, then for a month or a few, then for all there is, if that is
// not much, or for one year after the other. A question with too many answers is taken
// back, and the walk goes on there.
//
// Neither alone will do: a walk for a word that is on no call reads all of them, and
// an index that gives the calls of a common word must sort them all. No planner of
// a database knows beforehand which it will be.
func Find(ctx context.Context, tenant string, q *Query, s Source, b Budget) ([]Hit, error) {
	b = Budget{Walk: cmp.Or(b.Walk, 250), Ask: cmp.Or(b.Ask, 5000)}
	want, below := q.Limit+1, q.Before
	if q.bare() {
		hits, _, err := s.Walk(ctx, below, want, 0)
		return hits, err
	}
	var all []Hit
	for steps := b.Walk; ; steps = b.Ask {
		hits, end, err := s.Walk(ctx, below, want-len(all), steps)
		all = append(all, hits...)
		if err != nil || end == nil || len(all) >= want {
			return all, err
		}
		hits, below, err = ask(ctx, tenant, q, s, end, want-len(all), b.Ask)
		all = append(all, hits...)
		if err != nil || below == nil || len(all) >= want {
			return all, err
		}
	}
}

// What is asked for next depends on where enough matches are to be expected, if there are
// as many of them as in the time that was asked for: in a few weeks, one after the other,
// for a month takes four times as long as each, and has what was asked for already; in a
// few months likewise; in a year; or nowhere.
const (
	aFewWeeks  = 3 * week
	aFewMonths = 180 * 24 * time.Hour
	oneYear    = 365 * 24 * time.Hour
)

// ask asks the inverted index for more and more before the place. rest is where it
// gave too many, nil when it came to the end or has enough. Where a year was too much
// it is not asked for again: most of what matches is in a part of it. Where no
// year is likely to be enough all there is is asked for at once.
func ask(ctx context.Context, tenant string, q *Query, s Source, below *Place, want, budget int) (all []Hit, rest *Place, err error) {
	months, err := monthsOf(ctx, q, s)
	if err != nil {
		return nil, nil, err
	}
	coded := 0
	if q.Code != "" {
		if coded, err = s.Coded(ctx); err != nil {
			return nil, nil, err
		}
	}
	longest, once := aYear, len(q.Terms) > 0
	if months.few() {
		longest = aMonth
	}
	from := below.Started
	likely := func(span time.Duration) bool {
		return int64(len(all))*span.Milliseconds() >= int64(want-len(all))*(from-below.Started)
	}
	for sp := aWeek; ; sp = min(sp+1, longest) {
		if sp == aYear && once && !likely(oneYear) {
			once = false
			hits, full, err := s.Ask(ctx, "", 0, below, want-len(all), budget/5)
			if err != nil || !full {
				return append(all, hits...), nil, err
			}
		}
		newest, ok, err := since(ctx, s, below, months)
		if err != nil || !ok {
			return all, nil, err
		}
		term, lo := stretch(tenant, newest, sp)
		if q.Code != "" && sp < aYear && monthOf(lo) >= coded {
			term, lo = codedStretch(tenant, newest, sp, q.Code)
		}
		hits, full, err := s.Ask(ctx, term, lo, below, want-len(all), budget)
		switch {
		case err != nil:
			return all, nil, err
		case full && sp == aWeek:
			return all, below, nil
		case full:
			longest, sp = aMonth, aWeek-1
			continue
		}
		if all = append(all, hits...); len(all) >= want {
			return all, nil, nil
		}
		below = &Place{Started: lo} // no id is less than "", so all that started at lo are above
		if sp == aWeek && likely(aFewWeeks) || sp == aMonth && likely(aFewMonths) {
			sp-- // and the same again
		}
	}
}

// monthsOf returns the months that may have a match; nil is any.
func monthsOf(ctx context.Context, q *Query, s Source) (*Months, error) {
	if !q.mayContradict() {
		return nil, nil
	}
	m, err := s.Months(ctx)
	return &m, err
}

// since returns an instant that no match below the place is after; ok is false when there
// is none. Below a call there is another in the same week, or it costs little to find out.
func since(ctx context.Context, s Source, below *Place, months *Months) (at int64, ok bool, err error) {
	at, ok = below.Started, true
	if below.ID == "" {
		at, ok, err = s.Newest(ctx, below)
	}
	if err != nil || !ok {
		return 0, false, err
	}
	at, ok = months.latest(at)
	return at, ok, nil
}

// RareKey is how many calls of a key are counted to find the rarest of several.
const RareKey = 1000

// PageOf decodes hits, one more than the limit if there is a next page.
func PageOf(hits []Hit, limit int) (calls []*crm.Call, next string, err error) {
	if len(hits) > limit {
		hits = hits[:limit]
		next = hits[limit-1].Cursor()
	}
	calls = make([]*crm.Call, len(hits))
	for i := range hits {
		if calls[i], _, err = Decode(hits[i].Record, hits[i].Added); err != nil {
			return nil, "", err
		}
	}
	return calls, next, nil
}
