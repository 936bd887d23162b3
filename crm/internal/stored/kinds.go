package stored

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"patchcord/crm"
)

// Kind is what some calls of a month are: one row for all of them, however many there
// are. Conditions that contradict each other are on many calls each and on none
// together, which an index finds out by going through all of them. The kinds that there
// are tell it at once. A kind stays when its calls are gone.
type Kind struct {
	Key    string // of a queue they went through, or "" whatever they went through
	Month  int    // see monthOf
	Facets string // each with a space on either side
}

// Facets of kinds.
const (
	talkedFacet   = talkKey + "1" // a second or more
	disposedFacet = codeKey       // with whatever code
)

// kinds returns what a whole call is, by its keys.
func kinds(c *crm.Call, keys []string) []Kind {
	facets := []string{"", directionKey + Text(string(c.Direction)), outcomeKey + Text(string(c.Outcome)), recordedKey + yesNo(len(c.Recordings) > 0)}
	if c.TalkMS.Duration() >= talks[0] {
		facets = append(facets, talkedFacet)
	}
	if c.Disposition != nil {
		facets = append(facets, disposedFacet)
	}
	k := Kind{Month: monthOf(Started(c)), Facets: strings.Join(append(facets, ""), " ")}
	all := []Kind{k}
	for _, key := range keys {
		if strings.HasPrefix(key, queueKey) {
			k.Key = key
			all = append(all, k)
		}
	}
	return all
}

// monthOf counts months of the calendar, in UTC.
func monthOf(ms int64) int {
	t := time.UnixMilli(ms).UTC()
	return 12*t.Year() + int(t.Month()) - 1
}

func sortKinds(list []Kind) {
	slices.SortFunc(list, func(a, b Kind) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), strings.Compare(a.Key, b.Key), strings.Compare(a.Facets, b.Facets))
	})
}

// Months are those that may have calls of a query; nil are all.
type Months struct {
	Known int   // of earlier ones it is not known: a patchcord that stored no kinds was there
	Has   []int // others, the latest first
}

// Scan adds a row of a store: a month, and whether it is Known. The latest come first.
func (m *Months) Scan(scan func(dest ...any) error) error {
	var month int
	var known bool
	err := scan(&month, &known)
	if known {
		m.Known = month
	} else {
		m.Has = append(m.Has, month)
	}
	return err
}

// latest returns the latest instant (ms), that one or an earlier, at which there may be
// a call of the query; ok is false when there is none.
func (m *Months) latest(at int64) (ms int64, ok bool) {
	if m == nil {
		return at, true
	}
	month := monthOf(at)
	best := min(month, m.Known-1)
	for _, has := range m.Has {
		if has <= month {
			best = max(best, has)
			break
		}
	}
	if best == month {
		return at, true
	}
	return time.Date(0, time.Month(best+2), 1, 0, 0, 0, 0, time.UTC).UnixMilli() - 1, best > 0
}

// few reports whether it is cheaper to ask for each of them than for whole years.
func (m *Months) few() bool { return m != nil && m.Known == 0 && len(m.Has) <= 6 }
