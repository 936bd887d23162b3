package stored

import (
	"strings"
	"unicode/utf8"

	"patchcord/crm"
)

// Query is a CallFilter and Page as a store executes them.
type Query struct {
	Keys        []string // of the key index; the call must have each
	Terms       []string // the call must have each; those of the Keys are among them
	Talk        []string // terms of which the call must have one; none: any call
	Ending      string   // its Numbers must hold "|" and this
	Nothing     bool     // no call can match
	Facets      []string // of a Kind that matches, each with a space on either side
	FacetsOf    string   // the Key of that
	Code        string   // of the disposition, whose term is among Terms
	MinTalkMS   int64
	From, Until int64 // ms; 0 is open
	Before      *Place
	Limit       int
}

// maxQ is how long a text to search for may be, in characters.
const maxQ = 200

// NewQuery checks a filter and a page.
func NewQuery(f crm.CallFilter, p crm.Page) (Query, error) {
	limit, err := Limit(p.Limit)
	if err != nil {
		return Query{}, err
	}
	q := Query{MinTalkMS: f.MinTalk.Milliseconds(), Limit: limit}
	if p.Cursor != "" {
		if q.Before, err = ParsePlace(p.Cursor); err != nil {
			return Query{}, err
		}
	}
	if !f.From.IsZero() {
		q.From = f.From.UnixMilli()
	}
	if !f.Until.IsZero() {
		q.Until = f.Until.UnixMilli()
	}
	q.addKeys(f)
	q.addFacets(f)
	if terms := talkTerms(f.MinTalk); len(terms) > 0 {
		q.Terms = append(q.Terms, terms[len(terms)-1])
	}
	if err := q.addNumber(f.Number); err != nil {
		return Query{}, err
	}
	return q, q.addWords(f.Q)
}

func (q *Query) addKeys(f crm.CallFilter) {
	for _, k := range []struct{ kind, value string }{
		{agentKey, f.Agent}, {agentKey, f.OfferedTo}, {queueKey, f.Queue},
	} {
		if k.value != "" {
			q.Keys = append(q.Keys, Text(k.kind+k.value))
		}
	}
	if f.OpenOnly {
		q.Keys = append(q.Keys, KeyOpen)
	}
	for _, k := range q.Keys {
		q.Terms = append(q.Terms, Term(k))
	}
	q.Code = Text(f.Disposition)
	for _, k := range []struct{ kind, value string }{
		{extensionKey, f.Extension}, {codeKey, f.Disposition}, {outcomeKey, string(f.Outcome)}, {directionKey, string(f.Direction)},
	} {
		if k.value != "" {
			q.Terms = append(q.Terms, Term(Text(k.kind+k.value)))
		}
	}
	if f.HasRecording != nil {
		q.Terms = append(q.Terms, recordedKey+yesNo(*f.HasRecording))
	}
}

// addFacets says which kinds of calls may match.
func (q *Query) addFacets(f crm.CallFilter) {
	add := func(there bool, facet string) {
		if there {
			q.Facets = append(q.Facets, " "+Text(facet)+" ")
		}
	}
	add(f.Direction != "", directionKey+string(f.Direction))
	add(f.Outcome != "", outcomeKey+string(f.Outcome))
	add(f.HasRecording != nil, recordedKey+yesNo(f.HasRecording != nil && *f.HasRecording))
	add(f.MinTalk >= talks[0], talkedFacet)
	add(f.Disposition != "", disposedFacet)
	if f.Queue != "" {
		q.FacetsOf = Text(queueKey + f.Queue)
	}
}

// mayContradict reports whether conditions are such that kinds of calls tell of them.
func (q *Query) mayContradict() bool {
	return len(q.Facets) > 1 || len(q.Facets) == 1 && q.FacetsOf != ""
}

func (q *Query) addNumber(number string) error {
	if number == "" {
		return nil
	}
	rev := reversed(number)
	if strings.Trim(number, "+0123456789 -().") != "" || len(rev) < MinDigits {
		return &crm.InputError{Field: "number", Msg: "give at least 4 digits: the end of a number, or all of it after +"}
	}
	if strings.HasPrefix(number, "+") {
		q.Terms = append(q.Terms, Term(numberKey+rev+"+"))
		return nil
	}
	q.Ending = rev
	known := MinDigits
	if len(rev) >= longEnding {
		known = longEnding
	}
	q.Terms = append(q.Terms, endingKey+rev[:known])
	return nil
}

func (q *Query) addWords(text string) error {
	if text == "" {
		return nil
	}
	if utf8.RuneCountInString(text) > maxQ {
		return &crm.InputError{Field: "q", Msg: "give at most 200 characters"}
	}
	words := Words(text)
	q.Nothing = len(words) == 0
	for _, w := range words {
		q.Terms = append(q.Terms, Term(wordKey+w))
	}
	return nil
}

// bare reports whether one range of an index, in the order of the list, holds the
// calls that are wanted and no other.
func (q *Query) bare() bool {
	return len(q.Terms) == len(q.Keys) && len(q.Keys) <= 1 && q.MinTalkMS == 0
}

// Limit returns how many items a page has: 50 for 0.
func Limit(n int) (int, error) {
	if n == 0 {
		return 50, nil
	}
	if n < 1 || n > 200 {
		return 0, &crm.InputError{Field: "limit", Msg: "give 1 to 200"}
	}
	return n, nil
}
